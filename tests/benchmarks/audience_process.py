"""Runs inside a ``manage.py shell`` of its own: an audience is written down and its letters are looked at, and nothing else."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campaigns.models import Campaign, CampaignRecipient
from campaigns.sending.audience import snapshot
from campaigns.sending.letters import check_letters


def measure(group: str) -> None:
    """Prints what both took, as JSON: ``people``, and of each ``seconds`` and the ``mib`` that it had beyond those before."""
    row = Campaign.objects.create(
        campaign_id=f"CMP-{group}",
        idempotency_key=f"bench-{group}",
        name=group,
        channel="email",
        audience={"segment": group},
        subject="{{ attributes.group }} for {{ first_name }}",
        body_text="Hello {{ name }}, the shop is open.\n\nNo more of this: {{ unsubscribe_url }}\n",
    )
    fixed = _took(lambda: snapshot(row.campaign_id, alive=lambda: None))
    row.refresh_from_db()
    looked = _took(lambda: check_letters(row, lambda done: None))
    people = CampaignRecipient.objects.filter(campaign=row).count()
    print(json.dumps({"people": people, "fixed": fixed, "looked": looked}))


def _took(work: Callable[[], Any]) -> dict[str, float]:
    Path("/proc/self/clear_refs").write_text("5")  # from now on the peak is the work's own, see proc(5)
    before, began = _memory("VmRSS"), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - began, "mib": _memory("VmHWM") - before}


def _memory(field: str) -> float:
    """In MiB; Linux tells KiB. (``getrusage`` would tell the peak of the process that started this one, if that is higher.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[field].split()[0]) / 1024
