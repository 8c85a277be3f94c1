"""The workflow calls activities by name: each name has to be one that the worker registers, with the same types."""

import ast
import inspect
import typing

from temporalio import activity

from orders.process import effects
from orders.worker import AREA_WORKER
from tests.workflows.shop import FakeShop


def called_names() -> dict[str, str]:
    """Activity name → the name of the effect's result type, as written in the module."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(effects))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "execute_activity":
            result = next((ast.unparse(k.value) for k in node.keywords if k.arg == "result_type"), "None")
            found[ast.literal_eval(node.args[0])] = result
    return found


def signature(fn: typing.Any) -> tuple[list[typing.Any], typing.Any]:
    hints = typing.get_type_hints(fn)
    answer = hints.pop("return")
    return list(hints.values()), answer


def test_every_activity_that_is_called_is_registered() -> None:
    registered = {activity._Definition.must_from_callable(a).name: a for a in AREA_WORKER.activities}
    assert set(called_names()) == set(registered)


def test_results_have_the_type_that_the_workflow_reads() -> None:
    for function in AREA_WORKER.activities:
        name = activity._Definition.must_from_callable(function).name
        expected = eval(called_names()[name], vars(effects)) or type(None)
        assert signature(function)[1] == expected, name


def test_the_fake_shop_has_the_same_interface() -> None:
    real = {activity._Definition.must_from_callable(a).name: signature(a) for a in AREA_WORKER.activities}
    fake = {a.__name__: signature(a) for a in FakeShop().activities()}
    assert fake == real
