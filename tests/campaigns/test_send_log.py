"""Intents and outcomes: one message for each grant, and none to who has opted out."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import preferences, suppression
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import MARKETING, By, CapPolicy, Door, OptOut, Preferences, QuietHours, SendDecision
from campaigns.models import Campaign, CampaignRecipient, Contact, PreferenceChange, SendLog
from campaigns.models.words import Outcome, RecipientState
from campaigns.send_log import DUPLICATE, Grant, Refusal, commit_intent, record_outcome, record_refusals
from campaigns.sending.recipients import known_refusal
from campaigns.sending.stock import stock_of
from tests.campaigns.contacts_of import contact
from tests.orders.at_once import at_once

PERSON = By("", Door.MAIL)


def grant(number: int = 1, **fields: Any) -> Grant:
    defaults = {
        "grant_id": f"CMP-1:1:USER-{number:03}",
        "user_id": f"USER-{number:03}",
        "channel": "email",
        "category": MARKETING,
        "campaign_id": "CMP-1",
    }
    return Grant(**{**defaults, **fields})


def campaign(users: int = 0) -> Campaign:
    row = Campaign.objects.create(campaign_id="CMP-1", name="Spring", idempotency_key="key")
    for number in range(1, users + 1):
        contact(f"USER-{number:03}")
        CampaignRecipient.objects.create(campaign=row, position=number, user_id=f"USER-{number:03}")
    return row


@pytest.mark.django_db
class TestCommitIntent:
    def test_is_new_once(self) -> None:
        contact()
        first = commit_intent(grant())
        assert (first.is_new, first.outcome) == (True, Outcome.INTENT)
        assert first.contact is not None
        assert first.contact.email == "user-001@example.com"
        second = commit_intent(grant())
        assert (second.is_new, second.outcome) == (False, Outcome.INTENT)
        assert SendLog.objects.count() == 1

    def test_answers_with_the_outcome_that_is_known(self) -> None:
        contact()
        commit_intent(grant())
        record_outcome(grant(), Outcome.SENT, provider_reference="ref-1")
        again = commit_intent(grant())
        assert (again.is_new, again.outcome, again.provider_reference) == (False, Outcome.SENT, "ref-1")

    @pytest.mark.parametrize(("channel", "category"), [("", ""), ("email", ""), ("", MARKETING), ("email", MARKETING)])
    def test_refuses_who_has_opted_out(self, channel: str, category: str) -> None:
        row = campaign(1)
        preferences.record_opt_out("USER-001", channel, category, by=PERSON)
        recipient = row.recipients.get()
        intent = commit_intent(grant(recipient=recipient.pk))
        assert (intent.is_new, intent.outcome, intent.code) == (False, Outcome.DENIED, "opted_out")
        assert stock_of(row.campaign_id).denied_by_reason == {"opted_out": 1}
        assert SendLog.objects.get().outcome == Outcome.DENIED

    @pytest.mark.parametrize(
        ("channel", "category"), [("sms", ""), ("", "news"), ("sms", MARKETING), ("email", "news")]
    )
    def test_lets_other_opt_outs_stand_aside(self, channel: str, category: str) -> None:
        contact()
        preferences.record_opt_out("USER-001", channel, category, by=PERSON)
        assert commit_intent(grant()).is_new

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"email": ""}, "missing_address"),
            ({"suppressed_reason": "bounced"}, "suppressed"),
            ({"suppressed_channels": ["email"]}, "suppressed"),
        ],
    )
    def test_refuses_who_cannot_be_reached(self, fields: dict[str, Any], code: str) -> None:
        contact(**fields)
        assert commit_intent(grant(transactional=True)).code == code

    def test_refuses_nobody_we_know(self) -> None:
        assert commit_intent(grant()).code == "missing_address"

    def test_a_test_goes_to_its_sender_whatever_its_contact_wishes(self) -> None:
        preferences.record_opt_out("USER-001", by=PERSON)
        assert commit_intent(grant(is_test=True)).is_new
        assert seed_for_actor("USER-001").sends == []

    def test_a_campaign_reaches_a_person_once_whatever_its_grants(self) -> None:
        contact()
        commit_intent(grant())
        second = commit_intent(grant(grant_id="CMP-1:1:USER-001:2"))
        assert (second.is_new, second.outcome, second.code) == (False, Outcome.DENIED, DUPLICATE)
        record_outcome(grant(), Outcome.FAILED, code="provider", detail="550 no such user")
        assert commit_intent(grant(grant_id="CMP-1:1:USER-001:2")).is_new
        assert commit_intent(grant(grant_id="CMP-1:2:USER-001", occurrence=2)).is_new
        assert commit_intent(grant(grant_id="api:me:1", campaign_id="")).is_new
        assert commit_intent(grant(grant_id="api:me:2", campaign_id="")).is_new

    def test_the_database_itself_keeps_it_to_once(self) -> None:
        contact()
        commit_intent(grant())
        row = SendLog.objects.get()
        for fields in ({"attempt": 2}, {"grant_id": "other"}):
            row.pk = None
            for name, value in fields.items():
                setattr(row, name, value)
            with pytest.raises(IntegrityError), transaction.atomic():
                row.save(force_insert=True)


@pytest.mark.django_db
class TestRecordOutcome:
    def test_what_is_unknown_may_become_known_and_sent_stays_sent(self) -> None:
        row = campaign(1)
        one = grant(recipient=row.recipients.get().pk)
        commit_intent(one)
        assert record_outcome(one, Outcome.UNKNOWN) == Outcome.UNKNOWN
        assert row.recipients.get().state == RecipientState.UNKNOWN
        assert record_outcome(one, Outcome.SENT, provider_reference="r") == Outcome.SENT
        assert record_outcome(one, Outcome.FAILED) == Outcome.SENT
        assert record_outcome(one, Outcome.UNKNOWN) == Outcome.SENT
        assert row.recipients.get().state == RecipientState.SENT
        assert SendLog.objects.get().provider_reference == "r"

    def test_without_an_intent_there_is_none(self) -> None:
        with pytest.raises(SendLog.DoesNotExist):
            record_outcome(grant(), Outcome.SENT)


@pytest.mark.django_db
class TestRefusals:
    def test_are_written_once_with_all_their_words(self) -> None:
        row = campaign(3)
        later = timezone.now() + timedelta(hours=3)
        capped = SendDecision(
            False, "cap_day", "3 of 3 today.", "max_per_day", 3, 3, ["a", "b", "c"], later, 7, at=timezone.now()
        )
        opted_out = SendDecision(False, "opted_out", "Opted out.")
        one, two, _ = row.recipients.all()
        refusals = [
            Refusal(grant(1, recipient=one.pk), capped, defer=True),
            Refusal(grant(2, recipient=two.pk), opted_out),
        ]
        record_refusals(refusals)
        record_refusals(refusals)
        assert SendLog.objects.count() == 2
        log = SendLog.objects.get(user_id="USER-001")
        assert (log.outcome, log.rule, log.limit, log.count, log.used_by) == (
            "deferred",
            "max_per_day",
            3,
            3,
            ["a", "b", "c"],
        )
        assert (log.next_allowed_at, log.policy_version) == (later, 7)
        stock = stock_of(row.campaign_id)
        assert stock.counts == {"pending": 1, "deferred": 1, "denied": 1}
        assert stock.denied_by_reason == {"opted_out": 1}
        one.refresh_from_db()
        assert (one.next_at, one.attempts) == (later, 1)

    def test_a_deferred_one_is_asked_for_again_and_sent(self) -> None:
        row = campaign(1)
        one = grant(recipient=row.recipients.get().pk)
        decision = SendDecision(False, "quiet_hours", "Quiet.", next_allowed_at=timezone.now())
        record_refusals([Refusal(one, decision, attempt=1, defer=True)])
        record_refusals([Refusal(one, decision, attempt=2, defer=True)])
        assert commit_intent(one).is_new
        record_outcome(one, Outcome.SENT)
        assert list(SendLog.objects.order_by("pk").values_list("attempt", "outcome")) == [
            (1, "deferred"),
            (2, "deferred"),
            (3, "sent"),
        ]
        record_refusals([Refusal(one, decision, attempt=2)])
        assert row.recipients.get().state == RecipientState.SENT


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ([("", ""), ("email", ""), ("", "news")], "all messages"),
        ([("email", "news"), ("", "news")], "news"),
        ([("email", "")], "email"),
        ([("email", "news")], "news by email"),
        ([("sms", ""), ("", "offers")], None),
    ],
)
def test_who_is_asked_for_nothing_is_told_of_the_widest_of_their_wishes(
    wishes: list[tuple[str, str]], words: str | None
) -> None:
    person = contact(user_id="USER-001")
    for channel, category in wishes:
        preferences.record_opt_out("USER-001", channel, category, by=PERSON)
    out = preferences.opted_out(["USER-001"], "email", "news").get("USER-001")
    code, reason = known_refusal(person, "email", out)
    assert (code, reason) == (("opted_out", f"They have opted out of {words}.") if words else (None, ""))


@pytest.mark.django_db
class TestSeed:
    def test_has_what_counts_and_what_is_spent(self) -> None:
        now = datetime(2027, 3, 28, 12, tzinfo=UTC)
        contact(
            paused_until=now + timedelta(days=1), suppressed_channels=["push"], locale="de", hours_between=168,
            quiet_from=time(22), quiet_to=time(9, 30),
        )  # fmt: skip
        preferences.save_own_cap("USER-001", CapPolicy(5, max_per_day=1))
        preferences.record_opt_out("USER-001", "sms", by=PERSON)
        for number, (outcome, hours) in enumerate(
            [("sent", 1), ("intent", 2), ("unknown", 3), ("failed", 4), ("denied", 5), ("sent", 60), ("sent", 70)]
        ):
            SendLog.objects.create(
                grant_id=f"g{number}",
                user_id="USER-001",
                channel="email",
                category=MARKETING,
                outcome=outcome,
                at=now - timedelta(hours=hours),
            )
        seed = seed_for_actor("USER-001", now=now)
        seed.check()
        assert [send.grant_id for send in seed.sends] == ["g5", "g2", "g1", "g0"]
        assert seed.used_grant_ids == ["g6", "g3"]
        assert seed.preferences is not None
        assert seed.preferences.opt_outs == [OptOut("sms", "")]
        assert (seed.preferences.time_zone, seed.preferences.locale) == ("Europe/Berlin", "de")
        assert seed.preferences.suppressed_channels == ["push"]
        assert seed.preferences.paused_until == now + timedelta(days=1)
        assert seed.preferences.hours_between == 168
        assert seed.preferences.quiet_hours == QuietHours("22:00", "09:30")
        assert seed.own_cap is not None
        assert seed.own_cap.max_per_day == 1

    def test_of_somebody_unknown_is_empty(self) -> None:
        seed = seed_for_actor("USER-404")
        seed.check()
        assert (seed.sends, seed.used_grant_ids, seed.own_cap) == ([], [], None)


@pytest.mark.django_db
class TestPreferences:
    def test_each_change_is_noted_once(self) -> None:
        contact()
        by = By("marketer", Door.WEB)
        assert preferences.record_opt_out("USER-001", "email", by=by, campaign_id="CMP-1")
        assert not preferences.record_opt_out("USER-001", "email", by=by)
        assert preferences.record_opt_in("USER-001", "email", by=by)
        assert not preferences.record_opt_in("USER-001", "email", by=by)
        changes = PreferenceChange.objects.order_by("pk").values_list("what", "who", "door", "channel", "campaign_id")
        assert list(changes) == [
            ("opted_out", "marketer", "web", "email", "CMP-1"),
            ("opted_in", "marketer", "web", "email", ""),
        ]

    def test_the_actors_are_kept_newest_first_and_doors_opt_outs_stay(self) -> None:
        contact()
        preferences.record_opt_out("USER-001", "email", MARKETING, by=PERSON)
        assert preferences.save_preferences(
            "USER-001", 3, Preferences(opt_outs=[OptOut("sms")], time_zone="Asia/Tokyo")
        )
        assert [str(one) for one in preferences.unconfirmed_opt_outs()] == ["USER-001: email, marketing"]
        assert set(preferences.opted_out(["USER-001"], "sms", "x")) == {"USER-001"}
        assert set(preferences.opted_out(["USER-001"], "email", MARKETING)) == {"USER-001"}
        assert not preferences.save_preferences("USER-001", 2, Preferences())
        both = Preferences(opt_outs=[OptOut("sms"), OptOut("email", MARKETING)])
        assert preferences.save_preferences("USER-001", 4, both)
        assert preferences.unconfirmed_opt_outs() == []
        assert preferences.save_preferences("USER-001", 5, Preferences())
        assert set(preferences.opted_out(["USER-001"], "email", MARKETING)) == set()
        assert Contact.objects.get().time_zone == "Asia/Tokyo"

    def test_erasing_keeps_the_id_and_the_opt_outs(self) -> None:
        contact(attributes={"plan": "pro"})
        preferences.record_opt_out("USER-001", "email", by=PERSON)
        assert suppression.erase("USER-001", by=PERSON)
        assert not suppression.erase("USER-001", by=PERSON)
        row = Contact.objects.get()
        assert (row.name, row.email, row.phone, row.push_token, row.attributes) == ("", "", "", "", {})
        assert commit_intent(grant()).code == "suppressed"
        assert set(preferences.opted_out(["USER-001"], "email", MARKETING)) == {"USER-001"}

    def test_suppressing_is_for_good(self) -> None:
        contact()
        assert suppression.suppress("USER-001", Contact.Suppressed.COMPLAINED, by=PERSON)
        assert not suppression.suppress("USER-001", Contact.Suppressed.BOUNCED, by=PERSON)
        assert preferences.preferences_of("USER-001").suppressed_channels == ["email", "sms", "push"]


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_many_commits_of_one_grant_one_is_new(self) -> None:
        contact()
        intents = at_once(6, lambda _: commit_intent(grant()))
        assert sorted(intent.is_new for intent in intents) == [False] * 5 + [True]

    def test_of_many_grants_of_one_campaign_one_is_new(self) -> None:
        contact()
        intents = at_once(6, lambda number: commit_intent(grant(grant_id=f"CMP-1:1:USER-001:{number}")))
        assert sorted(intent.is_new for intent in intents) == [False] * 5 + [True]

    def test_an_opt_out_that_was_answered_is_honoured(self) -> None:
        for number in range(1, 9):
            contact(f"USER-{number:03}")
            answered: list[datetime] = []

            def work(turn: int, number: int = number, answered: list[datetime] = answered) -> Any:
                if turn == 0:
                    preferences.record_opt_out(f"USER-{number:03}", "email", by=PERSON)
                    answered.append(timezone.now())
                    return None
                began = timezone.now()
                return began, commit_intent(grant(number))

            _, (began, intent) = at_once(2, work)
            # Whoever was first, the two agree: an opt-out that was answered before the commit began is never passed by.
            assert not intent.is_new or answered[0] > began
            assert intent.is_new or intent.code == "opted_out"
