"""Mails about a request, each to one person. What they say is in ``templates/emails/approval_<kind>/``."""

from dataclasses import asdict
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from approvals.contract import ApprovalStatus, MailMode, Notice, NoticeRequest
from approvals.mail_links import link_for
from approvals.models import ApprovalMail, ApprovalRequest
from approvals.notifiers.retries import without_row
from approvals.presentation.words import amount_of, days_word, kind_word
from dashboard.accounts.models import Profile
from dashboard.phrases import moment_in

TO_DECIDE = {Notice.ASKED, Notice.REMINDER, Notice.ESCALATED, Notice.DELEGATED}
"""Mails that say: it is your turn."""


def send_notice(request: NoticeRequest) -> str:
    """Send a mail, once for each kind, person and number; returns its address, "" when it went nowhere.

    It goes nowhere when its person has no address or no account any more, or when there is nothing left to decide. The row
    is written first. When the server's "accepted" is lost, or a worker dies before it has noted it, it goes a second time: a
    notice too many is better than none. Both have the same Message-ID, by which most mailboxes show them as one.
    """
    row = ApprovalRequest.objects.filter(request_id=request.request.request_id).first()
    if row is None:
        raise without_row(request.request.request_id)
    person = User.objects.filter(username=request.recipient, is_active=True).exclude(email="").first()
    if person is None or _is_moot(request, row):
        return ""
    mail, _ = ApprovalMail.objects.get_or_create(
        request=row,
        kind=request.kind,
        recipient=request.recipient,
        number=request.number,
        defaults={"address": person.email},
    )
    if mail.sent_at is None:
        context = _context(request, person)
        folder = f"emails/approval_{Notice(request.kind)}"
        # One line, whatever a title holds: a line break in a subject would start another header.
        mail.subject = " ".join(render_to_string(f"{folder}/subject.txt", context).split())[:300]
        message = EmailMultiAlternatives(
            subject=mail.subject,
            body=render_to_string(f"{folder}/body.txt", context),
            to=[person.email],
            headers={"Message-ID": _message_id(mail)},
        )
        message.attach_alternative(render_to_string(f"{folder}/body.html", context), "text/html")
        message.send()
        mail.sent_at, mail.address = timezone.now(), person.email
        mail.save(update_fields=["subject", "sent_at", "address"])
    return mail.address


def _message_id(mail: ApprovalMail) -> str:
    place = f"{mail.request.request_id}:{mail.kind}:{mail.recipient}:{mail.number}"
    return f"<{sha256(place.encode()).hexdigest()[:32]}@{urlsplit(settings.BASE_URL).hostname}>"


def _is_moot(notice: NoticeRequest, row: ApprovalRequest) -> bool:
    """Whether "it is your turn" has come too late: the mail server was away, and it was decided meanwhile."""
    if notice.kind not in TO_DECIDE:
        return False
    seen = notice.request
    return row.version > seen.version and (
        row.status not in (ApprovalStatus.PENDING, ApprovalRequest.STARTING)
        or (row.round, row.level) != (seen.round, seen.level)
    )


def _context(notice: NoticeRequest, person: User) -> dict[str, object]:
    view = notice.request
    names = {username: view.name_of(username) for username in [view.requester, *view.current_level.approvers]}
    decides_here = view.mail == MailMode.DECIDE and notice.kind in TO_DECIDE
    page = f"{settings.BASE_URL}/approvals/{view.request_id}/"
    return {
        "request": view,
        "text": notice.text,
        "first_name": person.first_name or person.username,
        "requester": names[view.requester],
        "kind": kind_word(view.kind),
        "amount": amount_of(view),
        "days": days_word(view.starts_on, view.ends_on),
        "level": view.current_level,
        "until": moment_in(view.deadline_at, Profile.zone_of(person)) if view.deadline_at else "",
        "outcome": _outcome(notice),
        "decisions": [
            {
                **asdict(one),
                "who": view.name_of(one.approver),
                "for_whom": view.name_of(one.on_behalf_of) if one.on_behalf_of else "",
            }
            for level in view.levels
            for one in level.decisions
        ],
        "wanted_by": view.name_of(view.rounds[-1].changes_wanted_by) if view.rounds else "",
        "page": page,
        "link": link_for(person, view, covering=notice.kind == Notice.DELEGATED) if decides_here else page,
        "decides_here": decides_here,
    }


def _outcome(notice: NoticeRequest) -> str:
    """How it ended, in one sentence: who did it, or what time did."""
    last = notice.request.changes[-1] if notice.request.changes else None
    return last.text if last else ""
