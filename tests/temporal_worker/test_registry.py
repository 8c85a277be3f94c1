"""The autodiscovered areas."""

import sys
from types import ModuleType

import pytest
from django.core.exceptions import ImproperlyConfigured

from temporal_worker.registry import AreaWorker, area_workers
from tests.temporal_worker.worker import AREA


def test_finds_the_areas_of_the_installed_apps() -> None:
    assert "order-processing-queue" in [area.task_queue for area in area_workers()]


def test_two_areas_must_not_share_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    [orders, *_] = area_workers()
    twin = ModuleType("dashboard.worker")
    twin.AREA_WORKER = AreaWorker(orders.task_queue, [], [])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dashboard.worker", twin)
    with pytest.raises(ImproperlyConfigured, match="is taken by another area"):
        area_workers()


def test_an_area_has_no_periodic_jobs_unless_it_says_so() -> None:
    assert AREA.periodic == ()
