"""What a form names by an id is not there for who may not see it: 404, as in an address and at a socket, and as for an id
that there is none of. What each may do with what they see is the forms' own concern."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from campaigns import gateway as campaigns_gateway
from tests.approvals.requests_of import REQUEST_ID, Desk
from tests.campaigns import pages
from tests.campaigns.contacts_of import contact

CONTACT, NOBODY, NO_REQUEST = "USER-001", "USER-404", "REQ-20991231-000000-zzzz"
_TAKES_PART = ("ask_approval",)
_SENDS = ("view_campaign", "edit_campaign", "send_campaign")
_SIGNED = {"idempotency_key": "the-key-of-it"}

FIELDS: list[tuple[str, str, dict[str, Any], tuple[str, ...], tuple[str, str]]] = [
    ("POST", "/approvals/bulk/", {"item": "{}:1"}, _TAKES_PART, (REQUEST_ID, NO_REQUEST)),
    ("POST", "/approvals/bulk/", {"item": "{}:1", "confirmed": "1", **_SIGNED}, _TAKES_PART, (REQUEST_ID, NO_REQUEST)),
    ("POST", f"/campaigns/{pages.CID}/test/", {"user_id": "{}", **_SIGNED}, _SENDS, (CONTACT, NOBODY)),
    ("GET", f"/campaigns/{pages.CID}/preview/", {"user_id": "{}"}, _SENDS, (CONTACT, NOBODY)),
]
"""Method, address, fields with a place for the id, the outsider's rights, and the ids: one that there is, and one of nothing."""


@pytest.fixture
def outsider(db: None) -> User:
    Desk(requester="employee").save()
    pages.saved()
    contact(CONTACT)
    return User.objects.create_user("outsider", "outsider@example.com")


@pytest.mark.parametrize(("method", "address", "fields", "rights", "ids"), FIELDS)
def test_an_outsider_is_told_of_nothing(
    outsider: User, method: str, address: str, fields: dict[str, str], rights: tuple[str, ...], ids: tuple[str, str]
) -> None:
    outsider.user_permissions.set(Permission.objects.filter(codename__in=rights))
    browser = Client(raise_request_exception=False)
    browser.force_login(outsider)
    ask = browser.post if method == "POST" else browser.get
    for thing in ids:
        answer = ask(address, {name: value.format(thing) for name, value in fields.items()})
        assert answer.status_code == 404, (thing, answer.status_code)


def test_who_may_see_contacts_and_mistypes_one_is_told_so_in_the_form(outsider: User) -> None:
    outsider.user_permissions.set(Permission.objects.filter(codename__in=(*_SENDS, "view_contact")))
    browser = Client()
    browser.force_login(outsider)
    answer = browser.post(f"/campaigns/{pages.CID}/test/", {"user_id": NOBODY, **_SIGNED})
    assert answer.status_code == 422
    assert campaigns_gateway.ContactNotFound(NOBODY).detail in answer.content.decode()
