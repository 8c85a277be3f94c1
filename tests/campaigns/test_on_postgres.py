"""What SQLite cannot show: rows locked by several transactions at once, and how PostgreSQL compares what is in JSON."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dj_database_url
import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction

from campaigns import gateway, models, preferences, untold
from campaigns.contact_locks import lock_contact
from campaigns.contract import MARKETING, By, Door
from campaigns.models.words import Outcome
from campaigns.over_cap import who_is_over
from campaigns.segments import filtered
from campaigns.send_log import (
    GIVEN_BACK,
    Ending,
    Grant,
    Intent,
    commit_intent,
    commit_intents,
    record_handed_out,
    record_outcome,
    record_outcomes,
    record_unused,
)
from campaigns.sending import audience
from temporal_worker import client
from temporal_worker.models import ChangeCounter
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually
from tests.orders.at_once import at_once
from tests.postgres import Postgres

TABLES = (
    ChangeCounter,
    models.Template,
    models.Campaign,
    models.CampaignRecipient,
    models.CampaignSettings,
    models.Contact,
    models.OptOut,
    models.PreferenceChange,
    models.UntoldSetting,
    models.Segment,
    models.CapPolicy,
    models.SendLog,
)
PERSON = By("", Door.MAIL)


@pytest.fixture(scope="module")
def _on_postgres(postgres: Postgres, django_db_blocker: Any) -> Iterator[None]:
    """The default database is a PostgreSQL for these tests, for all threads."""
    before, usual = connections["default"], connections.databases["default"]
    connections.databases["default"] = {**usual, "OPTIONS": {}, **dj_database_url.parse(postgres.create_database())}
    connections["default"] = connections.create_connection("default")
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            for table in TABLES:
                editor.create_model(table)
        yield
        connection.close()
    connections.databases["default"] = usual
    connections["default"] = before


pytestmark = pytest.mark.usefixtures("_on_postgres")


def grant(user_id: str, suffix: str = "", **fields: Any) -> Grant:
    return Grant(
        **{
            "grant_id": f"CMP-1:1:{user_id}{suffix}",
            "user_id": user_id,
            "channel": "email",
            "category": MARKETING,
            "campaign_id": "CMP-1",
            **fields,
        }
    )


def in_thread(pool: ThreadPoolExecutor, work: Any) -> Any:
    def closing() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return pool.submit(closing)


class TestAudience:
    def test_each_piece_of_a_segment_reads_its_own_contacts_and_not_all_of_them(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(audience, "PIECE", 100)
        monkeypatch.setattr(audience, "STRETCH", 100)
        models.Contact.objects.bulk_create(
            models.Contact(user_id=f"SEG-{number:05}", attributes={"plan": "pro" if number % 3 else "free"})
            for number in range(4_000)
        )
        filters = {"filters": [{"field": "attributes.plan", "op": "is", "value": "pro"}]}
        models.Segment.objects.create(name="pros", filters=filters)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        row = models.Campaign.objects.create(campaign_id="CMP-SEG", idempotency_key="seg", audience={"segment": "pros"})
        plans: list[str] = []

        def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("SELECT") and 'FROM "campaigns_contact"' in sql:
                with context["connection"].connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN {sql}", params)
                    plans.append("\n".join(line for (line,) in cursor.fetchall()))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(explained):
            audience.snapshot(row.campaign_id, lambda: None)
        assert row.recipients.count() == sum(1 for number in range(4_000) if number % 3)
        assert plans
        assert not [plan for plan in plans if "Seq Scan" in plan or "Sort" in plan]


class TestOptOutAgainstIntent:
    def test_an_intent_waits_for_an_opt_out_that_is_under_way_and_sees_it(self) -> None:
        contact("USER-001")
        written, may_commit = threading.Event(), threading.Event()

        def opt_out() -> None:
            with transaction.atomic():
                preferences.record_opt_out("USER-001", "email", by=PERSON)
                written.set()
                assert may_commit.wait(10)

        with ThreadPoolExecutor(2) as pool:
            opting_out = in_thread(pool, opt_out)
            assert written.wait(10)
            sending = in_thread(pool, lambda: commit_intent(grant("USER-001")))
            assert not _done_within(sending, 0.3)  # it holds still, and cannot decide without the opt-out
            may_commit.set()
            opting_out.result(10)
            assert sending.result(10).code == "opted_out"

    def test_an_opt_out_is_answered_after_the_intent_that_was_first(self) -> None:
        contact("USER-002")
        written, may_commit = threading.Event(), threading.Event()

        def send() -> bool:
            with transaction.atomic():
                intent = commit_intent(grant("USER-002"))
                written.set()
                assert may_commit.wait(10)
                return intent.is_new

        with ThreadPoolExecutor(2) as pool:
            sending = in_thread(pool, send)
            assert written.wait(10)
            opting_out = in_thread(pool, lambda: preferences.record_opt_out("USER-002", by=PERSON))
            assert not _done_within(opting_out, 0.3)
            may_commit.set()
            assert sending.result(10)
            assert opting_out.result(10)

    def test_of_many_grants_at_once_one_is_new(self) -> None:
        contact("USER-003")
        intents = at_once(8, lambda number: commit_intent(grant("USER-003", f":{number % 4}")))
        assert sorted(intent.is_new for intent in intents) == [False] * 7 + [True]

    def test_of_many_outcomes_sent_stands(self) -> None:
        contact("USER-004")
        one = grant("USER-004")
        commit_intent(one)
        at_once(6, lambda number: record_outcome(one, Outcome.SENT if number == 3 else Outcome.UNKNOWN))
        assert models.SendLog.objects.get(grant_id=one.grant_id).outcome == Outcome.SENT

    def test_groups_of_the_same_people_take_turns_whatever_their_order(self) -> None:
        user_ids = [f"USER-2{number:02}" for number in range(20)]
        for user_id in user_ids:
            contact(user_id)

        def send(number: int) -> list[Intent]:
            mine = [grant(one, campaign_id=f"CMP-{number}", grant_id=f"CMP-{number}:1:{one}") for one in user_ids]
            intents = commit_intents(mine if number % 2 else mine[::-1])
            record_outcomes([Ending(one, Outcome.SENT) for one in mine])
            return intents

        for intents in at_once(8, send):  # a deadlock would be an OperationalError of one of two
            assert all(intent.is_new for intent in intents)
        sends = models.SendLog.objects.filter(user_id__in=user_ids)
        assert sends.filter(outcome=Outcome.SENT).count() == 160
        sends.delete()
        models.Contact.objects.filter(user_id__in=user_ids).delete()


class TestSegments:
    def test_compare_as_on_sqlite(self) -> None:
        contact("USER-101", attributes={"visits": 3, "plan": "pro", "is_member": True})
        contact("USER-102", attributes={"visits": "7", "plan": "Professional"})
        contact("USER-103", attributes={})

        def ids(field: str, op: str, value: Any = None) -> list[str]:
            among = models.Contact.objects.filter(user_id__startswith="USER-10")
            found = filtered(among, {"filters": [{"field": field, "op": op, "value": value}]})
            return list(found.values_list("user_id", flat=True))

        assert ids("attributes.visits", "at_least", 3) == ["USER-101"]
        assert ids("attributes.visits", "at_most", 100) == ["USER-101"]
        assert ids("attributes.plan", "contains", "PRO") == ["USER-101", "USER-102"]
        assert ids("attributes.plan", "is_not", "pro") == ["USER-102"]
        assert ids("attributes.plan", "in", ["pro", True]) == ["USER-101"]
        assert ids("attributes.is_member", "is", True) == ["USER-101"]
        assert ids("attributes.visits", "is_not_set") == ["USER-103"]
        assert ids("locale", "is", "en") == ["USER-101", "USER-102", "USER-103"]


def _done_within(future: Any, seconds: float) -> bool:
    try:
        future.result(seconds)
    except TimeoutError:
        return False
    return True


class TestWhoIsOver:
    def test_is_counted_in_segments_and_outside_of_them(self) -> None:
        for number in range(1, 5):
            contact(f"OVER-{number:03}", attributes={"plan": "pro" if number <= 2 else "free"})
            for message in range(number):
                models.SendLog.objects.create(
                    grant_id=f"over:{number}:{message}",
                    user_id=f"OVER-{number:03}",
                    channel="email",
                    category=MARKETING,
                    outcome=Outcome.SENT,
                )
        pro = models.Segment.objects.create(
            name="Over pro", filters={"filters": [{"field": "attributes.plan", "op": "is", "value": "pro"}]}
        )
        of_pro = models.CapPolicy.objects.create(name="Over pro", segment=pro, max_per_day=1)
        everybody = models.CapPolicy.objects.create(name="Over all", is_default=True, per_channel={"email": 3})
        assert who_is_over(of_pro).people == [("OVER-002", 2)]
        assert who_is_over(everybody).people == [("OVER-004", 4)]


class TestAfterARestart:
    def test_what_would_be_allowed_is_told_again_and_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(*args: Any, **more: Any) -> Any:
            raise client.TemporalUnavailable("away")

        monkeypatch.setattr(client, "query", away)
        contact("RESTART-001")
        somebody = User(username="ann", is_superuser=True)

        def ask() -> bool:
            return gateway.would_be_allowed("RESTART-001", user=somebody, channel="email").allowed

        assert ask()
        with connection.cursor() as cursor:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        assert ask()


class TestUnused:
    def test_a_grant_whose_intent_is_just_being_committed_is_waited_for_and_kept(self) -> None:
        contact("UNUSED-001")
        one = grant("UNUSED-001")
        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            assert commit_intent(one).is_new
            answer = in_thread(pool, lambda: record_unused(one, 1, code="grant_old", detail=""))
            eventually(_somebody_waits_for_a_lock)
        assert not answer.result(10)
        assert models.SendLog.objects.get(user_id="UNUSED-001").outcome == Outcome.INTENT

    def test_of_many_at_once_there_is_one_row_and_no_intent_after_it(self) -> None:
        contact("UNUSED-002")
        one = grant("UNUSED-002")
        assert at_once(8, lambda n: record_unused(one, 1, code="grant_old", detail="")) == [True] * 8
        assert commit_intent(one).code == GIVEN_BACK
        assert models.SendLog.objects.get(user_id="UNUSED-002").outcome == Outcome.RELEASED


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


class TestHandedOut:
    def test_what_a_program_was_granted_waits_for_an_opt_out_that_is_under_way(self) -> None:
        contact("HANDED-001")
        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            preferences.record_opt_out("HANDED-001", "email", by=PERSON)
            asked = grant("HANDED-001", campaign_id="", grant_id="api:shop:1")
            answer = in_thread(pool, lambda: record_handed_out(asked))
        assert answer.result(10) == "opted_out"
        assert models.SendLog.objects.get(user_id="HANDED-001").outcome == Outcome.DENIED

    def test_of_many_at_once_there_is_one_row(self) -> None:
        contact("HANDED-002")
        asked = grant("HANDED-002", campaign_id="", grant_id="api:shop:2")
        assert at_once(8, lambda n: record_handed_out(asked)) == [""] * 8
        assert models.SendLog.objects.get(user_id="HANDED-002").outcome == Outcome.UNKNOWN


def test_the_newest_word_of_two_imports_is_the_one_to_be_told() -> None:
    """Each has locked the contact; what the first has noted down is taken over by the second."""
    contact("USER-901")
    for zone in ("Asia/Tokyo", "Europe/Paris"):
        with transaction.atomic():
            lock_contact("USER-901")
            untold.note({"USER-901": {"time_zone": zone, "locale": "ja"}}, by=PERSON)
    (word,) = untold.due(10, "USER-901")
    assert word.settings == {"time_zone": "Europe/Paris", "locale": "ja"}
    at_once(2, lambda _: untold.forget(word))
    assert untold.due(10, "USER-901") == []
