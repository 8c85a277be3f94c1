"""Text and push messages by a real HTTP server, well-behaved and not."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from campaigns.channels import OutcomeUnknown, Receipt, SendFailed
from campaigns.channels.push import WebhookPushProvider
from campaigns.channels.sms import WebhookSmsProvider
from dashboard.processes import free_port
from tests.campaigns.messages_of import mail, sms
from tests.eventually import eventually


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
        is_late = threading.Event()

        def answer_late(handler: Any) -> None:
            assert is_late.wait(30)
            handler.close_connection = True
            with suppress(OSError):
                handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"id": "late"}')

        gateway.answer = answer_late
        with WebhookSmsProvider() as provider:
            provider.timeout = 0.2
            with pytest.raises(OutcomeUnknown):
                provider.send(sms())
            eventually(lambda: len(gateway.requests) == 1)
            gateway.answer = (200, {}, b'{"id": "x"}')
            is_late.set()
            provider.timeout = 10.0
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
