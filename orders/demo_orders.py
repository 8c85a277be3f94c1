"""The demo's orders, in every state that an order can be in. They need Temporal and a worker, and are placed once.

The shop's staff is ``ops``. Of what is scarce nothing is taken: whoever tries the demo finds ten of LIMITED-010.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

import structlog

from orders import gateway
from orders.contract import By, Door, OrderStatus, OrderView
from orders.demo import CUSTOMERS
from orders.gateway import CardDeclined, OrderProblem, Unavailable
from orders.models import Order

log = structlog.get_logger(__name__)

OPS = By("ops", Door.WEB)
PATIENCE = 20.0
"""Seconds until an order stands where it is waited for."""

Step = Callable[[OrderView, str], None]
"""What happens to an order once it is there; the text is a key."""


@dataclass(frozen=True)
class DemoOrder:
    """``customer`` is the place in ``orders.demo.CUSTOMERS``."""

    name: str
    customer: int
    items: tuple[tuple[str, int], ...]
    steps: tuple[Step, ...] = ()


def _stands(view: OrderView, *statuses: OrderStatus) -> None:
    until = monotonic() + PATIENCE
    while gateway.read_order(view.order_id).view.status not in statuses and monotonic() < until:
        sleep(0.1)


def pays(token: str = "tok_visa") -> Step:  # noqa: S107 – the sandbox's
    def step(view: OrderView, key: str) -> None:
        try:
            gateway.process_payment(
                view.order_id, payment_method="card", card_token=token, amount_cents=view.total_cents, by=OPS, key=key
            )
        except CardDeclined:
            return
        _stands(view, OrderStatus.PAID)

    return step


def transfers(reference: str) -> Step:
    def step(view: OrderView, key: str) -> None:
        gateway.accept_payment(view.order_id, reference=reference, by=OPS, key=key)
        _stands(view, OrderStatus.PAID)

    return step


def ships(carrier: str, tracking: str) -> Step:
    def step(view: OrderView, key: str) -> None:
        gateway.ship(view.order_id, carrier=carrier, tracking_number=tracking, by=OPS, key=key)

    return step


def delivers(received_by: str) -> Step:
    def step(view: OrderView, key: str) -> None:
        gateway.deliver(view.order_id, received_by=received_by, by=OPS, key=key)

    return step


def cancels(reason: str) -> Step:
    def step(view: OrderView, key: str) -> None:
        gateway.cancel_order(view.order_id, reason=reason, by=OPS, key=key)

    return step


ORDERS: tuple[DemoOrder, ...] = (
    DemoOrder(
        "delivered-desk",
        1,
        (("MONITOR-027", 2), ("ARM-001", 2), ("CABLE-USBC", 4)),
        (pays(), ships("PostNord", "PN-4471-220-96"), delivers("Jonas Lindqvist")),
    ),
    DemoOrder(
        "delivered-props",
        7,
        (("HEADSET-002", 6),),
        (transfers("Invoice 2041, bank transfer"), ships("DPD", "0998-3371-1150"), delivers("Stage door")),
    ),
    DemoOrder(
        "refunded", 5, (("WEBCAM-004", 1),), (pays(), cancels("Ordered the wrong one; she wants her money back."))
    ),
    DemoOrder("cancelled", 6, (("SLEEVE-014", 1),), (cancels("Changed his mind before paying."),)),
    DemoOrder("shipped", 2, (("LAPTOP-001", 1), ("DOCK-001", 1)), (pays(), ships("Yamato", "4820-1193-7745"))),
    DemoOrder("flaky", 3, (("KEYBOARD-001", 1), ("MOUSE-001", 1)), (pays("tok_flaky"),)),
    DemoOrder("paid", 0, (("LAPTOP-001", 2), ("SLEEVE-014", 2), ("MOUSE-001", 2)), (pays(),)),
    DemoOrder("short-of-stock", 7, (("LIMITED-010", 11),)),
    DemoOrder("declined", 4, (("MONITOR-027", 1), ("CABLE-USBC", 1)), (pays("tok_declined"),)),
    DemoOrder("waiting", 5, (("HEADSET-002", 1), ("WEBCAM-004", 1))),
)
"""The oldest first: lists show the newest first."""


def unplaced_orders() -> list[DemoOrder]:
    """Which of the demo's orders have never been placed: all on the first start, none later."""
    known = set(Order.objects.values_list("idempotency_key", flat=True))
    return [demo for demo in ORDERS if f"{OPS.username}:{_key(demo)}" not in known]


def place_demo_orders() -> None:
    """Place them, and do what has happened with each so far.

    What is refused – an administrator took a product out of the shop – stays as far as it came.
    """
    for demo in unplaced_orders():
        try:
            _tell(demo)
        except Unavailable:
            raise
        except OrderProblem as problem:
            log.warning("demo_order_refused", demo=demo.name, problem=problem.detail)


def _tell(demo: DemoOrder) -> None:
    number, name, email, address = CUSTOMERS[demo.customer]
    view = gateway.start_order(
        customer_id=number,
        customer_name=name,
        customer_email=email,
        shipping_address=address,
        items=demo.items,
        by=OPS,
        key=_key(demo),
    )
    if demo.steps:
        _stands_payable(view)
    for count, step in enumerate(demo.steps, start=1):
        step(view, f"{_key(demo)}-{count}")


def _stands_payable(view: OrderView) -> None:
    until = monotonic() + PATIENCE
    while not gateway.read_order(view.order_id).view.countdowns and monotonic() < until:
        sleep(0.1)


def _key(demo: DemoOrder) -> str:
    return f"demo-order-{demo.name}"
