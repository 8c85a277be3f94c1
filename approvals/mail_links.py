"""The link in a mail that decides: signed, for one person in one place of one request as its mail showed it, until it expires.

Opening it decides nothing: mail servers open links to look at them. The page behind it asks, and its form decides, through
the gateway like every other door.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals import gateway
from approvals.contract import ApprovalStatus, ApprovalView, Door, MailMode, is_request_id
from approvals.presentation.words import amount_of, days_word, kind_word
from approvals.standing import place_for, why_not_in
from approvals.strangers import note_bearer, note_stranger

SALT = "approvals.mail.decision"
LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class Link:
    """What a link is for. ``until`` is when it expires; ``place`` the approver in whose name it decides."""

    username: str
    request_id: str
    state_version: int
    until: datetime
    place: str


class BadLink(Exception):
    """It was not made here, or not as it is now."""


def link_for(person: User, view: ApprovalView, *, covering: bool = False) -> str:
    """The full address by which ``person`` can decide the request as it is in ``view``, until its deadline.

    It decides in their own place, else for whom they cover; ``covering``: the other way round.
    """
    now = timezone.now()
    until = min(view.deadline_at or now + LONGEST, now + LONGEST)
    place = place_for(view, person.username, now, covering=covering)
    content = [person.username, view.request_id, view.state_version, int(until.timestamp()), place]
    return (
        f"{settings.BASE_URL}{reverse('approvals:mail_link', args=[signing.dumps(content, salt=SALT, compress=True)])}"
    )


def read_link(signed: str) -> Link:
    """Raises :class:`BadLink`."""
    try:
        # A link from before places has none, and is for its person's own.
        username, request_id, state_version, until, *place = signing.loads(signed, salt=SALT)
        ends_at = datetime.fromtimestamp(int(until), UTC)
        link = Link(str(username), str(request_id), int(state_version), ends_at, str(place[0] if place else username))
    except (signing.BadSignature, ValueError, TypeError, OverflowError, UnicodeError) as error:
        raise BadLink from error
    if not is_request_id(link.request_id):
        raise BadLink
    return link


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def confirm(request: HttpRequest, signed: str) -> HttpResponse:
    """The page that a mail's link opens, and the decision that its form sends; nobody has to log in."""
    try:
        link = read_link(signed)
    except BadLink:
        note_stranger(Door.MAIL, "open a link", "bad_link", "The link was not made here, or was changed.")
        return _closed(
            request, "This link does not work.", "Perhaps it was cut off in the mail. Try to copy all of it.", 404
        )
    user = User.objects.filter(username=link.username, is_active=True).first()
    if link.until <= timezone.now() or user is None:
        # Both are told the same: whoever found the mail need not learn that its owner has left.
        code, reason = (
            ("account_closed", "This account is closed.") if user is None else ("link_expired", "It expired.")
        )
        _note_closed(request, link, code, reason)
        return _closed(request, "This link has expired.", "The page of the request says how it stands.", 410, link)
    try:
        view = gateway.read_request(link.request_id, user).view
    except gateway.RequestNotFound as problem:
        _note_closed(request, link, problem.code, problem.detail)
        return _closed(request, "This request is not there any more.", problem.detail, 404)
    if request.method == "POST":
        return _decide(request, signed, link, user, view)
    return _ask(request, link, user, view)


def _note_closed(request: HttpRequest, link: Link, code: str, reason: str) -> None:
    """A link that opens nothing is an attempt as well: behind it there is no button any more that could be pressed."""
    choice = request.POST.get("choice", "")
    what = choice if choice in ("approve", "reject") else "open a link"
    note_bearer(Door.MAIL, link.username, link.request_id, what, code, reason)


def _decide(request: HttpRequest, signed: str, link: Link, user: User, view: ApprovalView) -> HttpResponse:
    choice, comment = request.POST.get("choice", ""), request.POST.get("comment", "")
    if choice not in ("approve", "reject"):
        return _ask(request, link, user, view, problem="Approve it, or reject it.", status=422)
    try:
        view = gateway.decide(
            link.request_id,
            user=user,
            door=Door.MAIL,
            approved=choice == "approve",
            comment=comment,
            state_version=link.state_version,
            on_behalf_of=link.place,
            key=f"mail:{sha256(signed.encode()).hexdigest()[:32]}",
        )
    except gateway.InvalidRequest as problem:
        return _ask(request, link, user, view, problem=problem.detail, status=422)
    except gateway.Unavailable:
        words = "It could not be recorded just now. Nothing is lost: press again in a moment; it counts once."
        return _ask(request, link, user, view, problem=words, status=503)
    except gateway.ApprovalProblem as problem:
        status = 403 if isinstance(problem, gateway.NotPermitted) else 409
        return _closed(request, "Your decision was not taken.", problem.detail, status, link)
    word = "approved" if choice == "approve" else "rejected"
    more = f"The request is {view.status.replace('_', ' ')}."
    return _closed(request, f"You {word} “{view.title}”.", more, 200, link)


def _ask(
    request: HttpRequest, link: Link, user: User, view: ApprovalView, *, problem: str = "", status: int = 200
) -> HttpResponse:
    if closed := _why_closed(link, view):
        return _closed(request, "There is nothing to decide here now.", closed, 200, link)
    context = {
        "view": view,
        "person": user.get_full_name() or user.username,
        "behalf": view.name_of(link.place) if link.place != link.username else "",
        "requester": view.name_of(view.requester),
        "kind": kind_word(view.kind),
        "amount": amount_of(view),
        "days": days_word(view.starts_on, view.ends_on),
        "level": view.current_level,
        "problem": problem,
        "comment": request.POST.get("comment", ""),
    }
    return render(request, "approvals/mail_decision.html", context, status=status)


def _why_closed(link: Link, view: ApprovalView) -> str:
    """Why this mail's link decides no more; empty while it does."""
    if ApprovalStatus(view.status).is_final:
        last = view.changes[-1].text if view.changes else ""
        return f"The request is {view.status} already. {last}".strip()
    if view.status == ApprovalStatus.CHANGES_REQUESTED:
        return "Somebody asked for changes; it waits for its requester."
    if view.state_version != link.state_version:
        return "The request has changed since this mail was sent. Look at it again before you decide."
    if view.mail != MailMode.DECIDE:
        return "Its policy wants you to decide on its page."
    return why_not_in(view, link.username, link.place, timezone.now())


def _closed(request: HttpRequest, title: str, words: str, status: int, link: Link | None = None) -> HttpResponse:
    page = reverse("approvals:detail", args=[link.request_id]) if link else ""
    context = {"title": title, "words": words, "page": page}
    return render(request, "approvals/mail_closed.html", context, status=status)
