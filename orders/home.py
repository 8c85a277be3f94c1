"""What the home page shows of the orders. A dozen small queries, each of few rows or of an index alone."""

from datetime import datetime

from django.db.models import Count
from django.template.loader import render_to_string
from django.urls import reverse

from dashboard.home.counting import HourCounter
from dashboard.home.parts import Action, Badge, Day, Figure, Funnel, FunnelStep, Hours, Moving, Part
from orders.contract import OrderStatus, TimelineKind
from orders.counts import IN_FLIGHT, BadgeCounts
from orders.home_events import behind, latest_events
from orders.home_mails import mail_needs, mail_sign, unsent
from orders.home_needs import CONFIGURE, Standing, needs_of
from orders.models import Order, OrderEvent, UnmatchedEvent
from orders.projection import COUNTER as COUNTER
from orders.unsent_mails import lost, waiting
from temporal_worker.delays import delayed_since

SEE = "orders.view_order"
SEE_UNMATCHED = "orders.view_unmatchedevent"

PLACED = HourCounter(Order.objects.all, "placed_at")
DELIVERED = HourCounter(lambda: OrderEvent.objects.filter(kind=TimelineKind.ORDER_DELIVERED), "at")

RIGHTS = (SEE, SEE_UNMATCHED, CONFIGURE, "orders.operate_order")
ACTION = Action("orders.operate_order", "New order", "/orders/new/", hidden_without=SEE)


def read(now: datetime, day: Day) -> Part:
    statuses = _statuses()
    late = Order.objects.filter(is_late=True, status__in=(OrderStatus.PAID, OrderStatus.SHIPPED)).count()
    unmatched = UnmatchedEvent.objects.filter(resolved_at=None).count()
    placed = PLACED.since(day.first, now)
    delivered = DELIVERED.since(day.first, now)
    badges = BadgeCounts(attention=statuses.get(OrderStatus.NEEDS_ATTENTION, 0), unmatched=unmatched)
    standing = Standing(badges.attention, late, unmatched, statuses.get(Order.STARTING, 0))
    tried, given_up = unsent(waiting(now)), unsent(lost(now))
    delivered_by_day = day.daily(delivered)
    return Part(
        needs=[*needs_of(standing, now), *mail_needs(tried, given_up)],
        figures=(_placed(day.daily(placed)), _delivered(delivered_by_day)),
        funnels=(_funnel(statuses, delivered_by_day[-1]),),
        hours=(_hours(day, placed, now),),
        events=latest_events(),
        signs=(mail_sign(tried, given_up),),
        moving=(Moving(SEE, sum(statuses.values()) - badges.attention, "order", "orders"),),
        badges=(
            Badge(SEE, "badges-orders", render_to_string("orders/_badges.html", {"counts": badges})),
            Badge(
                SEE_UNMATCHED,
                "badge-unmatched",
                render_to_string("orders/_unmatched_badge.html", {"counts": badges}),
            ),
        ),
        lists="orders",
        behind=behind(now),
        behind_since=delayed_since("save_order", now=now),
        behind_right=SEE,
    )


def _statuses() -> dict[str, int]:
    rows = Order.objects.filter(status__in=IN_FLIGHT).order_by().values("status")
    return dict(rows.annotate(number=Count("*")).values_list("status", "number"))


def _list(query: str) -> str:
    return f"{reverse('orders:list')}?{query}"


def _placed(days: tuple[int, ...]) -> Figure:
    note = f"{days[-8]:,} a week ago"
    return Figure(SEE, "orders", "Orders today", days[-1], note, _list("tab=all&today=placed"), days)


def _delivered(days: tuple[int, ...]) -> Figure:
    note = f"{days[-8]:,} a week ago"
    return Figure(SEE, "delivered", "Delivered today", days[-1], note, _list("tab=all&today=delivered"), days)


def _funnel(statuses: dict[str, int], delivered: int) -> Funnel:
    unpaid = statuses.get(OrderStatus.PENDING, 0) + statuses.get(Order.STARTING, 0)
    steps = (
        FunnelStep("Waiting for payment", unpaid, _list("status=pending"), "idle"),
        FunnelStep("Paid", statuses.get(OrderStatus.PAID, 0), _list("status=paid")),
        FunnelStep("Shipped", statuses.get(OrderStatus.SHIPPED, 0), _list("status=shipped")),
        FunnelStep("Delivered today", delivered, _list("tab=all&today=delivered"), "ok"),
    )
    return Funnel(SEE, "orders", "Orders", _list("tab=open"), steps)


def _hours(day: Day, placed: dict[datetime, int], now: datetime) -> Hours:
    return Hours(
        right=SEE,
        title="Orders through the day",
        what="placed",
        href=_list("tab=all&today=placed"),
        today=day.hourly(placed),
        last_week=day.hourly(placed, days_ago=7),
        now=now.astimezone(day.zone).hour,
    )
