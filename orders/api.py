"""The order area's part of the JSON API. Answers are the order as :class:`orders.contract.OrderView` spells it."""

from datetime import datetime
from typing import Annotated, Any

from django.core.signing import BadSignature, dumps, loads
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router

from dashboard.api_access import ApiToken, Key, caller, claim_key
from dashboard.api_types import BadInput, OutOfReach, Refusal, Trouble
from orders import gateway, projection
from orders.api_access import ACT, SEE, may
from orders.api_types import (
    AddedItem,
    Cancellation,
    Delivery,
    NewOrder,
    OrderPage,
    Payment,
    Shipment,
)
from orders.contract import OrderStatus, OrderView, is_order_id
from orders.listing import Listing
from orders.models import Order, OrderEvent
from orders.process.state import TIMELINE_KEPT
from temporal_worker.snapshots import to_json

router = Router(tags=["orders"])

CURSOR_SALT = "orders.api.cursor"

# What a call without a body means.
ARRIVED_NOW = Delivery()
NO_REASON = Cancellation()

_READ: dict[int, Any] = {401: Trouble, 403: Trouble, 404: Trouble, 422: BadInput, 503: OutOfReach}
_CHANGE: dict[int, Any] = {**_READ, 409: Refusal, 413: Trouble}
_ORDER: dict[int, Any] = {200: OrderView, **_CHANGE}


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", response={200: OrderPage, **_READ}, auth=ApiToken(may(SEE)), operation_id="list_orders")
def list_orders(
    request: HttpRequest,
    q: Annotated[
        str, Query(max_length=200, description="Words: order, customer, e-mail, SKU or tracking number.")
    ] = "",
    status: Annotated[OrderStatus | None, Query(description="Only orders of this status.")] = None,
    cursor: Annotated[str, Query(max_length=500, description="`next_cursor` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Orders on a page.")] = 25,
) -> HttpResponse:
    """Orders as they were last saved, newest first, a page at a time."""
    rows = Listing.read({"q": q, "tab": "all", "sort": "newest"}).orders()
    if status == OrderStatus.PENDING:
        rows = rows.filter(status__in=[status, Order.STARTING])
    elif status:
        rows = rows.filter(status=status)
    if cursor:
        placed_at, pk = _read_cursor(cursor)
        rows = rows.filter(Q(placed_at__lt=placed_at) | Q(placed_at=placed_at, pk__lt=pk))
    newest_events = OrderEvent.objects.order_by("-sequence")[:TIMELINE_KEPT]
    page = list(rows.prefetch_related(Prefetch("events", newest_events, to_attr="newest_events"))[: limit + 1])
    next_cursor = _cursor_after(page[limit - 1]) if len(page) > limit else None
    return JsonResponse({"items": [_saved_order(row) for row in page[:limit]], "next_cursor": next_cursor})


@router.get("/{order_id}", response={200: OrderView, **_READ}, auth=ApiToken(may(SEE)), operation_id="get_order")
def get_order(request: HttpRequest, order_id: str) -> HttpResponse:
    """One order as its workflow knows it now, or, when that is out of reach or over, as it was last saved.

    The headers `Callboard-Source` (`temporal` or `database`) and `Callboard-As-Of` tell which of the two it is.
    """
    reading = gateway.read_order(_checked(order_id))
    headers = {"Callboard-Source": reading.source, "Callboard-As-Of": reading.as_of.isoformat()}
    return _order(reading.view, headers=headers)


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("", response={201: OrderView, **_CHANGE}, auth=ApiToken(may(ACT)), operation_id="create_order")
def create_order(request: HttpRequest, body: NewOrder, key: Key = None) -> HttpResponse:
    """Place an order. Names and prices are those of the products now.

    503 `orders_closed`: new orders are switched off for a while; nothing was kept of this one.
    """
    view = gateway.start_order(
        customer_id=body.customer_id,
        customer_email=body.customer_email,
        items=[(line.sku, line.quantity) for line in body.items],
        shipping_address=body.shipping_address or "",
        by=caller(request),
        key=claim_key(request, key, body),
    )
    return _order(view, status=201, headers={"Location": f"{request.path}/{view.order_id}"})


@router.post("/{order_id}/items", response=_ORDER, auth=ApiToken(may(ACT)), operation_id="add_item")
def add_item(request: HttpRequest, order_id: str, body: AddedItem, key: Key = None) -> HttpResponse:
    """Add pieces of a product to an order that is not paid yet."""
    return _order(
        gateway.add_item(
            _checked(order_id),
            sku=body.sku,
            quantity=body.quantity,
            by=caller(request),
            key=claim_key(request, key, body),
        )
    )


@router.post(
    "/{order_id}/payment", response={402: Refusal, **_ORDER}, auth=ApiToken(may(ACT)), operation_id="pay_order"
)
def pay_order(request: HttpRequest, order_id: str, body: Payment, key: Key = None) -> HttpResponse:
    """Charge a card with the order's total. 402: it was declined, and the order waits for another one.

    A payment gateway that does not answer is asked again for a while: `payment.status` is `processing` until it has.
    """
    return _order(
        gateway.process_payment(
            _checked(order_id),
            payment_method=body.payment_method,
            card_token=body.card_token,
            amount_cents=body.amount_cents,
            by=caller(request),
            key=claim_key(request, key, body),
        )
    )


@router.post("/{order_id}/shipment", response=_ORDER, auth=ApiToken(may(ACT)), operation_id="ship_order")
def ship_order(request: HttpRequest, order_id: str, body: Shipment, key: Key = None) -> HttpResponse:
    """Note that a paid order was given to a carrier."""
    return _order(
        gateway.ship(
            _checked(order_id),
            carrier=body.carrier,
            tracking_number=body.tracking_number,
            address=body.address or "",
            by=caller(request),
            key=claim_key(request, key, body),
        )
    )


@router.post("/{order_id}/delivery", response=_ORDER, auth=ApiToken(may(ACT)), operation_id="deliver_order")
def deliver_order(request: HttpRequest, order_id: str, body: Delivery = ARRIVED_NOW, key: Key = None) -> HttpResponse:
    """Note that a shipped order has arrived: now, or when `delivered_at` says."""
    return _order(
        gateway.deliver(
            _checked(order_id),
            delivered_at=body.delivered_at,
            received_by=body.received_by or "",
            by=caller(request),
            key=claim_key(request, key, body),
        )
    )


@router.post("/{order_id}/cancellation", response=_ORDER, auth=ApiToken(may(ACT)), operation_id="cancel_order")
def cancel_order(request: HttpRequest, order_id: str, body: Cancellation = NO_REASON, key: Key = None) -> HttpResponse:
    """Cancel an order that is not shipped yet: what was paid is refunded, what was reserved goes back to stock."""
    return _order(
        gateway.cancel_order(
            _checked(order_id),
            reason=body.reason or "",
            by=caller(request),
            key=claim_key(request, key, body),
        )
    )


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def on_card_declined(request: HttpRequest, problem: gateway.CardDeclined) -> HttpResponse:
    return JsonResponse({"code": "card_declined", "detail": problem.detail}, status=402)


def _order(view: OrderView, *, status: int = 200, headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse(to_json(view), status=status, headers=headers)


def _saved_order(row: Any) -> dict[str, Any]:
    """A row as an order's JSON, without asking for its timeline row by row."""
    if not row.snapshot:
        return to_json(projection.load_view(row))
    timeline = [
        {
            "sequence": event.sequence,
            "at": event.at.isoformat(),
            "kind": event.kind,
            "by": {"username": event.username, "door": event.door},
            "text": event.text,
            "amount_cents": event.amount_cents,
        }
        for event in reversed(row.newest_events)
    ]
    return {**row.snapshot, "timeline": timeline}


def _checked(order_id: str) -> str:
    """Raises :class:`gateway.OrderNotFound` for what cannot be an order's id, before it gets to any database."""
    if not is_order_id(order_id):
        raise gateway.OrderNotFound(order_id)
    return order_id


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        placed_at, pk = loads(cursor, salt=CURSOR_SALT)
    except BadSignature as error:
        raise gateway.InvalidRequest("cursor", "is not one that a page before has given") from error
    return datetime.fromisoformat(placed_at), pk


def _cursor_after(row: Order) -> str:
    return dumps([row.placed_at.isoformat(), row.pk], salt=CURSOR_SALT)
