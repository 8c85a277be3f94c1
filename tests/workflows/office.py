"""An office in memory that answers the approval area's activities: it behaves, and a test sets how."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from approvals.contract import (
    TASK_QUEUE,
    ApprovalInput,
    ApprovalResult,
    ApprovalView,
    BulkDecision,
    By,
    Cover,
    NoticeRequest,
    OutcomeRequest,
    PolicyLevel,
    PolicySnapshot,
    Seat,
    SlackCard,
    WorkingHours,
    approval_workflow_id,
)
from approvals.workflows import ApprovalWorkflow

HOUR, DAY = 3_600, 86_400
_numbers = count(1)


@dataclass
class FakeOffice:
    """What the activities were asked, and whether mail and Slack are there."""

    mail_fails: bool = False
    slack_fails: bool = False
    saved: dict[str, ApprovalView] = field(default_factory=dict)
    trails: dict[str, set[int]] = field(default_factory=dict)
    mails: list[tuple[str, str]] = field(default_factory=list)
    cards: list[SlackCard] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    carried_out: list[str] = field(default_factory=list)

    def activities(self) -> list[Any]:
        return [
            getattr(self, name)
            for name in dir(type(self))
            if hasattr(getattr(self, name), "__temporal_activity_definition")
        ]

    @activity.defn
    async def save_request(self, request: ApprovalView) -> None:
        self.saved[request.request_id] = request
        self.trails.setdefault(request.request_id, set()).update(entry.sequence for entry in request.trail)

    @activity.defn
    async def send_approval_mail(self, notice: NoticeRequest) -> str:
        self.calls["mail"] += 1
        if self.mail_fails:
            raise ApplicationError("connection refused")
        self.mails.append((notice.kind, notice.recipient))
        return f"{notice.recipient}@example.com"

    @activity.defn
    async def publish_slack_card(self, card: SlackCard) -> None:
        self.calls["slack"] += 1
        if self.slack_fails:
            raise ApplicationError("slack is away")
        self.cards.append(card)

    @activity.defn
    async def book_leave(self, outcome: OutcomeRequest) -> str:
        return self._carry_out(outcome, "The leave was booked.")

    @activity.defn
    async def process_expense(self, outcome: OutcomeRequest) -> str:
        return self._carry_out(outcome, "The expense was released for payment.")

    @activity.defn
    async def release_purchase(self, outcome: OutcomeRequest) -> str:
        return self._carry_out(outcome, "The order was released.")

    def _carry_out(self, outcome: OutcomeRequest, words: str) -> str:
        self.carried_out.append(outcome.request.request_id)
        return words

    @activity.defn
    async def decide_bulk_item(self, decision: BulkDecision) -> bool:
        self.calls["bulk"] += 1
        return decision.item.state_version == 1

    @activity.defn
    async def finish_bulk(self, job_id: str) -> None:
        self.calls["bulk finished"] += 1


def level(name: str, *people: str, **more: Any) -> PolicyLevel:
    return PolicyLevel(name, [Seat(person) for person in people], **more)


def policy(*levels: PolicyLevel, **more: Any) -> PolicySnapshot:
    return PolicySnapshot(
        policy_id="1",
        name="Test policy",
        version=1,
        levels=list(levels) or [level("Manager", "manager"), level("HR", "hr")],
        **{"working_hours": WorkingHours(round_the_clock=True), **more},
    )


class Bench:
    """Asks for approval on a Temporal server, and talks to the requests as any client would."""

    def __init__(self, env: WorkflowEnvironment, office: FakeOffice) -> None:
        self.env, self.office = env, office
        self.handles: list[WorkflowHandle[Any, Any]] = []

    async def ask(self, *levels: PolicyLevel, requester: str = "employee", **more: Any) -> "Asked":
        rules = {name: more.pop(name) for name in list(more) if name in PolicySnapshot.__dataclass_fields__}
        start = {name: more.pop(name) for name in ("start_delay", "id") if name in more}
        request_id = f"REQ-20261121-120000-{next(_numbers):04x}"
        request = ApprovalInput(
            request_id=request_id,
            kind=more.pop("kind", "leave"),
            title=more.pop("title", "Two weeks in May"),
            requester=requester,
            policy=policy(*levels, **rules),
            by=By(requester, "web"),
            **more,
        )
        workflow_id = start.pop("id", approval_workflow_id(request_id))
        handle = await self.env.client.start_workflow(
            ApprovalWorkflow.run, request, id=workflow_id, task_queue=TASK_QUEUE, **start
        )
        self.handles.append(handle)
        return Asked(handle, request_id)

    async def skip(self, **span: float) -> None:
        """Let ``timedelta(**span)`` pass at once; only on the ``skipping_bench``."""
        await self.env.sleep(timedelta(**span))

    async def now(self) -> datetime:
        return await self.env.get_current_time()

    async def close(self) -> None:
        """No request outlives its test."""
        for handle in self.handles:
            with suppress(RPCError):
                await handle.terminate()


class Refusal(Exception):
    """What a request answered with a no. ``code`` is its type, ``details`` its first detail."""

    def __init__(self, error: ApplicationError) -> None:
        super().__init__(error.message)
        self.code = error.type
        self.details: dict[str, Any] = error.details[0] if error.details else {}


class Asked:
    """One running request."""

    def __init__(self, handle: WorkflowHandle[Any, Any], request_id: str) -> None:
        self.handle, self.request_id = handle, request_id

    async def view(self) -> ApprovalView:
        return await self.handle.query("get_state", result_type=ApprovalView)

    async def update(self, name: str, message: dict[str, Any]) -> ApprovalView:
        """Asks again, under the same id, when the update came just as a run was continuing as new."""
        update_id = str(uuid4())
        while True:
            try:
                return await self.handle.execute_update(name, message, id=update_id, result_type=ApprovalView)
            except WorkflowUpdateFailedError as error:
                raise Refusal(cast(ApplicationError, error.cause)) from None
            except RPCError as error:
                if error.status != RPCStatusCode.FAILED_PRECONDITION:
                    raise

    async def decide(
        self, who: str, approved: bool = True, *, seen: int | None = None, door: str = "web", **more: Any
    ) -> ApprovalView:
        seen = (await self.view()).state_version if seen is None else seen
        message = {
            "approved": approved,
            "comment": "" if approved else "No.",
            "state_version": seen,
            "by": {"username": who, "door": door},
            **more,
        }
        return await self.update("submit_decision", message)

    async def approve(self, who: str, **more: Any) -> ApprovalView:
        return await self.decide(who, True, **more)

    async def reject(self, who: str, **more: Any) -> ApprovalView:
        return await self.decide(who, False, **more)

    async def act(self, update: str, who: str, /, **message: Any) -> ApprovalView:
        return await self.update(update, {**message, "by": {"username": who, "door": "web"}})

    async def want_changes(self, who: str, comment: str = "Make it shorter.") -> ApprovalView:
        seen = (await self.view()).state_version
        return await self.act("request_changes", who, comment=comment, state_version=seen)

    async def hand_over(self, who: str, to: str, **more: Any) -> ApprovalView:
        until = more.pop("until", datetime(2126, 1, 1, tzinfo=UTC))
        return await self.act("delegate", who, to=to, until=until.isoformat(), reason="away", **more)

    async def until(self, met: Any) -> ApprovalView:
        """Follow the request by its own progress updates until its view fulfils ``met``."""
        view = await self.view()
        while not met(view):
            await self.handle.execute_update("wait_for_progress", view.version, id=f"progress-{view.version}")
            view = await self.view()
        return view

    async def result(self) -> ApprovalResult:
        return await self.handle.result()

    async def accepted(self, update: str = "submit_decision") -> int:
        """How many updates of a name the history holds."""
        return len([event async for event in self.events() if _accepted(event) == update])

    def events(self) -> Any:
        return self.handle.fetch_history_events()


def _accepted(event: Any) -> str:
    attributes = event.workflow_execution_update_accepted_event_attributes
    return attributes.accepted_request.input.name


def whats(view: ApprovalView) -> list[str]:
    return [entry.what for entry in view.trail]


def with_delegates(*pairs: Iterable[str], starts_at: datetime, until: datetime) -> list[Cover]:
    return [
        Cover(f"out-of-office:{number}", principal, to, starts_at, until, "on holiday")
        for number, (principal, to) in enumerate(pairs, start=1)
    ]
