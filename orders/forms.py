"""The forms by which people act on an order. Each says in words what it does and sends itself through the gateway."""

from collections.abc import Sequence
from datetime import datetime

from django import forms
from django.conf import settings

from dashboard.keyed_forms import ActionForm, TypedIdForm
from orders import gateway
from orders.actions import retryable_step
from orders.contract import (
    MAX_CENTS,
    MAX_QUANTITY,
    MAX_REASON,
    MAX_TEXT,
    By,
    OrderView,
    PaymentStatus,
    Step,
    TimelineKind,
)
from orders.models import Product
from temporal_worker.money import money

TEST_CARDS = (
    ("tok_visa", "pays"),
    ("tok_declined", "is declined"),
    ("tok_flaky", "times out twice, then pays"),
    ("tok_timeout_after_charge", "charges, then times out"),
)


OrderActionForm = ActionForm[OrderView, By, OrderView]
"""What a person can do with an order."""


class ItemForm(OrderActionForm):
    sku = forms.CharField(label="Product", max_length=64, widget=forms.Select)
    quantity = forms.IntegerField(
        min_value=1, max_value=MAX_QUANTITY, initial=1, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )

    def _offer(self, choices: Sequence[tuple[str, str]]) -> None:
        widget = self.fields["sku"].widget
        assert isinstance(widget, forms.Select)
        widget.choices = [("", "Choose a product"), *choices]


class AddItemForm(ItemForm):
    heading, submit, told = "Add an item", "Add", "Item added."
    intro = "Its stock is held at once, at today's price."

    def prepare(self, view: OrderView, by: By) -> None:
        products = Product.objects.filter(is_active=True, currency=view.currency)
        self._offer([(p.sku, f"{p.sku} · {p.name} · {money(p.unit_price_cents, p.currency)}") for p in products])

    def send(self, order_id: str, by: By) -> OrderView:
        asked = self.cleaned_data
        return gateway.add_item(order_id, sku=asked["sku"], quantity=asked["quantity"], by=by, key=self.key)


class RemoveItemForm(ItemForm):
    heading, submit, told = "Remove an item", "Remove", "Item removed."
    intro = "The pieces go back to stock."

    def prepare(self, view: OrderView, by: By) -> None:
        self._offer([(line.sku, f"{line.sku} · {line.name} · {line.quantity} in the order") for line in view.items])

    def send(self, order_id: str, by: By) -> OrderView:
        asked = self.cleaned_data
        return gateway.remove_item(order_id, sku=asked["sku"], quantity=asked["quantity"], by=by, key=self.key)


class PaymentForm(OrderActionForm):
    heading, submit, told = "Take a card payment", "Take the payment", "The payment is being taken."
    payment_method = forms.CharField(initial="card", max_length=32, widget=forms.HiddenInput)
    amount_cents = forms.IntegerField(min_value=1, max_value=MAX_CENTS, widget=forms.HiddenInput)
    card_token = forms.CharField(
        label="Card token",
        max_length=200,
        help_text="Single use, from the payment provider. It is not kept.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "test-cards"}),
    )
    currency = "USD"

    @property
    def intro(self) -> str:  # type: ignore[override]
        cents = str(self["amount_cents"].value() or "")
        amount = money(int(cents), self.currency) if cents.isascii() and cents.isdigit() and len(cents) < 16 else ""
        return f"{amount} is charged once, however often it has to be tried." if amount else ""

    @property
    def test_cards(self) -> Sequence[tuple[str, str]]:
        return TEST_CARDS if settings.DEMO else ()

    def prepare(self, view: OrderView, by: By) -> None:
        self.currency = view.currency
        self.fields["amount_cents"].initial = view.total_cents

    def send(self, order_id: str, by: By) -> OrderView:
        asked = self.cleaned_data
        return gateway.process_payment(
            order_id,
            payment_method=asked["payment_method"],
            card_token=asked["card_token"],
            amount_cents=asked["amount_cents"],
            by=by,
            key=self.key,
        )


class ManualPaymentForm(OrderActionForm):
    heading, submit, told = "Record a payment", "Record the payment", "Payment recorded."
    intro = "For money that came another way: by transfer, or in cash. Your name is noted as the one who accepted it."
    reference = forms.CharField(max_length=200, help_text="Where the money can be found: a bank reference, a receipt.")

    def send(self, order_id: str, by: By) -> OrderView:
        return gateway.accept_payment(order_id, reference=self.cleaned_data["reference"], by=by, key=self.key)


class ShipmentForm(OrderActionForm):
    heading, submit, told = "Mark as shipped", "Mark as shipped", "Marked as shipped. The customer is told."
    intro = "The customer gets a mail with the tracking number. After this the order cannot be cancelled."
    carrier = forms.CharField(max_length=64)
    tracking_number = forms.CharField(max_length=64)
    address = forms.CharField(
        max_length=MAX_TEXT, required=False, widget=forms.Textarea(attrs={"rows": 2}), label="Address, if another one"
    )

    def send(self, order_id: str, by: By) -> OrderView:
        asked = self.cleaned_data
        return gateway.ship(
            order_id,
            carrier=asked["carrier"],
            tracking_number=asked["tracking_number"],
            address=asked["address"],
            by=by,
            key=self.key,
        )


class DeliveryForm(OrderActionForm):
    heading, submit, told = "Mark as delivered", "Mark as delivered", "Marked as delivered."
    intro = "The order is complete then, and the customer gets a last mail."
    received_by = forms.CharField(max_length=150, required=False, help_text="Who took it at the door, if known.")

    def send(self, order_id: str, by: By) -> OrderView:
        return gateway.deliver(order_id, received_by=self.cleaned_data["received_by"], by=by, key=self.key)


class CancellationForm(TypedIdForm[OrderView, By, OrderView]):
    """Of a paid order, money goes back: it has to be named once more."""

    heading, submit, told = "Cancel order", "Cancel the order", "The order is being cancelled."
    danger = True
    reason = forms.CharField(
        max_length=MAX_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The customer reads it.",
    )

    def prepare(self, view: OrderView, by: By) -> None:
        pieces = sum(line.quantity for line in view.items)
        stock = f"{pieces:,} piece{'s' if pieces != 1 else ''} go{'es' if pieces == 1 else ''} back to stock"
        self.ask_to_type(view.order_id, is_grave=_is_paid(view))
        if _is_paid(view):
            total = money(view.payment.amount_cents, view.currency)
            # The provider may have given back a part by itself; the workflow knows which.
            has_parts = any(entry.kind == TimelineKind.PAYMENT_REFUNDED for entry in view.timeline)
            goes_back = f"What is left of {total} goes" if has_parts else f"{total} go"
            self.intro = f"{goes_back} back to the customer, then {stock}. The customer is told. This cannot be undone."
        else:
            self.intro = f"{stock[:1].upper()}{stock[1:]}; nothing was charged. The customer is told."

    def send(self, order_id: str, by: By) -> OrderView:
        if _is_paid(gateway.read_order(order_id).view):
            self.check_typed(order_id)
        return gateway.cancel_order(order_id, reason=self.cleaned_data["reason"], by=by, key=self.key)


def _is_paid(view: OrderView) -> bool:
    return view.payment.status == PaymentStatus.PAID


class RetryForm(OrderActionForm):
    heading, submit, told = "Try it again", "Try again now", "It is being tried again."
    intro = "At once, with the same key as before: what was done already is not done twice."
    step = forms.CharField(max_length=32, widget=forms.HiddenInput)
    since = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def prepare(self, view: OrderView, by: By) -> None:
        step = retryable_step(view)
        self.fields["step"].initial = step
        if view.problem is not None and view.problem.step == step:
            # Two refunds may have stopped, and the form of the one must not confirm the other.
            self.fields["since"].initial = view.problem.since.isoformat()
        if step == Step.REVIEW:
            self.heading, self.submit = "Release for shipping", "Release it"  # type: ignore[misc]
            self.intro = "You have looked at who ordered what, where it goes and how it was paid. Your name is noted."

    def clean_since(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self.cleaned_data["since"]) if self.cleaned_data["since"] else None
        except ValueError:
            raise forms.ValidationError("This is no time.") from None

    def send(self, order_id: str, by: By) -> OrderView:
        asked = self.cleaned_data
        if asked["step"] == Step.REVIEW:
            self.told = "Released for shipping."
        return gateway.retry_failed_step(order_id, step=asked["step"], since=asked["since"], by=by, key=self.key)


ACTION_FORMS: dict[str, type[OrderActionForm]] = {
    "items": AddItemForm,
    "item_removal": RemoveItemForm,
    "payment": PaymentForm,
    "manual_payment": ManualPaymentForm,
    "shipment": ShipmentForm,
    "delivery": DeliveryForm,
    "cancellation": CancellationForm,
    "retry": RetryForm,
}
