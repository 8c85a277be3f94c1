"""Samples of the home page's parts."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from dashboard.home.charts import funnel_rows, hours_chart, sparkline
from dashboard.home.parts import Event, Figure, Funnel, FunnelStep, Hours, Need, Running
from dashboard.phrases import text, when
from dashboard.styleguide.part import Part


def hours(now: datetime) -> Part:
    today = (0, 0, 1, 0, 2, 3, 6, 11, 14, 19, 16, 12, 9, 21, 4, *[0] * 9)
    before = (1, 0, 0, 1, 2, 4, 8, 9, 16, 15, 17, 14, 12, 13, 15, 14, 12, 9, 8, 6, 4, 3, 2, 1)
    hours = Hours("", "Orders today", "orders", "#main", today, before, 14)
    return "home/_hours.html", {"hours": [hours_chart(hours)]}


def figures(now: datetime) -> Part:
    figures = [
        Figure("", "orders", "Orders", 118, "yesterday 104", "#main", (84, 91, 77, 102, 96, 104, 118)),
        Figure("", "sent", "Messages", 14_212, "of 24,500", "#main", (3, 8, 2, 9, 12, 11, 14)),
        Figure("", "waits", "Waiting", 7, "two are late", "#main"),
    ]
    return "home/_figures.html", {"figures": [(one, sparkline(one.days) if one.days else "") for one in figures]}


def funnels(now: datetime) -> Part:
    steps = (
        FunnelStep("To be paid", 34, "#main", "idle"),
        FunnelStep("To be shipped", 51, "#main"),
        FunnelStep("Late", 2, "#main", "warn"),
        FunnelStep("Delivered", 118, "#main", "ok"),
    )
    funnel = Funnel("", "orders", "Orders", "#main", steps)
    return "home/_funnels.html", {"funnels": [(funnel, funnel_rows(funnel))]}


def running(now: datetime) -> Part:
    next_ = [text("done about "), when(now + timedelta(minutes=9), "clock")]
    part = SimpleNamespace(running_title="Running", running_href="#main")
    return "home/_running.html", {
        "running": [(part, [Running("", "spring", "Spring letter", "#main", 18_524, 24_500, next_)])]
    }


def needs(now: datetime) -> Part:
    late = [text("It should have left "), when(now - timedelta(hours=5), "ago"), text(".")]
    stuck = Need(
        "", "refund", "The refund of …x7f2 is stuck", [text("Tried five times.")], "#main", "Try again", mark="bad"
    )
    return "home/_needs.html", {
        "rights": ["x"],
        "needs": [(stuck, True), (Need("", "late", "…9b1c is late", late, "#main"), False)],
    }


def events(now: datetime) -> Part:
    events = [
        Event("", "e1", now - timedelta(minutes=1), "…x7f2", "#main", "was paid", icon="card"),
        Event(
            "", "e2", now - timedelta(minutes=4), "New laptop", "#main", "approved it", person="vp", who="Vera Petrov"
        ),
    ]
    return "home/_events.html", {"rights": ["x"], "events": events}
