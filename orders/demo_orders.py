"""The demo's orders, in every state that an order can be in. They need Temporal and a worker, and are placed once.

The shop's staff is ``ops``. Of what is scarce nothing is taken: whoever tries the demo finds ten of LIMITED-010.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.utils import timezone

from dashboard.demo_telling import tell, untold, wait_until
from orders import gateway
from orders.contract import By, Door, OrderStatus, OrderView
from orders.demo import CUSTOMERS
from orders.gateway import CardDeclined
from orders.models import Order, WebhookEvent

OPS = By("ops", Door.WEB)

Step = Callable[[OrderView, str], None]
"""What happens to an order once it is there; the text is a key."""


@dataclass(frozen=True)
class DemoOrder:
    """``customer`` is the place in ``orders.demo.CUSTOMERS``; ``rules`` are what of the settings is another for it."""

    name: str
    customer: int
    items: tuple[tuple[str, int], ...]
    steps: tuple[Step, ...] = ()
    rules: dict[str, int] = field(default_factory=dict)


def _stands(view: OrderView, *statuses: OrderStatus) -> None:
    wait_until(lambda: gateway.read_order(view.order_id).view.status in statuses)


def pays(token: str = "tok_visa", *, until: OrderStatus | None = OrderStatus.PAID) -> Step:  # noqa: S107 – the sandbox's
    def step(view: OrderView, key: str) -> None:
        try:
            gateway.process_payment(
                view.order_id, payment_method="card", card_token=token, amount_cents=view.total_cents, by=OPS, key=key
            )
        except CardDeclined:
            return
        if until is not None:
            _stands(view, until)

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


def is_told_of(payment_id: str, amount_cents: int) -> Step:
    """The provider says that it has taken this much, which is not what the order costs."""

    def step(view: OrderView, key: str) -> None:
        event, _ = WebhookEvent.objects.get_or_create(
            event_id=f"evt-{key}",
            defaults={
                "type": "payment.succeeded",
                "order_id": view.order_id,
                "payment_id": payment_id,
                "amount_cents": amount_cents,
                "currency": view.currency,
                "created": timezone.now(),
            },
        )
        gateway.deliver_payment_event(event)

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
    # Paid by bank transfer, so that a person has to pay it back, and to say so.
    DemoOrder(
        "refund-owed",
        3,
        (("ARM-001", 1),),
        (transfers("Invoice 2057, bank transfer"), cancels("The wall does not bear it.")),
    ),
    DemoOrder("late", 2, (("SLEEVE-014", 2),), (pays(),), {"shipment_window_seconds": 60}),
    DemoOrder(
        "payment-stopped",
        6,
        (("DOCK-001", 1),),
        (pays("tok_flaky", until=OrderStatus.NEEDS_ATTENTION),),
        {"payment_attempts": 2},
    ),
    DemoOrder("waiting", 5, (("HEADSET-002", 1), ("WEBCAM-004", 1))),
    DemoOrder("paid-too-little", 1, (("MONITOR-027", 1),), (is_told_of("pay_terminal_0417", 44_000),)),
    # Fails for a quarter of an hour before it works: long enough to be looked at.
    DemoOrder(
        "payment-failing",
        0,
        (("KEYBOARD-001", 2),),
        (pays("tok_flaky", until=None),),
        {"payment_retry_initial_seconds": 900, "payment_retry_maximum_seconds": 900},
    ),
)
"""The oldest first: lists show the newest first."""


def unplaced_orders() -> list[DemoOrder]:
    """Which of the demo's orders have never been placed: all on the first start, none later."""
    return untold(ORDERS, lambda demo: f"{OPS.username}:{_key(demo)}", Order.objects.all())


def place_demo_orders() -> None:
    """Place them, and do what has happened with each so far."""
    tell(unplaced_orders(), _begin)


def _begin(demo: DemoOrder) -> None:
    number, name, email, address = CUSTOMERS[demo.customer]
    view = gateway.start_order(
        customer_id=number,
        customer_name=name,
        customer_email=email,
        shipping_address=address,
        items=demo.items,
        by=OPS,
        key=_key(demo),
        rules=lambda policy: replace(policy, **demo.rules),
    )
    if demo.steps:
        _stands_payable(view)
    for count, step in enumerate(demo.steps, start=1):
        step(view, f"{_key(demo)}-{count}")


def _stands_payable(view: OrderView) -> None:
    wait_until(lambda: bool(gateway.read_order(view.order_id).view.countdowns))


def _key(demo: DemoOrder) -> str:
    return f"demo-order-{demo.name}"
