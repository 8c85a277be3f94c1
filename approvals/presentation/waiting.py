"""Who is to decide, and why it is not decided yet: the sentence in a list, and at the head of the request's page."""

from collections.abc import Sequence
from datetime import datetime

from approvals.contract import ApprovalStatus, ApprovalView, Cover, DecisionView, LevelView
from approvals.process.covers import deciders_for
from dashboard.phrases import Part, listed, number_word, somebody, strong, text, when

MOST_NAMES = 4
"""More people than this are counted instead of named."""


def lede_of(view: ApprovalView, now: datetime) -> list[Part]:
    """The sentence that answers the page's question; strong words first."""
    match ApprovalStatus(view.status):
        case ApprovalStatus.PENDING:
            first, *rest = _sentences(view, now)
            return [*(_strong(part) for part in first), *(part for one in rest for part in one)]
        case ApprovalStatus.CHANGES_REQUESTED:
            wanted_by = view.rounds[-1].changes_wanted_by
            return [
                strong("Waits for "),
                _person(view, view.requester, strong=True),
                strong(" to ask again."),
                text(" Changes were asked for by "),
                _person(view, wanted_by),
                text("; until then nobody can decide."),
            ]
    return _ending(view)


def blocker_of(view: ApprovalView, now: datetime, me: str = "") -> list[Part]:
    """Who is blocking and why, in one line, said to ``me``."""
    match ApprovalStatus(view.status):
        case ApprovalStatus.PENDING:
            return [part for sentence in _sentences(view, now, me) for part in sentence]
        case ApprovalStatus.CHANGES_REQUESTED:
            by = _person(view, view.rounds[-1].changes_wanted_by)
            return [
                text("Waits for "),
                _person(view, view.requester),
                text(": changes were asked for by "),
                by,
                text("."),
            ]
    return [text(part.text) if part.strong else part for part in _ending(view)]


def _sentences(view: ApprovalView, now: datetime, me: str = "") -> list[list[Part]]:
    level = view.current_level
    return [
        [text("Waits for you alone.")] if me and level.undecided == [me] else _who_decides(view, level),
        *_away(view, level, now),
        *_escalated(view, level),
        *_so_far(view, level),
        _what_is_next(view, completes=bool(me) and _completes(level, me)),
    ]


def _who_decides(view: ApprovalView, level: LevelView) -> list[Part]:
    left = max(1, level.needed - level.approvals)
    people = level.undecided
    if left >= len(people):
        if len(people) == 1:
            return [text("Waits for "), _person(view, people[0]), text(f" ({level.name}).")]
        return [text(f"Waits for all of {level.name}: "), *_people(view, people, "and"), text(".")]
    more = " more" if level.approvals else ""
    return [text(f"Needs {number_word(left)}{more} of {level.name}: "), *_people(view, people, "or"), text(".")]


def _people(view: ApprovalView, usernames: Sequence[str], last: str) -> list[Part]:
    if len(usernames) <= MOST_NAMES:
        return listed([_person(view, username) for username in usernames], last)
    shown = [_person(view, username) for username in usernames[: MOST_NAMES - 1]]
    return listed([*shown, text(f"{len(usernames) - len(shown)} others")], last)


def _away(view: ApprovalView, level: LevelView, now: datetime) -> list[list[Part]]:
    found: list[list[Part]] = []
    escalated_to = level.escalate_to if level.is_escalated else []
    for username in dict.fromkeys([*level.undecided[:MOST_NAMES], *escalated_to[:MOST_NAMES]]):
        cover = _cover_now(view.covers, username, now)
        if cover is None:
            continue
        covering = deciders_for(username, view.covers, now, never=view.requester)
        if not covering:
            continue
        how = " is away" if cover.cover_id.startswith("out-of-office") else " handed over"
        people = listed([_person(view, one) for one in covering], "or")
        found.append(
            [
                text(f" {view.name_of(username)}{how} until "),
                when(cover.until, "soon"),
                text(", covered by "),
                *people,
                text("."),
            ]
        )
    return found


def _cover_now(covers: Sequence[Cover], username: str, now: datetime) -> Cover | None:
    return next((cover for cover in covers if cover.principal == username and cover.is_active(now)), None)


def _escalated(view: ApprovalView, level: LevelView) -> list[list[Part]]:
    if not level.is_escalated:
        return []
    return [
        [text(" Escalated to "), *_people(view, level.escalate_to, "and"), text(": one decision from there is enough.")]
    ]


def _so_far(view: ApprovalView, level: LevelView) -> list[list[Part]]:
    if not level.decisions:
        return []
    said: list[Part] = []
    for number, decision in enumerate(level.decisions[:MOST_NAMES]):
        said += [text(" " if not number else ", "), text("approved by " if decision.approved else "rejected by ")]
        said += [_person(view, decision.approver), *_behalf(view, decision)]
    said[1] = text(said[1].text.capitalize())
    return [[*said, text(".")]]


def _behalf(view: ApprovalView, decision: DecisionView) -> list[Part]:
    return [text(" for "), _person(view, decision.on_behalf_of)] if decision.on_behalf_of else []


def _completes(level: LevelView, me: str) -> bool:
    """Whether this person's approval is all that the level lacks."""
    return me in level.undecided and level.needed - level.approvals == 1


def _what_is_next(view: ApprovalView, *, completes: bool) -> list[Part]:
    if view.level < len(view.levels):
        return [text(f" {view.levels[view.level].name} is next.")]
    return [text(" If you approve, it is done." if completes else " Then it is done.")]


def _ending(view: ApprovalView) -> list[Part]:
    at = [text(" "), when(view.closed_at, "at")] if view.closed_at else []
    match ApprovalStatus(view.status):
        case ApprovalStatus.APPROVED:
            people = _deciders(view, approved=True)
            by = [text(" by "), *people] if people else [text(" by waiting, as its policy says")]
            return [strong("It is approved"), *by, *at, text("."), text(f" {view.outcome}" if view.outcome else "")]
        case ApprovalStatus.REJECTED:
            people = _deciders(view, approved=False)
            by = [text(" by "), *people] if people else [text(" because nobody decided in time")]
            return [strong("It was rejected"), *by, *at, text(".")]
        case ApprovalStatus.WITHDRAWN:
            return [strong("It was withdrawn"), text(" by "), _person(view, view.requester), *at, text(".")]
    return [
        strong("It has expired"),
        *at,
        text(": nobody decided in time. That is no rejection; it can be asked again."),
    ]


def _deciders(view: ApprovalView, *, approved: bool) -> list[Part]:
    names = [one.approver for level in view.levels for one in level.decisions if one.approved == approved]
    return _people(view, list(dict.fromkeys(names)), "and") if names else []


def _person(view: ApprovalView, username: str, *, strong: bool = False) -> Part:
    return somebody(username, view.name_of(username), strong=strong)


def _strong(part: Part) -> Part:
    return Part(part.text, strong=True, at=part.at, show=part.show, person=part.person)
