"""Placing an order: the row first, then the workflow; once for each key."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders import projection, stockroom
from orders.contract import (
    TASK_QUEUE,
    WORKFLOW_TYPE,
    By,
    OrderInput,
    OrderLine,
    OrderPolicy,
    OrderView,
    order_workflow_id,
)
from orders.gateway.problems import InvalidRequest, KeyReused, OrdersClosed, Unavailable, naming_the_field
from orders.gateway.reading import read_order
from orders.models import Order, OrderSettings
from temporal_worker.keys import digest
from temporal_worker.snapshots import to_json
from temporal_worker.starting import start_of_row

START_AGAIN_AFTER = timedelta(seconds=5)

log = structlog.get_logger(__name__)


def start_order(
    *,
    customer_id: str,
    customer_email: str,
    items: Sequence[tuple[str, int]],
    by: By,
    key: str,
    shipping_address: str = "",
    customer_name: str = "",
    rules: Callable[[OrderPolicy], OrderPolicy] | None = None,
) -> OrderView:
    """Place an order of ``(sku, quantity)`` lines, once for each key.

    ``rules`` changes this order's own copy of the settings; the demo has a day pass in a minute with it.

    The row is written before the workflow is started: what a crash or an outage leaves between the two is finished by
    :func:`finish_starting_orders`, so an order that was taken is never lost.

    Raises:
        InvalidRequest, KeyReused
        OrdersClosed: the administrators have switched new orders off. One that was taken before is found by its key.
        Unavailable: the order is kept and starts by itself later; a repeat with the key finds it.
    """
    asked = [customer_id, customer_email, [list(item) for item in items], shipping_address, customer_name]
    row = _row_of_key(f"{by.username}:{key}", digest(asked))
    if row is None:
        if closed := why_closed():
            raise closed
        settings = OrderSettings.current()
        order = OrderInput(
            order_id=_new_order_id(),
            customer_id=customer_id,
            customer_email=customer_email,
            customer_name=customer_name,
            shipping_address=shipping_address,
            items=_lines(items),
            policy=rules(settings.to_policy()) if rules else settings.to_policy(),
            by=by,
        )
        with naming_the_field():
            order.check()
        order = _priced(order)
        row = _write_row(order, f"{by.username}:{key}", digest(asked))
    if row.status == Order.STARTING:
        _start(row)
    return read_order(row.order_id).view


def why_closed() -> OrdersClosed | None:
    """Why no new orders are taken just now; None when they are. Asking makes no row of settings."""
    closed = OrderSettings.objects.filter(takes_orders=False).first()
    return None if closed is None else OrdersClosed(closed.closed_note)


def _row_of_key(key: str, request_hash: str) -> Order | None:
    row = Order.objects.filter(idempotency_key=key).first()
    if row is not None and row.request_hash != request_hash:
        raise KeyReused
    return row


def _lines(items: Sequence[tuple[str, int]]) -> list[OrderLine]:
    return [OrderLine(sku, quantity) for sku, quantity in items]


def _priced(order: OrderInput) -> OrderInput:
    """With today's names and prices, in the products' currency; what is ordered now costs what is shown now."""
    facts = {product.sku: product for product in stockroom.product_facts([line.sku for line in order.items])}
    for number, line in enumerate(order.items):
        if line.sku not in facts:
            raise InvalidRequest(f"items.{number}.sku", f"There is no product {line.sku} for sale.")
    currencies = {facts[line.sku].currency for line in order.items}
    if len(currencies) > 1:
        raise InvalidRequest("items", "All products of an order must have the same currency.")
    items = [
        replace(line, name=facts[line.sku].name, unit_price_cents=facts[line.sku].unit_price_cents)
        for line in order.items
    ]
    return replace(order, items=items, currency=currencies.pop())


def _new_order_id() -> str:
    return f"ORD-{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _write_row(order: OrderInput, key: str, request_hash: str) -> Order:
    """The order's row. Two writers of one key meet in the database; an id that is taken is drawn again."""
    for _ in range(20):
        try:
            with transaction.atomic():
                return Order.objects.create(
                    order_id=order.order_id,
                    customer_id=order.customer_id,
                    customer_name=order.customer_name,
                    customer_email=order.customer_email,
                    currency=order.currency,
                    total_cents=sum(line.amount_cents for line in order.items),
                    skus=f" {' '.join(line.sku for line in order.items)} ",
                    idempotency_key=key,
                    request_hash=request_hash,
                    start_input=to_json(order),
                )
        except IntegrityError:
            if row := _row_of_key(key, request_hash):
                return row
            order = replace(order, order_id=_new_order_id())
    raise Unavailable("No free order number was found; try again.", retry_after=1)


def _start(row: Order) -> None:
    start_of_row(
        WORKFLOW_TYPE,
        projection.load_input(row),
        id=order_workflow_id(row.order_id),
        task_queue=TASK_QUEUE,
        summary=f"Order of {row.customer_name or row.customer_id}",
        page=f"/orders/{row.order_id}/",
        kept=f"The order {row.order_id} is kept and starts by itself; sending it again does not place it twice.",
    )


def finish_starting_orders() -> int:
    """Start what was taken and not started. Returns how many; stops at the first when Temporal is out of reach."""
    started = 0
    rows = Order.objects.filter(status=Order.STARTING, placed_at__lt=timezone.now() - START_AGAIN_AFTER)
    for row in rows.order_by("pk")[:100]:
        try:
            _start(row)
        except Unavailable as problem:
            log.warning("orders_wait_for_temporal", order_id=row.order_id, problem=problem.detail)
            break
        started += 1
    return started
