"""Orders as the gateway would hand them out, for tests of the doors that have no workflow behind them."""

from datetime import UTC, datetime
from typing import Any

from orders import projection
from orders.contract import (
    By,
    Door,
    Eta,
    OrderLine,
    OrderStage,
    OrderStatus,
    OrderView,
    PaymentView,
    TimelineEntry,
    TimelineKind,
    order_workflow_id,
)

ORDER_ID = "ORD-20261119-140810-x7f2"
NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


def order_view(order_id: str = ORDER_ID, **changes: Any) -> OrderView:
    """An order of a laptop and two mice that waits for its payment."""
    fields: dict[str, Any] = {
        "order_id": order_id,
        "workflow_id": order_workflow_id(order_id),
        "status": OrderStatus.PENDING,
        "stage": OrderStage.AWAITING_PAYMENT,
        "version": 3,
        "currency": "USD",
        "total_cents": 135_997,
        "items": [
            OrderLine("LAPTOP-001", 1, "Laptop 14″, 32 GB", 129_999),
            OrderLine("MOUSE-001", 2, "Wireless mouse", 2_999),
        ],
        "shortages": [],
        "eta": Eta(NOON, NOON, "packed in one working day", NOON),
        "payment": PaymentView(),
        "shipment": None,
        "timeline": [
            TimelineEntry(1, NOON, TimelineKind.ORDER_PLACED, By("ops", Door.API), "Order placed", 135_997),
            TimelineEntry(2, NOON, TimelineKind.STOCK_RESERVED, By("", Door.SYSTEM), "3 pieces in 2 lines reserved"),
        ],
        "customer_id": "CUST-001",
        "customer_name": "Amara Okafor",
        "customer_email": "amara.okafor@example.com",
        "placed_at": NOON,
        "timeline_total": 2,
    }
    return OrderView(**{**fields, **changes})


def saved(order_id: str = ORDER_ID, **changes: Any) -> OrderView:
    """The same, in the database."""
    view = order_view(order_id, **changes)
    projection.save(view)
    return view
