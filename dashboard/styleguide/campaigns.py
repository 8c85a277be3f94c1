"""Samples of a campaign's page: the line that adds up, its reasons, its charts."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from dashboard.styleguide.part import Maker

CAMPAIGN = "CMP-20261119-090000-ab12"
_STATES = {"sent": 14_212, "deferred": 1_950, "denied": 2_318, "failed": 41, "unknown": 3, "pending": 5_976}
_WORDS = {state: state.capitalize() for state in _STATES}


def _campaign(now: datetime) -> SimpleNamespace:
    total, x, bar = sum(_STATES.values()), 0.0, []
    for state, number in _STATES.items():
        width = max(0.9, 99 * number / total)
        bar.append(SimpleNamespace(state=state, x=round(x, 2), width=round(width, 2)))
        x += width
    counts = {"audience": total, **_STATES}
    view = SimpleNamespace(version=1, counts=counts, rate_per_minute=1_200)
    reasons = [
        SimpleNamespace(code="opted_out", words="They do not want it", number=1_702, part=73, first_at=None),
        SimpleNamespace(code="no_address", words="They have no address", number=616, part=27, first_at=None),
    ]
    return SimpleNamespace(
        view=view,
        campaign_id=CAMPAIGN,
        has_audience=True,
        percent=75,
        progress=18_524,
        is_sending=True,
        adds_up=True,
        speed_words="1,140 a minute",
        left_words="9 m",
        bar_words="Sent 14,212 of 24,500",
        bar=bar,
        row=SimpleNamespace(updated_at=now),
        sum=[SimpleNamespace(state=state, word=_WORDS[state], number=number) for state, number in _STATES.items()],
        reason_groups=[SimpleNamespace(state="denied", word="Denied", number=2_318, reasons=reasons)],
        **_curves(now),
    )


def _curves(now: datetime) -> dict[str, Any]:
    ticks = [
        SimpleNamespace(at=at, words=words, minor=at in (25, 75))
        for at, words in ((0, "0"), (25, "4 m"), (50, "8 m"), (75, "12 m"))
    ]
    scale = [SimpleNamespace(at=16, text_y=11, words="1,400"), SimpleNamespace(at=92, text_y=87, words="700")]
    line = "M0 120 L200 60 L420 48 L600 44 L600 160 L700 160 L700 52 L1000 50"
    rate = SimpleNamespace(
        began_at=now - timedelta(minutes=16),
        words="1,140 a minute on the whole.",
        scale=scale,
        ticks=ticks,
        line=line,
        area=f"{line} L1000 168 L0 168Z",
        limit=1_200,
        limit_y=38,
        limit_text_y=32,
        pauses=[SimpleNamespace(x=60, width=10, words="Paused")],
    )
    whole = [SimpleNamespace(at=16, text_y=11, words="24,500")]
    areas = [
        SimpleNamespace(state="pending", path="M0 16 L1000 16 L1000 168 L0 168Z"),
        SimpleNamespace(state="denied", path="M0 168 L1000 66 L1000 168Z"),
        SimpleNamespace(state="sent", path="M0 168 L1000 82 L1000 168Z"),
    ]
    stack = SimpleNamespace(words="After 16 minutes: 14,212 sent.", areas=areas, scale=whole, ticks=ticks)
    return {"rate_chart": rate, "stack_chart": stack}


def part_of(name: str) -> Maker:
    return lambda now: (f"campaigns/_campaign_{name}.html", {"page": _campaign(now)})
