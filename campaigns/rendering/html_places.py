"""Where in HTML a variable may stand – where escaping its value is enough –, and that the HTML itself runs nothing.

Escaping keeps a value inside a text or a quoted attribute. It does not help without quotation marks, in a script or a
style, or where a link begins (``javascript:…``): see OWASP's "Cross Site Scripting Prevention", output encoding.
"""

import re
from html.parser import HTMLParser

from campaigns.rendering.values import LINKS
from temporal_worker.contract import InvalidField

_VARIABLE = re.compile(r"\{\{(.*?)\}\}|\{#.*?#\}")
"""As Django's lexer finds them; a comment leaves nothing."""
# A word that no HTML parser takes apart: the variable stands for itself as "var", its name in hex, "rav".
_MARK = re.compile(r"varx([0-9a-f]*)xrav")
_QUOTED = re.compile(r"=\s*(\"[^\"]*\"|'[^']*')")
_LINK_ATTRIBUTES = {
    "href",
    "src",
    "action",
    "formaction",
    "srcset",
    "background",
    "poster",
    "cite",
    "data",
    "xlink:href",
}
_CLOSED = {"script", "style", "title", "textarea", "noscript", "template", "iframe", "object", "svg", "math"}
_RUNS = {"script", "iframe", "frame", "object", "embed", "applet", "base"}
# What a browser leaves out of an address before it looks at what it begins with.
_LEFT_OUT = re.compile(r"[\x00-\x20]")
_RUNNING_LINK = re.compile(r"(javascript|vbscript|data:text/html)", re.IGNORECASE)
_STARTS_LINK = re.compile(r"https?://[^/?#]+[/?#]", re.IGNORECASE)


def check_places(field: str, source: str) -> None:
    """Raises InvalidField with the first variable that stands where it may not."""
    marked = _VARIABLE.sub(lambda found: f"varx{found[1].strip().encode().hex()}xrav" if found[1] else "", source)
    places = _Places(field)
    places.feed(marked)
    places.close()


def check_runs_nothing(field: str, source: str) -> None:
    """Raises InvalidField with the first thing that a browser would run: mail programs take it out, or the mail for a trap.

    This is for whoever writes it. What keeps the preview from running anything are its sandbox and its policy, which hold for
    whatever is not found here.
    """
    running = _Running(field)
    running.feed(source)
    running.close()


class _Running(HTMLParser):
    def __init__(self, field: str) -> None:
        super().__init__()
        self._field = field

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _RUNS:
            self._refuse(f"contain <{tag}>")
        for name, value in attrs:
            address = _LEFT_OUT.sub("", value or "")
            if name.startswith("on") or name == "srcdoc":
                self._refuse(f"contain the attribute {name[:40]}")
            if name == "http-equiv" and address.lower() == "refresh":
                self._refuse("lead elsewhere by itself (http-equiv)")
            if name in _LINK_ATTRIBUTES and (found := _RUNNING_LINK.match(address)):
                self._refuse(f"have {found[1].lower()} as an address in {name}")

    def _refuse(self, what: str) -> None:
        raise InvalidField(self._field, f"must not {what}: a mail runs nothing")


class _Places(HTMLParser):
    def __init__(self, field: str) -> None:
        super().__init__(convert_charrefs=False)
        self._field = field
        self._closed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        self._refuse(tag, "stand in the name of a tag")
        self._refuse(_QUOTED.sub("=", raw), "stand in a tag without quotation marks around it")
        for name, value in attrs:
            if value is None or not _MARK.search(value):
                continue
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self._refuse(value, f"stand in {name}")
            if name in _LINK_ATTRIBUTES and not self._is_sound_link(value):
                self._refuse(value, f"stand where the address in {name} begins; write https://… yourself")
        if tag in _CLOSED:
            self._closed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._refuse(tag, "stand in the name of a tag")
        if tag in self._closed:
            self._closed.remove(tag)

    def handle_data(self, data: str) -> None:
        if self._closed:
            self._refuse(data, f"stand in <{self._closed[-1]}>")

    def handle_comment(self, data: str) -> None:
        self._refuse(data, "stand in a comment")

    def handle_decl(self, decl: str) -> None:
        self._refuse(decl, "stand in a declaration")

    def handle_pi(self, data: str) -> None:
        self._refuse(data, "stand in a declaration")

    def unknown_decl(self, data: str) -> None:
        self._refuse(data, "stand in a declaration")

    def _is_sound_link(self, value: str) -> bool:
        if begins := _STARTS_LINK.match(value):
            return not _MARK.search(begins[0])
        only = _MARK.fullmatch(value.strip())
        return only is not None and _name(only[1]) in LINKS

    def _refuse(self, text: str, what: str) -> None:
        if found := _MARK.search(text):
            raise InvalidField(self._field, f"must not let {{{{ {_name(found[1])[:60]} }}}} {what}")


def _name(in_hex: str) -> str:
    return bytes.fromhex(in_hex).decode()
