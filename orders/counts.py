"""How many orders there are of each kind, for badges, tabs and the sentence above the list. One query each."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import CharField, Count, Max, Q, Value

from dashboard.phrases import Part, counted, strong, text
from orders.contract import OrderStatus
from orders.models import Order, UnmatchedEvent

IN_FLIGHT = (Order.STARTING, OrderStatus.PENDING, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.NEEDS_ATTENTION)
ENDED = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
PAYMENT_FAILS = Q(status=OrderStatus.PENDING, pays_again_at__isnull=False)
"""Orders whose payment has failed and is tried again by itself."""


@dataclass(frozen=True)
class BadgeCounts:
    attention: int = 0
    unmatched: int = 0


def badge_counts() -> BadgeCounts:
    orders = Order.objects.filter(status=OrderStatus.NEEDS_ATTENTION)
    events = UnmatchedEvent.objects.filter(resolved_at=None)
    rows = [
        rows.order_by()
        .annotate(what=Value(name, output_field=CharField()))
        .values("what")
        .annotate(number=Count("pk"))
        .values_list("what", "number")
        for name, rows in (("attention", orders), ("unmatched", events))
    ]
    found = dict(rows[0].union(rows[1]))
    return BadgeCounts(attention=found.get("attention", 0), unmatched=found.get("unmatched", 0))


@dataclass(frozen=True)
class ListCounts:
    """``newest`` is the highest key there is: orders with a higher one came after the count."""

    newest: int = 0
    all: int = 0
    open: int = 0
    attention: int = 0
    late: int = 0
    delivered: int = 0
    ended: int = 0
    unpaid: int = 0
    moving: int = 0

    @property
    def lede(self) -> Sequence[Part]:
        """``Three orders need a person. 42 wait for payment, 151 are on their way.``"""
        if not self.open:
            return [strong("No order is in flight."), text(" All that were placed have come to their end.")]
        need = counted(self.attention, "order needs", "orders need") if self.attention else "no order needs"
        wait = f"{self.unpaid:,} {'waits' if self.unpaid == 1 else 'wait'} for payment" if self.unpaid else ""
        move = f"{self.moving:,} {'is' if self.moving == 1 else 'are'} paid or on the way" if self.moving else ""
        rest = ", ".join(words for words in (wait, move) if words)
        return [strong(f"{need[:1].upper()}{need[1:]} a person."), text(f" {rest}." if rest else "")]


def list_counts() -> ListCounts:
    def of(*statuses: str) -> Count:
        return Count("pk", filter=Q(status__in=statuses))

    return ListCounts(
        **Order.objects.order_by().aggregate(
            newest=Max("pk", default=0),
            all=Count("pk"),
            open=of(*IN_FLIGHT),
            attention=of(OrderStatus.NEEDS_ATTENTION),
            late=Count("pk", filter=Q(is_late=True, status__in=IN_FLIGHT)),
            delivered=of(OrderStatus.DELIVERED),
            ended=of(*ENDED),
            unpaid=of(Order.STARTING, OrderStatus.PENDING),
            moving=of(OrderStatus.PAID, OrderStatus.SHIPPED),
        )
    )
