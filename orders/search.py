"""What the search box finds among the orders: the same as the list's own search, newest first."""

from django.contrib.auth.models import User
from django.urls import reverse

from dashboard.search.findings import Asked, Finding, Group
from dashboard.search.planning import planned
from orders.contract import is_order_id
from orders.listing import Listing
from orders.live_list import ROW_FIELDS
from orders.models import Order
from orders.presentation import row_of


def page_of(user: User, text: str) -> str | None:
    order_id = text.removeprefix("order-")
    if not is_order_id(order_id) or not user.has_perm("orders.view_order"):
        return None
    exists = Order.objects.filter(order_id=order_id).exists()
    return reverse("orders:detail", args=[order_id]) if exists else None


def find(user: User, asked: Asked, most: int) -> list[Group]:
    if not user.has_perm("orders.view_order"):
        return []
    listing = Listing.read({"q": " ".join(asked.words)})
    found = list(planned(listing.orders()).only(*ROW_FIELDS)[: most + 1])
    more = reverse("orders:list") + listing.url() if len(found) > most else ""
    return [Group("Orders", "orders", [_finding(order) for order in found[:most]], more)]


def _finding(order: Order) -> Finding:
    row = row_of(order)
    return Finding(
        title=row.order_id,
        detail=f"{row.who} · {row.total}",
        url=reverse("orders:detail", args=[row.order_id]),
        mark=row.status.mark,
        word=row.status.word,
    )
