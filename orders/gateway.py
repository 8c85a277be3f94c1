"""The web side's only door to the orders that Temporal runs.

Functions speak the shop's language, and so do their exceptions; each is plain sync code with a deadline of its own. A
``key`` makes a changing call safe to repeat: the same key by the same person is done once.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from asgiref.sync import sync_to_async
from django.db import IntegrityError, transaction
from django.utils import timezone
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError

from orders import projection, stockroom, unmatched
from orders.contract import (
    TASK_QUEUE,
    WORKFLOW_TYPE,
    By,
    CancellationInput,
    DeliveryInput,
    InvalidField,
    ItemInput,
    ManualPaymentInput,
    OrderInput,
    OrderLine,
    OrderStage,
    OrderStatus,
    OrderView,
    PaymentEvent,
    PaymentInput,
    PaymentStatus,
    RefusalCode,
    RetryInput,
    ShipmentInput,
    order_workflow_id,
)
from orders.models import Order, OrderSettings, WebhookEvent
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowAlreadyStarted, WorkflowCompleted, WorkflowNotFound

log = structlog.get_logger(__name__)

UPDATE_TIMEOUT = 10.0
QUERY_TIMEOUT = 1.5
START_AGAIN_AFTER = timedelta(seconds=5)

SIGNALS = {
    "payment.succeeded": "confirm_payment",
    "payment.failed": "report_payment_failed",
    "payment.refunded": "report_payment_refunded",
}


class OrderProblem(Exception):
    """Why a request about an order was not done. ``code`` is for machines, ``detail`` a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class OrderNotFound(OrderProblem):
    def __init__(self, order_id: str) -> None:
        super().__init__("not_found", f"There is no order {order_id}.")


class InvalidRequest(OrderProblem):
    """Something in the request cannot be meant; ``field`` names it, as in ``items.0.quantity``."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__("invalid", problem)
        self.field = field


class OrderRefused(OrderProblem):
    """The order says no, and nothing was changed. ``code`` is a :class:`RefusalCode`, ``extra`` are its details."""

    def __init__(self, code: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.extra = extra or {}


class CardDeclined(OrderRefused):
    """The card was declined; the order waits for another one."""


class KeyReused(OrderRefused):
    """The idempotency key stands for another request already."""

    def __init__(self) -> None:
        super().__init__("key_reused", "This idempotency key was used for another request.")


class Unavailable(OrderProblem):
    """Temporal or its worker is out of reach; the same request with the same key is safe to repeat."""

    def __init__(self, detail: str, retry_after: int = 5) -> None:
        super().__init__("unavailable", detail)
        self.retry_after = retry_after


@dataclass
class OrderReading:
    """An order, and whether it is its workflow's word or the database's. ``reason`` says why it is not live."""

    view: OrderView
    source: str
    as_of: datetime
    reason: str = ""


class _Message(Protocol):
    def check(self) -> None: ...


# ── Placing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def start_order(
    *,
    customer_id: str,
    customer_email: str,
    items: Sequence[tuple[str, int]],
    by: By,
    key: str,
    shipping_address: str = "",
    customer_name: str = "",
) -> OrderView:
    """Place an order of ``(sku, quantity)`` lines, once for each key.

    The row is written before the workflow is started: what a crash or an outage leaves between the two is finished by
    :func:`finish_starting_orders`, so an order that was taken is never lost.

    Raises:
        InvalidRequest, KeyReused
        Unavailable: the order is kept and starts by itself later; a repeat with the key finds it.
    """
    asked = [customer_id, customer_email, [list(item) for item in items], shipping_address, customer_name]
    row = _row_of_key(f"{by.username}:{key}", _digest(asked))
    if row is None:
        order = OrderInput(
            order_id=_new_order_id(),
            customer_id=customer_id,
            customer_email=customer_email,
            customer_name=customer_name,
            shipping_address=shipping_address,
            items=_lines(items),
            policy=OrderSettings.current().to_policy(),
            by=by,
        )
        _check(order)
        order = replace(order, items=_priced(order.items))
        row = _write_row(order, f"{by.username}:{key}", _digest(asked))
    if row.status == Order.STARTING:
        _start(row)
    return read_order(row.order_id).view


def _row_of_key(key: str, request_hash: str) -> Order | None:
    row = Order.objects.filter(idempotency_key=key).first()
    if row is not None and row.request_hash != request_hash:
        raise KeyReused
    return row


def _lines(items: Sequence[tuple[str, int]]) -> list[OrderLine]:
    return [OrderLine(sku, quantity) for sku, quantity in items]


def _priced(lines: list[OrderLine]) -> list[OrderLine]:
    """The lines with today's names and prices; what is ordered now costs what is shown now."""
    facts = {product.sku: product for product in stockroom.product_facts([line.sku for line in lines])}
    for number, line in enumerate(lines):
        if line.sku not in facts:
            raise InvalidRequest(f"items.{number}.sku", f"There is no product {line.sku} for sale.")
    if len({facts[line.sku].currency for line in lines}) > 1:
        raise InvalidRequest("items", "All products of an order must have the same currency.")
    return [
        replace(line, name=facts[line.sku].name, unit_price_cents=facts[line.sku].unit_price_cents) for line in lines
    ]


def _new_order_id() -> str:
    return f"ORD-{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _write_row(order: OrderInput, key: str, request_hash: str) -> Order:
    """The order's row. Two writers of one key meet in the database; an id that is taken is drawn again."""
    for _ in range(20):
        try:
            with transaction.atomic():
                return Order.objects.create(
                    order_id=order.order_id,
                    customer_id=order.customer_id,
                    customer_name=order.customer_name,
                    customer_email=order.customer_email,
                    currency=order.currency,
                    total_cents=sum(line.amount_cents for line in order.items),
                    skus=f" {' '.join(line.sku for line in order.items)} ",
                    idempotency_key=key,
                    request_hash=request_hash,
                    start_input=projection.to_json(order),
                )
        except IntegrityError:
            if row := _row_of_key(key, request_hash):
                return row
            order = replace(order, order_id=_new_order_id())
    raise Unavailable("No free order number was found; try again.", retry_after=1)


def _start(row: Order) -> None:
    order = projection.load_input(row)
    starting = client.start_workflow(
        WORKFLOW_TYPE,
        order,
        id=order_workflow_id(row.order_id),
        task_queue=TASK_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"Order of {row.customer_name or row.customer_id}",
    )
    try:
        client.call(starting)
    except WorkflowAlreadyStarted:
        return
    except TemporalUnavailable as error:
        raise Unavailable(
            f"{error} The order {row.order_id} is kept and starts by itself; sending it again does not place it twice.",
            error.retry_after,
        ) from error


def finish_starting_orders() -> int:
    """Start what was taken and not started. Returns how many; stops at the first when Temporal is out of reach."""
    started = 0
    rows = Order.objects.filter(status=Order.STARTING, placed_at__lt=timezone.now() - START_AGAIN_AFTER)
    for row in rows.order_by("pk")[:100]:
        try:
            _start(row)
        except Unavailable as problem:
            log.warning("orders_wait_for_temporal", order_id=row.order_id, problem=problem.detail)
            break
        started += 1
    return started


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_order(order_id: str) -> OrderReading:
    """The order as its workflow knows it, or, when that cannot be had in time or is over, as the database does.

    Raises:
        OrderNotFound
    """
    row = Order.objects.filter(order_id=order_id).first()
    if row is not None and row.stage in {OrderStage.COMPLETED, OrderStage.CANCELLED}:
        return OrderReading(projection.load_view(row), "database", row.updated_at)
    try:
        view = client.call(_query(order_id))
    except WorkflowNotFound:
        reason = "Its workflow has not started yet." if row and row.status == Order.STARTING else ""
    except TemporalUnavailable as error:
        reason = str(error)
    else:
        return OrderReading(view, "temporal", timezone.now())
    if row is None:
        if reason:
            raise Unavailable(reason)
        raise OrderNotFound(order_id)
    return OrderReading(projection.load_view(row), "database", row.updated_at, reason)


async def afetch_order(order_id: str) -> OrderView:
    """One query of the order's workflow, for the live hub; past retention, or before the start, the database's word.

    Raises:
        OrderNotFound
        TemporalUnavailable
    """
    try:
        return await _query(order_id)
    except WorkflowNotFound:
        return await sync_to_async(_saved_view, thread_sensitive=False)(order_id)


def _saved_view(order_id: str) -> OrderView:
    row = Order.objects.filter(order_id=order_id).first()
    if row is None:
        raise OrderNotFound(order_id)
    return projection.load_view(row)


async def _query(order_id: str) -> OrderView:
    return await client.query(
        order_workflow_id(order_id), "get_order_details", result_type=OrderView, timeout=QUERY_TIMEOUT
    )


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_item(order_id: str, *, sku: str, quantity: int, by: By, key: str) -> OrderView:
    return _update(order_id, "add_item", ItemInput(sku, quantity, by), by, key)


def remove_item(order_id: str, *, sku: str, quantity: int, by: By, key: str) -> OrderView:
    return _update(order_id, "remove_item", ItemInput(sku, quantity, by), by, key)


def process_payment(
    order_id: str, *, payment_method: str, card_token: str, amount_cents: int, by: By, key: str
) -> OrderView:
    """Charge a card. The answer's payment may still be ``processing`` or ``unknown`` when the gateway takes long.

    Raises:
        CardDeclined, and what every change raises
    """
    payment = PaymentInput(payment_method, card_token, amount_cents, by)
    return _update(order_id, "process_payment", payment, by, key)


def accept_payment(order_id: str, *, reference: str, by: By, key: str) -> OrderView:
    """Note that the order was paid outside the provider: by bank transfer, in cash."""
    return _update(order_id, "accept_payment", ManualPaymentInput(by.username, reference, by), by, key)


def ship(order_id: str, *, carrier: str, tracking_number: str, by: By, key: str, address: str = "") -> OrderView:
    return _update(order_id, "ship", ShipmentInput(carrier, tracking_number, address, by), by, key)


def deliver(
    order_id: str, *, by: By, key: str, delivered_at: datetime | None = None, received_by: str = ""
) -> OrderView:
    return _update(order_id, "deliver", DeliveryInput(delivered_at, received_by, by), by, key)


def cancel_order(order_id: str, *, reason: str, by: By, key: str) -> OrderView:
    return _update(order_id, "request_cancellation", CancellationInput(reason, by), by, key)


def retry_failed_step(order_id: str, *, step: str, by: By, key: str) -> OrderView:
    return _update(order_id, "retry_failed_step", RetryInput(step, by), by, key)


def _update(order_id: str, update: str, message: _Message, by: By, key: str) -> OrderView:
    """One update; its id is made of who, the key and what is asked, so a repeat is answered and not done again.

    Raises:
        InvalidRequest, OrderRefused, OrderNotFound, Unavailable
    """
    _check(message)
    update_id = f"{by.door}:{by.username}:{key}:{_digest([update, asdict(message)])[:16]}"  # type: ignore[call-overload]
    try:
        return client.call(
            client.execute_update(
                order_workflow_id(order_id),
                update,
                message,
                update_id=update_id,
                result_type=OrderView,
                timeout=UPDATE_TIMEOUT,
            ),
            timeout=UPDATE_TIMEOUT + 2,
        )
    except ApplicationError as error:
        raise _problem(error) from error
    except WorkflowCompleted as error:
        raise _over(order_id) from error
    except WorkflowNotFound as error:
        raise _over(order_id) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def _problem(error: ApplicationError) -> OrderProblem:
    details = dict(error.details[0]) if error.details and isinstance(error.details[0], dict) else {}
    match error.type:
        case RefusalCode.VALIDATION:
            return InvalidRequest(str(details.get("field", "")), error.message)
        case RefusalCode.CARD_DECLINED:
            return CardDeclined(error.type, error.message, details)
    return OrderRefused(error.type or "refused", error.message, details)


def _over(order_id: str) -> OrderProblem:
    """Why an order without a running workflow takes no more messages."""
    row = Order.objects.filter(order_id=order_id).first()
    if row is None:
        return OrderNotFound(order_id)
    if row.status == Order.STARTING:
        return Unavailable("The order has not started yet.", retry_after=2)
    if row.status == OrderStatus.DELIVERED:
        return OrderRefused(RefusalCode.ALREADY_DELIVERED, "The order has been delivered.")
    return OrderRefused(RefusalCode.ALREADY_CANCELLED, "The order has been cancelled.")


# ── Payment events ───────────────────────────────────────────────────────────────────────────────────────────────────


def deliver_payment_event(event: WebhookEvent) -> WebhookEvent:
    """Hand a stored payment event to its order, or put it on the unmatched list. Safe to repeat.

    Raises:
        Unavailable: Temporal is out of reach; the event stays ``received``, and the reconciler comes back to it.
    """
    message = PaymentEvent(event.event_id, event.payment_id, event.amount_cents, event.currency)
    try:
        if not _signal_order(event, message):
            _keep_for_later(event, message)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    event.refresh_from_db()
    return event


def _signal_order(event: WebhookEvent, message: PaymentEvent) -> bool:
    """Whether there is, or was, such an order."""
    try:
        client.call(client.signal(order_workflow_id(event.order_id), SIGNALS[event.type], message))
    except WorkflowNotFound:
        row = Order.objects.filter(order_id=event.order_id).exclude(status=Order.STARTING).first()
        if row is None:
            return False
        _deliver_late(event, message)
    except WorkflowCompleted:
        _deliver_late(event, message)
    except InvalidField as problem:
        unmatched.record_unmatched(event, str(problem))
    else:
        _set_state(event, WebhookEvent.State.DELIVERED)
    return True


def _keep_for_later(event: WebhookEvent, message: PaymentEvent) -> None:
    """No such order, or not yet. The list first, then once more the order: it may have started between the two.

    An order that starts later still looks for events that came before it.
    """
    reason = f"There is no order {event.order_id}."
    unmatched.record_unmatched(event, reason)
    if _signal_order(event, message):
        unmatched.settle_by_system(event, "The order took it as it started.", listed_for=reason)


def _deliver_late(event: WebhookEvent, message: PaymentEvent) -> None:
    """The order is closed. Money that comes in now goes back: the order's workflow wakes again to see to it."""
    row = Order.objects.get(order_id=event.order_id)
    view = projection.load_view(row)
    is_own = event.payment_id == view.payment.provider_reference
    if event.type == "payment.failed" or (is_own and view.payment.status == PaymentStatus.REFUNDED):
        _set_state(event, WebhookEvent.State.IGNORED)
    elif event.type == "payment.succeeded" and is_own:
        _set_state(event, WebhookEvent.State.DELIVERED)
    elif event.type == "payment.refunded":
        unmatched.record_unmatched(event, f"The order is {row.status}; the provider says that its payment went back.")
    else:
        _reopen(view, message)
        _set_state(event, WebhookEvent.State.DELIVERED)


def _reopen(view: OrderView, message: PaymentEvent) -> None:
    order = OrderInput(
        order_id=view.order_id,
        customer_id=view.customer_id,
        customer_email=view.customer_email,
        customer_name=view.customer_name,
        shipping_address=view.shipping_address,
        currency=view.currency,
        items=view.items,
        policy=OrderSettings.current().to_policy(),
        resume=view,
    )
    client.call(
        client.start_workflow(
            WORKFLOW_TYPE,
            order,
            id=order_workflow_id(view.order_id),
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            # Two late events at once meet in one run.
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="confirm_payment",
            start_signal_args=[message],
        )
    )


def _set_state(event: WebhookEvent, state: WebhookEvent.State) -> None:
    """Only forward: the order itself may have put the event on the unmatched list by now, and has the last word."""
    WebhookEvent.objects.filter(pk=event.pk, state=WebhookEvent.State.RECEIVED).update(state=state)


# ── Shared ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check(message: _Message) -> None:
    try:
        message.check()
    except InvalidField as error:
        raise InvalidRequest(error.field, error.problem) from error


def _digest(value: object) -> str:
    """SHA-256 of something asked, in hex; a time in it counts by its ISO form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
