"""Which process a workflow id belongs to, and who may look at it: each area says so in its ``technical.py``.

Such a module has ``recognise(workflow_id: str) -> Process | None``. What no area recognises has no technical view.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User

from dashboard import areas

VIEW = "dashboard.view_technical"


@dataclass(frozen=True)
class Process:
    """``title`` names it to people, ``link`` is the address of its own page, ``nav`` its area in the navigation."""

    title: str
    link: str
    nav: str
    may_see: Callable[[User], bool]


def seen_process(workflow_id: str, user: User) -> Process | None:
    """The process, if there is one and this person may see it; whoever may not learns nothing of it."""
    if "\0" in workflow_id:  # Temporal takes it in an id, and PostgreSQL not even in a question
        return None
    for module in areas.modules("technical"):
        process: Process | None = module.recognise(workflow_id)
        if process is not None:
            return process if user.is_active and process.may_see(user) else None
    return None
