"""Out of office: told to every open request that waits, or will wait, for whoever is away."""

import structlog
from django.db.models import F, Q
from django.utils import timezone

from approvals.contract import ApprovalStatus, By, DelegationEndInput, DelegationInput, Door
from approvals.gateway.problems import ApprovalProblem, Unavailable
from approvals.gateway.updating import send_update
from approvals.models import Absence, ApprovalRequest, Involvement

OPEN = (ApprovalRequest.STARTING, ApprovalStatus.PENDING, ApprovalStatus.CHANGES_REQUESTED)

MOST_MISSED = 3

log = structlog.get_logger(__name__)


def tell_open_requests() -> None:
    """Tell open requests of absences that are new, changed or over. Safe to repeat, also at once with itself.

    An absence is settled only once every request that was open has taken it: requests write their row, with its people,
    before they start, so one that starts meanwhile is either found here or has read the absence itself.
    """
    for absence in Absence.objects.filter(settled_revision__lt=F("revision")).select_related("person", "delegate"):
        try:
            _tell(absence)
        except Unavailable as problem:
            log.warning("absences_wait_for_temporal", absence=absence.pk, problem=problem.detail)
            return


def _tell(absence: Absence) -> None:
    """Raises Unavailable once a few requests in a row cannot be reached: then it is Temporal, and not one of them."""
    revision, all_taken, missed = absence.revision, True, 0
    for request_id in _requests_for(absence):
        try:
            _tell_one(absence, request_id)
            missed = 0
        except Unavailable:
            # Not started yet, or stuck: it is asked again in a moment, and keeps the others from nothing.
            all_taken, missed = False, missed + 1
            if missed == MOST_MISSED:
                raise
    if all_taken:
        Absence.objects.filter(pk=absence.pk, settled_revision__lt=revision).update(settled_revision=revision)


def _requests_for(absence: Absence) -> list[str]:
    """Open requests in which the person has a place or covers for one, and those that know of the absence already."""
    mine = Q(username=absence.person.username, role__in=[Involvement.Role.APPROVER, Involvement.Role.COVER])
    mine |= Q(username=absence.person.username, role=Involvement.Role.ESCALATION)
    mine |= Q(username=absence.delegate.username, role=Involvement.Role.COVER)
    rows = ApprovalRequest.objects.filter(status__in=OPEN, involvements__in=Involvement.objects.filter(mine))
    if absence.kind:
        rows = rows.filter(kind=absence.kind)
    return list(rows.order_by("pk").values_list("request_id", flat=True).distinct())


def _tell_one(absence: Absence, request_id: str) -> None:
    """Raises Unavailable; whatever else the request says is its last word."""
    by = By(absence.person.username, Door.SYSTEM)
    key = f"absence:{absence.pk}:{absence.revision}"
    try:
        if absence.ended_at is not None or absence.until <= timezone.now() or not absence.delegate.is_active:
            send_update(request_id, "end_delegation", DelegationEndInput(absence.cover_id, by), key)
        else:
            send_update(request_id, "delegate", _delegation(absence, by), key)
    except Unavailable:
        raise
    except ApprovalProblem as problem:
        # It ended meanwhile, its requester is the delegate, or it would go in a circle there: nothing to repeat.
        log.info("absence_not_taken", absence=absence.pk, request_id=request_id, problem=problem.detail)


def _delegation(absence: Absence, by: By) -> DelegationInput:
    return DelegationInput(
        to=absence.delegate.username,
        until=absence.until,
        reason=absence.reason,
        by=by,
        starts_at=absence.starts_at,
        principal=absence.person.username,
        cover_id=absence.cover_id,
        to_name=absence.delegate.get_full_name() or absence.delegate.username,
    )
