"""What hangs on a person's account, for whoever is about to close it. See :mod:`dashboard.admin`."""

from django.contrib.auth.models import User
from django.utils import timezone

from approvals.contract import ApprovalStatus
from approvals.models import Absence, ApprovalRequest, Employee, Involvement, PolicyLevel

_OPEN = [status.value for status in ApprovalStatus if not status.is_final]


def held_by(person: User) -> list[str]:
    """In sentences, each with a number."""
    name = person.get_username()
    waiting = (
        Involvement.objects.filter(username=name, can_decide=True, request__status__in=_OPEN)
        .values("request_id")
        .distinct()
        .count()
    )
    asked = ApprovalRequest.objects.filter(requester=name, status__in=_OPEN).count()
    levels = PolicyLevel.objects.filter(users=person, policy__is_active=True).count()
    covers = Absence.objects.filter(delegate=person, ended_at=None, until__gt=timezone.now()).count()
    reports = Employee.objects.filter(manager=person).count()
    found = [
        (waiting, "Open requests that wait for them: {}. Somebody has to decide in their place, or they expire."),
        (asked, "Open requests of their own: {}. They go on, and nobody else can withdraw them."),
        (levels, "Levels of policies that name them: {}. Look whether somebody else can decide there."),
        (covers, "People out of office whose delegate they are: {}. Nobody would decide for those."),
        (reports, "People who report to them: {}. Where a manager decides, nobody would."),
    ]
    return [words.format(number) for number, words in found if number]
