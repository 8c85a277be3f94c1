"""Which styles a mail's preview may have: those that stand in it, each by its hash, and no others."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

MOST = 200
"""Styles of one mail that are allowed: each is 50 characters of a header."""


class _Styles(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, None] = {}
        self._is_in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_in_style = tag == "style"
        self.found.update({value: None for name, value in attrs if name == "style" and value})

    def handle_endtag(self, tag: str) -> None:
        self._is_in_style = False

    def handle_data(self, data: str) -> None:
        if self._is_in_style:
            self.found[data] = None


def allowed_styles(html: str) -> list[str]:
    """Sources for ``style-src``. ``unsafe-hashes`` lets the hashes hold for style attributes too (CSP Level 3)."""
    hashes = [b64encode(sha256(style.encode()).digest()).decode() for style in list(_Styles(html).found)[:MOST]]
    return ["'unsafe-hashes'", *(f"'sha256-{one}'" for one in hashes)] if hashes else ["'none'"]
