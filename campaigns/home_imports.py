"""Imports that do not go on without a person, for the home page: those that wait for a word, and those that failed."""

from datetime import datetime, timedelta

from django.urls import reverse

from campaigns.gateway.imports import IMPORT, SEE
from campaigns.import_pages import stage_that_waits
from campaigns.import_projection import load_view
from campaigns.models import AudienceImport
from dashboard.home.parts import BAD, Need
from dashboard.phrases import text, when

TOLD_FOR = timedelta(days=1)
"""So long it is told that an import failed; the list of imports says it for ever."""
NAMED = 3
"""So many are named; of more there is one line for all the others."""
LOOKED_AT = 50
_WAITS = {
    "upload": "Somebody has to say what its columns mean",
    "validate": "Its rows are read; somebody has to say that they are compared with the contacts",
    "transform": "What it would change is known; somebody has to say that the contacts are written",
}


def import_needs(now: datetime) -> list[Need]:
    """Two queries."""
    under_way = (AudienceImport.UPLOADED, AudienceImport.Status.STARTING, AudienceImport.Status.RUNNING)
    open_ones = AudienceImport.objects.filter(status__in=under_way).order_by("-created_at", "-pk")[:LOOKED_AT]
    asked = [(row, stage) for row in open_ones if (stage := stage_that_waits(row, load_view(row)))]
    failed = AudienceImport.objects.filter(status=AudienceImport.Status.FAILED, closed_at__gt=now - TOLD_FOR)
    found = [_failed(row) for row in failed.order_by("-closed_at", "-pk")[:LOOKED_AT]]
    found += [_waiting(row, stage) for row, stage in asked]
    if len(found) <= NAMED:
        return found
    named = found[: NAMED - 1]
    title = f"{len(found) - len(named):,} more imports wait for a word or failed"
    words = [text("Nothing of them is written without somebody's word.")]
    return [*named, Need(SEE, "imports", title, words, reverse("campaigns:imports"), "Open list", icon="download")]


def _failed(row: AudienceImport) -> Need:
    words = [
        text(f"{(row.problem or 'The file could not be taken').rstrip('.')}. Handed in "),
        when(row.created_at, "ago"),
    ]
    words.append(text("."))
    return Need(SEE, _key(row), f"Import of {_name(row)} failed", words, _page(row), mark=BAD, label="Failed")


def _waiting(row: AudienceImport, stage: str) -> Need:
    words = [text(f"{_WAITS[stage]}. Handed in "), when(row.created_at, "ago"), text(".")]
    title = f"Import of {_name(row)} waits for a word"
    return Need(SEE, _key(row), title, words, _page(row), "Decide…", IMPORT, icon="clock", label="Waiting")


def _name(row: AudienceImport) -> str:
    return row.name or row.import_id


def _key(row: AudienceImport) -> str:
    return f"import-{row.pk}"


def _page(row: AudienceImport) -> str:
    return reverse("campaigns:import", args=[row.import_id])
