"""Log-in by OpenID Connect, against a provider that answers over HTTP and signs."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from dashboard import health_watch
from dashboard.accounts import oidc
from dashboard.health_watch import Health, Sign
from dashboard.models import OpenSession
from tests.dashboard.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider

pytestmark = pytest.mark.django_db
VERA = {"sub": "7", "email": "Vera@example.com", "email_verified": True, "given_name": "Vera", "groups": ["staff-eu"]}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def provider(running: Provider, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Provider:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))
    settings.OIDC_ISSUER, settings.OIDC_NAME = running.issuer, "Example ID"
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.OIDC_GROUPS = {"staff-eu": "Staff", "ops": "Operations"}
    settings.AUTHENTICATION_BACKENDS = ["dashboard.auth.Backend", "dashboard.accounts.oidc_backend.OidcBackend"]
    oidc._found.clear()
    running.claims, running.spoil, running.signs_with = dict(VERA), {}, running.key
    return running


@pytest.fixture
def vera() -> User:
    return User.objects.create_user("vera", "vera@example.com", "a good one")


def log_in(provider: Provider, client: Client, target: str = "/approvals/") -> Any:
    begun = client.get("/accounts/oidc/", {"next": target})
    assert begun["Location"].startswith(f"{provider.issuer}/authorize?")
    return client.get(provider.log_in(begun["Location"]))


def is_refused(provider: Provider, words: str = "could not be believed") -> None:
    client = Client()
    assertRedirects(log_in(provider, client), "/accounts/login/", fetch_redirect_response=False)
    assertContains(client.get("/accounts/login/"), words)
    assert "_auth_user_id" not in client.session


class TestLogIn:
    def test_is_by_the_verified_address_and_brings_roles(self, provider: Provider, vera: User, client: Client) -> None:
        vera.groups.set(Group.objects.filter(name__in=["Operations", "Auditors"]))
        assertContains(client.get("/accounts/login/"), "Log in with Example ID")
        assertRedirects(log_in(provider, client), "/approvals/")
        assert client.session["_auth_user_id"] == str(vera.pk)
        vera.refresh_from_db()
        assert vera.first_name == "Vera"
        assert set(vera.groups.values_list("name", flat=True)) == {"Staff", "Auditors"}, "Auditors is nobody's to map."

    def test_password_goes_on_working(self, provider: Provider, vera: User, client: Client) -> None:
        client.post("/accounts/login/", {"username": "vera", "password": "a good one"})
        assert client.session["_auth_user_id"] == str(vera.pk)

    def test_logging_out_ends_the_session_there_too(self, provider: Provider, vera: User, client: Client) -> None:
        log_in(provider, client)
        out = urlsplit(client.post("/accounts/logout/")["Location"])
        assert f"{out.scheme}://{out.netloc}{out.path}" == f"{provider.issuer}/logout"
        assert parse_qs(out.query)["post_logout_redirect_uri"] == ["http://127.0.0.1:8000/accounts/login/"]
        assert "_auth_user_id" not in client.session

    def test_everywhere_is_there_too(self, provider: Provider, vera: User, client: Client) -> None:
        log_in(provider, client)
        out = client.post("/accounts/profile/sessions/end/")["Location"]
        assert out.startswith(f"{provider.issuer}/logout?")
        assert "_auth_user_id" not in client.session

    def test_while_somebody_else_is_logged_in(self, provider: Provider, vera: User, client: Client) -> None:
        client.force_login(User.objects.create_user("emma"))
        log_in(provider, client)
        known = OpenSession.objects.get()
        assert (known.user, known.address) == (vera, "127.0.0.1")
        assert known.session_key == client.session.session_key
        OpenSession.end_all(vera)
        assert client.get("/accounts/profile/").status_code == 302

    def test_goes_nowhere_else(self, provider: Provider, vera: User, client: Client) -> None:
        assertRedirects(log_in(provider, client, "https://evil.example/"), "/", fetch_redirect_response=False)


class TestRefused:
    def test_who_has_no_account(self, provider: Provider) -> None:
        is_refused(provider, "nobody here is known")
        assert not User.objects.exists()

    def test_who_has_no_account_unless_they_are_made(self, provider: Provider, settings: Any, client: Client) -> None:
        settings.OIDC_CREATE_USER = True
        log_in(provider, client)
        user = User.objects.get(email="Vera@example.com")
        assert user.groups.get().name == "Staff"
        assert not user.has_usable_password()

    @pytest.mark.parametrize("verified", [False, None, "true"])
    def test_an_address_that_is_not_verified(self, provider: Provider, vera: User, verified: Any) -> None:
        provider.claims["email_verified"] = verified
        is_refused(provider, "nobody here is known")

    def test_a_closed_account(self, provider: Provider, vera: User) -> None:
        vera.is_active = False
        vera.save()
        is_refused(provider, "nobody here is known")

    @pytest.mark.parametrize(
        "spoil",
        [
            {"nonce": "another"},
            {"iss": "https://evil.example"},
            {"aud": "somebody-else"},
            {"aud": [CLIENT_ID, "somebody-else"], "azp": "somebody-else"},
            {"exp": None},
            {"sub": "8"},
        ],
    )
    def test_a_token_that_is_not_for_us_or_of_another(self, provider: Provider, vera: User, spoil: Any) -> None:
        provider.spoil = spoil
        is_refused(provider, "nobody here is known" if "sub" in spoil else "could not be believed")

    def test_an_expired_token(self, provider: Provider, vera: User) -> None:
        provider.spoil = {"exp": 1}
        is_refused(provider, "did not finish")

    def test_a_strange_signature(self, provider: Provider, vera: User) -> None:
        provider.signs_with = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        is_refused(provider)

    def test_a_state_that_this_browser_did_not_begin(self, provider: Provider, vera: User, client: Client) -> None:
        back = provider.log_in(Client().get("/accounts/oidc/")["Location"])
        client.get("/accounts/oidc/")
        assertRedirects(client.get(back), "/accounts/login/", fetch_redirect_response=False)
        assert "_auth_user_id" not in client.session

    def test_a_code_twice(self, provider: Provider, vera: User, client: Client) -> None:
        back = provider.log_in(client.get("/accounts/oidc/")["Location"])
        client.get(back)
        client.post("/accounts/logout/")
        assert client.get(back)["Location"] == "/accounts/login/"

    def test_while_the_provider_is_away(self, provider: Provider, settings: Any, client: Client) -> None:
        settings.OIDC_ISSUER = "http://127.0.0.1:1"
        assertRedirects(client.get("/accounts/oidc/"), "/accounts/login/", fetch_redirect_response=False)
        assertContains(client.get("/accounts/login/"), "out of reach")


def test_is_off(client: Client) -> None:
    assertNotContains(client.get("/accounts/login/"), "Log in with")
    assert client.get("/accounts/oidc/").status_code == 404
