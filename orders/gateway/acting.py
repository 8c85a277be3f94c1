"""Acting on an order: one update for each request, done once for each key."""

from datetime import datetime
from typing import Protocol

from temporalio.exceptions import ApplicationError

from orders.contract import (
    By,
    CancellationInput,
    DeliveryInput,
    ItemInput,
    ManualPaymentInput,
    OrderStatus,
    OrderView,
    PaymentInput,
    RefusalCode,
    RetryInput,
    ShipmentInput,
    order_workflow_id,
)
from orders.gateway.problems import (
    CardDeclined,
    InvalidRequest,
    OrderNotFound,
    OrderProblem,
    OrderRefused,
    Unavailable,
    naming_the_field,
)
from orders.models import Order
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import update_id

UPDATE_TIMEOUT = 10.0
"""Seconds within which an update has its answer, or is unavailable."""


class _Message(Protocol):
    def check(self) -> None: ...


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


def retry_failed_step(order_id: str, *, step: str, by: By, key: str, since: datetime | None = None) -> OrderView:
    return _update(order_id, "retry_failed_step", RetryInput(step, by, since), by, key)


def _update(order_id: str, update: str, message: _Message, by: By, key: str) -> OrderView:
    """One update; its id is made of who, the key and what is asked, so a repeat is answered and not done again.

    Raises:
        InvalidRequest, OrderRefused, OrderNotFound, Unavailable
    """
    with naming_the_field():
        message.check()
    try:
        return client.call(
            client.execute_update(
                order_workflow_id(order_id),
                update,
                message,
                update_id=update_id(by, key, update, message),
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
