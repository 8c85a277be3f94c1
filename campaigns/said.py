"""What somebody other than our own doors has told an actor – the Temporal CLI, another service –, written into our rows.

Campaigns look at them before they ask an actor and before they send, and a lost actor begins with them. It may come late,
twice, and after what was said later: the actor's version and moment of each say which word is the last one.
"""

from dataclasses import replace
from hashlib import sha256

from django.db import transaction
from django.db.models import Q

from campaigns import deferrals
from campaigns.contact_locks import lock_contact
from campaigns.contract import MAX_ID, By, DecisionCode, MessageSentInput, Said
from campaigns.contract import OptOut as OptOutMessage
from campaigns.models import Contact, OptOut, PreferenceChange, SendLog
from campaigns.models.words import Outcome
from campaigns.preferences import save_own_cap, save_preferences
from campaigns.wish_texts import cap_words, preferences_words

ELSEWHERE = "elsewhere:"
"""How the send log's grant ids of other systems' messages begin; the message's own id is the row's provider reference."""
_What = PreferenceChange.What
_BY_SIGNAL = "by a program, at their actor"
_LONGEST_ID = 64
_LONGEST_CHANNEL = 10


@transaction.atomic
def write_down(said: Said) -> None:
    """Safe to repeat, in any order."""
    if len(said.user_id) > _LONGEST_ID:
        return  # nobody of ours
    contact = lock_contact(said.user_id)
    if said.opt_out is not None:
        _opted_out(said, said.opt_out, contact)
    if said.opt_in is not None:
        _opted_in(said, said.opt_in)
    if said.message_sent is not None:
        _sent(said, said.message_sent)
    if said.wish is not None and said.preferences is not None:
        fitting = [one for one in said.preferences.opt_outs if _is_of_ours(one)]
        save_preferences(said.user_id, said.version, replace(said.preferences, opt_outs=fitting))
        _note(said, _What.PREFERENCES, said.wish.by, text=preferences_words(said.wish))
    if said.cap is not None and not _was_said_since(said, _What.CAP):
        save_own_cap(said.user_id, said.cap.cap())
        _note(said, _What.CAP, said.cap.by, text=cap_words(said.cap))


def _opted_out(said: Said, wish: OptOutMessage, contact: Contact | None) -> None:
    channel, category = wish.key()
    if not _is_of_ours(wish) or _was_said_since(said, _What.OPTED_IN, channel, category):
        return
    is_newer = contact is not None and contact.preferences_version >= said.version
    if is_newer and _was_said_since(said, _What.PREFERENCES):
        return  # they have been replaced meanwhile, this one too
    row, created = OptOut.objects.get_or_create(
        user_id=said.user_id, channel=channel, category=category, defaults={"version": said.version, "at": said.at}
    )
    if created:
        _note(said, _What.OPTED_OUT, By(), channel, category, _BY_SIGNAL)
        deferrals.settle(said.user_id, DecisionCode.OPTED_OUT, channel, category)
    elif row.version is None or row.version < said.version:
        row.version = said.version
        row.save(update_fields=["version"])


def _opted_in(said: Said, wish: OptOutMessage) -> None:
    """Exactly this opt-out goes, also one that a door has taken in, unless it came later."""
    channel, category = wish.key()
    if not _is_of_ours(wish) or _was_said_since(said, _What.OPTED_OUT, channel, category):
        return
    rows = OptOut.objects.filter(Q(version=None) | Q(version__lt=said.version), at__lte=said.at, user_id=said.user_id)
    deleted, _ = rows.filter(channel=channel, category=category).delete()
    if deleted or said.changed:
        # Also when it has overtaken the opt-out that it takes back, which will find this.
        _note(said, _What.OPTED_IN, By(), channel, category, _BY_SIGNAL)


def _sent(said: Said, message: MessageSentInput) -> None:
    SendLog.objects.get_or_create(
        grant_id=_grant_id(said.user_id, message.message_id),
        defaults={
            "user_id": said.user_id,
            "channel": message.channel[:_LONGEST_CHANNEL],
            "category": message.category,
            "transactional": message.transactional,
            "outcome": Outcome.SENT,
            "detail": "Another system sent it.",
            "provider_reference": message.message_id,
            "at": min(message.sent_at, said.at),
            "settled_at": said.at,
        },
    )


def _grant_id(user_id: str, message_id: str) -> str:
    """Another system may give one id to what it sends to many."""
    grant_id = f"{ELSEWHERE}{user_id}:{message_id}"
    return grant_id if len(grant_id) <= MAX_ID else f"{ELSEWHERE}{user_id}:{sha256(message_id.encode()).hexdigest()}"


def known_id(row: SendLog) -> str:
    """By which its person's actor knows a message: that of another system by the id which that one told."""
    return row.provider_reference if row.grant_id.startswith(ELSEWHERE) else row.grant_id


def _is_of_ours(wish: OptOutMessage) -> bool:
    """No message of ours goes by a channel with so long a name."""
    return len(wish.key()[0]) <= _LONGEST_CHANNEL


def _was_said_since(said: Said, what: str, channel: str = "", category: str = "") -> bool:
    changes = PreferenceChange.objects.filter(user_id=said.user_id, at__gt=said.at)
    return changes.filter(what=what, channel=channel, category=category).exists()


def _note(said: Said, what: str, by: By, channel: str = "", category: str = "", text: str = "") -> None:
    PreferenceChange.objects.get_or_create(
        user_id=said.user_id,
        what=what,
        who=by.username,
        door=by.door,
        channel=channel,
        category=category,
        text=text[:500],
        at=said.at,
    )
