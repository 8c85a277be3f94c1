"""The audit trail to take away: as CSV for a spreadsheet, as JSON Lines for a program.

Each line carries ``hash``, the SHA-256 of the one before and its own content, so that whoever has the file can see by
themselves that no line was changed, removed or put between; the last line gives the chain's end. What the file says is
checked against Temporal by ``manage.py verify_audit --file``.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

import structlog
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from approvals import audit, gateway
from approvals.gateway.rights import SEE_ALL, require_sight
from approvals.models import RefusedAttempt, TrailRow
from approvals.views.viewer import user_of
from dashboard.access import logged_in, requires
from dashboard.problem_answers import answers_problems

COLUMNS = (
    "record",
    "request_id",
    "sequence",
    "at",
    "who",
    "on_behalf_of",
    "door",
    "what",
    "version",
    "state_version",
    "round",
    "level",
    "text",
    "comment",
    "code",
    "update_id",
    "event_id",
    "run_id",
    "digest",
)
"""``record``: ``trail`` is what happened, ``attempt`` what was refused. ``digest`` is the database's own chain."""
EXPORT = "approvals.export_audit"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

log = structlog.get_logger(__name__)


@require_safe
@logged_in
@answers_problems
def export_trail(request: HttpRequest, request_id: str) -> HttpResponse:
    """One request's trail, for who may see it; its refused attempts too: all for auditors, else those of one's own.

    Whether they may see it is asked first: who may not is told 404, whatever else they may.
    """
    user = user_of(request)
    require_sight(user, request_id)
    if not user.has_perm(EXPORT):
        raise PermissionDenied
    view = gateway.read_request(request_id, user).view
    attempts = RefusedAttempt.objects.filter(request_id=request_id).order_by("number")
    if not user.has_perm(SEE_ALL):
        attempts = attempts.filter(who=user.username)
    return _answer(request, user, request_id, [*trail_records([view.request_id]), *map(attempt_record, attempts)])


@require_safe
@requires(SEE_ALL)
@requires(EXPORT)
def export_all(request: HttpRequest) -> HttpResponse:
    """Every trail and every refused attempt, streamed. The log says who took it."""
    attempts = map(attempt_record, RefusedAttempt.objects.order_by("number").iterator(chunk_size=2_000))
    return _answer(request, user_of(request), "all", _both(trail_records(), attempts))


def _both(first: Iterable[dict[str, Any]], then: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from first
    yield from then


def _answer(request: HttpRequest, user: User, what: str, records: Iterable[dict[str, Any]]) -> HttpResponse:
    is_csv = request.GET.get("format") == "csv"
    ending, kind = ("csv", "text/csv; charset=utf-8") if is_csv else ("jsonl", "application/x-ndjson")
    lines = as_csv(records) if is_csv else as_json_lines(records)
    log.info("audit_exported", what=what, by=user.username, format=ending)
    name = f"callboard-audit-{what}-{timezone.now():%Y%m%d-%H%M%S}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    # A list, for one request's few lines; all of them are streamed.
    if isinstance(records, list):
        return HttpResponse("".join(lines), content_type=kind, headers=headers)
    return cast(HttpResponse, StreamingHttpResponse(lines, content_type=kind, headers=headers))


# ── Records ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def trail_records(request_ids: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The trails' rows, request by request, in their order."""
    rows = TrailRow.objects.select_related("request").order_by("request__request_id", "sequence")
    if request_ids is not None:
        rows = rows.filter(request__request_id__in=request_ids)
    for row in rows.iterator(chunk_size=2_000):
        yield trail_record(row, row.request.request_id)


def trail_record(row: TrailRow, request_id: str) -> dict[str, Any]:
    record = dict.fromkeys(COLUMNS, "") | {"record": "trail", "request_id": request_id, "digest": row.digest}
    return record | {name: _plain(getattr(row, name)) for name in audit.TRAIL_FIELDS}


def attempt_record(row: RefusedAttempt) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS, "") | {
        "record": "attempt",
        "request_id": row.request_id,
        "sequence": row.number,
        "at": _plain(row.at),
        "who": row.who,
        "on_behalf_of": row.on_behalf_of,
        "door": row.door,
        "what": row.what,
        "state_version": "" if row.state_version is None else row.state_version,
        "text": row.reason,
        "code": row.code,
        "digest": row.digest,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def as_json_lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line for each record, chained, and a last one with their number and the chain's end."""
    previous, number = "", 0
    for record in records:
        previous, number = line_hash(previous, record), number + 1
        yield json.dumps({**record, "hash": previous}, ensure_ascii=False) + "\n"
    yield json.dumps({"record": "end", "lines": number, "hash": previous}) + "\n"


def as_csv(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The same for a spreadsheet. The hashes are over the true content; cells are written so that none is a formula."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow([*COLUMNS, "hash"])  # a mark by which spreadsheets know that it is UTF-8
    previous, number = "", 0
    for record in records:
        previous, number = line_hash(previous, record), number + 1
        yield writer.writerow([*(safe_cell(record[name]) for name in COLUMNS), previous])
    yield writer.writerow(["end", number, *[""] * (len(COLUMNS) - 2), previous])


def line_hash(previous: str, record: dict[str, Any]) -> str:
    """SHA-256 in hex of the hash before and the record as JSON with sorted names, without blanks, in UTF-8."""
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def safe_cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that has one.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(("'", *_FORMULA)):
        return f"'{value}"
    return value


class _Line:
    """What ``csv.writer`` writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line
