"""Contacts and segments as the web side writes them: one contact at a time, one saved filter at a time."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from campaigns.contact_locks import lock_contact
from campaigns.contract import CampaignStatus
from campaigns.gateway.problems import CampaignRefused, InvalidRequest
from campaigns.gateway.rights import EDIT, require, seen_contact
from campaigns.models import Campaign, CapPolicy, Contact, Segment
from campaigns.preferences import CONTACTS_COUNTER
from campaigns.standing import MORE_TIMES
from temporal_worker.models import ChangeCounter
from temporal_worker.problems import NotFound

SEE_SEGMENTS = "campaigns.view_segment"
ADDRESSES = ("name", "email", "phone", "push_token", "attributes")
"""What may be changed of a contact here. Language and time zone are wishes, and their actor's."""

_UNDER_WAY = Q(
    status__in=[
        Campaign.STARTING,
        CampaignStatus.AWAITING_APPROVAL,
        CampaignStatus.SCHEDULED,
        CampaignStatus.RUNNING,
        CampaignStatus.PAUSED,
    ]
)


class SegmentNotFound(NotFound):
    """There is no such segment, or not for whoever asks."""

    def __init__(self) -> None:
        super().__init__("There is no such segment.")


def create_contact(*, user: User, user_id: str, fields: dict[str, Any]) -> Contact:
    """A new contact. The same again is the one that there is.

    Raises:
        NotPermitted, InvalidRequest
        CampaignRefused: ``taken``: another contact has this id
    """
    require(user, EDIT)
    contact = Contact(user_id=user_id, **fields)
    _check(contact)
    try:
        with transaction.atomic():
            contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
            contact.save(force_insert=True)
    except IntegrityError:
        there = Contact.objects.get(user_id=user_id)
        if any(getattr(there, name) != value for name, value in fields.items()):
            raise CampaignRefused("taken", f"There is a contact {user_id} already.") from None
        return there
    return contact


def change_contact(user_id: str, *, user: User, fields: dict[str, Any], change: int) -> Contact:
    """Other addresses, another name, other attributes. ``change`` is the contact's as its form was drawn.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest
        CampaignRefused: ``stale``: somebody has changed it meanwhile; ``erased``
    """
    seen_contact(user, user_id)
    require(user, EDIT)
    with transaction.atomic():
        contact = lock_contact(user_id)
        assert contact is not None
        if contact.erased_at is not None:
            raise CampaignRefused("erased", "The contact was erased at their wish, and stays so.")
        if all(getattr(contact, name) == value for name, value in fields.items()):
            return contact
        if contact.change != change:
            raise CampaignRefused("stale", "Somebody has changed the contact meanwhile. Look at it again.")
        for name in ADDRESSES:
            if name in fields:
                setattr(contact, name, fields[name])
        _check(contact)
        contact.change = ChangeCounter.bump(CONTACTS_COUNTER)
        contact.save(update_fields=[*ADDRESSES, "change", "updated_at"])
    return contact


def _check(row: Contact | Segment) -> None:
    """Raises InvalidRequest with the first of what the model has against it."""
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise InvalidRequest(field, problems[0]) from error


def read_segment(pk: int, user: User) -> Segment:
    """Raises SegmentNotFound."""
    may = user.is_active and user.has_perm(SEE_SEGMENTS)
    segment = Segment.objects.filter(pk=pk).first() if may else None
    if segment is None:
        raise SegmentNotFound
    return segment


def save_segment(segment: Segment, *, user: User) -> Segment:
    """Write down a new segment, or one that was changed.

    Raises:
        NotPermitted, InvalidRequest
        CampaignRefused: ``taken``: another one has its name; ``in_use``: a campaign knows it by the name it had
    """
    require(user, EDIT)
    _check(segment)
    with transaction.atomic():
        before = Segment.objects.select_for_update().filter(pk=segment.pk).first() if segment.pk else None
        if segment.pk and before is None:
            raise SegmentNotFound
        if before is not None and before.name != segment.name and (campaign := _user_of(before, also_drafts=True)):
            words = (
                f"The campaign “{campaign.name}” knows it as “{before.name}”. Its name can change when that is over."
            )
            raise CampaignRefused("in_use", words)
        other = Segment.objects.filter(name=segment.name).exclude(pk=segment.pk).first()
        if other is not None:
            if before is None and (other.filters, other.created_by) == (segment.filters, user.username):
                return other  # sent twice
            raise CampaignRefused("taken", f"There is a segment “{segment.name}” already.")
        segment.created_by = segment.created_by or user.username
        segment.save()
    return segment


def delete_segment(pk: int, *, user: User) -> None:
    """Its contacts stay.

    Raises:
        NotPermitted, SegmentNotFound
        CampaignRefused: ``in_use``: a campaign that is under way or comes again, or a cap policy, is for it
    """
    require(user, EDIT)
    with transaction.atomic():
        segment = read_segment(pk, user)
        if refusal := why_not_deleted(segment):
            raise CampaignRefused("in_use", refusal)
        segment.delete()


def why_not_deleted(segment: Segment) -> str:
    """Why it cannot be deleted now, in a sentence; empty when it can."""
    if campaign := _user_of(segment):
        return f"The campaign “{campaign.name}” is under way and is for it. It can be deleted when that is over."
    if policy := CapPolicy.objects.filter(segment=segment).first():
        return f"The cap policy “{policy.name}” is for it. An administrator can give that another one."
    return ""


def _user_of(segment: Segment, *, also_drafts: bool = False) -> Campaign | None:
    # A recurring one needs it at its next time, whatever became of those before.
    under_way = _UNDER_WAY | MORE_TIMES
    if also_drafts:
        under_way |= Q(status=CampaignStatus.DRAFT)
    return Campaign.objects.filter(under_way, audience={"segment": segment.name}).order_by("pk").first()
