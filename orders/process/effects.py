"""The workflow's side of every activity: its name, time-outs, retry policy and result type, each in one place.

Activities are called by name, so that workflow code imports neither Django nor the modules that use it. A test holds
that each of these has a registered activity of the same name and types.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

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
)

PERMANENT_ERROR = "PermanentError"
VALIDATION_ERROR = "ValidationError"
TRANSIENT_ERROR = "PaymentTransientError"

# Our own database: it comes back, so it is tried until it does.
DATABASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)),
}
# Nice to have: an order never waits long for it, and never fails with it.
BEST_EFFORT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=5),
    "schedule_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3),
}
# A charge. What the gateway answers is the workflow's to handle: its tries, waits and errors are shown on the page. What
# Temporal repeats here is an attempt that no worker lived to report, and it does so until one does; the idempotency key
# keeps that from charging twice.
CHARGE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=1.0,
        non_retryable_error_types=[PERMANENT_ERROR, VALIDATION_ERROR, TRANSIENT_ERROR],
    ),
}
LOOK_UP: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
}
MAIL: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3),
}


def compensation(attempts: int) -> dict[str, Any]:
    """Making good: tried ``attempts`` times, then it waits for a person. Refusals of the gateway wait at once."""
    return {
        "start_to_close_timeout": timedelta(seconds=15),
        "retry_policy": RetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
            maximum_attempts=attempts,
            non_retryable_error_types=[PERMANENT_ERROR, VALIDATION_ERROR],
        ),
    }


@dataclass(frozen=True)
class CustomerProfile:
    """``orders`` counts the customer's earlier orders; ``name`` is empty for a customer nobody knows."""

    name: str
    orders: int


@dataclass(frozen=True)
class EarlyPayment:
    """A payment event that came in before its order did. ``kind`` is the webhook's type."""

    kind: str
    event: PaymentEvent


async def snapshot_inventory(skus: Sequence[str]) -> list[ProductFacts]:
    return await workflow.execute_activity(
        "snapshot_inventory", list(skus), result_type=list[ProductFacts], summary="Inventory", **BEST_EFFORT
    )


async def load_customer_profile(customer_id: str) -> CustomerProfile:
    return await workflow.execute_activity(
        "load_customer_profile", customer_id, result_type=CustomerProfile, summary="Customer", **BEST_EFFORT
    )


async def recommend_products(skus: Sequence[str]) -> list[str]:
    """SKUs that are often bought together with these."""
    return await workflow.execute_activity(
        "recommend_products", list(skus), result_type=list[str], summary="Recommendations", **BEST_EFFORT
    )


async def hold_stock(request: StockRequest) -> StockResult:
    return await workflow.execute_activity(
        "hold_stock", request, result_type=StockResult, summary=f"Hold stock, revision {request.revision}", **DATABASE
    )


async def release_stock(request: StockRequest, attempts: int) -> StockResult:
    return await workflow.execute_activity(
        "hold_stock", request, result_type=StockResult, summary="Release stock", **compensation(attempts)
    )


async def ship_stock(order_id: str) -> None:
    await workflow.execute_activity("ship_stock", order_id, summary="Book stock out", **DATABASE)


async def collect_early_payments(order_id: str) -> list[EarlyPayment]:
    return await workflow.execute_activity(
        "collect_early_payments",
        order_id,
        result_type=list[EarlyPayment],
        summary="Payments that came early",
        **DATABASE,
    )


async def record_unmatched_payment(unmatched: UnmatchedPayment) -> None:
    await workflow.execute_activity("record_unmatched_payment", unmatched, summary="Unmatched payment", **DATABASE)


async def charge_payment(request: ChargeRequest, attempt: int) -> ChargeResult:
    return await workflow.execute_activity(
        "charge_payment", request, result_type=ChargeResult, summary=f"Charge, attempt {attempt}", **CHARGE
    )


async def look_up_charge(idempotency_key: str) -> ChargeLookup:
    return await workflow.execute_activity(
        "look_up_charge", idempotency_key, result_type=ChargeLookup, summary="Was it charged?", **LOOK_UP
    )


async def refund_payment(request: RefundRequest, attempts: int) -> RefundResult:
    return await workflow.execute_activity(
        "refund_payment", request, result_type=RefundResult, summary="Refund", **compensation(attempts)
    )


async def save_order(order: OrderView) -> None:
    await workflow.execute_activity("save_order", order, summary=f"Save version {order.version}", **DATABASE)


async def send_order_mail(request: MailRequest) -> str:
    """Sends it once; returns the address that it went to."""
    return await workflow.execute_activity(
        "send_order_mail", request, result_type=str, summary=f"Mail {request.kind}", **MAIL
    )
