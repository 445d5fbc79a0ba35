"""The demo as somebody meets it: one command, and everything to look at is there and alive."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from hub.demo.people import PASSWORD
from tests.servers.browser import axe_violations
from tests.servers.process import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST_START = 150.0
"""Seconds that a busy machine may need for the week; a quiet one needs some ten."""

ACCOUNTS = ("konsultant", "moderator", "kierownik", "administrator", "lomza")


class Demo:
    """``centrala demo`` in a process of its own, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it and wait until it says where it is."""
        environment = {
            **os.environ,
            "CENTRALA_HUB_DATA_DIR": str(self.folder / "demo"),
            "CENTRALA_PUBLIC_PORT": "0",
            "CENTRALA_PRIVATE_PORT": "0",
        }
        command = [sys.executable, "-m", "hub.cli", "demo", *options]
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        wait_until(lambda: self.ended or "lomza" in self.text, "the demo did not start", FIRST_START)
        assert not self.ended, self.text

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def text(self) -> str:
        return self.output.read_text()

    def address(self, what: str) -> str:
        """What the demo printed behind a name."""
        found = re.search(rf"{what} +(http://\S+)", self.text)
        assert found is not None, self.text
        return found[1].rstrip("/")

    def value(self, query: str) -> str:
        """What the query finds first in its store, read beside it."""
        with sqlite3.connect(f"file:{self.folder}/demo/centrala.db?mode=ro", uri=True) as store:
            return str(store.execute(query).fetchone()[0])

    def count(self, query: str) -> int:
        """A number out of its store."""
        return int(self.value(query))

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    running.start()
    yield running
    assert running.stop() == 0, running.text


async def enter(browser: Browser, demo: Demo, login: str) -> Page:
    """A logged-in person's page."""
    page = await (
        await browser.new_context(locale="pl-PL", viewport={"width": 1440, "height": 900})
    ).new_page()
    await page.goto(demo.address("The console") + "/login")
    await page.fill('input[name="login"]', login)
    await page.fill('input[name="password"]', PASSWORD)
    await page.click('button:not([type="button"])')
    await page.wait_for_url(lambda url: "/login" not in url)
    return page


def test_the_start_tells_where_to_look_and_who_to_be(demo: Demo) -> None:
    assert PASSWORD in demo.text
    for login in ACCOUNTS:
        assert re.search(rf"^  {login} ", demo.text, re.MULTILINE)
    assert demo.count("SELECT count(*) FROM conversation") >= 120
    assert "error" not in demo.text.lower()


@pytest.mark.parametrize(
    ("login", "path", "shown"),
    [
        ("moderator", "/moderation", "440••••••••"),
        ("kierownik", "/quarantine", "Wniosek o staż w bibliotece"),
        ("administrator", "/admin/users", "Kamil Zawilec"),
        ("lomza", "/inbox?view=queue&queue=pup-lomza", "Wniosek o dotację bez odpowiedzi"),
    ],
)
async def test_every_account_can_log_in_and_sees_work(
    browser: Browser, demo: Demo, login: str, path: str, shown: str
) -> None:
    page = await enter(browser, demo, login)
    await page.goto(demo.address("The console") + path)
    await expect(page.get_by_text(shown).first).to_be_visible()


async def test_a_consultant_begins_with_conversations_of_their_own(browser: Browser, demo: Demo) -> None:
    # Which ones depends on the weekday: stories wait for the office's hours, and on a Sunday less was taken.
    name = demo.value(
        "SELECT contact.name FROM conversation JOIN contact ON contact.id = conversation.contact "
        "JOIN user_account ON user_account.id = conversation.assignee WHERE user_account.login = 'konsultant' "
        "AND conversation.status = 'open' ORDER BY conversation.id LIMIT 1"
    )
    page = await enter(browser, demo, "konsultant")
    await page.goto(demo.address("The console") + "/inbox")
    await expect(page.get_by_text(name).first).to_be_visible()


async def test_an_answer_is_on_the_citizens_page(browser: Browser, demo: Demo) -> None:
    page = await enter(browser, demo, "konsultant")
    number = demo.count(
        "SELECT id FROM conversation WHERE channel = 'email' AND status = 'open' AND assignee IS NULL "
        "AND queue = 'bezrobotni' AND protocol IS NULL ORDER BY id LIMIT 1"
    )
    await page.goto(f"{demo.address('The console')}/conversations/{number}")
    words = "Dzień dobry, sprawdziłam to i odpowiadam z demonstracji."
    await page.locator("textarea:visible").first.fill(words)
    await page.keyboard.press("Control+Enter")
    citizen = await (await browser.new_context(locale="pl-PL")).new_page()
    end = time.monotonic() + 120
    while words not in await citizen.content():
        assert time.monotonic() < end, "the answer did not reach the citizen"
        await citizen.wait_for_timeout(1000)
        await citizen.goto(demo.address("What the citizen got"))


async def test_somebody_is_writing_and_new_messages_come_in(browser: Browser, demo: Demo) -> None:
    before = demo.count("SELECT count(*) FROM message WHERE kind = 'inbound'")
    page = await enter(browser, demo, "konsultant")
    await page.goto(demo.address("The console") + "/inbox?view=queue&queue=bezrobotni")
    await expect(page.get_by_text("Pisze: Kamil Zawilec").first).to_be_visible(timeout=90_000)
    wait_until(
        lambda: demo.count("SELECT count(*) FROM message WHERE kind = 'inbound'") > before,
        "nothing new came in",
        90,
    )


async def test_the_site_shows_the_widgets_and_passes_axe(browser: Browser, demo: Demo) -> None:
    page = await (await browser.new_context(locale="pl-PL")).new_page()
    site = demo.address("The office's site")
    await page.goto(site)
    assert await axe_violations(page) == []
    await page.get_by_role("link", name="Zasiłek dla bezrobotnych krok po kroku").click()
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_text("Wreszcie ktoś to napisał po ludzku")).to_be_visible()
    assert await axe_violations(page) == []
    await page.goto(f"{site}/kontakt")
    await expect(page.frame_locator("iframe").nth(0).get_by_role("textbox", name="Wiadomość")).to_be_visible()
    await page.goto(f"{site}/obywatel")
    assert await axe_violations(page) == []


async def test_a_comment_without_scripts_waits_on_the_bench(browser: Browser, demo: Demo) -> None:
    context = await browser.new_context(locale="pl-PL", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(demo.address("The office's site") + "/artykul/nabor-na-szkolenia")
    frame = page.frame_locator("iframe")
    await frame.get_by_label("Państwa komentarz").fill("Czy zapisy trwają także w sobotę?")
    await frame.get_by_label("Imię lub pseudonim").fill("Czytelniczka")
    await frame.get_by_role("checkbox").check()
    async with page.expect_response(lambda response: response.request.method == "POST"):
        await frame.get_by_role("button", name="Wyślij komentarz").click()
    bench = await enter(browser, demo, "moderator")
    await bench.goto(demo.address("The console") + "/moderation")
    await expect(bench.get_by_text("Czy zapisy trwają także w sobotę?")).to_be_visible()


def test_the_second_start_goes_on_with_the_same_data(demo: Demo) -> None:
    before = demo.count("SELECT count(*) FROM conversation")
    assert demo.stop() == 0, demo.text
    demo.start()
    assert "was made in" not in demo.text
    assert demo.count("SELECT count(*) FROM conversation") >= before
    # What did not work while it ran would be told here.
    assert "Traceback" not in demo.text


def test_a_folder_that_holds_no_demo_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "thesis.txt").write_text("of great value")
    environment = {**os.environ, "CENTRALA_HUB_DATA_DIR": str(folder)}
    for options in ((), ("--fresh",)):
        command = [sys.executable, "-m", "hub.cli", "demo", *options]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert str(folder) in done.stderr
    assert (folder / "thesis.txt").read_text() == "of great value"
