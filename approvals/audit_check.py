"""Whether the records are what happened: held against their own chains, and against Temporal's history.

A problem is a sentence that names the row. No sentences, no problem.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from approvals import audit
from approvals.contract import STATE_CHANGES, TrailKind
from approvals.exports import COLUMNS, line_hash
from approvals.gateway import History
from approvals.models import ApprovalRequest, AttemptChain, RefusedAttempt, TrailRow

PROVED_BY = {
    TrailKind.APPROVED: "submit_decision",
    TrailKind.REJECTED: "submit_decision",
    TrailKind.COMMENTED: "add_comment",
    TrailKind.ATTACHED: "attach",
    TrailKind.CHANGES_REQUESTED: "request_changes",
    TrailKind.RESUBMITTED: "resubmit",
    TrailKind.DELEGATED: "delegate",
    TrailKind.DELEGATION_ENDED: "end_delegation",
    TrailKind.WITHDRAWN: "withdraw",
}
"""Which accepted update stands behind what a person did."""
_COMPARED = tuple(name for name in audit.TRAIL_FIELDS if name != "run_id")
_NUMBERS = ("sequence", "version", "state_version", "round", "level", "event_id")


# ── The chains ───────────────────────────────────────────────────────────────────────────────────────────────────────


def trail_chain_problems(request: ApprovalRequest) -> Iterator[str]:
    digest, expected = "", 1
    for row in request.trail.order_by("sequence"):
        name = f"{request.request_id} #{row.sequence}"
        if row.sequence != expected:
            yield f"{name}: before it, #{expected} is missing."
        if row.digest != audit.trail_digest(digest, row, request.request_id):
            yield f"{name}: was altered, or the row before it was."
        digest, expected = row.digest, row.sequence + 1
    total = request.snapshot.get("trail_total", 0)
    if expected <= total:
        yield f"{request.request_id} #{expected}: is missing, with all after it up to #{total}."


def attempt_chain_problems() -> Iterator[str]:
    digest, expected = "", 1
    for row in RefusedAttempt.objects.order_by("number").iterator(chunk_size=2_000):
        if row.number != expected:
            yield f"attempt #{row.number}: before it, #{expected} is missing."
        if row.digest != audit.attempt_digest(digest, row):
            yield f"attempt #{row.number}: was altered, or the row before it was."
        digest, expected = row.digest, row.number + 1
    end = AttemptChain.objects.filter(name="attempts").first()
    length, last = (end.length, end.digest) if end else (0, "")
    if length >= expected:
        yield f"attempt #{expected}: is missing, with all after it up to #{length}."
    elif length < expected - 1 or last != digest:
        yield f"attempt #{expected - 1}: the chain's end does not know it."


# ── Against Temporal ─────────────────────────────────────────────────────────────────────────────────────────────────


def history_problems(request: ApprovalRequest, history: History, newest: int) -> Iterator[str]:
    """Both ways: each row has to be Temporal's, and what Temporal has has to be a row.

    ``newest`` is the highest sequence of the trail before the history was read: what came later it may not have yet.
    """
    rows = {row.sequence: row for row in request.trail.all()}
    for sequence, row in sorted(rows.items()):
        name = f"{request.request_id} #{sequence}"
        entry = history.entries.get(sequence)
        if entry is None:
            if sequence <= newest:
                yield f"{name}: was added by hand; Temporal has no such entry."
            continue
        yield from _differences(name, _of_row(row), entry, "the database")
    for sequence in sorted(history.saved - rows.keys()):
        yield f"{request.request_id} #{sequence}: was removed; Temporal has it ({history.entries[sequence]['text']})"
    yield from _unproved(request.request_id, history)


def _of_row(row: TrailRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COMPARED}


def _differences(name: str, shown: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Iterator[str]:
    for column in _COMPARED:
        ours, theirs = shown[column], entry.get(column, "")
        if column == "at":
            ours, theirs = _moment(ours), _moment(theirs)
        if ours != theirs:
            yield f"{name}: {column} is {ours!s:.200} in {where} and {theirs!s:.200} in Temporal."


def _moment(at: Any) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)


def _unproved(request_id: str, history: History) -> Iterator[str]:
    """What people are said to have done has to have come in by an update of theirs, and the other way round."""
    known = set()
    for sequence, entry in sorted(history.entries.items()):
        known.add(entry.get("update_id", ""))
        is_a_persons = entry["what"] in STATE_CHANGES and entry.get("who") and entry.get("door") != "system"
        if is_a_persons and (problem := _proof_problem(entry, history)):
            yield f"{request_id} #{sequence}: {problem}"
    for update_id in sorted(history.done - known - _told_again(history, known)):
        accepted = history.accepted.get(update_id)
        if accepted is not None and accepted.name in set(PROVED_BY.values()):
            yield f"{request_id}: the accepted update {accepted.name} ({update_id}) is not in the trail."


def _told_again(history: History, in_trail: set[str]) -> set[str]:
    """Hand-overs that the request had already, word for word, when it was told of them: they changed nothing.

    Goes through what was accepted in its order, for an absence may be changed and then changed back.
    """
    standing = {one["cover_id"]: _cover(one) for one in history.covers}
    found = set()
    for update_id, accepted in history.accepted.items():
        message = accepted.message
        if accepted.name == "end_delegation" and update_id in in_trail:
            standing.pop(message.get("cover_id"), None)
        elif accepted.name == "resubmit" and update_id in in_trail and message.get("policy"):
            for one in message.get("covers") or []:
                standing.setdefault(one["cover_id"], _cover(one))
        elif accepted.name == "delegate" and message.get("cover_id"):
            by = message.get("by") or {}
            cover = _cover(
                {**message, "delegate": message["to"], "principal": message.get("principal") or by.get("username")}
            )
            if update_id in in_trail:
                standing[message["cover_id"]] = cover
            elif standing.get(message["cover_id"]) == cover:
                found.add(update_id)
    return found


def _cover(words: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a hand-over says, whatever message brought it. One that begins at once is like no other."""
    starts_at = words.get("starts_at")
    since = _moment(starts_at) if starts_at else object()
    return words["principal"], words["delegate"], since, _moment(words["until"]), words.get("reason") or ""


def _proof_problem(entry: Mapping[str, Any], history: History) -> str:
    if entry["what"] == TrailKind.SUBMITTED:
        return "" if entry["who"] == history.requester else "the workflow was started in another name."
    accepted = history.accepted.get(entry.get("update_id", ""))
    if accepted is None or accepted.name != PROVED_BY.get(entry["what"]):
        return "no accepted update stands behind it."
    by = accepted.message.get("by") or {}
    if (by.get("username"), by.get("door")) != (entry["who"], entry["door"]):
        return "the update behind it is somebody else's."
    if accepted.name == "submit_decision" and accepted.message.get("approved") != (entry["what"] == TrailKind.APPROVED):
        return "the update behind it decided otherwise."
    return ""


# ── An exported file ─────────────────────────────────────────────────────────────────────────────────────────────────


def read_export(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The records of an exported file, JSON Lines or CSV, and what is wrong with its chain."""
    try:
        lines = _csv_lines(text) if text.lstrip("\ufeff").startswith("record,") else _json_lines(text)
    except (ValueError, TypeError, KeyError) as error:
        return [], [f"The file cannot be read: {error}"]
    records: list[dict[str, Any]] = []
    problems: list[str] = []
    previous, end = "", None
    for number, line in enumerate(lines, start=1):
        if line.get("record") == "end":
            end = line
            break
        claimed = line.pop("hash", "")
        if line_hash(previous, line) != claimed:
            problems.append(f"line {number} ({line.get('request_id')} #{line.get('sequence')}): the hash does not fit.")
        previous = claimed
        records.append(line)
    if end is None or (end.get("lines"), end.get("hash")) != (len(records), previous):
        problems.append("The end of the file is missing, or lines before it are.")
    return records, problems


def _json_lines(text: str) -> list[dict[str, Any]]:
    return [dict(json.loads(line)) for line in text.split("\n") if line.strip()]


def _csv_lines(text: str) -> list[dict[str, Any]]:
    head, *rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    if tuple(head) != (*COLUMNS, "hash"):
        raise ValueError("its columns are not those of an export")
    found: list[dict[str, Any]] = []
    for row in rows:
        line: dict[str, Any] = {name: _uncovered(cell) for name, cell in zip(head, row, strict=True)}
        if line["record"] == "end":
            found.append({"record": "end", "lines": int(row[1]), "hash": line["hash"]})
            continue
        for name in _NUMBERS:
            if line[name] != "":
                line[name] = int(line[name])
        found.append(line)
    return found


def _uncovered(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    return cell[1:] if cell.startswith("'") else cell


def export_problems(records: list[dict[str, Any]], histories: Mapping[str, History | None]) -> Iterator[str]:
    """The trail's records held against Temporal, or against the database where Temporal has forgotten the request."""
    for record in records:
        if record["record"] != "trail":
            continue
        name = f"{record['request_id']} #{record['sequence']}"
        history = histories.get(record["request_id"])
        if history is None:
            row = TrailRow.objects.filter(
                request__request_id=record["request_id"], sequence=record["sequence"], digest=record["digest"]
            )
            if not row.exists():
                yield f"{name}: the database has no such row."
            continue
        entry = history.entries.get(record["sequence"])
        if entry is None:
            yield f"{name}: Temporal has no such entry."
        else:
            yield from _differences(name, record, entry, "the file")
