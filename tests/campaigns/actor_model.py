"""What an actor should do, said once more and as plainly as possible: all messages ever granted, and a question.

It shares no code with the actor: days are dates on the person's clock, and nothing is ever forgotten. Its quiet hours are
what the clock shows, which is right as long as they neither begin nor end in an hour that comes twice or not at all.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.contract import CapPolicy, OptOut, Preferences, QuietHours, SendRecord, SendRequest, UserActorInput

KEPT = timedelta(hours=48)
"""What is older is not given back any more."""


@dataclass
class Model:
    zone: str = "UTC"
    policy: CapPolicy | None = None
    own_cap: CapPolicy | None = None
    paused_until: datetime | None = None
    hours_between: float | None = None
    quiet: QuietHours | None = None
    zone_said_at: datetime | None = None
    out: set[tuple[str, str]] = field(default_factory=set)
    sends: list[SendRecord] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)

    def rules(self, brought: CapPolicy) -> CapPolicy:
        return self.own_cap or max([brought, self.policy or brought], key=lambda policy: policy.version)

    def allows(self, request: SendRequest, now: datetime) -> bool:
        rules, zone = self.rules(request.policy), ZoneInfo(self.zone)
        if request.grant_id in self.spent:
            return False
        if any(
            channel in ("", request.channel)
            and category in ("", request.category)
            and not (request.transactional and category == "marketing")
            for channel, category in self.out
        ):
            return False
        if request.transactional:
            return True
        counted = [send for send in self.sends if rules.count_transactional or not send.transactional]
        day = [send for send in counted if self.is_same_day(send.at, now, rules)]
        caps = [(rules.max_per_day, len(day))]
        caps += [((rules.per_channel or {}).get(request.channel), sum(s.channel == request.channel for s in day))]
        caps += [((rules.per_category or {}).get(request.category), sum(s.category == request.category for s in day))]
        gap = timedelta(hours=max(rules.min_hours_between or 0, self.hours_between or 0))
        clock = f"{now.astimezone(zone):%H:%M}"
        return not (
            any(limit is not None and count >= limit for limit, count in caps)
            or any(now - send.at < gap for send in counted)
            or (self.paused_until is not None and now < self.paused_until)
            or any(is_quiet(clock, quiet) for quiet in (rules.quiet_hours, self.quiet))
        )

    def is_same_day(self, at: datetime, now: datetime, rules: CapPolicy) -> bool:
        if rules.window == "rolling":
            return now - at < timedelta(hours=24)
        zone = ZoneInfo(self.zone)
        return at.astimezone(zone).date() >= now.astimezone(zone).date()

    # ── What happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    def grant(self, request: SendRequest, now: datetime) -> None:
        self.policy = max([request.policy, self.policy or request.policy], key=lambda policy: policy.version)
        if all(send.grant_id != request.grant_id for send in self.sends):
            what: dict[str, Any] = {"category": request.category, "transactional": request.transactional}
            self.sends.append(SendRecord(request.grant_id, request.campaign_id, request.channel, now, **what))

    def hear_of_zone(self, zone: str, said_at: datetime) -> None:
        """The newest word holds, whenever it comes."""
        if self.zone_said_at is None or said_at >= self.zone_said_at:
            self.zone, self.zone_said_at = zone, said_at

    def release(self, grant_id: str, now: datetime) -> None:
        if not any(send.grant_id == grant_id and now - send.at >= KEPT for send in self.sends):
            self.sends = [send for send in self.sends if send.grant_id != grant_id]
            self.spent.add(grant_id)

    def seed(self, user_id: str, now: datetime) -> UserActorInput:
        """What the send log would tell an actor that has to be created again. When something was said is not kept there."""
        self.zone_said_at = None
        recent = [send for send in self.sends if now - send.at < KEPT]
        before = sorted((send for send in self.sends if send not in recent), key=lambda send: send.at)
        recent += {send.transactional: send for send in before}.values()
        old = [send.grant_id for send in self.sends if send not in recent]
        return UserActorInput(
            user_id,
            preferences=Preferences(
                time_zone="" if self.zone == "UTC" else self.zone,
                opt_outs=[OptOut(*pair) for pair in sorted(self.out)],
                paused_until=self.paused_until,
                hours_between=self.hours_between,
                quiet_hours=self.quiet,
            ),
            sends=recent,
            used_grant_ids=[*old, *sorted(self.spent)],
            own_cap=self.own_cap,
            policy=self.policy,
        )


def is_quiet(clock: str, quiet: QuietHours | None) -> bool:
    if quiet is None:
        return False
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end


def over_the_cap(model: Model, rules: CapPolicy) -> list[str]:
    """Windows that hold more than ``rules`` allow: each 24 hours that begin with a message, each date of the clock."""
    marketing = [send for send in model.sends if not send.transactional]
    limit, zone = rules.max_per_day, ZoneInfo(model.zone)
    if limit is None:
        return []
    if rules.window == "calendar":
        dates = [send.at.astimezone(zone).date() for send in marketing]
        return [str(date) for date in dates if dates.count(date) > limit]
    span = timedelta(hours=24)
    return [str(one.at) for one in marketing if sum(one.at <= s.at < one.at + span for s in marketing) > limit]


CHANGES_OF_THE_CLOCK = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-10-03T15:30", "2026-04-04T15:00"],
    "Pacific/Kiritimati": ["2026-11-21T10:00"],  # UTC+14 and UTC−12 have none: their midnights
    "Etc/GMT+12": ["2026-11-21T12:00"],
    "UTC": ["2026-11-21T00:00"],
}


def changes_of(zone: str) -> list[datetime]:
    return [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in CHANGES_OF_THE_CLOCK[zone]]
