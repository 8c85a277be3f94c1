"""What every refusal is made of: its code and sentence, who was first, and the two reasons that everybody can meet."""

from datetime import datetime
from typing import Any

from temporalio.exceptions import ApplicationError

from approvals.contract import ApprovalStatus, Change, RefusalCode
from approvals.process import room
from approvals.process.state import ApprovalState

_ENDED = {
    ApprovalStatus.APPROVED: RefusalCode.APPROVED,
    ApprovalStatus.REJECTED: RefusalCode.REJECTED,
    ApprovalStatus.WITHDRAWN: RefusalCode.WITHDRAWN,
    ApprovalStatus.EXPIRED: RefusalCode.EXPIRED,
}


def refuse(code: RefusalCode, sentence: str, **details: object) -> ApplicationError:
    """The error that refuses an update; its type is the code, its details are for machines."""
    return ApplicationError(sentence, details, type=code, non_retryable=True)


def is_over(state: ApprovalState) -> ApplicationError | None:
    status = ApprovalStatus(state.it.status)
    if status.is_final:
        last = state.it.changes[-1]
        return refuse(
            _ENDED[status],
            f"The request is {status.value} already: {last.text.rstrip('.')} {how(last.door, last.at)}",
            first=first_of(last),
        )
    if state.is_too_late:
        deadline = state.it.deadline_at
        return refuse(RefusalCode.EXPIRED, f"The deadline passed at {moment(deadline or state.now)}.")
    return None


def no_room(state: ApprovalState, words: Any, field: str, *, short: int = room.SHORT) -> ApplicationError | None:
    """For a long text, once the request is full. It is counted twice: in the trail, and where it belongs."""
    needed = room.size_of(words)
    if needed <= short or room.used(state.it) + 2 * needed <= room.MOST_WORDS:
        return None
    sentence = (
        "The request is full of words, and so long a text has no room any more. Make it shorter, or leave it out."
    )
    return refuse(RefusalCode.TOO_MANY, sentence, field=field)


def first_of(change: Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "who": change.who,
        "on_behalf_of": change.on_behalf_of,
        "door": change.door,
        "at": change.at.isoformat(),
    }


def how(door: str, at: datetime) -> str:
    return f"({door}, {moment(at)})."


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
