"""The workflows whose task fails, as one person may see them: the list behind the home page's line."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.urls import reverse

from dashboard.home.machinery import Machinery
from dashboard.technical.processes import VIEW, seen_process


@dataclass(frozen=True)
class FailingRow:
    title: str
    workflow_id: str
    href: str


@dataclass(frozen=True)
class FailingList:
    """``hidden`` are those that this person may not see, or that are nothing of ours."""

    shown: tuple[FailingRow, ...] = ()
    hidden: int = 0


def failing_list(machinery: Machinery, user: User) -> FailingList:
    """Leads engineers behind the curtain, everybody else to the process's own page."""
    looks_behind = user.has_perm(VIEW)
    shown = []
    for one in machinery.failing:
        if process := seen_process(one.workflow_id, user):
            href = reverse("technical:detail", args=[one.workflow_id]) if looks_behind else process.link
            shown.append(FailingRow(process.title, one.workflow_id, href))
    return FailingList(tuple(shown), len(machinery.failing) - len(shown))
