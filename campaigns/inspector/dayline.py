"""The window on a line of time, on the person's clock: what was sent and refused, what is taken, from when it is open.

The line is one of instants: a day in which the clocks change is an hour shorter or longer, and its hours stand where they
are.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from functools import cached_property

from campaigns.actor.zones import day_around, instant_of
from campaigns.contract import ActorView, CapPolicy, QuietHours, SendRecord, WindowKind
from campaigns.inspector.channels import ChannelLine, counted_sends
from campaigns.inspector.clock import Clock
from campaigns.inspector.drawing import Bar, Label, Lane, Mark, Refusal, Scale
from campaigns.inspector.words import channel_word, hours

ROLLING = timedelta(hours=24)
MOST_ROWS = 6
"""Slots that are drawn; of a larger cap the newest."""
TOP = 24
_SLOT, _LANE = 22, 40


class Dayline:
    """What the template draws. Nothing in it depends on who looks."""

    def __init__(
        self, view: ActorView, lines: Sequence[ChannelLine], refusals: Iterable[Refusal], clock: Clock
    ) -> None:
        self._view, self._lines, self._clock = view, lines, clock
        self.cap = view.cap or CapPolicy(version=0)
        self.is_day = self.cap.window == WindowKind.CALENDAR
        now = clock.now
        self.scale = Scale(*(day_around(now, clock.zone) if self.is_day else (now - ROLLING, now + ROLLING)))
        self._refusals = [one for one in refusals if self.scale.has(one.at)]
        self._counted = counted_sends(view)

    # ── The frame ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def title(self) -> str:
        return "Today" if self.is_day else "The last and the next 24 hours"

    @property
    def note(self) -> str:
        clock = self._clock
        zone = f"{clock.place} ({clock.offset})"
        whose = f"in their zone, {zone}" if clock.is_known else f"in {zone}: their own zone is not known"
        if self.is_day:
            return f"{clock.day(clock.now)} {whose}. The count starts again at {clock.short(self.scale.end)}."
        return f"On the clock {whose}. A message counts for 24 hours."

    @cached_property
    def rows(self) -> int:
        limit = self.cap.max_per_day
        return min(MOST_ROWS, max(1, len(self._counted) if limit is None else limit))

    @property
    def lanes_y(self) -> int:
        return 66 + self.rows * _SLOT

    @property
    def height(self) -> int:
        return self.lanes_y + (len(self._lines) - 1) * _LANE + 20

    @property
    def zone_y(self) -> int:
        return self.height - 10

    @property
    def inner(self) -> int:
        """Height of what reaches from the top line to the bottom."""
        return self.height - TOP

    @property
    def cap_label(self) -> str:
        limit = self.cap.max_per_day
        if limit is None:
            return "No cap"
        return f"{limit} a day" if self.is_day else f"{limit} in 24 h"

    @property
    def cap_y(self) -> int:
        return 32 + self.rows * _SLOT // 2 - 2

    @property
    def has_limit(self) -> bool:
        return self.cap.max_per_day is not None

    @cached_property
    def now_x(self) -> str:
        return self.scale.x(self._clock.now)

    @property
    def now_label(self) -> str:
        return self._clock.time(self._clock.now)

    @cached_property
    def ticks(self) -> list[Label]:
        """Local hours. Those beside the time of now give way to it: a few on a wide screen, more on a narrow one."""
        step = 3 if self.is_day else 6
        found: list[Label] = []
        now = self.scale.share(self._clock.now)
        for at in self._local_hours(step):
            local = self._clock.local(at)
            is_midnight = local.hour < step and not self.is_day
            share = self.scale.share(at)
            kind = "minor" if local.hour % (2 * step) else ""
            # A label begins at its hour; that of now stands around it.
            if -6 < share - now < 3 or share > 97:
                kind = "none"
            elif -20 < share - now < 12 or share > 85:
                kind = "minor"
            words = f"{local:%a}\u00a0{local.day}" if is_midnight else f"{local:%H:%M}"
            found.append(Label(self.scale.x(at), words, kind))
        return found

    def _local_hours(self, step: int) -> Iterator[datetime]:
        seen: datetime | None = None
        day = self._clock.local(self.scale.start).date()
        while day <= self._clock.local(self.scale.end).date():
            for hour in range(0, 24, step):
                at = instant_of(day, time(hour), self._clock.zone)
                if self.scale.start <= at < self.scale.end and (seen is None or at > seen):
                    seen = at
                    yield at
            day += timedelta(days=1)

    # ── The rules ────────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def quiet_spans(self) -> list[tuple[datetime, datetime]]:
        """Of the cap's quiet hours and of their own, those that overlap as one."""
        found = [self._spans_of(quiet) for quiet in (self.cap.quiet_hours, self._own_quiet) if quiet is not None]
        spans: list[tuple[datetime, datetime]] = []
        for begins, ends in sorted(span for each in found for span in each):
            if spans and begins <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(ends, spans[-1][1]))
            else:
                spans.append((begins, ends))
        return spans

    def _spans_of(self, quiet: QuietHours) -> list[tuple[datetime, datetime]]:
        spans = []
        day = self._clock.local(self.scale.start).date() - timedelta(days=1)
        while day <= self._clock.local(self.scale.end).date():
            last = day if quiet.end_time > quiet.start_time else day + timedelta(days=1)
            begins = instant_of(day, quiet.start_time, self._clock.zone)
            ends = instant_of(last, quiet.end_time, self._clock.zone)
            if begins < self.scale.end and ends > self.scale.start and begins < ends:
                spans.append((max(begins, self.scale.start), min(ends, self.scale.end)))
            day += timedelta(days=1)
        return spans

    @property
    def quiet(self) -> list[Bar]:
        return [Bar(self.scale.x(begins), self.scale.width(begins, ends)) for begins, ends in self.quiet_spans]

    @property
    def _own_quiet(self) -> QuietHours | None:
        return self._view.preferences.quiet_hours

    @property
    def gap(self) -> Bar | None:
        if not self._hours_between or not self._counted:
            return None
        last = self._counted[-1].at
        until = last + timedelta(hours=self._hours_between)
        if until <= self.scale.start:
            return None
        return Bar(self.scale.x(last), self.scale.width(last, until), self.lanes_y - 20)

    @property
    def gap_words(self) -> str:
        return f"Gap of {hours(self._hours_between)}"

    @property
    def _hours_between(self) -> float:
        """The cap's gap, or the one that they wish when that is longer."""
        return max(self.cap.min_hours_between or 0, self._view.preferences.hours_between or 0)

    # ── The slots ────────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def bars(self) -> list[Bar]:
        """The lowest is the first message; a slot is taken from its message on, until it counts no more."""
        limit, used = self.cap.max_per_day, len(self._counted)
        if limit == 0:
            return []
        shown = self._counted[-self.rows :]
        bars = [self._taken(row, used - len(shown) + row + 1, send) for row, send in enumerate(shown)]
        free_from = self._free_from()
        for number in range(len(shown), self.rows if limit is not None and limit > used and free_from else 0):
            bars.append(self._free(number, used - len(shown) + number + 1, free_from or self._clock.now))
        return bars

    @property
    def more(self) -> str:
        hidden = len(self._counted) - self.rows
        return f"+ {hidden} earlier" if hidden > 0 else ""

    def _row_y(self, row: int) -> int:
        return 32 + (self.rows - 1 - row) * _SLOT

    def _taken(self, row: int, number: int, send: SendRecord) -> Bar:
        end = self.scale.end if self.is_day else min(send.at + ROLLING, self.scale.end)
        words = f"{number} · {channel_word(send.channel)} {self._clock.time(send.at)}"
        return Bar(self.scale.x(send.at), self.scale.width(send.at, end), self._row_y(row), self.scale.x(end), words)

    def _free(self, row: int, number: int, since: datetime) -> Bar:
        is_first = number == len(self._counted) + 1
        waits = f" from {self._clock.short(since)}" if is_first and since > self._clock.now else ""
        width = self.scale.width(since, self.scale.end)
        return Bar(self.scale.x(since), width, self._row_y(row), "100%", f"{number} · free{waits}", is_free=True)

    def _free_from(self) -> datetime | None:
        """When the next slot can be used on some channel; None when that is not within what is shown."""
        moments = [max(line.at, self._clock.now) for line in self._lines if line.at is not None]
        first = min(moments, default=None)
        return first if first is not None and first < self.scale.end else None

    # ── The channels ─────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def lanes(self) -> list[Lane]:
        return [self._lane(line, self.lanes_y + number * _LANE) for number, line in enumerate(self._lines)]

    def _lane(self, line: ChannelLine, y: int) -> Lane:
        if line.at is None:
            return Lane(line.channel, line.word, line.icon, y, wait=line.held_by)
        at = max(line.at, self._clock.now)
        if at >= self.scale.end:
            return Lane(line.channel, line.word, line.icon, y, wait=line.when)
        words = "now" if line.is_open else f"from {line.when}"
        # Near the right edge there is no room behind the mark.
        kind = "end" if self.scale.share(at) > 82 else ""
        return Lane(
            line.channel, line.word, line.icon, y, self.scale.x(at), self.scale.x(self.open_until(at)), words, kind
        )

    def open_until(self, at: datetime) -> datetime:
        """Until when what is open at ``at`` stays so by itself: until the next quiet hours."""
        return min((begins for begins, _ in self.quiet_spans if begins > at), default=self.scale.end)

    @cached_property
    def marks(self) -> list[Mark]:
        ys = {line.channel: self.lanes_y + number * _LANE for number, line in enumerate(self._lines)}
        counted = {send.grant_id for send in self._counted}
        found = [
            Mark(self.scale.x(one.at), ys[one.channel], "refused", f"{self._clock.short(one.at)} refused: {one.why}")
            for one in self._refusals
            if one.channel in ys
        ]
        for send in self._view.sends_in_window:
            if send.channel in ys and self.scale.has(send.at):
                kind, words = ("sent", "sent") if send.grant_id in counted else ("uncounted", "sent, does not count")
                found.append(
                    Mark(self.scale.x(send.at), ys[send.channel], kind, f"{self._clock.short(send.at)} {words}")
                )
        return found

    def has(self, kind: str) -> bool:
        return any(mark.kind == kind for mark in self.marks)

    @property
    def has_uncounted(self) -> bool:
        return self.has("uncounted")

    @property
    def desc(self) -> str:
        """The drawing in words."""
        clock, used = self._clock, len(self._counted)
        limit = "no cap" if self.cap.max_per_day is None else f"a cap of {self.cap.max_per_day}"
        parts = [f"{used} sent that count, {limit}."]
        parts += [f"Sent by {channel_word(send.channel)} at {clock.short(send.at)}." for send in self._counted[-10:]]
        parts += [f"Refused: {channel_word(one.channel)} at {clock.short(one.at)}." for one in self._refusals[:10]]
        parts += [f"{line.word} is allowed {'now' if line.is_open else line.when}." for line in self._lines]
        if self.cap.quiet_hours is not None:
            parts.append(f"Quiet hours from {self.cap.quiet_hours.start} to {self.cap.quiet_hours.end}.")
        if self._own_quiet is not None:
            parts.append(f"Their own quiet hours from {self._own_quiet.start} to {self._own_quiet.end}.")
        return " ".join(parts)
