"""What a list of orders shows: the reading of its query string, its rows, its pages. Any query string is a list."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from dashboard.home.parts import Day
from orders.contract import OrderStatus, TimelineKind
from orders.counts import ENDED, IN_FLIGHT, PAYMENT_FAILS, ListCounts
from orders.live_list import ROW_FIELDS
from orders.models import Order, OrderEvent
from orders.unsent_mails import lost, waiting

PAGE_SIZE = 25
LONGEST_SEARCH = 200

TABS = {
    "all": "All",
    "open": "In flight",
    "attention": "Needs attention",
    "late": "Late",
    "delivered": "Delivered",
    "ended": "Cancelled and refunded",
}
UNPAID = (OrderStatus.PENDING, Order.STARTING)
SORTS = {"soonest": "Soonest next step first", "newest": "Newest first"}
STATUSES: dict[str, str] = {
    Order.STARTING: "Not begun yet",
    OrderStatus.PENDING: "Waiting for payment",
    OrderStatus.PAID: "Paid",
    OrderStatus.SHIPPED: "Shipped",
    OrderStatus.DELIVERED: "Delivered",
    OrderStatus.NEEDS_ATTENTION: "Needs attention",
    OrderStatus.CANCELLED: "Cancelled",
    OrderStatus.REFUNDED: "Refunded",
}


TODAY = {"placed": "Placed today", "delivered": "Delivered today"}
MAILS = {"waiting": "Mail being tried again", "lost": "Mail not sent"}
PAYMENTS = {"failing": "Payment fails, tried again"}


@dataclass(frozen=True)
class Listing:
    """A search looks through all orders, a list without one at what is in flight, unless a tab is named.

    ``today``, ``mail`` and ``payment`` are what figures of the home page lead to.
    """

    q: str = ""
    tab: str = "open"
    status: str = ""
    today: str = ""
    mail: str = ""
    payment: str = ""
    sort: str = "soonest"
    page: int = 1

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Listing":
        q = " ".join(query.get("q", "").replace("\0", " ").split())[:LONGEST_SEARCH]
        tab, status, sort = query.get("tab", ""), query.get("status", ""), query.get("sort", "")
        status = status if status in STATUSES else ""
        today, mail, payment = query.get("today", ""), query.get("mail", ""), query.get("payment", "")
        today, mail = today if today in TODAY else "", mail if mail in MAILS else ""
        payment, page = payment if payment in PAYMENTS else "", query.get("page", "")
        tab = tab if tab in TABS else "all" if q or status or today or mail or payment else "open"
        return cls(
            q=q,
            tab=tab,
            status=status,
            today=today,
            mail=mail,
            payment=payment,
            sort=sort if sort in SORTS else "soonest" if tab in {"open", "attention", "late"} else "newest",
            page=int(page) if page.isascii() and page.isdigit() and len(page) <= 9 and int(page) else 1,
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether something more than the tab decides what is listed."""
        return bool(self.q or self.status or self.today or self.mail or self.payment)

    @property
    def takes_new(self) -> bool:
        """Whether an order that is placed now would stand on this page."""
        return self.page == 1 and not self.is_narrowed and self.tab in {"all", "open"}

    def url(self, **changes: object) -> str:
        """The query string of this list with something else; the page starts anew unless it is named."""
        changed = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        parts: dict[str, str | int] = {"tab": changed.tab}
        for name in ("q", "status", "today", "mail", "payment"):
            if value := getattr(changed, name):
                parts[name] = value
        if changed.sort != Listing.read({"tab": changed.tab}).sort:
            parts["sort"] = changed.sort
        if changed.page > 1:
            parts["page"] = changed.page
        return f"?{urlencode(parts)}"

    def orders(self) -> QuerySet[Order]:
        found = Order.objects.filter(_in_tab(self.tab))
        if self.status:
            # What is just starting waits for its payment too.
            found = found.filter(status__in=UNPAID if self.status == OrderStatus.PENDING else (self.status,))
        found = self._of_today(found)
        if self.mail:
            mails = waiting(timezone.now()) if self.mail == "waiting" else lost(timezone.now())
            found = found.filter(pk__in=mails.values("order"))
        if self.payment:
            found = found.filter(PAYMENT_FAILS)
        for word in self.q.split():
            found = found.filter(_mentions(word))
        if self.sort == "newest":
            return found.order_by("-placed_at", "-pk")
        # What waits for a person comes first, then what happens by itself, in the order in which it will.
        waits_for_you = Case(
            When(status=OrderStatus.NEEDS_ATTENTION, then=Value(0)), default=Value(1), output_field=IntegerField()
        )
        return found.order_by(waits_for_you, F("next_at").asc(nulls_last=True), "-placed_at", "-pk")

    def _of_today(self, found: QuerySet[Order]) -> QuerySet[Order]:
        """Today as the home page has it."""
        start = Day.of(timezone.now()).start
        match self.today:
            case "placed":
                return found.filter(placed_at__gte=start)
            case "delivered":
                events = OrderEvent.objects.filter(kind=TimelineKind.ORDER_DELIVERED, at__gte=start)
                return found.filter(pk__in=events.values("order"))
        return found


def _in_tab(tab: str) -> Q:
    match tab:
        case "open":
            return Q(status__in=IN_FLIGHT)
        case "attention":
            return Q(status=OrderStatus.NEEDS_ATTENTION)
        case "late":
            return Q(is_late=True, status__in=IN_FLIGHT)
        case "delivered":
            return Q(status=OrderStatus.DELIVERED)
        case "ended":
            return Q(status__in=ENDED)
    return Q()


def _mentions(word: str) -> Q:
    order_id = word.removeprefix("order-")
    return (
        Q(order_id__icontains=order_id)
        | Q(customer_id__icontains=word)
        | Q(customer_name__icontains=word)
        | Q(customer_email__icontains=word)
        | Q(skus__icontains=word)
        | Q(tracking_number__icontains=word)
    )


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    orders: list[Order]
    number: int
    count: int

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.orders) - 1

    @property
    def has_next(self) -> bool:
        return self.last < self.count

    @property
    def has_previous(self) -> bool:
        return self.number > 1


def page_of(listing: Listing, counts: ListCounts) -> Page:
    """The page asked for, or the last one there is. One query, and one to count when the tab's number is not it."""
    orders = listing.orders().only(*ROW_FIELDS)
    count = orders.count() if listing.is_narrowed else getattr(counts, listing.tab)
    number = max(1, min(listing.page, -(-count // PAGE_SIZE)))
    return Page(list(orders[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]), number, count)


CSV_COLUMNS = (
    "order_id",
    "status",
    "stage",
    "payment_status",
    "shipping_status",
    "customer_id",
    "customer_name",
    "customer_email",
    "skus",
    "total_cents",
    "currency",
    "tracking_number",
    "is_late",
    "placed_at",
    "updated_at",
)


def csv_lines(listing: Listing) -> Iterator[str]:
    """The whole list as CSV, line by line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(CSV_COLUMNS)
    for row in listing.orders().values_list(*CSV_COLUMNS).iterator(chunk_size=1000):
        writer.writerow([_cell(value) for value in row])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP ASVS 1.2.10)."""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value).strip(" ")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\0")) else text
