"""Each answer forbids what no page needs: inline scripts and styles, guessing of types, frames of others."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import TransactionTestCase

from dashboard import views
from dashboard.asgi import application
from tests.dashboard import routes
from tests.dashboard.everybody import World, address_of, made
from tests.dashboard.test_matrix import _ask, asked

__all__ = ["asked"]  # the fixture: there is no Temporal


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        yield made()
        TransactionTestCase()._fixture_teardown()


def lacking(headers: Any) -> list[str]:
    """What is not forbidden. A mail's preview stands in a frame of our own page: there it has no origin and no script."""
    policy = headers.get("Content-Security-Policy", "")
    is_letter = policy.endswith("sandbox") or "sandbox;" in policy
    frames = ("'self'", "SAMEORIGIN") if is_letter else ("'none'", "DENY")
    wanted = ("default-src 'none'", f"frame-ancestors {frames[0]}", "base-uri 'none'", "object-src 'none'")
    wrong = [directive for directive in wanted if directive not in policy]
    wrong += re.findall(r"'unsafe-(?:inline|eval)'|\*|https?:", policy)
    script = re.search(r"script-src ([^;]*)", policy)
    if script and script[1].strip() not in ("'self'", "'none'"):
        wrong.append(script[0])
    if headers.get("X-Content-Type-Options") != "nosniff":
        wrong.append("nosniff")
    if headers.get("X-Frame-Options") != frames[1]:
        wrong.append("X-Frame-Options")
    if headers.get("Referrer-Policy") not in ("same-origin", "no-referrer"):
        wrong.append("Referrer-Policy")
    return wrong


@pytest.mark.django_db
@pytest.mark.usefixtures("asked")
class TestEachRoute:
    @pytest.mark.parametrize(
        "who", ["anonymous", *(pytest.param(name, marks=pytest.mark.soak) for name in ("Administrators", "Marketers"))]
    )
    def test_by_each_method(self, world: World, who: str) -> None:
        wrong = []
        for name in routes.ROUTES:
            path = address_of(name, world.named)
            # The other methods are 405 for everybody, by the same door: one route stands for them all.
            for method in ("GET", "POST", "DELETE") if name == "orders/" else ("GET", "POST"):
                answer = _ask(world, who, method, path)
                wrong += [f"{method} {path} ({answer.status_code}): {one}" for one in lacking(answer.headers)]
        assert not wrong, "\n".join(wrong)

    def test_of_the_admin_site(self, world: World) -> None:
        wrong = []
        for app, models in routes.ADMIN_MODELS.items():
            for model in models.split():
                for page in ("",) if app != "orders" else ("", "add/"):
                    path = f"/admin/{app}/{model}/{page}"
                    answer = _ask(world, "Administrators", "GET", path)
                    wrong += [f"{path} ({answer.status_code}): {one}" for one in lacking(answer.headers)]
        assert not wrong, "\n".join(wrong)

    def test_of_pages_for_problems(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(views, "check_all", broken)
        for path, status in (("/health/", 500), ("/no-such-page/", 404), ("/admin/no/such/", 404)):
            answer = _ask(world, "Administrators", "GET", path)
            assert (answer.status_code, lacking(answer.headers)) == (status, []), path
        world.browsers["Administrators"].handler.enforce_csrf_checks = True
        try:
            answer = _ask(world, "Administrators", "POST", "/orders/new/")
        finally:
            world.browsers["Administrators"].handler.enforce_csrf_checks = False
        assert (answer.status_code, lacking(answer.headers)) == (403, [])

    def test_a_file_is_saved_and_never_drawn(self, world: World) -> None:
        answer = _ask(
            world,
            "involved",
            "GET",
            address_of("approvals/<request_id:request_id>/attachments/<uuid:attachment_id>/", world.named),
        )
        assert answer.status_code == 200
        assert answer["Content-Disposition"].startswith("attachment;")
        assert lacking(answer.headers) == []
        assert "html" not in answer["Content-Type"]
        assert "svg" not in answer["Content-Type"]


def _scope(path: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1")], **more,
    }  # fmt: skip


class TestWhatNoMiddlewareSees:
    @pytest.mark.parametrize(
        ("scope", "status"),
        [
            (_scope("/static/css/tokens.css"), 200),
            (_scope("/static/no-such-file.js"), 404),
            (
                _scope(
                    "/orders/", method="POST", headers=[(b"host", b"127.0.0.1"), (b"content-length", b"99999999999")]
                ),
                413,
            ),
            (_scope("/healthz", headers=[(b"host", b"evil.example")]), None),
        ],
        ids=["static", "no such file", "too large", "foreign host"],
    )
    async def test_has_them_too(self, scope: dict[str, Any], status: int | None) -> None:
        line = ApplicationCommunicator(application, scope)
        await line.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await line.receive_output(timeout=10)
        headers = {name.decode().title(): value.decode() for name, value in start["headers"]}
        headers = {"Content-Security-Policy": headers.pop("Content-Security-Policy", ""), **headers}
        assert lacking(headers) == []
        assert status in (None, start["status"])
