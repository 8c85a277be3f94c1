"""What people write into a request has its bounds in bytes, and a request that is full goes on all the same."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from approvals.contract import (
    MAX_DESCRIPTION,
    MAX_LEVELS,
    MAX_SEATS,
    By,
    CommentInput,
    DecisionInput,
    DelegationInput,
    PolicyLevel,
)
from approvals.process import acts, hand_overs, refusals
from approvals.process.hand_overs import MOST_COVERS
from approvals.projection import to_json
from approvals.workflows import ANSWERED
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from tests.approvals import requests_of
from tests.workflows.conftest import open_bench
from tests.workflows.office import Asked, Bench, FakeOffice, Refusal, level, whats

pytestmark = pytest.mark.soak

LONG = "😀" * 4_000
"""The longest comment there is; as JSON it has 48,000 bytes."""


@pytest.fixture
async def bench(temporal_server: DevServer, office: FakeOffice) -> AsyncIterator[Bench]:
    """On the real server: the one that skips time takes messages of any size."""
    async with open_bench(SimpleNamespace(client=await connect()), office) as bench:  # type: ignore[arg-type]
        yield bench


async def fill(bench: Bench, *levels: PolicyLevel) -> tuple[Asked, int, Refusal]:
    """A request with as many comments as it takes, their number, and how it refused the next."""
    asked = await bench.ask(*levels)
    for number in range(60):
        try:
            await asked.act("add_comment", "employee", text=LONG)
        except Refusal as refusal:
            return asked, number, refusal
    raise AssertionError("every comment was taken")


async def repeat(act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await act()


class TestRoom:
    async def test_long_comments_end_before_the_request_is_stuck(self, bench: Bench) -> None:
        asked, taken, refusal = await fill(bench)
        assert refusal.code == "too_many"
        assert "shorter" in str(refusal)
        view = await asked.view()
        assert whats(view).count("commented") == taken > 10
        assert (await asked.act("add_comment", "employee", text="A short one.")).version > view.version

    async def test_a_full_request_is_decided_all_the_same(self, bench: Bench) -> None:
        asked, _, _ = await fill(bench, *(level(name, name) for name in "abcdefgh"))
        refused = [await self.is_refused(asked, who) for who in "abcdefgh"]
        assert {False, True} == set(refused)
        assert (await asked.view()).status == "approved"

    async def is_refused(self, asked: Asked, who: str) -> bool:
        """Whether a long reason has no room any more; a short one has."""
        try:
            await asked.approve(who, comment=LONG)
        except Refusal as refusal:
            await asked.approve(who, comment="Fine.")
            return (refusal.code, refusal.details["field"]) == ("too_many", "comment")
        return False

    async def test_hand_overs_without_end_are_bounded_as_well(self, bench: Bench) -> None:
        asked = await bench.ask()

        async def hand_over_and_end() -> None:
            wish = {"to": "bo", "until": "2126-01-01T00:00:00Z", "reason": "😀" * 2_000}
            view = await asked.act("delegate", "manager", **wish)
            await asked.act("end_delegation", "manager", cover_id=view.covers[0].cover_id)

        with pytest.raises(Refusal) as refusal:
            await asyncio.wait_for(repeat(hand_over_and_end), 60)
        assert refusal.value.code == "too_many"
        assert (await asked.hand_over("manager", "bo")).covers

    async def test_what_a_stranger_calls_people_is_bounded_as_well(self, bench: Bench) -> None:
        asked = await bench.ask()
        names = {f"person-{number}": "x" * 150 for number in range(6_000)}
        with pytest.raises(Refusal):
            await asked.act("add_comment", "employee", text="Hello", names=names)
        assert (await asked.approve("manager")).level == 2

    def test_the_next_run_of_the_fullest_request_fits_into_a_message(self) -> None:
        """Filled by everybody in every way, with the longest policy's people; only what a run hands to the next is looked at."""
        levels = [requests_of.level(f"Level {n}", *seats_of(n), rule="all") for n in range(MAX_LEVELS)]
        desk = requests_of.Desk(*levels, description="😀" * MAX_DESCRIPTION)
        state = desk.state
        for who in seats_of(0)[:-1]:
            for words in (LONG, "😀" * 80):
                decision = DecisionInput(True, 1, words, By(who, "web"), who)
                if not refusals.decision_refusal(state, decision):
                    acts.decide(state, decision)
                    break
        for number in range(MOST_COVERS):
            until = desk.now + timedelta(days=1 + number)
            wish = DelegationInput("bo", until, "😀" * 80, By("person-0-99", "web"))
            assert hand_overs.delegation_refusal(state, wish) is None
            acts.hand_over(state, wish)
        while not refusals.comment_refusal(state, comment := CommentInput(LONG, By("employee", "web"))):
            acts.comment(state, comment)
        answered = [f"{n:016x}" for n in range(ANSWERED)]
        resumed = replace(state.request, policy=state.policy, resume=state.view(), answered=answered)
        assert 1_300_000 < len(json.dumps(to_json(resumed))) < 2_000_000


def seats_of(number: int) -> list[str]:
    return [f"person-{number}-{seat}" for seat in range(MAX_SEATS)]
