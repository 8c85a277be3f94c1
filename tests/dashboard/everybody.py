"""Everybody who may come to the site, and one of each thing that an address can name: what the matrix is tried with."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.core import signing
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from approvals import mail_links
from approvals.models import Absence, Attachment, BulkJob
from campaigns import unsubscribe
from campaigns.models import AudienceImport, Segment
from campaigns.unsubscribe import Purpose, Wish
from dashboard.models import ApiToken
from dashboard.roles import RIGHTS, STAFF
from orders.models import UnmatchedEvent, WebhookEvent
from orders.payments.checkout import checkout_url
from tests.approvals.requests_of import REQUEST_ID, Desk
from tests.campaigns import pages
from tests.campaigns.contacts_of import contact
from tests.dashboard.routes import Person
from tests.orders.orders_of import ORDER_ID, saved

STRANGERS = ("anonymous", "closed")
CONTACT, IMPORT, FILE = "USER-001", "IMP-1", UUID(int=7)


@dataclass
class World:
    """Everybody with their browser and their token; ``named`` fills the places in the routes."""

    people: dict[str, Person]
    browsers: dict[str, Client]
    tokens: dict[str, str]
    named: dict[str, str]


def made() -> World:
    people = {name: _user(name, [name]) for name in RIGHTS} | {
        "nobody": _user("nobody"),
        "involved": _user("involved", [STAFF]),
        "clerk": _user("clerk", is_staff=True),
        "closed": _user("closed", list(RIGHTS), is_staff=True),
    }
    browsers = {"anonymous": Client(raise_request_exception=False)}
    for name, user in people.items():
        browsers[name] = Client(raise_request_exception=False)
        browsers[name].force_login(user)
    tokens = {name: ApiToken.issue(user, "matrix") for name, user in people.items()} | {"anonymous": "none"}
    User.objects.filter(username="closed").update(is_active=False)
    seen = {
        name: Person(name, frozenset(user.get_all_permissions()), name == "involved", user.is_staff)
        for name, user in people.items()
        if name != "closed"
    }
    return World(seen, browsers, tokens, _things(people["involved"]))


def _user(name: str, groups: list[str] | None = None, *, is_staff: bool | None = None) -> User:
    user = User.objects.create_user(
        name, f"{len(name)}@example.com", is_staff=name == "Administrators" if is_staff is None else is_staff
    )
    user.groups.set(Group.objects.filter(name__in=groups or []))
    return user


def _things(involved: User) -> dict[str, str]:
    tomorrow = timezone.now() + timedelta(days=1)
    saved()
    Desk(requester="involved").save()
    Attachment.objects.create(
        request_id=REQUEST_ID,
        attachment_id=str(FILE),
        name="a.pdf",
        size=8,
        file=ContentFile(b"%PDF-1.7", "a.pdf"),
        uploaded_by=involved,
    )
    absence = Absence.objects.create(person=involved, delegate=involved, until=tomorrow)
    job = BulkJob.objects.create(user=involved, approved=True)
    pages.saved()
    contact(CONTACT)
    event = WebhookEvent.objects.create(
        event_id="evt-1", type="payment.succeeded", order_id=ORDER_ID, amount_cents=1, created=timezone.now()
    )
    UnmatchedEvent.objects.create(event=event, reason="No such order.")
    AudienceImport.objects.create(import_id=IMPORT, idempotency_key="import")
    wish = Wish(CONTACT, "email", "marketing", "")
    return {
        "order_id": ORDER_ID,
        "workflow_id": f"order-{ORDER_ID}",
        "socket": "shell/",
        "request_id": REQUEST_ID,
        "campaign_id": pages.CID,
        "user_id": CONTACT,
        "import_id": IMPORT,
        "attachment_id": str(FILE),
        "job_id": str(job.job_id),
        "event_id": "evt-1",
        "stop_id": "stop-1",
        "segment": str(Segment.objects.create(name="Members", filters={}).pk),
        "absence": str(absence.pk),
        "token": str(ApiToken.objects.get(user=involved).pk),
        "uidb64": "MQ",
        "<token>": "c1-2",
        "mail": signing.dumps(["involved", REQUEST_ID, 1, int(tomorrow.timestamp()), ""], salt=mail_links.SALT),
        "preferences": _last(unsubscribe.link_for(wish, Purpose.PREFERENCES)),
        "unsubscribe": _last(unsubscribe.link_for(wish)),
        "signature": _last(checkout_url(ORDER_ID)),
    }


def _last(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]


_NAMED_BY_ROUTE = {
    "campaigns/segments/<int:pk>/": "segment",
    "approvals/away/<int:pk>/": "absence",
    "accounts/profile/tokens/<int:pk>/": "token",
    "approvals/mail/<str:signed>": "mail",
    "campaigns/preferences/<str:signed>": "preferences",
    "webhooks/email/unsubscribe/<str:signed>": "unsubscribe",
}


def address_of(route: str, named: dict[str, str]) -> str:
    path = f"/{route}"
    for start, name in _NAMED_BY_ROUTE.items():
        if route.startswith(start):
            path = path.replace("<int:pk>", named[name]).replace("<str:signed>", named[name])
    for part in [part for part in path.split("<")[1:] if ">" in part]:
        slot = part.partition(">")[0]
        path = path.replace(f"<{slot}>", named.get(f"<{slot}>") or named[slot.rpartition(":")[2]])
    return path
