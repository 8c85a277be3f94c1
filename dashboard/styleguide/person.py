"""Samples of one person's page: their day with the cap on a time line, and what was decided."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from dashboard.styleguide.campaigns import CAMPAIGN
from dashboard.styleguide.part import Maker


def _person(now: datetime) -> SimpleNamespace:
    def lane(y: int, icon: str, word: str, **more: Any) -> SimpleNamespace:
        return SimpleNamespace(y=y, icon=icon, word=word, **more)

    day = SimpleNamespace(
        title="Today",
        note="In their zone, Berlin (+1 h).",
        desc="One of two messages was sent.",
        is_day=True,
        has_limit=True,
        height=186,
        inner=162,
        cap_y=54,
        cap_label="2 a day",
        more="",
        zone_y=176,
        now_x="58%",
        now_label="14:08",
        scale=SimpleNamespace(start=now - timedelta(hours=14), end=now + timedelta(hours=10)),
        lanes=[
            lane(126, "mail", "E-mail", x="66%", until="91%", text="from 16:00", text_kind=""),
            lane(166, "sms", "SMS", x="", wait="They are out of it"),
        ],
        quiet=[SimpleNamespace(x="0%", width="33%"), SimpleNamespace(x="91%", width="9%")],
        has_uncounted=True,
        gap=SimpleNamespace(x="42%", y=66, width="24%"),
        gap_words="Gap of 6 hours",
        ticks=[
            SimpleNamespace(x=f"{at}%", text=words, kind="")
            for at, words in ((0, "00:00"), (25, "06:00"), (83, "20:00"))
        ],
        bars=[
            SimpleNamespace(x="42%", y=60, width="58%", end="100%", text_y=73, text="1 of 2", is_free=False),
            SimpleNamespace(x="66%", y=34, width="34%", end="100%", text_y=47, text="free", is_free=True),
        ],
        marks=[
            SimpleNamespace(kind="sent", cx="42%", x="42%", y=126, title="10:05 sent"),
            SimpleNamespace(kind="refused", x="50%", y=126, title="12:00 refused"),
        ],
    )
    entries = [
        SimpleNamespace(
            key=1,
            at=now,
            time="10:05",
            word="Sent",
            mark="ok",
            title="Spring letter",
            campaign_id=CAMPAIGN,
            grant_id="g-1",
            grant_tail="…ab12:1",
            code="",
            text="",
            is_test=False,
        ),
        SimpleNamespace(
            key=2,
            at=now,
            time="12:00",
            word="Refused",
            mark="bad",
            title="Summer letter",
            campaign_id=CAMPAIGN,
            grant_id="g-2",
            grant_tail="",
            code="too_soon",
            text="Six hours lie between two messages.",
            is_test=True,
        ),
    ]
    return SimpleNamespace(
        view=SimpleNamespace(version=1, user_id="USER-001"),
        dayline=day,
        entries=entries,
        shown=entries,
        all_count=2,
        clock=SimpleNamespace(zone=SimpleNamespace(key="Europe/Berlin")),
    )


def part_of(name: str) -> Maker:
    return lambda now: (f"campaigns/_inspector_{name}.html", {"page": _person(now)})
