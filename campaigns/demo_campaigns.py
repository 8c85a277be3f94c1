"""The demo's campaigns, one in each state. They need Temporal and a worker, and are launched once.

Those that send reach the last contacts only, and each of these once: everybody's cap is left to whoever tries the demo.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import gateway
from campaigns.contract import Door
from campaigns.demo import TEMPLATES
from campaigns.gateway import CampaignProblem, Draft, Unavailable
from campaigns.models import Campaign

log = structlog.get_logger(__name__)

WRITER = "marketer"
PATIENCE = 20.0
"""Seconds until a campaign has sent what is waited for."""

Step = Callable[[str, User, str], None]
"""What happens to a campaign once it is there: its id, who does it, and a key."""


@dataclass(frozen=True)
class DemoCampaign:
    name: str
    template: int
    """Which of the demo's texts."""
    audience: Any
    fields: dict[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


def _people(first: int, last: int) -> dict[str, list[str]]:
    return {"user_ids": [f"USER-{number:03}" for number in range(first, last + 1)]}


def launches(*, asks_first: bool = False) -> Step:
    def step(campaign_id: str, user: User, key: str) -> None:
        gateway.launch(campaign_id, user=user, door=Door.WEB, key=key, asks_first=asks_first)

    return step


def sends(number: int) -> Step:
    """Waits until so many have got it."""

    def step(campaign_id: str, user: User, key: str) -> None:
        until = monotonic() + PATIENCE
        while monotonic() < until:
            if Campaign.objects.filter(campaign_id=campaign_id, sent_count__gte=number).exists():
                return
            sleep(0.25)

    return step


def pauses(reason: str) -> Step:
    def step(campaign_id: str, user: User, key: str) -> None:
        gateway.pause(campaign_id, user=user, door=Door.WEB, reason=reason, key=key)

    return step


def cancels(reason: str) -> Step:
    def step(campaign_id: str, user: User, key: str) -> None:
        gateway.cancel(campaign_id, user=user, door=Door.WEB, reason=reason, key=key)

    return step


def campaigns() -> list[DemoCampaign]:
    """The oldest first: lists show the newest first."""
    tomorrow = (timezone.now() + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    return [
        DemoCampaign("Numbered keycaps are back", 3, _people(489, 500), steps=(launches(),)),
        DemoCampaign(
            "Headset clearance",
            2,
            _people(425, 440),
            {"rate_per_minute": 120},
            (launches(), sends(2), cancels("The headsets are sold out.")),
        ),
        DemoCampaign(
            "What changed on your plan",
            1,
            _people(441, 448),
            {"rate_per_minute": 60},
            (launches(), sends(2), pauses("The third change is not decided yet.")),
        ),
        DemoCampaign(
            "Monday letter",
            0,
            {"segment": "Frequent visitors"},
            {"recurs": "0 9 * * 1", "time_zone": "Europe/Berlin"},
            (launches(),),
        ),
        DemoCampaign("Letter to all members", 0, {"segment": "Members"}, steps=(launches(asks_first=True),)),
        DemoCampaign("Flash sale", 2, {"segment": "Paying"}, {"starts_at": tomorrow}, (launches(),)),
        DemoCampaign("Autumn letter", 0, _people(449, 488), {"rate_per_minute": 1}, (launches(),)),
        DemoCampaign("Winter catalogue", 0, {"segment": "German speaking"}, {"rate_per_minute": 240}),
    ]


def unlaunched_campaigns() -> list[DemoCampaign]:
    """Which of the demo's campaigns have never been written: all on the first start, none later."""
    known = set(Campaign.objects.values_list("idempotency_key", flat=True))
    return [demo for demo in campaigns() if f"{WRITER}:{_key(demo)}" not in known]


def launch_demo_campaigns() -> None:
    """Write them, and do what has happened with each so far.

    What is refused – an administrator changed texts or people meanwhile – stays as far as it came.
    """
    user = User.objects.get(username=WRITER)
    for demo in unlaunched_campaigns():
        try:
            _tell(demo, user)
        except Unavailable:
            raise
        except CampaignProblem as problem:
            log.warning("demo_campaign_refused", demo=demo.name, problem=problem.detail)


def _tell(demo: DemoCampaign, user: User) -> None:
    texts = TEMPLATES[demo.template]
    draft = Draft(
        name=demo.name,
        channel=texts["channel"],
        audience=demo.audience,
        subject=texts["subject"],
        body_text=texts["body_text"],
        body_html=texts["body_html"],
        template=texts["name"],
        **demo.fields,
    )
    view = gateway.create_draft(user=user, draft=draft, key=_key(demo))
    for number, step in enumerate(demo.steps, start=1):
        step(view.campaign_id, user, f"{_key(demo)}-{number}")


def _key(demo: DemoCampaign) -> str:
    return f"demo-{demo.name.lower().replace(' ', '-')}"
