"""An order page that moves: one fragment for all who look, drawn from one query per change."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels.db import database_sync_to_async
from django.template.loader import render_to_string

from dashboard.demo_time import demo_context
from dashboard.live_pages import LiveProcess
from orders import gateway
from orders.contract import OrderStatus, OrderView, order_workflow_id
from orders.home_events import names_of
from orders.models import Order
from orders.payments.checkout import checkout_url
from orders.presentation import order_page
from orders.presentation.timeline import NO_NAMES
from temporal_worker.client import WorkflowNotFound


def order_context(
    view: OrderView,
    names: Mapping[str, str] = NO_NAMES,
    *,
    as_of: datetime | None = None,
    from_database: bool = False,
) -> dict[str, Any]:
    """What the shared fragments are drawn from. ``as_of`` when this is not what is true now, only what was known then."""
    clock = demo_context(view.workflow_id)
    page = order_page(view, clock["now"], as_of=as_of, names=names)
    return {
        **clock,
        "page": page,
        "from_database": from_database,
        "checkout_url": checkout_url(view.order_id) if page.takes_payment else "",
    }


def names_in(view: OrderView) -> dict[str, str]:
    """The names of all who did something with it, by their log-ins. One query."""
    return names_of({entry.by.username for entry in view.timeline if entry.by.username})


def live_fragments(view: OrderView, names: Mapping[str, str] = NO_NAMES) -> str:
    """All shared fragments of the order page, each with its id; the same for the page, an answer and the sockets."""
    return render_to_string("orders/_order_live.html", order_context(view, names))


def unavailable_fragment() -> str:
    """The notice that stands above an order while Temporal or its worker is out of reach."""
    return render_to_string("orders/_order_notice.html", {"unreachable": True, "since": datetime.now(UTC)})


class OrderSource:
    """What the hub asks for frames."""

    async def fetch(self, workflow_id: str, timeout: float) -> dict[str, Any]:
        try:
            view = await gateway.afetch_order(workflow_id.removeprefix("order-"), timeout)
        except gateway.OrderNotFound as error:
            raise WorkflowNotFound(workflow_id) from error
        return {"version": view.version, "view": view, "names": await database_sync_to_async(names_in)(view)}

    def render(self, state: dict[str, Any]) -> str:
        return live_fragments(state["view"], state["names"])


order_source = OrderSource()


def live_order(order_id: str) -> LiveProcess:
    """The order as its page follows it."""

    def has_started() -> bool | None:
        row = Order.objects.filter(order_id=order_id).only("status").first()
        return None if row is None else row.status != Order.STARTING

    return LiveProcess(
        workflow_id=order_workflow_id(order_id),
        source=order_source,
        unavailable=unavailable_fragment,
        may_see=lambda user: user.has_perm("orders.view_order"),
        has_started=has_started,
        is_over=lambda state: OrderStatus(state["view"].status).is_final,
    )
