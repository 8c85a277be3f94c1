"""The state of one request inside its workflow: pure bookkeeping, no effects.

It is kept in the very :class:`ApprovalView` that outsiders see, so that a continue-as-new takes up all of it. Whoever
changes it calls :meth:`record`, so that ``version`` grows with each change that a person could see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from approvals.contract import (
    SYSTEM,
    ApprovalInput,
    ApprovalStatus,
    ApprovalView,
    By,
    Change,
    DecisionView,
    LevelRule,
    LevelView,
    Notice,
    PolicyLevel,
    PolicySnapshot,
    ResubmitInput,
    RoundView,
    TrailEntry,
    TrailKind,
    approval_workflow_id,
)
from approvals.process.covers import deciders_for
from approvals.process.working_hours import next_working_moment

TRAIL_KEPT = 200


@dataclass(frozen=True)
class Origin:
    """Where in the history the running code stands: the update that is being handled, and the last event."""

    update_id: str = ""
    event_id: int = 0


@dataclass(frozen=True)
class Announcement:
    """Something that people are to be told, once the handler that decided it is through."""

    kind: Notice
    recipients: tuple[str, ...]
    number: int
    text: str = ""


class ApprovalState:
    """``clock`` gives the workflow's time, ``origin`` its place in the history, ``on_change`` hears of visible changes."""

    def __init__(
        self,
        request: ApprovalInput,
        clock: Callable[[], datetime],
        on_change: Callable[[], None],
        origin: Callable[[], Origin] = Origin,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._origin = origin
        self._actions_key: tuple[object, ...] = ()
        self.request = request
        self.policy = request.policy
        self.announcements: list[Announcement] = []
        self.stale_cards: set[tuple[int, int]] = set()
        """(round, level) of Slack messages that no longer show how things are."""
        if request.resume is not None:
            self.it = request.resume
        else:
            self.it = _blank(request, clock())
            self._submit()

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> datetime:
        return self._clock()

    @property
    def level(self) -> LevelView:
        return self.it.current_level

    @property
    def rules(self) -> PolicyLevel:
        """The policy's words about the open level."""
        return self.policy.levels[self.it.level - 1]

    @property
    def is_final(self) -> bool:
        return ApprovalStatus(self.it.status).is_final

    def name(self, username: str) -> str:
        return self.it.name_of(username)

    def covering_for(self, principal: str) -> list[str]:
        """Who decides for an approver now, beside them."""
        return deciders_for(principal, self.it.covers, self.now, never=self.it.requester)

    def places(self, username: str, level: LevelView | None = None) -> list[str]:
        """The approvers of a level (the open one) in whose name somebody may decide; their own comes first."""
        approvers = (level or self.level).approvers
        own = [username] if username in approvers else []
        return own + [name for name in approvers if name != username and username in self.covering_for(name)]

    def may_escalate(self, username: str) -> bool:
        """Whether the open level has been escalated to this person."""
        return self.level.is_escalated and username in self.level.escalate_to

    def involved(self) -> set[str]:
        """Everybody who may comment on the request, whoever covers later among them."""
        return people_who_see(self.it, at=None)

    def view(self, trail_after: int = 0) -> ApprovalView:
        """A copy, with the trail's entries after a sequence number (200 at most)."""
        it = self.it
        return replace(
            it,
            names=dict(it.names),
            covers=list(it.covers),
            rounds=list(it.rounds),
            attachments=list(it.attachments),
            participants=list(it.participants),
            changes=list(it.changes),
            levels=[replace(level, decisions=list(level.decisions)) for level in it.levels],
            trail=[entry for entry in it.trail if entry.sequence > trail_after],
        )

    def next_timer(self) -> datetime | None:
        """When something happens by itself next."""
        return min(self._timers(), default=None)

    def next_timer_is(self) -> str:
        """What then happens, for whoever reads the history."""
        timers = self._timers()
        return timers[min(timers)] if timers else ""

    def _timers(self) -> dict[datetime, str]:
        if self.is_final:
            return {}
        timers = [(self.it.deadline_at, "Deadline: the request expires, or its level goes to somebody else")]
        if self.it.status == ApprovalStatus.PENDING:
            timers.append((self.level.escalate_at, "Escalation: somebody else may decide too"))
            timers.append((self.level.remind_at, "Reminder to whoever has to decide"))
        return {at: what for at, what in timers if at is not None}

    @property
    def is_too_late(self) -> bool:
        """The deadline has passed, and what it leads to cannot be held up by a decision any more."""
        deadline = self.it.deadline_at
        return deadline is not None and self.now >= deadline and not self._escalates_at_deadline

    @property
    def _escalates_at_deadline(self) -> bool:
        return (
            self.it.status == ApprovalStatus.PENDING
            and self.level.at_expiry == "escalate"
            and not self.it.deadline_extended
        )

    # ── Writing it down ──────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, what: TrailKind, text: str, *, by: By = SYSTEM, on_behalf_of: str = "", comment: str = "") -> None:
        """Add an entry to the audit trail; counts as a change."""
        it = self.it
        it.version += 1
        it.trail_total += 1
        origin = self._origin()
        it.trail.append(
            TrailEntry(
                sequence=it.trail_total,
                at=self.now,
                who=by.username,
                on_behalf_of=on_behalf_of,
                door=by.door,
                what=what,
                version=it.version,
                state_version=it.state_version,
                round=it.round,
                level=it.level,
                text=text,
                comment=comment,
                update_id=origin.update_id,
                event_id=origin.event_id,
            )
        )
        del it.trail[:-TRAIL_KEPT]
        key = (it.status, it.state_version, len(it.covers), *(len(level.decisions) for level in it.levels))
        if key != self._actions_key or self.level.is_escalated:
            self._actions_key = key
            it.actions_version = it.version
        self._on_change()

    def tell(self, kind: Notice, recipients: Sequence[str], text: str = "") -> None:
        """Announce something to people, each once."""
        people = tuple(dict.fromkeys(person for person in recipients if person))
        if people:
            self.announcements.append(Announcement(kind, people, self.it.version, text))

    def show_in_slack(self) -> None:
        """The open level's Slack message has to be posted or drawn anew."""
        self.stale_cards.add((self.it.round, self.it.level))

    def know(self, names: dict[str, str]) -> None:
        self.it.names = {**self.it.names, **names}

    def raise_state_version(self, what: str, by: By, text: str, on_behalf_of: str = "") -> None:
        """Content, round, level or policy have changed: whoever decides has to have seen it."""
        self.it.state_version += 1
        self._remember(what, by, text, on_behalf_of)

    def _remember(self, what: str, by: By, text: str, on_behalf_of: str) -> None:
        it = self.it
        it.changes.append(Change(it.state_version, what, by.username, on_behalf_of, by.door, self.now, text))

    # ── Rounds and levels ────────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self) -> None:
        request = self.request
        self.raise_state_version("submitted", request.by, "It was asked.")
        self.it.rounds = [self._round(request.by)]
        who = self.name(request.requester)
        self._start_deadline()
        self.record(TrailKind.SUBMITTED, f"{who} asked: {request.title}.", by=request.by)
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
        self.tell(Notice.ASKED, self.to_ask())
        self.show_in_slack()

    def _working_moment(self, seconds: int) -> datetime | None:
        if not seconds:
            return None
        return next_working_moment(self.now + timedelta(seconds=seconds), self.policy.working_hours)

    def to_ask(self) -> list[str]:
        """Whoever can decide the open level and has not: its approvers, and who covers for them now."""
        asked: list[str] = []
        for username in self.level.undecided:
            asked += [username, *self.covering_for(username)]
        if self.level.is_escalated:
            asked += self.level.escalate_to
        return asked

    def decide(self, by: By, approved: bool, comment: str, place: str, *, escalated: bool) -> None:
        """A decision that counts. ``place`` is the approver in whose name it is made."""
        level, behalf = self.level, place if place != by.username else ""
        if behalf and by.username not in self.it.participants:
            self.it.participants.append(by.username)  # sees what they decided, also when they cover no more
        level.decisions.append(DecisionView(by.username, behalf, approved, comment, by.door, self.now, escalated))
        text = f"{self._who(by, behalf)} {'approved' if approved else 'rejected'} {level.name}."
        kind = TrailKind.APPROVED if approved else TrailKind.REJECTED
        self.record(kind, text, by=by, on_behalf_of=behalf, comment=comment)
        self.show_in_slack()
        self._count(by, behalf, text, final=escalated)

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
        self._remember(status, by, text, on_behalf_of)
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

    def want_changes(self, by: By, comment: str) -> None:
        it = self.it
        it.status = ApprovalStatus.CHANGES_REQUESTED
        it.rounds[-1] = replace(it.rounds[-1], changes_wanted=comment, changes_wanted_by=by.username)
        text = f"{self.name(by.username)} asked for changes."
        self.record(TrailKind.CHANGES_REQUESTED, text, by=by, comment=comment)
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
            it.covers += [cover for cover in new.covers if cover.cover_id not in known]
        _take_policy(it, self.policy)
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
        """Do what is due by now: the deadline's consequence, else an escalation, else a reminder."""
        now, level = self.now, self.level
        if self.is_final:
            return
        if self.it.deadline_at is not None and now >= self.it.deadline_at:
            self._pass_deadline()
        elif self.it.status != ApprovalStatus.PENDING:
            return
        elif level.escalate_at is not None and now >= level.escalate_at:
            self._escalate(f"Nobody else had decided {level.name} in time.")
        elif level.remind_at is not None and now >= level.remind_at:
            self._remind()

    def _remind(self) -> None:
        recipients = self.to_ask()
        self.it.reminders += 1
        self.level.remind_at = self._working_moment(self.rules.reminder_seconds)
        names = ", ".join(self.name(username) for username in recipients)
        self.record(TrailKind.REMINDED, f"Reminder sent to {names}.")
        self.tell(Notice.REMINDER, recipients)

    def _escalate(self, reason: str) -> None:
        level = self.level
        level.is_escalated, level.escalate_at = True, None
        names = ", ".join(self.name(username) for username in level.escalate_to)
        self.record(TrailKind.ESCALATED, f"{level.name} was escalated to {names}. {reason}")
        self.tell(Notice.ESCALATED, level.escalate_to)
        self.show_in_slack()

    def _pass_deadline(self) -> None:
        if self._escalates_at_deadline:
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


def people_who_see(view: ApprovalView, at: datetime | None) -> set[str]:
    """Everybody with a part in a request; of those who cover, whoever does at a moment (None: at any)."""
    people = {view.requester, *view.participants}
    for level in view.levels:
        people.update(level.approvers)
        people.update(level.escalate_to)
    covers = [cover for cover in view.covers if at is None or cover.is_active(at)]
    return people | {cover.delegate for cover in covers}


def _blank(request: ApprovalInput, now: datetime) -> ApprovalView:
    view = ApprovalView(
        request_id=request.request_id,
        workflow_id=approval_workflow_id(request.request_id),
        status=ApprovalStatus.PENDING,
        version=0,
        state_version=0,
        kind=request.kind,
        title=request.title,
        amount_cents=request.amount_cents,
        requester=request.requester,
        round=1,
        level=1,
        levels=[],
        deadline_at=None,
        description=request.description,
        currency=request.currency,
        starts_on=request.starts_on,
        ends_on=request.ends_on,
        submitted_at=now,
        names=dict(request.names),
        covers=list(request.covers),
        caller=request.caller,
    )
    _take_policy(view, request.policy)
    return view


def _take_policy(view: ApprovalView, policy: PolicySnapshot) -> None:
    view.levels = [
        LevelView(
            name=level.name,
            rule=level.rule,
            approvers=[seat.username for seat in level.seats],
            decisions=[],
            needed=level.approvals_needed,
            rejections=level.rejections,
            seats=list(level.seats),
            escalate_to=list(level.escalate_to),
            at_expiry=level.at_expiry,
        )
        for level in policy.levels
    ]
    view.policy_id, view.policy_name, view.policy_version = policy.policy_id, policy.name, policy.version
    view.policy_min_cents, view.policy_max_cents = policy.min_cents, policy.max_cents
    view.max_rounds = policy.max_rounds
    view.left_out = list(policy.left_out)
    view.comment_to_reject, view.distinct_levels = policy.comment_to_reject, policy.distinct_levels
    view.slack, view.slack_channel, view.mail = policy.slack, policy.slack_channel, policy.mail
    view.working_zone = policy.working_hours.zone


def counts_once(level: LevelView) -> bool:
    """Whether one person counts once in a level. Where all have to approve, who covers for another votes for both."""
    return level.rule != LevelRule.ALL
