"""What people and time make of a request inside its workflow: rounds, levels, decisions, deadlines. Pure, no effects.

What is known of it, and how a change is written down: :mod:`approvals.process.bookkeeping`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from approvals.contract import (
    SYSTEM,
    ApprovalInput,
    ApprovalStatus,
    By,
    DecisionView,
    Notice,
    ResubmitInput,
    RoundView,
    TrailKind,
)
from approvals.process.blank import take_policy
from approvals.process.bookkeeping import Bookkeeping, Origin, Since
from approvals.process.working_hours import next_working_moment


class ApprovalState(Bookkeeping):
    """A new request is asked as this is made; one that goes on in another run goes on as it was."""

    def __init__(
        self,
        request: ApprovalInput,
        clock: Callable[[], datetime],
        on_change: Callable[[], None],
        origin: Callable[[], Origin] = Origin,
        since: Since | None = None,
    ) -> None:
        super().__init__(request, clock, on_change, origin, since)
        if request.resume is None:
            self._submit()

    # ── Rounds and levels ────────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self) -> None:
        request = self.request
        self.raise_state_version("submitted", request.by, "It was asked.")
        self.it.rounds = [self._round(request.by)]
        who = self.name(request.requester)
        self._start_deadline()
        self.record(TrailKind.SUBMITTED, f"{who} asked: {request.title}.", by=request.by)
        self.expect(request.covers)
        for name in self.it.left_out:
            self.record(TrailKind.LEVEL_OPENED, f"{name} was left out: nobody else could decide it.")
        self._open_level(1)

    def _round(self, by: By) -> RoundView:
        it = self.it
        return RoundView(
            number=it.round,
            title=it.title,
            description=it.description,
            amount_cents=it.amount_cents,
            starts_on=it.starts_on,
            ends_on=it.ends_on,
            submitted_at=self.now,
            submitted_by=by,
            state_version=it.state_version,
        )

    def _start_deadline(self) -> None:
        self.it.deadline_at = self.now + timedelta(seconds=self.policy.expires_seconds)
        self.it.deadline_extended = False

    def _open_level(self, number: int) -> None:
        it = self.it
        it.level = number
        level, rules = self.level, self.rules
        level.status, level.opened_at = "open", self.now
        level.remind_at = self._working_moment(rules.reminder_seconds)
        level.escalate_at = self._working_moment(rules.escalation_seconds) if rules.escalate_to else None
        names = ", ".join(self.name(username) for username in level.approvers)
        self.record(TrailKind.LEVEL_OPENED, f"{level.name} was asked: {names}.")
        self.take_begun()  # who covers by now is asked with the others
        self.tell(Notice.ASKED, self.to_ask())
        self.show_in_slack()

    def _working_moment(self, seconds: int) -> datetime | None:
        if not seconds:
            return None
        return next_working_moment(self.now + timedelta(seconds=seconds), self.policy.working_hours)

    def decide(self, by: By, approved: bool, comment: str, place: str, *, escalated: bool) -> None:
        """A decision that counts. ``place`` is the approver in whose name it is made."""
        level, behalf = self.level, self._behalf(by, place)
        level.decisions.append(DecisionView(by.username, behalf, approved, comment, by.door, self.now, escalated))
        text = f"{self._who(by, behalf)} {'approved' if approved else 'rejected'} {level.name}."
        kind = TrailKind.APPROVED if approved else TrailKind.REJECTED
        self.record(kind, text, by=by, on_behalf_of=behalf, comment=comment)
        self.show_in_slack()
        self._count(by, behalf, text, final=escalated)

    def _behalf(self, by: By, place: str) -> str:
        """For whom somebody acts who acts in this person's name, if that is somebody else."""
        if place in ("", by.username):
            return ""
        if by.username not in self.it.participants:
            self.it.participants.append(by.username)  # sees what they did, also when they cover no more
        return place

    def _who(self, by: By, behalf: str) -> str:
        who = self.name(by.username) if by.username else "The deadline"
        return f"{who}, for {self.name(behalf)}," if behalf else who

    def _count(self, by: By, behalf: str, text: str, *, final: bool) -> None:
        """Whether the level is complete, or can not be any more."""
        level = self.level
        rejections = len(level.decisions) - level.approvals
        out_of_reach = level.approvals + len(level.undecided) < level.needed
        if level.decisions[-1].approved and (final or level.approvals >= level.needed):
            self._complete_level(by, behalf, text)
        elif not level.decisions[-1].approved and (final or rejections >= level.rejections or out_of_reach):
            self._close_level("rejected")
            self.end(ApprovalStatus.REJECTED, by, text, behalf)

    def _close_level(self, status: str) -> None:
        level = self.level
        level.status, level.closed_at = status, self.now
        level.remind_at = level.escalate_at = None

    def _complete_level(self, by: By, behalf: str, text: str) -> None:
        self._close_level("approved")
        if self.it.level == len(self.it.levels):
            self.end(ApprovalStatus.APPROVED, by, text, behalf)
        else:
            self.raise_state_version("level", by, text, behalf)
            self._open_level(self.it.level + 1)

    def end(self, status: ApprovalStatus, by: By, text: str, on_behalf_of: str = "") -> None:
        """The request has its outcome."""
        it = self.it
        it.status, it.closed_at, it.deadline_at = status, self.now, None
        self.level.remind_at = self.level.escalate_at = None
        self.remember(status, by, text, on_behalf_of)
        self.record(TrailKind.COMPLETED, f"The request is {status.value}.")
        if status != ApprovalStatus.WITHDRAWN:
            self.tell(Notice.DECIDED, [it.requester])
        self.show_in_slack()

    def withdraw(self, by: By, reason: str) -> None:
        asked = self.to_ask() if self.it.status == ApprovalStatus.PENDING else []
        text = f"{self.name(by.username) or 'Temporal'} withdrew the request."
        self.record(TrailKind.WITHDRAWN, text, by=by, comment=reason)
        self.end(ApprovalStatus.WITHDRAWN, by, text)
        self.tell(Notice.WITHDRAWN, asked, reason)

    # ── What people do beside deciding ───────────────────────────────────────────────────────────────────────────────

    def want_changes(self, by: By, comment: str, place: str = "") -> None:
        """``place`` is the person in whose name they are asked for; nobody: in one's own."""
        it, behalf = self.it, self._behalf(by, place)
        it.status = ApprovalStatus.CHANGES_REQUESTED
        it.rounds[-1] = replace(it.rounds[-1], changes_wanted=comment, changes_wanted_by=by.username)
        text = f"{self._who(by, behalf)} asked for changes."
        self.record(TrailKind.CHANGES_REQUESTED, text, by=by, on_behalf_of=behalf, comment=comment)
        self.tell(Notice.CHANGES_REQUESTED, [it.requester], comment)
        self.show_in_slack()

    def resubmit(self, new: ResubmitInput) -> None:
        """Round n + 1: the content as it is now, no decision yet, the first level again."""
        it = self.it
        void = sum(len(level.decisions) for level in it.levels)
        it.rounds[-1] = replace(it.rounds[-1], decisions=void)
        self.show_in_slack()
        if new.policy is not None:
            self.policy = new.policy
            known = {cover.cover_id for cover in it.covers}
            added = [cover for cover in new.covers if cover.cover_id not in known]
            it.covers += added
            self.expect(added)
        take_policy(it, self.policy)
        self.know(new.names)
        it.title, it.description = new.title, new.description
        it.amount_cents = new.amount_cents
        it.starts_on = it.starts_on if new.starts_on is None else new.starts_on
        it.ends_on = it.ends_on if new.ends_on is None else new.ends_on
        it.round, it.level, it.status = it.round + 1, 1, ApprovalStatus.PENDING
        text = f"{self.name(new.by.username)} asked again; round {it.round} opened."
        self.raise_state_version("resubmitted", new.by, text)
        it.rounds.append(self._round(new.by))
        self._start_deadline()
        self.record(TrailKind.RESUBMITTED, text, by=new.by, comment=new.comment)
        self._open_level(1)

    # ── What time does ───────────────────────────────────────────────────────────────────────────────────────────────

    def let_time_pass(self) -> None:
        """Do what is due by now: the deadline's consequence, else covers begin, and an escalation, else a reminder."""
        now, level = self.now, self.level
        if self.is_final:
            return
        if self.it.deadline_at is not None and now >= self.it.deadline_at:
            self._pass_deadline()
            return
        if self.it.status != ApprovalStatus.PENDING:
            return
        self._begin_covers()
        if level.escalate_at is not None and now >= level.escalate_at:
            self._escalate(f"Nobody else had decided {level.name} in time.")
        elif level.remind_at is not None and now >= level.remind_at:
            self._remind()

    def _begin_covers(self) -> None:
        for cover in self.take_begun():
            if not self.is_asked(cover.principal) or cover.delegate not in self.covering_for(cover.principal):
                continue
            text = f"{self.name(cover.delegate)} decides for {self.name(cover.principal)} from now on."
            self.record(TrailKind.DELEGATED, text, on_behalf_of=cover.principal)
            self.tell(Notice.DELEGATED, [cover.delegate], cover.reason)

    def _remind(self) -> None:
        recipients = self.to_ask()
        self.it.reminders += 1
        self.level.remind_at = self._working_moment(self.rules.reminder_seconds)
        names = ", ".join(self.name(username) for username in recipients)
        self.record(TrailKind.REMINDED, f"Reminder sent to {names}.")
        self.tell(Notice.REMINDER, recipients)

    def _escalate(self, reason: str) -> None:
        level = self.level
        self._begin_covers()  # who covers by now for whom it goes to is told with them
        level.is_escalated, level.escalate_at = True, None
        names = ", ".join(self.name(username) for username in level.escalate_to)
        self.record(TrailKind.ESCALATED, f"{level.name} was escalated to {names}. {reason}")
        self.tell(Notice.ESCALATED, level.escalate_to)
        for username, principal in self.covering_escalation().items():
            self.tell(Notice.ESCALATED, [username], self.name(principal))
        self.show_in_slack()

    def _pass_deadline(self) -> None:
        if self.escalates_at_deadline:
            self._extend()
        elif self.it.status == ApprovalStatus.PENDING and self.level.at_expiry == "approve":
            text = f"{self.level.name} was approved by waiting, as its policy says."
            self.record(TrailKind.APPROVED, text)
            self._start_deadline()
            self._complete_level(SYSTEM, "", text)
        elif self.it.status == ApprovalStatus.PENDING and self.level.at_expiry == "reject":
            text = "Nobody decided in time; its policy rejects then."
            self.record(TrailKind.REJECTED, text)
            self._close_level("rejected")
            self.end(ApprovalStatus.REJECTED, SYSTEM, text)
        else:
            text = "Nobody decided in time."
            self.record(TrailKind.EXPIRED, text)
            self.end(ApprovalStatus.EXPIRED, SYSTEM, text)

    def _extend(self) -> None:
        """Escalated at the deadline, once: whom it went to gets as long again as the level had before escalating."""
        it = self.it
        more = timedelta(seconds=self.rules.escalation_seconds or self.policy.expires_seconds)
        it.deadline_at, it.deadline_extended = self.now + more, True
        self.record(TrailKind.EXTENDED, "The deadline passed; it was put off once, for an escalation.")
        if not self.level.is_escalated:
            self._escalate("The deadline had passed.")
