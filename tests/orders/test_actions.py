from typing import Any

import pytest

from orders.actions import Action, actions_for, reason_for_all
from orders.contract import OrderStage, OrderStatus, OrderView, PaymentStatus, PaymentView, Problem, ShippingStatus
from tests.orders.orders_of import NOON, order_view

PAID = {"status": OrderStatus.PAID, "stage": OrderStage.AWAITING_SHIPMENT, "payment": PaymentView(PaymentStatus.PAID)}
SHIPPED = {**PAID, "status": OrderStatus.SHIPPED, "shipping_status": ShippingStatus.SHIPPED}


def actions(view: OrderView, **how: bool) -> dict[str, Action]:
    return {action.name: action for action in actions_for(view, **{"may_operate": True, "live": True, **how})}


def allowed(**changes: Any) -> set[str]:
    return {name for name, action in actions(order_view(**changes)).items() if action.allowed}


class TestActionsFor:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, {"payment", "manual_payment", "items", "item_removal", "cancellation"}),
            (PAID, {"shipment", "cancellation"}),
            (SHIPPED, {"delivery"}),
            ({"payment": PaymentView(PaymentStatus.PROCESSING), "stage": OrderStage.PAYMENT}, {"cancellation"}),
            ({"stage": OrderStage.COMPENSATING}, set()),
            ({"status": OrderStatus.DELIVERED}, set()),
            ({"status": OrderStatus.CANCELLED}, set()),
        ],
    )
    def test_allows_what_the_order_takes(self, changes: dict[str, Any], expected: set[str]) -> None:
        assert allowed(**changes) == expected

    def test_says_why_not(self) -> None:
        shipment = actions(order_view())["shipment"]
        assert not shipment.allowed
        assert shipment.note == "Not yet: the order is not paid."

    def test_a_reason_for_all_stands_once(self) -> None:
        view = order_view()
        assert reason_for_all(view, may_operate=False, live=True)
        assert all(not action.allowed and not action.note for action in actions(view, may_operate=False).values())

    def test_without_temporal_nothing_is_allowed(self) -> None:
        assert not any(action.allowed for action in actions(order_view(), live=False).values())
        assert "Temporal" in reason_for_all(order_view(), may_operate=True, live=False)

    def test_a_stopped_step_can_be_tried_again(self) -> None:
        stopped = Problem("refund", "The bank is closed.", NOON)
        changes = {"status": OrderStatus.NEEDS_ATTENTION, "stage": OrderStage.COMPENSATING, "problem": stopped}
        assert allowed(**changes) == {"retry"}

    @pytest.mark.parametrize(
        "over",
        [
            {"stage": OrderStage.CANCELLED, "payment": PaymentView(PaymentStatus.REFUNDED)},
            {"stage": OrderStage.NOTIFY, "payment": PAID["payment"], "shipping_status": ShippingStatus.DELIVERED},
        ],
    )
    def test_of_an_order_that_is_over_only_what_has_not_gone_back_can_be_tried_again(
        self, over: dict[str, Any]
    ) -> None:
        stopped = Problem("refund", "The bank is closed.", NOON)
        changes = {"status": OrderStatus.NEEDS_ATTENTION, "problem": stopped, **over}
        assert allowed(**changes) == {"retry"}
        assert "not been shipped" not in actions(order_view(**changes))["delivery"].note

    def test_a_held_order_is_released_or_cancelled_and_not_shipped(self) -> None:
        held = {**PAID, "status": OrderStatus.NEEDS_ATTENTION, "problem": Problem("review", "Above the limit.", NOON)}
        assert allowed(**held) == {"retry", "cancellation"}
        found = actions(order_view(**held))
        assert found["retry"].label == "Release for shipping"
        assert found["shipment"].note == "Not yet: it is held for a review. Release it first."

    def test_a_charge_between_two_tries_can_be_tried_now_and_nothing_else_be_paid(self) -> None:
        payment = PaymentView(PaymentStatus.UNKNOWN, attempt=2, max_attempts=6, next_attempt_at=NOON)
        assert allowed(payment=payment, stage=OrderStage.PAYMENT) == {"retry", "cancellation"}

    def test_a_parked_charge_leaves_room_for_another_card(self) -> None:
        problem = Problem("payment", "The gateway is down.", NOON)
        changes = {"status": OrderStatus.NEEDS_ATTENTION, "stage": OrderStage.PAYMENT, "problem": problem}
        payment = PaymentView(PaymentStatus.UNKNOWN, attempt=6, max_attempts=6)
        assert {"retry", "payment", "manual_payment"} <= allowed(**changes, payment=payment)

    @pytest.mark.parametrize(
        ("status", "label"),
        [(PaymentStatus.REFUNDING, "Confirm that it was paid back"), (PaymentStatus.PAID, "Try the refund again")],
    )
    def test_only_what_came_in_by_hand_is_confirmed(self, status: PaymentStatus, label: str) -> None:
        """Beside it a payment by card, too many, may be on its way back."""
        problem = Problem("refund", "Refused.", NOON)
        view = order_view(
            status=OrderStatus.NEEDS_ATTENTION, problem=problem, payment=PaymentView(status, method="manual")
        )
        assert actions(view)["retry"].label == label

    def test_the_last_piece_stays(self) -> None:
        view = order_view()
        assert not actions(order_view(items=view.items[:1]))["item_removal"].allowed
