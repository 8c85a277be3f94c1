"""The demo's campaigns, one in each state. They need Temporal and a worker, and are launched once.

Those that send reach the last contacts only, and each of these once: everybody's cap is left to whoever tries the demo.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import gateway
from campaigns.contract import Door, grant_id_for
from campaigns.demo import TEMPLATES
from campaigns.gateway import Draft
from campaigns.models import Campaign, SandboxMessage
from dashboard.demo_telling import tell, untold, wait_until

WRITER = "marketer"

BUSY_NUMBER = "+49152115550002"
"""One that the sandbox's network refuses for now, each time (``campaigns.channels.sandbox.Fate``)."""

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
        rows = Campaign.objects.filter(campaign_id=campaign_id, sent_count__gte=number)
        wait_until(rows.exists, every=0.25)

    return step


def meets_a_busy_network(first: int, last: int) -> Step:
    """The sandbox refuses what this campaign sends to these contacts, each time: their numbers stay what they are.

    It keeps the address of a message by its grant, from when it first heard of it.
    """

    def step(campaign_id: str, user: User, key: str) -> None:
        SandboxMessage.objects.bulk_create(
            (
                SandboxMessage(
                    grant_id=(grant_id := grant_id_for(campaign_id, 1, user_id)),
                    reference=f"busy-{grant_id}"[-64:],
                    channel="sms",
                    address=BUSY_NUMBER,
                    user_id=user_id,
                    campaign_id=campaign_id,
                )
                for user_id in _people(first, last)["user_ids"]
            ),
            ignore_conflicts=True,
        )

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
            {"rate_per_minute": 20},
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
        # Last but one, because it takes its time to fail, and that nobody has to wait for.
        DemoCampaign(
            "Headsets, now in green", 2, _people(385, 424), steps=(meets_a_busy_network(385, 424), launches())
        ),
        DemoCampaign("Winter catalogue", 0, {"segment": "German speaking"}, {"rate_per_minute": 240}),
    ]


def unlaunched_campaigns() -> list[DemoCampaign]:
    """Which of the demo's campaigns have never been written: all on the first start, none later."""
    return untold(campaigns(), lambda demo: f"{WRITER}:{_key(demo)}", Campaign.objects.all())


def launch_demo_campaigns() -> None:
    """Write them, and do what has happened with each so far."""
    user = User.objects.get(username=WRITER)
    tell(unlaunched_campaigns(), lambda demo: _begin(demo, user))


def _begin(demo: DemoCampaign, user: User) -> None:
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
