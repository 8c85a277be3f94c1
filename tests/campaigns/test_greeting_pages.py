"""Greeting a contact from their page: begun once, seen while it waits, its language set; and who may."""

from itertools import count

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from campaigns.models import Contact
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import CAMPAIGN_WRITERS, MARKETERS
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)
_numbers = count(7_001)


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def person(name: str, role: str) -> Client:
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.usefixtures("worker")
def test_a_new_contact_is_greeted_and_the_language_set() -> None:
    client, user_id = person("mara", MARKETERS), f"GREET-{next(_numbers)}"
    assert 'name="greet"' in client.get("/campaigns/contacts/new/").content.decode()
    form = {"user_id": user_id, "name": "Ann", "email": "ann@example.com", "locale": "fr", "greet": "on"}
    answer = client.post("/campaigns/contacts/new/", form, follow=True)
    assert f"{user_id} will be greeted in" in answer.content.decode()
    path = f"/campaigns/contacts/{user_id}/greeting/"

    def shows(words: str) -> bool:
        return words in client.get(path, headers={"HX-Request": "true"}).content.decode()

    eventually(lambda: shows("Will be greeted in <b>French</b>"))
    assert shows(f'href="/technical/welcome-{user_id}/"')
    client.post(f"{path}language/", {"language": "de"})
    assert shows("Will be greeted in <b>German</b>")
    answer = client.post(f"{path}language/", {"language": "tlh"}, follow=True)
    assert "There is no greeting in" in answer.content.decode()
    client.post(f"{path}new/")
    assert shows("Will be greeted in <b>German</b>")  # once, however often it is pressed


def test_without_temporal_the_contact_is_kept_and_the_page_says_so() -> None:
    client = person("mara", MARKETERS)
    answer = client.post("/campaigns/contacts/new/", {"user_id": "U-1", "greet": "on"}, follow=True)
    assert Contact.objects.filter(user_id="U-1").exists()
    assert "U-1 was not greeted" in answer.content.decode()
    assert "Temporal does not answer" in client.get("/campaigns/contacts/U-1/greeting/").content.decode()


def test_who_may_not() -> None:
    contact("U-1")
    writer = person("will", CAMPAIGN_WRITERS)
    assert 'name="greet"' not in writer.get("/campaigns/contacts/new/").content.decode()
    assert "greeting" not in writer.get("/campaigns/contacts/U-1/edit/").content.decode()
    assert writer.get("/campaigns/contacts/U-1/greeting/").status_code == 403
    for path in ("new", "language"):
        assert writer.post(f"/campaigns/contacts/U-1/greeting/{path}/").status_code == 403
