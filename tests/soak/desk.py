"""A person at a browser without scripts: logged in by the form, with cookies, CSRF token and the forms' hidden fields."""

from html.parser import HTMLParser
from typing import Any

import httpx

from tests.soak.shop import CALL_TIMEOUT


class Desk:
    """Get one with ``await Desk.of(base_url, "ops")``; use it as an async context manager."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=base_url,
            timeout=CALL_TIMEOUT,
            headers={"Origin": base_url},
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        )

    @classmethod
    async def of(cls, base_url: str, username: str) -> "Desk":
        desk = cls(base_url)
        await desk.http.get("/accounts/login/")
        answer = await desk.post("/accounts/login/", {"username": username, "password": "demo", "next": "/orders/"})
        assert answer.status_code == 302, answer.text
        return desk

    async def __aenter__(self) -> "Desk":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    async def form(self, path: str) -> dict[str, Any]:
        """The fields of a page's form as they stand there."""
        answer = await self.http.get(path, headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.text
        return fields_of(answer.text)

    async def post(self, path: str, fields: dict[str, Any], *, fragment: bool = False) -> httpx.Response:
        headers = {"X-CSRFToken": self.http.cookies["csrftoken"]} | ({"HX-Request": "true"} if fragment else {})
        return await self.http.post(path, data=fields, headers=headers)

    @property
    def session(self) -> str:
        return self.http.cookies["sessionid"]


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "input" and name and given.get("type") not in {"submit", "button", "search"}:
            self.found[name] = given.get("value") or ""


def fields_of(html: str) -> dict[str, Any]:
    parser = _Fields()
    parser.feed(html)
    return parser.found
