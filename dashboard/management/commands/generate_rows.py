"""``manage.py generate_rows``: very many rows that nothing runs behind, to measure how pages bear them."""

from random import Random
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from dashboard import areas


class Command(BaseCommand):
    help = "Write very many made-up rows, for measurements. No workflow runs behind them."

    def add_arguments(self, parser: CommandParser) -> None:
        for area in areas.modules("generate"):
            parser.add_argument(f"--{area.OPTION}", type=int, default=0, metavar="COUNT", help=area.HELP)
        parser.add_argument("--seed", type=int, default=1, help="another one makes other rows")
        parser.add_argument("--beside-real-rows", action="store_true", help="write them though there are real rows")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [(area, options[area.OPTION.replace("-", "_")]) for area in areas.modules("generate")]
        self._check(wanted, beside=options["beside_real_rows"])
        now = timezone.now()
        for area, count in wanted:
            if not count:
                continue
            started = perf_counter()
            with transaction.atomic():
                area.generate(count, Random(options["seed"]), now)  # noqa: S311 - nothing secret
            self.stdout.write(f"{count:,} {area.OPTION} in {perf_counter() - started:.1f} s")
        if connection.vendor == "postgresql":
            # What autovacuum does within minutes of a day's work: without it the planner knows nothing of the rows.
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")

    def _check(self, wanted: list[tuple[Any, int]], *, beside: bool) -> None:
        if not (settings.DEBUG or settings.DEMO):
            raise CommandError("Made-up rows belong into no production database: DEBUG or DEMO has to be on.")
        if any(count < 0 for _, count in wanted):
            raise CommandError("A count is 0 or more.")
        if not any(count for _, count in wanted):
            raise CommandError(f"How many? Name one of --{', --'.join(area.OPTION for area, _ in wanted)}.")
        if not beside and (real := [area.OPTION for area, _ in wanted if area.has_real_rows()]):
            names = " and ".join(real)
            raise CommandError(f"This database has real {names}. --beside-real-rows writes made-up ones beside them.")
