"""The row of an order follows its workflow's versions, and only forward."""

from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from orders import projection
from orders.contract import By, OrderInput, OrderLine, OrderView, PaymentView, TimelineEntry
from orders.models import Order, OrderEvent
from orders.process.state import OrderState
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import to_json

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
INPUT = OrderInput("ORD-20261121-120000-7f3a", "CUST-1", "maren@example.com", [OrderLine("A", 2, "Thing", 500)])


def view(version: int, **fields: object) -> OrderView:
    state = OrderState(INPUT, lambda: AT, lambda: None)
    entry = TimelineEntry(version, AT, "order_placed", By("ops", "web"), f"Version {version}.", 1_000)
    return replace(state.view(), version=version, timeline=[entry], timeline_total=version, **fields)


@pytest.mark.django_db
class TestSave:
    def test_makes_the_row_of_an_order_that_the_cli_started(self) -> None:
        assert projection.save(view(1))
        row = Order.objects.get()
        assert (row.version, row.status, row.total_cents, row.skus) == (1, "pending", 1_000, " A ")

    def test_says_when_a_failed_payment_is_tried_again_for_as_long_as_it_is(self) -> None:
        projection.save(view(1, payment=PaymentView(next_attempt_at=AT)))
        assert Order.objects.get().pays_again_at == AT
        projection.save(view(2))
        assert Order.objects.get().pays_again_at is None

    def test_an_earlier_rows_snapshot_says_it_to_the_migration(self) -> None:
        for number, at in enumerate((AT, None)):
            told = view(1, order_id=f"{INPUT.order_id[:-1]}{number}", stage="payment")
            projection.save(replace(told, payment=PaymentView(next_attempt_at=at)))
        Order.objects.update(pays_again_at=None)
        migration = import_module("orders.migrations.0006_pays_again_at")
        migration.take_from_snapshots(apps, connection.schema_editor())
        assert list(Order.objects.order_by("pk").values_list("pays_again_at", flat=True)) == [AT, None]

    def test_a_write_that_arrives_late_changes_nothing(self) -> None:
        projection.save(view(5, status="paid"))
        change = ChangeCounter.read()["orders"]
        assert not projection.save(view(4, status="pending"))
        assert not projection.save(view(5, status="pending"))
        row = Order.objects.get()
        assert (row.version, row.status) == (5, "paid")
        assert ChangeCounter.read()["orders"] == change

    def test_its_timeline_is_kept_all_the_same(self) -> None:
        projection.save(view(5))
        projection.save(view(4))
        projection.save(view(4))
        assert list(OrderEvent.objects.values_list("sequence", flat=True)) == [4, 5]

    def test_each_write_has_a_place_in_the_sequence_of_changes(self) -> None:
        projection.save(view(1))
        first = Order.objects.get().change
        projection.save(view(2))
        assert Order.objects.get().change == first + 1 == ChangeCounter.read()["orders"]

    def test_comes_back_as_it_was_saved(self) -> None:
        saved = view(3, status="paid")
        projection.save(saved)
        assert projection.load_view(Order.objects.get()) == saved

    def test_a_row_whose_workflow_has_not_started_shows_what_was_ordered(self) -> None:
        row = Order.objects.create(order_id=INPUT.order_id, start_input=to_json(INPUT), idempotency_key="k")
        loaded = projection.load_view(row)
        assert (loaded.status, loaded.total_cents, loaded.items) == ("pending", 1_000, INPUT.items)
