"""What a launch would come to, as a line – ``8,100 now · 1,950 deferred · 362 opted out · finishes about 14:40`` – and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from campaigns.presentation.words import code_words
from campaigns.rendering import LETTERS_AT_A_LAUNCH, Missing

_IN_A_LINE = {
    "opted_out": "opted out",
    "suppressed": "bounced before",
    "missing_address": "without an address",
    "paused_by_user": "asked for a break",
    "cap_day": "at their cap",
    "cap_channel": "at their cap of this channel",
    "cap_category": "at their cap of this category",
    "min_gap": "too soon after the last one",
    "quiet_hours": "in their quiet hours",
}


class DryRun(Protocol):
    """What is read of :class:`campaigns.gateway.DryRun`."""

    @property
    def audience(self) -> int: ...
    @property
    def looked_at(self) -> int: ...
    @property
    def now(self) -> int: ...
    @property
    def deferred(self) -> int: ...
    @property
    def denied(self) -> Mapping[str, int]: ...
    @property
    def deferred_by_reason(self) -> Mapping[str, int]: ...
    @property
    def examples(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def missing(self) -> Sequence[Missing]: ...
    @property
    def finishes_at(self) -> datetime | None: ...
    @property
    def last_deferred_at(self) -> datetime | None: ...
    @property
    def needs_approval(self) -> bool: ...
    @property
    def is_from_log(self) -> bool: ...


@dataclass(frozen=True)
class TrialRow:
    words: str
    code: str
    deferred: int
    denied: int
    examples: Sequence[str]


@dataclass(frozen=True)
class Trial:
    run: DryRun

    @property
    def is_sampled(self) -> bool:
        return self.run.looked_at < self.run.audience

    @property
    def letters(self) -> int:
        """Whose variables were looked at."""
        return min(self.run.audience, LETTERS_AT_A_LAUNCH)

    @property
    def are_letters_sampled(self) -> bool:
        return self.letters < self.run.audience

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """Of those who do not get it: code, words, number; the most frequent first."""
        found = sorted(self.run.denied.items(), key=lambda one: (-one[1], one[0]))
        return [(code, _IN_A_LINE.get(code, code_words(code).lower()), number) for code, number in found]

    @property
    def rows(self) -> list[TrialRow]:
        """One for each reason, the most frequent first."""
        deferred, denied = self.run.deferred_by_reason, self.run.denied
        rows = [
            TrialRow(
                code_words(code), code, deferred.get(code, 0), denied.get(code, 0), self.run.examples.get(code, ())
            )
            for code in {*deferred, *denied}
        ]
        return sorted(rows, key=lambda row: (-(row.deferred + row.denied), row.code))


def trial_of(run: DryRun) -> Trial:
    return Trial(run)
