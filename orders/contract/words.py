"""Names, limits and words of the order area: statuses, stages, codes. Standard library only."""

import re
from enum import StrEnum

TASK_QUEUE = "order-processing-queue"
WORKFLOW_TYPE = "OrderWorkflow"

MAX_REASON = 2_000
MAX_QUANTITY = 100_000
MAX_CENTS = 10**12

ORDER_ID = r"ORD-\d{8}-\d{6}-[0-9a-z]{4,12}"
"""What an order's address takes; whoever starts a workflow at Temporal may call the order something else."""


def order_workflow_id(order_id: str) -> str:
    """The workflow id of an order, ``order-<order_id>``."""
    return f"order-{order_id}"


def is_order_id(text: str) -> bool:
    """Whether ``text`` has the form ``ORD-YYYYMMDD-HHMMSS-xxxx``."""
    return re.fullmatch(ORDER_ID, text) is not None


class OrderStatus(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    NEEDS_ATTENTION = "needs_attention"

    @property
    def is_final(self) -> bool:
        return self in {OrderStatus.DELIVERED, OrderStatus.CANCELLED, OrderStatus.REFUNDED}


class OrderStage(StrEnum):
    START = "start"
    ENRICHMENT = "enrichment"
    RESERVE = "reserve"
    AWAITING_PAYMENT = "awaiting_payment"
    PAYMENT = "payment"
    STATUS_UPDATE = "status_update"
    AWAITING_SHIPMENT = "awaiting_shipment"
    IN_TRANSIT = "in_transit"
    NOTIFY = "notify"
    COMPLETED = "completed"
    COMPENSATING = "compensating"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    UNPAID = "unpaid"
    PROCESSING = "processing"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    PAID = "paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class ShippingStatus(StrEnum):
    NOT_SHIPPED = "not_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"


class RefusalCode(StrEnum):
    """Type of the ``ApplicationError`` by which an order says no."""

    VALIDATION = "ValidationError"
    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"
    OUT_OF_STOCK = "out_of_stock"
    NOT_PAYABLE = "not_payable"
    AMOUNT_MISMATCH = "amount_mismatch"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    ALREADY_PAID = "already_paid"
    NOT_PAID = "not_paid"
    ALREADY_SHIPPED = "already_shipped"
    NOT_SHIPPED = "not_shipped"
    ALREADY_DELIVERED = "already_delivered"
    ALREADY_CANCELLED = "already_cancelled"
    CANCELLING = "cancelling"
    ITEMS_FIXED = "items_fixed"
    TOO_MANY_LINES = "too_many_lines"
    UNKNOWN_SKU = "unknown_sku"
    NOT_IN_ORDER = "not_in_order"
    LAST_ITEM = "last_item"
    AWAITS_RELEASE = "awaits_release"
    NOTHING_TO_RETRY = "nothing_to_retry"
    BUSY = "busy"


class Step(StrEnum):
    """Steps that can fail for good and be tried again by a person (``retry_failed_step``).

    ``review`` fails whenever an order's total is above the limit; trying it again is the person's release.
    """

    RESERVE = "reserve"
    PAYMENT = "payment"
    REFUND = "refund"
    RELEASE = "release"
    REVIEW = "review"


class TimelineKind(StrEnum):
    ORDER_PLACED = "order_placed"
    ORDER_CHECKED = "order_checked"
    ITEM_ADDED = "item_added"
    ITEM_REMOVED = "item_removed"
    ITEM_REFUSED = "item_refused"
    STOCK_RESERVED = "stock_reserved"
    STOCK_SHORT = "stock_short"
    PAYMENT_WINDOW_OPENED = "payment_window_opened"
    PAYMENT_WINDOW_CLOSED = "payment_window_closed"
    PAYMENT_STARTED = "payment_started"
    PAYMENT_RETRY = "payment_retry"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_UNMATCHED = "payment_unmatched"
    PAYMENT_REFUNDED = "payment_refunded"
    REFUND_FAILED = "refund_failed"
    STATUS_SAVED = "status_saved"
    REVIEW_ASKED = "review_asked"
    REVIEW_PASSED = "review_passed"
    SHIPMENT_LATE = "shipment_late"
    ORDER_SHIPPED = "order_shipped"
    ETA_SLIPPED = "eta_slipped"
    ORDER_DELIVERED = "order_delivered"
    CANCELLATION_REQUESTED = "cancellation_requested"
    ORDER_CANCELLED = "order_cancelled"
    STOCK_RELEASED = "stock_released"
    RELEASE_FAILED = "release_failed"
    STEP_RETRIED = "step_retried"
    MAIL_SENT = "mail_sent"
    MAIL_FAILED = "mail_failed"
    MESSAGE_REFUSED = "message_refused"
    ORDER_REOPENED = "order_reopened"
