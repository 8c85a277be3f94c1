"""Records histories of finished and running processes: ``python -m tests.histories.record tests/histories/<area>/<version>``.

Run it when a release changes what an area's workflows do, and keep the older folders: a history that was recorded once has
to replay for as long as a process like it may still be running. The scenarios are in ``<area's noun>_scenarios.py``.
``WITHOUT=<patch>,…`` records them as the code from before these patches would: its branches are still here. ``ONLY=<scenario>``
records one of them.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import django
from temporalio import workflow


def without_the_machine(value: Any) -> Any:
    """The history without what tells of the machine that recorded it: who worked, and where its files lie."""
    if isinstance(value, list):
        return [without_the_machine(each) for each in value]
    if not isinstance(value, dict):
        return value
    told = {"identity": "worker", "stackTrace": "", "binaryChecksum": "", "buildId": "build"}
    return {key: told.get(key, without_the_machine(each)) for key, each in value.items()}


def leave_out(patches: set[str]) -> None:
    """From here on workflows in this process take the branches from before these patches."""
    patched = workflow.patched
    workflow.patched = lambda patch: patch not in patches and patched(patch)


async def record(folder: Path) -> None:
    from tests.histories import (
        actor_scenarios,
        approval_scenarios,
        campaign_scenarios,
        import_scenarios,
        late_scenarios,
        order_scenarios,
        stop_scenarios,
    )
    from tests.servers import start_time_skipping_server

    area = {
        "orders": order_scenarios,
        "approvals": approval_scenarios,
        "campaigns": actor_scenarios,
        "imports": import_scenarios,
        "launches": campaign_scenarios,
        "late": late_scenarios,
        "stops": stop_scenarios,
    }[folder.parent.name]
    folder.mkdir(parents=True, exist_ok=True)
    only = os.environ.get("ONLY", "")
    for scenario in (one for one in area.SCENARIOS if only in ("", one.__name__)):
        async with await start_time_skipping_server() as env, area.place(env) as place:
            process = await scenario(*place)
            history = await process.handle.fetch_history()  # type: ignore[attr-defined]
            recorded = json.dumps(without_the_machine(json.loads(history.to_json())), indent=2)
            (folder / f"{scenario.__name__}.json").write_text(recorded + "\n")
            print(f"{scenario.__name__}: {len(history.events)} events")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    os.environ.setdefault("DEBUG", "1")
    django.setup()
    leave_out(set(os.environ.get("WITHOUT", "").split(",")))
    asyncio.run(record(Path(sys.argv[1])))
