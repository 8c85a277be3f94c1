"""The pages about oneself: profile, tokens, sessions, passwords."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from dashboard import health_watch
from dashboard.accounts import throttle
from dashboard.auth import Backend
from dashboard.health_watch import Health, Sign
from dashboard.models import ApiToken, OpenSession
from dashboard.tokens import user_of_token

pytestmark = pytest.mark.django_db
PROFILE = "/accounts/profile/"
NEW = {"new_password1": "quite another one", "new_password2": "quite another one"}


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    throttle.mails.clear()


@pytest.fixture
def vera(db: None) -> User:
    user = User.objects.create_user("vera", "vera@example.com", "a good one")
    user.groups.set(Group.objects.filter(name="Staff"))
    return user


@pytest.fixture
def browser(vera: User) -> Client:
    return logged_in()


def logged_in(password: str = "a good one") -> Client:
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
    client.post("/accounts/login/", {"username": "vera", "password": password})
    return client


class TestProfile:
    def test_zone_and_theme_go_along_to_other_browsers(self, vera: User, browser: Client) -> None:
        told = {"first_name": "Vera", "last_name": "Petrov", "time_zone": "Asia/Tokyo", "theme": "dark"}
        assertRedirects(browser.post(PROFILE, told), PROFILE)
        page = logged_in().get("/orders/")
        assertContains(page, 'data-time-zone="Asia/Tokyo" data-own-theme="dark" data-theme="dark"')
        assertContains(page, "Vera Petrov")

    def test_costs_no_query_more(self, vera: User, browser: Client, django_assert_max_num_queries: Any) -> None:
        browser.post(PROFILE, {"theme": "dark"})
        found = Backend().get_user(vera.pk)
        with django_assert_max_num_queries(0):
            assert found is not None
            assert found.profile.theme == "dark"

    def test_the_switch_of_the_top_bar_is_kept(self, vera: User, browser: Client) -> None:
        assert browser.post(f"{PROFILE}theme/", {"theme": "light"}).status_code == 204
        assert browser.post(f"{PROFILE}theme/", {"theme": "pink"}).status_code == 422
        assertContains(browser.get(PROFILE), 'data-own-theme="light" data-theme="light"')

    def test_keys_that_act_by_themselves_are_on_until_they_are_turned_off(self, vera: User, browser: Client) -> None:
        off = 'data-single-keys="off"'
        for page in (PROFILE, "/orders/"):
            assertNotContains(browser.get(page), off)
        assertContains(browser.get("/orders/"), "Single-key shortcuts can be turned off in")
        assertContains(browser.get(PROFILE), 'name="single_key_shortcuts"')
        assert browser.get(PROFILE).context["form"]["single_key_shortcuts"].value() is True
        assertRedirects(browser.post(PROFILE, {"theme": "dark"}), PROFILE)
        for page in (PROFILE, "/orders/", "/health/"):
            assertContains(logged_in().get(page), off)
        assertContains(browser.get("/orders/"), "Single-key shortcuts are off. They can be turned on in")
        assert browser.get(PROFILE).context["form"]["single_key_shortcuts"].value() is False
        browser.post(PROFILE, {"theme": "dark", "single_key_shortcuts": "on"})
        assertNotContains(browser.get(PROFILE), off)

    def test_keys_that_are_off_stay_so_when_the_theme_is_switched(self, vera: User, browser: Client) -> None:
        browser.post(PROFILE, {"theme": "dark"})
        browser.post(f"{PROFILE}theme/", {"theme": "light"})
        assertContains(browser.get(PROFILE), 'data-theme="light" data-single-keys="off"')

    def test_refuses_a_zone_that_is_none(self, browser: Client) -> None:
        answer = browser.post(PROFILE, {"time_zone": "Mars/Olympus", "theme": "dark"})
        assertContains(answer, "Mars/Olympus is not one of the available choices", status_code=422)


class TestTokens:
    def test_is_shown_once_and_works(self, vera: User, browser: Client) -> None:
        answer = browser.post(f"{PROFILE}tokens/", {"name": "The warehouse", "expires": "7"})
        found = re.search(r"data-copies>([^<]+)<", answer.content.decode())
        assert found
        assert user_of_token(found[1]) == vera
        assert "no-store" in answer["Cache-Control"]
        row = ApiToken.objects.get()
        assert timedelta(days=6.9) < (row.expires_at or timezone.now()) - timezone.now() <= timedelta(days=7)
        page = browser.get(PROFILE)
        assertNotContains(page, found[1])
        assertContains(page, f"…{found[1][-4:]}")

    def test_is_revoked_by_its_owner_alone(self, vera: User, browser: Client) -> None:
        hers, mine = ApiToken.issue(User.objects.create_user("olga"), "hers"), ApiToken.issue(vera, "mine")
        for token, status in ((hers, 404), (mine, 302)):
            row = ApiToken.objects.get(digest=ApiToken.digest_of(token))
            assert browser.post(f"{PROFILE}tokens/{row.pk}/revocation/").status_code == status
        assert user_of_token(hers)
        assert user_of_token(mine) is None

    def test_needs_a_name(self, browser: Client) -> None:
        assertContains(browser.post(f"{PROFILE}tokens/", {"name": " "}), "This field is required", status_code=422)


class TestSessions:
    def test_ends_all_others_or_all(self, vera: User, browser: Client) -> None:
        other = logged_in()
        assertContains(browser.get(PROFILE), "Firefox on Linux", count=2)
        browser.post(f"{PROFILE}sessions/end/", {"but": "here"})
        assert other.get(PROFILE).status_code == 302
        assert browser.get(PROFILE).status_code == 200
        assertRedirects(browser.post(f"{PROFILE}sessions/end/"), "/accounts/login/")
        assert browser.get(PROFILE).status_code == 302
        assert not OpenSession.objects.exists()


class TestPassword:
    def test_changed_ends_all_other_sessions(self, vera: User, browser: Client) -> None:
        other = logged_in()
        assertRedirects(browser.post("/accounts/password/", {"old_password": "a good one", **NEW}), PROFILE)
        assert other.get(PROFILE).status_code == 302
        assert OpenSession.objects.get().session_key == browser.session.session_key
        assert logged_in(NEW["new_password1"]).get(PROFILE).status_code == 200

    def test_is_not_changed_by_who_does_not_know_it(self, browser: Client) -> None:
        answer = browser.post("/accounts/password/", {"old_password": "wrong", **NEW})
        assertContains(answer, "entered incorrectly", status_code=422)

    def test_a_new_one_by_mail_once(self, vera: User, browser: Client) -> None:
        self.ask("vera@example.com")
        (sent,) = mail.outbox
        assert sent.to == ["vera@example.com"]
        link = re.search(r"http://127\.0\.0\.1:8000(/accounts/password/reset/\S+)", str(sent.body))
        assert link
        stranger = Client()
        form = stranger.get(link[1], follow=True)
        assertContains(form, "Choose a new password")
        address = form.redirect_chain[-1][0]
        assertContains(stranger.post(address, {**NEW, "new_password2": "x"}), "match", status_code=422)
        assertRedirects(stranger.post(address, NEW), "/accounts/login/")
        assert browser.get(PROFILE).status_code == 302, "Whoever had the old one is out."
        assert logged_in(NEW["new_password1"]).get(PROFILE).status_code == 200
        assertContains(Client().get(link[1], follow=True), "does not work any more")

    def test_nobody_learns_who_has_an_account(self, vera: User, settings: Any) -> None:
        answers = [self.ask(address) for address in ("vera@example.com", "nobody@example.com")]
        assert answers[0].content == answers[1].content
        assert len(mail.outbox) == 1

    def test_the_link_expires(self, vera: User, settings: Any) -> None:
        self.ask("vera@example.com")
        link = re.search(r"/accounts/password/reset/\S+", str(mail.outbox[0].body))
        settings.PASSWORD_RESET_TIMEOUT = -1
        assertContains(Client().get(link[0], follow=True), "does not work any more")  # type: ignore[index]

    def test_no_mail_for_a_closed_account(self, vera: User) -> None:
        vera.is_active = False
        vera.save()
        self.ask("vera@example.com")
        assert not mail.outbox

    def test_mails_are_not_asked_for_without_end(self, vera: User) -> None:
        statuses = [
            Client().post("/accounts/password/reset/", {"email": "x@example.com"}).status_code for _ in range(6)
        ]
        assert statuses == [302] * 5 + [429]

    def test_the_link_names_our_own_host(self, vera: User) -> None:
        Client(headers={"host": "localhost"}).post("/accounts/password/reset/", {"email": "vera@example.com"})
        assert "http://127.0.0.1:8000/" in str(mail.outbox[0].body)

    def ask(self, address: str) -> Any:
        return Client().post("/accounts/password/reset/", {"email": address}, follow=True)
