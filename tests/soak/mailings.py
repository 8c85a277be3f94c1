"""Runs inside a stack's ``manage.py shell``: people and campaigns for the soak and the benchmark of campaigns."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.models import User
from django.db import connections

from campaigns import gateway
from campaigns.contract import Channel, Door
from campaigns.models import CampaignSettings, CapPolicy, Contact, OptOut, Segment

LAUNCHES_AT_ONCE = 8
SUBJECT = "{token} for {{{{ first_name }}}}"
BODY = "Hello {{ first_name }}, the shop is open.\n\nNo more of this: {{ unsubscribe_url }}\n"


def settle(most_a_day: int | None, **limits: Any) -> None:
    """One cap for everybody, and the limits that new launches carry. Failures pause no campaign unless it is said."""
    CapPolicy.objects.all().delete()
    CapPolicy.objects.create(name="Everybody", is_default=True, max_per_day=most_a_day)
    row = CampaignSettings.current()
    fields = {"approval_above": 1_000_000, "rate_per_minute": 1_000_000, "pause_error_percent": 0, **limits}
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def people(group: str, count: int, *, opted_out: bool = False) -> None:
    """Contacts ``<group>-00001`` and on, who can be reached by mail, and the segment that they are."""
    ids = [f"{group}-{number:05}" for number in range(1, count + 1)]
    Contact.objects.bulk_create(
        Contact(
            user_id=one,
            name=f"Amara {one}",
            email=f"{one.lower()}@example.com",
            time_zone="UTC",
            locale="en",
            attributes={"group": group},
        )
        for one in ids
    )
    mine = {"match": "all", "filters": [{"field": "attributes.group", "op": "is", "value": group}]}
    Segment.objects.create(name=group, filters=mine)
    if opted_out:
        OptOut.objects.bulk_create(OptOut(user_id=one, channel=Channel.EMAIL, version=1) for one in ids)


def launch(token: str, count: int, group: str, *, defers: bool = False, rate_per_minute: int | None = None) -> None:
    """``count`` campaigns at once to the same people. Prints ``campaign <id> <token>-<number>``; the subject begins so."""
    user = User.objects.get(username="marketer")

    def one(number: int) -> None:
        name = f"{token}-{number:02}"
        draft = gateway.Draft(
            name=name,
            subject=SUBJECT.format(token=name),
            body_text=BODY,
            audience={"segment": group},
            defers=defers,
            rate_per_minute=rate_per_minute,
        )
        try:
            written = gateway.create_draft(user=user, draft=draft, key=name)
            gateway.launch(written.campaign_id, user=user, door=Door.CLI, key=name)
        finally:
            connections.close_all()
        print(f"campaign {written.campaign_id} {name}\n", end="")

    with ThreadPoolExecutor(LAUNCHES_AT_ONCE) as pool:
        list(pool.map(one, range(1, count + 1)))
