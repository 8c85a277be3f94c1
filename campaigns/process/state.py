"""A campaign in memory: what each thing that happens makes of it. What is true of it is in ``facts``. Knows no Temporal."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from approvals.contract import ApprovalResult, ApprovalStatus
from campaigns.contract import (
    CampaignEntry,
    CampaignEvent,
    CampaignInput,
    CampaignMemory,
    CampaignPhase,
    CampaignStatus,
    CloseCode,
    LaunchApproval,
    RecipientState,
    Stock,
    Tried,
)
from campaigns.process import pace
from campaigns.process.facts import CampaignFacts
from campaigns.process.failures import latest_failures, remembered
from temporal_worker.contract import By

TIMELINE = 20
"""Entries of the timeline that are kept; the newest tell why it stands where it does."""
ANSWERED = 50
"""Ids of actions that are remembered, so that one asked again is answered and not done again."""


class CampaignState(CampaignFacts):
    """``now`` tells the workflow's time; ``touch`` is called after each change that a person could see."""

    def __init__(self, request: CampaignInput, now: Callable[[], datetime], touch: Callable[[], None]) -> None:
        super().__init__(request, request.resume or CampaignMemory(rate_per_minute=request.rate_per_minute), now)
        self._touch = touch
        self.resumed = self.sends_since = 0
        """How often it was resumed, and of which of these the shards are that send. What was counted before they began is
        about the time before: a person who resumes it has seen those failures."""
        if request.resume is None:
            self.record(CampaignEvent.LAUNCHED, f"{_name(request.by)} launched it.", request.by)

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
            self.it.headway = pace.at_another_rate(self.it.headway)
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

    def take(
        self, stock: Stock, *, is_of_before: bool = False, looks_at_latest: Callable[[], bool] = lambda: True
    ) -> bool:
        """Where the recipients stand now; True when something has changed. Too many failures pause the campaign.

        ``is_of_before``: the counting began before anything was sent since somebody resumed it. ``looks_at_latest`` is asked
        when only the latest messages would pause it.
        """
        if stock == self.it.stock:
            return False
        attempts, pending = self.attempts, self.pending
        self.it.stock = stock
        self.it.headway = self._headway(messages=self.attempts - attempts, decided=pending - self.pending)
        self._touch()
        if is_of_before:
            self._count_failures_from_here()
            return True
        self.it.tried = remembered(self.it.tried, self._tried(), self.limits)
        reason = self.too_many_failures()
        latest = latest_failures(self.it.tried, self.limits) if self.pending else ""
        if not reason and latest and looks_at_latest():
            reason = latest
        if reason:
            self.pause_by_itself(reason)
        return True

    def _tried(self) -> Tried:
        troubled = self.count(RecipientState.FAILED, RecipientState.UNKNOWN) - self.it.stock.crashed
        return Tried(self.attempts, troubled)

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

    def of_the_next_run(self, version: int) -> CampaignInput:
        """What the run after this one starts from."""
        self.it.version, self.it.run = version, self.it.run + 1
        return replace(self.request, rate_per_minute=self.it.rate_per_minute, resume=self.it)

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
        self.it.tried = [self._tried()]

    def _start_the_clock(self) -> None:
        if self.it.phase == CampaignPhase.SENDING and not self.it.paused and self.it.sending_since is None:
            self.it.sending_since = self.now

    def _stop_the_clock(self) -> None:
        self.it.sending_seconds = self.sending_seconds
        self.it.sending_since = None


def _name(by: By) -> str:
    return by.username or "Somebody at Temporal's command line"


def _because(reason: str) -> str:
    return f": {reason.strip().rstrip('.')}." if reason.strip() else "."
