"""What a contact says for themselves, by the signed link in their mail: no log-in, and nobody else's wishes.

Less is always taken in at once and never refused. More – a channel again, the end of a pause – waits for their actor.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from campaigns.contract import MARKETING, By, Channel, Door, PreferencesInput, QuietHours
from campaigns.gateway import wishes
from campaigns.gateway.problems import CampaignRefused, Unavailable, naming_the_field
from campaigns.models import Campaign, Contact, OptOut, PreferenceChange
from campaigns.preferences import record_opt_in, record_opt_out, save_preferences
from campaigns.unsubscribe import Wish
from temporal_worker.client import RequestRefused, TemporalUnavailable

MOST_A_MINUTE = 20
"""Changes by one person's link. Each leaves a row and a message to their actor, and whoever has the link can send them."""
MOST_CATEGORIES = 40
MOST_HISTORY = 50

EVERYTHING = ("", "")

log = structlog.get_logger(__name__)
Toggle = tuple[str, str]
"""A channel and a category of which somebody can be out; empty stands for every one."""


@dataclass(frozen=True)
class OwnWishes:
    """What the preference page shows. ``is_known`` is False when nothing is kept of them any more but their opt-outs."""

    is_known: bool
    opt_outs: frozenset[Toggle]
    toggles: tuple[Toggle, ...]
    """What can be turned on and off one by one: channels, categories, and what is off for both together."""
    paused_until: datetime | None
    time_zone: str
    locale: str
    history: list[PreferenceChange]
    hours_between: float | None = None
    quiet_hours: QuietHours | None = None


@dataclass(frozen=True)
class OwnChanges:
    """What is to be different. ``settings`` has the pause, the gap, the quiet hours, the time zone and the language, as far as
    they change."""

    less: Collection[Toggle] = ()
    more: Collection[Toggle] = ()
    settings: PreferencesInput | None = None
    words: str = ""
    """The settings' changes in words, for the history."""


@dataclass
class OwnAnswer:
    """What was changed, and ``problem``: why not all of it."""

    less: list[Toggle] = field(default_factory=list)
    more: list[Toggle] = field(default_factory=list)
    settings: bool = False
    problem: Unavailable | None = None


def unsubscribe(wish: Wish) -> bool:
    """One click: what the link says is off, from when this returns, for ever. False when it was known.

    The actor is told now, or when Temporal is back.
    """
    return _less(wish, (wish.channel, wish.category), Door.WEBHOOK)


def _less(wish: Wish, toggle: Toggle, door: Door) -> bool:
    channel, category = toggle
    is_new = record_opt_out(wish.user_id, channel, category, by=By("", door), campaign_id=wish.campaign_id)
    try:
        wishes.tell_opt_out(wish.user_id, channel, category)
    except RequestRefused:
        # It counts by its row already; what the actor does not take cannot make the answer a failure.
        log.exception("opt_out_not_told", user_id=wish.user_id)
    return is_new


def read_wishes(wish: Wish) -> OwnWishes:
    """What is known, from the database alone: nobody's actor is asked."""
    contact = Contact.objects.filter(user_id=wish.user_id, erased_at=None).first()
    opt_outs = frozenset(OptOut.objects.filter(user_id=wish.user_id).values_list("channel", "category"))
    history = list(PreferenceChange.objects.filter(user_id=wish.user_id)[:MOST_HISTORY])
    if contact is None:
        return OwnWishes(False, opt_outs, (), None, "", "", history)
    paused_until = contact.paused_until if contact.paused_until and contact.paused_until > timezone.now() else None
    toggles = _toggles(wish, contact, opt_outs)
    return OwnWishes(
        is_known=True,
        opt_outs=opt_outs,
        toggles=toggles,
        paused_until=paused_until,
        time_zone=contact.time_zone,
        locale=contact.locale,
        history=history,
        hours_between=contact.hours_between,
        quiet_hours=contact.quiet_hours,
    )


def _toggles(wish: Wish, contact: Contact, opt_outs: frozenset[Toggle]) -> tuple[Toggle, ...]:
    """Channels on which they can be reached, categories that there are, and whatever they are out of already."""
    channels = [(channel.value, "") for channel in Channel if contact.address_for(channel)]
    used = Campaign.objects.filter(transactional=False).order_by("category").values_list("category", flat=True)
    names = dict.fromkeys([MARKETING, wish.category, *used.distinct()[:MOST_CATEGORIES]])
    categories = [("", name) for name in names if name]
    return tuple(dict.fromkeys([*channels, *categories, *sorted(opt_outs - {EVERYTHING})]))


def change_wishes(wish: Wish, changes: OwnChanges, *, key: str) -> OwnAnswer:
    """Less first, which is kept whatever becomes of the rest; then the settings, then more.

    Raises:
        InvalidRequest: a zone or a language that there is not; nothing was changed
        CampaignRefused: ``too_many``: so much was changed in the last minute; less was taken in all the same
    """
    if changes.settings is not None:
        with naming_the_field():
            changes.settings.check()
    answer = OwnAnswer()
    for toggle in changes.less:
        if _less(wish, toggle, Door.MAIL):
            answer.less.append(toggle)
    if not changes.more and changes.settings is None:
        return answer
    _require_patience(wish.user_id)
    try:
        if changes.settings is not None:
            answer.settings = _set(wish, changes.settings, changes.words, key)
        for toggle in changes.more:
            if _more(wish, toggle):
                answer.more.append(toggle)
    except Unavailable as problem:
        answer.problem = problem
    except TemporalUnavailable as error:
        answer.problem = Unavailable(str(error), error.retry_after)
    return answer


def _require_patience(user_id: str) -> None:
    minute_ago = timezone.now() - timedelta(minutes=1)
    latest = PreferenceChange.objects.filter(user_id=user_id, who="", door=Door.MAIL, at__gt=minute_ago)
    if latest.count() >= MOST_A_MINUTE:
        raise CampaignRefused("too_many", "A lot was changed in the last minute. Wait a moment before you change more.")


def _more(wish: Wish, toggle: Toggle) -> bool:
    """The actor is told first: were it the other way round, and it out of reach, its own opt-out would come back."""
    channel, category = toggle
    wishes.signal_wish(wish.user_id, "opt_in", channel, category)
    return record_opt_in(wish.user_id, channel, category, by=By("", Door.MAIL), campaign_id=wish.campaign_id)


def _set(wish: Wish, settings: PreferencesInput, words: str, key: str) -> bool:
    """False when it was like this already: a form that is sent twice is told of once."""
    contact = Contact.objects.get(user_id=wish.user_id)
    now = replace(
        settings,
        time_zone=contact.time_zone,
        locale=contact.locale,
        paused_until=contact.paused_until,
        hours_between=contact.hours_between,
        quiet_hours=contact.quiet_hours,
    )
    wanted = replace(
        now,
        time_zone=settings.time_zone or now.time_zone,
        locale=settings.locale or now.locale,
        paused_until=now.paused_until if settings.paused_until == "unchanged" else settings.paused_until,
        hours_between=now.hours_between if settings.hours_between == "unchanged" else settings.hours_between,
        quiet_hours=now.quiet_hours if settings.quiet_hours == "unchanged" else settings.quiet_hours,
    )
    if wanted == now:
        return False
    by = By("", Door.MAIL)
    view = wishes.update_actor(contact, "set_preferences", replace(settings, by=by), by, key)
    save_preferences(contact.user_id, view.version, view.preferences)
    PreferenceChange.objects.create(
        user_id=contact.user_id,
        what=PreferenceChange.What.PREFERENCES,
        door=by.door,
        campaign_id=wish.campaign_id,
        text=words[:500],
    )
    return True
