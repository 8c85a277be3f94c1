"""``make bench``: each figure beside its baseline from the same run. ``BENCH=orders`` runs one group; ``RECIPIENTS`` says how
many the largest campaign has (20,000).

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


def main() -> int:
    from django.conf import settings

    from tests.benchmarks import approvals, campaigns, orders, sizes
    from tests.benchmarks.figures import Figure, table
    from tests.stack import Stack

    groups: dict[str, Callable[[Stack], Awaitable[list[Figure]]]] = {
        "orders": orders.measure,
        "approvals": approvals.measure,
        "campaigns": campaigns.measure,
        "sizes": sizes.measure,
    }
    wanted = os.environ.get("BENCH") or ",".join(groups)
    if unknown := set(wanted.split(",")) - set(groups):
        sys.exit(f"There is no group {', '.join(unknown)}; there are {', '.join(groups)}.")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request, otherwise
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as directory:
        environment = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings"}
        with Stack(Path(directory), environment=environment) as stack:
            for group in wanted.split(","):
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
