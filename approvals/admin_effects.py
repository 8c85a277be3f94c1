"""What a change of a policy or of an absence leads to for requests that run, and for those that come."""

from typing import Any

from django.db.models import Q
from django.utils import timezone

from approvals.contract import ApprovalStatus
from approvals.models import Absence, ApprovalRequest, Involvement, Policy
from dashboard.admin_effects import Effect

_OPEN = [status.value for status in ApprovalStatus if not status.is_final]


def open_under(policy: Policy) -> int:
    """Open requests that were asked under this policy, whichever version of it."""
    return ApprovalRequest.objects.filter(status__in=_OPEN, snapshot__policy_id=str(policy.pk)).count()


def kept_under(policy: Policy) -> list[str]:
    """What no change of it does, in a sentence, if there is anything to say it of."""
    if not policy.pk or not (number := open_under(policy)):
        return []
    keep = "request keeps" if number == 1 else "requests keep"
    return [f"{number:,} open {keep} the version that they were asked under."]


def before_policy(policy: Policy) -> list[str]:
    return [*kept_under(policy), f"New requests go by version {policy.version + 1} as soon as this is saved."]


def moved_by(absence: Absence) -> int:
    """Open requests in which the person has a place that the delegate may fill meanwhile; nobody decides their own."""
    roles = (Involvement.Role.APPROVER, Involvement.Role.COVER, Involvement.Role.ESCALATION)
    places = Involvement.objects.filter(username=absence.person.get_username(), role__in=roles)
    open_now = Q(status__in=[ApprovalRequest.STARTING, *_OPEN])
    rows = ApprovalRequest.objects.filter(open_now, involvements__in=places)
    if absence.kind:
        rows = rows.filter(kind=absence.kind)
    return rows.exclude(requester=absence.delegate.get_username()).distinct().count()


def of_absence(form: Any) -> Effect:
    """Whose decisions go to whom, and how many of them wait already."""
    absence: Absence = form.instance
    if absence.ended_at is not None or not {"person", "delegate", "kind", "starts_at", "until"} & set(
        form.changed_data
    ):
        return Effect()
    number = moved_by(absence)
    if not number:
        return Effect()
    requests = "open request" if number == 1 else "open requests"
    delegate, person = (one.get_full_name() or one.get_username() for one in (absence.delegate, absence.person))
    if absence.until <= timezone.now():
        verb = "goes" if number == 1 else "go"
        return Effect(asks=[f"{number:,} {requests} {verb} back from {delegate} to {person} alone."])
    goes = "goes" if number == 1 else "go"
    begins = "" if absence.starts_at <= timezone.now() else f", from {absence.starts_at:%d %b %Y %H:%M} UTC"
    until = f"until {absence.until:%d %b %Y %H:%M} UTC"
    return Effect(asks=[f"{number:,} {requests} {goes} to {delegate}{begins}, {until}. {person} may decide them, too."])


def of_policy(form: Any) -> Effect:
    """Running requests keep the version that they were asked under; a request that comes asks for the policy anew."""
    policy: Policy = form.instance
    said = kept_under(policy)
    if policy.is_active:
        said.append(f"New requests go by {_version(policy)} from now on.")
    elif "is_active" in form.changed_data:
        said.append(f"New requests go by {_others(policy)} from now on.")
    return Effect(said)


def _version(policy: Policy) -> str:
    return f"version {policy.version + 1} of “{policy.name}”" if policy.pk else f"“{policy.name}”"


def _others(policy: Policy) -> str:
    names = list(
        Policy.objects.filter(is_active=True, kind=policy.kind, currency=policy.currency)
        .exclude(pk=policy.pk)
        .values_list("name", flat=True)[:5]
    )
    if not names:
        return f"no policy: there is no other one for {policy.kind}, so they are refused"
    return f"the others for {policy.kind} ({', '.join(f'“{name}”' for name in names)}), and are refused where none fits"
