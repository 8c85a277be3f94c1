"""A request's way through its levels, and every "no" on it."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from approvals.contract import ApprovalView, Cover
from dashboard.processes import free_port
from temporal_worker.devserver import DevServer
from tests.workflows.conftest import open_bench
from tests.workflows.office import Bench, FakeOffice, Refusal, level, whats


class TestDeciding:
    async def test_every_level_approves(self, bench: Bench, office: FakeOffice) -> None:
        asked = await bench.ask()
        view = await asked.approve("manager", comment="Have fun.", door="slack")
        assert (view.status, view.level, view.state_version) == ("pending", 2, 2)
        assert [entry.what for entry in view.trail] == ["approved", "level_opened"]
        view = await asked.approve("hr")
        assert (view.status, view.state_version, view.deadline_at) == ("approved", 2, None)
        result = await asked.result()
        assert result.status == "approved"
        assert result.decided_by == ["manager", "hr"]
        view = await asked.view()
        assert office.carried_out == [asked.request_id]
        assert view.outcome == "The leave was booked."
        assert view.levels[0].decisions[0].comment == "Have fun."
        assert view.levels[0].decisions[0].door == "slack"
        saved = office.saved[asked.request_id]
        assert (saved.version, saved.status) == (view.version, "approved")
        assert set(office.mails) >= {("asked", "manager"), ("asked", "hr"), ("decided", "employee")}

    async def test_one_rejection_rejects_and_nothing_is_carried_out(self, bench: Bench, office: FakeOffice) -> None:
        asked = await bench.ask()
        view = await asked.reject("manager", comment="Too busy then.")
        assert (view.status, view.levels[0].status) == ("rejected", "rejected")
        assert (await asked.result()).comment == "Too busy then."
        assert office.carried_out == []

    async def test_a_rejection_needs_a_reason_if_the_policy_says_so(self, bench: Bench) -> None:
        strict, free = await bench.ask(), await bench.ask(comment_to_reject=False)
        with pytest.raises(Refusal) as refusal:
            await strict.reject("manager", comment="  ")
        assert (refusal.value.code, refusal.value.details["field"]) == ("ValidationError", "comment")
        assert (await free.reject("manager", comment="")).status == "rejected"

    async def test_two_of_three(self, bench: Bench) -> None:
        asked = await bench.ask(level("Board", "ann", "bo", "cy", rule="n_of_m", needed=2))
        view = await asked.approve("ann")
        assert (view.status, view.state_version, view.levels[0].undecided) == ("pending", 1, ["bo", "cy"])
        with pytest.raises(Refusal, match="You approved this already") as refusal:
            await asked.approve("ann")
        assert refusal.value.code == "already_decided"
        assert (await asked.approve("cy")).status == "approved"

    async def test_all_of_them(self, bench: Bench) -> None:
        asked = await bench.ask(level("Both", "ann", "bo", rule="all"))
        assert (await asked.approve("ann")).status == "pending"
        assert (await asked.approve("bo")).status == "approved"

    async def test_rejections_that_a_level_wants(self, bench: Bench) -> None:
        asked = await bench.ask(level("Board", "ann", "bo", "cy", rule="n_of_m", needed=1, rejections=3))
        assert (await asked.reject("ann")).status == "pending"
        assert (await asked.approve("bo")).status == "approved"

    async def test_rejected_once_enough_approvals_are_out_of_reach(self, bench: Bench) -> None:
        asked = await bench.ask(level("Board", "ann", "bo", "cy", rule="n_of_m", needed=2, rejections=3))
        await asked.reject("ann")
        assert (await asked.reject("bo")).status == "rejected"

    async def test_of_fifty_at_once_one_counts_and_the_others_hear_who_was_first(self, bench: Bench) -> None:
        asked = await bench.ask()
        seen = (await asked.view()).state_version
        doors = ("web", "api", "slack", "mail")
        answers = await asyncio.gather(
            *(asked.decide("manager", n % 2 == 0, seen=seen, door=doors[n % 4]) for n in range(50)),
            return_exceptions=True,
        )
        refusals = [answer for answer in answers if isinstance(answer, Refusal)]
        assert len(refusals) == 49
        assert {refusal.code for refusal in refusals} <= {"already_decided", "already_rejected"}
        first = (await asked.view()).levels[0].decisions
        assert len(first) == 1
        assert {(r.details["first"]["who"], r.details["first"]["door"]) for r in refusals} == {
            ("manager", first[0].door)
        }
        assert await asked.accepted() == 1


class TestNotTheirs:
    @pytest.mark.parametrize(
        ("who", "more", "code"),
        [
            ("employee", {}, "self_approval"),
            ("manager", {"on_behalf_of": "employee"}, "self_approval"),
            ("stranger", {}, "not_approver"),
            ("admin", {}, "not_approver"),
            ("", {}, "not_approver"),
            ("hr", {}, "not_approver"),  # of the level that is not open yet
            ("manager", {"on_behalf_of": "hr"}, "not_approver"),
        ],
    )
    async def test_is_refused(self, bench: Bench, who: str, more: dict[str, str], code: str) -> None:
        asked = await bench.ask()
        for approved in (True, False):
            with pytest.raises(Refusal) as refusal:
                await asked.decide(who, approved, **more)
            assert refusal.value.code == code
        view = await asked.view()
        assert view.levels[0].decisions == []
        assert await asked.accepted() == 0

    async def test_one_person_decides_one_level(self, bench: Bench) -> None:
        levels = level("Manager", "manager"), level("Finance", "manager", "fay")
        strict, free = await bench.ask(*levels), await bench.ask(*levels, distinct_levels=False)
        for asked in (strict, free):
            await asked.approve("manager")
        with pytest.raises(Refusal, match="another level needs another person") as refusal:
            await strict.approve("manager")
        assert refusal.value.code == "decided_other_level"
        assert (await strict.approve("fay")).status == "approved"
        assert (await free.approve("manager")).status == "approved"

    async def test_nobody_is_both_a_delegate_and_in_another_level(self, bench: Bench) -> None:
        asked = await bench.ask()
        await asked.hand_over("hr", "manager")
        await asked.approve("manager")
        with pytest.raises(Refusal) as refusal:
            await asked.approve("manager", on_behalf_of="hr")
        assert refusal.value.code == "decided_other_level"

    async def test_a_policy_that_names_the_requester_does_not_start(self, bench: Bench) -> None:
        asked = await bench.ask(level("Manager", "employee", "manager"))
        with pytest.raises(Exception, match="Workflow execution failed") as failure:
            await asked.result()
        assert "must not decide" in str(failure.value.__cause__)


class TestDelegation:
    async def test_b_decides_for_a(self, bench: Bench, office: FakeOffice) -> None:
        asked = await bench.ask()
        view = await asked.hand_over("manager", "bo", to_name="Bo Nyman")
        assert (view.state_version, view.names["bo"]) == (1, "Bo Nyman")
        view = await asked.approve("bo")
        decision = view.levels[0].decisions[0]
        assert (decision.approver, decision.on_behalf_of) == ("bo", "manager")
        assert view.trail[0].text == "Bo Nyman, for manager, approved Manager."
        assert ("delegated", "bo") in office.mails
        with pytest.raises(Refusal) as refusal:
            await asked.approve("manager", seen=1)
        assert refusal.value.details["first"]["who"] == "bo"

    async def test_has_an_end(self, bench: Bench) -> None:
        asked = await bench.ask()
        for number in range(50):
            await asked.hand_over("manager", f"person-{number}")
        with pytest.raises(Refusal, match="50 times at most") as refused:
            await asked.hand_over("manager", "one-more")
        assert refused.value.code == "too_many"

    async def test_a_delegate_can_reject_and_ask_for_changes(self, bench: Bench) -> None:
        first, second = await bench.ask(), await bench.ask()
        await first.hand_over("manager", "bo")
        assert (await first.reject("bo")).status == "rejected"
        await second.hand_over("manager", "bo")
        assert (await second.want_changes("bo")).status == "changes_requested"

    async def test_only_in_its_days(self, bench: Bench) -> None:
        now = await bench.now()
        covers = [
            Cover("out-of-office:1", "manager", "late", now + timedelta(days=3), now + timedelta(days=9)),
            Cover("out-of-office:2", "manager", "over", now - timedelta(days=9), now - timedelta(days=3)),
        ]
        asked = await bench.ask(covers=covers)
        for who in ("late", "over"):
            with pytest.raises(Refusal) as refusal:
                await asked.approve(who)
            assert refusal.value.code == "not_approver"

    async def test_never_the_requester_nor_by_way_of_them(self, bench: Bench) -> None:
        now = await bench.now()
        covers = [
            Cover("out-of-office:1", "manager", "employee", now - timedelta(days=1), now + timedelta(days=400)),
            Cover("out-of-office:2", "employee", "friend", now - timedelta(days=1), now + timedelta(days=400)),
        ]
        asked = await bench.ask(covers=covers)
        for who in ("employee", "friend"):
            with pytest.raises(Refusal) as refusal:
                await asked.approve(who)
            assert refusal.value.code in {"self_approval", "not_approver"}
        with pytest.raises(Refusal) as refusal:
            await asked.hand_over("manager", "employee")
        assert refusal.value.code == "self_approval"

    async def test_chains_of_three_and_no_circles(self, bench: Bench) -> None:
        asked = await bench.ask()
        for who, to in (("manager", "b"), ("b", "c"), ("c", "d")):
            await asked.hand_over(who, to)
        with pytest.raises(Refusal) as refusal:
            await asked.hand_over("d", "e")
        assert refusal.value.code == "delegation_chain"
        with pytest.raises(Refusal) as refusal:
            await asked.hand_over("c", "manager")
        assert refusal.value.code == "delegation_cycle"
        assert (await asked.approve("d")).levels[0].decisions[0].on_behalf_of == "manager"

    async def test_nobody_hands_over_what_is_not_theirs(self, bench: Bench) -> None:
        asked = await bench.ask()
        with pytest.raises(Refusal) as refusal:
            await asked.hand_over("stranger", "bo")
        assert refusal.value.code == "not_approver"
        with pytest.raises(Refusal) as refusal:
            await asked.hand_over("bo", "bo2", principal="manager")
        assert refusal.value.code == "not_approver"

    async def test_it_ends(self, bench: Bench) -> None:
        asked = await bench.ask()
        view = await asked.hand_over("manager", "bo")
        with pytest.raises(Refusal):
            await asked.act("end_delegation", "stranger", cover_id=view.covers[0].cover_id)
        await asked.act("end_delegation", "manager", cover_id=view.covers[0].cover_id)
        with pytest.raises(Refusal) as refusal:
            await asked.approve("bo")
        assert refusal.value.code == "not_approver"

    async def test_covering_for_one_of_all_votes_for_both(self, bench: Bench) -> None:
        asked = await bench.ask(level("Both", "ann", "bo", rule="all"))
        await asked.hand_over("ann", "bo")
        assert (await asked.approve("bo")).status == "pending"
        assert (await asked.approve("bo", on_behalf_of="ann")).status == "approved"

    async def test_a_second_vote_says_in_whose_name(self, bench: Bench) -> None:
        """The same link or a second tab, which know nothing of places, must not vote for somebody else."""
        asked = await bench.ask(level("Both", "ann", "bo", rule="all"))
        await asked.hand_over("ann", "bo")
        await asked.approve("bo")
        for again in ({}, {"on_behalf_of": "bo"}):
            with pytest.raises(Refusal, match="You approved this already") as refusal:
                await asked.approve("bo", **again)
            assert refusal.value.code == "already_decided"
        view = await asked.view()
        assert [one.on_behalf_of for one in view.levels[0].decisions] == [""]

    async def test_ones_own_place_can_be_named(self, bench: Bench) -> None:
        asked = await bench.ask(level("Both", "ann", "bo", rule="all"))
        await asked.hand_over("ann", "cy")
        with pytest.raises(Refusal, match="no place of your own") as refusal:
            await asked.approve("cy", on_behalf_of="cy")
        assert refusal.value.code == "not_approver"
        await asked.approve("cy", on_behalf_of="ann")
        view = await asked.approve("bo", on_behalf_of="bo")
        assert view.status == "approved"
        assert [(one.approver, one.on_behalf_of) for one in view.levels[0].decisions] == [("cy", "ann"), ("bo", "")]

    async def test_covering_for_one_of_two_of_three_counts_once(self, bench: Bench) -> None:
        asked = await bench.ask(level("Board", "ann", "bo", "cy", rule="n_of_m", needed=2))
        await asked.hand_over("ann", "bo")
        await asked.approve("bo")
        with pytest.raises(Refusal) as refusal:
            await asked.approve("bo", on_behalf_of="ann")
        assert refusal.value.code == "already_decided"
        assert (await asked.approve("ann")).status == "approved"


class TestChangesInSomebodysPlace:
    async def test_says_in_whose(self, bench: Bench) -> None:
        """As a decision does; and who asked for them may look at what becomes of it, also when they cover no more."""
        asked = await bench.ask()
        view = await asked.hand_over("manager", "bo")
        view = await asked.want_changes("bo")
        entry = view.trail[-1]
        assert (entry.who, entry.on_behalf_of, entry.what) == ("bo", "manager", "changes_requested")
        assert entry.text == "bo, for manager, asked for changes."
        assert view.rounds[-1].changes_wanted_by == "bo"
        await asked.act("end_delegation", "manager", cover_id=view.covers[0].cover_id)
        assert "bo" in (await asked.view()).participants

    async def test_in_ones_own_where_one_has_a_place(self, bench: Bench) -> None:
        asked = await bench.ask(level("Both", "ann", "bo", rule="all"))
        await asked.hand_over("ann", "bo")
        await asked.approve("bo")
        view = await asked.want_changes("bo")
        assert (view.trail[-1].on_behalf_of, view.trail[-1].text) == ("", "bo asked for changes.")
        assert "bo" not in view.participants

    async def test_where_the_place_is_taken_it_is_still_theirs(self, bench: Bench) -> None:
        asked = await bench.ask(level("Two", "ann", "cy", "dee", rule="n_of_m", needed=2))
        await asked.hand_over("ann", "bo")
        await asked.approve("ann")
        assert (await asked.want_changes("bo")).trail[-1].on_behalf_of == "ann"


class TestRounds:
    async def test_changes_and_a_new_round(self, bench: Bench, office: FakeOffice) -> None:
        asked = await bench.ask(kind="expense", amount_cents=90_000, max_cents=1_000_000)
        await asked.approve("manager")
        view = await asked.want_changes("hr", "What is it for?")
        assert (view.status, view.state_version) == ("changes_requested", 2)
        with pytest.raises(Refusal, match="waits for employee") as refusal:
            await asked.approve("hr")
        assert refusal.value.code == "changes_requested"
        view = await asked.act(
            "resubmit", "employee", title="Two weeks in May", description="For the fair.", amount_cents=900_000
        )
        assert (view.status, view.round, view.level, view.state_version) == ("pending", 2, 1, 3)
        assert [len(one.decisions) for one in view.levels] == [0, 0]
        assert view.rounds[0].decisions == 1
        with pytest.raises(Refusal, match=r"900\.00 → .9,000\.00") as refusal:
            await asked.approve("hr", seen=2)
        assert refusal.value.code == "stale_state_version"
        assert {"field": "amount_cents", "before": 90_000, "after": 900_000} in refusal.value.details["differences"]
        await asked.approve("manager")
        assert (await asked.approve("hr")).status == "approved"
        await asked.result()
        assert office.mails.count(("asked", "manager")) == 2
        assert ("changes_requested", "employee") in office.mails

    async def test_only_the_requester_asks_again_and_only_when_asked_to(self, bench: Bench) -> None:
        asked = await bench.ask()
        again = {"title": "Two weeks", "description": ""}
        with pytest.raises(Refusal) as refusal:
            await asked.act("resubmit", "employee", **again)
        assert refusal.value.code == "not_changes_requested"
        await asked.want_changes("manager")
        with pytest.raises(Refusal) as refusal:
            await asked.act("resubmit", "manager", **again)
        assert refusal.value.code == "not_requester"

    async def test_an_amount_of_another_policy_is_refused_without_it(self, bench: Bench) -> None:
        asked = await bench.ask(kind="expense", amount_cents=90_000, max_cents=100_000)
        await asked.want_changes("manager")
        again = {"title": "Desk", "description": "", "amount_cents": 100_000}
        with pytest.raises(Refusal) as refusal:
            await asked.act("resubmit", "employee", **again)
        assert refusal.value.code == "other_policy"

    async def test_rounds_have_an_end(self, bench: Bench) -> None:
        asked = await bench.ask(max_rounds=1)
        with pytest.raises(Refusal) as refusal:
            await asked.want_changes("manager")
        assert refusal.value.code == "too_many_rounds"
        assert (await asked.approve("manager")).level == 2

    async def test_comments_and_votes_do_not_make_a_decision_stale(self, bench: Bench) -> None:
        asked = await bench.ask(level("Board", "ann", "bo", rule="all"))
        seen = (await asked.view()).state_version
        await asked.act("add_comment", "employee", text="Please.")
        await asked.approve("ann", seen=seen)
        assert (await asked.approve("bo", seen=seen)).status == "approved"

    async def test_a_version_from_the_future_is_an_error(self, bench: Bench) -> None:
        asked = await bench.ask()
        with pytest.raises(Refusal) as refusal:
            await asked.approve("manager", seen=7)
        assert refusal.value.details["field"] == "state_version"


class TestEnding:
    async def test_withdrawn(self, bench: Bench, office: FakeOffice) -> None:
        asked = await bench.ask()
        with pytest.raises(Refusal) as refusal:
            await asked.act("withdraw", "manager")
        assert refusal.value.code == "not_requester"
        office.mail_fails = True  # it stays open until everybody is told
        view = await asked.act("withdraw", "employee", reason="Plans changed.")
        assert view.status == "withdrawn"
        with pytest.raises(Refusal, match="withdrawn already") as late:
            await asked.approve("manager")
        assert late.value.code == "withdrawn"
        office.mail_fails = False
        await asked.result()
        assert ("withdrawn", "manager") in office.mails

    async def test_cancelled_in_temporal_is_withdrawn(self, bench: Bench) -> None:
        asked = await bench.ask()
        await asked.handle.cancel()
        assert (await asked.result()).status == "withdrawn"

    async def test_whoever_asked_for_it_is_told(self, bench: Bench) -> None:
        caller = await bench.ask()  # any workflow will do: what it cannot read, it notes
        asked = await bench.ask(
            level("Manager", "manager"), caller={"workflow_id": caller.handle.id, "signal": "approval_decided"}
        )
        await asked.approve("manager")
        await asked.result()
        assert "caller_told" in whats(await asked.view())
        history = [event async for event in caller.events()]
        signals = [e.workflow_execution_signaled_event_attributes for e in history if e.event_type == 26]
        assert [signal.signal_name for signal in signals] == ["approval_decided"]
        assert b'"approved"' in signals[0].input.payloads[0].data

    async def test_a_caller_that_is_gone_stops_nothing(self, bench: Bench) -> None:
        asked = await bench.ask(level("Manager", "manager"), caller={"workflow_id": "nobody", "signal": "x"})
        await asked.approve("manager")
        assert (await asked.result()).status == "approved"
        assert "caller_lost" in whats(await asked.view())

    async def test_mail_and_slack_are_away(self, skipping_bench: Bench, office: FakeOffice) -> None:
        office.mail_fails = office.slack_fails = True
        asked = await skipping_bench.ask(level("Manager", "manager"), slack="buttons", slack_channel="C1")
        await asked.approve("manager")
        assert (await asked.result()).status == "approved"
        trail = (await asked.view()).trail
        problems = [entry.text for entry in trail if entry.what == "notice_failed"]
        assert any("Mail “asked” to manager could not be sent" in text for text in problems)
        assert any("Slack was not told" in text for text in problems)


class TestTalking:
    async def test_mentions_bring_people_in(self, bench: Bench, office: FakeOffice) -> None:
        asked = await bench.ask()
        with pytest.raises(Refusal) as refusal:
            await asked.act("add_comment", "fay", text="Me too.")
        assert refusal.value.code == "not_involved"
        view = await asked.act("add_comment", "manager", text="@fay, @nobody: ok?", names={"fay": "Fay Ito"})
        assert view.participants == ["manager", "fay"]
        assert (await asked.act("add_comment", "fay", text="Fine.")).trail[0].text == "Fay Ito commented."
        with pytest.raises(Refusal) as refusal:
            await asked.approve("fay")
        assert refusal.value.code == "not_approver"
        await asked.act("withdraw", "employee")
        await asked.result()
        assert [mail for mail in office.mails if mail[0] == "mentioned"] == [("mentioned", "fay")]

    async def test_an_attachment_leaves_its_digest_in_the_trail(self, bench: Bench) -> None:
        asked = await bench.ask()
        file = {"attachment_id": "a1", "name": "offer.pdf", "size": 9, "sha256": "ab" * 32}
        view = await asked.act("attach", "employee", **file)
        assert ("ab" * 32) in view.trail[0].text
        assert view.state_version == 1
        with pytest.raises(Refusal):
            await asked.act("attach", "employee", **{**file, "sha256": "../../etc/passwd"})

    async def test_the_trail_says_who_for_whom_and_by_which_door(self, bench: Bench) -> None:
        asked = await bench.ask()
        await asked.hand_over("manager", "bo")
        await asked.approve("bo", door="mail", comment="ok")
        rows = await asked.handle.query("get_audit_trail")
        row = next(row for row in rows if row["what"] == "approved")
        assert {**row, "at": ""} == {
            "at": "",
            "who": "bo",
            "on_behalf_of": "manager",
            "door": "mail",
            "what": "approved",
            "version": row["version"],
            "text": "bo, for manager, approved Manager.",
            "comment": "ok",
            "sequence": row["sequence"],
        }
        entry = next(entry for entry in (await asked.view()).trail if entry.what == "approved")
        accepted = [event async for event in asked.events() if event.event_type == 41]
        ids = {e.workflow_execution_update_accepted_event_attributes.accepted_request.meta.update_id for e in accepted}
        assert entry.update_id in ids
        assert entry.event_id < accepted[-1].event_id


class TestLongLives:
    async def test_continues_as_new_and_forgets_nothing(self, office: FakeOffice) -> None:
        """On a real server that suggests it soon; the one that skips time never does."""
        soon = {"limit.historyCount.suggestContinueAsNew": "60"}
        with DevServer(None, port=free_port(), ui_port=None, dynamic_config=soon) as server:
            client = await Client.connect(server.address)
            async with open_bench(WorkflowEnvironment.from_client(client), office) as bench:
                asked = await bench.ask(level("Board", "ann", "bo", rule="all"), level("HR", "hr"))
                await asked.hand_over("bo", "cy")
                await asked.approve("ann")
                first_run = (await asked.handle.describe()).run_id
                asked.handle = client.get_workflow_handle(asked.handle.id)
                said = 0
                while (await asked.handle.describe()).run_id == first_run:
                    said += 1
                    assert said < 60
                    await asked.act("add_comment", "employee", text=f"Comment {said}")
                view = await asked.approve("cy")
                assert (view.level, view.levels[0].decisions[0].approver) == (2, "ann")
                assert whats(await asked.view()).count("commented") == said
                assert (await asked.approve("hr")).status == "approved"
                await asked.handle.result()
                assert office.mails.count(("asked", "ann")) == 1
                total = (await asked.view()).trail_total
                assert office.trails[asked.request_id] == set(range(1, total + 1))

    async def test_what_a_run_before_has_done_is_not_done_again(self, office: FakeOffice) -> None:
        soon = {"limit.historyCount.suggestContinueAsNew": "60"}
        with DevServer(None, port=free_port(), ui_port=None, dynamic_config=soon) as server:
            client = await Client.connect(server.address)
            async with open_bench(WorkflowEnvironment.from_client(client), office) as bench:
                asked = await bench.ask(level("Both", "ann", "bo", rule="all"), level("HR", "hr"))
                by = {"username": "ann", "door": "web"}
                decision = {"approved": True, "comment": "", "state_version": 1, "by": by}
                remark = {"text": "Once.", "by": by}
                messages = [("submit_decision", "decided", decision), ("add_comment", "said", remark)]
                for name, key, message in messages:
                    await asked.handle.execute_update(name, message, id=key)
                first_run = (await asked.handle.describe()).run_id
                asked.handle = client.get_workflow_handle(asked.handle.id)
                while (await asked.handle.describe()).run_id == first_run:
                    await asked.act("add_comment", "employee", text="More.")
                before = await asked.view()
                for name, key, message in messages:
                    again = await asked.handle.execute_update(name, message, id=key, result_type=ApprovalView)
                    assert again.version == before.version
                assert len((await asked.view()).levels[0].decisions) == 1
                assert (await asked.approve("bo")).level == 2


class TestManyAtOnce:
    async def test_each_is_decided_and_counted(self, bench: Bench, office: FakeOffice) -> None:
        bulk = {
            "job_id": "j1",
            "username": "manager",
            "approved": True,
            "comment": "",
            "items": [{"request_id": f"REQ-{n}", "state_version": n % 3} for n in range(30)],
        }
        result = await bench.env.client.execute_workflow(
            "BulkDecisionWorkflow", bulk, id="bulk-decision-j1", task_queue="hr-approval-queue"
        )
        assert result == {"decided": 10, "refused": 20}
        assert (office.calls["bulk"], office.calls["bulk finished"]) == (30, 1)
