"""Acting on a running campaign: one update for each, done once for each key."""

import secrets

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns import projection
from campaigns.contract import (
    STOP_EVERYTHING_WORKFLOW_TYPE,
    TASK_QUEUE,
    By,
    CampaignRefusal,
    CampaignStatus,
    CampaignView,
    CancelInput,
    Door,
    PauseInput,
    RateInput,
    ResumeInput,
    StopEverythingInput,
    StopReport,
    campaign_workflow_id,
)
from campaigns.gateway.problems import (
    CampaignNotFound,
    CampaignProblem,
    CampaignRefused,
    InvalidRequest,
    Unavailable,
    naming_the_field,
)
from campaigns.gateway.rights import SEND, STOP_ALL, require, seen_campaign
from campaigns.gateway.series import end_times, let_times_come, pause_times
from campaigns.models import Campaign
from campaigns.standing import is_between_times
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowAlreadyStarted, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import digest, update_id
from temporal_worker.links import page_link
from temporal_worker.models import ChangeCounter

UPDATE_TIMEOUT = 10.0
"""Seconds within which an update has its answer, or is unavailable."""

_Message = PauseInput | ResumeInput | CancelInput | RateInput


def pause(campaign_id: str, *, user: User, door: Door, reason: str = "", key: str) -> CampaignView:
    """No message begins after the answer. Of a recurring one that waits for a time, none of its times begins anything.

    Raises:
        CampaignNotFound, NotPermitted, InvalidRequest, CampaignRefused, Unavailable
    """
    message = PauseInput(reason.strip(), By(user.username, door))
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    if is_between_times(row):
        with naming_the_field():
            message.check()
        if pause_times(row, user.username, message.reason, _times_key("pause", message, key)) and is_between_times(row):
            return projection.load_view(row)
        # It has ended meanwhile, or its first time has just come: what is true of any other holds.
    return _update(campaign_id, "pause", message, user, key)


def resume(campaign_id: str, *, user: User, door: Door, reason: str = "", key: str) -> CampaignView:
    """A recurring one's times come again with it; of one between two times that is all.

    An occurrence goes on alone: the times of its series come again when somebody resumes the series.
    """
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    if row.first is not None and row.first.times_paused_at is not None and row.status == Campaign.STARTING:
        raise CampaignRefused(
            CampaignRefusal.NOT_PAUSED, f"It starts when the times of its series come again: resume {row.series_id}."
        )
    message = ResumeInput(reason.strip(), By(user.username, door))
    times_key = _times_key("resume", message, key)
    have_come = row.times_resumed_key == times_key  # a repeat: they may have been paused anew since
    if row.first is None and row.times_paused_at is not None and not have_come:
        with naming_the_field():
            message.check()
        let_times_come(row, user.username, times_key)
        have_come = True
    if have_come and row.status != CampaignStatus.PAUSED:
        return projection.load_view(row)
    if is_between_times(row):
        raise CampaignRefused(CampaignRefusal.NOT_PAUSED, "It is not paused; it is scheduled.")
    return _update(campaign_id, "resume", message, user, key)


def _times_key(update: str, message: PauseInput | ResumeInput, key: str) -> str:
    """By which a repeat is known where there is no workflow to know it."""
    return digest(update_id(message.by, key, update, message))


def cancel(campaign_id: str, *, user: User, door: Door, reason: str = "", key: str) -> CampaignView:
    """For good: who has not got it is denied. A recurring one ends with it: no further occurrence begins."""
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    if row.recurs and row.first is None and row.launched_at is not None:
        end_times(row)
        if row.planned_at is None:
            return _cancel_before_the_first(row, reason)
        if row.status in (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED):
            return projection.load_view(row)  # its own time is over; its further ones do not come
    return _update(campaign_id, "cancel", CancelInput(reason.strip(), By(user.username, door)), user, key)


def _cancel_before_the_first(row: Campaign, reason: str) -> CampaignView:
    """A recurring campaign none of whose times has come: there is no workflow to tell."""
    with transaction.atomic():
        change = ChangeCounter.bump(projection.COUNTER)
        rows = Campaign.objects.filter(pk=row.pk, planned_at=None)
        now = timezone.now()
        rows.update(status=CampaignStatus.CANCELLED, reason=reason[:500], closed_at=now, updated_at=now, change=change)
    row.refresh_from_db()
    return projection.load_view(row)


def set_rate(campaign_id: str, *, user: User, door: Door, per_minute: int, key: str) -> CampaignView:
    return _update(campaign_id, "set_rate", RateInput(per_minute, By(user.username, door)), user, key)


def _update(campaign_id: str, update: str, message: _Message, user: User, key: str) -> CampaignView:
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    if row.status == CampaignStatus.DRAFT:
        raise CampaignRefused("draft", "This campaign is a draft: it is not launched yet.")
    with naming_the_field():
        message.check()
    try:
        return client.call(
            client.execute_update(
                campaign_workflow_id(campaign_id),
                update,
                message,
                update_id=update_id(message.by, key, update, message),
                result_type=CampaignView,
                timeout=UPDATE_TIMEOUT,
            ),
            timeout=UPDATE_TIMEOUT + 2,
        )
    except ApplicationError as error:
        raise problem_of(error) from error
    except (WorkflowCompleted, WorkflowNotFound) as error:
        raise _over(campaign_id) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def problem_of(error: ApplicationError) -> CampaignProblem:
    """What a workflow's refusal is here."""
    details = dict(error.details[0]) if error.details and isinstance(error.details[0], dict) else {}
    if error.type == "ValidationError":
        return InvalidRequest(str(details.get("field", "")), error.message)
    return CampaignRefused(error.type or "refused", error.message, details)


def _over(campaign_id: str) -> CampaignProblem:
    """Why a campaign without a running workflow takes no more messages."""
    row = Campaign.objects.filter(campaign_id=campaign_id).first()
    if row is None:
        return CampaignNotFound(campaign_id)
    if row.status == Campaign.STARTING:
        return Unavailable("The campaign has not started yet.", retry_after=2)
    if is_between_times(row):
        before = "its first time has not come" if row.planned_at is None else "its first time is over"
        return CampaignRefused(
            "between_times", f"Nothing of it runs now: {before}, and each later time is a campaign of its own."
        )
    was_cancelled = row.status == CampaignStatus.CANCELLED
    code = CampaignRefusal.CANCELLED if was_cancelled else CampaignRefusal.COMPLETED
    return CampaignRefused(code, f"The campaign is {code.value} already.")


def stop_everything(*, user: User, door: Door, reason: str = "", key: str = "") -> str:
    """Pause all running campaigns at once. Returns the id by which ``read_stop`` tells who stopped.

    Raises:
        NotPermitted, InvalidRequest, Unavailable
    """
    require(user, STOP_ALL)
    name = digest([user.username, key])[:12] if key else secrets.token_hex(6)
    message = StopEverythingInput(f"STOP-{timezone.now():%Y%m%d}-{name}", reason.strip(), By(user.username, door))
    with naming_the_field():
        message.check()
    starting = client.start_workflow(
        STOP_EVERYTHING_WORKFLOW_TYPE,
        message,
        id=stop_workflow_id(message.stop_id),
        task_queue=TASK_QUEUE,
        static_summary=f"{user.username} stops all campaigns"[:200],
        static_details=page_link(f"/campaigns/stop/{message.stop_id}/"),
    )
    try:
        client.call(starting)
    except WorkflowAlreadyStarted:
        return message.stop_id
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    return message.stop_id


def read_stop(stop_id: str, *, user: User) -> StopReport:
    """Who has stopped by now. Raises NotPermitted, CampaignRefused (``unknown_stop``), Unavailable."""
    require(user, STOP_ALL)
    try:
        return client.call(client.query(stop_workflow_id(stop_id), "get_report", result_type=StopReport))
    except WorkflowNotFound as error:
        raise CampaignRefused("unknown_stop", "There was no such stop.") from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def stop_workflow_id(stop_id: str) -> str:
    return f"stop-everything-{stop_id}"
