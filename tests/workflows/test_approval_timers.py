"""Each timer of a request, with the hours skipped: reminders, escalations, deadlines, a month with a change of summer time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from approvals.contract import WorkingHours
from approvals.process.working_hours import next_working_moment
from tests.workflows.office import DAY, HOUR, Bench, FakeOffice, Refusal, level, whats, with_delegates

TO_VERA: dict[str, Any] = {"escalation_seconds": DAY, "escalate_to": ["vera"]}


class TestReminders:
    async def test_go_to_whoever_has_not_decided(self, skipping_bench: Bench, office: FakeOffice) -> None:
        asked = await skipping_bench.ask(
            level("Board", "ann", "bo", "cy", rule="all", reminder_seconds=DAY), expires_seconds=30 * DAY
        )
        await asked.approve("bo")
        await skipping_bench.skip(hours=49)
        view = await asked.until(lambda view: view.reminders == 2)
        assert whats(view).count("reminded") == 2
        await asked.until(lambda view: len([mail for mail in office.mails if mail[0] == "reminder"]) == 4 or None)
        assert sorted(mail for mail in office.mails if mail[0] == "reminder") == [
            ("reminder", "ann"),
            ("reminder", "ann"),
            ("reminder", "cy"),
            ("reminder", "cy"),
        ]

    async def test_start_again_with_the_next_level(self, skipping_bench: Bench) -> None:
        asked = await skipping_bench.ask(
            level("Manager", "manager", reminder_seconds=DAY), level("HR", "hr", reminder_seconds=2 * DAY)
        )
        await skipping_bench.skip(hours=23)
        await asked.approve("manager")
        await skipping_bench.skip(hours=47)
        assert (await asked.view()).reminders == 0
        await skipping_bench.skip(hours=2)
        assert (await asked.until(lambda view: view.reminders > 0)).trail[-1].text == "Reminder sent to hr."

    async def test_wait_for_working_hours(self, skipping_bench: Bench) -> None:
        hours = WorkingHours(zone="Europe/Berlin")
        asked = await skipping_bench.ask(
            level("Manager", "manager", reminder_seconds=DAY), working_hours=hours, expires_seconds=30 * DAY
        )
        await skipping_bench.skip(days=9)
        view = await asked.until(lambda view: view.reminders >= 5)
        moments = [entry.at.astimezone(ZoneInfo("Europe/Berlin")) for entry in view.trail if entry.what == "reminded"]
        assert all(moment.weekday() < 5 and 9 <= moment.hour < 17 for moment in moments)


class TestEscalation:
    async def test_goes_to_whom_the_policy_names(self, skipping_bench: Bench, office: FakeOffice) -> None:
        asked = await skipping_bench.ask(
            level("Board", "ann", "bo", rule="all", escalation_seconds=DAY, escalate_to=["vera"])
        )
        with pytest.raises(Refusal) as refusal:
            await asked.approve("vera")
        assert refusal.value.code == "not_approver"
        await skipping_bench.skip(hours=25)
        view = await asked.until(lambda view: view.levels[0].is_escalated)
        assert (view.state_version, view.status) == (1, "pending")
        assert (await asked.approve("ann", seen=1)).status == "pending"
        view = await asked.approve("vera", seen=1)
        assert (view.status, view.levels[0].decisions[-1].escalated) == ("approved", True)
        await asked.result()
        assert ("escalated", "vera") in office.mails

    async def test_one_word_of_theirs_rejects(self, skipping_bench: Bench) -> None:
        asked = await skipping_bench.ask(
            level("Board", "ann", "bo", rejections=2, escalation_seconds=DAY, escalate_to=["vera"])
        )
        await skipping_bench.skip(hours=25)
        await asked.until(lambda view: view.levels[0].is_escalated)
        assert (await asked.reject("vera")).status == "rejected"

    async def test_goes_to_who_covers_for_them_too(self, skipping_bench: Bench, office: FakeOffice) -> None:
        asked = await skipping_bench.ask(level("Manager", "manager", **TO_VERA))
        await asked.hand_over("vera", "bo")
        with pytest.raises(Refusal, match="Manager decides now, and you are not in it") as refusal:
            await asked.approve("bo")
        assert refusal.value.code == "not_approver"
        await skipping_bench.skip(hours=25)
        await asked.until(lambda view: view.levels[0].is_escalated)
        view = await asked.approve("bo", seen=1)
        decision = view.levels[0].decisions[-1]
        assert (view.status, decision.on_behalf_of, decision.escalated) == ("approved", "vera", True)
        assert "bo, for vera, approved Manager." in [entry.text for entry in view.trail]
        await asked.result()
        told = sorted(mail for mail in office.mails if mail[0] in {"escalated", "delegated"})
        assert told == [("escalated", "bo"), ("escalated", "vera")]

    async def test_a_hand_over_after_it_is_told_at_once(self, skipping_bench: Bench, office: FakeOffice) -> None:
        asked = await skipping_bench.ask(level("Manager", "manager", reminder_seconds=2 * DAY, **TO_VERA))
        await skipping_bench.skip(hours=25)
        await asked.hand_over("vera", "bo")
        await skipping_bench.skip(hours=24)
        view = await asked.until(lambda view: view.reminders > 0)
        assert view.trail[-1].text == "Reminder sent to manager, vera, bo."
        assert (await asked.approve("bo", on_behalf_of="vera")).status == "approved"
        await asked.result()
        assert {("delegated", "bo"), ("reminder", "bo")} <= set(office.mails)

    async def test_covering_for_them_is_no_second_vote(self, skipping_bench: Bench) -> None:
        """Who has had their say in the level has it, whomever they cover for; who asked never decides."""
        asked = await skipping_bench.ask(level("Both", "ann", "bo", rule="all", **TO_VERA))
        await asked.hand_over("vera", "bo")
        with pytest.raises(Refusal) as refusal:
            await asked.hand_over("bo", "employee")
        assert refusal.value.code == "self_approval"
        await skipping_bench.skip(hours=25)
        await asked.until(lambda view: view.levels[0].is_escalated)
        assert (await asked.approve("bo")).levels[0].decisions[-1].on_behalf_of == ""
        for again in ({}, {"on_behalf_of": "vera"}, {"on_behalf_of": "bo"}):
            with pytest.raises(Refusal, match="You approved this already") as refusal:
                await asked.approve("bo", **again)
            assert refusal.value.code == "already_decided"
        with pytest.raises(Refusal, match="You do not decide for vera now") as refusal:
            await asked.approve("ann", on_behalf_of="vera")
        assert (await asked.approve("ann")).status == "approved"

    async def test_nor_does_it_open_another_level_or_let_the_requester_decide(self, skipping_bench: Bench) -> None:
        now = await skipping_bench.now()
        away = with_delegates(("vera", "employee"), ("vera", "manager"), starts_at=now, until=now + timedelta(days=9))
        asked = await skipping_bench.ask(level("Manager", "manager"), level("HR", "hr", **TO_VERA), covers=away)
        await asked.approve("manager")
        await skipping_bench.skip(hours=25)
        await asked.until(lambda view: view.levels[1].is_escalated)
        for who, code in (("employee", "self_approval"), ("manager", "decided_other_level")):
            with pytest.raises(Refusal) as refusal:
                await asked.approve(who, on_behalf_of="vera")
            assert refusal.value.code == code


class TestCoversThatBegin:
    """Who covers is told when they may decide and see the request, and not before."""

    async def test_is_told_when_it_begins_and_once(self, skipping_bench: Bench, office: FakeOffice) -> None:
        asked = await skipping_bench.ask()
        starts_at = (await skipping_bench.now() + timedelta(days=2)).isoformat()
        for _ in range(2):  # an absence is told again when the first answer was lost
            await asked.hand_over("manager", "bo", starts_at=starts_at, cover_id="out-of-office:1")
        await skipping_bench.skip(days=1, hours=23)
        view = await asked.view()
        assert view.covers_ahead == ["out-of-office:1"]
        assert view.trail[-1].text.startswith("bo decides for manager from 20")
        assert told(office) == [("asked", "manager")]
        with pytest.raises(Refusal) as refusal:
            await asked.approve("bo")
        assert refusal.value.code == "not_approver"
        await skipping_bench.skip(hours=2)
        view = await asked.until(lambda view: not view.covers_ahead)
        assert view.trail[-1].text == "bo decides for manager from now on."
        assert (await asked.approve("bo")).level == 2
        await skipping_bench.skip(days=1)
        assert told(office) == [("asked", "hr"), ("asked", "manager"), ("delegated", "bo")]

    async def test_an_absence_that_the_request_came_with(self, skipping_bench: Bench, office: FakeOffice) -> None:
        starts_at = await skipping_bench.now() + timedelta(days=2)
        away = with_delegates(("manager", "bo"), ("hr", "cy"), starts_at=starts_at, until=starts_at + timedelta(days=3))
        asked = await skipping_bench.ask(covers=away)
        await skipping_bench.skip(days=2, hours=1)
        await asked.until(lambda view: "delegated" in whats(view))
        await asked.approve("bo")
        await skipping_bench.skip(hours=1)
        assert told(office) == [("asked", "cy"), ("asked", "hr"), ("asked", "manager"), ("delegated", "bo")]

    async def test_one_that_ends_before_tells_nobody_and_one_that_is_put_off_tells_then(
        self, skipping_bench: Bench, office: FakeOffice
    ) -> None:
        asked = await skipping_bench.ask(level("Both", "ann", "bo", rule="all"))
        now = await skipping_bench.now()
        for who, days in (("ann", 1), ("bo", 1), ("bo", 3)):
            starts_at = (now + timedelta(days=days)).isoformat()
            await asked.hand_over(who, f"for_{who}", starts_at=starts_at, cover_id=f"out-of-office:{who}")
        await asked.act("end_delegation", "ann", cover_id="out-of-office:ann")
        await skipping_bench.skip(days=2)
        assert told(office) == [("asked", "ann"), ("asked", "bo")]
        await skipping_bench.skip(days=2)
        await asked.until(lambda view: not view.covers_ahead)
        await skipping_bench.skip(hours=1)
        assert told(office) == [("asked", "ann"), ("asked", "bo"), ("delegated", "for_bo")]

    async def test_while_changes_are_wanted_they_are_asked_with_the_next_round(
        self, skipping_bench: Bench, office: FakeOffice
    ) -> None:
        asked = await skipping_bench.ask()
        starts_at = (await skipping_bench.now() + timedelta(days=2)).isoformat()
        await asked.hand_over("manager", "bo", starts_at=starts_at)
        await asked.want_changes("manager")
        await skipping_bench.skip(days=3)
        assert ("delegated", "bo") not in office.mails
        await asked.act("resubmit", "employee", title="Shorter", description="")
        assert (await asked.approve("bo")).level == 2
        await skipping_bench.skip(hours=1)
        assert told(office).count(("asked", "bo")) == 1
        assert ("delegated", "bo") not in office.mails

    async def test_for_whom_it_is_escalated_to(self, skipping_bench: Bench, office: FakeOffice) -> None:
        """Before the escalation it is no news, with it they hear of that, after it of the hand-over."""
        asked = await skipping_bench.ask(
            level("Manager", "manager", escalation_seconds=2 * DAY, escalate_to=["vera", "vic"])
        )
        now = await skipping_bench.now()
        for who, days in (("vera", 1), ("vic", 3)):
            await asked.hand_over(who, f"for_{who}", starts_at=(now + timedelta(days=days)).isoformat())
        await skipping_bench.skip(days=4)
        await asked.until(lambda view: not view.covers_ahead)
        assert (await asked.approve("for_vic")).status == "approved"
        await asked.result()
        covering = [mail for mail in told(office) if mail[1].startswith("for_")]
        assert covering == [("delegated", "for_vic"), ("escalated", "for_vera")]


def told(office: FakeOffice) -> list[tuple[str, str]]:
    return sorted(mail for mail in office.mails if mail[0] != "decided")


class TestDeadline:
    async def test_expired_is_not_rejected(self, skipping_bench: Bench, office: FakeOffice) -> None:
        asked = await skipping_bench.ask(level("Manager", "manager"))
        await skipping_bench.skip(days=6, hours=23)
        assert (await asked.view()).status == "pending"
        await skipping_bench.skip(hours=2)
        assert (await asked.result()).status == "expired"
        assert ("decided", "employee") in office.mails
        assert office.carried_out == []

    @pytest.mark.parametrize(("at_expiry", "status"), [("reject", "rejected"), ("approve", "approved")])
    async def test_what_the_policy_says(self, skipping_bench: Bench, at_expiry: str, status: str) -> None:
        asked = await skipping_bench.ask(level("Manager", "manager", at_expiry=at_expiry))
        await skipping_bench.skip(days=8)
        assert (await asked.result()).status == status
        entry = next(e for e in (await asked.view()).trail if e.what == status)
        assert (entry.who, entry.door) == ("", "system")

    async def test_escalates_once_and_expires_then(self, skipping_bench: Bench) -> None:
        asked = await skipping_bench.ask(
            level("Manager", "manager", at_expiry="escalate", escalate_to=["vera"], escalation_seconds=20 * DAY),
            expires_seconds=2 * DAY,
        )
        await skipping_bench.skip(days=2, hours=1)
        view = await asked.until(lambda view: view.deadline_extended)
        assert view.levels[0].is_escalated
        await skipping_bench.skip(days=21)
        assert (await asked.result()).status == "expired"

    async def test_runs_while_changes_are_wanted_and_anew_with_the_next_round(self, skipping_bench: Bench) -> None:
        asked = await skipping_bench.ask(level("Manager", "manager"))
        waits = await skipping_bench.ask(level("Manager", "manager", at_expiry="approve"))
        await skipping_bench.skip(days=5)
        for one in (asked, waits):
            await one.want_changes("manager")
        view = await asked.act("resubmit", "employee", title="Shorter", description="")
        assert view.deadline_at is not None
        assert view.deadline_at - await skipping_bench.now() > timedelta(days=6)
        await skipping_bench.skip(days=3)
        assert (await asked.approve("manager")).status == "approved"
        assert (await waits.result()).status == "expired"

    async def test_a_decision_at_the_same_instant_is_one_of_the_two(self, skipping_bench: Bench) -> None:
        """Sent around the deadline, without knowing which of them is first: never both, never neither."""
        outcomes = []
        for early in (2, 1, 0):
            asked = await skipping_bench.ask(level("Manager", "manager"), expires_seconds=HOUR)
            deadline = (await asked.view()).deadline_at
            assert deadline is not None
            left = deadline - await skipping_bench.now() - timedelta(milliseconds=early * 40)
            await skipping_bench.env.sleep(left)
            [answer] = await asyncio.gather(asked.approve("manager", seen=1), return_exceptions=True)
            decided = not isinstance(answer, Refusal)
            assert decided or answer.code == "expired"
            await skipping_bench.skip(hours=1)
            status = (await asked.result()).status
            assert status == ("approved" if decided else "expired")
            assert await asked.accepted() == int(decided)
            outcomes.append(status)
        assert outcomes[-1] == "expired"


class TestWorkingHours:
    BERLIN = WorkingHours(zone="Europe/Berlin")

    @pytest.mark.parametrize(
        ("at", "then"),
        [
            ("2026-03-27T10:00", "2026-03-27T10:00"),  # Friday, 11:00 there
            (
                "2026-03-27T17:30",
                "2026-03-30T07:00",
            ),  # Friday evening; summer time begins on Sunday: 09:00 is 07:00 UTC
            ("2026-03-20T17:30", "2026-03-23T08:00"),  # the week before: 09:00 is 08:00 UTC
            ("2026-10-23T20:00", "2026-10-26T08:00"),  # summer time ends on Sunday
            ("2026-10-26T05:00", "2026-10-26T08:00"),  # Monday before work
        ],
    )
    def test_nine_stays_nine(self, at: str, then: str) -> None:
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        assert next_working_moment(moment, self.BERLIN) == datetime.fromisoformat(then).replace(tzinfo=UTC)

    def test_every_hour_of_a_month_with_a_change(self) -> None:
        start = datetime(2026, 3, 10, tzinfo=UTC)
        for hour in range(31 * 24):
            at = start + timedelta(hours=hour)
            then = next_working_moment(at, self.BERLIN)
            local = then.astimezone(ZoneInfo("Europe/Berlin"))
            assert then >= at
            assert local.weekday() < 5
            assert 9 <= local.hour < 17
            assert then == at or (local.hour, local.minute) == (9, 0)

    async def test_a_request_through_a_change_of_summer_time(self, skipping_bench: Bench) -> None:
        """Started before the change and reminded each working day over a month: always at nine or later, there."""
        change = datetime(2027, 3, 28, 1, tzinfo=UTC)
        await skipping_bench.env.sleep(change - timedelta(days=12) - await skipping_bench.now())
        asked = await skipping_bench.ask(
            level("Manager", "manager", reminder_seconds=20 * HOUR),
            working_hours=self.BERLIN,
            expires_seconds=31 * DAY,
        )
        await skipping_bench.skip(days=32)
        assert (await asked.result()).status == "expired"
        view = await asked.view()
        reminded = [entry.at for entry in view.trail if entry.what == "reminded"]
        assert min(reminded) < change < max(reminded)
        assert len(reminded) >= 15
        local = [at.astimezone(ZoneInfo("Europe/Berlin")) for at in reminded]
        assert all(at.weekday() < 5 and 9 <= at.hour < 17 for at in local)
        assert view.closed_at is not None
        assert view.submitted_at is not None
        assert abs(view.closed_at - view.submitted_at - timedelta(days=31)) < timedelta(minutes=1)
