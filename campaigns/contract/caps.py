"""How many messages a person may get, and when: the policy that each request brings, and a person's own cap."""

import re
from dataclasses import dataclass, field
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns.contract.words import MAX_CAP, MAX_GAP_HOURS, MAX_NAME, WindowKind
from temporal_worker.contract import By, InvalidField, check_number, check_text

_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def check_zone(name: str, zone: str) -> None:
    check_text(name, zone, most=64, required=True)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # In workflow code an unknown zone would fail the workflow task for ever.
        raise InvalidField(name, "is no IANA time zone") from None


@dataclass(frozen=True)
class QuietHours:
    """From ``start`` to before ``end``, each ``HH:MM`` on the person's clock; over midnight when ``end`` is the earlier."""

    start: str
    end: str

    @property
    def start_time(self) -> time:
        return time.fromisoformat(self.start)

    @property
    def end_time(self) -> time:
        return time.fromisoformat(self.end)

    def check(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if not _CLOCK_TIME.fullmatch(value):
                raise InvalidField(f"quiet_hours.{name}", "must be a time of day like 21:30")
        if self.start == self.end:
            raise InvalidField("quiet_hours.end", "must differ from the start")


@dataclass(frozen=True)
class CapPolicy:
    """A cap policy. All its rules must agree. None means no rule, 0 that none is allowed.

    ``version`` is one sequence over all policies: an actor decides by the newest that it has seen, whichever it is.
    ``per_channel`` and ``per_category`` are messages per window for each name. ``time_zone`` is for people whose own is
    not known. Transactional messages pass all of it; they use it up for others only with ``count_transactional``.
    """

    version: int
    max_per_day: int | None = None
    min_hours_between: float | None = None
    window: str = WindowKind.ROLLING
    per_channel: dict[str, int | None] | None = None
    per_category: dict[str, int | None] | None = None
    quiet_hours: QuietHours | None = None
    count_transactional: bool = False
    time_zone: str = "UTC"

    def check(self) -> None:
        check_number("version", self.version, least=0, most=10**9)
        if self.max_per_day is not None:
            check_number("max_per_day", self.max_per_day, least=0, most=MAX_CAP)
        if self.min_hours_between is not None and not 0 <= self.min_hours_between <= MAX_GAP_HOURS:
            raise InvalidField("min_hours_between", f"must be from 0 to {MAX_GAP_HOURS} hours")
        if self.window not in set(WindowKind):
            raise InvalidField("window", f"must be one of {', '.join(WindowKind)}")
        _check_caps("per_channel", self.per_channel)
        _check_caps("per_category", self.per_category)
        if self.quiet_hours is not None:
            self.quiet_hours.check()
        check_zone("time_zone", self.time_zone)


def _check_caps(name: str, caps: dict[str, int | None] | None) -> None:
    if caps is None:
        return
    check_number(name, len(caps), least=0, most=100)
    for key, most in caps.items():
        check_text(name, key, most=MAX_NAME, required=True)
        if most is not None:
            check_number(f"{name}.{key}", most, least=0, most=MAX_CAP)


@dataclass(frozen=True)
class FrequencyCapInput(CapPolicy):
    """``set_frequency_cap``: this person's own cap. It takes the place of every policy, whole: what it leaves at None has
    no rule. ``cleared`` takes the own cap away again."""

    version: int = 0
    by: By = field(default_factory=By)
    cleared: bool = False
    recorded: bool = False
    """Whoever sends it keeps it in our rows; else the actor has it written there."""

    def check(self) -> None:
        super().check()
        self.by.check()

    def cap(self) -> CapPolicy | None:
        """The cap alone, without who set it."""
        if self.cleared:
            return None
        return CapPolicy(
            version=self.version,
            max_per_day=self.max_per_day,
            min_hours_between=self.min_hours_between,
            window=self.window,
            per_channel=self.per_channel,
            per_category=self.per_category,
            quiet_hours=self.quiet_hours,
            count_transactional=self.count_transactional,
            time_zone=self.time_zone,
        )
