"""How a campaign is seen: what its queries and updates answer, what is saved, and what it returns."""

from dataclasses import dataclass, field
from datetime import datetime

from campaigns.contract.campaigns import CampaignEntry, CampaignPhase, LaunchApproval
from campaigns.contract.words import RecipientState
from temporal_worker.contract import By


@dataclass(frozen=True)
class CampaignProgress:
    """Answer of ``get_progress``. ``counts`` is ``{audience, sent, deferred, denied, failed, unknown, pending}``."""

    status: str
    version: int
    counts: dict[str, int]
    denied_by_reason: dict[str, int]


@dataclass(frozen=True)
class DashboardData:
    """Answer of ``get_dashboard_data``.

    ``total_processed`` is everybody who is neither pending nor deferred. ``current_batch`` is the number of the batch that is
    being sent – from 1, the audience in batches of the size that it was launched with –, 0 before the first message, the last
    one's in the end. ``average_processing_time`` is seconds of sending per processed recipient, None before the first.
    """

    total_processed: int
    total_failed: int
    current_batch: int
    average_processing_time: float | None
    estimated_completion: datetime | None


@dataclass
class CampaignView:
    """The campaign as everybody outside sees it: the answer of ``get_state`` and of its updates, and what is saved.

    ``counts`` as in :class:`CampaignProgress`: the first is always the sum of the others. ``finishes_at`` is when it will
    be done, as it looks now; None while nobody can tell. ``timeline`` holds its last 20 entries, the newest last.
    """

    campaign_id: str
    workflow_id: str
    status: str
    version: int
    counts: dict[str, int]
    denied_by_reason: dict[str, int]
    rate_per_minute: int
    finishes_at: datetime | None
    phase: str = CampaignPhase.WAITING
    name: str = ""
    series_id: str = ""
    occurrence: int = 1
    channel: str = ""
    category: str = ""
    transactional: bool = False
    reason: str = ""
    """Why it is paused or was cancelled."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    started_at: datetime | None = None
    """When it began to send."""
    closed_at: datetime | None = None
    next_deferred_at: datetime | None = None
    approval: LaunchApproval | None = None
    launched_by: By = field(default_factory=By)
    actions_version: int = 0
    """Grows when what people may do changes: with status and rate."""
    shards_running: int = 0
    timeline: list[CampaignEntry] = field(default_factory=list)
    per_minute: float | None = None
    """Messages a minute that began lately (sent, failed or unknown); None while it does not send, or cannot tell yet."""
    first_pass_at: datetime | None = None
    """When everybody will have been asked for, as it looks now; None while it does not send."""


@dataclass(frozen=True)
class CampaignResult:
    """What a finished campaign's workflow returns."""

    campaign_id: str
    status: str
    counts: dict[str, int]
    denied_by_reason: dict[str, int]
    reason: str = ""


def counts_with_audience(counts: dict[str, int]) -> dict[str, int]:
    """``{audience, sent, …}`` from counts by state; the audience is their sum, so that the line adds up."""
    states = {state.value: counts.get(state.value, 0) for state in RecipientState}
    return {"audience": sum(states.values()), **states}
