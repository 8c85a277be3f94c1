"""Payment events that no order could take: kept, listed, replayed or settled by a person, never lost."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from orders.contract import By, UnmatchedPayment
from orders.models import UnmatchedEvent, WebhookEvent

MAX_REASON = 300
"""Characters of a reason and of a note."""


class AlreadySettled(Exception):
    """Somebody else was first. The text says who and when."""

    def __init__(self, unmatched: UnmatchedEvent) -> None:
        who = unmatched.resolved_by or "the system"
        super().__init__(f"{who} has settled this event already: {unmatched.resolution}")
        self.unmatched = unmatched


# ── What the system puts on it and takes off it ──────────────────────────────────────────────────────────────────────


def record_unmatched(event: WebhookEvent, reason: str) -> None:
    """The door's word: nobody took this event. Only while it is ``received`` – the order itself may have had it since."""
    with transaction.atomic():
        if _locked_state(event) == WebhookEvent.State.RECEIVED:
            _put_on_list(event, reason)


def record_unmatched_payment(unmatched: UnmatchedPayment) -> None:
    """The order's word: it had the event and could not take it. An event that came by signal gets its row here.

    A repeat does not undo what a person has settled; only a replay brings that back.
    """
    event, _ = WebhookEvent.objects.get_or_create(
        event_id=unmatched.event.event_id,
        defaults={
            "type": unmatched.kind,
            "order_id": unmatched.order_id,
            "payment_id": unmatched.event.payment_id,
            "amount_cents": unmatched.event.amount_cents,
            "currency": unmatched.event.currency,
            "created": timezone.now(),
        },
    )
    with transaction.atomic():
        is_listed = _locked_state(event) == WebhookEvent.State.UNMATCHED
        if not (is_listed and UnmatchedEvent.objects.filter(event=event, resolved_at__isnull=False).exists()):
            _put_on_list(event, unmatched.reason)


def settle_by_system(event: WebhookEvent, resolution: str, *, listed_for: str | None = None) -> None:
    """The order has the event now. ``listed_for``: only while it is on the list for this reason, and no newer one."""
    with transaction.atomic():
        if _locked_state(event) == WebhookEvent.State.UNMATCHED:
            listed = UnmatchedEvent.objects.filter(event=event, resolved_at=None)
            if listed_for is not None:
                listed = listed.filter(reason=listed_for[:MAX_REASON])
            if not listed.update(resolved_at=timezone.now(), resolved_by="", resolution=resolution):
                return
        WebhookEvent.objects.filter(pk=event.pk).exclude(state=WebhookEvent.State.IGNORED).update(
            state=WebhookEvent.State.DELIVERED
        )


def _locked_state(event: WebhookEvent) -> str:
    return WebhookEvent.objects.select_for_update().values_list("state", flat=True).get(pk=event.pk)


def _put_on_list(event: WebhookEvent, reason: str) -> None:
    UnmatchedEvent.objects.update_or_create(
        event=event,
        defaults={"reason": reason[:MAX_REASON], "resolved_at": None, "resolved_by": "", "resolution": ""},
    )
    WebhookEvent.objects.filter(pk=event.pk).update(state=WebhookEvent.State.UNMATCHED)


# ── What people do with it ───────────────────────────────────────────────────────────────────────────────────────────


def list_unmatched(*, settled: bool = False, q: str = "") -> QuerySet[UnmatchedEvent]:
    """Events that wait for a person (or, ``settled``, that did), newest first, each with its event in the same query."""
    found = UnmatchedEvent.objects.select_related("event").filter(resolved_at__isnull=not settled)
    for word in q.replace("\0", " ").split():
        found = found.filter(
            Q(event__event_id__icontains=word)
            | Q(event__order_id__icontains=word)
            | Q(event__payment_id__icontains=word)
            | Q(reason__icontains=word)
        )
    return found.order_by("-first_seen_at", "-pk")


def replay(event: WebhookEvent, by: By, deliver: Callable[[WebhookEvent], WebhookEvent]) -> WebhookEvent:
    """Offer the event to its order once more; it leaves the list unless the order refuses it again.

    ``deliver`` is :func:`orders.gateway.deliver_payment_event`; what it raises passes through, and the event stays.

    Raises:
        AlreadySettled: somebody has settled it meanwhile.
    """
    # Off the list first and back on it when it fails: the order's own refusal arrives by another way
    # (:func:`record_unmatched_payment`), maybe before the call below returns, and must have the last word.
    _settle(event, by, f"Replayed by {by.username}.", state=WebhookEvent.State.RECEIVED, replayed_at=timezone.now())
    try:
        return deliver(event)
    except Exception as error:
        record_unmatched(event, f"The replay did not reach the order: {error}")
        raise


def resolve(event: WebhookEvent, by: By, note: str) -> None:
    """Settle the event by hand: it was dealt with outside, and the note says how.

    Raises:
        AlreadySettled: somebody was first.
        ValueError: there is no note.
    """
    if not note.strip():
        raise ValueError("Say how the event was dealt with.")
    _settle(event, by, note.strip()[:MAX_REASON], state=WebhookEvent.State.UNMATCHED)


def _settle(event: WebhookEvent, by: By, resolution: str, *, state: WebhookEvent.State, **changes: datetime) -> None:
    with transaction.atomic():
        _locked_state(event)
        if not UnmatchedEvent.objects.filter(event=event, resolved_at=None).update(
            resolved_at=timezone.now(), resolved_by=by.username, resolution=resolution, **changes
        ):
            raise AlreadySettled(UnmatchedEvent.objects.get(event=event))
        WebhookEvent.objects.filter(pk=event.pk).update(state=state)
    event.state = state
