import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from orders import gateway, reconciler, unmatched
from orders.contract import By, Door, PaymentEvent, UnmatchedPayment
from orders.models import UnmatchedEvent, WebhookEvent
from orders.payments.signature import sign
from tests.orders.at_once import at_once

SECRET = "demo-webhook-secret"
URL = "/webhooks/payments"
OPS = By("ops", Door.WEB)
# One for all: each client loads the middleware for itself, which looks at every static file.
CLIENT = Client()


def event_json(**changes: Any) -> dict[str, Any]:
    """An event; ``data__amount_cents=1`` changes a field of its data, ``...`` takes a field away."""
    event: dict[str, Any] = {
        "id": "evt_1",
        "type": "payment.succeeded",
        "created": 1_790_000_000,
        "data": {
            "order_id": "ORD-20261119-140810-x7f2",
            "payment_id": "pay_1",
            "amount_cents": 12_999,
            "currency": "USD",
        },
    }
    for name, value in changes.items():
        *path, last = name.split("__")
        target = event["data"] if path else event
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return event


def post(body: bytes | dict[str, Any], *, signature: str | None = "good") -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if signature == "good":
        signature = sign(raw, SECRET, int(time.time()))
    headers = {} if signature is None else {"Payment-Signature": signature}
    return CLIENT.post(URL, raw, content_type="application/json", headers=headers)


@pytest.fixture
def deliveries(monkeypatch) -> list[WebhookEvent]:
    """A gateway that delivers everything and remembers it."""
    seen: list[WebhookEvent] = []

    def deliver(event: WebhookEvent) -> WebhookEvent:
        seen.append(event)
        WebhookEvent.objects.filter(pk=event.pk).update(state=WebhookEvent.State.DELIVERED)
        event.state = WebhookEvent.State.DELIVERED
        return event

    monkeypatch.setattr(gateway, "deliver_payment_event", deliver)
    return seen


@pytest.fixture
def temporal_is_down(monkeypatch) -> None:
    def deliver(event: WebhookEvent) -> WebhookEvent:
        raise gateway.Unavailable("Temporal is out of reach.")

    monkeypatch.setattr(gateway, "deliver_payment_event", deliver)


@pytest.fixture
def stored_event() -> WebhookEvent:
    return WebhookEvent.objects.create(
        event_id="evt_9",
        type="payment.succeeded",
        order_id="ORD-20261119-140810-x7f2",
        payment_id="pay_9",
        amount_cents=500,
        currency="USD",
        created=timezone.now(),
    )


@pytest.mark.django_db
class TestGoodEvent:
    def test_is_stored_and_delivered(self, deliveries):
        answer = post(event_json())
        assert (answer.status_code, answer.json()["state"]) == (200, "delivered")
        row = WebhookEvent.objects.get()
        assert (row.event_id, row.type, row.payment_id) == ("evt_1", "payment.succeeded", "pay_1")
        assert (row.amount_cents, row.currency, row.created.timestamp()) == (12_999, "USD", 1_790_000_000)
        assert [event.pk for event in deliveries] == [row.pk]

    def test_a_repeat_is_counted_and_not_delivered_again(self, deliveries):
        for _ in range(3):
            assert post(event_json()).status_code == 200
        assert WebhookEvent.objects.get().deliveries == 3
        assert len(deliveries) == 1

    def test_is_kept_while_temporal_is_down_and_delivered_later(self, temporal_is_down, monkeypatch):
        answer = post(event_json())
        assert (answer.status_code, answer.json()["state"]) == (200, "received")
        monkeypatch.undo()
        done: list[str] = []
        monkeypatch.setattr(gateway, "deliver_payment_event", lambda event: done.append(event.event_id))
        reconciler.deliver_received_events()
        assert done == []  # too fresh: the request that brought it may still be at it
        WebhookEvent.objects.update(received_at=timezone.now() - 2 * reconciler.DELIVER_AFTER)
        reconciler.deliver_received_events()
        assert done == ["evt_1"]

    def test_a_repeat_delivers_what_was_left_over(self, deliveries, stored_event):
        WebhookEvent.objects.update(received_at=timezone.now() - 2 * reconciler.DELIVER_AFTER)
        created = int(stored_event.created.timestamp())
        WebhookEvent.objects.update(created=timezone.datetime.fromtimestamp(created, timezone.get_current_timezone()))
        answer = post(event_json(id="evt_9", data__payment_id="pay_9", data__amount_cents=500, created=created))
        assert (answer.status_code, len(deliveries)) == (200, 1)

    def test_whatever_the_delivery_does_the_answer_is_2xx(self, monkeypatch):
        def fail(event: WebhookEvent) -> WebhookEvent:
            raise ZeroDivisionError

        monkeypatch.setattr(gateway, "deliver_payment_event", fail)
        assert post(event_json()).status_code == 200
        assert WebhookEvent.objects.get().state == WebhookEvent.State.RECEIVED

    @pytest.mark.parametrize(
        "change",
        [{"type": "payment.failed"}, {"created": 1}, {"data__amount_cents": 1}, {"data__order_id": "ORD-2"}],
    )
    def test_the_same_id_with_another_content_changes_nothing(self, deliveries, change):
        post(event_json())
        before = WebhookEvent.objects.values().get()
        answer = post(event_json(**change))
        assert (answer.status_code, answer.json()["code"]) == (409, "event_reused")
        assert WebhookEvent.objects.values().get() == before
        assert len(deliveries) == 1

    def test_an_unknown_type_is_accepted_and_dropped(self, deliveries):
        answer = post({"id": "evt_1", "type": "customer.created", "created": 1, "data": {}})
        assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
        assert not WebhookEvent.objects.exists()

    def test_a_database_that_is_down_asks_for_it_again(self, monkeypatch):
        def fail(*args: Any, **kwargs: Any) -> Any:
            raise DatabaseError

        monkeypatch.setattr(WebhookEvent.objects, "get_or_create", fail)
        answer = post(event_json())
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")


BODY = json.dumps(event_json()).encode()


def signed(secret: str = SECRET, age: int = 0, body: bytes = BODY) -> str:
    return sign(body, secret, int(time.time()) - age)


BAD_SIGNATURES: dict[str, Callable[[], str | None]] = {
    "missing": lambda: None,
    "empty": lambda: "",
    "blank": lambda: "   ",
    "old": lambda: signed(age=301),
    "very old": lambda: signed(age=10**9),
    "future": lambda: signed(age=-302),
    "far future": lambda: f"t={10**11},v1={'0' * 64}",
    "wrong secret": lambda: signed("wrong"),
    "of another body": lambda: signed(body=b"{}"),
    "no v1": lambda: f"t={int(time.time())}",
    "no t": lambda: "v1=" + "0" * 64,
    "v0 only": lambda: signed().replace("v1=", "v0="),
    "two t": lambda: f"t=1,{signed()}",
    "the header twice": lambda: f"{signed()},{signed()}",
    "t is no number": lambda: "t=now,v1=" + "0" * 64,
    "t is negative": lambda: "t=-1,v1=" + "0" * 64,
    "t is huge": lambda: f"t={'9' * 400},v1={'0' * 64}",
    "t in other digits": lambda: "t=١٢٣,v1=" + "0" * 64,
    "v1 is short": lambda: signed()[:-1],
    "v1 is not hex": lambda: signed()[:-1] + "g",
    "v1 is not ASCII": lambda: signed()[:-1] + "é",
    "huge": lambda: signed() + ",v1=" * 10_000,
    "many wrong": lambda: f"t={int(time.time())}" + (",v1=" + "0" * 64) * 30,
    "separators": lambda: ",=,,==,t=,v1=,",
    "quoted": lambda: f'"{signed()}"',
}


@pytest.mark.django_db
class TestSignature:
    @pytest.mark.parametrize("name", BAD_SIGNATURES)
    def test_refused(self, deliveries, name):
        answer = post(BODY, signature=BAD_SIGNATURES[name]())
        assert answer.status_code in {400, 401}
        assert "signature" in answer.json()["detail"].lower()
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize("age", [299, -299])
    def test_five_minutes_either_way_are_fine(self, deliveries, age):
        assert post(BODY, signature=signed(age=age)).status_code == 200

    def test_a_rotated_secret_is_good_while_both_are_set(self, deliveries, settings):
        settings.PAYMENT_WEBHOOK_SECRETS = ["new", "old"]
        assert post(BODY, signature=signed("old")).status_code == 200
        assert post(BODY, signature=signed("new")).status_code == 200
        settings.PAYMENT_WEBHOOK_SECRETS = ["new"]
        assert post(BODY, signature=signed("old")).status_code == 401

    def test_one_good_v1_of_several_is_enough(self, deliveries):
        header = signed()
        assert post(BODY, signature=header.replace(",v1=", f",v1={'0' * 64},v1=x,v0=é,v1=")).status_code == 400
        assert post(BODY, signature=header.replace(",v1=", f",v1={'0' * 64},v1=x,v0=e,v1=")).status_code == 200
        spaced_capitals = header.replace(",", " , ").upper().replace("T=", "t=").replace("V1", "v1")
        assert post(BODY, signature=spaced_capitals).status_code == 200

    @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(header=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=200))
    def test_arbitrary_headers_are_refused(self, header):
        assert post(BODY, signature=header).status_code in {400, 401}


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "body"),
    "not JSON": (b"{", "body"),
    "not UTF-8": (b'{"id": "\xff"}', "body"),
    "UTF-16": ('{"id": "x"}'.encode("utf-16"), "body"),
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "NaN": (json.dumps(event_json(data__amount_cents=float("nan"))).encode(), "body"),
    "infinity": (BODY.replace(b"12999", b"1e999"), "body"),
    "huge number": (BODY.replace(b"12999", b"9" * 5_000), "body"),
    "deep": (b"[" * 30_000 + b"]" * 30_000, "body"),
    "lone surrogate": (BODY.replace(b"pay_1", b"\\ud800"), "data.payment_id"),
    "null character": (BODY.replace(b"pay_1", b"\\u0000"), "data.payment_id"),
}
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    *(({name: value}, name.replace("__", ".")) for name in ("id", "type", "created", "data") for value in (..., None)),
    *(
        ({f"data__{name}": value}, f"data.{name}")
        for name in ("order_id", "payment_id", "amount_cents", "currency")
        for value in (..., None, [], {}, True, 1.5)
    ),
    *(({"id": value}, "id") for value in ("", "  ", "e" * 201, "e\x01", 7)),
    *(({"type": value}, "type") for value in ("", "payment", "PAYMENT.SUCCEEDED", "payment.\n", "p.x" * 30, 7)),
    *(({"created": value}, "created") for value in (-1, 10**18, True, "1790000000", 1.5)),
    *(({"data__amount_cents": value}, "data.amount_cents") for value in (-1, 10**13, 10**40, "100")),
    *(({"data__currency": value}, "data.currency") for value in ("", "US", "USDX", "U$D", "üüü")),
    *(({"data__order_id": value}, "data.order_id") for value in ("", " ", "O" * 65, "ORD\n1")),
    ({"data": []}, "data"),
    ({"data": "x"}, "data"),
]


@pytest.mark.django_db
class TestBody:
    @pytest.mark.parametrize("name", BAD_BODIES)
    def test_what_is_no_event_is_refused(self, deliveries, name):
        body, field = BAD_BODIES[name]
        answer = post(body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert not WebhookEvent.objects.exists()

    @pytest.mark.parametrize(("change", "field"), BAD_FIELDS)
    def test_a_bad_field_is_named(self, deliveries, change, field):
        answer = post(event_json(**change))
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert field in answer.json()["detail"]
        assert not WebhookEvent.objects.exists()

    def test_too_large(self, deliveries):
        answer = post(event_json(note="x" * 64 * 1024))
        assert answer.status_code == 413
        assert post(event_json(note="x" * 60 * 1024)).status_code == 200

    @pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch", "options"])
    def test_only_post(self, method):
        answer = getattr(CLIENT, method)(URL, headers={"Payment-Signature": signed()})
        assert (answer.status_code, answer["Allow"]) == (405, "POST")

    def test_needs_no_csrf_token(self, deliveries):
        client = Client(enforce_csrf_checks=True)
        answer = client.post(URL, BODY, content_type="application/json", headers={"Payment-Signature": signed()})
        assert answer.status_code == 200

    @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        event=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["id", "type", "created", "data", "order_id"]), inner, max_size=4)
            ),
        )
    )
    def test_arbitrary_bodies_are_never_our_error(self, event):
        assert post(json.dumps(event).encode()).status_code == 422


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_a_hundred_deliveries_twenty_at_once(self, deliveries):
        answers = at_once(100, lambda _: post(event_json()).status_code, workers=20)
        assert answers == [200] * 100
        assert WebhookEvent.objects.get().deliveries == 100
        assert len(deliveries) == 1

    def test_two_contents_under_one_id_at_once(self, deliveries):
        answers = at_once(20, lambda number: post(event_json(data__amount_cents=100 + number % 2)).status_code)
        assert sorted(answers) == [200] * 10 + [409] * 10
        assert len(deliveries) == 1


@pytest.mark.django_db
class TestUnmatched:
    def test_is_listed_and_found(self, stored_event):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        stored_event.refresh_from_db()
        assert stored_event.state == WebhookEvent.State.UNMATCHED
        assert unmatched.list_unmatched(q="x7f2 pay_9 no\0such").count() == 1
        assert unmatched.list_unmatched(q="other").count() == 0
        assert unmatched.list_unmatched(settled=True).count() == 0

    def test_a_replay_that_the_order_takes_settles_it(self, stored_event, deliveries):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        assert unmatched.replay(stored_event, OPS, gateway.deliver_payment_event).state == WebhookEvent.State.DELIVERED
        row = UnmatchedEvent.objects.get()
        assert (row.resolved_by, row.resolution) == ("ops", "Replayed by ops.")
        assert row.event.state == WebhookEvent.State.DELIVERED
        assert row.replayed_at
        assert row.resolved_at

    def test_a_replay_that_the_order_refuses_brings_it_back(self, stored_event, monkeypatch):
        unmatched.record_unmatched(stored_event, "There is no such order.")

        def refuse(event: WebhookEvent) -> WebhookEvent:
            unmatched.record_unmatched(event, "The amount is another.")
            return event

        monkeypatch.setattr(gateway, "deliver_payment_event", refuse)
        unmatched.replay(stored_event, OPS, gateway.deliver_payment_event)
        row = unmatched.list_unmatched().get()
        assert (row.reason, row.resolved_by) == ("The amount is another.", "")

    def test_a_replay_while_temporal_is_down_stays_on_the_list(self, stored_event, temporal_is_down):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        with pytest.raises(gateway.Unavailable):
            unmatched.replay(stored_event, OPS, gateway.deliver_payment_event)
        assert "did not reach" in unmatched.list_unmatched().get().reason

    def test_only_one_settles_it(self, stored_event, deliveries):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        unmatched.resolve(stored_event, OPS, "Refunded by hand.")
        with pytest.raises(unmatched.AlreadySettled, match="ops has settled this event already: Refunded by hand"):
            unmatched.replay(stored_event, By("mia", Door.WEB), gateway.deliver_payment_event)
        with pytest.raises(unmatched.AlreadySettled):
            unmatched.resolve(stored_event, By("mia", Door.WEB), "me too")
        assert deliveries == []

    def test_settling_needs_a_note(self, stored_event):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        with pytest.raises(ValueError, match="Say how"):
            unmatched.resolve(stored_event, OPS, "  ")

    def test_a_late_repeat_does_not_undo_a_settlement(self, stored_event):
        said = UnmatchedPayment(
            stored_event.order_id, PaymentEvent("evt_9", "pay_9", 500, "USD"), "payment.succeeded", "too little"
        )
        unmatched.record_unmatched_payment(said)
        unmatched.resolve(stored_event, OPS, "Refunded by hand.")
        unmatched.record_unmatched_payment(said)
        unmatched.record_unmatched(stored_event, "There is no such order.")
        assert unmatched.list_unmatched().count() == 0

    def test_the_order_has_the_last_word_over_the_door(self, stored_event):
        """The order starts while its event is put on the list, takes it and finds the amount wrong."""
        unmatched.record_unmatched(stored_event, "There is no such order.")
        unmatched.record_unmatched_payment(
            UnmatchedPayment(stored_event.order_id, PaymentEvent("evt_9", "pay_9", 500, "USD"), "x", "too little")
        )
        unmatched.settle_by_system(stored_event, "It started.", listed_for="There is no such order.")
        unmatched.record_unmatched(stored_event, "There is no such order.")
        assert unmatched.list_unmatched().get().reason == "too little"

    def test_the_order_takes_what_came_early(self, stored_event):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        unmatched.settle_by_system(stored_event, "It started.", listed_for="There is no such order.")
        row = UnmatchedEvent.objects.get()
        assert (row.event.state, row.resolution, row.resolved_by) == (WebhookEvent.State.DELIVERED, "It started.", "")

    def test_the_system_leaves_alone_what_a_person_has_settled(self, stored_event):
        unmatched.record_unmatched(stored_event, "There is no such order.")
        unmatched.resolve(stored_event, OPS, "Refunded by hand.")
        unmatched.settle_by_system(stored_event, "It started.")
        row = UnmatchedEvent.objects.get()
        assert (row.event.state, row.resolution) == (WebhookEvent.State.UNMATCHED, "Refunded by hand.")

    def test_an_event_that_came_by_signal_gets_its_row(self):
        said = UnmatchedPayment(
            "ORD-20261119-140810-x7f2", PaymentEvent("evt_cli", "pay_cli", 5, "USD"), "payment.succeeded", "too little"
        )
        for _ in range(2):
            unmatched.record_unmatched_payment(said)
        event = unmatched.list_unmatched().get().event
        assert (event.event_id, event.amount_cents, event.state) == ("evt_cli", 5, WebhookEvent.State.UNMATCHED)


@pytest.mark.django_db
class TestReconciler:
    def test_one_that_cannot_be_delivered_does_not_hold_up_the_others(self, stored_event, monkeypatch):
        other = WebhookEvent.objects.create(
            event_id="evt_10",
            type="payment.failed",
            order_id="x",
            payment_id="y",
            amount_cents=1,
            currency="USD",
            created=timezone.now(),
        )
        WebhookEvent.objects.update(received_at=timezone.now() - 2 * reconciler.DELIVER_AFTER)
        done: list[str] = []

        def deliver(event: WebhookEvent) -> WebhookEvent:
            done.append(event.event_id)
            if event.pk == stored_event.pk:
                raise ZeroDivisionError
            return event

        monkeypatch.setattr(gateway, "deliver_payment_event", deliver)
        reconciler.deliver_received_events()
        assert done == [stored_event.event_id, other.event_id]

    def test_gives_up_the_round_while_temporal_is_down(self, stored_event, temporal_is_down):
        WebhookEvent.objects.update(received_at=timezone.now() - 2 * reconciler.DELIVER_AFTER)
        reconciler.deliver_received_events()
        stored_event.refresh_from_db()
        assert stored_event.state == WebhookEvent.State.RECEIVED
