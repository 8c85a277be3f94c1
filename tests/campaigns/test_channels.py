"""Messages by a real SMTP server and a real HTTP server, well-behaved and not; and by the sandbox."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from campaigns.channels import ChannelProvider, Message, OutcomeUnknown, Receipt, SendFailed, get_provider
from campaigns.channels.email import EmailProvider, message_id
from campaigns.channels.push import WebhookPushProvider
from campaigns.channels.sandbox import SandboxProvider
from campaigns.channels.sms import WebhookSmsProvider
from campaigns.models import SandboxMessage
from dashboard.processes import free_port


def mail(number: int = 1, **fields: Any) -> Message:
    defaults = {
        "grant_id": f"CMP-1:1:USER-{number:03}",
        "channel": "email",
        "user_id": f"USER-{number:03}",
        "address": f"user{number}@example.com",
        "subject": "Spring is here",
        "text": "Hello\n.\nThat dot is alone on its line.",
    }
    return Message(**{**defaults, **fields})


# ── Mails ────────────────────────────────────────────────────────────────────────────────────────────────────────────


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
        settings.EMAIL_TIMEOUT = 0.3
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


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Provider:
    """A real HTTP server. ``answer`` is ``(status, headers, body)``, or what to do with the request instead."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.connections = 0
        self.answer: tuple[int, dict[str, str], bytes] | Callable[[Any], None] = (201, {}, b'{"id": "sms-1"}')
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def setup(self) -> None:
                super().setup()
                provider.connections += 1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.requests.append((self.path, dict(self.headers), body))
                if callable(provider.answer):
                    provider.answer(self)
                    return
                status, headers, content = provider.answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/messages?account=7"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


def hang_up(handler: Any) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gateway(settings: Any) -> Iterator[Provider]:
    provider = Provider()
    settings.SMS_WEBHOOK_URL = settings.PUSH_WEBHOOK_URL = provider.url
    settings.SMS_WEBHOOK_TOKEN, settings.PUSH_WEBHOOK_TOKEN = "secret", ""
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


def sms(number: int = 1) -> Message:
    return mail(number, channel="sms", address="+4917012345678", subject="")


class TestWebhook:
    def test_sends_what_the_provider_needs(self, gateway: Provider) -> None:
        with WebhookSmsProvider() as provider:
            assert provider.send(sms()) == Receipt("sms-1")
        path, headers, body = gateway.requests[0]
        assert path == "/v1/messages?account=7"
        assert headers["Idempotency-Key"] == "CMP-1:1:USER-001"
        assert headers["Authorization"] == "Bearer secret"
        assert body == {"to": "+4917012345678", "text": sms().text, "reference": "CMP-1:1:USER-001"}
        with WebhookPushProvider() as provider:
            provider.send(mail(channel="push", address="token-1"))
        _, headers, body = gateway.requests[1]
        assert "Authorization" not in headers
        assert (body["token"], body["title"]) == ("token-1", "Spring is here")

    def test_many_go_through_one_connection(self, gateway: Provider) -> None:
        with WebhookSmsProvider() as provider:
            for number in range(4):
                provider.send(sms(number))
        assert (len(gateway.requests), gateway.connections) == (4, 1)

    @pytest.mark.parametrize("content", [b"", b"ok", b"[]", b'{"id": {}}', b"[" * 50_000, b"\xff"])
    def test_an_acceptance_needs_no_name(self, gateway: Provider, content: bytes) -> None:
        gateway.answer = (200, {}, content)
        with WebhookSmsProvider() as provider:
            assert provider.send(sms()) == Receipt("")

    @pytest.mark.parametrize("status", [302, 400, 401, 404, 422])
    def test_a_no_is_permanent(self, gateway: Provider, status: int) -> None:
        gateway.answer = (status, {"Location": "http://127.0.0.1:1/"}, b"unknown number")
        with WebhookSmsProvider() as provider, pytest.raises(SendFailed) as caught:
            provider.send(sms())
        assert caught.value.permanent
        assert str(caught.value) == f"{status} unknown number"

    @pytest.mark.parametrize(
        ("status", "retry_after", "seconds"),
        [
            (429, "7", 7),
            (503, "", None),
            (503, "99999999999999999999", 3600),
            (429, "soon", None),
            (429, "-5", None),
            (503, "٥", None),
        ],
    )
    def test_not_now_is_transient(self, gateway: Provider, status: int, retry_after: str, seconds: int | None) -> None:
        gateway.answer = (status, {"Retry-After": retry_after} if retry_after.isascii() else {}, b"")
        with WebhookSmsProvider() as provider, pytest.raises(SendFailed) as caught:
            provider.send(sms())
        assert (caught.value.permanent, caught.value.retry_after) == (False, seconds)

    def test_retry_after_may_be_a_date(self, gateway: Provider) -> None:
        gateway.answer = (503, {"Retry-After": format_datetime(timezone.now() + timedelta(seconds=30))}, b"")
        with WebhookSmsProvider() as provider, pytest.raises(SendFailed) as caught:
            provider.send(sms())
        assert caught.value.retry_after is not None
        assert 25 <= caught.value.retry_after <= 31

    @pytest.mark.parametrize("status", [500, 502, 504])
    def test_a_broken_provider_leaves_it_unknown(self, gateway: Provider, status: int) -> None:
        gateway.answer = (status, {}, b"oops")
        with WebhookSmsProvider() as provider, pytest.raises(OutcomeUnknown):
            provider.send(sms())

    def test_no_answer_leaves_it_unknown(self, gateway: Provider) -> None:
        gateway.answer = hang_up
        with WebhookSmsProvider() as provider, pytest.raises(OutcomeUnknown):
            provider.send(sms())
        assert len(gateway.requests) == 1

    def test_a_slow_answer_leaves_it_unknown(self, gateway: Provider) -> None:
        gateway.answer = lambda handler: time.sleep(0.5)
        with WebhookSmsProvider() as provider:
            provider.timeout = 0.2
            with pytest.raises(OutcomeUnknown):
                provider.send(sms())
            assert len(gateway.requests) == 1
            gateway.answer = (200, {}, b'{"id": "x"}')
            assert provider.send(sms(2)) == Receipt("x")  # and not the late answer to the first

    def test_what_is_no_http_leaves_it_unknown(self, gateway: Provider) -> None:
        gateway.answer = lambda handler: handler.wfile.write(b"220 mail.example.com\r\n\r\n")
        with WebhookSmsProvider() as provider, pytest.raises(OutcomeUnknown):
            provider.send(sms())

    def test_an_endless_answer_is_cut(self, gateway: Provider) -> None:
        gateway.answer = (200, {}, b"x" * 1_000_000)
        with WebhookSmsProvider() as provider:
            assert provider.send(sms()) == Receipt("")

    def test_a_kept_connection_that_was_closed_is_opened_again(self, gateway: Provider) -> None:
        with WebhookSmsProvider() as provider:
            provider.send(sms())
            assert provider._connection is not None
            provider._connection.sock.shutdown(socket.SHUT_RDWR)
            assert provider.send(sms(2)) == Receipt("sms-1")
        assert gateway.requests[-1][1]["Idempotency-Key"] == "CMP-1:1:USER-002"

    def test_a_provider_out_of_reach_is_a_definite_failure(self, settings: Any) -> None:
        settings.SMS_WEBHOOK_URL = f"http://127.0.0.1:{free_port()}/"
        with WebhookSmsProvider() as provider, pytest.raises(SendFailed) as caught:
            provider.send(sms())
        assert not caught.value.permanent

    @pytest.mark.parametrize("url", ["", "ftp://x.example/", "file:///etc/passwd", "//x.example"])
    def test_needs_an_address(self, settings: Any, url: str) -> None:
        settings.SMS_WEBHOOK_URL = url
        with pytest.raises(ImproperlyConfigured):
            WebhookSmsProvider()


# ── The sandbox ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
class TestSandbox:
    @pytest.fixture
    def sandbox(self) -> ChannelProvider:
        return get_provider("sms")

    def test_takes_each_grant_once(self, sandbox: ChannelProvider) -> None:
        assert isinstance(sandbox, SandboxProvider)
        assert sandbox.send(sms()) == sandbox.send(sms())
        row = SandboxMessage.objects.get()
        assert (row.calls, row.is_delivered, row.user_id) == (2, True, "USER-001")

    @pytest.mark.parametrize(
        ("address", "ends"),
        [
            ("bounce@example.com", ["permanent", "permanent"]),
            ("+15555550001", ["permanent", "permanent"]),
            ("busy.bee@example.com", ["transient", "transient", "transient", "transient"]),
            ("flaky-7", ["transient", "transient", "sent", "sent"]),
            ("lost@example.com", ["unknown", "sent"]),
            ("+15555550005", ["unknown", "unknown"]),
            ("someone@busy.example.com", ["sent"]),
        ],
    )
    def test_does_what_the_address_says(self, sandbox: ChannelProvider, address: str, ends: list[str]) -> None:
        assert [end_of(sandbox, mail(address=address)) for _ in ends] == ends
        assert SandboxMessage.objects.get().is_delivered is (ends[-1] == "sent")


def end_of(provider: ChannelProvider, message: Message) -> str:
    try:
        provider.send(message)
    except SendFailed as failed:
        return "permanent" if failed.permanent else "transient"
    except OutcomeUnknown:
        return "unknown"
    return "sent"
