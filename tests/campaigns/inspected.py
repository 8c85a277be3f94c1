"""People whose page is drawn, for tests: views as an actor gives them, on a clock of the test's own."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.actor.state import ActorState
from campaigns.actor.view import view_of
from campaigns.contract import ActorView, CapPolicy, Preferences, RunView, SendRecord, UserActorInput
from campaigns.inspector.facts import Facts, Policy
from campaigns.inspector.page import ActorPage
from campaigns.models import Contact

NOON = datetime(2026, 11, 19, 13, 8, 10, tzinfo=UTC)
"""14:08:10 in Berlin, a Thursday."""


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> datetime:
    """A moment by somebody's clock: ``2026-11-19 09:40``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def sent(moment: datetime, channel: str = "email", **fields: Any) -> SendRecord:
    return SendRecord(f"CMP-1:1:{moment:%H%M}:{channel}", "CMP-1", channel, moment, "marketing", **fields)


def view(
    sends: list[SendRecord],
    now: datetime = NOON,
    *,
    zone: str = "Europe/Berlin",
    cap: CapPolicy | None = None,
    **wishes: Any,
) -> ActorView:
    """What the actor would answer at ``now``."""
    start = UserActorInput(
        "USER-042",
        preferences=Preferences(time_zone=zone, **wishes),
        sends=sends,
        policy=cap or CapPolicy(version=7, max_per_day=3, window="calendar"),
    )
    return view_of(ActorState(start, now), now, 5, RunView(1), with_decisions=True)


def page(sends: list[SendRecord], now: datetime = NOON, **fields: Any) -> ActorPage:
    contact = Contact(user_id="USER-042", name="Maren Holt", email="maren@example.com", phone="+491", push_token="t")
    contact.name = fields.pop("name", contact.name)
    facts = Facts(
        contact, fields.pop("refusals", {}), fields.pop("log", []), 0, [], Policy("Everybody", "default", 7, 7)
    )
    return ActorPage(view(sends, now, **fields), facts, now)
