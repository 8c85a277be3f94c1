"""How a paid order gets to the door, inside the workflow: shipped, late, on its way, delivered."""

from datetime import datetime, timedelta

from orders.contract import DeliveryInput, OrderStage, OrderStatus, ShipmentInput, ShipmentView, Step, TimelineKind
from orders.process import effects, eta
from orders.process.follow_up import Mails
from orders.process.parked import Owner
from orders.process.state import OrderState, span
from orders.process.waiting import Waiting
from temporal_worker.money import money


class Shipping:
    def __init__(self, state: OrderState, waiting: Waiting, mails: Mails) -> None:
        self._state, self._waiting, self._mails = state, waiting, mails

    async def await_release(self) -> None:
        """An order above the limit is held until a person releases it, or it is cancelled; no window runs meanwhile."""
        state, limit = self._state, self._state.policy.review_above_cents
        if limit is None or not state.awaits_release:
            return
        state.stage = OrderStage.AWAITING_SHIPMENT
        total, most = (money(cents, state.order.currency) for cents in (state.total_cents, limit))
        text = f"{total} is above {most}: it is not shipped before somebody releases it."
        state.record(TimelineKind.REVIEW_ASKED, text)
        state.parked.park(Step.REVIEW, text, owner=Owner.REVIEW)
        try:
            await self._waiting.until(lambda: Step.REVIEW in self._waiting.retries)
        finally:
            was_shown = state.parked.drop(Owner.REVIEW)
        state.is_released = True
        state.eta = eta.after_payment(state.policy, state.now, state.now)
        if was_shown:
            state.touch()

    async def await_shipment(self) -> None:
        """Until it is shipped. Not in time: a person is needed, and reminded again and again."""
        state, policy = self._state, self._state.policy
        state.stage = OrderStage.AWAITING_SHIPMENT
        due = state.now + timedelta(seconds=policy.shipment_window_seconds)
        state.count_down("shipment_window", "Ship by", due, "The order needs attention, and operations get a reminder.")
        state.touch()
        reminders = 0
        while not await self._waiting.until(
            lambda: state.shipment is not None, deadline=due, summary="Shipment window: operations are reminded"
        ):
            reminders += 1
            due = state.now + timedelta(seconds=policy.shipment_reminder_seconds)
            self._shipment_is_late(due)
            self._mails.send("shipment_late", reminders)
        state.stop_countdown("shipment_window")
        state.parked.drop(Owner.MAIN_LINE)
        state.enter(OrderStage.IN_TRANSIT)
        await effects.ship_stock(state.order.order_id)
        self._mails.send("order_shipped")

    def _shipment_is_late(self, remind_at: datetime) -> None:
        state = self._state
        state.late = True
        state.eta = eta.shipping_late(state.policy, state.eta, state.now)
        state.count_down("shipment_window", "Next reminder", remind_at, "Operations are reminded to ship it.")
        window = span(state.policy.shipment_window_seconds)
        state.parked.note("shipment", f"Not shipped within {window} of the payment.")
        state.record(TimelineKind.SHIPMENT_LATE, f"Not shipped within {window}. Operations are reminded.")

    async def await_delivery(self) -> None:
        """Until it is at the door. An estimate that passes slips to the next working day, and says so."""
        state = self._state
        while not await self._waiting.until(
            lambda: state.status == OrderStatus.DELIVERED,
            deadline=state.eta.latest,
            summary="Expected delivery: the estimate slips a day",
        ):
            state.late = True
            state.eta = eta.delivery_late(state.eta, state.now)
            self._count_down_to_delivery()
            state.record(
                TimelineKind.ETA_SLIPPED, f"Not delivered yet; now expected until {state.eta.latest:%d %b %H:%M} UTC."
            )
        state.stop_countdown("delivery")

    def ship(self, shipment: ShipmentInput) -> None:
        state = self._state
        address = shipment.address or state.order.shipping_address
        state.shipment = ShipmentView(shipment.carrier, shipment.tracking_number, address, shipped_at=state.now)
        state.set_status(OrderStatus.SHIPPED)
        state.parked.drop(Owner.MAIN_LINE)
        state.eta = eta.after_shipment(state.policy, state.now, state.now)
        self._count_down_to_delivery()
        text = f"Shipped with {shipment.carrier}, tracking number {shipment.tracking_number}."
        state.record(TimelineKind.ORDER_SHIPPED, text, by=shipment.by)

    def deliver(self, delivery: DeliveryInput) -> None:
        state, shipment = self._state, self._state.shipment
        assert shipment is not None
        at = delivery.delivered_at or state.now
        state.shipment = ShipmentView(
            shipment.carrier, shipment.tracking_number, shipment.address, shipment.shipped_at, at, delivery.received_by
        )
        state.set_status(OrderStatus.DELIVERED)
        state.eta = eta.delivered(at, state.now)
        state.stop_countdown("delivery")
        who = f", received by {delivery.received_by}" if delivery.received_by else ""
        state.record(TimelineKind.ORDER_DELIVERED, f"Delivered{who}.", by=delivery.by)

    def _count_down_to_delivery(self) -> None:
        expected = self._state.eta.latest
        self._state.count_down("delivery", "Expected by", expected, "The estimate slips by a working day.")
