"""One of each thing that an address can name, on a stack with the demo's processes. Runs in the stack's ``manage.py shell``."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from approvals import gateway, mail_links
from approvals.contract import Door
from approvals.models import Absence, ApprovalRequest, Attachment
from campaigns import unsubscribe
from campaigns.models import Campaign, Segment
from campaigns.unsubscribe import Purpose, Wish
from orders.models import Order, UnmatchedEvent, WebhookEvent
from orders.payments.checkout import checkout_url

CONTACT = "USER-014"
LONG = "a-word-without-any-place-to-break-it-" * 4


def print_names() -> None:
    """JSON of what fills the places of the routes (``tests.dashboard.everybody.address_of``), and of things in other states
    under names of their own."""
    names = _orders() | _requests() | _campaigns() | _account()
    print(json.dumps(names))


def _orders() -> dict[str, str]:
    waiting = Order.objects.filter(stage="awaiting_payment", payment_status="unpaid").latest("placed_at")
    event = WebhookEvent.objects.create(
        event_id="evt_looks",
        type="payment.succeeded",
        order_id=LONG[:60],
        amount_cents=129_999,
        currency="USD",
        created=timezone.now(),
    )
    UnmatchedEvent.objects.create(event=event, reason="No such order.")
    return {
        "order_id": waiting.order_id,
        "signature": _last(checkout_url(waiting.order_id)),
        **{
            status: Order.objects.filter(status=status).earliest("placed_at").order_id
            for status in ("paid", "shipped", "delivered", "refunded", "cancelled", "needs_attention")
        },
    }


def _requests() -> dict[str, str]:
    """``request_id`` waits for ``manager``, as do most of the others; ``employee`` has asked for it."""
    manager, employee = (User.objects.get(username=name) for name in ("manager", "employee"))
    hers = ApprovalRequest.objects.filter(
        status="pending", requester="employee", involvements__username="manager", involvements__can_decide=True
    ).order_by("submitted_at")
    first, changes, *rest = (one.request_id for one in hers)
    handed_over = rest[0]
    others = ApprovalRequest.objects.filter(
        status="pending",
        requester__in=["ops", "marketer"],
        kind__in=["refund", "campaign"],
        involvements__username="manager",
        involvements__can_decide=True,
    )
    bulk = others.order_by("submitted_at").first()
    assert bulk is not None
    gateway.request_changes(
        changes,
        user=manager,
        door=Door.WEB,
        comment=f"Cheaper: {LONG}",
        state_version=_seen(changes),
        key="looks-changes",
    )
    gateway.delegate(
        handed_over,
        user=manager,
        door=Door.WEB,
        to="vp",
        until=timezone.now() + timedelta(days=3),
        reason=f"On stage. {LONG}",
        key="looks-delegation",
    )
    job = gateway.start_bulk(
        user=manager,
        approved=True,
        comment=LONG,
        items=[(bulk.request_id, _seen(bulk.request_id))],
        key="looks-bulk",
    )
    file = UUID(int=7)
    Attachment.objects.create(
        request_id=first,
        attachment_id=str(file),
        name=f"{LONG[:60]}.pdf",
        size=8,
        file=ContentFile(b"%PDF-1.7", "a.pdf"),
        uploaded_by=employee,
    )
    Absence.objects.create(person=manager, delegate=employee, starts_at=_in(30), until=_in(40))
    return {
        "request_id": first,
        "changes": changes,
        "handed_over": handed_over,
        "approved": ApprovalRequest.objects.filter(status="approved").earliest("submitted_at").request_id,
        "attachment_id": str(file),
        "job_id": str(job.job_id),
        "mail": _last(mail_links.link_for(manager, gateway.read_request(first, manager).view)),
    }


def _campaigns() -> dict[str, str]:
    of = {status: Campaign.objects.filter(status=status).latest("created_at").campaign_id for status in _STATES}
    wish = Wish(CONTACT, "email", "marketing", of["completed"])
    return of | {
        "campaign_id": of["running"],
        "user_id": CONTACT,
        "segment": str(Segment.objects.get(name="Paying").pk),
        "preferences": _last(unsubscribe.link_for(wish, Purpose.PREFERENCES)),
        "unsubscribe": _last(unsubscribe.link_for(wish)),
    }


_STATES = ("draft", "running", "paused", "completed", "scheduled", "awaiting_approval")


def _account() -> dict[str, str]:
    vp = User.objects.get(username="vp")
    return {"uidb64": urlsafe_base64_encode(force_bytes(vp.pk)), "<token>": default_token_generator.make_token(vp)}


def _seen(request_id: str) -> int:
    return ApprovalRequest.objects.get(request_id=request_id).state_version


def _in(days: int) -> datetime:
    return timezone.now() + timedelta(days=days)


def _last(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]
