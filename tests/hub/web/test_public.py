"""The public listener enforces what routes declare, over real sockets."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from hub.web.public_answers import preferred
from tests.hub.web.listener import SITE, Start, ask


async def test_headers_of_a_page_that_may_be_framed(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, _ = await ask(visitor, "GET", listener.url + "/page")
    assert response.status == 200
    csp = response.headers["Content-Security-Policy"]
    assert f"frame-ancestors 'self' {SITE}" in csp
    assert "default-src 'none'" in csp and "unsafe" not in csp
    assert "X-Frame-Options" not in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert "max-age" in response.headers["Strict-Transport-Security"]


async def test_everything_else_may_not_be_framed(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    for path in ("/site", "/nowhere", "/healthz"):
        response, _ = await ask(visitor, "GET", listener.url + path)
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


async def test_cookies_are_guarded(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, _ = await ask(visitor, "GET", listener.url + "/page")
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "Secure" in cookie and "SameSite=Lax" in cookie


async def test_limit_per_address_says_when_to_come_back(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    statuses = []
    for _ in range(5):
        response, text = await ask(visitor, "POST", listener.url + "/slow")
        statuses.append(response.status)
    assert statuses == [200, 200, 200, 429, 429]
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert "wait" in text


async def test_limit_per_site_counts_everybody(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start(trusted_proxies=("127.0.0.1",))
    statuses = []
    for n in range(3):
        response, _ = await ask(
            visitor, "GET", listener.url + "/site", headers={"X-Forwarded-For": f"203.0.113.{n}"}
        )
        statuses.append(response.status)
    assert statuses == [200, 200, 429]


async def test_limit_over_all_pages(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start(per_address="4/minute")
    statuses = [(await ask(visitor, "GET", listener.url + "/page"))[0].status for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    assert (await ask(visitor, "GET", listener.url + "/healthz"))[0].status == 200


async def test_a_provider_that_speaks_for_many_is_not_turned_away(
    start: Start, visitor: aiohttp.ClientSession
) -> None:
    listener = await start(per_address="4/minute")
    for _ in range(20):
        assert (await ask(visitor, "POST", listener.url + "/in/office"))[0].status == 200
    statuses = [(await ask(visitor, "GET", listener.url + "/page"))[0].status for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429], "people of the same address have their own limit"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": SITE}, 200),
        ({"Origin": SITE.upper()}, 200),
        ({"Origin": "https://kontakt.example.pl"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": f"{SITE}.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_posts_of_other_sites_are_refused_with_a_reason(
    start: Start, visitor: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    listener = await start()
    response, text = await ask(visitor, "POST", listener.url + "/page", data={"a": "b"}, headers=headers)
    assert response.status == status
    assert ("another site" in text) == (status == 403)
    assert len(listener.seen) == (status == 200)


async def test_a_form_from_the_listener_under_another_name(
    start: Start, visitor: aiohttp.ClientSession
) -> None:
    listener = await start()
    host = listener.url.removeprefix("http://")
    response, _ = await ask(
        visitor, "POST", listener.url + "/page", data={"a": "b"}, headers={"Origin": f"http://{host}"}
    )
    assert response.status == 200


async def test_scripts_of_an_allowed_site_may_read(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, _ = await ask(visitor, "GET", listener.url + "/page", headers={"Origin": SITE})
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Credentials" not in response.headers
    response, _ = await ask(
        visitor, "GET", listener.url + "/page", headers={"Origin": "https://evil.example"}
    )
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("origin", "method", "status"),
    [(SITE, "POST", 204), (SITE, "DELETE", 403), ("https://evil.example", "POST", 403), ("", "POST", 403)],
)
async def test_preflight(
    start: Start, visitor: aiohttp.ClientSession, origin: str, method: str, status: int
) -> None:
    listener = await start()
    headers = {"Access-Control-Request-Method": method} | ({"Origin": origin} if origin else {})
    response, _ = await ask(visitor, "OPTIONS", listener.url + "/page", headers=headers)
    assert response.status == status
    assert response.headers.get("Access-Control-Allow-Origin") == (SITE if status == 204 else None)


async def test_refused_means_come_again(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, text = await ask(visitor, "POST", listener.url + "/full", headers={"Accept-Language": "pl"})
    assert response.status == 503
    assert response.headers["Retry-After"] == "7"
    assert text


async def test_without_its_storage_a_page_says_come_again_and_nothing_is_logged_for_each(
    start: Start, visitor: aiohttp.ClientSession
) -> None:
    listener = await start()
    response, _ = await ask(visitor, "GET", listener.url + "/away")
    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert not listener.log.lines


async def test_a_failure_shows_and_logs_no_detail(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, text = await ask(visitor, "GET", listener.url + "/broken", headers={"Accept": "text/html"})
    assert response.status == 500
    assert "44051401359" not in text and "RuntimeError" not in text
    assert "44051401359" not in "".join(listener.log.lines)
    assert any("RuntimeError" in line for line in listener.log.lines)


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "pl-PL,pl;q=0.9"}


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nowhere", 404, ("Nie ma takiej strony", "sprawdzić adres")),
        ("DELETE", "/page", 405, ("Tej strony nie można tak otworzyć", "wrócić na poprzednią stronę")),
        ("GET", "/broken", 500, ("Coś się nie udało", "telefonicznie", 'href=""')),
        ("POST", "/full", 503, ("Prosimy o chwilę", "poczekać: 7 s", "w formularzu")),
        ("POST", "/in/office", 413, ("To za dużo", "krótszy tekst")),
    ],
)
async def test_a_browser_gets_a_page_that_says_what_to_do(
    start: Start, visitor: aiohttp.ClientSession, method: str, path: str, status: int, said: tuple[str, ...]
) -> None:
    listener = await start(name="Kontakt <PUP>")
    data = b"x" * 101 if status == 413 else None
    response, text = await ask(visitor, method, listener.url + path, data=data, headers=BROWSER)
    assert (response.status, response.content_type) == (status, "text/html")
    assert '<html lang="pl">' in text and "Kontakt &lt;PUP&gt;" in text
    assert [part for part in said if part not in text] == []
    response, text = await ask(visitor, method, listener.url + path, data=data)
    assert (response.status, response.content_type) == (status, "application/json")
    assert json.loads(text).keys() == {"error"}


async def test_the_page_of_a_form_from_elsewhere(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start(language="pl")
    headers = {"Accept": "text/html", "Origin": "https://evil.example", "Accept-Language": "de"}
    response, text = await ask(visitor, "POST", listener.url + "/slow", headers=headers)
    assert response.status == 403
    assert "na stronie urzędu" in text and '<html lang="pl">' in text, "who asks for neither language"


async def test_whoever_wrote_too_often_still_sees_a_page(
    start: Start, visitor: aiohttp.ClientSession
) -> None:
    listener = await start(per_address="1/hour")
    await ask(visitor, "GET", listener.url + "/page")
    response, text = await ask(visitor, "GET", listener.url + "/page", headers=BROWSER)
    assert response.status == 429 and " min." in text and 'href="?lang=en"' in text
    assert "'self' https://praca.example.pl" in response.headers["Content-Security-Policy"], "in its frame"
    _, text = await ask(visitor, "GET", listener.url + "/page?article=a%26b&lang=pl", headers=BROWSER)
    assert 'href="?article=a%26b&amp;lang=en"' in text, "in another language the page is about the same"
    style = text.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    response, text = await ask(visitor, "GET", listener.url + style)
    assert response.status == 200 and "--widget-accent" in text


async def test_a_site_may_read_why_it_is_refused(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start(per_address="1/hour")
    for _ in range(2):
        response, _ = await ask(visitor, "GET", listener.url + "/page", headers={"Origin": SITE})
    assert response.status == 429 and response.headers["Access-Control-Allow-Origin"] == SITE


async def test_headers_cannot_be_split(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, _ = await ask(visitor, "GET", listener.url + "/split")
    assert response.headers["X-Fine"] == "c"
    assert "X-Given" not in response.headers and "X-Injected" not in response.headers


async def test_streams(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, text = await ask(visitor, "GET", listener.url + "/stream")
    assert text == "data: x\n\n" * 3
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_open_streams_are_not_requests_in_hand_and_end_with_their_readers(start: Start) -> None:
    """More of them than one address may have requests in hand; one more than the route allows is told to wait."""
    listener = await start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as many:
        streams = [await many.get(f"{listener.url}/endless") for _ in range(60)]
        assert {stream.status for stream in streams} == {200}
        assert all([await stream.content.readany() for stream in streams])
        assert listener.open == 60
        async with many.get(f"{listener.url}/page") as page:
            assert page.status == 200
        async with many.get(f"{listener.url}/endless") as refused:
            assert (refused.status, "Retry-After" in refused.headers) == (429, True)
        for stream in streams:
            stream.close()
        for _ in range(3000):
            if not listener.open:
                break
            await asyncio.sleep(0.01)
        assert listener.open == 0


async def test_a_cookie_of_a_frame_is_kept_for_its_site_alone(
    start: Start, visitor: aiohttp.ClientSession
) -> None:
    """Browsers drop "Partitioned" and "None" without "Secure", so on plain http it is an ordinary cookie."""
    secure = await start()
    response, _ = await ask(visitor, "GET", secure.url + "/framed")
    given = response.headers["Set-Cookie"]
    assert all(
        part in given for part in ("HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/framed")
    )
    plain = await start(public_url="http://kontakt.example.pl")
    response, _ = await ask(visitor, "GET", plain.url + "/framed")
    assert "SameSite=Lax" in response.headers["Set-Cookie"]
    assert "Partitioned" not in response.headers["Set-Cookie"]


async def test_other_methods_and_addresses(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, text = await ask(visitor, "DELETE", listener.url + "/page", headers={"Accept-Language": "en"})
    assert response.status == 405
    assert "POST" in response.headers["Allow"]
    response, _ = await ask(visitor, "GET", listener.url + "/../etc/passwd")
    assert response.status == 404
    response, text = await ask(visitor, "HEAD", listener.url + "/page")
    assert (response.status, text) == (200, "")


async def test_health(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    assert (await ask(visitor, "GET", listener.url + "/healthz"))[0].status == 200
    assert (await ask(visitor, "GET", listener.url + "/readyz"))[0].status == 200
    listener.ready = False
    assert (await ask(visitor, "GET", listener.url + "/readyz"))[0].status == 503
    assert (await ask(visitor, "GET", listener.url + "/healthz"))[0].status == 200


async def test_forwarded_addresses_count_only_from_proxies(
    start: Start, visitor: aiohttp.ClientSession
) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9"}
    plain = await start()
    await ask(visitor, "GET", plain.url + "/page", headers=forged)
    assert plain.seen[0].remote == "127.0.0.1"
    behind = await start(trusted_proxies=("127.0.0.0/8", "10.0.0.0/8"))
    await ask(
        visitor,
        "GET",
        behind.url + "/page",
        headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.1.2.3"},
    )
    assert behind.seen[0].remote == "203.0.113.9"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("pl", "pl"),
        ("en-GB,en;q=0.9", "en"),
        ("de, en;q=0.5, pl;q=0.4", "en"),
        ("pl;q=0, en;q=0.1", "en"),
        ("fr", None),
        ("en;q=oops", None),
        ("", None),
    ],
)
def test_preferred_language(header: str, language: str | None) -> None:
    assert preferred(header, ("pl", "en")) == language
