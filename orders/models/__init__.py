"""Configuration that the admin site edits, and the projection of the orders that Temporal runs.

The workflow holds the truth of an order in flight. These rows are what lists, search and reports read, and what is left
when Temporal's retention has passed; they never decide anything for a running order.
"""

from orders.models.orders import Order, OrderEvent, OrderMail
from orders.models.payments import SandboxCharge, SandboxRefund, UnmatchedEvent, WebhookEvent
from orders.models.settings import OrderSettings
from orders.models.shop import Customer, Product, Reservation, StockHold

__all__ = [
    "Customer",
    "Order",
    "OrderEvent",
    "OrderMail",
    "OrderSettings",
    "Product",
    "Reservation",
    "SandboxCharge",
    "SandboxRefund",
    "StockHold",
    "UnmatchedEvent",
    "WebhookEvent",
]
