"""Worker and Temporal die while requests are asked, changed and decided, one by one and in bulk: each ends as decided, once."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

import psutil
import pytest

from tests.eventually import aeventually
from tests.soak.desk import fields_of
from tests.soak.office import Json, Office
from tests.soak.shop import Shop
from tests.soak.sizes import pick
from tests.stack import Stack

SEED = 20261121
REQUESTS = pick(short=8, full=40)
KILLS = pick(short=2, full=12)
"""The second of three is Temporal's, the others are the worker's."""
AT_ONCE = 8
"""Requests that are worked on at the same time."""
LONGEST_AIM = 0.5
"""Seconds from a step that some request takes to the kill, at most."""
SETTLED_WITHIN = 90.0
KEY = "killed"


@dataclass
class Story:
    """A request, and what has to come of it. ``cards`` are the round and level of each of its Slack messages."""

    kind: str
    end: str
    decisions: int = 1
    cards: tuple[tuple[int, int], ...] = ()
    asked: Json = field(default_factory=dict)


STORIES = (
    Story("purchase", "approved", 2, cards=((1, 1), (1, 2))),
    Story("contract", "rejected", cards=((1, 1),)),
    Story("travel", "approved", cards=((1, 1), (2, 1))),
    Story("expense", "approved"),
)
"""In turns. The last one is decided by the dozen."""


@dataclass
class Steps:
    """Counts the steps that all requests have taken together, so that kills fall between and into them."""

    taken: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def one(self) -> None:
        async with self.changed:
            self.taken += 1
            self.changed.notify_all()

    async def reach(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.taken >= count)


class TestKilledWhileDeciding:
    @pytest.mark.timeout(900)
    async def test_every_request_ends_as_it_was_decided(
        self, sqlite_office: Office, say: Callable[[str], None]
    ) -> None:
        dice, steps = random.Random(SEED), Steps()
        stories = [replace(story) for story in STORIES * (REQUESTS // len(STORIES))]
        room = asyncio.Semaphore(AT_ONCE)
        async with sqlite_office as office:

            async def tell(number: int, story: Story) -> None:
                async with room:
                    await _tell(office, number, story, steps)

            start = monotonic()
            telling = [asyncio.create_task(tell(number, story)) for number, story in enumerate(stories)]
            telling.append(asyncio.create_task(_decide_in_bulk(office, stories, steps)))
            everything = asyncio.gather(*telling)
            last_kill = await _kill_in_between(office.stack, steps, dice, asyncio.ensure_future(everything))
            await everything
            for story in stories:
                left = max(5.0, last_kill + SETTLED_WITHIN - monotonic())
                await office.until(story.asked["request_id"], lambda seen, end=story.end: seen["status"] == end, left)
            await asyncio.gather(*(_closed(office, story.asked) for story in stories))
            say(
                f"{REQUESTS} requests, {KILLS} kills (seed {SEED}), {steps.taken} steps in {monotonic() - start:.0f} s; "
                f"settled {monotonic() - last_kill:.0f} s after the last kill"
            )
            for story in stories:
                await _is_as_decided(office, story)
            asked = "SELECT COUNT(*) FROM approvals_approvalrequest WHERE idempotency_key LIKE ?"
            assert office.rows(asked, f"asker:{KEY}-%") == [(REQUESTS,)]
            request_ids = [story.asked["request_id"] for story in stories]
            printed = await asyncio.to_thread(office.stack.manage, "verify_audit", *request_ids)
            assert printed == f"{REQUESTS} requests looked at.\n"


# ── The stories ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _tell(office: Office, number: int, story: Story, steps: Steps) -> None:
    """Each step with one key, for as long as the answer is 503."""
    asked = story.asked = await office.ask(story.kind, f"Story {number}", key=f"{KEY}-{number}")
    await steps.one()
    match story.kind:
        case "purchase":
            seen = await _decide(office, "board-07", asked, steps)
            await _decide(office, "chair", seen, steps)
        case "contract":
            await _decide(office, "board-08", asked, steps, approved=False)
        case "travel":
            wanted = {"comment": "Cheaper, please.", "state_version": asked["state_version"]}
            await _insist(office, "chair", asked, "changes", wanted, steps)
            cheaper = {"title": f"Story {number}, cheaper", "description": "", "amount_cents": 30_000}
            seen = await _insist(office, "asker", asked, "resubmission", cheaper, steps)
            await _insist(office, "chair", seen, "comments", {"text": "Better."}, steps)
            await _decide(office, "chair", seen, steps)


async def _decide(office: Office, who: str, seen: Json, steps: Steps, *, approved: bool = True) -> Json:
    body = {"approved": approved, "comment": "So be it.", "state_version": seen["state_version"]}
    return await _insist(office, who, seen, "decisions", body, steps)


async def _insist(office: Office, who: str, seen: Json, noun: str, body: Json, steps: Steps) -> Json:
    key = f"{noun}-{seen['request_id']}-{seen['state_version']}"
    path = f"/{seen['request_id']}/{noun}"
    answer = await Shop.insist(lambda: office.call(who, path, body, key), within=240)
    assert answer.status_code == 200, answer.text
    await steps.one()
    return answer.json()  # type: ignore[no-any-return]


async def _decide_in_bulk(office: Office, stories: list[Story], steps: Steps) -> None:
    """All expenses by one press, which is repeated, as soon as they are asked."""
    mine = [story for story in stories if story.kind == "expense"]
    while not all(story.asked for story in mine):
        await steps.reach(steps.taken + 1)
    async with office.desk("busy") as desk:
        page = await Shop.insist(lambda: desk.http.get("/approvals/new/"))
        items = [f"{story.asked['request_id']}:{story.asked['state_version']}" for story in mine]
        form = fields_of(page.text) | {"item": items, "decision": "approve", "confirmed": "1", "comment": ""}
        for _ in range(2):
            answer = await Shop.insist(lambda: desk.http.post("/approvals/bulk/", data=form), within=240)
            assert answer.status_code == 302, answer.text
            await steps.one()
        job = answer.headers["Location"]

        async def is_over() -> bool:
            answer = await Shop.insist(lambda: desk.http.get(job))
            return f"{len(mine)} of {len(mine)} approved." in answer.text

        await aeventually(is_over, timeout=240, every=0.3)


# ── The kills ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _kill_in_between(
    stack: Stack, steps: Steps, dice: random.Random, telling: asyncio.Future[list[None]]
) -> float:
    """Kills at moments that are spread over the steps; returns when the last one was."""
    killed_at = monotonic()
    for kill in range(KILLS):
        # Counted from where the requests are now: while nobody answers, none of them takes a step.
        step = asyncio.create_task(steps.reach(steps.taken + dice.randint(2, 2 * REQUESTS // KILLS)))
        await asyncio.wait({step, telling}, return_when=asyncio.FIRST_COMPLETED)
        assert step.done(), f"All was over after {kill} kills of {KILLS}."
        await asyncio.sleep(dice.uniform(0.0, LONGEST_AIM))
        if kill % 3 == 1:
            assert stack.temporal.pid is not None
            psutil.Process(stack.temporal.pid).kill()
            stack.stop_temporal()
            killed_at = monotonic()
            stack.start_temporal()
        else:
            stack.kill_worker()
            killed_at = monotonic()
            stack.start_worker()
    return killed_at


# ── What is left ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _closed(office: Office, asked: Json) -> None:
    """Until its workflow has ended: everybody is told, or it is said that they were not."""
    await asyncio.wait_for(office.temporal.get_workflow_handle(asked["workflow_id"]).result(), SETTLED_WITHIN)


async def _is_as_decided(office: Office, story: Story) -> None:
    request_id = story.asked["request_id"]
    handle = office.temporal.get_workflow_handle(story.asked["workflow_id"])
    state = await handle.query("get_state")
    assert (state["status"], len(await office.accepted(request_id))) == (story.end, story.decisions)

    # The rows are what the workflow says.
    columns = "SELECT version, state_version, status, round, level, snapshot FROM approvals_approvalrequest WHERE request_id = ?"
    ((*row, snapshot),) = office.rows(columns, request_id)
    assert row == [state[name] for name in ("version", "state_version", "status", "round", "level")]
    assert json.loads(snapshot) | {"trail": []} == state | {"trail": []}

    # What followed, followed once.
    payouts = office.rows("SELECT COUNT(*) FROM approvals_payout WHERE request_id = ?", request_id)
    assert payouts == [(int(story.end == "approved"),)]
    posted = office.posted(request_id)
    # A level that was decided before its message could go gets none any more.
    assert posted.keys() <= set(story.cards)
    assert all(len(messages) == 1 for messages in posted.values())
    told = [
        mail for mail in office.mails.about(request_id, to="asker@example.com") if story.end in mail["Subject"].lower()
    ]
    assert len(told) == 1, [str(mail["Subject"]) for mail in told]
    assert not [entry["text"] for entry in state["trail"] if entry["what"] == "notice_failed"]
