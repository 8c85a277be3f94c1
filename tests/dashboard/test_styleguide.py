"""The style guide shows each component: a class of the components' CSS that is not on it fails here."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dashboard import health_watch
from dashboard.health_watch import Health, Sign

CSS = Path(settings.BASE_DIR) / "static" / "css"
ELSEWHERE = {
    # The shell, which stands around the guide itself.
    "brand",
    "health",
    "sidenav",
    "topbar",
    # What a menu is on a phone.
    "menu--sheet",
}
"""Classes of the components' CSS that the guide does without."""
OF_AREAS = {
    "bar", "bulkbar", "chart", "connection", "dayline", "decisions", "feed", "figures", "funnel", "inbox", "levels", "needs",
    "reasons", "req", "rounds", "running", "spark", "sum", "tour", "voters",
}  # fmt: skip
"""Components that one area alone has, and that are to be looked at all the same."""


class _Classes(HTMLParser):
    """The classes of each theme's half."""

    def __init__(self) -> None:
        super().__init__()
        self.theme, self.found, self.ids = "", {"light": set[str](), "dark": set[str]()}, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.theme = named.get("data-theme-of") or ("" if tag == "script" else self.theme)
        if name := named.get("id"):
            self.ids.append(name)
        if self.theme:
            self.found[self.theme].update((named.get("class") or "").split())


@pytest.fixture
def guide(db: None, monkeypatch: pytest.MonkeyPatch) -> _Classes:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    client = Client()
    client.force_login(User.objects.create_user("root", is_staff=True))
    classes = _Classes()
    classes.feed(client.get("/styleguide/").content.decode())
    return classes


def components() -> set[str]:
    """The classes that begin a rule of ``components.css``: neither a part of one (``__``) nor what only stands inside."""
    css = re.sub(r"/\*.*?\*/", "", (CSS / "components.css").read_text(), flags=re.DOTALL)
    begin = re.findall(r"(?:^|[{};,])\s*\.([a-z][a-z-]*(?:--[a-z-]+)?)(?=[\s.:,{>\[+~])", css)
    return {name for name in begin if "__" not in name}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_component_is_shown(guide: _Classes, theme: str) -> None:
    wanted = (components() | OF_AREAS) - ELSEWHERE
    assert {"btn", "dialog", "told", "pager"} <= wanted
    assert wanted - guide.found[theme] == set()


def test_an_exception_is_one(guide: _Classes) -> None:
    assert components() >= ELSEWHERE
    assert ELSEWHERE & guide.found["light"] == set()


def test_each_id_is_there_once(guide: _Classes) -> None:
    assert sorted({name for name in guide.ids if guide.ids.count(name) > 1}) == []
