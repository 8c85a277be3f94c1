"""``make bench``: each figure beside its baseline from the same run. ``BENCH=orders`` runs one group; ``RECIPIENTS`` says how
many the largest campaign has (20,000; the group ``volume``).

Prints a table and writes the same as ``bench.json`` into DATA_DIR: a list of ``{name, value, unit, baseline, ratio, target,
holds}``. Figures of a shared machine wander; the ratios hold better.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import django

WORKERS = {"campaigns": 2, "volume": 2}
"""Worker processes of a group's stack, if more than one: a core each, as docs/scale.md says for those who send much."""


def main() -> int:
    from django.conf import settings

    from tests.benchmarks import approvals, audience, campaigns, orders, sizes
    from tests.benchmarks.figures import Figure, table
    from tests.stack import Stack

    groups: dict[str, Callable[[Stack], Awaitable[list[Figure]]]] = {
        "orders": orders.measure,
        "approvals": approvals.measure,
        "campaigns": campaigns.measure,
        "audience": audience.measure,
        "volume": campaigns.measure_volume,
        "sizes": sizes.measure,
    }
    wanted = os.environ.get("BENCH") or ",".join(groups)
    if unknown := set(wanted.split(",")) - set(groups):
        sys.exit(f"There is no group {', '.join(unknown)}; there are {', '.join(groups)}.")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request, otherwise
    figures: list[Figure] = []
    environment = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings"}
    for group in wanted.split(","):
        with (
            tempfile.TemporaryDirectory() as directory,
            Stack(Path(directory), workers=WORKERS.get(group, 1), environment=environment) as stack,
        ):
            figures += asyncio.run(groups[group](stack))
    print(table(figures))
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    (settings.DATA_DIR / "bench.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
    return 0 if all(figure.holds is not False for figure in figures) else 1


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    os.environ.setdefault("DEMO", "1")
    django.setup()
    sys.exit(main())
