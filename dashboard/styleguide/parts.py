"""What the style guide's parts show: a morning of a shop, made up, drawn by the partials that the pages are made of."""

from datetime import datetime

from django.core.paginator import Paginator
from django.utils.safestring import SafeString

from dashboard.styleguide import campaigns, controls, home, person, requests
from dashboard.styleguide.part import Maker, drawn

_PARTS: dict[str, Maker] = {
    "hours": home.hours,
    "figures": home.figures,
    "funnels": home.funnels,
    "running": home.running,
    "needs": home.needs,
    "events": home.events,
    "row": requests.inbox_row,
    "row_refused": requests.inbox_row_refused,
    "levels": requests.levels,
    "rounds": requests.rounds,
    "sum": campaigns.part_of("now"),
    "reasons": campaigns.part_of("why"),
    "charts": campaigns.part_of("charts"),
    "day": person.part_of("day"),
    "decisions": person.part_of("decisions"),
    "found": controls.found,
    "attempts": controls.attempts,
    "dialog": controls.dialog,
    "connection": lambda now: ("_connection.html", {"what": "page"}),
    "pager": lambda now: (
        "campaigns/_contacts_pager.html",
        {"page": Paginator(range(117), 25).page(2), "what": "page"},
    ),
}


def parts(theme: str, now: datetime) -> dict[str, SafeString]:
    """Each part by the name that the style guide's template calls it by."""
    return {name: drawn(*make(now), theme) for name, make in _PARTS.items()}
