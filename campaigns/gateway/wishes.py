"""What a contact wants: their own words first into the database, where they count at once, then to their actor."""

from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    ActorView,
    By,
    Door,
    FrequencyCapInput,
    OptOutInput,
    PreferencesInput,
    user_actor_workflow_id,
)
from campaigns.contract import OptOut as OptOutMessage
from campaigns.gateway.acting import problem_of
from campaigns.gateway.problems import Unavailable, naming_the_field
from campaigns.gateway.rights import EDIT_PREFERENCES, require, seen_contact
from campaigns.models import Contact, OptOut, PreferenceChange
from campaigns.policies import policy_for
from campaigns.preferences import (
    record_opt_in,
    record_opt_out,
    save_own_cap,
    save_preferences,
    unconfirmed_opt_outs,
)
from campaigns.sending import asking
from campaigns.wish_texts import cap_words, preferences_words
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import update_id

UPDATE_TIMEOUT = 10.0


def set_preferences(user_id: str, *, user: User, wish: PreferencesInput, door: Door, key: str) -> ActorView:
    """Change what a contact wants; what ``wish`` leaves out stays. Its opt-outs count at once, in the database too.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest, Unavailable
    """
    contact = seen_contact(user, user_id)
    require(user, EDIT_PREFERENCES)
    wish = replace(wish, by=By(user.username, door))
    with naming_the_field():
        wish.check()
    view = update_actor(contact, "set_preferences", wish, wish.by, key)
    save_preferences(user_id, view.version, view.preferences)
    _note(view, PreferenceChange.What.PREFERENCES, wish.by, preferences_words(wish))
    return view


def set_cap(user_id: str, *, user: User, cap: FrequencyCapInput, door: Door, key: str) -> ActorView:
    """Give a contact a cap of their own, or – ``cleared`` – take it away."""
    contact = seen_contact(user, user_id)
    require(user, EDIT_PREFERENCES)
    cap = replace(cap, by=By(user.username, door))
    with naming_the_field():
        cap.check()
    view = update_actor(contact, "set_frequency_cap", cap, cap.by, key)
    save_own_cap(user_id, view.own_cap)
    _note(view, PreferenceChange.What.CAP, cap.by, cap_words(cap))
    return view


def _note(view: ActorView, what: str, by: By, text: str) -> None:
    """Who changed what, once: a repeated update has the answer of its first time, and so the same moment."""
    at = view.at or timezone.now()
    PreferenceChange.objects.get_or_create(
        user_id=view.user_id, what=what, who=by.username, door=by.door, text=text[:500], at=at
    )


def update_actor(
    contact: Contact, update: str, message: PreferencesInput | FrequencyCapInput, by: By, key: str
) -> ActorView:
    """An update that starts the actor when none runs: what is set has to be kept. Whoever calls this writes it down."""
    start = seed_for_actor(contact.user_id, policy=policy_for(contact))

    async def set_it() -> ActorView:
        return await asking.update_or_start(
            await client.aget_client(),
            contact.user_id,
            update,
            replace(message, recorded=True),
            start,
            update_id=update_id(by, key, update, message),
        )

    try:
        return client.call(set_it(), timeout=UPDATE_TIMEOUT + 2)
    except ApplicationError as error:
        raise problem_of(error) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def opt_out(
    user_id: str, *, by: By, channel: str = "", category: str = "", user: User | None = None, campaign_id: str = ""
) -> bool:
    """Take in an opt-out: the row first, from which moment it counts; then the actor is told, now or by the reconciler.

    ``user`` None: the person said so themselves, by a signed link. False when it was known.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest
    """
    _check_wish(user_id, user, channel, category)
    is_new = record_opt_out(user_id, channel, category, by=by, campaign_id=campaign_id)
    tell_opt_out(user_id, channel, category)
    return is_new


def tell_opt_out(user_id: str, channel: str, category: str) -> None:
    """Tell the actor of an opt-out that is in the database, once: a link may be opened a thousand times."""
    rows = OptOut.objects.filter(user_id=user_id, channel=channel, category=category, version=None, told_at=None)
    if rows.exists():
        tell_actor(user_id, "opt_out", channel, category)


def opt_in(
    user_id: str, *, by: By, channel: str = "", category: str = "", user: User | None = None, campaign_id: str = ""
) -> bool:
    """Take exactly this opt-out away again. False when there was none.

    The actor is told first: were it the other way round, and it out of reach, its own opt-out would come back from it.

    Raises:
        ContactNotFound, NotPermitted, InvalidRequest, Unavailable
    """
    _check_wish(user_id, user, channel, category)
    try:
        signal_wish(user_id, "opt_in", channel, category)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    return record_opt_in(user_id, channel, category, by=by, campaign_id=campaign_id)


def _check_wish(user_id: str, user: User | None, channel: str, category: str) -> None:
    if user is not None:
        seen_contact(user, user_id)
        require(user, EDIT_PREFERENCES)
    with naming_the_field():
        OptOutMessage(channel, category).check()


def tell_actor(user_id: str, signal: str, channel: str, category: str) -> bool:
    """Tell the actor; False when it is out of reach. One that does not run begins with what the rows say."""
    try:
        signal_wish(user_id, signal, channel, category)
    except TemporalUnavailable:
        return False
    OptOut.objects.filter(user_id=user_id, channel=channel, category=category).update(told_at=timezone.now())
    return True


def signal_wish(user_id: str, signal: str, channel: str, category: str) -> None:
    """Raises TemporalUnavailable."""
    wish = OptOutInput(channel, category, recorded=True)
    try:
        client.call(client.signal(user_actor_workflow_id(user_id), signal, wish))
    except (WorkflowNotFound, WorkflowCompleted):
        return


def tell_opt_outs(older_than: datetime | None = None) -> int:
    """Tell actors of opt-outs that a door has taken in while Temporal was out of reach. Returns of how many."""
    told = 0
    for row in unconfirmed_opt_outs():
        if older_than is None or row.at < older_than:
            if not tell_actor(row.user_id, "opt_out", row.channel, row.category):
                break
            told += 1
    return told
