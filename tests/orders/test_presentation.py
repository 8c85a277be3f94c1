from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string

from dashboard.phrases import counted, plain, span
from orders import projection
from orders.contract import (
    By,
    Countdown,
    Door,
    Eta,
    OrderStage,
    OrderStatus,
    PaymentStatus,
    PaymentView,
    Problem,
    ShipmentView,
    Shortage,
    TimelineEntry,
    TimelineKind,
)
from orders.live import live_fragments
from orders.models import Order
from orders.presentation import OrderPage, amount, money, order_page, row_of
from orders.presentation.glance import of_row, of_view
from tests.orders.orders_of import NOON, order_view, saved

WINDOW = Countdown(
    "payment_window", "Payment window closes", NOON, NOON + timedelta(hours=4), "The order cancels itself: …"
)


def page(**changes: Any) -> OrderPage:
    return order_page(order_view(**changes), NOON + timedelta(hours=1))


def entry(number: int, kind: TimelineKind, text: str, by: By | None = None) -> TimelineEntry:
    return TimelineEntry(number, NOON + timedelta(seconds=number), kind, by or By("", Door.SYSTEM), text)


class TestMoney:
    @pytest.mark.parametrize(
        ("cents", "currency", "expected"),
        [
            (143_996, "USD", "$1,439.96"),
            (5, "EUR", "€0.05"),
            (-2_999, "GBP", "−£29.99"),
            (1_500, "JPY", "¥1,500"),
            (1_234, "KWD", "KWD 1.234"),
            (100_000_000, "CHF", "CHF 1,000,000.00"),
        ],
    )
    def test_shows_minor_units_with_their_currency(self, cents: int, currency: str, expected: str) -> None:
        assert money(cents, currency) == expected

    def test_amounts_alone_have_no_currency(self) -> None:
        assert amount(143_996, "USD") == "1,439.96"


class TestSpan:
    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [(4, "4 s"), (60, "1 m"), (5_400, "1 h 30 m"), (14_400, "4 h"), (86_400, "24 h"), (180_000, "2 d 2 h")],
    )
    def test_has_two_units_at_most(self, seconds: int, expected: str) -> None:
        assert span(timedelta(seconds=seconds)) == expected.replace(" ", "\u00a0")


class TestStatus:
    @pytest.mark.parametrize(
        ("changes", "mark", "word"),
        [
            ({"stage": OrderStage.ENRICHMENT}, "move", "Being checked"),
            ({}, "idle", "Waiting for payment"),
            ({"stage": OrderStage.PAYMENT}, "move", "Taking payment"),
            ({"status": OrderStatus.PAID}, "move", "Paid"),
            ({"status": OrderStatus.PAID, "late": True}, "warn", "Paid, late"),
            ({"status": OrderStatus.SHIPPED}, "move", "Shipped"),
            ({"status": OrderStatus.SHIPPED, "late": True}, "warn", "Shipped, late"),
            ({"status": OrderStatus.DELIVERED}, "ok", "Delivered"),
            ({"status": OrderStatus.CANCELLED}, "ended", "Cancelled"),
            ({"status": OrderStatus.REFUNDED}, "ended", "Refunded"),
            ({"stage": OrderStage.COMPENSATING}, "move", "Cancelling"),
            (
                {"status": OrderStatus.NEEDS_ATTENTION, "problem": Problem("reserve", "", NOON)},
                "warn",
                "Needs attention",
            ),
            ({"status": OrderStatus.NEEDS_ATTENTION, "problem": Problem("refund", "", NOON)}, "bad", "Refund stopped"),
            ({"status": OrderStatus.NEEDS_ATTENTION, "problem": Problem("shipment", "", NOON)}, "warn", "Paid, late"),
        ],
    )
    def test_is_a_mark_and_a_word(self, changes: dict[str, Any], mark: str, word: str) -> None:
        status = page(**changes).status
        assert (status.mark, status.word) == (mark, word)


class TestLede:
    def test_says_what_happens_when_the_window_closes(self) -> None:
        words = plain(page(countdowns=[WINDOW]).lede)
        assert (
            words
            == "The stock is held and it waits for $1,359.97; if that does not come by 19 Nov 16:00 UTC, it cancels itself."
        )

    def test_of_a_saved_order_says_how_old_it_is(self) -> None:
        shown = order_page(order_view(), NOON, as_of=NOON)
        assert plain(shown.lede).endswith("That was at 19 Nov 12:00 UTC; it may have gone on since.")

    @pytest.mark.parametrize("status", list(OrderStatus))
    @pytest.mark.parametrize("stage", list(OrderStage))
    def test_there_is_one_for_every_state(self, status: OrderStatus, stage: OrderStage) -> None:
        shown = page(status=status, stage=stage)
        assert plain(shown.lede).endswith(".")
        assert shown.status.word


class TestSteps:
    def states(self, **changes: Any) -> list[tuple[str, str]]:
        return [(step.name, step.state) for step in page(**changes).steps]

    def test_a_waiting_order_stands_at_the_payment(self) -> None:
        reached = {"reserve": NOON, "awaiting_payment": NOON}
        assert self.states(reached=reached) == [
            ("Placed", "done"),
            ("Checked", "done"),
            ("Stock held", "done"),
            ("Payment", "now"),
            ("Shipment", ""),
            ("In transit", ""),
            ("Delivered", ""),
        ]

    def test_a_short_order_is_stopped_where_the_stock_is_held(self) -> None:
        problem = Problem("reserve", "Not enough stock", NOON)
        states = self.states(status=OrderStatus.NEEDS_ATTENTION, problem=problem, reached={"reserve": NOON})
        assert states[2] == ("Stock held", "stopped")

    def test_a_refunded_order_ends_after_the_payment(self) -> None:
        reached = {"reserve": NOON, "awaiting_payment": NOON, "paid": NOON, "refunded": NOON}
        states = self.states(status=OrderStatus.REFUNDED, stage=OrderStage.CANCELLED, reached=reached)
        assert states[-2:] == [("Payment", "done"), ("Refunded", "ended")]

    def test_a_cancelled_order_of_which_money_has_not_gone_back_stands_there(self) -> None:
        reached = {"reserve": NOON, "awaiting_payment": NOON, "paid": NOON}
        states = self.states(
            status=OrderStatus.NEEDS_ATTENTION,
            stage=OrderStage.CANCELLED,
            problem=Problem("refund", "The bank is closed.", NOON),
            reached=reached,
        )
        assert states[-2:] == [("Payment", "done"), ("Cancelling", "stopped")]

    def test_a_delivered_order_has_all_behind_it(self) -> None:
        shipment = ShipmentView("DHL", "JD01", "", NOON, NOON)
        reached = {"reserve": NOON, "awaiting_payment": NOON, "paid": NOON}
        states = self.states(status=OrderStatus.DELIVERED, shipment=shipment, reached=reached)
        assert {state for _, state in states} == {"done"}


class TestCards:
    def test_a_timer_drains_and_says_what_comes(self) -> None:
        (card,) = page(countdowns=[WINDOW]).cards
        assert (card.left, card.length, card.lead) == (75, "4\u00a0h", "The order cancels itself:")

    def test_a_timer_that_has_run_out_is_empty(self) -> None:
        late = replace(WINDOW, ends_at=NOON + timedelta(minutes=1))
        assert page(countdowns=[late]).cards[0].left == 0

    def test_the_tries_of_a_charge_are_marks(self) -> None:
        payment = PaymentView(
            PaymentStatus.UNKNOWN, attempt=3, max_attempts=6, last_error="Timed out.", next_attempt_at=NOON
        )
        retry = Countdown("payment_retry", "Next payment attempt", NOON, NOON, "…")
        card, window = page(payment=payment, stage=OrderStage.PAYMENT, countdowns=[WINDOW, retry]).cards
        assert card.attempts == ("is-failed",) * 3 + ("is-next", "", "")
        assert card.then.startswith("Timed out. All attempts share one key")
        assert window.label == "Payment window closes"

    @pytest.mark.parametrize(
        ("stage", "countdowns", "cards"),
        [
            (OrderStage.STATUS_UPDATE, [], 1),
            (OrderStage.STATUS_UPDATE, [WINDOW], 1),
            (OrderStage.AWAITING_SHIPMENT, [WINDOW], 1),
            (OrderStage.COMPENSATING, [], 0),
        ],
    )
    def test_their_place_is_taken_from_the_payment_to_the_shipment(
        self, stage: OrderStage, countdowns: list[Countdown], cards: int
    ) -> None:
        """Between two timers, while the payment is saved, none runs."""
        shown = page(status=OrderStatus.PAID, stage=stage, countdowns=countdowns)
        drawn = render_to_string("orders/_order_now.html", {"page": shown})
        assert drawn.count('class="card countdown"') == cards
        assert (" hidden" in drawn.split(">")[0]) == (cards == 0)

    def test_a_problem_stands_alone_while_the_payment_is_saved(self) -> None:
        problem = Problem("status_update", "No answer.", NOON)
        assert not page(status=OrderStatus.PAID, stage=OrderStage.STATUS_UPDATE, problem=problem).passing

    def test_a_shortage_names_each_line(self) -> None:
        problem = Problem("reserve", "Not enough stock.", NOON)
        shown = page(status=OrderStatus.NEEDS_ATTENTION, problem=problem, shortages=[Shortage("LAPTOP-001", 25, 10)])
        assert shown.problem is not None
        assert shown.problem.title == "One line of this order is short of stock"
        assert shown.problem.shortages == ("Laptop 14″, 32 GB (LAPTOP-001): 25 wanted, 10 in stock",)
        assert shown.items[0].shortage == "only 10 in stock"


class TestTimeline:
    def test_is_newest_first_with_who_and_by_which_door(self) -> None:
        rows = page().timeline
        assert [row.sequence for row in rows] == [2, 1]
        assert [row.by for row in rows] == ["Order workflow", "ops, API"]
        assert [row.person for row in rows] == ["", "ops"]

    def test_calls_people_by_their_names(self) -> None:
        rows = order_page(order_view(), NOON, names={"ops": "Oscar Paredes"}).timeline
        assert [row.by for row in rows] == ["Order workflow", "Oscar Paredes, API"]
        assert [row.person for row in rows] == ["", "Oscar Paredes"]

    def test_folds_repeated_tries_but_the_latest(self) -> None:
        tries = [entry(n, TimelineKind.PAYMENT_RETRY, f"Try {n} failed: no answer.") for n in range(1, 6)]
        started = entry(6, TimelineKind.PAYMENT_RECEIVED, "Paid.")
        rows = page(timeline=[*tries, started]).timeline
        assert [row.lead for row in rows] == ["Paid.", "Try 5 failed:", "4 earlier attempts failed."]
        assert rows[1].tone == "bad"

    def test_tells_what_it_does_not_show(self) -> None:
        assert page(timeline_total=240).hidden_entries == 238

    def test_lists_mails(self) -> None:
        (mail,) = page(timeline=[entry(1, TimelineKind.MAIL_FAILED, "Mail “x” could not be sent.")]).mails
        assert mail.failed


@pytest.mark.django_db
class TestRow:
    def row(self, **changes: Any) -> Order:
        saved(**changes)
        return Order.objects.get()

    def test_a_row_says_the_same_as_the_order(self) -> None:
        view = order_view(
            countdowns=[WINDOW],
            problem=Problem("payment", "No answer", NOON),
            payment=PaymentView(PaymentStatus.UNKNOWN, attempt=6, max_attempts=6, last_error="No answer"),
            shipment=ShipmentView("DHL", "JD01", "", NOON),
        )
        projection.save(view)
        assert of_row(Order.objects.get()) == of_view(view)

    def test_says_what_happens_next(self) -> None:
        assert plain(row_of(self.row(countdowns=[WINDOW])).next) == "Cancels itself 19 Nov 16:00 UTC"

    def test_an_order_that_has_not_started_is_being_checked(self) -> None:
        order = Order(order_id="ORD-20261119-140810-x7f2", customer_id="C", customer_email="a@b.c")
        assert row_of(order).status.word == "Being checked"

    @pytest.mark.parametrize("status", list(OrderStatus))
    def test_every_status_can_be_listed(self, status: OrderStatus) -> None:
        row = row_of(self.row(status=status))
        assert plain(row.next)
        assert row.total == "$1,359.97"


class TestFragments:
    def test_hold_one_root_with_an_id_each_and_nothing_personal(self) -> None:
        html = live_fragments(order_view(countdowns=[WINDOW]))
        for fragment in ("notice", "head", "steps", "now", "record", "facts"):
            assert html.count(f'id="order-{fragment}"') == 1
        assert "csrf" not in html

    def test_what_people_typed_is_escaped(self) -> None:
        view = order_view(customer_name="<script>alert(1)</script>", cancel_reason="<b>", shipping_address="<i>\nx")
        html = live_fragments(view)
        assert "<script>" not in html
        assert "<b></dd>" not in html
        assert "&lt;i&gt;<br>x" in html

    def test_times_carry_their_exact_utc(self) -> None:
        eta = Eta(NOON, NOON + timedelta(days=1), "…", NOON)
        html = render_to_string("orders/_order_facts.html", {"page": page(eta=eta)})
        assert 'datetime="2026-11-19T12:00:00.000Z" title="2026-11-19 12:00:00 UTC"' in html

    def test_has_no_inline_style_or_script(self) -> None:
        html = live_fragments(order_view(countdowns=[WINDOW]))
        assert " style=" not in html
        assert "<script" not in html
        assert " on" + "click" not in html


def test_counted_says_small_numbers_in_words() -> None:
    assert [counted(n, "order") for n in (0, 1, 2, 1_204)] == ["no orders", "one order", "two orders", "1,204 orders"]
