"""Mails about orders that have not gone out, for the home page."""

from dataclasses import dataclass

from django.db.models import Count, Max, QuerySet
from django.urls import reverse

from dashboard.home.parts import Need, Sign
from dashboard.phrases import text
from orders.models import OrderMail

SEE = "orders.view_order"


@dataclass(frozen=True)
class Unsent:
    """``orders`` is how many have such mails; ``one`` is one of them."""

    orders: int
    one: str


def unsent(mails: QuerySet[OrderMail]) -> Unsent:
    """One query."""
    found = mails.order_by().aggregate(orders=Count("order", distinct=True), one=Max("order__order_id"))
    return Unsent(found["orders"], found["one"] or "")


def mail_sign(tried: Unsent, given_up: Unsent) -> Sign:
    words = [f"{tried.orders:,} being tried again"] if tried.orders else []
    words += [f"{given_up.orders:,} not sent"] if given_up.orders else []
    which = "waiting" if tried.orders or not given_up.orders else "lost"
    return Sign("Mails of orders", ", ".join(words) or "All sent", "warn" if words else "move", _list(which), SEE)


def mail_needs(tried: Unsent, given_up: Unsent) -> list[Need]:
    found = []
    if tried.orders:
        words = [
            text("The mail server does not answer, or refuses it. It is tried again by itself; the order goes on.")
        ]
        title = f"{_whose(tried)} being tried again"
        found.append(
            Need(SEE, "order-mails-waiting", title, words, _href(tried, "waiting"), icon="mail", label="Failing")
        )
    if given_up.orders:
        words = [text("It is not tried any more: whoever should know has to be told in another way.")]
        title = f"{_whose(given_up)} not sent"
        found.append(
            Need(SEE, "order-mails-lost", title, words, _href(given_up, "lost"), icon="mail", label="Not sent")
        )
    return found


def _whose(mails: Unsent) -> str:
    return f"A mail about order {mails.one[-4:]} is" if mails.orders == 1 else f"Mails of {mails.orders:,} orders are"


def _href(mails: Unsent, which: str) -> str:
    return reverse("orders:detail", args=[mails.one]) if mails.orders == 1 else _list(which)


def _list(which: str) -> str:
    return f"{reverse('orders:list')}?tab=all&mail={which}"
