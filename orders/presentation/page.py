"""The order page as its templates want it, made from the order alone: nothing personal, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.phrases import Part, text, when
from orders.contract import OrderStage, OrderStatus, OrderView
from orders.presentation.glance import of_view
from orders.presentation.lede import lede_of
from orders.presentation.now import PassingCard, ProblemCard, TimerCard, cards_of, passing_of, problem_of
from orders.presentation.status import Status, status_of
from orders.presentation.steps import StepMark, steps_of
from orders.presentation.timeline import NO_NAMES, MailRow, TimelineRow, mails_of, timeline_of
from temporal_worker.money import amount, money


@dataclass(frozen=True)
class ItemRow:
    sku: str
    name: str
    quantity: int
    price: str
    amount: str
    shortage: str = ""


@dataclass(frozen=True)
class OrderPage:
    """``as_of`` is set when the order was read from the database because Temporal or its worker did not answer."""

    view: OrderView
    order_head: str
    order_tail: str
    status: Status
    lede: Sequence[Part]
    steps: Sequence[StepMark]
    cards: Sequence[TimerCard]
    passing: PassingCard | None
    problem: ProblemCard | None
    items: Sequence[ItemRow]
    total: str
    timeline: Sequence[TimelineRow]
    hidden_entries: int
    mails: Sequence[MailRow]
    same_day: bool
    as_of: datetime | None = None

    @property
    def takes_payment(self) -> bool:
        """Whether the customer could pay now."""
        return self.view.stage == OrderStage.AWAITING_PAYMENT and not self.is_closed

    @property
    def is_called_off(self) -> bool:
        return self.view.status in {OrderStatus.CANCELLED, OrderStatus.REFUNDED}

    @property
    def is_closed(self) -> bool:
        return OrderStatus(self.view.status).is_final if self.view.status in set(OrderStatus) else False


def order_page(
    view: OrderView, now: datetime, *, as_of: datetime | None = None, names: Mapping[str, str] = NO_NAMES
) -> OrderPage:
    glance = of_view(view)
    total = money(view.total_cents, view.currency)
    lede = lede_of(glance, total=total)
    if as_of:
        lede = [*lede, text(" That was at "), when(as_of, "seconds"), text("; it may have gone on since.")]
    return OrderPage(
        view=view,
        order_head=view.order_id[:-4],
        order_tail=view.order_id[-4:],
        status=status_of(glance),
        lede=lede,
        steps=steps_of(view),
        cards=cards_of(view, now),
        passing=passing_of(view),
        problem=problem_of(view),
        items=_items(view),
        total=total,
        timeline=timeline_of(view, names),
        hidden_entries=max(0, view.timeline_total - len(view.timeline)),
        mails=mails_of(view),
        same_day=bool(view.eta and view.eta.earliest.date() == view.eta.latest.date()),
        as_of=as_of,
    )


def _items(view: OrderView) -> list[ItemRow]:
    short = {shortage.sku: shortage for shortage in view.shortages}
    return [
        ItemRow(
            sku=line.sku,
            name=line.name or line.sku,
            quantity=line.quantity,
            price="" if line.unit_price_cents is None else amount(line.unit_price_cents, view.currency),
            amount="" if line.unit_price_cents is None else amount(line.amount_cents, view.currency),
            shortage=f"only {short[line.sku].available:,} in stock" if line.sku in short else "",
        )
        for line in view.items
    ]
