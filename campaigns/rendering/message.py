"""The texts of one message together: subject, plain text and HTML."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.rendering.compiled import MissingVariables, Text
from campaigns.rendering.html_places import check_places
from campaigns.rendering.values import LINKS
from temporal_worker.contract import InvalidField

MAX_SUBJECT = 200
MAX_BODY = 100_000
"""Characters as written, of the plain text and of the HTML."""
MAX_SMS = 1_000
MAX_PUSH = 1_000
MAX_RENDERED_SUBJECT = 500


@dataclass(frozen=True)
class Rendered:
    """What one person gets. ``html`` is empty when the template has none."""

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True)
class CompiledMessage:
    """Subject (empty for SMS), plain text, and HTML for mails."""

    subject: Text
    text: Text
    html: Text | None = None

    @property
    def _texts(self) -> list[Text]:
        return [text for text in (self.subject, self.text, self.html) if text is not None]

    @property
    def variables(self) -> set[str]:
        return set().union(*(text.variables for text in self._texts))

    @property
    def required(self) -> set[str]:
        return set().union(*(text.required for text in self._texts))

    @property
    def needed(self) -> set[str]:
        """What a contact has to have for it; its links are made for each message."""
        return self.required - LINKS

    def render(self, values: Mapping[str, str]) -> Rendered:
        """The message for one contact.

        Raises:
            MissingVariables: all that are missing, of all texts
            UnusableValue
        """
        if missing := sorted(name for name in self.required if not values.get(name)):
            raise MissingVariables(missing)
        subject = self.subject.render(values)
        return Rendered(
            subject=subject[:MAX_RENDERED_SUBJECT],
            text=self.text.render(values),
            html=self.html.render(values) if self.html else "",
        )


def compile_message(channel: str, subject: str, body_text: str, body_html: str = "") -> CompiledMessage:
    """The texts of a message of ``channel`` (``email``, ``sms``, ``push``), checked.

    Raises:
        InvalidField: ``subject``, ``body_text`` or ``body_html``
    """
    if not body_text.strip():
        raise InvalidField("body_text", "must not be empty")
    if channel == "sms":
        if subject.strip():
            raise InvalidField("subject", "must be empty: a text message has none")
    elif not subject.strip():
        raise InvalidField("subject", "must not be empty")
    if body_html.strip() and channel != "email":
        raise InvalidField("body_html", "must be empty: only mails have HTML")
    most = {"sms": MAX_SMS, "push": MAX_PUSH}.get(channel, MAX_BODY)
    html = None
    if body_html.strip():
        html = Text("body_html", body_html, most=MAX_BODY, is_html=True)
        check_places("body_html", body_html)
    return CompiledMessage(
        subject=Text("subject", subject, most=MAX_SUBJECT, one_line=True),
        text=Text("body_text", body_text, most=most),
        html=html,
    )
