import time
from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from orders.contract import ChargeRequest, PaymentView, RefundRequest
from orders.models import SandboxCharge, SandboxRefund, WebhookEvent
from orders.payments.base import (
    PaymentProvider,
    PaymentTransientError,
    PermanentError,
    ValidationError,
    get_provider,
)
from orders.payments.sandbox import SandboxPaymentProvider
from tests.orders.at_once import at_once
from tests.orders.orders_of import saved
from tests.orders.providers import FakePaymentProvider, RecordingPaymentProvider

KEY = "ORD-20261119-140810-x7f2:charge:1"


def charge_request(token: str = "tok_visa", *, key: str = KEY, amount_cents: int = 1_500) -> ChargeRequest:
    return ChargeRequest("ORD-20261119-140810-x7f2", key, amount_cents, "USD", "card", token)


def refund_request(payment_id: str, *, key: str = "refund-1", amount_cents: int = 1_500) -> RefundRequest:
    return RefundRequest("ORD-20261119-140810-x7f2", key, payment_id, amount_cents, "USD", "cancelled")


@pytest.fixture
def sandbox() -> SandboxPaymentProvider:
    return SandboxPaymentProvider()


class TestGetProvider:
    def test_is_the_one_that_settings_name(self):
        assert isinstance(get_provider(), SandboxPaymentProvider)

    def test_tests_may_put_their_own_in(self, settings):
        settings.PAYMENT_PROVIDER = "tests.orders.providers.RecordingPaymentProvider"
        assert isinstance(get_provider(), RecordingPaymentProvider)

    def test_refuses_what_is_none(self, settings):
        settings.PAYMENT_PROVIDER = "builtins.dict"
        with pytest.raises(ImproperlyConfigured, match="PAYMENT_PROVIDER"):
            get_provider()


@pytest.mark.parametrize("provider", [FakePaymentProvider(), RecordingPaymentProvider(), SandboxPaymentProvider()])
@pytest.mark.django_db
class TestInterface:
    """The fakes keep the same promises as the sandbox."""

    def test_a_repeat_answers_with_the_first_charge(self, provider: PaymentProvider):
        first = provider.charge(charge_request())
        assert provider.charge(charge_request()) == first
        assert provider.look_up_charge(KEY).charge == first

    def test_a_key_is_for_one_amount(self, provider: PaymentProvider):
        provider.charge(charge_request())
        with pytest.raises(ValidationError):
            provider.charge(charge_request(amount_cents=2))

    def test_a_refund_is_given_once(self, provider: PaymentProvider):
        payment = provider.charge(charge_request())
        first = provider.refund(refund_request(payment.payment_id))
        assert provider.refund(refund_request(payment.payment_id)) == first

    def test_an_unknown_payment_cannot_be_refunded(self, provider: PaymentProvider):
        with pytest.raises(PermanentError, match="no payment"):
            provider.refund(refund_request("pay_nobody"))


@pytest.mark.django_db
class TestCharge:
    def test_visa_pays(self, sandbox):
        result = sandbox.charge(charge_request())
        assert (result.amount_cents, result.currency) == (1_500, "USD")
        assert result.payment_id.startswith("pay_")

    def test_declined_is_permanent_and_books_nothing(self, sandbox):
        for _ in range(2):
            with pytest.raises(PermanentError, match=r"The card was declined\."):
                sandbox.charge(charge_request("tok_declined"))
        assert not SandboxCharge.objects.exists()
        assert sandbox.look_up_charge(KEY).charge is None

    def test_flaky_times_out_twice_and_then_pays(self, sandbox):
        for _ in range(2):
            with pytest.raises(PaymentTransientError):
                sandbox.charge(charge_request("tok_flaky"))
            assert sandbox.look_up_charge(KEY).charge is None
        assert sandbox.charge(charge_request("tok_flaky")) == sandbox.charge(charge_request("tok_flaky"))

    def test_flaky_counts_each_key_by_itself(self, sandbox):
        for key in ("a", "b"):
            with pytest.raises(PaymentTransientError):
                sandbox.charge(charge_request("tok_flaky", key=key))
        assert set(SandboxCharge.objects.values_list("timeouts", flat=True)) == {1}

    def test_timeout_after_charge_is_found_by_a_look_up(self, sandbox):
        with pytest.raises(PaymentTransientError):
            sandbox.charge(charge_request("tok_timeout_after_charge"))
        found = sandbox.look_up_charge(KEY).charge
        assert found is not None
        assert sandbox.charge(charge_request("tok_timeout_after_charge")) == found
        assert SandboxCharge.objects.filter(is_charged=True).count() == 1

    @pytest.mark.parametrize("token", ["", "tok_unknown", "4242424242424242", "tok_visa\0", "ſ" * 10_000])
    def test_an_unknown_token_is_named_and_never_repeated(self, sandbox, token):
        with pytest.raises(ValidationError) as refused:
            sandbox.charge(charge_request(token))
        assert refused.value.field == "card_token"
        assert not token or token not in str(refused.value)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"amount_cents": 0}, "amount_cents"),
            ({"amount_cents": -1}, "amount_cents"),
            ({"amount_cents": 10**30}, "amount_cents"),
            ({"currency": "DOLLARS"}, "currency"),
            ({"idempotency_key": ""}, "idempotency_key"),
            ({"idempotency_key": "k" * 201}, "idempotency_key"),
        ],
    )
    def test_senseless_data_is_named(self, sandbox, change, field):
        with pytest.raises(ValidationError) as refused:
            sandbox.charge(replace(charge_request(), **change))
        assert refused.value.field == field

    def test_never_logs_a_token(self, sandbox, caplog):
        caplog.set_level("DEBUG")
        request = charge_request("tok_unknown_5f1d")
        with pytest.raises(ValidationError):
            sandbox.charge(request)
        assert "tok_unknown_5f1d" not in caplog.text + repr(request)

    def test_takes_its_time_before_and_after_booking(self, sandbox, settings):
        settings.PAYMENT_SANDBOX_LATENCY = 0.05
        started = time.monotonic()
        sandbox.charge(charge_request())
        assert time.monotonic() - started >= 0.1


@pytest.mark.django_db
class TestRefund:
    def test_never_more_than_was_charged(self, sandbox):
        payment = sandbox.charge(charge_request())
        sandbox.refund(refund_request(payment.payment_id, key="first", amount_cents=1_000))
        with pytest.raises(PermanentError, match="Only 500 of 1500"):
            sandbox.refund(refund_request(payment.payment_id, key="second", amount_cents=501))
        sandbox.refund(refund_request(payment.payment_id, key="third", amount_cents=500))
        assert SandboxCharge.objects.get().refunded_cents == 1_500
        assert SandboxRefund.objects.count() == 2

    def test_a_key_is_for_one_refund(self, sandbox):
        payment = sandbox.charge(charge_request())
        other = sandbox.charge(charge_request(key="other"))
        sandbox.refund(refund_request(payment.payment_id, amount_cents=100))
        for request in (refund_request(payment.payment_id, amount_cents=200), refund_request(other.payment_id)):
            with pytest.raises(ValidationError, match="another refund"):
                sandbox.refund(request)
        assert SandboxRefund.objects.count() == 1

    def test_a_charge_that_never_came_off_is_unknown(self, sandbox):
        with pytest.raises(PaymentTransientError):
            sandbox.charge(charge_request("tok_flaky"))
        with pytest.raises(PermanentError, match="no payment"):
            sandbox.refund(refund_request(SandboxCharge.objects.get().payment_id))

    def test_a_payment_that_was_played_by_a_signed_event_can_be_refunded(self, sandbox):
        WebhookEvent.objects.create(
            event_id="evt_1",
            type="payment.succeeded",
            order_id="ORD-20261119-140810-x7f2",
            payment_id="pay_by_hand",
            amount_cents=1_500,
            currency="USD",
            created=timezone.now(),
        )
        first = sandbox.refund(refund_request("pay_by_hand"))
        assert sandbox.refund(refund_request("pay_by_hand")) == first
        with pytest.raises(PermanentError, match="Only 0 of 1500"):
            sandbox.refund(refund_request("pay_by_hand", key="another"))

    def test_a_payment_that_was_played_by_a_signal_can_be_refunded(self, sandbox):
        saved(payment=PaymentView(status="paid", provider_reference="pay_by_cli", amount_cents=1_500))
        assert sandbox.refund(refund_request("pay_by_cli")).refund_id
        with pytest.raises(PermanentError, match="no payment"):
            sandbox.refund(refund_request("pay_of_nobody", key="r2"))

    def test_another_currency_is_refused(self, sandbox):
        payment = sandbox.charge(charge_request())
        with pytest.raises(ValidationError, match="must be USD"):
            sandbox.refund(replace(refund_request(payment.payment_id), currency="EUR"))


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.mark.parametrize("token", ["tok_visa", "tok_flaky", "tok_timeout_after_charge"])
    def test_fifty_with_one_key_book_one_charge(self, sandbox, token):
        answers = at_once(50, lambda _: sandbox.charge(charge_request(token)))
        booked = {answer.payment_id for answer in answers if not isinstance(answer, Exception)}
        timed_out = [answer for answer in answers if isinstance(answer, Exception)]
        assert len(booked) == 1
        assert [type(error) for error in timed_out] == [PaymentTransientError] * len(timed_out)
        assert len(timed_out) == {"tok_visa": 0, "tok_flaky": 2, "tok_timeout_after_charge": 1}[token]
        assert SandboxCharge.objects.count() == 1

    def test_twenty_refunds_at_once_never_exceed_the_charge(self, sandbox):
        payment = sandbox.charge(charge_request())
        answers = at_once(
            20, lambda number: sandbox.refund(refund_request(payment.payment_id, key=f"r{number}", amount_cents=400))
        )
        assert sum(not isinstance(answer, Exception) for answer in answers) == 3
        assert SandboxCharge.objects.get().refunded_cents == 1_200

    def test_twenty_of_one_refund_give_it_once(self, sandbox):
        payment = sandbox.charge(charge_request())
        answers = at_once(20, lambda _: sandbox.refund(refund_request(payment.payment_id)))
        assert len({answer.refund_id for answer in answers}) == 1
