"""The effects of an order on the world, one each. Every one may run more than once, and at once with itself.

Sync functions in the worker's thread pool; an interceptor sees to their database connections.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from temporalio import activity
from temporalio.exceptions import ApplicationError

from orders import projection, stockroom, unmatched
from orders.contract import (
    ChargeLookup,
    ChargeRequest,
    ChargeResult,
    MailRequest,
    OrderView,
    PaymentEvent,
    ProductFacts,
    RefundRequest,
    RefundResult,
    StockRequest,
    StockResult,
    UnmatchedPayment,
    is_order_id,
)
from orders.models import Customer, Order, OrderMail, Product, WebhookEvent
from orders.payments.base import PaymentError, get_provider
from orders.process.effects import CustomerProfile, EarlyPayment


@activity.defn
def snapshot_inventory(skus: list[str]) -> list[ProductFacts]:
    return stockroom.product_facts(skus)


@activity.defn
def load_customer_profile(customer_id: str) -> CustomerProfile:
    customer = Customer.objects.filter(customer_id=customer_id).first()
    earlier = Order.objects.filter(customer_id=customer_id).exclude(status=Order.STARTING).count()
    return CustomerProfile(name=customer.name if customer else "", orders=earlier)


@activity.defn
def recommend_products(skus: list[str]) -> list[str]:
    """SKUs of products that are bought together with these, three at most."""
    found = Product.objects.filter(bought_together__sku__in=skus, is_active=True, stock__gt=0).exclude(sku__in=skus)
    return list(found.distinct().order_by("sku").values_list("sku", flat=True)[:3])


@activity.defn
def hold_stock(request: StockRequest) -> StockResult:
    """Hold exactly these lines for the order, or change nothing when one of them is short."""
    return stockroom.hold(request)


@activity.defn
def ship_stock(order_id: str) -> None:
    stockroom.ship(order_id)


@activity.defn
def collect_early_payments(order_id: str) -> list[EarlyPayment]:
    """What the provider sent before the order could take it; from here on the order has it."""
    # But for those that a person has settled by hand.
    events = list(
        WebhookEvent.objects.filter(order_id=order_id)
        .exclude(state=WebhookEvent.State.UNMATCHED, unmatched__resolved_at__isnull=False)
        .order_by("created", "pk")[:100]
    )
    for event in events:
        unmatched.settle_by_system(event, "The order took it as it started.")
    return [EarlyPayment(event.type, _payment_event(event)) for event in events]


def _payment_event(event: WebhookEvent) -> PaymentEvent:
    return PaymentEvent(event.event_id, event.payment_id, event.amount_cents, event.currency)


@activity.defn
def record_unmatched_payment(payment: UnmatchedPayment) -> None:
    """Put a payment event that the order could not take on the list of those that wait for a person."""
    unmatched.record_unmatched_payment(payment)


@contextmanager
def _provider_answers() -> Iterator[None]:
    """What a provider answers is no failure of ours: the workflow gets it by its type, the log without a traceback."""
    try:
        yield
    except PaymentError as answer:
        raise ApplicationError(str(answer), type=type(answer).__name__) from None


@activity.defn
def charge_payment(request: ChargeRequest) -> ChargeResult:
    with _provider_answers():
        return get_provider().charge(request)


@activity.defn
def look_up_charge(idempotency_key: str) -> ChargeLookup:
    with _provider_answers():
        return get_provider().look_up_charge(idempotency_key)


@activity.defn
def refund_payment(request: RefundRequest) -> RefundResult:
    with _provider_answers():
        return get_provider().refund(request)


@activity.defn
def save_order(order: OrderView) -> None:
    projection.save(order)


@contextmanager
def _mail_server_answers() -> Iterator[None]:
    """The mail server is away, or says no: expected, tried again, and no traceback in the log."""
    try:
        yield
    except OSError as error:
        raise ApplicationError(str(error), type=type(error).__name__) from None


@activity.defn
def send_order_mail(request: MailRequest) -> str:
    """Send a mail about an order, once for each kind and number; returns its recipient.

    The row is written first. A worker that dies between the server's "accepted" and the row's ``sent_at`` sends it a
    second time: a notice too many is better than none.
    """
    order = request.order
    to_operations = request.kind == "shipment_late"
    recipient = settings.OPERATIONS_EMAIL if to_operations else order.customer_email
    row = Order.objects.filter(order_id=order.order_id).first()
    if row is None and not is_order_id(order.order_id):
        # It gets no row (``projection.save``), and a mail would lead to a page that is not there.
        raise ApplicationError("No page can have this order's id.", type="NoAddress", non_retryable=True)
    if row is None:
        raise ApplicationError("The order is not in the database yet.", type="NotSavedYet")
    mail, _ = OrderMail.objects.get_or_create(
        order=row, kind=request.kind, number=request.number, defaults={"recipient": recipient}
    )
    if mail.sent_at is None:
        context = {"order": order, "base_url": settings.BASE_URL}
        folder = f"emails/{request.kind}"
        # One line, whatever a name holds: a line break in a subject would start another header.
        mail.subject = " ".join(render_to_string(f"{folder}/subject.txt", context).split())[:300]
        message = EmailMultiAlternatives(
            subject=mail.subject, body=render_to_string(f"{folder}/body.txt", context), to=[recipient]
        )
        message.attach_alternative(render_to_string(f"{folder}/body.html", context), "text/html")
        with _mail_server_answers():
            message.send()
        mail.sent_at = datetime.now(UTC)
        mail.save(update_fields=["subject", "sent_at"])
    return recipient
