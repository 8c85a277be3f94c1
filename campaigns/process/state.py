"""The campaign itself: what is true of it, and what each thing that happens makes of it. Knows no Temporal."""

from collections.abc import Callable
from datetime import datetime, timedelta

from approvals.contract import ApprovalResult, ApprovalStatus
from campaigns.contract import (
    CampaignEntry,
    CampaignEvent,
    CampaignInput,
    CampaignMemory,
    CampaignPhase,
    CampaignProgress,
    CampaignStatus,
    CampaignView,
    CloseCode,
    LaunchApproval,
    RecipientState,
    Stock,
    campaign_workflow_id,
    counts_with_audience,
)
from temporal_worker.contract import By

TIMELINE = 20
"""Entries of the timeline that are kept; the newest tell why it stands where it does."""
ANSWERED = 50
"""Ids of actions that are remembered, so that one asked again is answered and not done again."""


class CampaignState:
    """``now`` tells the workflow's time; ``touch`` is called after each change that a person could see."""

    def __init__(self, request: CampaignInput, now: Callable[[], datetime], touch: Callable[[], None]) -> None:
        self.request = request
        self.mailing, self.limits = request.mailing, request.limits
        self._now, self._touch = now, touch
        self.resumed = self.sends_since = 0
        """How often it was resumed, and of which of these the shards are that send. What was counted before they began is
        about the time before: a person who resumes it has seen those failures."""
        if request.resume is None:
            self.it = CampaignMemory(rate_per_minute=request.rate_per_minute)
            self.record(CampaignEvent.LAUNCHED, f"{_name(request.by)} launched it.", request.by)
        else:
            self.it = request.resume

    @property
    def now(self) -> datetime:
        return self._now()

    # ── What is true ─────────────────────────────────────────────────────────────────────────────────────────────────

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

    # ── What happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, what: CampaignEvent, text: str, by: By | None = None) -> None:
        self.it.timeline = [*self.it.timeline, CampaignEntry(self.now, what, text[:500], by)][-TIMELINE:]
        self._touch()

    def enter(self, phase: CampaignPhase) -> None:
        if self.it.phase != phase:
            self._stop_the_clock()
            self.it.phase = phase
            self._start_the_clock()
            self._changed()

    def pause(self, by: By, reason: str) -> None:
        self._pause(f"{_name(by)} paused it{_because(reason)}", reason, CampaignEvent.PAUSED, by)

    def stop(self, requested_by: str, reason: str) -> None:
        by = By(requested_by)
        self._pause(f"{_name(by)} stopped everything{_because(reason)}", reason, CampaignEvent.STOPPED, by)

    def pause_by_itself(self, reason: str) -> None:
        if not (self.it.paused or self.is_over):
            self._pause(f"Paused by itself: {reason}", reason, CampaignEvent.PAUSED_BY_ITSELF, None)

    def _pause(self, text: str, reason: str, what: CampaignEvent, by: By | None) -> None:
        self._stop_the_clock()
        self.it.paused = True
        self.it.reason = reason[:500]
        self.it.gate += 1
        self._changed()
        self.record(what, text, by)

    def resume(self, by: By, reason: str) -> None:
        self.it.paused = False
        self.it.reason = ""
        self.resumed += 1
        self._count_failures_from_here()
        self._start_the_clock()
        self._changed()
        self.record(CampaignEvent.RESUMED, f"{_name(by)} resumed it{_because(reason)}", by)

    def set_rate(self, by: By, per_minute: int) -> None:
        before, self.it.rate_per_minute = self.it.rate_per_minute, per_minute
        if per_minute != before:
            self._changed()
            self.record(CampaignEvent.RATE_SET, f"{_name(by)} set {before:,} → {per_minute:,} messages a minute.", by)

    def cancel(self, by: By, reason: str) -> None:
        text = f"{_name(by)} cancelled it{_because(reason)}"
        self._end(CampaignStatus.CANCELLED, CloseCode.CANCELLED, reason, CampaignEvent.CANCELLED, text, by)

    def skip(self) -> None:
        due = self.request.planned_at or self.request.starts_at
        reason = (
            f"It was due at {due:%Y-%m-%d %H:%M} UTC and could not begin within {self.limits.late_seconds:,} seconds."
        )
        self._end(CampaignStatus.CANCELLED, CloseCode.CANCELLED, reason, CampaignEvent.SKIPPED, f"Skipped. {reason}")

    def expire(self) -> None:
        """Its end date has come; who has not got it, does not."""
        text = "Its end date came."
        self._end(CampaignStatus.COMPLETED, CloseCode.EXPIRED, text, CampaignEvent.ENDED, text)

    def complete(self) -> None:
        self._end(CampaignStatus.COMPLETED, CloseCode.EXPIRED, "", CampaignEvent.COMPLETED, "Everybody was asked for.")

    def _end(
        self,
        outcome: CampaignStatus,
        code: CloseCode,
        reason: str,
        what: CampaignEvent,
        text: str,
        by: By | None = None,
    ) -> None:
        self._stop_the_clock()
        self.it.outcome, self.it.outcome_code = outcome, code
        self.it.paused = False
        self.it.reason = reason[:500]
        self.it.gate += 1
        self.it.phase = CampaignPhase.CLOSING
        self._changed()
        self.record(what, text, by)

    def close(self) -> None:
        self.it.phase = CampaignPhase.CLOSED
        self.it.closed_at = self.now
        self._changed()

    def fix_audience(self, stock: Stock) -> None:
        self.it.stock = stock
        self.it.audience = self.counts["audience"]
        self.record(CampaignEvent.AUDIENCE_FIXED, f"{self.it.audience:,} recipients.")

    def begin(self) -> None:
        """The first message may go out."""
        self.it.started_at = self.now
        self._count_failures_from_here()
        self.enter(CampaignPhase.SENDING)
        self.record(CampaignEvent.STARTED, "It began to send.")

    def sends_on(self) -> None:
        """Shards are about to begin."""
        self.sends_since = self.resumed

    def take(self, stock: Stock, *, is_of_before: bool = False) -> bool:
        """Where the recipients stand now; True when something has changed. Too many failures pause the campaign.

        ``is_of_before``: the counting began before anything was sent since somebody resumed it.
        """
        if stock == self.it.stock:
            return False
        self.it.stock = stock
        self._touch()
        if is_of_before:
            self._count_failures_from_here()
        elif reason := self.too_many_failures():
            self.pause_by_itself(reason)
        return True

    def too_many_failures(self) -> str:
        """Why it has to pause; empty when it has not."""
        limits = self.limits
        failed = self.count(RecipientState.FAILED) - self.it.failed_before
        attempts = self.attempts - self.it.attempts_before
        enough = failed >= limits.pause_error_least and failed * 100 >= limits.pause_error_percent * attempts
        if not (limits.pause_error_percent and enough):
            return ""
        return f"{failed:,} of {attempts:,} messages failed ({failed * 100 // max(attempts, 1)} %)."

    def approval_asked(self, request_id: str) -> None:
        self.it.approval = LaunchApproval(request_id=request_id)
        self.record(CampaignEvent.APPROVAL_ASKED, f"{request_id} asks to send to {self.it.audience:,} recipients.")

    def decided(self, result: ApprovalResult) -> None:
        who = ", ".join(result.decided_by)
        self.it.approval = LaunchApproval(result.request_id, result.status, result.decided_by, result.comment)
        if result.status == ApprovalStatus.APPROVED:
            self._changed()
            self.record(CampaignEvent.APPROVED, f"{result.request_id} was approved{f' by {who}' if who else ''}.")
            return
        words = f"{result.status} by {who}" if who and result.status == ApprovalStatus.REJECTED else result.status
        reason = f"{result.request_id} was {words}{_because(result.comment)}"
        self._end(
            CampaignStatus.CANCELLED, CloseCode.CANCELLED, reason, CampaignEvent.NOT_APPROVED, f"Not approved: {reason}"
        )

    def first_time(self, update_id: str) -> bool:
        """Whether an action comes for the first time; it is remembered as done."""
        if update_id in self.it.answered:
            return False
        self.it.answered = [*self.it.answered, update_id][-ANSWERED:]
        return True

    def _changed(self) -> None:
        self.it.actions_version += 1
        self._touch()

    def _count_failures_from_here(self) -> None:
        self.it.failed_before = self.count(RecipientState.FAILED)
        self.it.attempts_before = self.attempts

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start_the_clock(self) -> None:
        if self.it.phase == CampaignPhase.SENDING and not self.it.paused and self.it.sending_since is None:
            self.it.sending_since = self.now

    def _stop_the_clock(self) -> None:
        self.it.sending_seconds = self.sending_seconds
        self.it.sending_since = None

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

    def finishes_at(self) -> datetime | None:
        """When it will be done, as it looks now: by its rate, or by its own pace so far when that is slower."""
        if self.is_over:
            return self.it.closed_at
        if self.it.paused or self.it.phase not in (CampaignPhase.SENDING, CampaignPhase.DEFERRED):
            return None
        each = max(60 / self.it.rate_per_minute, self.seconds_each or 0.0)
        by_pace = self.now + timedelta(seconds=self.pending * each)
        last = self.it.stock.last_deferred_at
        return max(by_pace, last) if last is not None else by_pace

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
        )


def _name(by: By) -> str:
    return by.username or "Somebody at Temporal's command line"


def _because(reason: str) -> str:
    return f": {reason.strip().rstrip('.')}." if reason.strip() else "."
