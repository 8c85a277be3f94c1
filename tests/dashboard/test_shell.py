import asyncio
import re
import threading
import time
from html import unescape
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.contrib.sessions.models import Session
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from dashboard import health_watch, views
from dashboard.bodies import BodyLimit
from dashboard.health import Check
from dashboard.health_watch import Health, HealthWatch, Sign
from dashboard.home import machinery
from dashboard.home.frames import frames
from dashboard.home.machinery import Machinery
from dashboard.home.snapshots import snapshots
from dashboard.roles import ADMINISTRATORS, RIGHTS

WELL = Health((Sign("ok", "Temporal"),))


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: WELL)


@pytest.fixture
def user(db: None) -> User:
    user = User.objects.create_user("vera", password="a good one", first_name="Vera", last_name="Petrov")
    user.groups.set(Group.objects.filter(name="Staff"))
    return user


class TestLogIn:
    @pytest.mark.parametrize(
        ("target", "said"),
        [
            ("/orders/", "you go on to <b>Orders</b>"),
            ("/orders/ORD-20261119-140810-x7f2/?x=1", "you go on to <b>order ORD-20261119-140810-x7f2</b>"),
            ("/admin/orders/product/", "you go on to <b>Configuration</b>"),
        ],
    )
    def test_names_where_you_go_on(self, db: None, client: Client, target: str, said: str) -> None:
        assertContains(client.get("/accounts/login/", {"next": target}), said)

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil.example", "/no/such/page/", "javascript:x", "\0"]
    )
    def test_goes_nowhere_else(self, user: User, client: Client, target: str) -> None:
        assertNotContains(client.get("/accounts/login/", {"next": target}), "you go on to")
        data = {"username": "vera", "password": "a good one", "next": target}
        location = client.post("/accounts/login/", data)["Location"]
        assert "evil" not in location
        assert location.startswith("/")

    def test_goes_on_where_you_were(self, user: User, client: Client) -> None:
        data = {"username": "vera", "password": "a good one", "next": "/orders/?tab=late"}
        assertRedirects(client.post("/accounts/login/", data), "/orders/?tab=late")

    def test_says_that_it_did_not_work_and_keeps_the_name(self, user: User, client: Client) -> None:
        response = client.post("/accounts/login/", {"username": "vera", "password": "wrong"})
        assertContains(response, "do not belong together")
        assertContains(response, 'value="vera"')
        assertNotContains(response, "wrong")

    def test_offers_the_demo_accounts_only_in_the_demo(self, db: None, client: Client, settings: Any) -> None:
        settings.DEMO = False
        assertNotContains(client.get("/accounts/login/"), "This is the demo")
        settings.DEMO = True
        assertContains(client.get("/accounts/login/"), "This is the demo")

    def test_logs_out_by_post_only(self, user: User, client: Client) -> None:
        client.force_login(user)
        assert client.get("/accounts/logout/").status_code == 405
        assertRedirects(client.post("/accounts/logout/"), "/accounts/login/")


class TestProblemPages:
    def test_not_found_helps_and_is_no_door(self, user: User, client: Client) -> None:
        assertContains(client.get("/nothing/"), "Log in", status_code=404)
        client.force_login(user)
        assertContains(client.get("/nothing/"), "To the home page", status_code=404)

    @pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
    @pytest.mark.parametrize("inside", [True, False])
    def test_each_says_what_to_do_as_a_page_and_as_a_fragment(
        self, user: User, rf: RequestFactory, status: int, inside: bool
    ) -> None:
        for is_fragment in (True, False):
            request = rf.get("/nothing/")
            request.user = user if inside else AnonymousUser()
            request.htmx = is_fragment  # type: ignore[attr-defined]
            answer = views._problem(request, status, detail="Try again in 5 seconds.")
            html = answer.content.decode()
            assert answer.status_code == status
            assert len(re.sub(r"<[^>]+>", " ", html).split()) >= 8
            assert ("<html" in html) is not is_fragment
            assert ('role="alert"' in html) is is_fragment
            assert ('class="sidenav"' in html) is (inside and not is_fragment)

    def test_a_form_of_a_session_that_has_ended_leads_back_by_the_log_in(self, db: None, user: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        form = {"HTTP_REFERER": "http://testserver/approvals/new/?kind=leave"}
        page = client.post("/approvals/new/", **form)
        assertContains(page, 'href="/approvals/new/?kind=leave" data-resumes', status_code=403)
        Session.objects.all().delete()
        assertRedirects(
            client.post("/approvals/new/", **form),
            "/accounts/login/?next=/approvals/new/%3Fkind%3Dleave",
            fetch_redirect_response=False,
        )
        elsewhere = client.post("/approvals/new/", HTTP_REFERER="https://evil.example.com/x")
        assertRedirects(elsewhere, "/accounts/login/?next=/", fetch_redirect_response=False)

    def test_the_page_for_errors_of_ours_stands_by_itself(self) -> None:
        html = views.server_error(RequestFactory().get("/")).content.decode()
        assert "carries its own number" in html
        assert not re.search(r'(src|href)="(?!/("|static/))', html)

    def test_health_is_for_people_who_are_logged_in(
        self, user: User, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert client.get("/health/").status_code == 302
        client.force_login(user)
        monkeypatch.setattr(views, "check_all", lambda: {"temporal": Check(False, "Temporal does not answer.")})
        assertContains(client.get("/health/"), "Temporal does not answer.")


class TestShell:
    def test_has_a_policy_that_allows_nothing_inline(self, user: User, client: Client) -> None:
        client.force_login(user)
        response = client.get("/orders/")
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        html = response.content.decode()
        assert not re.search(r"<script(?![^>]* src=)", html)
        assert '"allowEval":false' in html
        assert '"allowScriptTags":false' in html

    def test_shows_configuration_to_those_who_configure(self, user: User, client: Client) -> None:
        client.force_login(user)
        assertNotContains(client.get("/orders/"), "Configuration")
        assertNotContains(client.get("/orders/"), "Unmatched events")
        User.objects.filter(pk=user.pk).update(is_staff=True)
        assertContains(client.get("/orders/"), "Configuration")


class TestOffers:
    """Who may not open a page is offered no way to it: not in the navigation or the phone's menu, not by tabs, buttons and empty
    lists."""

    OWN: ClassVar[dict[str, set[str]]] = {
        "writes contacts, sees no imports": {"campaigns.view_contact", "campaigns.edit_campaign"},
        "takes trails away, sees not all": {"approvals.ask_approval", "approvals.export_audit"},
        "operates, sees no orders": {"orders.operate_order"},
        "launches, writes nothing": {"campaigns.view_campaign", "campaigns.send_campaign"},
        "has no role": set(),
    }
    """Beside the roles: what somebody may get by a group of one's own."""

    @pytest.mark.parametrize("role", [*RIGHTS, *OWN])
    def test_lead_nobody_to_a_refusal(self, db: None, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "check_all", dict)
        monkeypatch.setattr(machinery.watch, "current", lambda: Machinery((), temporal=True))
        snapshots.forget()
        frames.forget()
        client = self._client(role)
        found: dict[str, int] = {}
        ahead = {"/"}
        for _ in range(3):  # home, what the shell leads to, what those pages lead to
            pages = {address: client.get(address) for address in sorted(ahead - found.keys())}
            found |= {address: page.status_code for address, page in pages.items()}
            ahead = {address for page in pages.values() for address in self._addresses(page)}
        assert {address: status for address, status in found.items() if status in (401, 403, 404)} == {}
        assert len(found) >= 4

    def _client(self, role: str) -> Client:
        user = User.objects.create_user("vera", is_staff=role == ADMINISTRATORS)
        for right in RIGHTS.get(role) or self.OWN[role]:
            app, codename = right.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        client = Client()
        client.force_login(user)
        return client

    def _addresses(self, page: Any) -> set[str]:
        """Where its navigation, tabs, menus and buttons lead, but into the admin site, which asks for itself."""
        if page.streaming or not page.get("Content-Type", "").startswith("text/html"):
            return set()
        html = page.content.decode()
        ways = [
            *re.findall(r"<nav.*?</nav>", html, re.DOTALL),
            *re.findall(r'<a class="(?:btn|menu__item)[^>]*>', html),
        ]
        found = re.findall(r'href="(/[^"#]*)"', "".join(ways))
        return {unescape(address) for address in found if not address.startswith("/admin/") or address == "/admin/"}


class TestHealthWatch:
    def test_one_look_answers_for_all_for_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = []
        monkeypatch.setattr(health_watch, "look", lambda: looks.append(1) or WELL)
        monkeypatch.setattr(health_watch, "PATIENCE", 10.0)
        monkeypatch.setattr(health_watch, "FRESH_FOR", 60.0)
        watch = HealthWatch()
        assert [watch.current() for _ in range(5)] == [WELL] * 5
        assert len(looks) == 1

    def test_a_page_does_not_wait_for_a_look_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        go_on = threading.Event()

        def hang() -> Health:
            go_on.wait(5)
            return WELL

        monkeypatch.setattr(health_watch, "look", hang)
        watch = HealthWatch()
        started = time.monotonic()
        assert watch.current() == health_watch.UNKNOWN
        assert time.monotonic() - started < 1
        go_on.set()

    async def test_tells_its_listeners_what_has_changed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ill = Health((Sign("bad", "No worker is running"),), workers=False)
        found = [WELL, WELL, ill, ill]
        monkeypatch.setattr(health_watch, "look", lambda: found.pop(0) if len(found) > 1 else found[0])
        monkeypatch.setattr(health_watch, "LOOK_EVERY", 0.05)
        watch, told = HealthWatch(), []
        end = watch.listen(told.append)
        async with asyncio.timeout(5):
            while len(told) < 2:
                await asyncio.sleep(0.02)
        end()
        assert told == [WELL, ill]


class TestBodyLimit:
    async def answer(self, chunks: list[bytes], declared: int | None = None) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        incoming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

        async def receive() -> dict[str, Any]:
            return incoming.pop(0) if incoming else {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["more_body"]:
                pass
            await send({"type": "http.response.start", "status": 200, "headers": []})

        headers = [(b"content-length", str(declared).encode())] if declared is not None else []
        await BodyLimit(application, 100)({"type": "http", "headers": headers}, receive, send)
        return sent

    async def test_lets_through_what_fits(self) -> None:
        assert (await self.answer([b"x" * 60, b"x" * 40]))[0]["status"] == 200

    async def test_refuses_by_the_declared_length_and_by_the_real_one(self) -> None:
        assert (await self.answer([], declared=101))[0]["status"] == 413
        assert (await self.answer([b"x" * 60, b"x" * 41]))[0]["status"] == 413
        assert (await self.answer([b"x" * 101], declared=3))[0]["status"] == 413


class TestServerError:
    """What has failed may be what other pages are made of: it is drawn without them, and looks like them."""

    def test_its_template_asks_for_nothing(self) -> None:
        written = (settings.BASE_DIR / "templates" / "500.html").read_text()
        assert "{%" not in written
        assert "{{" not in written

    def test_it_looks_like_our_other_pages(self) -> None:
        answer = views.server_error(RequestFactory().get("/"))
        html = answer.content.decode()
        assert answer.status_code == 500
        parts = re.findall(r'(?:href|src)="/static/([^"#]+)', html)
        assert {"css/tokens.css", "css/components.css", "icons.svg"} <= set(parts)
        for part in parts:
            assert finders.find(part), part
