"""Greetings with a real worker and real actors: sent once, within the cap, in the language, and in the send log."""

from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from campaigns.channels import Message, OutcomeUnknown, SendFailed
from campaigns.channels.sandbox import SandboxProvider
from campaigns.contract import DayPart, Door, GreetingRequest, WelcomeMemory
from campaigns.gateway import welcome
from campaigns.gateway.problems import ContactNotFound, InvalidRequest, NotPermitted, Unavailable
from campaigns.greeting import message_for
from campaigns.models import CapPolicy, Contact, OptOut, SandboxMessage, SendLog
from campaigns.rendering import compile_message
from campaigns.welcome_texts import texts_for
from dashboard.roles import CAMPAIGN_WRITERS, MARKETERS
from temporal_worker import client as temporal_client
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually


class BrokenProvider(SandboxProvider):
    """Fails as a test says, in turn; then it is the sandbox."""

    problems: list[Exception] = []

    def send(self, message: Message) -> Any:
        if self.problems:
            raise self.problems.pop(0)
        return super().send(message)


@pytest.fixture
def marketer(db: None, settings: Any) -> User:
    settings.CHANNEL_PROVIDERS = dict.fromkeys(("email", "sms", "push"), f"{__name__}.BrokenProvider")
    BrokenProvider.problems = []
    user = User.objects.create_user("marketer")
    user.groups.add(Group.objects.get(name=MARKETERS))
    return User.objects.get(pk=user.pk)


_numbers = count(501)


@pytest.fixture
def someone() -> str:
    """An id of this test's own: the server that all tests share remembers who was greeted."""
    return f"USER-{next(_numbers)}"


def by_day(user_id: str, **more: Any) -> Contact:
    """A contact for whom it is about noon now, wherever that is: a greeting goes out at once."""
    hours = 12 - timezone.now().hour
    zone = f"Etc/GMT{-hours:+d}"  # POSIX: west is plus
    return contact(user_id, time_zone=zone, **more)


def greet(user: User, user_id: str, **more: Any) -> WelcomeMemory:
    return welcome.start_welcome(user_id, user=user, door=Door.WEB, **{"delay_seconds": 0, **more})


def over(user: User, user_id: str) -> WelcomeMemory:
    def look() -> WelcomeMemory | None:
        try:
            now = welcome.read_welcome(user_id, user)
        except Unavailable:  # a worker that is busy
            return None
        return now if now.status not in ("waiting", "greeting") else None

    return eventually(look)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
class TestGreeting:
    def test_sent_once_through_the_actor_and_logged(self, marketer: User, someone: str) -> None:
        by_day(someone, locale="de-AT", name="Anna Gruber")
        for _ in range(2):
            greet(marketer, someone)
        done = over(marketer, someone)
        assert (done.status, done.language, done.channel) == ("sent", "de", "email")
        message = SandboxMessage.objects.get()
        assert (message.subject, message.address) == ("Guten Tag, Anna!", f"{someone.lower()}@example.com")
        row = SendLog.objects.get()
        assert (row.grant_id, row.outcome, row.category, row.campaign_id) == (
            f"welcome:1:{someone}",
            "sent",
            "welcome",
            "welcome",
        )
        state = temporal_client.call(temporal_client.query(f"user-actor-{someone}", "get_state", result_type=dict))
        assert [send["grant_id"] for send in state["sends_in_window"]] == [f"welcome:1:{someone}"]

    def test_the_cap_holds_and_the_log_says_why(self, marketer: User, someone: str) -> None:
        by_day(someone)
        CapPolicy.objects.create(name="none", is_default=True, max_per_day=0)
        greet(marketer, someone)
        done = over(marketer, someone)
        row = SendLog.objects.get()
        assert (done.status, row.outcome, row.code) == ("denied", "denied", "cap_day")
        assert not SandboxMessage.objects.exists()

    def test_known_wishes_start_no_actor(self, marketer: User, someone: str) -> None:
        by_day(someone)
        OptOut.objects.create(user_id=someone, category="welcome")
        greet(marketer, someone)
        assert (over(marketer, someone).status, SendLog.objects.get().code) == ("denied", "opted_out")
        with pytest.raises(temporal_client.WorkflowNotFound):
            temporal_client.call(temporal_client.query(f"user-actor-{someone}", "get_state", result_type=dict))

    def test_what_may_have_gone_out_is_not_sent_again(self, marketer: User, someone: str) -> None:
        by_day(someone)
        BrokenProvider.problems = [OutcomeUnknown("The connection broke.")]
        greet(marketer, someone)
        assert (over(marketer, someone).status, SendLog.objects.get().outcome) == ("unknown", "unknown")
        assert not SandboxMessage.objects.exists()

    def test_what_definitely_failed_gives_its_slot_back(self, marketer: User, someone: str) -> None:
        by_day(someone)
        BrokenProvider.problems = [SendFailed("No such mailbox.", permanent=True)]
        greet(marketer, someone)
        done = over(marketer, someone)
        assert (done.status, done.reason, SendLog.objects.get().outcome) == ("failed", "No such mailbox.", "failed")
        state = temporal_client.call(temporal_client.query(f"user-actor-{someone}", "get_state", result_type=dict))
        assert state["sends_in_window"] == []

    def test_interrupted_between_intent_and_outcome_nobody_knows(self, marketer: User, someone: str) -> None:
        by_day(someone)
        SendLog.objects.create(
            grant_id=f"welcome:1:{someone}", campaign_id="welcome", user_id=someone, channel="email",
            category="welcome", outcome="intent",
        )  # fmt: skip
        greet(marketer, someone)
        assert over(marketer, someone).status in ("unknown", "denied")
        assert not SandboxMessage.objects.exists()
        assert not SendLog.objects.filter(outcome="sent").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
class TestLanguage:
    def test_it_is_set_while_the_greeting_waits(self, marketer: User, someone: str) -> None:
        contact(someone, locale="it")
        greet(marketer, someone, delay_seconds=3_600)
        eventually(lambda: welcome.read_welcome(someone, marketer).has_looked)
        words: dict[str, Any] = {"user": marketer, "door": Door.WEB}
        assert welcome.set_language(someone, language="es", key="k1", **words) == "it"
        assert welcome.set_language(someone, language="es", key="k1", **words) == "it"
        with pytest.raises(InvalidRequest, match="no greeting in 'tlh'") as problem:
            welcome.set_language(someone, language="tlh", key="k2", **words)
        assert problem.value.field == "language"
        assert welcome.read_welcome(someone, marketer).language == "es"
        with pytest.raises(welcome.WelcomeNotFound):
            welcome.set_language("USER-002", language="es", key="k1", **words)

    def test_who_may(self, marketer: User, someone: str) -> None:
        with pytest.raises(ContactNotFound):
            greet(marketer, "USER-000")
        writer = User.objects.create_user("writer")
        writer.groups.add(Group.objects.get(name=CAMPAIGN_WRITERS))
        with pytest.raises(NotPermitted):
            greet(writer, someone)
        contact(someone)
        with pytest.raises(InvalidRequest) as problem:
            greet(marketer, someone, channel="fax")
        assert problem.value.field == "channel"


@pytest.mark.django_db
class TestTexts:
    @pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "nl", "pt", "tlh"])
    def test_every_language_part_and_channel_can_be_written(self, language: str) -> None:
        for channel in ("email", "sms", "push"):
            for part in DayPart:
                for has_name in (True, False):
                    compiled = compile_message(channel, *texts_for(channel, language, part, has_name=has_name))
                    values = {"first_name": "Anna", "preferences_url": "https://example.com/p"}
                    assert ("Anna" in compiled.render(values).text) == has_name
        english = texts_for("email", "en", "morning", has_name=False)
        assert (texts_for("email", language, "morning", has_name=False) == english) == (language in ("en", "tlh"))

    def test_a_name_puts_nothing_into_the_header_and_a_mail_can_be_unsubscribed_from(self) -> None:
        hostile = contact(name="{{ email }}<b>")
        message = message_for(hostile, GreetingRequest("USER-001", "email", "en", "night"), "welcome:1:USER-001")
        assert message.subject == "Hello, {{!"
        assert "/webhooks/email/unsubscribe/" in message.unsubscribe_url
        assert "/campaigns/preferences/" in message.text
