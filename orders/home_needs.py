"""Orders that do not go on without a person, for the home page: the few most urgent by name, the rest as a number."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from dashboard.home.parts import BAD, WARN, Need
from dashboard.phrases import Part, counted, text, when
from orders.contract import OrderStatus
from orders.counts import PAYMENT_FAILS
from orders.live_list import ROW_FIELDS
from orders.models import Order, OrderSettings, UnmatchedEvent
from orders.presentation.glance import Glance, of_row
from orders.presentation.status import LATE_SHIPMENT, next_of, status_of
from temporal_worker.money import money

SEE = "orders.view_order"
OPERATE = "orders.operate_order"
CONFIGURE = "orders.change_ordersettings"
SEE_UNMATCHED = "orders.view_unmatchedevent"
NAMED = 3
"""So many of a kind are named; of more there is one line for all the others."""
STARTS_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Standing:
    """How many there are of each kind."""

    attention: int
    late: int
    unmatched: int
    starting: int


def needs_of(standing: Standing, now: datetime) -> list[Need]:
    found: list[Need] = _closed()
    if standing.attention:
        found += _stopped(standing.attention)
    found += _paying()
    if standing.late:
        found += _late(standing.late)
    if standing.unmatched:
        found += _unmatched(standing.unmatched)
    if standing.starting:
        found += _stuck(standing.starting, now)
    return found


def _closed() -> list[Need]:
    """A switch that somebody may have forgotten. Read by what exists, so that looking makes no row."""
    closed = OrderSettings.objects.filter(takes_orders=False).first()
    if closed is None:
        return []
    words = [text("Switched off "), when(closed.changed_at, "at"), text(f". {closed.closed_note}".rstrip())]
    href = reverse("admin:orders_ordersettings_change", args=[closed.pk])
    return [
        Need(CONFIGURE, "orders-closed", "No new orders are taken", words, href, "Settings", CONFIGURE, label="Closed")
    ]


def _few(rows: list[Order], count: int, one: Callable[[Order], Need], rest: Callable[[int], Need]) -> list[Need]:
    named = rows if count <= NAMED else rows[: NAMED - 1]
    return [one(row) for row in named] + ([rest(count - len(named))] if count > len(named) else [])


def _list(query: str) -> str:
    return f"{reverse('orders:list')}?{query}"


def _page(order: Order) -> str:
    return reverse("orders:detail", args=[order.order_id])


def _about(order: Order) -> Part:
    return text(f" {order.customer_name or order.customer_id}, {money(order.total_cents, order.currency)}.")


def _stopped(count: int) -> list[Need]:
    rows = Order.objects.filter(status=OrderStatus.NEEDS_ATTENTION).order_by("-placed_at")

    def one(order: Order) -> Need:
        glance = of_row(order)
        tail = order.order_id[-4:]
        status = status_of(glance)
        is_late = glance.problem_step == LATE_SHIPMENT
        return Need(
            right=SEE,
            key=f"order-{order.pk}",
            title=f"Order {tail} is paid but not shipped" if is_late else f"{status.word}: order {tail}",
            text=[*_sentence(glance), _about(order)],
            href=_page(order),
            do="Ship…" if is_late else "Decide…",
            do_right=OPERATE,
            mark=BAD if status.mark == "bad" else WARN,
            icon="clock" if is_late else "attention",
            label="Late" if is_late else "Stopped",
        )

    def rest(more: int) -> Need:
        words = [text("They wait where they stopped; nothing is lost meanwhile.")]
        title = f"{counted(more, 'more order')} {'needs' if more == 1 else 'need'} a person"
        return Need(SEE, "orders-stopped", _capital(title), words, _list("tab=attention"), "Open list")

    return _few(list(rows.only(*ROW_FIELDS)[:NAMED]), count, one, rest)


def _sentence(glance: Glance) -> list[Part]:
    if glance.problem_error:
        return [text(f"{glance.problem_error.rstrip('.')}.")]
    return [*next_of(glance), text(".")]


def _paying() -> list[Need]:
    """Payments that are tried again: they go on by themselves for now, which is why a person should know."""
    failing = Order.objects.filter(PAYMENT_FAILS)
    count = failing.count()
    row = failing.order_by("pays_again_at").only(*ROW_FIELDS, "pays_again_at").first() if count else None
    if row is None or row.pays_again_at is None:
        return []
    glance = of_row(row)
    one = count == 1
    title = f"Payment of order {row.order_id[-4:]} fails" if one else f"Payments of {count:,} orders fail"
    words = [text(f"{glance.payment_error.rstrip('.') or 'The provider does not answer'}. Tried again by itself, ")]
    words += [when(row.pays_again_at, "until"), text(f", attempt {glance.attempt + 1} of {glance.max_attempts}.")]
    href, do = (_page(row), "Look") if one else (_list("tab=all&payment=failing"), "Open list")
    return [Need(SEE, "payments", title, words, href, do, mark=BAD, icon="card", label="Failing")]


def _late(count: int) -> list[Need]:
    late = Order.objects.filter(is_late=True, status__in=(OrderStatus.PAID, OrderStatus.SHIPPED))

    def one(order: Order) -> Need:
        shipped = order.status == OrderStatus.SHIPPED
        title = f"Order {order.order_id[-4:]} is {'late on its way' if shipped else 'paid but not shipped'}"
        words = [*next_of(of_row(order)), text("."), _about(order)]
        do = "Look" if shipped else "Ship…"
        return Need(SEE, f"order-{order.pk}", title, words, _page(order), do, OPERATE, icon="clock", label="Late")

    def rest(more: int) -> Need:
        words = [text("Their shipment window has passed.")]
        title = f"{counted(more, 'more order')} {'is' if more == 1 else 'are'} late"
        return Need(
            SEE, "orders-late", _capital(title), words, _list("tab=late"), "Open list", icon="clock", label="Late"
        )

    return _few(list(late.order_by("next_at", "placed_at").only(*ROW_FIELDS)[:NAMED]), count, one, rest)


def _unmatched(count: int) -> list[Need]:
    latest = UnmatchedEvent.objects.filter(resolved_at=None).select_related("event").latest("first_seen_at")
    event = latest.event
    amount = money(event.amount_cents, event.currency)
    title = f"A payment event of {amount} fits no order" if count == 1 else f"{count:,} payment events fit no order"
    words = [text("The latest came " if count > 1 else "It came "), when(event.received_at, "ago")]
    words.append(text(f" for {event.order_id}. Kept, nothing is lost."))
    href = reverse("orders:unmatched")
    return [Need(SEE_UNMATCHED, "unmatched", title, words, href, "Match…", OPERATE, icon="card", label="Unmatched")]


def _stuck(starting: int, now: datetime) -> list[Need]:
    """Taken, and their workflow has not begun: Temporal or the worker was away, and the reconciler brings them on.

    Told as soon as one has waited for too long, and then of all that the list behind it has.
    """
    if not Order.objects.filter(status=Order.STARTING, placed_at__lt=now - STARTS_WITHIN).exists():
        return []
    title = f"{_capital(counted(starting, 'order'))} {'has' if starting == 1 else 'have'} not begun yet"
    words = [text("Taken and kept; they begin by themselves once Temporal and a worker answer.")]
    href = _list("tab=all&status=starting")
    return [Need(SEE, "orders-starting", title, words, href, "Open list", mark=BAD, label="Stuck")]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
