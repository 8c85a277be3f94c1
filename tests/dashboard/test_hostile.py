"""What people write is shown and never run: stored in every text of every row, reflected by every address and every form."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import models, transaction
from django.template.loader import render_to_string
from django.test import Client, TransactionTestCase

from approvals.gateway import attachments
from tests.dashboard import routes
from tests.dashboard.everybody import World, address_of, made
from tests.dashboard.test_matrix import asked
from tests.dashboard.test_safe_headers import lacking

__all__ = ["asked"]  # the fixture: there is no Temporal

HOSTILE = "</script>\"'><i data-hostile onmouseover=x>{{7*7}}\u202e"
"""Out of a script, out of an attribute of either kind, a new element, a template's and a direction's trick."""
ADDRESSES = {"href", "src", "action", "formaction", "ws-connect", "hx-get", "hx-post", "hx-put", "hx-delete", "data"}
OURS = ("orders", "approvals", "campaigns", "dashboard", "auth", "admin")
TEXTS = {
    "title", "comment", "text", "reason", "name", "customer_name", "customer_address", "shipping_address",
    "requester_name", "changes_wanted", "policy_name", "resolution", "note", "notes", "subject", "detail", "error", "words",
    "last_error", "withdrawn_reason", "carrier", "product_name", "first_name", "last_name", "object_repr", "body_text",
    "department", "file_name", "change_message", "value", "problem", "description",
}  # fmt: skip
"""What people have written, in the documents that rows hold."""


class Drawn(HTMLParser):
    """Notes what a page would run, or was made to hold."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self._form: tuple[str, str, dict[str, str]] | None = None
        self._script: dict[str, str | None] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "data-hostile" in found:
            self.wrong.append(f"an element of theirs: <{tag} {attrs}>")
        for name, value in attrs:
            if name.startswith(("on", "hx-on")):
                self.wrong.append(f"a handler: <{tag} {name}={value}>")
            elif name == "style":
                self.wrong.append(f"an inline style: <{tag} style={value}>")
            elif name in ADDRESSES and re.match(
                r"[\s\x00-\x1f]*(javascript|vbscript|data):", value or "", re.IGNORECASE
            ):
                self.wrong.append(f"an address that runs: <{tag} {name}={value}>")
        if tag in ("style", "object", "embed", "base"):
            self.wrong.append(f"<{tag}>")
        self._script = found if tag == "script" else None
        if tag == "form":
            self._form = ((found.get("method") or "get").lower(), found.get("action") or "", {})
            self.forms.append(self._form)
        if self._form and tag in ("input", "textarea", "select", "button") and found.get("name"):
            self._form[2][str(found["name"])] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None and data.strip() and self._script.get("type") != "application/json":
            self.wrong.append(f"an inline script: {data[:80]}")


def wrong_in(answer: Any) -> list[str]:
    """What an answer does wrong with what was written."""
    if answer.status_code >= 500 and answer.status_code != 503:
        return [f"{answer.status_code}"]
    for name, value in answer.headers.items():
        if "\n" in value or "\r" in value or "<i data-hostile" in value:
            return [f"header {name}: {value[:100]}"]
    if (
        answer.streaming
        or "html" not in answer.get("Content-Type", "")
        or "sandbox" in answer.get("Content-Security-Policy", "")
    ):
        return []
    html = answer.content.decode()
    evaluated = re.findall(r"data-hostile onmouseover=x(?:&gt;|>)(?!\{\{|…|&)\S{2}", html)
    return [*Drawn(html).wrong, *evaluated]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        there = made()
        _poison()
        yield there
        TransactionTestCase()._fixture_teardown()


@pytest.fixture
def root(world: World, db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", first_name=HOSTILE, last_name=HOSTILE))
    return client


def _poison() -> None:
    """Every text of every row of ours that no door would have refused."""
    for model in apps.get_models():
        if model._meta.app_label not in OURS or not model._meta.managed:
            continue
        for row in model._default_manager.all():
            changes = dict(_changes(row))
            if changes:
                changes |= {name: f"{row.pk}{value}" for name, value in changes.items() if _is_unique(model, name)}
                model._default_manager.filter(pk=row.pk).update(**changes)


def _is_unique(model: type[models.Model], name: str) -> bool:
    return bool(getattr(model._meta.get_field(name), "unique", False))


def _changes(row: models.Model) -> Iterator[tuple[str, Any]]:
    for column in row._meta.concrete_fields:
        value = getattr(row, column.attname)
        if isinstance(column, models.JSONField):
            yield column.name, _poisoned(value)
        elif isinstance(column, models.CharField | models.TextField) and not column.choices and column.name in TEXTS:
            yield column.name, HOSTILE[: column.max_length or 1000]


def _poisoned(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_poisoned(one, key) for one in value]
    return HOSTILE if isinstance(value, str) and key in TEXTS else value


def _get(client: Client, path: str, **more: Any) -> Any:
    with transaction.atomic():
        answer = client.get(path, **more)
        transaction.set_rollback(True)
    return answer


PAGES = sorted(name for name, route in routes.ROUTES.items() if "GET" in route.rules and name != "accounts/logout/")


@pytest.mark.usefixtures("asked")
class TestPages:
    @pytest.mark.soak
    def test_stored(self, world: World, root: Client) -> None:
        wrong, seen = [], []
        for name in PAGES:
            path = address_of(name, world.named)
            answer = _get(root, path)
            wrong += [f"{path}: {one}" for one in [*wrong_in(answer), *lacking(answer.headers)]]
            if not answer.streaming and "data-hostile" in answer.content.decode(errors="replace"):
                seen.append(name)
        assert not wrong, "\n".join(wrong)
        assert len(seen) > 25, f"Hostile texts are to be seen on these pages only: {seen}"

    @pytest.mark.soak
    def test_stored_in_fragments(self, world: World, root: Client) -> None:
        wrong = []
        for name in PAGES:
            path = address_of(name, world.named)
            wrong += [f"{path}: {one}" for one in wrong_in(_get(root, path, headers={"HX-Request": "true"}))]
        assert not wrong, "\n".join(wrong)

    @pytest.mark.soak
    def test_stored_in_the_admin_site(self, world: World, root: Client) -> None:
        wrong = []
        for app, names in routes.ADMIN_MODELS.items():
            for name in names.split():
                pk = apps.get_model(app, name)._default_manager.values_list("pk", flat=True).first()
                for page in (
                    "",
                    "?q=" + quote(HOSTILE),
                    *(() if pk is None else (f"{pk}/change/", f"{pk}/delete/", f"{pk}/history/")),
                ):
                    path = f"/admin/{app}/{name}/{page}"
                    wrong += [f"{path}: {one}" for one in wrong_in(_get(root, path))]
        assert not wrong, "\n".join(wrong)

    @pytest.mark.soak
    def test_reflected_by_addresses(self, world: World, root: Client) -> None:
        names = (
            "q",
            "tab",
            "status",
            "kind",
            "after",
            "page",
            "user_id",
            "next",
            "sort",
            "from",
            "to",
            "amount",
            "sku",
            "lines-0-sku",
            "field",
            "result",
        )
        query = "&".join(f"{name}={quote(HOSTILE)}" for name in names)
        hostile = {name: quote(HOSTILE, safe="") for name in world.named}
        wrong = []
        for name in PAGES:
            paths = {f"{address_of(name, world.named)}?{query}"}
            if "<" in name and "<int" not in name and "<uuid" not in name:
                paths.add(address_of(name, hostile))
            for path in paths:
                wrong += [f"{path[:120]}: {one}" for one in wrong_in(_get(root, path))]
        assert not wrong, "\n".join(wrong)

    @pytest.mark.soak
    def test_reflected_by_forms(self, world: World, root: Client) -> None:
        """Each form is sent with a hostile text in every field that it shows, each by somebody who is logged in: some forms
        are there to end that, wherever one is.
        """
        wrong, sent = [], set()
        user = User.objects.get(username="root")
        for name in PAGES:
            path = address_of(name, world.named)
            page = _get(root, path)
            if page.status_code != 200 or "html" not in page["Content-Type"]:
                continue
            for method, action, fields in Drawn(page.content.decode()).forms:
                if method != "post" or "logout" in action:
                    continue
                sent.add(action or path)
                typed = {field: value if field == "csrfmiddlewaretoken" else HOSTILE for field, value in fields.items()}
                with transaction.atomic():
                    answer = root.post(action or path, typed)
                    transaction.set_rollback(True)
                root.force_login(user)
                wrong += [f"{action or path}: {one}" for one in wrong_in(answer)]
                wrong += [f"{action or path}: nobody was logged in"] if "next=" in answer.get("Location", "") else []
        assert len(sent) > 45, f"These forms only were sent: {sorted(sent)}"
        assert not wrong, "\n".join(wrong)

    def test_reflected_by_programs_answers(self, world: World) -> None:
        """JSON is no page, whatever it says: its type holds, and the browser is told not to guess."""
        token = {"Authorization": f"Bearer {world.tokens['Administrators']}"}
        client = Client(raise_request_exception=False)
        for name, route in routes.ROUTES.items():
            if not name.startswith("api/") or "POST" not in route.rules or route.strangers != routes.TOKEN:
                continue
            body = dict.fromkeys(
                ("customer_id", "title", "reason", "comment", "sku", "name", "kind", "channel"), HOSTILE
            )
            answer = client.post(
                address_of(name, world.named), body, "application/json", headers={**token, "Idempotency-Key": "h"}
            )
            assert answer["Content-Type"].startswith("application/json"), name
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer.status_code < 500 or answer.status_code == 503

    def test_after_the_log_in_nobody_goes_elsewhere(self, db: None, client: Client) -> None:
        User.objects.create_user("emma", password="correct-horse")
        for next_page in (
            "javascript:alert(1)",
            "//evil.example/",
            "https://evil.example/",
            "/\\evil.example",
            "\tjavascript:x",
        ):
            client.logout()
            answer = client.post(
                "/accounts/login/", {"username": "emma", "password": "correct-horse", "next": next_page}
            )
            assert answer["Location"] == "/", next_page


class TestNames:
    def test_of_files_do_not_turn_their_end_round(self, db: None) -> None:
        user = User.objects.create_user("emma")
        row = attachments._store("REQ-1", user, "C:\\annual\u202efdp.exe.pdf", b"%PDF", "key")
        assert row.name == "annualfdp.exe.pdf"


class TestMails:
    @pytest.mark.parametrize("kind", ["approval_asked", "approval_mentioned", "approval_decided", "approval_delegated"])
    def test_bodies_are_escaped(self, kind: str) -> None:
        request = {"title": HOSTILE, "request_id": "REQ-1", "requester": HOSTILE}
        names = ("text", "first_name", "requester", "kind", "amount", "days", "outcome", "wanted_by")
        decisions = [{"who": HOSTILE, "for_whom": HOSTILE, "comment": HOSTILE, "approved": True}]
        context = {
            **dict.fromkeys(names, HOSTILE),
            "request": request,
            "decisions": decisions,
            "link": "https://x.example/",
        }
        html = render_to_string(f"emails/{kind}/body.html", context)
        assert "data-hostile" in html
        assert not [one for one in Drawn(html).wrong if not one.startswith("an inline style")]
