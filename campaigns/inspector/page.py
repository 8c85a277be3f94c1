"""All that the page of one person shows, in the order in which it is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from campaigns.contract import ActorView, OptOut
from campaigns.gateway.runs import Run
from campaigns.inspector import decisions, lede
from campaigns.inspector.channels import ChannelLine, channel_lines, window_phrase
from campaigns.inspector.clock import Clock
from campaigns.inspector.dayline import Dayline
from campaigns.inspector.drawing import Refusal
from campaigns.inspector.facts import Facts
from campaigns.inspector.runs import RunLine, run_lines
from campaigns.inspector.words import (
    CHANNELS,
    cap_words,
    channel_word,
    hours,
    quiet_words,
    rule_word,
    several,
    window_words,
)
from campaigns.models import PreferenceChange, SendLog
from campaigns.models.words import Outcome
from dashboard.phrases import Part

SHOWN = 12
"""Decisions on the page; all of them have a page of their own."""
LOOK_AGAIN = timedelta(seconds=2)
GIVEN_UP = timedelta(minutes=10)
"""An intent as old as this was left behind by a crash: nothing comes of looking again."""


@dataclass(frozen=True)
class ActorPage:
    """``source`` is the reading's: ``temporal``, ``seed`` or ``database``. ``at`` is the moment it is true for."""

    view: ActorView
    facts: Facts
    at: datetime
    source: str = "temporal"
    runs: Sequence[Run] = field(default_factory=list)

    @cached_property
    def clock(self) -> Clock:
        known = self.view.preferences.time_zone
        if not known and self.view.cap is not None and self.view.cap.time_zone == self.facts.contact.time_zone:
            known = self.view.cap.time_zone  # a request has brought it, see campaigns.policies
        zone = known or (self.view.cap.time_zone if self.view.cap else "UTC")
        return Clock(ZoneInfo(zone), self.at, bool(known))

    @property
    def name(self) -> str:
        return self.facts.contact.name or self.facts.contact.user_id

    @property
    def runs_now(self) -> bool:
        return self.source == "temporal"

    @cached_property
    def lines(self) -> list[ChannelLine]:
        return channel_lines(self.view, self.facts, self.clock)

    @property
    def standing(self) -> tuple[str, str]:
        return lede.standing(self.view, self.lines)

    @property
    def title(self) -> str:
        """``Waits · Amara Okafor``: what the tab says."""
        return f"{self.standing[1]} · {self.name}"

    @property
    def lede(self) -> list[Part]:
        return lede.lede(self.view, self.lines, self.clock)

    @property
    def used_head(self) -> str:
        return "Used today" if window_phrase(self.view) == "today" else "Used in 24 h"

    @cached_property
    def dayline(self) -> Dayline:
        return Dayline(self.view, self.lines, _refusals(self.facts.log), self.clock)

    # ── What happened ────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def entries(self) -> list[decisions.Entry]:
        return decisions.entries(self.view.decisions, self.facts.log, self.facts.campaigns, self.clock)

    @property
    def shown(self) -> list[decisions.Entry]:
        return self.entries[:SHOWN]

    @property
    def all_count(self) -> int:
        """Of the log, and what only the actor knows."""
        return self.facts.log_count + sum(one.key.startswith("actor-") for one in self.entries)

    @cached_property
    def flights(self) -> list[decisions.Flight]:
        return decisions.flights(self.view.sends_in_window, self.facts.outcomes, self.facts.campaigns, self.clock)

    @cached_property
    def waiting(self) -> list[decisions.Waiting]:
        return decisions.waiting(self.facts.deferred, self.clock)

    # ── What they want, and what holds ───────────────────────────────────────────────────────────────────────────────

    @property
    def reach(self) -> list[tuple[str, str]]:
        """Each channel: whether they can be written to by it, and why not."""
        return [(word, self._reach(channel)) for channel, word in CHANNELS.items()]

    def _reach(self, channel: str) -> str:
        contact, preferences = self.facts.contact, self.view.preferences
        if any(one.key() in ((channel, ""), ("", "")) for one in preferences.opt_outs):
            return "No, they have opted out"
        if contact.is_suppressed(channel) or channel in preferences.suppressed_channels:
            return f"No, {contact.get_suppressed_reason_display()}" if contact.suppressed_reason else "No, suppressed"
        if not contact.address_for(channel):
            return "No address"
        limit = (self.view.cap.per_channel or {}).get(channel) if self.view.cap else None
        return "Yes" if limit is None else f"Yes, at most {limit} a day"

    @property
    def topics(self) -> str:
        out = [one for one in self.view.preferences.opt_outs if one.key()[1]]
        return f"All but {several([opt_out_words(one) for one in out])}" if out else "All"

    @property
    def paused(self) -> str:
        until = self.view.preferences.paused_until
        return f"Until {self.clock.short(until)}" if until is not None and until > self.at else "No"

    @property
    def how_often(self) -> str:
        wish = self.view.preferences.hours_between
        return f"{hours(wish)} apart at least, as they wish" if wish else "As the cap allows"

    @property
    def own_quiet(self) -> str:
        wish = self.view.preferences.quiet_hours
        return f"{quiet_words(wish)}, as they wish" if wish else "As the cap has them"

    @property
    def quiet(self) -> str:
        return quiet_words(self.view.cap.quiet_hours if self.view.cap else None)

    @property
    def cap_words(self) -> str:
        return cap_words(self.view.cap)

    @property
    def window_words(self) -> str:
        return window_words(self.view.cap)

    @property
    def cap_rules(self) -> list[tuple[str, str]]:
        cap = self.view.cap
        if cap is None:
            return []
        limits = [(rule_word(f"per_channel.{name}"), most) for name, most in (cap.per_channel or {}).items()]
        limits += [(rule_word(f"per_category.{name}"), most) for name, most in (cap.per_category or {}).items()]
        return [(word, f"{most} a day") for word, most in limits if most is not None]

    @property
    def is_own_cap(self) -> bool:
        return self.view.own_cap is not None

    @property
    def policy_words(self) -> str:
        """Where what decides comes from, and its version."""
        known = self.view.policy.version if self.view.policy else 0
        if self.is_own_cap:
            return "Their own cap, which takes the place of every policy"
        if not self.facts.policy.name:
            return "No policy is set up: nothing holds messages back"
        kind = {"person": "for this person", "segment": "of a segment", "default": "for everybody"}
        return f"{self.facts.policy.name}, {kind[self.facts.policy.kind]}, version {known}"

    @property
    def newer_policy(self) -> str:
        """Policies have been changed since the actor last heard of one."""
        known = self.view.policy.version if self.view.policy else 0
        if self.is_own_cap or self.facts.policy.counter <= known:
            return ""
        newer = self.facts.policy.counter
        return f"Policies are at version {newer}: it decides from now on, and the actor keeps it with the next grant."

    @property
    def history(self) -> list[tuple[PreferenceChange, str, str]]:
        """Changes of wishes: the row, what changed, and when on their clock."""
        return [(row, change_words(row), self.clock.short(row.at)) for row in self.facts.history]

    # ── The run ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def run_lines(self) -> list[RunLine]:
        return run_lines(self.view.run, self.runs, self.clock) if self.runs_now else []

    @property
    def turns_at(self) -> datetime | None:
        """When the page says something else without any message: a slot gets free, a pause or quiet hours end or begin."""
        now = self.at
        moments = [line.at for line in self.lines if line.at is not None]
        moments += [self.dayline.open_until(now), self.dayline.scale.end] if self.dayline.is_day else []
        moments += [begins for begins, _ in self.dayline.quiet_spans]
        moments += [at for at in (self.view.window_ends_at, self.view.preferences.paused_until) if at is not None]
        moments += [one.at for one in self.waiting]
        # An outcome is written to the log, of which the actor hears nothing.
        for flight in self.flights:
            age = now - flight.since
            if flight.is_ours and age < GIVEN_UP:
                moments.append(now + max(LOOK_AGAIN, age))
        return min((at for at in moments if at > now), default=None)


def _refusals(log: Sequence[SendLog]) -> list[Refusal]:
    return [
        Refusal(row.channel, row.at, rule_word(row.rule or row.code))
        for row in log
        if row.outcome in (Outcome.DENIED, Outcome.DEFERRED) and not row.is_test
    ]


def opt_out_words(out: OptOut) -> str:
    """``newsletter``, ``newsletter by SMS``, ``everything``."""
    channel, category = out.key()
    if not category:
        return f"everything by {channel_word(channel)}" if channel else "everything"
    return f"{category} by {channel_word(channel)}" if channel else category


def change_words(row: PreferenceChange) -> str:
    what = PreferenceChange.What
    where = opt_out_words(OptOut(row.channel, row.category))
    match row.what:
        case what.OPTED_OUT:
            return f"Opted out of {where}"
        case what.OPTED_IN:
            return f"Opted in to {where} again"
        case what.CAP:
            return f"Own cap: {row.text}" if row.text else "Own cap changed"
        case what.PREFERENCES:
            return row.text or "Preferences changed"
        case what.SUPPRESSED | what.UNSUPPRESSED:
            by = f" by {channel_word(row.channel)}" if row.channel else " by every channel"
            verb = "Suppressed" if row.what == what.SUPPRESSED else "No longer suppressed"
            return f"{verb}{by}{f': {row.text}' if row.text else ''}"
    return f"{row.get_what_display().capitalize()}{f': {row.text}' if row.text else ''}"
