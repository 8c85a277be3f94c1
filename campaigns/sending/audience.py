"""Who a campaign is for: written down once, in a stable order, in pieces that a crash may come between."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns.models import Campaign, CampaignRecipient, CampaignSettings, Contact, Segment
from campaigns.segments import check_filters
from temporal_worker.contract import InvalidField, check_text

PIECE = 2_000
"""Recipients that are written in one transaction, up to a stretch's more."""
STRETCH = 2_000
"""Contacts that are looked through by one query."""
STRETCHES_AT_ONCE = 20
"""Stretches in one transaction, once somebody was found: a pause waits for the campaign's row."""
MAX_NAMED = 10_000
"""Contacts that an audience names one by one."""


class UnknownAudience(Exception):
    """The audience is none: an unknown segment, a contact that is not there. The words are for people."""


def check_audience(audience: Any) -> None:
    """``{"user_ids": […]}``, ``{"segment": "…"}`` or ``"all"``. Raises InvalidField: ``audience``."""
    if audience == "all":
        return
    if not isinstance(audience, dict) or len(audience) != 1 or set(audience) - {"user_ids", "segment"}:
        raise InvalidField("audience", 'must be {"user_ids": […]}, {"segment": "…"} or "all"')
    if "segment" in audience:
        if not isinstance(audience["segment"], str):
            raise InvalidField("audience.segment", "must be the name of a segment")
        check_text("audience.segment", audience["segment"], most=100, required=True)
        return
    named = audience["user_ids"]
    if not isinstance(named, list) or not 1 <= len(named) <= MAX_NAMED:
        raise InvalidField("audience.user_ids", f"must be a list of 1 to {MAX_NAMED} ids")
    for user_id in named:
        if not isinstance(user_id, str):
            raise InvalidField("audience.user_ids", "must be a list of ids")
        check_text("audience.user_ids", user_id, most=64, required=True)


def contacts_of(audience: Any) -> "QuerySet[Contact]":
    """The audience as it is now, in the order of the ids. Who was erased is in none.

    Raises:
        UnknownAudience
    """
    contacts = Contact.objects.filter(erased_at=None).order_by("user_id")
    if audience == "all":
        return contacts
    if "user_ids" in audience:
        return contacts.filter(user_id__in=audience["user_ids"])
    segment = Segment.objects.filter(name=audience["segment"]).first()
    if segment is None:
        raise UnknownAudience(f"There is no segment {audience['segment']}.")
    try:
        check_filters(segment.filters)
    except InvalidField as error:
        raise UnknownAudience(f"The segment {segment.name} has filters that cannot be used: {error}.") from error
    return segment.contacts(contacts)


def snapshot(campaign_id: str, alive: Callable[[], None]) -> Campaign:
    """Write the recipients down, if that is not done. ``alive`` is called after each piece.

    A repeat goes on behind the last one who is there, and two at once take turns by the campaign's row.
    """
    most = CampaignSettings.current().max_audience
    while True:
        with transaction.atomic():
            campaign = Campaign.objects.select_for_update(no_key=True).get(campaign_id=campaign_id)
            if campaign.audience_fixed_at is None and not _next_piece(campaign, most, alive):
                campaign.audience_fixed_at = timezone.now()
                campaign.save(update_fields=["audience_fixed_at"])
        if campaign.audience_fixed_at is not None:
            return campaign
        alive()


def _next_piece(campaign: Campaign, most: int, alive: Callable[[], None]) -> int:
    """How many were added."""
    last = CampaignRecipient.objects.filter(campaign=campaign).order_by("-position").first()
    try:
        contacts = contacts_of(campaign.audience)
    except UnknownAudience as problem:
        raise ApplicationError(str(problem), type="NotFound", non_retryable=True) from None
    position, behind = (last.position, last.user_id) if last is not None else (0, "")
    # Whom it names are few, and found by their ids at once.
    is_named = isinstance(campaign.audience, dict) and "user_ids" in campaign.audience
    user_ids: list[str] = []
    for number, stretch in enumerate([Q(user_id__gt=behind)] if is_named else _stretches(behind), start=1):
        user_ids += contacts.filter(stretch).values_list("user_id", flat=True)[:PIECE]
        if len(user_ids) >= PIECE or (user_ids and number >= STRETCHES_AT_ONCE):
            break
        alive()
    if position + len(user_ids) > most:
        words = f"The audience is larger than the {most:,} recipients that the settings allow."
        raise ApplicationError(words, type="AudienceTooLarge", non_retryable=True)
    CampaignRecipient.objects.bulk_create(
        CampaignRecipient(campaign=campaign, position=position + number, user_id=user_id)
        for number, user_id in enumerate(user_ids, start=1)
    )
    return len(user_ids)


def _stretches(behind: str) -> Iterator[Q]:
    """All contacts whose ids come after ``behind``, a few at a time.

    How few fit a segment's filters no database knows beforehand: asked for the first ones that do, in the order of their ids,
    PostgreSQL reads and sorts all contacts, for each piece anew.
    """
    while True:
        ids = Contact.objects.filter(user_id__gt=behind).order_by("user_id").values_list("user_id", flat=True)
        ends = list(ids[STRETCH - 1 : STRETCH])
        if not ends:
            yield Q(user_id__gt=behind)
            return
        yield Q(user_id__gt=behind, user_id__lte=ends[0])
        behind = ends[0]
