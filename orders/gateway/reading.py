"""Reading an order: its workflow's word when it can be had in time, else the database's."""

from dataclasses import dataclass
from datetime import datetime

from channels.db import database_sync_to_async
from django.utils import timezone

from orders import projection
from orders.contract import OrderStage, OrderView, order_workflow_id
from orders.gateway.problems import OrderNotFound, Unavailable
from orders.models import Order
from temporal_worker import client
from temporal_worker.client import QueryFailed, TemporalUnavailable, WorkflowNotFound

QUERY_TIMEOUT = 1.5
"""Seconds that a page waits for the workflow."""


@dataclass
class OrderReading:
    """An order, and whether it is its workflow's word or the database's. ``reason`` says why it is not live."""

    view: OrderView
    source: str
    as_of: datetime
    reason: str = ""


def read_order(order_id: str) -> OrderReading:
    """The order as its workflow knows it, or, when that cannot be had in time or is over, as the database does.

    Raises:
        OrderNotFound
    """
    row = Order.objects.filter(order_id=order_id).first()
    if row is not None and row.stage in {OrderStage.COMPLETED, OrderStage.CANCELLED}:
        return OrderReading(projection.load_view(row), "database", row.updated_at)
    try:
        view = client.call(_query(order_id))
    except WorkflowNotFound:
        reason = "Its workflow has not started yet." if row and row.status == Order.STARTING else ""
    except QueryFailed as error:  # a worker with other code than ours, in the middle of a deployment
        reason = f"Its worker could not answer: {error}"
    except TemporalUnavailable as error:
        reason = str(error)
    else:
        return OrderReading(view, "temporal", timezone.now())
    if row is None:
        if reason:
            raise Unavailable(reason)
        raise OrderNotFound(order_id)
    return OrderReading(projection.load_view(row), "database", row.updated_at, reason)


async def afetch_order(order_id: str, timeout: float) -> OrderView:
    """One query of the order's workflow, for the live hub; past retention, or before the start, the database's word.

    Raises:
        OrderNotFound
        TemporalUnavailable
    """
    try:
        return await _query(order_id, timeout)
    except WorkflowNotFound:
        return await database_sync_to_async(_saved_view, thread_sensitive=False)(order_id)


def _saved_view(order_id: str) -> OrderView:
    row = Order.objects.filter(order_id=order_id).first()
    if row is None:
        raise OrderNotFound(order_id)
    return projection.load_view(row)


async def _query(order_id: str, timeout: float = QUERY_TIMEOUT) -> OrderView:
    return await client.query(order_workflow_id(order_id), "get_order_details", result_type=OrderView, timeout=timeout)
