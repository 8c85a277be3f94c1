"""The campaign area against a bare loop of update-with-start, and against the design that most campaigns have.

All with actors of the product on one server, and mails to one SMTP server in a process of its own. In rounds, one side after
the other, so that noise meets all alike: first to people who have no actor yet, then to the same ones again.
"""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from campaigns.contract import (
    TASK_QUEUE,
    USER_ACTOR_WORKFLOW_TYPE,
    CapPolicy,
    SendGrant,
    SendRequest,
    UserActorInput,
    campaign_workflow_id,
    shard_workflow_id,
    user_actor_workflow_id,
)
from campaigns.sending.batch import AT_ONCE
from tests.benchmarks import naive_workflow as naive
from tests.benchmarks.campaign_processes import Mails, mails_and_naive_worker
from tests.benchmarks.figures import Figure, at_least, at_most
from tests.eventually import aeventually
from tests.stack import Stack

ROUNDS = 3
PEOPLE = 300
NAIVE_PEOPLE = 100
"""Of a round; fewer, because it is so much slower."""
CAP, CROWD = 3, 20
"""So many campaigns at once to people with this cap."""
RECIPIENTS = int(os.environ.get("RECIPIENTS", "20000"))
"""Of the campaign whose memory is looked at."""
ENDED_WITHIN = 7_200.0

_numbers = count(1)


async def measure(stack: Stack) -> list[Figure]:
    with mails_and_naive_worker(stack) as mails:
        bench = Bench(stack, await stack.temporal_client(), mails)
        return [
            *await _rates(bench),
            *await _history(bench),
            *await _overshoot(bench),
        ]


async def measure_volume(stack: Stack) -> list[Figure]:
    with mails_and_naive_worker(stack) as mails:
        bench = Bench(stack, await stack.temporal_client(), mails)
        await asyncio.to_thread(bench.inside, "mailings.settle(None)")
        return await _memory(bench)


@dataclass
class Bench:
    stack: Stack
    client: Client
    mails: Mails
    last_campaign: str = ""
    last_group: str = ""
    rates: dict[str, list[float]] = field(default_factory=dict)

    def inside(self, code: str) -> str:
        return self.stack.manage("shell", "-v", "0", "-c", f"from tests.soak import mailings; {code}")

    async def campaign(self, group: str, number: int = 1) -> list[str]:
        """Launches campaigns to a group, and returns their ids when they have ended."""
        token = f"B{next(_numbers)}"
        printed = await asyncio.to_thread(self.inside, f"mailings.launch({token!r}, {number}, {group!r})")
        ids = [line.split()[1] for line in printed.splitlines() if line.startswith("campaign ")]
        assert len(ids) == number, printed
        for campaign_id in ids:
            async with asyncio.timeout(ENDED_WITHIN):
                await self.client.get_workflow_handle(campaign_workflow_id(campaign_id)).result()
        self.last_campaign, self.last_group = ids[0], group
        return ids

    async def product(self, group: str, people: int) -> float:
        """Recipients a second, from the launch to the last outcome: with its workflows, its rows and its mails."""
        (campaign_id,) = await self.campaign(group)
        query = """SELECT MIN(c.launched_at), MAX(l.settled_at), COUNT(*) FROM campaigns_sendlog l
                   JOIN campaigns_campaign c ON c.campaign_id = l.campaign_id
                   WHERE l.campaign_id = ? AND l.outcome = 'sent'"""
        ((launched_at, settled_at, sent),) = self.stack.sql(query, campaign_id)
        assert sent == people, f"{sent} of {people} were sent."
        ((seconds,),) = self.stack.sql("SELECT (julianday(?) - julianday(?)) * 86400", settled_at, launched_at)
        return people / seconds

    async def bare(self, user_ids: list[str], token: str) -> float:
        """The same number at once, with nothing but the question."""
        room, policy = asyncio.Semaphore(AT_ONCE), CapPolicy(version=1)

        async def one(user_id: str) -> None:
            async with room:
                start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
                    USER_ACTOR_WORKFLOW_TYPE,
                    UserActorInput(user_id, policy=policy),
                    id=user_actor_workflow_id(user_id),
                    task_queue=TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                )
                request = SendRequest(f"{token}:1:{user_id}", token, "email", "marketing", policy)
                await self.client.execute_update_with_start_workflow(
                    "request_send",
                    request,
                    start_workflow_operation=start,
                    id=request.grant_id,
                    result_type=SendGrant,
                )

        began = time.perf_counter()
        await asyncio.gather(*(one(user_id) for user_id in user_ids))
        return len(user_ids) / (time.perf_counter() - began)

    async def naive(self, user_ids: list[str], most_a_day: int | None = None) -> float:
        token = f"NAIVE-{next(_numbers)}"
        campaign = naive.NaiveCampaign(token, user_ids, most_a_day)
        began = time.perf_counter()
        await self.client.execute_workflow("NaiveCampaignWorkflow", campaign, id=token, task_queue=naive.QUEUE)
        return len(user_ids) / (time.perf_counter() - began)


# ── How fast ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _rates(bench: Bench) -> list[Figure]:
    # A shard for each worker, as docs/scale.md says.
    bench.inside(f"mailings.settle(None, shard_size={PEOPLE // len(bench.stack.workers)})")
    rates: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    await _round(bench, "WARM", 50, 20)  # it loads what the others find loaded
    for number in range(1, ROUNDS + 1):
        for name, rate in (await _round(bench, f"ROUND{number}", PEOPLE, NAIVE_PEOPLE)).items():
            rates.setdefault(name, []).append(rate)
    for who in ("new", "known"):
        for other in ("bare", "naive"):
            pairs = zip(rates[f"product {who}"], rates[f"{other} {who}"], strict=True)
            ratios[f"{other} {who}"] = [ours / theirs for ours, theirs in pairs]
    told = ", ".join(f"{name} {[round(rate, 1) for rate in found]}" for name, found in rates.items())
    print(f"recipients a second, round by round: {told}")

    def figure(name: str, other: str, who: str, least: float) -> Figure:
        # The median of the rounds' ratios, not of the rates: a round is what noise meets as a whole.
        ours, ratio = statistics.median(rates[f"product {who}"]), statistics.median(ratios[f"{other} {who}"])
        return at_least(name, ours, "/s", least, ours / ratio)

    return [
        figure("recipients, first message : bare update-with-start", "bare", "new", 0.6),
        figure("recipients, actor exists : bare update-with-start", "bare", "known", 0.6),
        figure("recipients, first message : query, send, signal", "naive", "new", 2.0),
        figure("recipients, actor exists : query, send, signal", "naive", "known", 2.0),
    ]


async def _round(bench: Bench, group: str, people: int, naive_people: int) -> dict[str, float]:
    await asyncio.to_thread(bench.inside, f"mailings.people({group!r}, {people})")
    bare_ids = [f"{group}-BARE-{number}" for number in range(people)]
    naive_ids = [f"{group}-NAIVE-{number}" for number in range(naive_people)]
    found: dict[str, float] = {}
    for who in ("new", "known"):
        sides: dict[str, Callable[[], Awaitable[float]]] = {
            "bare": lambda who=who: bench.bare(bare_ids, f"{group}-{who}"),
            "product": lambda: bench.product(group, people),
            "naive": lambda: bench.naive(naive_ids),
        }
        for side, rate in sides.items():
            found[f"{side} {who}"] = await rate()
    return found


# ── What it costs in history ─────────────────────────────────────────────────────────────────────────────────────────


async def _history(bench: Bench) -> list[Figure]:
    """Of the last campaign, whose people had had one message before."""

    async def events(workflow_id: str) -> int:
        return (await bench.client.get_workflow_handle(workflow_id).describe()).history_length

    actors = [user_actor_workflow_id(f"{bench.last_group}-{number:05}") for number in range(1, 21)]
    before = statistics.median([await events(actor) for actor in actors])
    await bench.product(bench.last_group, PEOPLE)
    after = statistics.median([await events(actor) for actor in actors])
    shard = await events(shard_workflow_id(bench.last_campaign, 1))
    campaign = await events(campaign_workflow_id(bench.last_campaign))
    return [
        at_most("history events of an actor per granted message", after - before, "", 5),
        at_most("history events of a shard per 100 recipients", shard * 100 / PEOPLE, "", 12),
        at_most(f"history events of a campaign to {PEOPLE}", campaign, "", 250),
    ]


# ── The cap ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _overshoot(bench: Bench) -> list[Figure]:
    """Twenty campaigns at once to the same five people: the most that one of them got, by the mail server."""
    people = 5
    await asyncio.to_thread(bench.inside, f"mailings.settle({CAP}); mailings.people('CROWD', {people})")
    await bench.campaign("CROWD", CROWD)
    ids = [f"NAIVE-CROWD-{number}" for number in range(people)]
    await asyncio.gather(*(bench.naive(ids, CAP) for _ in range(CROWD)))
    await asyncio.to_thread(bench.inside, "mailings.settle(None)")
    taken = Counter(line.partition("@")[0] for line in bench.mails.lines())
    ours = max(taken[f"crowd-{number:05}"] for number in range(1, people + 1))
    theirs = max(taken[one.lower()] for one in ids)
    name = f"most to one person, cap {CAP}, {CROWD} campaigns at once"
    return [
        at_most(name, ours, "messages", CAP),
        Figure(f"{name}: query, send, signal", theirs, "messages", None, None, f"oversteps {CAP}", None),
    ]


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _memory(bench: Bench) -> list[Figure]:
    """One large campaign, and a worker's memory while it runs: looked at between a quarter of it and its end."""
    await asyncio.to_thread(bench.inside, f"mailings.people('LARGE', {RECIPIENTS})")
    worker, began = bench.stack.workers[0], time.monotonic()
    running = asyncio.create_task(bench.product("LARGE", RECIPIENTS))
    start = len(bench.mails.lines())
    samples: list[tuple[float, float]] = []
    say_at = 0.0

    async def look() -> bool:
        nonlocal say_at
        done = (len(bench.mails.lines()) - start) / RECIPIENTS
        samples.append((done, bench.stack.memory(worker) / 2**20))
        if done >= say_at:
            print(f"{time.monotonic() - began:6.0f} s  {done:4.0%}  {samples[-1][1]:.0f} MiB", flush=True)
            say_at += 0.1
        return running.done()

    await aeventually(look, timeout=ENDED_WITHIN, every=1.0)
    rate = await running

    def between(least: float, most: float) -> float:
        return statistics.median([size for done, size in samples if least <= done <= most] or [samples[-1][1]])

    name = f"{RECIPIENTS:,} recipients"
    return [
        Figure(f"{name}, a second", rate, "/s", None, None, "", None),
        at_most(
            f"{name}: the worker's memory, last quarter : second", between(0.75, 1), "MiB", 1.1, between(0.25, 0.5)
        ),
        at_most(f"{name}: the worker's memory at its end", samples[-1][1], "MiB", 300),
    ]
