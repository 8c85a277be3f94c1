"""What changed between two rounds, field by field."""

from dataclasses import dataclass

from approvals.contract import ApprovalView, RoundView
from approvals.presentation.words import day_word
from dashboard.phrases import counted
from temporal_worker.money import money


@dataclass(frozen=True)
class Difference:
    field: str
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class RoundsTable:
    before: int
    after: int
    rows: tuple[Difference, ...]
    wanted: str
    wanted_by: str
    note: str


def rounds_of(view: ApprovalView) -> RoundsTable | None:
    """The open round beside the one before it; nothing while there is only one."""
    if len(view.rounds) < 2:
        return None
    before, after = view.rounds[-2:]
    void = f"{counted(before.decisions, 'decision').capitalize()} of round {before.number}"
    return RoundsTable(
        before=before.number,
        after=after.number,
        rows=tuple(differences(before, after, view.currency)),
        wanted=before.changes_wanted,
        wanted_by=view.name_of(before.changes_wanted_by),
        note=f"{void} {'does' if before.decisions == 1 else 'do'} not count any more." if before.decisions else "",
    )


def differences(before: RoundView, after: RoundView, currency: str) -> list[Difference]:
    """The fields that stand in either of them; long texts only where they differ."""
    found = [
        Difference("Title", before.title, after.title),
        Difference("Amount", _amount(before, currency), _amount(after, currency)),
        Difference("Starts", day_word(before.starts_on), day_word(after.starts_on)),
        Difference("Ends", day_word(before.ends_on), day_word(after.ends_on)),
        Difference("Description", before.description, after.description),
    ]
    texts = {"Title", "Description"}
    return [one for one in found if (one.before or one.after) and (one.is_changed or one.field not in texts)]


def _amount(one: RoundView, currency: str) -> str:
    return "" if one.amount_cents is None else money(one.amount_cents, currency)
