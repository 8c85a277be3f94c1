"""Mails about orders that have not gone out: which of them are being tried again, and which nobody tries any more."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Replace

from orders.contract import TimelineKind
from orders.models import OrderEvent, OrderMail

WAITS_AFTER = timedelta(seconds=30)
"""A mail that is not sent by then is being tried again."""
TOLD_FOR = timedelta(days=1)
"""So long it is told that a mail did not go out; its order's timeline says it for ever."""


def waiting(now: datetime) -> QuerySet[OrderMail]:
    """Those that are being tried again."""
    recent = _unsent().filter(order__updated_at__lt=now - WAITS_AFTER, order__updated_at__gt=now - TOLD_FOR)
    return recent.exclude(Exists(_given_up()))


def lost(now: datetime) -> QuerySet[OrderMail]:
    """Those that were given up, which the order's timeline says."""
    return _unsent().filter(Exists(_given_up().filter(at__gt=now - TOLD_FOR)))


def _unsent() -> QuerySet[OrderMail]:
    return OrderMail.objects.filter(sent_at=None)


def _given_up() -> QuerySet[OrderEvent]:
    # As the workflow words it.
    name = Replace(OuterRef("kind"), Value("_"), Value(" "))
    return OrderEvent.objects.filter(order=OuterRef("order"), kind=TimelineKind.MAIL_FAILED, text__contains=name)
