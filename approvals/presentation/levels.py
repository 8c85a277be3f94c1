"""Who decides: the levels in their order, with each approver's place in them."""

from dataclasses import dataclass
from datetime import datetime

from approvals.contract import ApprovalStatus, ApprovalView, DecisionView, LevelRule, LevelView
from approvals.presentation.words import BY_DOOR
from approvals.process.covers import deciders_for
from dashboard.phrases import number_word

DONE, NOW, STOPPED, AHEAD = "done", "now", "stopped", ""


@dataclass(frozen=True)
class Voter:
    """A place of a level. ``word`` and ``mark`` say how it stands while nobody has taken it."""

    username: str
    name: str
    behalf: str = ""
    said: str = ""
    comment: str = ""
    at: datetime | None = None
    mark: str = ""
    word: str = ""
    note: str = ""


@dataclass(frozen=True)
class LevelMark:
    """``state`` is done, now, stopped (it was rejected here) or empty for what is ahead."""

    number: int
    name: str
    rule: str
    state: str
    voters: tuple[Voter, ...]


def levels_of(view: ApprovalView, now: datetime) -> list[LevelMark]:
    return [
        LevelMark(
            number=number,
            name=level.name,
            rule=_rule_words(view, level, number),
            state=_state(view, level, number),
            voters=tuple(_voters(view, level, number, now)),
        )
        for number, level in enumerate(view.levels, start=1)
    ]


def rule_words(rule: str, needed: int, people: int) -> str:
    """``any one of 2``, ``all 3``, ``2 of 3``."""
    if rule == LevelRule.ALL:
        return f"all {people}" if people > 1 else "one person"
    if rule == LevelRule.ANY or needed == 1:
        return f"any one of {people}" if people > 1 else "one person"
    return f"{needed} of {people}"


def _rule_words(view: ApprovalView, level: LevelView, number: int) -> str:
    words = rule_words(level.rule, level.needed, len(level.approvers))
    left = level.needed - level.approvals
    if view.status == ApprovalStatus.PENDING and number == view.level and level.approvals and left > 0:
        words += f", {number_word(left)} to go"
    return words


def _state(view: ApprovalView, level: LevelView, number: int) -> str:
    if level.status == "approved":
        return DONE
    if level.status == "rejected":
        return STOPPED
    return NOW if number == view.level and view.status == ApprovalStatus.PENDING else AHEAD


def _voters(view: ApprovalView, level: LevelView, number: int, now: datetime) -> list[Voter]:
    found = [_decided(view, one) for one in level.decisions]
    found += [_waiting(view, level, number, username, now) for username in level.undecided]
    if level.is_escalated and level.status == "open":
        found += [
            Voter(username, view.name_of(username), mark="warn", word="May decide alone", note=note)
            for username in level.escalate_to
            for note in [", ".join(filter(None, ["escalated to", _covered_by(view, username, now)]))]
        ]
    return found


def _decided(view: ApprovalView, one: DecisionView) -> Voter:
    verb = "approved" if one.approved else "rejected"
    return Voter(
        username=one.approver,
        name=view.name_of(one.approver),
        behalf=view.name_of(one.on_behalf_of) if one.on_behalf_of else "",
        said=f"{verb} {BY_DOOR.get(one.door, one.door)}{', after the escalation' if one.escalated else ''}",
        comment=one.comment,
        at=one.at,
        mark="ok" if one.approved else "bad",
    )


def _waiting(view: ApprovalView, level: LevelView, number: int, username: str, now: datetime) -> Voter:
    note = _covered_by(view, username, now)
    via = next((seat.via for seat in level.seats if seat.username == username), "")
    note = note or ("as manager" if via == "manager" else f"of {via}" if via not in {"", "user"} else "")
    mark, word = "", "Not yet asked"
    if level.status in {"approved", "rejected"} or ApprovalStatus(view.status).is_final:
        word = "Was not needed"
    elif view.status == ApprovalStatus.CHANGES_REQUESTED:
        word = "Decides after the change"
    elif number == view.level:
        mark, word = "idle", "Waiting"
    return Voter(username, view.name_of(username), mark=mark, word=word, note=note)


def _covered_by(view: ApprovalView, username: str, now: datetime) -> str:
    covering = deciders_for(username, view.covers, now, never=view.requester)
    return f"covered by {', '.join(view.name_of(one) for one in covering)}" if covering else ""
