"""Templates are compiled at set-up: a page that is asked for first compiles nothing, and shows what its file says."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from connectors import _templates
from connectors._templates import Compiled, compile_templates, compiled_path, page_environment


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled template, and a process that knows nothing of it yet."""
    page = tmp_path / "inbox" / "page.html"
    page.parent.mkdir()
    page.write_text("{% for n in [1, 2] %}<p>{{ n }}{{ name }}</p>{% endfor %}")
    compile_templates(tmp_path)
    monkeypatch.setattr(_templates, "COMPILED", Compiled())
    return page


def shown(page: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a fresh environment shows; ``calls`` gets the templates that it had to compile."""
    environment = page_environment(page.parents[1])
    really = environment.compile

    def compiling(source: str, name: str, filename: str) -> object:
        calls.append(name)
        return really(source, name, filename)

    monkeypatch.setattr(environment, "compile", compiling)
    return environment.get_template("inbox/page.html").render(name="<Ola>")


def test_nothing_is_compiled_when_it_is_shown(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    assert shown(page, calls, monkeypatch) == "<p>1&lt;Ola&gt;</p><p>2&lt;Ola&gt;</p>"
    assert not calls


def test_a_changed_template_shows_what_it_says_now(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page.write_text("{{ name }}!")
    calls: list[str] = []
    assert shown(page, calls, monkeypatch) == "&lt;Ola&gt;!"
    assert shown(page, calls, monkeypatch) == "&lt;Ola&gt;!"
    assert calls == ["inbox/page.html"], "compiled once for all environments of a process"


@pytest.mark.parametrize("content", [None, b"", b"j2", b"something else altogether", "half"])
def test_a_damaged_file_stops_no_page(
    page: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | str | None
) -> None:
    path = compiled_path(page)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else path.read_bytes()[:-30])
    calls: list[str] = []
    assert shown(page, calls, monkeypatch) == "<p>1&lt;Ola&gt;</p><p>2&lt;Ola&gt;</p>"
    assert calls == ["inbox/page.html"]


def test_a_value_that_is_missing_is_an_error(page: Path) -> None:
    with pytest.raises(jinja2.UndefinedError):
        page_environment(page.parents[1]).get_template("inbox/page.html").render()
