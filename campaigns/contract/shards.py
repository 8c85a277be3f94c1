"""What a campaign's shards are told and answer: each is a child workflow for a range of the audience."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.contract.campaigns import Mailing, Positions


@dataclass(frozen=True)
class ShardInput:
    """What ``CampaignShardWorkflow`` starts from: a range of the audience, or – with ``due_by`` – those of it who are
    deferred to that moment or before.

    ``rate_per_minute`` is this shard's part; 0: it waits for more.
    """

    mailing: Mailing
    number: int
    positions: Positions
    gate: int
    rate_per_minute: int
    batch_size: int = 100
    batch_attempts: int = 30
    due_by: datetime | None = None
    pause_error_percent: int = 0
    pause_error_least: int = 1
    renew_after: int = 0
    next_send_at: datetime | None = None


@dataclass(frozen=True)
class ShardPace:
    """Signal ``set_pace``: the shard's part of the rate from now on."""

    rate_per_minute: int


@dataclass(frozen=True)
class ShardEnd:
    """Signal ``wind_up``: the shard answers after its batch, or with ``at_once`` after the messages that are under way."""

    at_once: bool = False


@dataclass(frozen=True)
class ShardResult:
    """``stopped`` is a :class:`StopReason`; unless it is empty, the positions from ``next_position`` on are not done.

    ``gate`` is the one that the last batch found in the database.
    """

    next_position: int
    stopped: str = ""
    reason: str = ""
    gate: int = 0
