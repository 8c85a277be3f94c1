"""What a campaign's activities are given and answer. All of them may run more than once, and at once with themselves.

| activity | input | answer |
|---|---|---|
| ``snapshot_audience`` | Mailing | Stock |
| ``ask_launch_approval`` | ApprovalAsk | str, the request's id |
| ``withdraw_launch_approval`` | ApprovalWithdrawal | – |
| ``close_gate`` | GateInput | int, the row's gate |
| ``send_batch`` | BatchInput | BatchResult |
| ``count_recipients`` | campaign_id | Stock |
| ``close_recipients`` | CloseInput | Stock |
| ``save_campaign`` | CampaignView | – |
| ``list_running_campaigns`` | – | list[str], workflow ids |
| ``hold_campaign`` | HoldInput | bool, whether there was anything to stop |
| ``pause_recurring`` | str, why | list[StopEntry] |
| ``start_occurrence`` | OccurrenceRequest | str, a workflow id |

**The gate** is how a pause is exact. A campaign's row has a number ``gate``, 0 at first, that only ever grows. A batch
carries the gate for which it was started, and an intent is only committed – in the intent's own transaction – while the
row's gate is that very number. Pausing closes the gate: the workflow counts it up, ``close_gate`` writes it, and only then
the pause is answered; resuming starts batches for the new gate. A batch of before, wherever it still runs, sends nothing.

``snapshot_audience`` and ``send_batch`` heartbeat every second or oftener. A batch that is cancelled begins no message,
lets those under way end, and answers with ``stopped`` = ``asked``.

An ``ApplicationError`` of a type in ``HOPELESS`` is not tried again: the campaign pauses with its words as the reason.
Anything else is tried again; a batch's until ``batch_attempts`` are spent, then the campaign pauses. Of actors that do not
answer a batch only fails when it has settled nobody: one that has answers with that, and the next one has all its attempts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from campaigns.contract.campaigns import Mailing, Positions

MISSING_VARIABLES = "MissingVariables"
"""The type of the failure of ``snapshot_audience`` when some of the recipients have not what the texts need."""
HOPELESS = (
    "PermanentError",
    "ValidationError",
    "NotFound",
    "TextsChanged",
    "ChannelOff",
    "AudienceTooLarge",
    "NoPolicy",
    MISSING_VARIABLES,
)
"""Types of failures that trying again does not mend."""


class StopReason(StrEnum):
    """Why a batch or a shard ended before its range was done."""

    ASKED = "asked"
    """The campaign wanted it."""
    TIME = "time"
    """The batch's ``seconds`` are over; the next one goes on. Not of shards."""
    UNREACHED = "unreached"
    """Others are settled, and some actors did not answer; the next one goes on, with those again. Not of shards."""
    HALTED = "halted"
    """The gate is another one than the batch was started for."""
    ERRORS = "errors"
    """Too many failures in this batch: the campaign is to pause."""
    FAILED = "failed"
    """The activity could not be made to run. Of shards."""


@dataclass(frozen=True)
class BatchInput:
    """Up to ``limit`` recipients, in the order of their positions: those of ``positions`` who are pending – or, with
    ``due_by``, those who are deferred and whose ``next_at`` is ``due_by`` or before.

    Whoever is settled is not among them, so a repeat – after a crash, a pause, a lost answer – does only what is left.
    A pending recipient with an intent that has no outcome is left over from a crash: it becomes ``unknown``.

    No message begins before ``next_send_at``, and then ``rate_per_minute`` of them a minute, evenly; who is refused takes
    no turn. After ``seconds`` no further recipient is taken up, and none is waited for: rather than to sleep longer than
    that until the next turn, the batch answers. ``pause_error_percent`` and ``_least`` as in
    :class:`~campaigns.contract.campaigns.CampaignLimits`, for the attempts of this one batch; 0: never.

    Who is not allowed now becomes ``deferred`` to the decision's ``next_allowed_at`` if the mailing defers and that moment
    is before ``mailing.ends_at``, else ``denied`` with the decision's code. A deferred one is asked for again under the
    same grant id; one whose grant was released, under the next.
    """

    mailing: Mailing
    positions: Positions
    limit: int
    gate: int
    rate_per_minute: int
    seconds: float = 10.0
    due_by: datetime | None = None
    next_send_at: datetime | None = None
    pause_error_percent: int = 0
    pause_error_least: int = 1


@dataclass(frozen=True)
class BatchResult:
    """Every recipient that the batch was to take up and whose position is below ``next_position`` is settled or deferred.

    ``next_position`` is ``positions.last + 1`` when nobody is left. ``stopped`` is a :class:`StopReason`, empty when
    ``limit`` or the range's end was reached; then ``reason`` says more. ``gate`` is the row's, as last seen.
    ``next_send_at`` is when the next message may begin by the rate. ``attempted`` and ``failed`` are this run's sends;
    ``settled`` is how many recipients it has settled or deferred. Where somebody is left at ``positions.first`` it alone
    tells of headway.
    """

    next_position: int
    stopped: str = ""
    reason: str = ""
    gate: int = 0
    next_send_at: datetime | None = None
    attempted: int = 0
    failed: int = 0
    settled: int = 0


@dataclass(frozen=True)
class GateInput:
    """``close_gate``: raises the campaign's gate to ``gate`` at least, in a committed transaction; answers what it is."""

    campaign_id: str
    gate: int


class CloseCode(StrEnum):
    """Why recipients of a campaign that is over did not get it."""

    CANCELLED = "campaign_cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class CloseInput:
    """``close_recipients``: no batch runs any more. A recipient with an intent that has no outcome becomes ``unknown``;
    everybody else who is pending or deferred becomes ``denied`` with ``code``, a :class:`CloseCode`."""

    campaign_id: str
    code: str


@dataclass(frozen=True)
class ApprovalAsk:
    """``ask_launch_approval``: asks in ``username``'s name for a request of the kind ``campaign``, once for each
    campaign, with ``caller`` = (``workflow_id``, ``approval_decided``); answers the request's id.

    The campaign is signalled an ``ApprovalResult``. No policy for it is a failure of the type ``NoPolicy``.
    """

    campaign_id: str
    workflow_id: str
    username: str
    audience: int
    name: str = ""
    approval_above: int = 0


@dataclass(frozen=True)
class ApprovalWithdrawal:
    """``withdraw_launch_approval``: the campaign is over before its approval was decided. One that is decided is let be."""

    request_id: str
    username: str
    reason: str


@dataclass(frozen=True)
class OccurrenceRequest:
    """``start_occurrence``: the next occurrence of a recurring campaign, due at ``planned_at``: its row and its workflow
    ``campaign-<series_id>-<n>``, once for each ``planned_at``. Answers the workflow's id, or nothing when the series has
    ended."""

    series_id: str
    planned_at: datetime
