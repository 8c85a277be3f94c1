"""Who may hand over what to whom, and the cover that comes of it."""

from temporalio.exceptions import ApplicationError

from approvals.contract import MAX_CHAIN, Cover, DelegationEndInput, DelegationInput, Door, InvalidField, RefusalCode
from approvals.process import room
from approvals.process.covers import chain_with, makes_a_circle
from approvals.process.refusing import is_over, no_room, refuse
from approvals.process.state import ApprovalState

MOST_COVERS = 50
"""Hand-overs of one request, those that are over too: all of them travel with every answer."""


def delegation_refusal(state: ApprovalState, wish: DelegationInput) -> ApplicationError | None:
    principal = principal_of(wish)
    if wish.principal and wish.principal != wish.by.username and wish.by.door != Door.SYSTEM:
        return refuse(RefusalCode.NOT_APPROVER, "Everybody hands over only what is theirs to decide.")
    if refusal := is_over(state):
        return refusal
    if wish.to == state.it.requester:
        return refuse(RefusalCode.SELF_APPROVAL, "The requester must not decide, not for somebody else either.")
    if wish.to == principal:
        raise InvalidField("to", "has to be somebody else")
    if wish.until <= state.now:
        raise InvalidField("until", "has passed already")
    if not state.decides_somewhere(principal):
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
    return no_room(state, [wish.reason, wish.to_name], "reason", short=short)


def delegation_end_refusal(state: ApprovalState, end: DelegationEndInput) -> ApplicationError | None:
    cover = next((one for one in state.it.covers if one.cover_id == end.cover_id), None)
    if cover is None:
        return refuse(RefusalCode.NO_SUCH_DELEGATION, "There is no such hand-over.", field="cover_id")
    if end.by.door != Door.SYSTEM and end.by.username not in {cover.principal, cover.delegate}:
        return refuse(RefusalCode.NOT_APPROVER, "Only the two whom it is about can end a hand-over.")
    return is_over(state)


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
