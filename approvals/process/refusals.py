"""How a request says no: the code that clients rely on, and a sentence for people. Nothing is changed by a refusal.

The order of the questions is the order of importance: may this person at all, is it over, have they seen what it is now,
and have they decided already.
"""

from dataclasses import asdict

from temporalio.exceptions import ApplicationError

from approvals.contract import (
    MAX_ATTACHMENTS,
    ApprovalStatus,
    AttachmentInput,
    By,
    ChangesInput,
    CommentInput,
    DecisionInput,
    Door,
    InvalidField,
    LevelRule,
    LevelView,
    RefusalCode,
    ResubmitInput,
    WithdrawalInput,
)
from approvals.process import room
from approvals.process.refusing import how, is_over, no_room, refuse
from approvals.process.staleness import has_not_seen
from approvals.process.state import ApprovalState

MOST_ENTRIES = 2_000
"""Comments and attachments of one request end here; decisions do not."""


def decision_refusal(state: ApprovalState, decision: DecisionInput) -> ApplicationError | None:
    by = decision.by.username
    return (
        _not_theirs(state, decision.by, decision.on_behalf_of)
        or is_over(state)
        or has_not_seen(state, by, decision.state_version)
        or _waits_for_requester(state)
        or _no_place(state, by, decision.on_behalf_of)
        or _has_decided(state, by, decision.on_behalf_of)
        or _lacks_reason(state, decision)
        or no_room(state, decision.comment, "comment")
    )


def changes_refusal(state: ApprovalState, wanted: ChangesInput) -> ApplicationError | None:
    by = wanted.by.username
    return (
        _not_theirs(state, wanted.by, "")
        or is_over(state)
        or has_not_seen(state, by, wanted.state_version)
        or _waits_for_requester(state)
        or _no_place(state, by, "")
        or _no_round_left(state)
        or no_room(state, wanted.comment, "comment")
    )


def place_of(state: ApprovalState, by: str, on_behalf_of: str) -> str:
    """The person in whose name an allowed decision is made: an approver, or somebody whom it was escalated to.

    Nobody means a place by saying none but the first time that they decide a level (:func:`_has_decided`).
    """
    return on_behalf_of or free_place(state, by) or by


def free_place(state: ApprovalState, by: str, *, covering: bool = False) -> str:
    """The first place that nobody has taken: somebody's own before those of whom they cover for, or the other way round.

    Approvers' places come before those of whom the level was escalated to, where one decision ends it.
    """
    free = [name for name in state.places(by) if name in state.level.undecided] + state.escalation_places(by)
    if covering:
        free.sort(key=lambda name: name == by)
    return free[0] if free else ""


def name_to_ask_in(state: ApprovalState, by: str) -> str:
    """In whose name somebody who may asks for changes: their own if the level is theirs, else of whom they cover for."""
    places = [*state.places(by), *state.escalation_places(by)]
    return by if by in places else free_place(state, by) or next(iter(places), by)


def resubmission_refusal(state: ApprovalState, new: ResubmitInput) -> ApplicationError | None:
    if refusal := _not_the_requesters(state, new.by, "ask again") or is_over(state):
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
    return no_room(state, asdict(new), "description")


def withdrawal_refusal(state: ApprovalState, withdrawal: WithdrawalInput) -> ApplicationError | None:
    return _not_the_requesters(state, withdrawal.by, "withdraw it") or is_over(state)


def comment_refusal(state: ApprovalState, comment: CommentInput) -> ApplicationError | None:
    return _not_involved(state, comment.by) or is_over(state) or _too_many(state) or _too_long(state, comment)


def attachment_refusal(state: ApprovalState, attachment: AttachmentInput) -> ApplicationError | None:
    if refusal := _not_involved(state, attachment.by) or is_over(state):
        return refusal
    if len(state.it.attachments) >= MAX_ATTACHMENTS:
        return refuse(RefusalCode.TOO_MANY, f"A request has {MAX_ATTACHMENTS} attachments at most.")
    return None


# ── The questions ────────────────────────────────────────────────────────────────────────────────────────────────────


def _not_theirs(state: ApprovalState, by: By, on_behalf_of: str) -> ApplicationError | None:
    """Separation of duties, and whether this person decides anything here at all."""
    if not by.username:
        return refuse(RefusalCode.NOT_APPROVER, "A decision has to say who decides: by.username.", field="by")
    if by.username == state.it.requester:
        return refuse(RefusalCode.SELF_APPROVAL, "You asked for this, so you cannot decide it.")
    if on_behalf_of == state.it.requester:
        return refuse(RefusalCode.SELF_APPROVAL, "Nobody decides in the name of whoever asked.")
    if state.decides_somewhere(by.username):
        return None
    return refuse(RefusalCode.NOT_APPROVER, "This request is not yours to decide.")


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
    places = [*state.places(by), *state.escalation_places(by)]
    if on_behalf_of not in {"", by, *places}:
        return refuse(RefusalCode.NOT_APPROVER, f"You do not decide for {state.name(on_behalf_of)} now.")
    if not places:
        return refuse(RefusalCode.NOT_APPROVER, f"{state.level.name} decides now, and you are not in it.")
    if on_behalf_of == by and by not in places:
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
    again = _counts_once(state.level) and any(one.approver == username for one in state.level.decisions)
    return again or (state.it.distinct_levels and _decided_before(state, username) is not None)


def _decided_before(state: ApprovalState, by: str) -> LevelView | None:
    earlier = state.it.levels[: state.it.level - 1]
    return next((level for level in earlier if any(one.approver == by for one in level.decisions)), None)


def _has_decided(state: ApprovalState, by: str, on_behalf_of: str) -> ApplicationError | None:
    level = state.level
    own = next((one for one in level.decisions if one.approver == by), None)
    free = _free_places(state, by, on_behalf_of)
    # A second decision of one person has to say in whose name: the same link or an old tab means the first one's.
    if own is not None and (_counts_once(level) or not free or not on_behalf_of):
        word = "approved" if own.approved else "rejected"
        others = [] if _counts_once(level) or on_behalf_of else free
        more = f" To decide for {state.name(others[0])} too, say that it is for them." if others else ""
        return refuse(
            RefusalCode.ALREADY_DECIDED,
            f"You {word} this already {how(own.door, own.at)}{more}",
            first={"who": own.approver, "approved": own.approved, "door": own.door, "at": own.at.isoformat()},
        )
    escalated = state.escalation_places(by)
    if free or on_behalf_of in escalated or (escalated and not on_behalf_of):
        return None
    places = [on_behalf_of] if on_behalf_of else state.places(by)
    taken = next(one for one in level.decisions if (one.on_behalf_of or one.approver) in places)
    word = "approved" if taken.approved else "rejected"
    whose = taken.on_behalf_of or taken.approver
    for_whom = f" for {state.name(whose)}" if taken.on_behalf_of else ""
    return refuse(
        RefusalCode.ALREADY_DECIDED,
        f"{state.name(taken.approver)} {word} it{for_whom} before you {how(taken.door, taken.at)}",
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


def _counts_once(level: LevelView) -> bool:
    """Whether one person counts once in a level. Where all have to approve, who covers for another votes for both."""
    return level.rule != LevelRule.ALL
