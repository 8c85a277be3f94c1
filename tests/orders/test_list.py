import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.asserts import assertContains, assertNotContains

from orders.contract import Countdown, OrderStatus, PaymentView, Problem, ShipmentView
from orders.listing import page_of
from orders.models import Order
from orders.views import lists
from tests.orders.orders_of import NOON, saved

Place = Callable[..., str]


@pytest.fixture
def place(db: None) -> Place:
    """Puts an order into the projection, each a minute after the one before; returns its id."""
    placed = 0

    def place(**changes: Any) -> str:
        nonlocal placed
        placed += 1
        order_id = f"ORD-20261119-120000-{placed:04d}"
        saved(order_id, **{"placed_at": NOON + timedelta(minutes=placed), **changes})
        return order_id

    return place


def listed(client: Client, query: str = "") -> list[str]:
    return [row.order_id for row, _ in client.get(f"/orders/{query}").context["rows"]]


def ends_in(hours: int) -> list[Countdown]:
    return [Countdown("payment_window", "", NOON, NOON + timedelta(hours=hours), "")]


class TestSearch:
    @pytest.mark.parametrize(
        "q",
        [
            "120000-0002",
            "order-ORD-20261119-120000-0002",
            "CUST-77",
            "lindqvist",
            "JONAS lind",
            "jonas@example",
            "SPECIAL-1",
            "JD0146",
        ],
    )
    def test_finds_by_order_customer_mail_sku_and_tracking(self, reader: Client, place: Place, q: str) -> None:
        place()
        order_id = place(
            customer_id="CUST-77",
            customer_name="Jonas Lindqvist",
            customer_email="jonas@example.com",
            shipment=ShipmentView("DHL", "JD0146000", "", NOON),
            status=OrderStatus.DELIVERED,
        )
        Order.objects.filter(order_id=order_id).update(skus=" SPECIAL-1 ")
        assert listed(reader, f"?q={q}") == [order_id]

    @pytest.mark.parametrize(
        "query",
        [
            "?q=%00",
            "?q=%27%20OR%201=1",
            "?q=%FF%FE",
            "?q=%25_\\",
            f"?q={'x' * 5_000}",
            "?page=0",
            "?page=-1",
            "?page=9999999999999",
            "?page=x",
            "?page=²",
            "?page=1&page=2",
            "?tab=no",
            "?status=no",
            "?status=starting",
            "?payment=no",
            "?payment=failing",
            "?sort=no",
        ],
    )
    def test_any_query_string_is_a_list(self, reader: Client, place: Place, query: str) -> None:
        place()
        assert reader.get(f"/orders/{query}").status_code == 200
        assert reader.get(f"/orders/export/{query}").status_code == 200

    def test_an_empty_one_has_a_place_for_whatever_comes(self, reader: Client) -> None:
        page = reader.get("/orders/?tab=all")
        assertContains(page, "No order yet")
        for name in ("orders-new", "orders-lede", "count-all", "count-open"):
            assertContains(page, f'id="{name}"', count=1)

    def test_nothing_found_says_so(self, reader: Client, place: Place) -> None:
        place()
        assertContains(reader.get("/orders/?q=<b>zzz"), "Nothing matches “&lt;b&gt;zzz”")


class TestTabs:
    @pytest.fixture
    def ids(self, place: Place) -> dict[str, str]:
        return {
            "waiting": place(countdowns=ends_in(5)),
            "soon": place(countdowns=ends_in(1), payment=PaymentView(next_attempt_at=NOON)),
            "attention": place(status=OrderStatus.NEEDS_ATTENTION, problem=Problem("refund", "x", NOON)),
            "late": place(status=OrderStatus.PAID, late=True, countdowns=ends_in(2)),
            "delivered": place(status=OrderStatus.DELIVERED),
            "refunded": place(status=OrderStatus.REFUNDED),
        }

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["attention", "soon", "late", "waiting"]),
            ("?sort=newest", ["late", "attention", "soon", "waiting"]),
            ("?tab=all", ["refunded", "delivered", "late", "attention", "soon", "waiting"]),
            ("?tab=attention", ["attention"]),
            ("?tab=late", ["late"]),
            ("?tab=delivered", ["delivered"]),
            ("?tab=ended", ["refunded"]),
            ("?status=paid", ["late"]),
            ("?tab=ended&status=paid", []),
            ("?payment=failing", ["soon"]),
            ("?tab=late&payment=failing", []),
        ],
    )
    def test_list_what_they_say_the_soonest_first(
        self, reader: Client, ids: dict[str, str], query: str, expected: list[str]
    ) -> None:
        assert listed(reader, query) == [ids[name] for name in expected]

    def test_count_and_say_how_things_stand(self, reader: Client, ids: dict[str, str]) -> None:
        response = reader.get("/orders/")
        assertContains(response, '<span id="count-open" hx-swap-oob="true">4</span>')
        assertContains(response, '<span id="count-ended" hx-swap-oob="true">1</span>')
        assertContains(
            response, "<strong>One order needs a person.</strong> 2 wait for payment, 1 is paid or on the way."
        )
        assertContains(response, '<span class="visually-hidden">need attention: </span>1')


class TestPages:
    def test_have_25_rows_and_end_at_the_last(self, reader: Client, place: Place) -> None:
        for _ in range(27):
            place()
        assert len(listed(reader)) == 25
        assert len(listed(reader, "?page=2")) == 2
        assert listed(reader, "?page=77") == listed(reader, "?page=2")
        assertContains(reader.get("/orders/?page=2"), "26 – 27 of 27")

    def test_cost_the_same_sql_whatever_is_in_them(
        self, reader: Client, place: Place, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        place()
        reader.get("/orders/")
        with django_assert_num_queries(10) as first:
            reader.get("/orders/")
        for status in OrderStatus:
            place(status=status, problem=Problem("refund", "x", NOON), countdowns=ends_in(3))
        with django_assert_num_queries(len(first)):
            reader.get("/orders/?tab=all")

    def test_follow_their_rows(self, reader: Client, place: Place) -> None:
        order_id = place()
        newest = Order.objects.get().pk
        assertContains(
            reader.get("/orders/"), f'ws-connect="/ws/orders/?after=1&amp;newest={newest}&amp;show={order_id}"'
        )
        for narrowed in ("q=laptop", "status=starting", "payment=failing"):
            assertNotContains(reader.get(f"/orders/?{narrowed}"), "newest=")

    def test_an_order_that_comes_while_one_is_drawn_is_new(
        self, reader: Client, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place()
        newest = Order.objects.get().pk

        def meanwhile(*args: Any) -> Any:
            page = page_of(*args)
            place()
            return page

        monkeypatch.setattr(lists, "page_of", meanwhile)
        assertContains(reader.get("/orders/"), f"newest={newest}&amp;")

    def test_without_any_order_explain_themselves(self, ops: Client, reader: Client) -> None:
        assertContains(ops.get("/orders/"), "Place the first order")
        assertNotContains(reader.get("/orders/"), "Place the first order")


class TestExport:
    def rows(self, client: Client, query: str = "") -> list[dict[str, str]]:
        response = client.get(f"/orders/export/{query}")
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(response.content.decode())))

    def test_holds_all_pages_of_the_list_as_filtered(self, reader: Client, place: Place) -> None:
        for _ in range(30):
            place()
        delivered = place(status=OrderStatus.DELIVERED)
        assert len(self.rows(reader)) == 30
        (row,) = self.rows(reader, "?tab=delivered")
        assert (row["order_id"], row["total_cents"], row["currency"]) == (delivered, "135997", "USD")
        failing = place(payment=PaymentView(next_attempt_at=NOON))
        assert [row["order_id"] for row in self.rows(reader, "?payment=failing")] == [failing]

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1"])
    def test_no_cell_is_a_formula(self, reader: Client, place: Place, name: str) -> None:
        order_id = place()
        Order.objects.filter(order_id=order_id).update(customer_name=name)
        cell = self.rows(reader)[0]["customer_name"]
        assert cell.startswith("'")
