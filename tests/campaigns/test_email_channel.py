"""Mails by a real SMTP server, well-behaved and not."""

import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from campaigns.channels import OutcomeUnknown, Receipt, SendFailed, get_provider
from campaigns.channels.email import EmailProvider, _to_mail, message_id
from dashboard.processes import free_port
from tests.campaigns.messages_of import mail


class Box:
    """Takes mails in. A test says what it answers, or that it hangs up, and when."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.sessions: set[int] = set()
        self.rcpt = self.data = "250 OK"
        self.hangs_up: str = ""

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.hangs_up == "before":
            self._hang_up(server)
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.data.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self.sessions.add(id(session))
        if self.hangs_up == "after":
            self._hang_up(server)
        return self.data

    def _hang_up(self, server: SMTP) -> None:
        assert server.transport is not None
        server.transport.abort()


@pytest.fixture
def box(settings: Any) -> Iterator[Box]:
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_TIMEOUT = 2
    yield box
    controller.stop()


@pytest.fixture
def email() -> Iterator[EmailProvider]:
    with EmailProvider() as provider:
        assert isinstance(provider, EmailProvider)
        yield provider


class TestEmail:
    def test_a_mail_has_all_that_it_needs(self, box: Box, email: EmailProvider) -> None:
        receipt = email.send(mail(html="<p>Hello</p>", unsubscribe_url="https://callboard.example.com/u/x"))
        sent = box.mails[0]
        assert receipt == Receipt(message_id("CMP-1:1:USER-001"))
        assert sent["Message-ID"] == receipt.provider_reference
        assert (sent["To"], sent["Subject"]) == ("user1@example.com", "Spring is here")
        assert sent["List-Unsubscribe"] == "<https://callboard.example.com/u/x>"
        assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert sent.get_body(("plain",)).get_content().splitlines() == mail().text.splitlines()
        assert sent.get_body(("html",)).get_content().strip() == "<p>Hello</p>"

    def test_the_way_out_is_in_one_line_and_nothing_else_is(self) -> None:
        url = f"https://callboard.example.com/u/{'x' * 200}"
        raw = _to_mail(mail(subject="Grüße " * 40, unsubscribe_url=url)).message().as_bytes()
        head = raw.partition(b"\n\n")[0]
        assert f"List-Unsubscribe: <{url}>\n".encode() in head
        assert max(len(line) for line in head.splitlines()) <= 998
        others = [line for line in head.splitlines() if not line.startswith(b"List-Unsubscribe:")]
        assert max(len(line) for line in others) <= 78  # folded as ever

    def test_many_go_through_one_connection(self, box: Box, email: EmailProvider) -> None:
        for number in range(5):
            email.send(mail(number))
        assert (len(box.mails), len(box.sessions)) == (5, 1)
        assert "List-Unsubscribe" not in box.mails[0]

    def test_after_so_many_it_takes_another(
        self, box: Box, email: EmailProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("campaigns.channels.email.MAILS_PER_CONNECTION", 2)
        for number in range(4):
            email.send(mail(number))
        assert (len(box.mails), len(box.sessions)) == (4, 2)

    @pytest.mark.parametrize(
        ("answer", "permanent"), [("550 No such user", True), ("450 Mailbox busy", False), ("421 Going down", False)]
    )
    def test_a_refused_recipient_is_a_definite_failure(
        self, box: Box, email: EmailProvider, answer: str, permanent: bool
    ) -> None:
        box.rcpt = answer
        with pytest.raises(SendFailed) as caught:
            email.send(mail())
        assert (caught.value.permanent, str(caught.value)) == (permanent, answer)
        box.rcpt = "250 OK"
        email.send(mail(2))  # and the next one goes

    @pytest.mark.parametrize(("answer", "permanent"), [("554 Spam", True), ("451 Later", False)])
    def test_a_refusal_after_the_data_is_definite_too(
        self, box: Box, email: EmailProvider, answer: str, permanent: bool
    ) -> None:
        box.data = answer
        with pytest.raises(SendFailed) as caught:
            email.send(mail())
        assert caught.value.permanent is permanent
        box.data = "250 OK"
        email.send(mail(2))
        assert len(box.mails) == 1

    def test_an_answer_that_is_none_leaves_it_unknown(self, box: Box, email: EmailProvider) -> None:
        box.data = "299 What?"
        with pytest.raises(OutcomeUnknown):
            email.send(mail())

    def test_hanging_up_before_the_data_is_a_definite_failure(self, box: Box, email: EmailProvider) -> None:
        box.hangs_up = "before"
        with pytest.raises(SendFailed) as caught:
            email.send(mail())
        assert not caught.value.permanent
        assert box.mails == []

    def test_hanging_up_after_the_data_leaves_it_unknown_and_it_is_not_sent_again(
        self, box: Box, email: EmailProvider
    ) -> None:
        email.send(mail())
        box.hangs_up = "after"
        with pytest.raises(OutcomeUnknown):
            email.send(mail(2))
        assert len(box.mails) == 2  # it was taken in, and the answer lost
        box.hangs_up = ""
        email.send(mail(3))
        assert [sent["To"] for sent in box.mails] == [f"user{number}@example.com" for number in (1, 2, 3)]

    def test_silence_after_the_data_leaves_it_unknown(self, settings: Any, email: EmailProvider) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_TIMEOUT = 1.0
        with SilentServer() as port:
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
            with EmailProvider() as provider, pytest.raises(OutcomeUnknown):
                provider.send(mail())

    def test_a_connection_that_was_closed_meanwhile_is_opened_again(self, box: Box, email: EmailProvider) -> None:
        email.send(mail())
        backend: Any = email._backend
        backend.connection.sock.shutdown(socket.SHUT_RDWR)
        email.send(mail(2))
        assert len(box.mails) == 2

    def test_without_a_server_it_is_a_definite_failure(self, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
        with EmailProvider() as provider, pytest.raises(SendFailed) as caught:
            provider.send(mail())
        assert not caught.value.permanent

    @pytest.mark.parametrize(
        "fields",
        [
            {"subject": "Hello\r\nBcc: eve@example.com"},
            {"address": "user@example.com\nBcc: eve@example.com"},
            {"unsubscribe_url": "https://x.example/\r\nBcc: eve@example.com"},
            {"address": "no address at all"},
        ],
    )
    def test_what_would_start_another_header_is_never_sent(
        self, box: Box, email: EmailProvider, fields: dict[str, str]
    ) -> None:
        with pytest.raises(SendFailed):
            email.send(mail(**fields))
        assert box.mails == []

    def test_message_ids_are_the_same_each_time_and_tell_nothing(self) -> None:
        assert message_id("CMP-1:1:USER-001") == message_id("CMP-1:1:USER-001") != message_id("CMP-1:1:USER-002")
        assert "USER" not in message_id("CMP-1:1:USER-001")

    def test_other_backends_of_django_work_too(self, mailoutbox: list[Any], settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        with get_provider("email") as provider:
            provider.send(mail())
        assert mailoutbox[0].to == ["user1@example.com"]


class SilentServer:
    """Speaks SMTP up to the end of the data, and then no more."""

    def __enter__(self) -> int:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        connection.sendall(b"220 here\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.lower().startswith(b"data"):
                    connection.sendall(b"354 go\r\n")
                    break
                connection.sendall(b"250 ok\r\n")
            for _ in lines:
                pass
        connection.close()
