"""How a request says no: the code that clients rely on, and a sentence for people. Nothing is changed by a refusal.

The order of the questions is the order of importance: may this person at all, is it over, have they seen what it is now,
and have they decided already.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from temporalio.exceptions import ApplicationError

from approvals.contract import (
    MAX_ATTACHMENTS,
    MAX_CHAIN,
    ApprovalStatus,
    AttachmentInput,
    By,
    Change,
    ChangesInput,
    CommentInput,
    Cover,
    DecisionInput,
    DelegationEndInput,
    DelegationInput,
    Door,
    InvalidField,
    LevelView,
    RefusalCode,
    ResubmitInput,
    RoundView,
    WithdrawalInput,
)
from approvals.process import room
from approvals.process.covers import chain_with, makes_a_circle
from approvals.process.state import ApprovalState, counts_once
from temporal_worker.money import money

MOST_ENTRIES = 2_000
"""Comments and attachments of one request end here; decisions do not."""

MOST_COVERS = 50
"""Hand-overs of one request, those that are over too: all of them travel with every answer."""

_ENDED = {
    ApprovalStatus.APPROVED: RefusalCode.APPROVED,
    ApprovalStatus.REJECTED: RefusalCode.REJECTED,
    ApprovalStatus.WITHDRAWN: RefusalCode.WITHDRAWN,
    ApprovalStatus.EXPIRED: RefusalCode.EXPIRED,
}


def refuse(code: RefusalCode, sentence: str, **details: object) -> ApplicationError:
    """The error that refuses an update; its type is the code, its details are for machines."""
    return ApplicationError(sentence, details, type=code, non_retryable=True)


def decision_refusal(state: ApprovalState, decision: DecisionInput) -> ApplicationError | None:
    by = decision.by.username
    return (
        _not_theirs(state, decision.by, decision.on_behalf_of)
        or _is_over(state)
        or _has_not_seen(state, by, decision.state_version)
        or _waits_for_requester(state)
        or _no_place(state, by, decision.on_behalf_of)
        or _has_decided(state, by, decision.on_behalf_of)
        or _lacks_reason(state, decision)
        or _no_room(state, decision.comment, "comment")
    )


def changes_refusal(state: ApprovalState, wanted: ChangesInput) -> ApplicationError | None:
    by = wanted.by.username
    return (
        _not_theirs(state, wanted.by, "")
        or _is_over(state)
        or _has_not_seen(state, by, wanted.state_version)
        or _waits_for_requester(state)
        or _no_place(state, by, "")
        or _no_round_left(state)
        or _no_room(state, wanted.comment, "comment")
    )


def place_of(state: ApprovalState, by: str, on_behalf_of: str) -> str:
    """The approver in whose name an allowed decision is made; whom it was escalated to decides in their own.

    Nobody means a place by saying none but the first time that they decide a level (:func:`_has_decided`).
    """
    return on_behalf_of or free_place(state, by) or by


def free_place(state: ApprovalState, by: str, *, covering: bool = False) -> str:
    """The first place that nobody has taken: somebody's own before those of whom they cover for, or the other way round."""
    free = [name for name in state.places(by) if name in state.level.undecided]
    if covering:
        free.sort(key=lambda name: name == by)
    return free[0] if free else ""


def resubmission_refusal(state: ApprovalState, new: ResubmitInput) -> ApplicationError | None:
    if refusal := _not_the_requesters(state, new.by, "ask again") or _is_over(state):
        return refusal
    if state.it.status != ApprovalStatus.CHANGES_REQUESTED:
        return refuse(RefusalCode.NOT_CHANGES_REQUESTED, "Nobody has asked for changes; the request stands as it is.")
    if _no_round_left(state):
        return _no_round_left(state)
    policy = new.policy or state.policy
    if not policy.covers(new.amount_cents):
        return refuse(
            RefusalCode.OTHER_POLICY,
            f"The policy “{policy.name}” is not for this amount; ask again by the application, which finds the right one.",
            field="amount_cents",
        )
    if any(state.it.requester in {*(s.username for s in level.seats), *level.escalate_to} for level in policy.levels):
        return refuse(RefusalCode.SELF_APPROVAL, "The new policy names the requester, who must not decide.")
    return _no_room(state, asdict(new), "description")


def withdrawal_refusal(state: ApprovalState, withdrawal: WithdrawalInput) -> ApplicationError | None:
    return _not_the_requesters(state, withdrawal.by, "withdraw it") or _is_over(state)


def comment_refusal(state: ApprovalState, comment: CommentInput) -> ApplicationError | None:
    return _not_involved(state, comment.by) or _is_over(state) or _too_many(state) or _too_long(state, comment)


def attachment_refusal(state: ApprovalState, attachment: AttachmentInput) -> ApplicationError | None:
    if refusal := _not_involved(state, attachment.by) or _is_over(state):
        return refusal
    if len(state.it.attachments) >= MAX_ATTACHMENTS:
        return refuse(RefusalCode.TOO_MANY, f"A request has {MAX_ATTACHMENTS} attachments at most.")
    return None


def delegation_refusal(state: ApprovalState, wish: DelegationInput) -> ApplicationError | None:
    principal = principal_of(wish)
    if wish.principal and wish.principal != wish.by.username and wish.by.door != Door.SYSTEM:
        return refuse(RefusalCode.NOT_APPROVER, "Everybody hands over only what is theirs to decide.")
    if refusal := _is_over(state):
        return refusal
    if wish.to == state.it.requester:
        return refuse(RefusalCode.SELF_APPROVAL, "The requester must not decide, not for somebody else either.")
    if wish.to == principal:
        raise InvalidField("to", "has to be somebody else")
    if wish.until <= state.now:
        raise InvalidField("until", "has passed already")
    if not _can_hand_over(state, principal):
        return refuse(RefusalCode.NOT_APPROVER, f"{state.name(principal) or 'Nobody'} has nothing to decide here.")
    cover = cover_of(state, wish)
    if len(state.it.covers) >= MOST_COVERS and all(one.cover_id != cover.cover_id for one in state.it.covers):
        return refuse(RefusalCode.TOO_MANY, f"A request is handed over {MOST_COVERS} times at most.")
    others = [one for one in state.it.covers if one.cover_id != cover.cover_id]
    if makes_a_circle(cover, others):
        return refuse(
            RefusalCode.DELEGATION_CYCLE,
            f"{state.name(wish.to)} has handed over to {state.name(principal)} in these days; it would go in a circle.",
            field="to",
        )
    if chain_with(cover, others) > MAX_CHAIN:
        return refuse(
            RefusalCode.DELEGATION_CHAIN, f"It would be handed over more than {MAX_CHAIN} times in a row.", field="to"
        )
    short = room.SHORT_BY_SYSTEM if wish.by.door == Door.SYSTEM else room.SHORT
    return _no_room(state, [wish.reason, wish.to_name], "reason", short=short)


def delegation_end_refusal(state: ApprovalState, end: DelegationEndInput) -> ApplicationError | None:
    cover = next((one for one in state.it.covers if one.cover_id == end.cover_id), None)
    if cover is None:
        return refuse(RefusalCode.NO_SUCH_DELEGATION, "There is no such hand-over.", field="cover_id")
    if end.by.door != Door.SYSTEM and end.by.username not in {cover.principal, cover.delegate}:
        return refuse(RefusalCode.NOT_APPROVER, "Only the two whom it is about can end a hand-over.")
    return _is_over(state)


def principal_of(wish: DelegationInput) -> str:
    return wish.principal or wish.by.username


def cover_of(state: ApprovalState, wish: DelegationInput) -> Cover:
    """The cover that a wish asks for. Its number is the trail's, so that it is the same in every replay."""
    return Cover(
        cover_id=wish.cover_id or f"seat:{state.it.trail_total + 1}",
        principal=principal_of(wish),
        delegate=wish.to,
        starts_at=wish.starts_at or state.now,
        until=wish.until,
        reason=wish.reason,
    )


# ── The questions ────────────────────────────────────────────────────────────────────────────────────────────────────


def _not_theirs(state: ApprovalState, by: By, on_behalf_of: str) -> ApplicationError | None:
    """Separation of duties, and whether this person decides anything here at all."""
    if not by.username:
        return refuse(RefusalCode.NOT_APPROVER, "A decision has to say who decides: by.username.", field="by")
    if by.username == state.it.requester:
        return refuse(RefusalCode.SELF_APPROVAL, "You asked for this, so you cannot decide it.")
    if on_behalf_of == state.it.requester:
        return refuse(RefusalCode.SELF_APPROVAL, "Nobody decides in the name of whoever asked.")
    if any(state.places(by.username, level) or by.username in level.escalate_to for level in state.it.levels):
        return None
    return refuse(RefusalCode.NOT_APPROVER, "This request is not yours to decide.")


def _is_over(state: ApprovalState) -> ApplicationError | None:
    status = ApprovalStatus(state.it.status)
    if status.is_final:
        last = state.it.changes[-1]
        return refuse(
            _ENDED[status],
            f"The request is {status.value} already: {last.text.rstrip('.')} {_how(last.door, last.at)}",
            first=_first(last),
        )
    if state.is_too_late:
        deadline = state.it.deadline_at
        return refuse(RefusalCode.EXPIRED, f"The deadline passed at {_moment(deadline or state.now)}.")
    return None


def _has_not_seen(state: ApprovalState, by: str, seen: int) -> ApplicationError | None:
    it = state.it
    if seen == it.state_version:
        return None
    if seen > it.state_version:
        raise InvalidField("state_version", f"is {seen}, and the request is only at {it.state_version}")
    missed = [change for change in it.changes if change.state_version > seen]
    if changes := [change for change in missed if change.what == "resubmitted"]:
        now, then = it.rounds[-1], _round_at(it.rounds, seen)
        differences = differences_between(then, now)
        words = ", ".join(_said(one, it.currency) for one in differences) or "nothing but the round"
        return refuse(
            RefusalCode.STALE,
            f"The request has changed since you opened it ({words}); round {it.round} is open now. Your decision was not taken.",
            first=_first(changes[-1]),
            differences=differences,
            state_version=it.state_version,
        )
    level = next((change for change in missed if change.what == "level"), None)
    if level is None:
        return refuse(RefusalCode.STALE, "The request has changed since you opened it.", state_version=it.state_version)
    return refuse(
        RefusalCode.ALREADY_DECIDED,
        f"It was decided before: {level.text.rstrip('.')} {_how(level.door, level.at)} {it.current_level.name} decides now.",
        first=_first(level),
        state_version=it.state_version,
    )


def _said(difference: dict[str, Any], currency: str) -> str:
    """One difference in a sentence: amounts as money, of a long text only that it is another one."""
    name, before, after = difference["field"], difference["before"], difference["after"]
    if name == "description":
        return "another description"
    if name == "amount_cents":
        return f"amount {_money(before, currency)} → {_money(after, currency)}"
    return f"{name.removesuffix('_on')} {before or 'nothing'} → {after or 'nothing'}"


def _money(cents: int | None, currency: str) -> str:
    return "none" if cents is None else money(cents, currency)


def _round_at(rounds: list[RoundView], state_version: int) -> RoundView:
    """The round that was open at a state version."""
    return [one for one in rounds if one.state_version <= max(state_version, 1)][-1]


def differences_between(before: RoundView, after: RoundView) -> list[dict[str, Any]]:
    """What two rounds differ in, field by field."""
    return [
        {"field": name, "before": getattr(before, name), "after": getattr(after, name)}
        for name in ("title", "description", "amount_cents", "starts_on", "ends_on")
        if getattr(before, name) != getattr(after, name)
    ]


def _waits_for_requester(state: ApprovalState) -> ApplicationError | None:
    if state.it.status != ApprovalStatus.CHANGES_REQUESTED:
        return None
    who = state.it.rounds[-1].changes_wanted_by
    return refuse(
        RefusalCode.CHANGES_REQUESTED,
        f"{state.name(who)} asked for changes; the request waits for {state.name(state.it.requester)}.",
    )


def _no_place(state: ApprovalState, by: str, on_behalf_of: str) -> ApplicationError | None:
    """Whether this person decides the level that is open, and in this name."""
    places = state.places(by)
    if on_behalf_of not in {"", by, *places}:
        return refuse(RefusalCode.NOT_APPROVER, f"You do not decide for {state.name(on_behalf_of)} now.")
    if not places and not state.may_escalate(by):
        return refuse(RefusalCode.NOT_APPROVER, f"{state.level.name} decides now, and you are not in it.")
    if on_behalf_of == by and by not in places and not state.may_escalate(by):
        whose = ", ".join(state.name(name) for name in places)
        return refuse(
            RefusalCode.NOT_APPROVER,
            f"You have no place of your own in {state.level.name}: you decide for {whose}, which has to be said.",
        )
    if state.it.distinct_levels and (earlier := _decided_before(state, by)):
        return refuse(
            RefusalCode.OTHER_LEVEL, f"You decided {earlier.name} already; another level needs another person."
        )
    return None


def is_used_up(state: ApprovalState, username: str) -> bool:
    """Whether this person has had their say, so that no place of the open level can be theirs any more."""
    again = counts_once(state.level) and any(one.approver == username for one in state.level.decisions)
    return again or (state.it.distinct_levels and _decided_before(state, username) is not None)


def _decided_before(state: ApprovalState, by: str) -> LevelView | None:
    earlier = state.it.levels[: state.it.level - 1]
    return next((level for level in earlier if any(one.approver == by for one in level.decisions)), None)


def _has_decided(state: ApprovalState, by: str, on_behalf_of: str) -> ApplicationError | None:
    level = state.level
    own = next((one for one in level.decisions if one.approver == by), None)
    free = _free_places(state, by, on_behalf_of)
    # A second decision of one person has to say in whose name: the same link or an old tab means the first one's.
    if own is not None and (counts_once(level) or not free or not on_behalf_of):
        word = "approved" if own.approved else "rejected"
        others = [] if counts_once(level) or on_behalf_of else free
        more = f" To decide for {state.name(others[0])} too, say that it is for them." if others else ""
        return refuse(
            RefusalCode.ALREADY_DECIDED,
            f"You {word} this already {_how(own.door, own.at)}{more}",
            first={"who": own.approver, "approved": own.approved, "door": own.door, "at": own.at.isoformat()},
        )
    if free or (state.may_escalate(by) and on_behalf_of in ("", by)):
        return None
    places = [on_behalf_of] if on_behalf_of else state.places(by)
    taken = next(one for one in level.decisions if (one.on_behalf_of or one.approver) in places)
    word = "approved" if taken.approved else "rejected"
    whose = taken.on_behalf_of or taken.approver
    for_whom = f" for {state.name(whose)}" if taken.on_behalf_of else ""
    return refuse(
        RefusalCode.ALREADY_DECIDED,
        f"{state.name(taken.approver)} {word} it{for_whom} before you {_how(taken.door, taken.at)}",
        first={"who": taken.approver, "approved": taken.approved, "door": taken.door, "at": taken.at.isoformat()},
    )


def _free_places(state: ApprovalState, by: str, on_behalf_of: str) -> list[str]:
    places = [on_behalf_of] if on_behalf_of else state.places(by)
    return [name for name in places if name in state.level.undecided]


def _lacks_reason(state: ApprovalState, decision: DecisionInput) -> ApplicationError | None:
    if not decision.approved and state.it.comment_to_reject and not decision.comment.strip():
        raise InvalidField("comment", "A rejection needs a reason.")
    return None


def _no_round_left(state: ApprovalState) -> ApplicationError | None:
    if state.it.round < state.it.max_rounds:
        return None
    return refuse(RefusalCode.TOO_MANY_ROUNDS, f"This is round {state.it.round}, the last one; approve or reject it.")


def _not_the_requesters(state: ApprovalState, by: By, what: str) -> ApplicationError | None:
    if by.username == state.it.requester:
        return None
    return refuse(RefusalCode.NOT_REQUESTER, f"Only {state.name(state.it.requester)}, who asked, can {what}.")


def _not_involved(state: ApprovalState, by: By) -> ApplicationError | None:
    # Whoever has Temporal's command line may note something without being anybody here.
    if by.username in state.involved() or (not by.username and by.door == Door.CLI):
        return None
    return refuse(RefusalCode.NOT_INVOLVED, "You have no part in this request.")


def _too_many(state: ApprovalState) -> ApplicationError | None:
    if state.it.trail_total < MOST_ENTRIES:
        return None
    return refuse(RefusalCode.TOO_MANY, "There is no more room for comments on this request.")


def _too_long(state: ApprovalState, comment: CommentInput) -> ApplicationError | None:
    left = room.MOST_TALK - room.used(state.it)
    if (needed := room.weight_of(comment)) <= left:
        return None
    if left < room.SHORT:
        return refuse(RefusalCode.TOO_MANY, "There is no more room for comments on this request.", field="text")
    return refuse(
        RefusalCode.TOO_MANY,
        f"So long a comment has no room on this request any more; make it shorter: it takes {needed:,} bytes of {left:,}.",
        field="text",
    )


def _no_room(state: ApprovalState, words: Any, field: str, *, short: int = room.SHORT) -> ApplicationError | None:
    """For a long text, once the request is full. It is counted twice: in the trail, and where it belongs."""
    needed = room.size_of(words)
    if needed <= short or room.used(state.it) + 2 * needed <= room.MOST_WORDS:
        return None
    sentence = (
        "The request is full of words, and so long a text has no room any more. Make it shorter, or leave it out."
    )
    return refuse(RefusalCode.TOO_MANY, sentence, field=field)


def _can_hand_over(state: ApprovalState, principal: str) -> bool:
    """Whether somebody decides here: as an approver, in an escalation, or for somebody who does."""
    return any(state.places(principal, level) or principal in level.escalate_to for level in state.it.levels)


def _first(change: Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "who": change.who,
        "on_behalf_of": change.on_behalf_of,
        "door": change.door,
        "at": change.at.isoformat(),
    }


def _how(door: str, at: datetime) -> str:
    return f"({door}, {_moment(at)})."


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
