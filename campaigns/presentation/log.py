"""A line of the send log, and why people did not get a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.contract import RecipientState
from campaigns.models import CampaignRecipient, SendLog
from campaigns.models.words import Outcome
from campaigns.presentation.steps import step_url
from campaigns.presentation.words import OUTCOME_MARKS, code_words


@dataclass(frozen=True)
class LogLine:
    """``next_at`` is when it would be allowed, or is tried again; ``step`` leads to the decision in its actor's history."""

    id: str
    user_id: str
    mark: str
    word: str
    text: str
    code: str
    at: datetime | None
    next_at: datetime | None = None
    is_test: bool = False
    step: str = ""


def line_of(row: SendLog) -> LogLine:
    mark, word = OUTCOME_MARKS.get(row.outcome, ("idle", row.outcome))
    return LogLine(
        id=f"log-{row.pk}",
        user_id=row.user_id,
        mark=mark,
        word=word,
        text=_words_of(row),
        code=row.code,
        at=row.at,
        next_at=row.next_allowed_at if row.outcome in (Outcome.DENIED, Outcome.DEFERRED) else None,
        is_test=row.is_test,
        step=step_url(row),
    )


def _words_of(row: SendLog) -> str:
    if row.detail:
        return row.detail
    if row.outcome == Outcome.SENT:
        return (
            f"The provider took it as {_short(row.provider_reference)}." if row.provider_reference else "It was sent."
        )
    if row.outcome == Outcome.INTENT:
        return "It was allowed, and is under way."
    return f"{code_words(row.code)}."


def line_of_recipient(row: CampaignRecipient, at: datetime | None) -> LogLine:
    """Somebody who was never asked for: the campaign was over before. There is no decision in the log."""
    return LogLine(
        id=f"recipient-{row.pk}",
        user_id=row.user_id,
        mark="bad",
        word="Denied",
        text=f"{code_words(row.code)}: nobody asked their rules.",
        code=row.code,
        at=at,
    )


@dataclass(frozen=True)
class ReasonCount:
    """How many recipients stand where they stand for this reason; ``first_at`` and ``last_at`` of deferred ones."""

    state: str
    code: str
    number: int
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True)
class Reason:
    """``part`` in per cent of the most frequent reason of the same state."""

    state: str
    code: str
    words: str
    number: int
    part: float
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True)
class ReasonGroup:
    state: str
    word: str
    number: int
    reasons: Sequence[Reason]


GROUPS = {
    RecipientState.DENIED: "Denied",
    RecipientState.DEFERRED: "Deferred",
    RecipientState.FAILED: "Failed",
    RecipientState.UNKNOWN: "Unknown",
}


def reason_groups(found: Sequence[ReasonCount]) -> list[ReasonGroup]:
    groups = []
    for state, word in GROUPS.items():
        counts = sorted((one for one in found if one.state == state), key=lambda one: (-one.number, one.code))
        if counts:
            most = counts[0].number
            reasons = [
                Reason(
                    state.value,
                    one.code,
                    code_words(one.code),
                    one.number,
                    round(one.number * 100 / most, 1),
                    one.first_at,
                    one.last_at,
                )
                for one in counts
            ]
            groups.append(ReasonGroup(state.value, word, sum(one.number for one in counts), reasons))
    return groups


def _short(reference: str) -> str:
    """A provider's own id, as much of it as tells one from the other; the export has it whole."""
    start, at, domain = reference.strip("<>").partition("@")
    return f"{start[:12]}…{at}{domain}" if len(start) > 20 else start + at + domain
