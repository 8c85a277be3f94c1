"""Campaigns whose recipients are written down, and their batches run as a worker runs them, without a campaign's workflow."""

from itertools import count
from typing import Any

from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from campaigns import activities
from campaigns.contract import BatchInput, BatchResult, Mailing, Positions, user_actor_workflow_id
from campaigns.models import Campaign, CampaignRecipient, CampaignSettings, CapPolicy, Contact
from campaigns.sending.audience import snapshot
from temporal_worker import client
from tests.campaigns.contacts_of import contact

_tokens = count(1)
_token = ""


def begin() -> None:
    """New ids for a test: what the server has of another test's actors, ended or not, answers to none of them."""
    global _token
    _token = f"T{next(_tokens)}"


def uid(number: int = 1) -> str:
    return f"{_token}-{number:03}"


def cid(number: int = 1) -> str:
    return f"CMP-{_token}-{number}"


def person(number: int = 1, **fields: Any) -> Contact:
    return contact(uid(number), **fields)


def configure(**fields: Any) -> None:
    CampaignSettings.current()
    CampaignSettings.objects.update(**fields)


FAST = 1_000_000
"""A rate that holds nothing back."""


def cap(most: int | None = 3, **rules: Any) -> None:
    CapPolicy.objects.create(name="Everybody", is_default=True, max_per_day=most, **rules)


def people(count: int, **fields: Any) -> list[str]:
    return [person(number, **fields).user_id for number in range(1, count + 1)]


def campaign(number: int = 1, *, channel: str = "push", audience: Any = "all", **fields: Any) -> Campaign:
    """A launched campaign with its recipients."""
    texts = {"subject": "Hello {{ first_name }}", "body_text": "Dear {{ name }}"}
    if channel == "sms":
        texts["subject"] = ""
    row = Campaign.objects.create(
        **{
            "campaign_id": cid(number),
            "idempotency_key": f"key-{number}",
            "name": "Spring",
            "channel": channel,
            "audience": audience,
            **texts,
            **fields,
        }
    )
    return snapshot(row.campaign_id, alive=lambda: None)


def batch(row: Campaign, **fields: Any) -> BatchInput:
    mailing = {"channel": row.channel, "category": row.category, "texts_version": row.draft_version, "defers": False}
    mailing |= {name: fields.pop(name) for name in ("defers", "ends_at", "transactional") if name in fields}
    defaults = {
        "positions": Positions(1, row.recipients.count()),
        "limit": 1_000,
        "gate": row.gate,
        "rate_per_minute": FAST,
    }
    return BatchInput(Mailing(row.campaign_id, row.campaign_id, **mailing), **{**defaults, **fields})


class Run:
    """A batch that a worker runs: ``cancel`` it as the server does."""

    def __init__(self, worker: Client | None = None) -> None:
        self.environment = ActivityEnvironment(worker or client.get_client())

    def __call__(self, what: BatchInput) -> BatchResult:
        return client.call(self.environment.run(activities.send_batch, what), timeout=60)


def send(row: Campaign, **fields: Any) -> BatchResult:
    return Run()(batch(row, **fields))


def states(row: Campaign) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in CampaignRecipient.objects.filter(campaign=row).values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def actors_running() -> set[str]:
    """Workflow ids of all actors that the server has, open or not."""

    async def ask() -> set[str]:
        found = (await client.aget_client()).list_workflows("WorkflowType = 'UserActorWorkflow'")
        return {one.id async for one in found if one.status is not None and one.status.name == "RUNNING"}

    return client.call(ask())


def actor_of(user_id: str) -> str:
    return user_actor_workflow_id(user_id)
