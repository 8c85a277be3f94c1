"""What is known of one request inside its workflow, and how a change of it is written down. Pure, no effects.

It is kept in the very :class:`ApprovalView` that outsiders see, so that a continue-as-new takes up all of it. Whoever
changes it calls :meth:`Bookkeeping.record`, so that ``version`` grows with each change that a person could see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from approvals.contract import (
    SYSTEM,
    ApprovalInput,
    ApprovalStatus,
    ApprovalView,
    By,
    Change,
    Cover,
    LevelView,
    Notice,
    PolicyLevel,
    TrailEntry,
    TrailKind,
)
from approvals.process.blank import blank_view
from approvals.process.covers import deciders_for, people_who_see

TRAIL_KEPT = 200


@dataclass(frozen=True)
class Origin:
    """Where in the history the running code stands: the update that is being handled, and the last event."""

    update_id: str = ""
    event_id: int = 0


@dataclass(frozen=True)
class Since:
    """What requests did not do in earlier versions, each asked where it comes to that: one from then goes on as it began."""

    escalations_reach_covers: Callable[[], bool] = lambda: True
    covers_begin: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Announcement:
    """Something that people are to be told, once the handler that decided it is through."""

    kind: Notice
    recipients: tuple[str, ...]
    number: int
    text: str = ""


class Bookkeeping:
    """``clock`` gives the workflow's time, ``origin`` its place in the history, ``on_change`` hears of visible changes.

    ``since`` says what a request that began under an earlier version does.
    """

    def __init__(
        self,
        request: ApprovalInput,
        clock: Callable[[], datetime],
        on_change: Callable[[], None],
        origin: Callable[[], Origin] = Origin,
        since: Since | None = None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._origin = origin
        self.since = since or Since()
        self._actions_key: tuple[object, ...] = ()
        self.request = request
        self.policy = request.policy
        self.it = blank_view(request, clock()) if request.resume is None else request.resume
        self.announcements: list[Announcement] = []
        self.stale_cards: set[tuple[int, int]] = set()
        """(round, level) of Slack messages that no longer show how things are."""

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
        return self._in_the_name_of(username, (level or self.level).approvers)

    def escalation_places(self, username: str) -> list[str]:
        """The same of whom the open level has been escalated to; nobody while it has not. An approver has one place only."""
        others = [name for name in self.level.escalate_to if name not in self.level.approvers]
        return self._in_the_name_of(username, others) if self.level.is_escalated else []

    def decides_somewhere(self, username: str) -> bool:
        """Whether somebody decides here, in whichever level: as an approver, in an escalation, or for one who does."""
        return any(self._in_the_name_of(username, [*level.approvers, *level.escalate_to]) for level in self.it.levels)

    def _in_the_name_of(self, username: str, people: Sequence[str]) -> list[str]:
        own = [username] if username in people else []
        return own + [name for name in people if name != username and username in self.covering_for(name)]

    def to_ask(self) -> list[str]:
        """Whoever can decide the open level and has not: its approvers, whom it went to, and who covers for them now."""
        asked: list[str] = []
        for username in self.level.undecided:
            asked += [username, *self.covering_for(username)]
        if self.level.is_escalated:
            asked += [*self.level.escalate_to, *self.covering_escalation()]
        return asked

    def waits_for(self, principal: str) -> bool:
        """Whether somebody's own decision is waited for now, so that who covers for them is told of a hand-over."""
        is_approver = principal in self.level.undecided
        return self.is_asked(principal) and (is_approver or self.since.escalations_reach_covers())

    def is_asked(self, username: str) -> bool:
        """Whether the open level waits for somebody's own decision, or has been escalated to them."""
        is_escalated = self.level.is_escalated and username in self.level.escalate_to
        return username in self.level.undecided or is_escalated

    def covering_escalation(self) -> dict[str, str]:
        """Who decides beside whom the open level escalates to, each with the first person that they do it for."""
        level = self.level
        found: dict[str, str] = {}
        for principal in level.escalate_to:
            for username in self.covering_for(principal):
                if username not in level.escalate_to:
                    found.setdefault(username, principal)
        return found if found and self.since.escalations_reach_covers() else {}

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
            covers_ahead=list(it.covers_ahead),
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
            begins = "Hand-over: whoever covers from then on is told"
            timers += [(cover.starts_at, begins) for cover in self._covers_ahead() if self.is_asked(cover.principal)]
        return {at: what for at, what in timers if at is not None}

    def _covers_ahead(self) -> list[Cover]:
        return [cover for cover in self.it.covers if cover.cover_id in self.it.covers_ahead]

    @property
    def is_too_late(self) -> bool:
        """The deadline has passed, and what it leads to cannot be held up by a decision any more."""
        deadline = self.it.deadline_at
        return deadline is not None and self.now >= deadline and not self.escalates_at_deadline

    @property
    def escalates_at_deadline(self) -> bool:
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
        key = (
            it.status,
            it.state_version,
            len(it.covers),
            len(it.covers_ahead),
            *(len(level.decisions) for level in it.levels),
        )
        if key != self._actions_key or self.level.is_escalated:
            self._actions_key = key
            it.actions_version = it.version
        self._on_change()

    def tell(self, kind: Notice, recipients: Sequence[str], text: str = "") -> None:
        """Announce something to people, each once."""
        people = tuple(dict.fromkeys(person for person in recipients if person))
        if people:
            self.announcements.append(Announcement(kind, people, self.it.version, text))

    def expect(self, covers: Sequence[Cover]) -> bool:
        """Note which of these begin later, for those who cover are told then. False if none does.

        Earlier versions told of a hand-over at once, whenever it began, and of an absence that came with the request never.
        """
        known = {cover.cover_id for cover in covers}
        ahead = [c.cover_id for c in covers if c.starts_at > self.now and c.delegate != self.it.requester]
        self.it.covers_ahead = [cover_id for cover_id in self.it.covers_ahead if cover_id not in known]
        if not ahead or not self.since.covers_begin():
            return False
        self.it.covers_ahead += ahead
        return True

    def take_begun(self) -> list[Cover]:
        """The covers that were expected and have begun. Each is given once."""
        begun = [cover for cover in self._covers_ahead() if cover.starts_at <= self.now]
        over = {cover.cover_id for cover in begun}
        self.it.covers_ahead = [cover_id for cover_id in self.it.covers_ahead if cover_id not in over]
        return begun

    def show_in_slack(self) -> None:
        """The open level's Slack message has to be posted or drawn anew."""
        self.stale_cards.add((self.it.round, self.it.level))

    def know(self, names: dict[str, str]) -> None:
        self.it.names = {**self.it.names, **names}

    def raise_state_version(self, what: str, by: By, text: str, on_behalf_of: str = "") -> None:
        """Content, round, level or policy have changed: whoever decides has to have seen it."""
        self.it.state_version += 1
        self.remember(what, by, text, on_behalf_of)

    def remember(self, what: str, by: By, text: str, on_behalf_of: str) -> None:
        it = self.it
        it.changes.append(Change(it.state_version, what, by.username, on_behalf_of, by.door, self.now, text))
