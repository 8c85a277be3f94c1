"""What is true of a campaign, how its time goes, and how it is seen. Reads only; what happens to it is in ``state``."""

from collections.abc import Callable
from datetime import datetime, timedelta

from approvals.contract import ApprovalStatus
from campaigns.contract import (
    CampaignInput,
    CampaignMemory,
    CampaignPhase,
    CampaignProgress,
    CampaignStatus,
    CampaignView,
    Headway,
    RecipientState,
    campaign_workflow_id,
    counts_with_audience,
)
from campaigns.process import pace


class CampaignFacts:
    """``now`` tells the workflow's time, ``memory`` is all that the campaign knows."""

    def __init__(self, request: CampaignInput, memory: CampaignMemory, now: Callable[[], datetime]) -> None:
        self.request, self.it = request, memory
        self.mailing, self.limits = request.mailing, request.limits
        self._now = now

    @property
    def now(self) -> datetime:
        return self._now()

    @property
    def status(self) -> CampaignStatus:
        if self.it.outcome:
            return CampaignStatus(self.it.outcome)
        if self.it.paused:
            return CampaignStatus.PAUSED
        waiting = {
            CampaignPhase.WAITING: CampaignStatus.SCHEDULED,
            CampaignPhase.APPROVAL: CampaignStatus.AWAITING_APPROVAL,
        }
        return waiting.get(CampaignPhase(self.it.phase), CampaignStatus.RUNNING)

    @property
    def is_over(self) -> bool:
        """It will ask for nobody any more; some may still have to be settled."""
        return bool(self.it.outcome)

    @property
    def counts(self) -> dict[str, int]:
        return counts_with_audience(self.it.stock.counts)

    def count(self, *states: RecipientState) -> int:
        return sum(self.it.stock.counts.get(state, 0) for state in states)

    @property
    def pending(self) -> int:
        return self.count(RecipientState.PENDING)

    @property
    def attempts(self) -> int:
        return self.count(RecipientState.SENT, RecipientState.FAILED, RecipientState.UNKNOWN)

    @property
    def is_missed(self) -> bool:
        """Whether this occurrence begins later than it is worth."""
        due, late = self.request.planned_at, self.limits.late_seconds
        return due is not None and late is not None and self.now > due + timedelta(seconds=late)

    @property
    def begins_too_late(self) -> bool:
        """Whether the time at which it was to be sent, once, is longer ago than it is worth."""
        due, late = self.request.starts_at, self.limits.late_seconds
        is_once = self.request.planned_at is None
        return is_once and due is not None and late is not None and self.now > due + timedelta(seconds=late)

    @property
    def needs_approval(self) -> bool:
        above = self.limits.approval_above
        approved = self.it.approval is not None and self.it.approval.status == ApprovalStatus.APPROVED
        return above is not None and self.counts["audience"] > above and not approved

    @property
    def is_past_its_end(self) -> bool:
        return self.mailing.ends_at is not None and self.now >= self.mailing.ends_at

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def sending_seconds(self) -> float:
        """For how long it has been sending, pauses left out."""
        since = self.it.sending_since
        return self.it.sending_seconds + ((self.now - since).total_seconds() if since else 0.0)

    @property
    def seconds_each(self) -> float | None:
        """Seconds of sending per recipient who is through; None before the first."""
        done = self.it.audience - self.pending
        return self.sending_seconds / done if done > 0 and self.it.started_at else None

    def _headway(self, *, messages: int = 0, decided: int = 0) -> Headway:
        return pace.gone_on(self.it.headway, self.sending_seconds, messages=messages, decided=decided)

    @property
    def _is_sending(self) -> bool:
        return self.status == CampaignStatus.RUNNING and self.it.phase == CampaignPhase.SENDING

    @property
    def per_minute(self) -> float | None:
        """Messages a minute that began lately; None while it does not send, or cannot tell yet."""
        return pace.per_minute(self._headway(), self.it.rate_per_minute) if self._is_sending else None

    @property
    def first_pass_at(self) -> datetime | None:
        """When everybody will have been asked for, as it looks now."""
        if not (self._is_sending and self.pending):
            return None
        return self.now + pace.time_for(self._headway(), self.pending, self.it.rate_per_minute)

    @property
    def current_batch(self) -> int:
        """Which batch of the audience is being sent, from 1; 0 before the first message."""
        if self.it.started_at is None:
            return 0
        size = self.limits.batch_size
        return min((self.it.audience - self.pending) // size + 1, -(-self.it.audience // size))

    def finishes_at(self) -> datetime | None:
        """When it will be done, as it looks now."""
        if self.is_over:
            return self.it.closed_at
        if self.it.paused or self.it.phase not in (CampaignPhase.SENDING, CampaignPhase.DEFERRED):
            return None
        asked_at, last = self.first_pass_at or self.now, self.it.stock.last_deferred_at
        return max(asked_at, last) if last is not None else asked_at

    # ── How it is seen ───────────────────────────────────────────────────────────────────────────────────────────────

    def progress(self, version: int) -> CampaignProgress:
        return CampaignProgress(self.status, version, self.counts, dict(self.it.stock.denied_by_reason))

    def view(self, version: int, shards_running: int) -> CampaignView:
        it, mailing = self.it, self.mailing
        return CampaignView(
            campaign_id=mailing.campaign_id,
            workflow_id=campaign_workflow_id(mailing.campaign_id),
            status=self.status,
            version=version,
            counts=self.counts,
            denied_by_reason=dict(it.stock.denied_by_reason),
            rate_per_minute=it.rate_per_minute,
            finishes_at=self.finishes_at(),
            phase=it.phase,
            name=self.request.name,
            series_id=mailing.series_id,
            occurrence=mailing.occurrence,
            channel=mailing.channel,
            category=mailing.category,
            transactional=mailing.transactional,
            reason=it.reason,
            starts_at=self.request.starts_at,
            ends_at=mailing.ends_at,
            started_at=it.started_at,
            closed_at=it.closed_at,
            next_deferred_at=it.stock.next_deferred_at,
            approval=it.approval,
            launched_by=self.request.by,
            actions_version=it.actions_version,
            shards_running=shards_running,
            timeline=list(it.timeline),
            per_minute=self.per_minute,
            first_pass_at=self.first_pass_at,
        )
