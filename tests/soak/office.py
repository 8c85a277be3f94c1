"""What the soak does to requests for approval from outside, by every door, and what is left of them afterwards."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import httpx
from temporalio.client import Client

from tests.eventually import aeventually
from tests.slack_standin import SlackStandIn, signed
from tests.soak.desk import Desk
from tests.soak.mailserver import MailServer
from tests.soak.shop import CALL_TIMEOUT, Shop
from tests.stack import Stack

Json = dict[str, Any]


class Office:
    """A stack with the people of ``hiring.py``, and the Slack and the mail server that it talks to."""

    def __init__(self, stack: Stack, slack: SlackStandIn, mails: MailServer) -> None:
        self.stack = stack
        self.slack = slack
        self.mails = mails
        printed = stack.manage("shell", "-v", "0", "-c", "from tests.soak.hiring import hire; hire()")
        lines = [line.split() for line in printed.splitlines()]
        self.sessions = {words[1]: words[2] for words in lines if words[:1] == ["session"]}

    async def __aenter__(self) -> "Office":
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
        self.http = httpx.AsyncClient(base_url=self.stack.base_url, timeout=CALL_TIMEOUT, limits=limits)
        self.temporal: Client = await self.stack.temporal_client()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    # ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def desk(self, username: str) -> Desk:
        """A browser in which somebody is logged in."""
        desk = Desk(self.stack.base_url)
        desk.http.cookies.set("sessionid", self.sessions[username])
        return desk

    async def call(self, username: str, path: str, body: Json, key: str | None = None) -> httpx.Response:
        """``POST`` of the JSON API, in somebody's name."""
        headers = {"Authorization": f"Bearer demo-{username}", "Idempotency-Key": key or str(uuid4())}
        return await self.http.post(f"/api/approvals{path}", json=body, headers=headers)

    async def press(self, payload: Json) -> httpx.Response:
        """What Slack sends."""
        body, headers = signed(payload)
        return await self.http.post("/webhooks/slack/interactivity", content=body, headers=headers)

    # ── By the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, kind: str, title: str, amount_cents: int = 45_000, key: str | None = None, **more: Any) -> Json:
        body = {"kind": kind, "title": title, "amount_cents": amount_cents, **more}
        key = key or str(uuid4())
        answer = await Shop.insist(lambda: self.call("asker", "", body, key))
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def decide(
        self, username: str, request: Json, approved: bool = True, comment: str = "Because.", key: str | None = None
    ) -> httpx.Response:
        body = {"approved": approved, "comment": comment, "state_version": request["state_version"]}
        return await self.call(username, f"/{request['request_id']}/decisions", body, key)

    async def request(self, request_id: str) -> Json:
        headers = {"Authorization": "Bearer demo-asker"}
        answer = await Shop.insist(lambda: self.http.get(f"/api/approvals/{request_id}", headers=headers))
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def until(self, request_id: str, holds: Callable[[Json], bool], timeout: float = 30.0) -> Json:
        """The request, as soon as something holds for it."""
        last: Json = {}

        async def ask() -> bool:
            nonlocal last
            last = await self.request(request_id)
            assert holds(last), f"{request_id} is {last['status']}, {last['trail'][-1:]}"
            return True

        await aeventually(ask, timeout=timeout, every=0.2)
        return last

    # ── What is left ─────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """``query`` with ``?`` for its parameters, on whichever database it is."""
        return self.stack.sql(query.replace("?", "%s") if self.stack.database_url else query, *parameters)

    async def accepted(self, request_id: str, update: str = "submit_decision") -> list[Json]:
        """The updates of this name that Temporal's history holds as accepted, as they were sent, in all runs."""
        found: list[Json] = []
        run_id: str | None = None
        while True:
            handle = self.temporal.get_workflow_handle(f"approval-{request_id}", run_id=run_id)
            async for event in handle.fetch_history_events():
                if event.event_id == 1:
                    run_id = event.workflow_execution_started_event_attributes.continued_execution_run_id
                sent = event.workflow_execution_update_accepted_event_attributes.accepted_request
                if sent.input.name == update:
                    found.append(json.loads(sent.input.args.payloads[0].data))
            if not run_id:
                return found

    def posted(self, request_id: str) -> dict[tuple[int, int], list[Json]]:
        """The Slack messages of a request, by round and level."""
        found: dict[tuple[int, int], list[Json]] = {}
        for message in list(self.slack.messages.values()):
            about = message["metadata"]["event_payload"]
            if about["request_id"] == request_id:
                found.setdefault((about["round"], about["level"]), []).append(message)
        return found


async def at_once(sends: Iterable[Callable[[], Any]]) -> list[Any]:
    """Calls all of them at one moment, when each has a task that waits for it."""
    waiting = list(sends)
    barrier = asyncio.Barrier(len(waiting))

    async def one(send: Callable[[], Any]) -> Any:
        await barrier.wait()
        return await send()

    return list(await asyncio.gather(*(one(send) for send in waiting)))
