"""Drafts: written and changed in the database until they are launched."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import projection
from campaigns.contract import CampaignStatus, CampaignView, Channel, default_category
from campaigns.gateway.problems import CampaignRefused, InvalidRequest, KeyReused, Unavailable, naming_the_field
from campaigns.gateway.rights import EDIT, SEND_TRANSACTIONAL, require, seen_campaign
from campaigns.models import Campaign, Contact, Template
from campaigns.sending.audience import UnknownAudience, check_audience, contacts_of
from temporal_worker.keys import digest
from temporal_worker.models import ChangeCounter


@dataclass(frozen=True)
class Draft:
    """What is written of a campaign. ``audience`` is ``{"user_ids": […]}``, ``{"segment": "…"}`` or ``"all"``.

    ``rate_per_minute`` None: the settings'. ``recurs`` is a cron expression in ``time_zone``; empty: once.
    """

    name: str
    channel: str = Channel.EMAIL
    audience: Any = "all"
    subject: str = ""
    body_text: str = ""
    body_html: str = ""
    category: str = ""
    """Empty: ``marketing``, or ``transactional`` of what is that."""
    transactional: bool = False
    template: str = ""
    """The name of the template that the texts were taken from, if any."""
    rate_per_minute: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    defers: bool = True
    recurs: str = ""
    time_zone: str = "UTC"
    missed_runs: str = Campaign.Missed.SKIP
    late_minutes: int | None = None
    """Of one that begins at a time, once: later by so much it is left out. None: it begins however late it is."""


def create_draft(*, user: User, draft: Draft, key: str) -> CampaignView:
    """Write a new draft, once for each key.

    Raises:
        InvalidRequest, NotPermitted, KeyReused
    """
    require(user, EDIT)
    own_key, request_hash = f"{user.username}:{key}", digest(vars(draft))
    if (known := _of_key(own_key, request_hash)) is not None:
        return projection.load_view(known)
    row = Campaign(idempotency_key=own_key, request_hash=request_hash, created_by=user.username)
    _fill(row, draft, user)
    for _ in range(20):
        row.campaign_id = f"CMP-{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        try:
            with transaction.atomic():
                row.change = ChangeCounter.bump(projection.COUNTER)
                row.save(force_insert=True)
                _note_mark(row, False, user)
                return projection.load_view(row)
        except IntegrityError:
            row.pk = None
            if (known := _of_key(own_key, request_hash)) is not None:
                return projection.load_view(known)
    raise Unavailable("No free campaign number was found; try again.", retry_after=1)


def change_draft(campaign_id: str, *, user: User, draft: Draft, draft_version: int) -> CampaignView:
    """Write a draft anew, if it is still the one at ``draft_version``.

    Raises:
        CampaignNotFound, InvalidRequest, NotPermitted
        CampaignRefused: ``stale`` when somebody else has changed it, ``launched`` when it is no draft any more
    """
    seen_campaign(user, campaign_id)
    require(user, EDIT)
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(campaign_id=campaign_id)
        if row.status != CampaignStatus.DRAFT:
            raise CampaignRefused("launched", "The campaign is launched: its texts and its audience are fixed.")
        if row.draft_version != draft_version:
            words = "Somebody has changed this draft since you opened it."
            raise CampaignRefused("stale", words, {"draft_version": row.draft_version})
        was_transactional = row.transactional
        _fill(row, draft, user)
        row.draft_version += 1
        row.updated_at = timezone.now()
        row.change = ChangeCounter.bump(projection.COUNTER)
        row.save()
        _note_mark(row, was_transactional, user)
    return projection.load_view(row)


def _note_mark(row: Campaign, was_transactional: bool, user: User) -> None:
    """Into the admin site's history, where it stays when the mark is gone: what passes the cap is to be answered for."""
    if row.transactional != was_transactional:
        before, after = ("no", "yes") if row.transactional else ("yes", "no")
        words = f"Transactional: {before} → {after}"
        LogEntry.objects.log_actions(user.pk, [row], CHANGE, words, single_object=True)


def _of_key(key: str, request_hash: str) -> Campaign | None:
    row = Campaign.objects.filter(idempotency_key=key).first()
    if row is not None and row.request_hash != request_hash:
        raise KeyReused
    return row


_COPIED = (
    "channel", "audience", "subject", "body_text", "body_html", "transactional", "rate_per_minute",
    "starts_at", "ends_at", "defers", "recurs", "time_zone", "missed_runs", "late_minutes",
)  # fmt: skip


def _fill(row: Campaign, draft: Draft, user: User) -> None:
    """Raises InvalidRequest, NotPermitted."""
    if draft.transactional:
        require(user, SEND_TRANSACTIONAL)
    with naming_the_field():
        check_audience(draft.audience)
    _check_people(draft.audience)
    template = Template.objects.filter(name=draft.template).first() if draft.template else None
    if draft.template and template is None:
        raise InvalidRequest("template", f"There is no template {draft.template}.")
    if draft.transactional != row.transactional:
        row.transactional_by = user.username if draft.transactional else ""
        row.transactional_at = timezone.now() if draft.transactional else None
    for name in _COPIED:
        setattr(row, name, getattr(draft, name))
    row.name, row.category = draft.name.strip(), draft.category or default_category(transactional=draft.transactional)
    _check_category(row)
    row.template, row.template_version = template, template.version if template else 0
    if draft.channel not in set(Channel):
        raise InvalidRequest("channel", f"must be one of {', '.join(Channel)}")
    if draft.starts_at and draft.ends_at and draft.ends_at <= draft.starts_at:
        raise InvalidRequest("ends_at", "must be after starts_at")
    with naming_the_field():
        row.compiled_as_written()
    try:
        written = {"name", "category", *_COPIED} - {"audience"}
        row.clean_fields(exclude={field.name for field in Campaign._meta.fields} - written)
    except ValidationError as error:
        field, words = next(iter(error.message_dict.items()))
        raise InvalidRequest(field, " ".join(words)) from error


def _check_category(row: Campaign) -> None:
    """No category is both: one click takes somebody out of a marketing one, and must take nothing else from them."""
    own, other = ("transactional", "marketing") if row.transactional else ("marketing", "transactional")
    is_taken = row.category == default_category(transactional=not row.transactional)
    if not is_taken and row.category != default_category(transactional=row.transactional):
        others = Campaign.objects.exclude(pk=row.pk).filter(category=row.category)
        is_taken = others.filter(transactional=not row.transactional).exists()
    if is_taken:
        words = f"is of {other} messages, and this one is {own}: name another, or none"
        raise InvalidRequest("category", words)


def _check_people(audience: Any) -> None:
    if isinstance(audience, dict) and "user_ids" in audience:
        known = set(Contact.objects.filter(user_id__in=audience["user_ids"]).values_list("user_id", flat=True))
        if unknown := sorted(set(audience["user_ids"]) - known):
            raise InvalidRequest("audience.user_ids", f"There is no contact {unknown[0]}.")
        return
    try:
        contacts_of(audience)
    except UnknownAudience as problem:
        raise InvalidRequest("audience", str(problem)) from problem
