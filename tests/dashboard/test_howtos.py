"""What the smaller how-tos let people copy, run: a payment provider and a carrier on a real HTTP server, a policy."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings

from approvals.policies import resolve
from campaigns.channels import Message, SendFailed, get_provider
from orders.contract import ChargeRequest, RefundRequest
from orders.payments.base import PaymentTransientError, PermanentError
from orders.payments.base import get_provider as get_payment_provider
from tests.markdown import Document

HOW_TO = Path(settings.BASE_DIR) / "docs" / "how-to"
Answer = tuple[int, dict[str, Any]]


def code_of(guide: str, file: str) -> str:
    [block] = [each for each in Document(HOW_TO / guide).blocks if each.file == file and each.language == "python"]
    return block.text


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes a guide's file the module that it would be."""

    def install(guide: str, file: str) -> None:
        module = ModuleType(file.removesuffix(".py").replace("/", "."))
        exec(compile(code_of(guide, file), file, "exec"), module.__dict__)
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return install


class Server:
    """A real HTTP server whose ``answer`` the test gives; it remembers what was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str, str, dict[str, Any]], Answer] = lambda method, path, body: (200, {})
        self.asked: list[tuple[str, str, str, dict[str, Any]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                server.asked.append((self.command, self.path, self.headers.get("Idempotency-Key", ""), body))
                status, content = server.answer(self.command, self.path, body)
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


class TestPaymentProvider:
    @pytest.fixture
    def acme(self, server: Server, installed: Callable[[str, str], None]) -> Iterator[Any]:
        installed("add-a-payment-provider.md", "orders/payments/acme.py")
        name = "orders.payments.acme.AcmePaymentProvider"
        with override_settings(PAYMENT_PROVIDER=name, ACME_URL=server.url, ACME_API_KEY="key"):
            yield get_payment_provider()

    def test_charges_looks_up_and_refunds_by_its_keys(self, server: Server, acme: Any) -> None:
        paid = {"id": "ch_1", "amount": 2999, "currency": "USD", "status": "paid"}
        server.answer = lambda method, path, body: (
            (200, {"charges": [paid]})
            if method == "GET"
            else (201, paid | {"id": "re_1"} if "refunds" in path else paid)
        )
        charge = acme.charge(ChargeRequest("ORD-1", "ORD-1:charge:1", 2999, "USD", "card", "tok_secret"))
        assert (charge.payment_id, charge.amount_cents) == ("ch_1", 2999)
        assert acme.look_up_charge("ORD-1:charge:1").charge == charge
        refund = acme.refund(RefundRequest("ORD-1", "ORD-1:refund:ch_1", "ch_1", 2999, "USD", "cancelled"))
        assert refund.refund_id == "re_1"
        assert [(path, key) for _, path, key, _ in server.asked] == [
            ("/charges", "ORD-1:charge:1"),
            ("/charges?key=ORD-1%3Acharge%3A1", ""),
            ("/refunds", "ORD-1:refund:ch_1"),
        ]

    @pytest.mark.parametrize(("status", "error"), [(402, PermanentError), (500, PaymentTransientError)])
    def test_tells_a_no_from_silence(self, server: Server, acme: Any, status: int, error: type[Exception]) -> None:
        server.answer = lambda method, path, body: (status, {})
        with pytest.raises(error) as raised:
            acme.charge(ChargeRequest("ORD-1", "ORD-1:charge:1", 2999, "USD", "card", "tok_secret"))
        assert "tok_secret" not in str(raised.value)

    def test_does_not_guess_when_nobody_answers(self, server: Server, acme: Any) -> None:
        with override_settings(ACME_URL="http://127.0.0.1:1"), pytest.raises(PaymentTransientError):
            acme.look_up_charge("ORD-1:charge:1")


class TestCarrier:
    def test_hands_a_mail_over_and_says_what_became_of_it(
        self, server: Server, installed: Callable[[str, str], None]
    ) -> None:
        installed("add-a-channel.md", "campaigns/channels/postbox.py")
        providers = settings.CHANNEL_PROVIDERS | {"email": "campaigns.channels.postbox.PostboxProvider"}
        message = Message(
            "C:1:U", "email", "U", "ada@example.com", "Hi", "Text", unsubscribe_url="https://example.com/u"
        )
        with override_settings(CHANNEL_PROVIDERS=providers, POSTBOX_URL=server.url, POSTBOX_TOKEN="t"):
            server.answer = lambda method, path, body: (202, {"id": "m-1"})
            with get_provider("email") as postbox:
                assert postbox.send(message).provider_reference == "m-1"
                server.answer = lambda method, path, body: (422, {})
                with pytest.raises(SendFailed):
                    postbox.send(message)
        _, _, key, body = server.asked[0]
        assert key == "C:1:U"
        assert body["headers"]["List-Unsubscribe"] == "<https://example.com/u>"


@pytest.mark.django_db
def test_a_policy_that_is_made_as_the_guide_says_asks_whom_it_names() -> None:
    [block] = [each for each in Document(HOW_TO / "add-to-a-policy.md").blocks if each.language == "python"]
    made: dict[str, Any] = {}
    exec(compile(block.text, str(block), "exec"), made)
    director = User.objects.create_user("director")
    director.groups.add(made["directors"])
    policy = resolve(User.objects.create_user("employee"), "contract", 1_500_000)
    assert [seat.username for seat in policy.levels[0].seats] == ["director"]


def test_the_arithmetic_of_scale_comes_to_what_stands_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = Document(HOW_TO.parent / "scale.md").blocks
    [program] = [block for block in blocks if block.language == "python"]
    [result] = [block for block in blocks if block.language == "text"]
    exec(compile(program.text, str(program), "exec"), {})
    assert capsys.readouterr().out == result.text
