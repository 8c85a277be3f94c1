"""The web side's only door to the orders that Temporal runs; no other module of the area uses the Temporal client.

Functions speak the shop's language, and so do their exceptions; each is plain sync code with a deadline of its own. A
``key`` makes a changing call safe to repeat: the same key by the same person is done once.
"""

from orders.gateway.acting import (
    accept_payment,
    add_item,
    cancel_order,
    deliver,
    process_payment,
    remove_item,
    retry_failed_step,
    ship,
)
from orders.gateway.payment_events import deliver_payment_event
from orders.gateway.placing import finish_starting_orders, start_order, why_closed
from orders.gateway.problems import (
    CardDeclined,
    InvalidRequest,
    KeyReused,
    OrderNotFound,
    OrderProblem,
    OrderRefused,
    OrdersClosed,
    Unavailable,
)
from orders.gateway.reading import OrderReading, afetch_order, read_order

__all__ = [
    "CardDeclined",
    "InvalidRequest",
    "KeyReused",
    "OrderNotFound",
    "OrderProblem",
    "OrderReading",
    "OrderRefused",
    "OrdersClosed",
    "Unavailable",
    "accept_payment",
    "add_item",
    "afetch_order",
    "cancel_order",
    "deliver",
    "deliver_payment_event",
    "finish_starting_orders",
    "process_payment",
    "read_order",
    "remove_item",
    "retry_failed_step",
    "ship",
    "start_order",
    "why_closed",
]
