"""``manage.py verify_audit``: is the audit trail what happened?"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max

from approvals import audit_check, gateway
from approvals.models import ApprovalRequest


class Command(BaseCommand):
    help = (
        "Holds the audit trail against its chain and against Temporal's history, and names the rows that were altered, "
        "removed or added by hand. Exit code 1: something was; 2: Temporal is out of reach."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request_id", nargs="*", help="only these requests; all, if none is named")
        parser.add_argument("--file", type=Path, help="an export, CSV or JSON Lines, to hold against Temporal")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            problems = self._check_file(options["file"]) if options["file"] else self._check(options["request_id"])
        except gateway.Unavailable as error:
            raise CommandError(f"{error.detail} Nothing was found wrong so far.", returncode=2) from error
        if problems:
            for problem in problems:
                self.stdout.write(problem)
            raise CommandError(f"{len(problems)} problems.", returncode=1)

    def _check(self, request_ids: list[str]) -> list[str]:
        rows = ApprovalRequest.objects.order_by("pk")
        if request_ids:
            rows = rows.filter(request_id__in=request_ids)
            if missing := set(request_ids) - set(rows.values_list("request_id", flat=True)):
                return [f"{request_id}: the database has no such request." for request_id in sorted(missing)]
        problems: list[str] = []
        forgotten = checked = 0
        for row in rows.iterator(chunk_size=200):
            newest = row.trail.aggregate(newest=Max("sequence"))["newest"] or 0
            history = _history(row.request_id)
            # Read anew after the history, which what is saved meanwhile must not be ahead of.
            row.refresh_from_db()
            problems += audit_check.trail_chain_problems(row)
            if history is not None:
                problems += audit_check.history_problems(row, history, newest)
            elif row.status != ApprovalRequest.STARTING:
                forgotten += 1
            checked += 1
        if not request_ids:
            problems += audit_check.attempt_chain_problems()
        self.stdout.write(f"{checked} requests looked at.")
        if forgotten:
            self.stdout.write(f"{forgotten} of them Temporal has no more; they were held against their chain alone.")
        return problems

    def _check_file(self, path: Path) -> list[str]:
        try:
            with path.open(encoding="utf-8", newline="") as file:  # line ends inside a comment stay what they are
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}", returncode=1) from error
        records, problems = audit_check.read_export(text)
        named = {record["request_id"] for record in records if record["record"] == "trail"}
        histories = {request_id: _history(request_id) for request_id in sorted(named)}
        self.stdout.write(f"{len(records)} lines of {len(named)} requests looked at.")
        return [*problems, *audit_check.export_problems(records, histories)]


def _history(request_id: str) -> gateway.History | None:
    """None: Temporal has it no more."""
    try:
        return gateway.read_history(request_id)
    except gateway.RequestNotFound:
        return None
