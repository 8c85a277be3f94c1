"""A welcome: in the contact's language, by their day, as far as wishes and caps allow."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import (
    TASK_QUEUE,
    ContactDetails,
    ContactWishes,
    GreetingResult,
    OptOut,
    QuietHours,
    WelcomeInput,
)
from tests.servers import start_time_skipping_server
from tests.workflows.marketing import Desk, FakeMarketing, open_desk


@pytest.fixture
def marketing() -> FakeMarketing:
    return FakeMarketing()


@pytest.fixture(scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A server of this file's own: what is ended here in the middle of an activity would keep others from skipping."""
    async with await start_time_skipping_server() as env:
        yield env


@pytest.fixture
async def desk(env: WorkflowEnvironment, marketing: FakeMarketing) -> AsyncIterator[Desk]:
    async with open_desk(env, marketing) as desk:
        yield desk


class TestGreeting:
    async def test_in_the_contacts_language_by_day_in_their_zone(self, desk: Desk, marketing: FakeMarketing) -> None:
        zone = ZoneInfo("Pacific/Kiritimati")
        marketing.details = ContactDetails(True, "fr-CA", zone.key, ["sms", "email"])
        for delay in (0, 5 * 3_600, 10 * 3_600, 15 * 3_600, 20 * 3_600):
            running = await desk.greet(delay_seconds=delay)
            result = await running.handle.result()
            assert (result.status, result.language) == ("sent", "fr")
            greeting, at = marketing.greetings[-1]
            hour = at.astimezone(zone).hour
            assert 8 <= hour < 21
            assert greeting.part == ("morning" if hour < 12 else "afternoon" if hour < 18 else "evening")
            assert (greeting.channel, greeting.attempt, greeting.asked) == ("sms", 1, 1)
        assert sorted(set(marketing.looked)) == ["details", "wishes"]

    async def test_details_and_wishes_are_fetched_at_once(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await desk.greet(delay_seconds=0)
        await running.handle.result()
        events = [event async for event in running.handle.fetch_history_events()]
        scheduled = [event for event in events if event.HasField("activity_task_scheduled_event_attributes")]
        tasks = {e.activity_task_scheduled_event_attributes.workflow_task_completed_event_id for e in scheduled[:2]}
        assert len(tasks) == 1

    async def test_of_many_not_all_are_greeted_when_the_night_ends(
        self, desk: Desk, env: WorkflowEnvironment, marketing: FakeMarketing
    ) -> None:
        marketing.details = ContactDetails(True, "de", "UTC", ["email"])
        for spread in (0, 1_800):
            hour = (await env.get_current_time()).hour
            day = {"day_starts": f"{(hour + 2) % 24:02}:00", "day_ends": f"{(hour + 3) % 24:02}:00"}
            await (await desk.greet(delay_seconds=0, spread_seconds=spread, **day)).handle.result()
        assert [at.minute for _, at in marketing.greetings] == [0, 30]

    async def test_an_unknown_language_and_zone_fall_back(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.details = ContactDetails(True, "tlh", "Mars/Olympus", ["email"])
        result = await (await desk.greet(delay_seconds=0)).handle.result()
        assert (result.status, result.language) == ("sent", "en")

    async def test_nobody_of_that_id_yet_is_asked_for_when_it_is_time(
        self, desk: Desk, marketing: FakeMarketing
    ) -> None:
        marketing.details = ContactDetails(False)
        marketing.answers = [GreetingResult("denied", "There is no address to which it could go.", "missing_address")]
        result = await (await desk.greet()).handle.result()
        assert (result.status, result.reason) == ("denied", "There is no address to which it could go.")

    async def test_a_channel_that_they_are_out_of_is_passed_over(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.details = ContactDetails(True, "it", "Europe/Rome", ["email", "sms"])
        marketing.wishes = ContactWishes([OptOut("email", "welcome"), OptOut("sms", "news")], "it", "Europe/Rome")
        assert (await (await desk.greet()).handle.result()).status == "sent"
        assert marketing.greetings[0][0].channel == "sms"


class TestWaiting:
    async def test_refused_for_now_it_is_asked_again_at_that_moment(
        self, desk: Desk, env: WorkflowEnvironment, marketing: FakeMarketing
    ) -> None:
        marketing.details = ContactDetails(True, "de", "UTC", ["email"])
        start = await env.get_current_time()
        noon = (start + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
        marketing.answers = [GreetingResult("waiting", "3 of 3 messages are used up.", "cap_day", noon)]
        result = await (await desk.greet()).handle.result()
        assert result.status == "sent"
        (first, _), (second, at) = marketing.greetings
        assert (first.asked, second.asked, second.attempt) == (1, 2, 1)
        assert timedelta(0) <= at - noon < timedelta(seconds=5)

    async def test_a_failed_message_is_tried_under_the_next_grant(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.answers = [GreetingResult("waiting", "Too many messages; later.", "refused", is_spent=True)] * 2
        assert (await (await desk.greet()).handle.result()).status == "sent"
        assert [greeting.attempt for greeting, _ in marketing.greetings] == [1, 2, 3]

    async def test_it_gives_up_in_time(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.answers = [GreetingResult("waiting", "Paused by themselves.", "paused_by_user")] * 500
        running = await desk.greet(gives_up_after_days=2)
        result = await running.handle.result()
        assert (result.status, result.reason) == ("denied", "It could not be sent in time. Paused by themselves.")
        told = await running.handle.describe()
        assert told.close_time is not None
        assert timedelta(days=2) <= told.close_time - told.start_time < timedelta(days=3)

    async def test_paused_until_a_day_they_are_greeted_then(
        self, desk: Desk, env: WorkflowEnvironment, marketing: FakeMarketing
    ) -> None:
        until = await env.get_current_time() + timedelta(days=3)
        marketing.wishes = ContactWishes(paused_until=until)
        await (await desk.greet(delay_seconds=0)).handle.result()
        assert marketing.greetings[0][1] >= until


class TestLanguage:
    async def test_it_can_be_changed_while_the_greeting_waits(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await desk.greet(delay_seconds=3_600)
        assert await running.update("set_language", {"language": "es"}) in ("en", "de")  # before or after it has looked
        assert await running.handle.query("get_language") == "es"
        assert await running.update("set_language", {"language": "FR-ca"}) == "es"
        result = await running.handle.result()
        assert (result.language, marketing.greetings[0][0].language) == ("fr", "fr")
        assert await running.handle.query("get_language") == "fr"

    @pytest.mark.parametrize("language", ["tlh", "", "german", "d", "../de"])
    async def test_an_unknown_one_is_refused_before_it_is_accepted(self, desk: Desk, language: str) -> None:
        running = await desk.greet(delay_seconds=3_600, language="de")
        await running.update("set_language", {"language": "it"})
        with pytest.raises(ApplicationError, match="There is no greeting in") as refusal:
            await running.update("set_language", {"language": language})
        assert refusal.value.type == "UnknownLanguage"
        assert refusal.value.details[0]["known"][:2] == ["en", "de"]
        assert await running.handle.query("get_language") == "it"
        events = [event async for event in running.handle.fetch_history_events()]
        assert sum(e.HasField("workflow_execution_update_accepted_event_attributes") for e in events) == 1
        assert (await running.handle.result()).language == "it"

    @pytest.mark.parametrize("message", [None, {}, {"language": None}, {"language": 7}, "de", []])
    async def test_malformed_ones_are_refused_and_it_goes_on(self, desk: Desk, message: Any) -> None:
        running = await desk.greet(delay_seconds=3_600)
        with pytest.raises(ApplicationError) as refusal:
            await running.update("set_language", message)
        assert refusal.value.type == "ValidationError"
        assert (await running.handle.result()).status == "sent"

    @pytest.mark.parametrize("start", [{"user_id": ""}, {"user_id": "U", "day_starts": "9"}, {"user_id": 7}, {}])
    async def test_a_start_that_makes_no_sense_fails(self, env: WorkflowEnvironment, desk: Desk, start: Any) -> None:
        handle = await env.client.start_workflow("WelcomeWorkflow", start, id="welcome-x", task_queue=TASK_QUEUE)
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert isinstance(failure.value.cause, ApplicationError)
        assert failure.value.cause.type == "ValidationError"


def test_the_night_is_the_rest_of_the_day() -> None:
    assert WelcomeInput("U").night == QuietHours("21:00", "08:00")
