"""Every address × everybody × every method: who may not is refused before anything is asked or changed.

``routes.py`` declares each route; one that is not declared there fails the first tests. The addresses are those of a real
order, request, campaign and so on, so that 404 means "not for you" and not "no such thing". That each route is declared is
seen with each change; the thousands of calls are the soak's, and each area's own tests ask for its rights.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import TransactionTestCase
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard import health, health_watch, live_pages
from dashboard.health_watch import Health, Sign
from temporal_worker import connection
from temporal_worker.errors import TemporalUnavailable
from tests.dashboard import routes
from tests.dashboard.everybody import STRANGERS, World, address_of, made
from tests.dashboard.routes import LOGIN, OPEN, ROUTES, TOKEN, Person, Route

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REFUSALS = {302, 401, 403, 404, 405}


# ── What there is ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """One database for the module: what a request changes is rolled back."""
    with django_db_blocker.unblock():
        yield made()
        TransactionTestCase()._fixture_teardown()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[int]:
    """There is no Temporal; who asks for it is noted."""
    settings.API_BAD_TOKENS_PER_MINUTE = 1_000_000  # no token is asked with hundreds of times a minute here
    calls: list[int] = []

    async def no_client(self: Any) -> None:
        calls.append(1)
        raise TemporalUnavailable("Temporal is out of reach.")

    monkeypatch.setattr(connection._Connection, "client", no_client)
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    monkeypatch.setattr(health, "check_all", dict)
    monkeypatch.setattr("dashboard.views.check_all", dict)
    monkeypatch.setattr(live_pages, "HOLD", 0.01)
    # A long poll's threads would close the connection of the transaction that the test is in.
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)
    monkeypatch.setattr(live_pages, "get_hub", _EmptyHub)
    return calls


class _EmptyHub:
    async def wait_for_frame(self, *args: Any) -> None:
        return None


# ── Which routes there are ───────────────────────────────────────────────────────────────────────────────────────────


def _walk(resolver: Any, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield path


def _admin_routes() -> set[str]:
    usual = (
        "",
        "add/",
        "<path:object_id>/",
        *(f"<path:object_id>/{what}/" for what in ("history", "delete", "change")),
    )
    models = {
        f"{app}/{model}/{address}"
        for app, names in routes.ADMIN_MODELS.items()
        for model in names.split()
        for address in usual
    }
    return {f"admin/{path}" for path in models | set(routes.ADMIN_OWN) | routes.ADMIN_SHELL}


class TestRoutes:
    def test_each_is_declared(self) -> None:
        there = set(_walk(get_resolver()))
        assert there == set(ROUTES) | _admin_routes()


# ── Who gets in ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _ask(world: World, who: str, method: str, path: str, *, by_token: bool = False) -> HttpResponse:
    """The answer; what it changed is undone."""
    browser = world.browsers["anonymous"] if by_token else world.browsers[who]
    cookies = dict(browser.cookies)
    headers = {"Authorization": f"Bearer {world.tokens[who]}"} if by_token else {}
    body = {"data": "{}", "content_type": "application/json"} if by_token and method not in ("GET", "HEAD") else {}
    with transaction.atomic():
        answer = getattr(browser, method.lower())(path, headers=headers, **body)
        transaction.set_rollback(True)
    browser.cookies.clear()
    browser.cookies.update(cookies)
    return answer


def _expected(route: Route, world: World, who: str, method: str) -> tuple[str, int | None]:
    rule = route.rules.get("GET" if method == "HEAD" and route.strangers != TOKEN else method)
    if rule is None:
        return "405", 405
    if who in STRANGERS and route.strangers != OPEN:
        return ("401", 401) if route.strangers == TOKEN else (LOGIN, 302)
    status = rule(world.people.get(who, Person(who, frozenset())))
    return (str(status), status) if status else ("let in", None)


def _is_as_expected(wanted: tuple[str, int | None], answer: HttpResponse) -> bool:
    word, status = wanted
    to_login = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
    if word == LOGIN:
        return to_login
    if status is not None:
        return answer.status_code == status
    return answer.status_code not in REFUSALS - {302} and answer.status_code != 500


@pytest.mark.django_db
@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(ROUTES))
def test_page(name: str, world: World, asked: list[int]) -> None:
    wrong = _wrong_answers(ROUTES[name], address_of(name, world.named), world, asked)
    assert not wrong, f"/{name}\n" + "\n".join(wrong)


@pytest.mark.django_db
@pytest.mark.soak
@pytest.mark.parametrize("part", ["", "live/", "stack/", "history.json"])
@pytest.mark.parametrize("workflow_id", routes.TECHNICAL_OF)
def test_technical_view(workflow_id: str, part: str, world: World, asked: list[int]) -> None:
    """A process of each kind: who may not see it is told of none, and who may and is no engineer that it is not for them."""
    path = f"/technical/{workflow_id.format(**world.named)}/{part}"
    route = routes.page(routes.TECHNICAL_OF[workflow_id])
    wrong = _wrong_answers(route, path, world, asked)
    assert not wrong, f"{path}\n" + "\n".join(wrong)


def _wrong_answers(route: Route, path: str, world: World, asked: list[int]) -> list[str]:
    wrong = []
    for who in [*STRANGERS, *world.people]:
        for method in METHODS:
            wanted = _expected(route, world, who, method)
            asked.clear()
            answer = _ask(world, who, method, path, by_token=route.strangers == TOKEN)
            if not _is_as_expected(wanted, answer):
                wrong.append(f"{method} by {who}: {wanted[0]}, but it was {answer.status_code}")
            # Whether somebody sees a request, its workflow may have to say.
            if wanted[1] and asked and (wanted[1] != 404 or world.named["request_id"] not in path):
                wrong.append(f"{method} by {who} is refused, but Temporal was asked before")
    return wrong


# ── The admin site ───────────────────────────────────────────────────────────────────────────────────────────────────

_ADMIN_PAGES = {
    "": "",
    "add": "add/",
    "change": "999999/change/",
    "history": "999999/history/",
    "delete": "999999/delete/",
}
_SEES_ADMIN = ("Administrators", "clerk")
_ASKS_BY_ALL = ("anonymous", *_SEES_ADMIN)
"""Who asks by each method; the others by one that reads and one that changes."""


@pytest.mark.django_db
@pytest.mark.soak
@pytest.mark.parametrize("app", sorted(routes.ADMIN_MODELS))
def test_admin(app: str, world: World, asked: list[int]) -> None:
    """A page of a row that is not there sends who may see such rows back to the start, and refuses all others."""
    wrong = []
    for model in routes.ADMIN_MODELS[app].split():
        for action, address in _ADMIN_PAGES.items():
            for who in (*STRANGERS, *world.people):
                for method in METHODS if who in _ASKS_BY_ALL else ("GET", "POST"):
                    # Any other method is a reading to Django's admin: nothing but a POST changes something.
                    rights = routes.admin_rights(app, model, action, "POST" if method == "POST" else "GET")
                    may = who in _SEES_ADMIN and bool(rights & world.people[who].rights)
                    answer = _ask(world, who, method, f"/admin/{app}/{model}/{address}")
                    if not _is_admin_answer(answer, who, action, may=may):
                        wrong.append(f"{method} {model} {action or 'list'} by {who}: {answer.status_code}, may: {may}")
    assert not wrong, "\n".join(wrong)


def _is_admin_answer(answer: HttpResponse, who: str, action: str, *, may: bool) -> bool:
    if who not in _SEES_ADMIN:
        return answer.status_code == 302 and "/login/" in answer["Location"]
    if not action and answer.status_code == 302:  # there is one row only, and its page asks for the right
        return answer["Location"].endswith("/change/")
    is_back = answer.status_code == 302 and answer["Location"] == "/admin/"
    if may:
        return answer.status_code in (200, 422) or is_back
    # Django looks for the row before the right; that there is none tells nothing.
    return answer.status_code == 403 or (is_back and action == "history")


@pytest.mark.django_db
@pytest.mark.soak
@pytest.mark.parametrize("address", sorted({*routes.ADMIN_OWN, *routes.ADMIN_SHELL}))
def test_admin_itself(address: str, world: World, asked: list[int]) -> None:
    places = {"<id>": "999999", "<int:pk>": "999999", "<path:content_type_id>": "1", "<path:object_id>": "999999"}
    path = {"^(?P<app_label>": "orders/", "(?P<url>.*)$": "no/such/page"}.get(address.partition("auth")[0], address)
    for slot, value in places.items():
        path = path.replace(slot, value)
    right = routes.ADMIN_OWN.get(address)
    for who in (*STRANGERS, *world.people):
        for method in METHODS if who in _ASKS_BY_ALL else ("GET", "POST"):
            answer = _ask(world, who, method, f"/admin/{path}")
            if who not in _SEES_ADMIN:
                assert answer.status_code in (302, 403, 404, 405), (who, method, answer.status_code)
            elif right and right not in world.people[who].rights:
                assert answer.status_code in (403, 404, 405), (who, method, answer.status_code)
            else:
                assert answer.status_code < 500, (who, method, answer.status_code)
