"""The workflows call activities by name: each name has to be one that the worker registers, with the same types."""

import ast
import inspect
import typing
from types import ModuleType

import pytest
from temporalio import activity

from approvals.process import effects as approval_effects
from approvals.worker import AREA_WORKER as APPROVALS
from orders.process import effects as order_effects
from orders.worker import AREA_WORKER as ORDERS
from temporal_worker.registry import AreaWorker
from tests.workflows.office import FakeOffice
from tests.workflows.shop import FakeShop

AREAS = pytest.mark.parametrize(
    ("effects", "area", "fake"),
    [(order_effects, ORDERS, FakeShop), (approval_effects, APPROVALS, FakeOffice)],
    ids=["orders", "approvals"],
)


def called_names(effects: ModuleType) -> dict[str, str]:
    """Activity name → the name of the effect's result type, as written in the module."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(effects))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "execute_activity":
            result = next((ast.unparse(k.value) for k in node.keywords if k.arg == "result_type"), "None")
            named = node.args[0]
            names = [named.value] if isinstance(named, ast.Constant) else effects.OUTCOMES.values()
            found.update(dict.fromkeys(names, result))
    return found


def registered(area: AreaWorker) -> dict[str, typing.Any]:
    return {activity._Definition.must_from_callable(one).name: one for one in area.activities}


def signature(fn: typing.Any) -> tuple[list[typing.Any], typing.Any]:
    hints = typing.get_type_hints(fn)
    answer = hints.pop("return")
    return list(hints.values()), answer


@AREAS
def test_every_activity_that_is_called_is_registered(effects: ModuleType, area: AreaWorker, fake: type) -> None:
    assert set(called_names(effects)) == set(registered(area))


@AREAS
def test_results_have_the_type_that_the_workflow_reads(effects: ModuleType, area: AreaWorker, fake: type) -> None:
    results = called_names(effects)
    for name, function in registered(area).items():
        expected = eval(results[name], vars(effects)) or type(None)
        assert signature(function)[1] == expected, name


@AREAS
def test_the_fake_has_the_same_interface(effects: ModuleType, area: AreaWorker, fake: type) -> None:
    pretended = {one.__name__: signature(one) for one in fake().activities()}
    assert pretended == {name: signature(one) for name, one in registered(area).items()}
