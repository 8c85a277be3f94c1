"""One person's actor: every rule and every message, on a server that skips time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import By, CapPolicy, OptOut, Preferences, QuietHours, SendRecord
from tests.eventually import aeventually
from tests.workflows.actors import THREE_A_DAY, Actor, Actors, Refused, at, grant_ids, open_actors

HOUR = timedelta(hours=1)


def rules(**more: Any) -> CapPolicy:
    return CapPolicy(**{"version": 1, **more})


class TestTheCap:
    async def test_is_never_exceeded_however_many_ask_at_once(self, actors: Actors) -> None:
        actor = await actors.start()
        answers = await asyncio.gather(
            *(actor.ask(f"CMP-{n}:1:{actor.start.user_id}") for n in range(50)), return_exceptions=True
        )
        granted = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = [answer.decision for answer in answers if isinstance(answer, Refused)]
        assert (len(granted), len(refused)) == (3, 47)
        used = {grant.grant_id for grant in granted}
        assert {(one.code, one.limit, one.count) for one in refused} == {("cap_day", 3, 3)}
        assert all(set(one.used_by) == used for one in refused)
        assert set(grant_ids(await actor.view())) == used

    async def test_is_free_again_at_the_very_instant(self, skipping_actors: Actors) -> None:
        actor = await skipping_actors.start()
        first = await actor.ask()
        await skipping_actors.skip(2 * HOUR)
        await actor.ask()
        await actor.ask()
        refused = await actor.refusal()
        free_at = first.granted_at + 24 * HOUR
        assert refused.next_allowed_at == free_at
        await skipping_actors.skip(free_at - at(refused) - timedelta(seconds=5))
        refused = await actor.refusal()
        assert refused.code == "cap_day"
        await skipping_actors.skip(free_at - at(refused))
        assert (await actor.ask()).granted_at >= free_at

    async def test_of_a_calendar_day_ends_at_the_persons_midnight(self, skipping_actors: Actors) -> None:
        zone = "Pacific/Kiritimati"
        policy = rules(max_per_day=1, window="calendar")
        actor = await skipping_actors.start(preferences=Preferences(time_zone=zone))
        grant = await actor.ask(policy=policy)
        refused = await actor.refusal(policy=policy)
        assert refused.next_allowed_at is not None
        local = refused.next_allowed_at.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
        assert timedelta(0) < refused.next_allowed_at - grant.granted_at <= 24 * HOUR
        await skipping_actors.skip(refused.next_allowed_at - at(refused))
        await actor.ask(policy=policy)

    async def test_of_a_channel_and_of_a_category(self, actors: Actors) -> None:
        actor = await actors.start()
        policy = rules(per_channel={"sms": 1}, per_category={"news": 0})
        await actor.ask(channel="sms", policy=policy)
        assert (await actor.refusal(channel="sms", policy=policy)).rule == "per_channel.sms"
        assert (await actor.refusal(category="news", policy=policy)).code == "cap_category"
        await actor.ask(channel="push", policy=policy)

    async def test_hours_between(self, skipping_actors: Actors) -> None:
        actor = await skipping_actors.start()
        policy = rules(min_hours_between=2)
        grant = await actor.ask(policy=policy)
        refused = await actor.refusal(policy=policy)
        assert (refused.code, refused.next_allowed_at) == ("min_gap", grant.granted_at + 2 * HOUR)
        await skipping_actors.skip(2 * HOUR)
        await actor.ask(policy=policy)

    async def test_quiet_hours(self, skipping_actors: Actors) -> None:
        actor = await skipping_actors.start()
        now = at(await actor.can_send()).astimezone(ZoneInfo("Europe/Berlin"))
        quiet = QuietHours(f"{now - HOUR:%H:%M}", f"{now + 3 * HOUR:%H:%M}")
        await actor.prefer(time_zone="Europe/Berlin")
        refused = await actor.refusal(policy=rules(quiet_hours=quiet))
        assert refused.code == "quiet_hours"
        assert refused.next_allowed_at is not None
        assert f"{refused.next_allowed_at.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" == quiet.end
        await skipping_actors.skip(refused.next_allowed_at - at(refused))
        await actor.ask(policy=rules(quiet_hours=quiet))

    async def test_transactional_messages_pass_it_and_count_by_policy(self, actors: Actors) -> None:
        actor = await actors.start()
        policy, counting = rules(max_per_day=1), rules(version=2, max_per_day=1, count_transactional=True)
        await actor.ask(transactional=True, category="orders", policy=policy)
        await actor.ask(policy=policy)
        await actor.ask(transactional=True, category="orders", policy=policy)
        assert (await actor.refusal(policy=policy)).count == 1
        assert (await actor.refusal(policy=counting)).count == 3

    async def test_a_newer_policy_is_adopted_and_an_older_one_is_not(self, actors: Actors) -> None:
        actor = await actors.start()
        assert (await actor.view()).cap is None
        assert (await actor.ask(policy=rules(version=5, max_per_day=1))).policy_version == 5
        refused = await actor.refusal(policy=rules(version=4, max_per_day=9))
        assert (refused.limit, refused.policy_version) == (1, 5)
        assert (await actor.ask(policy=rules(version=6, max_per_day=2))).policy_version == 6
        assert (await actor.view()).cap == rules(version=6, max_per_day=2)

    async def test_the_persons_own_takes_its_place(self, actors: Actors) -> None:
        actor = await actors.start()
        view = await actor.cap(max_per_day=1, min_hours_between=None, by={"username": "ann", "door": "api"})
        assert view.cap == view.own_cap == CapPolicy(version=0, max_per_day=1)
        await actor.ask()
        refused = await actor.refusal(policy=rules(version=9, max_per_day=9))
        assert (refused.limit, refused.own_cap) == (1, True)
        assert (await actor.cap(cleared=True)).own_cap is None
        assert (await actor.ask(policy=rules(version=9, max_per_day=9))).policy_version == 9


class TestGrants:
    async def test_one_id_has_one_grant(self, actors: Actors) -> None:
        actor = await actors.start()
        grant = await actor.ask("A")
        assert await actor.ask("A") == grant
        assert await actor.ask("A", update_id="another") == grant
        assert await actor.ask("A", update_id="a third", channel="sms") == grant
        view = await actor.view()
        assert (grant_ids(view), view.count, len(view.decisions)) == (["A"], 1, 1)

    async def test_the_first_request_starts_the_actor_from_the_send_log(self, actors: Actors) -> None:
        now = at(await (await actors.start()).can_send())
        actor = actors.of(
            preferences=Preferences("Europe/Berlin", "de", [OptOut("sms")]),
            sends=[SendRecord("old", "C", "email", now - 1 * HOUR), SendRecord("older", "C", "email", now - 30 * HOUR)],
            used_grant_ids=["long ago"],
        )
        await actor.ask("A", starting=True)
        await actor.ask("B", starting=True)
        assert (await actor.refusal("C", starting=True)).used_by == ["old", "A", "B"]
        assert (await actor.refusal("long ago")).code == "grant_spent"
        assert (await actor.refusal(channel="sms")).code == "opted_out"
        view = await actor.view()
        assert (view.preferences.time_zone, view.opted_out_channels) == ("Europe/Berlin", ["sms"])

    async def test_a_released_one_gives_its_slot_back_and_is_spent(self, actors: Actors) -> None:
        actor = await actors.start()
        for grant_id in ("A", "B", "C"):
            await actor.ask(grant_id)
        assert (await actor.refusal("D")).code == "cap_day"
        assert grant_ids(await actor.release("A")) == ["B", "C"]
        await actor.ask("D")
        spent = await actor.refusal("A", update_id="asked again")
        assert (spent.code, spent.next_allowed_at) == ("grant_spent", None)
        assert "spent" in spent.reason
        assert (await actor.refusal("A:2")).used_by == ["B", "C", "D"]

    async def test_the_server_does_not_hand_a_released_one_out_again(self, actors: Actors) -> None:
        """It answers an update id that the run has answered before; so a release ends the run."""
        policy = rules(max_per_day=1)
        actor = await actors.start()
        await actor.ask("first", policy=policy)
        await actor.release("first")
        await actor.ask("second", policy=policy)
        assert (await actor.refusal("first", policy=policy)).code == "grant_spent"
        assert grant_ids(await actor.view()) == ["second"]

    async def test_releasing_is_harmless_twice_and_before(self, actors: Actors) -> None:
        actor = await actors.start()
        await actor.release("never granted")
        assert (await actor.refusal("never granted")).code == "grant_spent"
        await actor.ask("A")
        version = (await actor.release("A")).version
        assert (await actor.release("A")).version == version

    async def test_an_unknown_outcome_keeps_its_slot(self, skipping_actors: Actors) -> None:
        """Nobody says what became of it: it counts like any other, until its day is over."""
        actor = await skipping_actors.start()
        policy = rules(max_per_day=1)
        await actor.ask(policy=policy)
        await skipping_actors.skip(23 * HOUR)
        assert (await actor.refusal(policy=policy)).code == "cap_day"

    async def test_an_id_is_never_granted_twice_however_late(self, skipping_actors: Actors) -> None:
        actor = await skipping_actors.start()
        await actor.ask("A")
        newest = await actor.ask("B")
        await skipping_actors.skip(72 * HOUR)
        await actor.ask("C")
        assert (await actor.refusal("A", update_id="much later")).code == "grant_spent"
        assert await actor.ask("B", update_id="much later") == newest, "the one that is kept for the gap"


class TestWishes:
    async def test_opt_out_counts_for_the_very_next_request(self, actors: Actors) -> None:
        actor = await actors.start()
        await actor.ask()
        await actor.signal("opt_out", channel="email")
        assert (await actor.refusal()).code == "opted_out"
        assert (await actor.refusal(transactional=True)).code == "opted_out"
        await actor.ask(channel="sms")
        await actor.signal("opt_in", channel="email")
        await actor.ask()

    async def test_opt_out_of_a_category_and_of_everything(self, actors: Actors) -> None:
        actor = await actors.start()
        await actor.signal("opt_out", category="marketing")
        assert (await actor.refusal(channel="sms")).rule == "opted_out_categories"
        await actor.ask(category="orders", transactional=True)
        await actor.signal("opt_out")
        assert (await actor.refusal(category="orders", transactional=True)).code == "opted_out"

    async def test_preferences(self, actors: Actors) -> None:
        actor = await actors.start()
        until = datetime(2090, 1, 1, tzinfo=UTC)
        await actor.prefer(
            time_zone="Asia/Tokyo", locale="ja", opted_out_channels=["sms"], opted_out_categories=["news"]
        )
        view = await actor.prefer(paused_until=until.isoformat())
        assert (view.preferences.time_zone, view.preferences.locale) == ("Asia/Tokyo", "ja")
        assert (view.opted_out_channels, view.opted_out_categories) == (["sms"], ["news"])
        assert view.preferences.changed_by is not None
        assert (await actor.refusal()).next_allowed_at == until
        view = await actor.prefer(paused_until=None, opted_out_channels=[])
        assert (view.opted_out_channels, view.opted_out_categories) == ([], ["news"])
        await actor.ask()

    async def test_quiet_hours_of_their_own(self, skipping_actors: Actors) -> None:
        actor = await skipping_actors.start()
        now = at(await actor.can_send())
        until = now.replace(second=0, microsecond=0) + 2 * HOUR
        quiet = {"start": f"{now - HOUR:%H:%M}", "end": f"{until:%H:%M}"}
        view = await actor.prefer(time_zone="UTC", quiet_hours=quiet)
        assert view.preferences.quiet_hours == QuietHours(**quiet)
        refused = await actor.refusal()
        assert (refused.code, refused.rule, refused.next_allowed_at) == ("quiet_hours", "own_quiet_hours", until)
        await actor.ask(transactional=True)
        assert (await actor.prefer(locale="de")).preferences.quiet_hours == QuietHours(**quiet), "left out, it stays"
        await skipping_actors.skip(2 * HOUR)
        await actor.ask()
        assert (await actor.prefer(quiet_hours=None)).preferences.quiet_hours is None

    async def test_an_older_word_changes_nothing_of_a_newer_one(self, actors: Actors) -> None:
        actor = await actors.start()
        now = at(await actor.can_send())
        await actor.prefer(time_zone="Asia/Tokyo")
        view = await actor.prefer(time_zone="Europe/Paris", locale="fr", said_at=(now - HOUR).isoformat())
        assert (view.preferences.time_zone, view.preferences.locale) == ("Asia/Tokyo", "fr")
        assert view.preferences.said_at["locale"] == now - HOUR

    async def test_what_another_system_sent_counts_once(self, actors: Actors) -> None:
        actor = await actors.start()
        now = at(await actor.can_send())
        message = {"message_id": "shop-1", "channel": "email", "category": "orders", "sent_at": now.isoformat()}
        await actor.signal("message_sent", **message)
        await actor.signal("message_sent", **message)
        await actor.signal("message_sent", **{**message, "message_id": "future", "sent_at": "2090-01-01T00:00:00Z"})
        await actor.ask("A")
        assert set((await actor.refusal()).used_by) == {"shop-1", "future", "A"}
        assert (await actor.refusal("shop-1")).code == "grant_spent"


class TestWrittenDown:
    """What reaches an actor by no door of ours."""

    async def test_updates_are_answered_once_it_is(self, actors: Actors) -> None:
        actor = await actors.start(version=41)
        view = await actor.prefer(opted_out_channels=["sms"])
        (wish,) = actors.rows.of(actor)
        assert (wish.version, view.version) == (42, 42), "it counts on from what the rows know"
        assert wish.preferences == view.preferences
        assert wish.wish is not None
        assert wish.wish.by == By("ann", "web")
        await actor.cap(max_per_day=5)
        cap = actors.rows.of(actor)[-1]
        assert (cap.version, cap.cap and cap.cap.max_per_day) == (43, 5)
        assert cap.at > wish.at

    async def test_an_answer_waits_for_rows_that_are_away(self, actors: Actors) -> None:
        actor = await actors.start()
        actors.rows.away = True
        asked = asyncio.create_task(actor.prefer(opted_out_channels=["sms"]))
        await aeventually(lambda: _is_opted_out(actor))
        # What asks meanwhile waits for nobody.
        assert (await actor.refusal(channel="sms")).code == "opted_out"
        await actor.ask()
        assert not asked.done()
        actors.rows.away = False
        assert (await asked).opted_out_channels == ["sms"]
        assert len(actors.rows.of(actor)) == 1

    async def test_signals_are_each(self, actors: Actors) -> None:
        actor = await actors.start()
        message = {"message_id": "shop-1", "channel": "email", "category": "x", "sent_at": "2026-01-01T00:00:00Z"}
        await actor.signal("message_sent", **message)
        await actor.signal("message_sent", **message)
        await actor.signal("opt_out", channel="sms")
        await actor.signal("opt_out", channel="sms")
        await actor.signal("opt_in", channel="sms")
        await aeventually(lambda: len(actors.rows.of(actor)) == 4)
        sent, out, again, back = sorted(actors.rows.of(actor), key=lambda said: said.at)
        assert sent.message_sent is not None
        assert (out.opt_out, out.changed, again.changed) == (OptOut("sms"), True, False)
        assert (back.opt_in, back.changed) == (OptOut("sms"), True)

    async def test_what_our_doors_have_written_is_not(self, actors: Actors) -> None:
        actor = await actors.start()
        await actor.signal("opt_out", channel="sms", recorded=True)
        await actor.signal("opt_in", channel="sms", recorded=True)
        await actor.prefer(locale="de", recorded=True)
        await actor.cap(max_per_day=5, recorded=True)
        await actor.ask()
        await actor.release(next(iter(grant_ids(await actor.view()))))
        assert actors.rows.of(actor) == []

    async def test_a_run_ends_once_it_is(self, actors: Actors) -> None:
        actor = await actors.start(renew_after=1)
        actors.rows.away = True
        await actor.signal("opt_out", channel="sms")
        assert (await actor.view()).run.number == 1
        actors.rows.away = False
        await aeventually(lambda: _has_renewed(actor))
        assert [said.opt_out for said in actors.rows.of(actor)] == [OptOut("sms")]
        assert (await actor.view()).opted_out_channels == ["sms"]


async def _is_opted_out(actor: Actor) -> bool:
    return (await actor.view()).opted_out_channels == ["sms"]


async def _has_renewed(actor: Actor) -> bool:
    return (await actor.view()).run.number > 1


class TestReading:
    async def test_asking_spends_nothing(self, actors: Actors) -> None:
        actor = await actors.start()
        for _ in range(5):
            assert (await actor.can_send()).allowed
        view = await actor.view()
        assert (view.version, view.sends_in_window, view.decisions) == (0, [], [])

    async def test_can_say_how_it_will_be(self, actors: Actors) -> None:
        actor = await actors.start()
        policy = rules(max_per_day=1)
        grant = await actor.ask(policy=policy)
        assert not (await actor.can_send(policy=policy)).allowed
        assert (await actor.can_send(policy=policy, asked_at=grant.granted_at + 24 * HOUR)).allowed

    async def test_the_state_says_what_is_next_for_each_channel(self, actors: Actors) -> None:
        actor = await actors.start()
        await actor.signal("opt_out", channel="sms")
        policy = rules(per_channel={"email": 1})
        grant = await actor.ask(policy=policy)
        view = await actor.view()
        assert view.next_allowed_at == {"email": grant.granted_at + 24 * HOUR, "sms": None, "push": view.at}
        email = next(one for one in view.channels if one.channel == "email")
        assert (email.count, email.limit, email.decision.code) == (1, 1, "cap_channel")
        assert (view.workflow_id, view.count, view.run.number) == (actor.workflow_id, 1, 1)
        assert [(entry.code, entry.grant_id) for entry in view.decisions] == [("granted", grant.grant_id)]

    async def test_only_the_last_50_decisions_are_kept(self, actors: Actors) -> None:
        actor = await actors.start()
        for _ in range(53):
            await actor.ask(transactional=True)
        view = await actor.view()
        assert (len(view.decisions), len(view.sends_in_window)) == (50, 53)

    async def test_whoever_waits_is_told(self, actors: Actors) -> None:
        actor = await actors.start()
        waiting = asyncio.create_task(actor.update("wait_for_progress", 0, id="progress-0", result_type=dict))
        await actor.ask("A")
        assert await waiting == {"version": 1, "closed": False}
        waiting = asyncio.create_task(actor.update("wait_for_progress", 1, id="progress-1", result_type=dict))
        await actor.release("A")
        assert await waiting == {"version": 2, "closed": True}, "a release ends the run"


class TestLongLives:
    async def test_continues_as_new_by_its_own_bound(self, actors: Actors) -> None:
        actor = await actors.start(renew_after=4, own_cap=rules(max_per_day=9))
        for number in range(9):
            await actor.ask(f"G{number}")
        view = await actor.view()
        assert (view.run.number, view.run.handled, view.version) == (3, 1, 9)
        assert grant_ids(view) == [f"G{number}" for number in range(9)]
        assert (await actor.refusal()).code == "cap_day"
        assert (await actor.ask("G0")).granted_at == view.sends_in_window[0].at

    async def test_settings_that_are_asked_again_do_not_undo_later_ones(self, actors: Actors) -> None:
        actor = await actors.start(renew_after=1)
        await actor.update("set_frequency_cap", {"max_per_day": 1}, id="first")
        await actor.update("set_frequency_cap", {"max_per_day": 2}, id="second")
        view = await actor.update("set_frequency_cap", {"max_per_day": 1}, id="first")
        assert view.cap.max_per_day == 2

    async def test_replays_at_every_task(self, time_skipping_env: WorkflowEnvironment) -> None:
        """As after a worker's end: nothing is cached, all is read from the history."""
        async with open_actors(time_skipping_env.client, max_cached_workflows=0) as actors:
            actor = await actors.start()
            for grant_id in ("A", "B", "C"):
                await actor.ask(grant_id)
            assert (await actor.refusal()).used_by == ["A", "B", "C"]
            assert await actor.ask("A", update_id="again") == await actor.ask("A")

    async def test_a_cancelled_one_is_created_again(self, actors: Actors) -> None:
        actor = actors.of()
        await actor.ask("A", starting=True)
        await actor.handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await actor.handle.result()
        assert (await actor.ask("B", starting=True)).policy_version == THREE_A_DAY.version
