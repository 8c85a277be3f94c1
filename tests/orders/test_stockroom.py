"""Stock is never below zero and never held for half an order, whoever asks at once."""

import pytest

from orders import stockroom
from orders.contract import OrderLine, StockRequest
from orders.models import Product, Reservation
from tests.orders.at_once import at_once


def product(sku: str, stock: int) -> Product:
    return Product.objects.create(sku=sku, name=f"Product {sku}", unit_price_cents=100, stock=stock)


def request(order_id: str, revision: int, **lines: int) -> StockRequest:
    return StockRequest(order_id, revision, [OrderLine(sku, quantity) for sku, quantity in lines.items()])


def stock() -> dict[str, int]:
    return dict(Product.objects.values_list("sku", "stock"))


@pytest.mark.django_db
class TestHold:
    def test_takes_all_lines(self) -> None:
        product("A", 5), product("B", 5)
        result = stockroom.hold(request("O1", 1, A=2, B=3))
        assert result.held
        assert stock() == {"A": 3, "B": 2}
        assert [(p.sku, p.available) for p in result.products] == [("A", 3), ("B", 2)]

    def test_takes_none_when_one_is_short_and_names_each(self) -> None:
        product("A", 5), product("B", 1), product("C", 0)
        result = stockroom.hold(request("O1", 1, A=2, B=3, C=1, D=1))
        assert not result.held
        assert {(s.sku, s.wanted, s.available) for s in result.shortages} == {("B", 3, 1), ("C", 1, 0), ("D", 1, 0)}
        assert result.unknown_skus == ["D"]
        assert stock() == {"A": 5, "B": 1, "C": 0}
        assert not Reservation.objects.exists()

    def test_a_repeat_and_a_late_request_change_nothing(self) -> None:
        product("A", 5)
        first = stockroom.hold(request("O1", 1, A=2))
        assert stockroom.hold(request("O1", 1, A=2)) == first
        stockroom.hold(request("O1", 3))
        assert stockroom.hold(request("O1", 2, A=4)).products == []
        assert stock() == {"A": 5}

    def test_a_new_request_counts_what_is_held_already(self) -> None:
        product("A", 5)
        stockroom.hold(request("O1", 1, A=4))
        assert stockroom.hold(request("O1", 2, A=5)).held
        short = stockroom.hold(request("O1", 3, A=6))
        assert [(s.wanted, s.available) for s in short.shortages] == [(6, 5)]
        assert stock() == {"A": 0}
        assert stockroom.hold(request("O1", 4, A=1)).held
        assert stock() == {"A": 4}

    def test_a_product_that_is_no_longer_for_sale_can_still_be_given_back(self) -> None:
        product("A", 5)
        stockroom.hold(request("O1", 1, A=4))
        Product.objects.update(is_active=False)
        assert stockroom.hold(request("O1", 2)).held
        assert stock() == {"A": 5}

    def test_what_was_shipped_stays_booked_out(self) -> None:
        product("A", 5)
        stockroom.hold(request("O1", 1, A=2))
        stockroom.ship("O1")
        stockroom.ship("O1")
        assert Reservation.objects.get().shipped_at is not None
        assert stock() == {"A": 3}


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_fifty_orders_at_once_share_ten_pieces() -> None:
    product("A", 10), product("B", 1_000)
    either_way = [{"A": 1, "B": 2}, {"B": 2, "A": 1}]
    results = at_once(50, lambda number: stockroom.hold(request(f"O{number}", 1, **either_way[number % 2])))
    assert sum(result.held for result in results) == 10
    assert stock() == {"A": 0, "B": 980}
    assert all(s.sku == "A" for result in results for s in result.shortages)


@pytest.mark.django_db
def test_what_is_sold_in_another_currency_is_not_for_sale() -> None:
    product("A", 5)
    Product.objects.create(sku="B", name="Lampe", unit_price_cents=100, currency="EUR", stock=5)
    result = stockroom.hold(StockRequest("O1", 1, [OrderLine("A", 1), OrderLine("B", 1)], "USD"))
    assert (result.held, result.unknown_skus, [facts.sku for facts in result.products]) == (False, ["B"], ["A"])
    assert stock() == {"A": 5, "B": 5}
