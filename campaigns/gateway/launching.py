"""Launching: what there is to say against it, the row, then the workflow (:mod:`campaigns.gateway.starting`), once."""

from collections.abc import Iterator
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from campaigns import projection
from campaigns.contract import By, CampaignStatus, CampaignView, Door
from campaigns.gateway.problems import CampaignRefused, InvalidRequest, naming_the_field
from campaigns.gateway.reading import read_any
from campaigns.gateway.rights import SEND, SEND_TRANSACTIONAL, require, seen_campaign
from campaigns.gateway.starting import input_of, late_seconds, start
from campaigns.models import Campaign, CampaignSettings, Contact
from campaigns.rendering import LETTERS_AT_A_LAUNCH, Missing, missing_variables
from campaigns.sending.audience import UnknownAudience, contacts_of
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import to_json

STRIDE_PIECE = 2_000


def launch(
    campaign_id: str,
    *,
    user: User,
    door: Door,
    key: str,
    draft_version: int | None = None,
    asks_first: bool = False,
) -> CampaignView:
    """Launch a draft, once; a repeat with the key is answered with the campaign as it is.

    With ``draft_version``, only the draft that its caller has seen is launched. ``asks_first``: an approval is asked for
    however few the recipients are; of a recurring one at each of its times.

    Raises:
        CampaignNotFound, NotPermitted
        InvalidRequest: nobody is in the audience, the segment is gone, or variables are missing
        CampaignRefused: ``launched`` already, by another key; ``channel_off``; ``stale``: the draft has changed
        Unavailable: it is kept and starts by itself later
    """
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    own_key = f"{user.username}:{key}"
    if row.status == CampaignStatus.DRAFT:
        if row.transactional:
            require(user, SEND_TRANSACTIONAL)
        if draft_version is not None and draft_version != row.draft_version:
            raise CampaignRefused("stale", "Somebody has changed this draft since you looked. Look at it again.")
        check_launch(row)
        row = _write(row, user, door, own_key, asks_first=asks_first)
    if row.launch_key != own_key:
        raise CampaignRefused("launched", f"{row.launched_by or 'Somebody'} has launched this campaign already.")
    if row.status == Campaign.STARTING:
        start(row)
    return read_any(row).view


def check_launch(row: Campaign) -> None:
    """Raises InvalidRequest, CampaignRefused."""
    if row.channel not in CampaignSettings.current().channels_on:
        raise CampaignRefused("channel_off", f"{row.channel} is switched off in the settings.")
    try:
        number = contacts_of(row.audience).count()
    except UnknownAudience as problem:
        raise InvalidRequest("audience", str(problem)) from problem
    most = CampaignSettings.current().max_audience
    if not number:
        raise InvalidRequest("audience", "Nobody is in this audience.")
    if number > most:
        raise InvalidRequest("audience", f"This audience is larger than the {most:,} recipients that are allowed.")
    if row.ends_at is not None and row.ends_at <= timezone.now():
        raise InvalidRequest("ends_at", "This moment is over.")
    late = late_seconds(row)
    if row.starts_at is not None and late and timezone.now() > row.starts_at + timedelta(seconds=late):
        raise InvalidRequest("starts_at", f"This was more than {row.late_minutes:,} minutes ago: it would be left out.")
    if missing := find_missing(row):
        raise InvalidRequest("body_text", f"{missing[0].in_words}. Write a default, or leave them out.")


def find_missing(row: Campaign) -> list[Missing]:
    """Variables that recipients have not; of a very large audience, found in an even sample. The worker looks at them all."""
    with naming_the_field():
        message = row.compiled_as_written()
    return missing_variables(message, sampled_contacts(row, LETTERS_AT_A_LAUNCH))


def sampled_contacts(row: Campaign, most: int) -> Iterator[Contact]:
    """All of the audience, or evenly ``most`` of a larger one. Raises UnknownAudience."""
    contacts = contacts_of(row.audience)
    number = contacts.count()
    if number <= most:
        return contacts.iterator(STRIDE_PIECE)
    user_ids = contacts.values_list("user_id", flat=True).iterator(STRIDE_PIECE)
    stride = number / most
    wanted: list[str] = []
    for position, user_id in enumerate(user_ids):
        if position >= len(wanted) * stride and len(wanted) < most:
            wanted.append(user_id)
    return Contact.objects.filter(user_id__in=wanted).order_by("user_id").iterator(STRIDE_PIECE)


def _write(row: Campaign, user: User, door: Door, own_key: str, *, asks_first: bool = False) -> Campaign:
    """From draft to starting. Two launches at once meet at the row."""
    settings = CampaignSettings.current()
    seen = row.draft_version
    with transaction.atomic():
        row = Campaign.objects.select_for_update().select_related(None).get(pk=row.pk)
        if row.status != CampaignStatus.DRAFT:
            return row
        if row.draft_version != seen:
            raise CampaignRefused("stale", "Somebody has changed this draft at this very moment. Look at it again.")
        now = timezone.now()
        row.launch_key, row.launched_by, row.launched_at = own_key, user.username, now
        row.asks_first = asks_first
        row.rate_per_minute = row.rate_per_minute or settings.rate_per_minute
        if row.recurs:  # whose end is that of the whole series
            row.next_time_at = now  # to be asked for as soon as its Schedule is there
        else:
            row.ends_at = row.ends_at or max(row.starts_at or now, now) + timedelta(days=settings.deferred_for_days)
        row.status = Campaign.STARTING
        start_input = input_of(row, By(user.username, door))
        with naming_the_field():
            start_input.check()
        row.start_input = to_json(start_input)
        row.change = ChangeCounter.bump(projection.COUNTER)
        row.save()
    return row
