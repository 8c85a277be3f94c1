"""The page of one person that moves: one fragment for all who look, drawn from one query per change of their actor.

An actor that does not run is not started by looking, and there is nothing to wait for: the page looks for it now and then.
"""

from datetime import UTC, datetime
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.template.loader import render_to_string

from campaigns import gateway
from campaigns.contract import ActorView, user_actor_workflow_id
from campaigns.gateway.runs import MOST, Run, aruns_of, runs_of
from campaigns.inspector.facts import Facts, facts_of
from campaigns.inspector.page import ActorPage
from campaigns.models import Contact
from dashboard.live_pages import LiveProcess
from dashboard.technical.page import ui_url
from temporal_worker.client import WorkflowNotFound

LOOKED_FOR_EVERY = 5.0
"""Seconds between two looks for an actor that does not run yet."""
MOST_KNOWN = 500
"""People whose runs are remembered while somebody looks at them."""
SEE = "campaigns.view_contact"


def inspect(user_id: str, user: User) -> tuple[ActorPage, gateway.ActorReading]:
    """The page as it stands now, from the running actor or from what a new one would start from.

    Raises:
        ContactNotFound
    """
    reading = gateway.read_actor(user_id, user=user)
    contact = Contact.objects.get(user_id=user_id)
    runs = runs_of(user_id) if reading.source == "temporal" else []
    page = ActorPage(reading.view, facts_of(contact, reading.view), _now(reading.view), reading.source, runs)
    return page, reading


def page_context(page: ActorPage) -> dict[str, Any]:
    """What the shared fragments are drawn from."""
    return {
        "page": page,
        "temporal_url": ui_url(page.view.workflow_id),
        "unreachable": page.source == "database",
        "since": page.at,
    }


def live_fragments(page: ActorPage) -> str:
    """All shared fragments of the page, each with its id; the same for the page, an answer and the sockets."""
    return render_to_string("campaigns/_inspector_live.html", page_context(page))


def unavailable_fragment() -> str:
    """The notice that stands above the page while Temporal or its worker is out of reach."""
    context = {"unreachable": True, "since": datetime.now(UTC)}
    return render_to_string("campaigns/_inspector_notice.html", context)


class ActorSource:
    """What the hub asks for frames. The list of runs changes with the run only, and is asked for then."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[int, list[Run]]] = {}

    async def fetch(self, workflow_id: str, timeout: float) -> dict[str, Any]:
        user_id = workflow_id.removeprefix("user-actor-")
        view = await gateway.afetch_actor(user_id, timeout)
        facts = await database_sync_to_async(_facts, thread_sensitive=False)(user_id, view)
        if facts is None:
            raise WorkflowNotFound(workflow_id)
        return {
            "version": view.version,
            "view": view,
            "facts": facts,
            "runs": await self._runs_of(user_id, view.run.number),
        }

    async def _runs_of(self, user_id: str, number: int) -> list[Run]:
        known_for, runs = self._runs.get(user_id, (0, []))
        if known_for != number:
            runs = await aruns_of(user_id)
            # The server's list is a moment behind: one that has not heard of this run is asked for again.
            if sum(run.reason in ("open", "continued") for run in runs) >= min(number, MOST):
                if len(self._runs) >= MOST_KNOWN:
                    self._runs.clear()
                self._runs[user_id] = (number, runs)
        return runs

    def render(self, state: dict[str, Any]) -> str:
        view: ActorView = state["view"]
        runs: list[Run] = state["runs"]
        return live_fragments(ActorPage(view, state["facts"], _now(view), "temporal", runs))


def _facts(user_id: str, view: ActorView) -> Facts | None:
    contact = Contact.objects.filter(user_id=user_id).first()
    return facts_of(contact, view) if contact is not None else None


def _now(view: ActorView) -> datetime:
    return view.at or datetime.now(UTC)


actor_source = ActorSource()


def live_actor(user_id: str) -> LiveProcess:
    """The actor as its page follows it."""

    def has_started() -> bool | None:
        return False if Contact.objects.filter(user_id=user_id).exists() else None

    return LiveProcess(
        workflow_id=user_actor_workflow_id(user_id),
        source=actor_source,
        unavailable=unavailable_fragment,
        may_see=lambda user: user.has_perm(SEE),
        has_started=has_started,
        is_over=lambda state: False,
        looked_for_every=LOOKED_FOR_EVERY,
    )
