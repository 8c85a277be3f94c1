"""Mails and Slack messages about requests that did not get through: those being tried again, and those given up."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from approvals.contract import TrailKind
from approvals.models import ApprovalRequest, TrailRow
from approvals.notifiers.retries import retries_of

TOLD_FOR = timedelta(days=1)
"""So long it is told that a notice did not get through; its request's trail says it for ever."""
MOST = 200
"""Requests whose notices are tried again that are looked at."""


def waiting(now: datetime) -> QuerySet[ApprovalRequest]:
    """Requests with a notice that is being tried again."""
    noted = ApprovalRequest.objects.exclude(retried={}).only("pk", "retried")[:MOST]
    return ApprovalRequest.objects.filter(pk__in=[row.pk for row in noted if retries_of(row.retried, now)])


def lost(now: datetime) -> QuerySet[ApprovalRequest]:
    """Requests with a notice that was given up."""
    given_up = TrailRow.objects.filter(what=TrailKind.NOTICE_FAILED, at__gt=now - TOLD_FOR)
    return ApprovalRequest.objects.filter(pk__in=given_up.values("request"))
