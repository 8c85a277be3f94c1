"""A real SMTP server for the soak: a test takes it away, brings it back, and says what it answers."""

import asyncio
import logging
import random
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from dashboard.demo import HOST
from dashboard.processes import free_port

logging.getLogger("mail.log").setLevel(logging.WARNING)  # each word of each conversation, otherwise


class MailServer:
    """``with MailServer() as mails``. Faults: ``close()``, an ``answer`` of its own, ``drops``, addresses that are ``deaf``.

    ``begun`` is when each message began, by this machine's monotonic clock, and to whom.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.taken: list[EmailMessage] = []
        self.answer = "250 OK"
        self.drops = False
        """Take the mail, and hang up instead of saying so."""
        self.drops_some: random.Random | None = None
        """Do so with every third one, as these dice fall."""
        self.takes: float = 0.0
        """Seconds from the end of a mail to the answer."""
        self.begun: list[tuple[float, str]] = []
        self.deaf: set[str] = set()
        """Addresses that are answered "not now"."""
        self.tries = 0
        self._controller: Controller | None = None

    def settings(self) -> dict[str, str]:
        """What the application's environment has to say to use it."""
        return {"EMAIL_HOST": HOST, "EMAIL_PORT": str(self.port)}

    def open(self) -> None:
        """Listen, on the same port as before; nothing when it does."""
        if self._controller is None:
            self._controller = Controller(self, hostname=HOST, port=self.port)
            self._controller.start()

    def close(self) -> None:
        """Nobody listens on its port any more."""
        if self._controller is not None:
            self._controller.stop()
        self._controller = None

    def __enter__(self) -> "MailServer":
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def about(self, request_id: str, to: str = "") -> list[EmailMessage]:
        """The mails that name a request, all or those to one address, as a mailbox shows them: one for each Message-ID."""
        found = [mail for mail in list(self.taken) if to in ("", mail["To"]) and request_id in plain_of(mail)]
        return list({mail["Message-ID"]: mail for mail in found}.values())

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.tries += 1
        self.begun.append((time.monotonic(), address))
        if address in self.deaf:
            return "450 4.2.1 This mailbox is not there just now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.taken.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        if self.takes:
            await asyncio.sleep(self.takes)
        if self.drops or (self.drops_some is not None and self.drops_some.random() < 1 / 3):
            server.transport.abort()
        return self.answer


def plain_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""
