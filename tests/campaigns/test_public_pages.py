"""The pages that contacts open from a mail: one click, preferences; with Temporal there and with Temporal away."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains

from campaigns import gateway, preferences, suppression
from campaigns.contract import (
    ActorView,
    By,
    Door,
    MessageSentInput,
    Preferences,
    PreferencesInput,
    QuietHours,
    user_actor_workflow_id,
)
from campaigns.contract import OptOut as OptOutMessage
from campaigns.gateway import own_wishes, wishes
from campaigns.models import Contact, OptOut, PreferenceChange, SendLog
from campaigns.send_log import Grant, commit_intent
from campaigns.unsubscribe import Purpose, Wish, link_for
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from temporal_worker import client as temporal
from tests.campaigns.contacts_of import contact
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)

WISH = Wish("USER-001", "email", "marketing", "CMP-20270101-120000-ab12")
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
BY = By("", Door.MAIL)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def path(wish: Wish = WISH, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    return link_for(wish, purpose).removeprefix("http://127.0.0.1:8000")


def page_of(wish: Wish = WISH) -> str:
    return path(wish, Purpose.PREFERENCES)


def client() -> Client:
    return Client(enforce_csrf_checks=True)


def opt_outs(user_id: str = "USER-001") -> set[tuple[str, str]]:
    return set(OptOut.objects.filter(user_id=user_id).values_list("channel", "category"))


def state() -> tuple[Any, ...]:
    models = (Contact, OptOut, PreferenceChange, SendLog)
    return tuple(list(model.objects.order_by("pk").values()) for model in models)


def actor() -> ActorView:
    return temporal.call(
        temporal.query(user_actor_workflow_id("USER-001"), "get_state", result_type=ActorView, timeout=10)
    )


def form_of(html: str) -> dict[str, Any]:
    """What a browser would send of the page as it stands."""
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]+>", html):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name is None or ('type="checkbox"' in tag and " checked" not in tag):
            continue
        fields.setdefault(name[1], []).append(value[1] if value else "")
    for name_of, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        fields[name_of] = [chosen[1] if chosen else ""]
    return {**fields, "choice": ["save"]}


class TestOneClick:
    def test_is_in_the_database_before_the_answer_also_without_temporal(self) -> None:
        contact()
        for _ in range(3):
            answer = client().post(path(), ONE_CLICK)
            assert answer.status_code == 200
        assert opt_outs() == {("email", "marketing")}
        (change,) = PreferenceChange.objects.all()
        assert (change.who, change.door, change.campaign_id) == ("", "webhook", WISH.campaign_id)
        intent = commit_intent(Grant("G-1", "USER-001", "email", "marketing", campaign_id="CMP-1"))
        assert (intent.is_new, intent.code) == (False, "opted_out")
        assert commit_intent(Grant("G-2", "USER-001", "sms", "marketing", campaign_id="CMP-1")).is_new

    def test_leaves_transactional_messages_alone_and_says_so(self) -> None:
        contact()
        assertContains(client().get(path()), "Receipts and notices about your account will still come.")
        assertContains(client().post(path(), ONE_CLICK), "Receipts and notices about your account still come.")
        for number, category in enumerate(("transactional", "orders", "marketing")):
            receipt = Grant(f"G-{number}", "USER-001", "email", category, transactional=True)
            assert commit_intent(receipt).is_new
            assert not preferences.opted_out(["USER-001"], "email", category, transactional=True)
        assert set(preferences.opted_out(["USER-001"], "email", "marketing")) == {"USER-001"}

    def test_nothing_is_nothing_and_the_page_says_what_belongs_to_it(self) -> None:
        contact()
        page = client().get(page_of())
        assertContains(page, "“No messages at all” includes transactional ones")
        assertContains(page, "Who turns a topic off still gets transactional messages")
        sent = {**form_of(page.content.decode()), "choice": ["nothing"]}
        client().post(page_of(), sent)
        assert opt_outs() == {("", "")}
        assertContains(client().get(page_of()), "That includes transactional ones")
        receipt = Grant("G-9", "USER-001", "email", "transactional", transactional=True)
        assert commit_intent(receipt).code == "opted_out"

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
            (MULTIPART, "multipart/form-data; boundary=x"),
            (b"", "text/plain"),
            (b"\xff\x00garbage", "multipart/form-data"),
            (b"{", "application/json"),
        ],
    )
    def test_whatever_a_mail_program_puts_into_the_body(self, body: Any, content_type: str) -> None:
        contact()
        assert client().generic("POST", path(), body, content_type).status_code == 200
        assert opt_outs() == {("email", "marketing")}

    def test_looking_changes_nothing(self) -> None:
        contact()
        before = state()
        for method in ("get", "head"):
            answer = getattr(client(), method)(path())
            assert answer.status_code == 200
        assert client().put(path()).status_code == 405
        assert state() == before
        assert "Nothing has been changed yet" in client().get(path()).content.decode()

    @pytest.mark.parametrize("method", ["get", "head", "post"])
    def test_a_link_that_was_not_made_here(self, method: str) -> None:
        contact()
        before = state()
        other = page_of().rstrip("/").rpartition("/")[2]
        for signed in ("x", f"{other}", path().rpartition("/")[2][:-1], "x" * 3_000, "%00", "é"):
            answer = getattr(client(), method)(f"/webhooks/email/unsubscribe/{signed}")
            assert answer.status_code == 404
        assert state() == before

    def test_works_for_whom_nothing_is_kept_of(self) -> None:
        assert client().post(path(Wish("GONE-1"))).status_code == 200
        assert opt_outs("GONE-1") == {("", "")}

    def test_is_asked_for_again_when_it_cannot_be_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*args: Any, **kwargs: Any) -> bool:
            raise DatabaseError

        monkeypatch.setattr(own_wishes, "record_opt_out", broken)
        answer = client().post(path())
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")

    def test_is_kept_by_nobody_and_sets_no_cookie(self) -> None:
        contact()
        for answer in (
            client().get(path()),
            client().post(path()),
            client().get(page_of()),
            client().post(page_of(), {"choice": "save"}),
            client().get("/campaigns/preferences/x/"),
        ):
            assert "no-store" in answer["Cache-Control"]
            assert "private" in answer["Cache-Control"]
            assert answer["X-Robots-Tag"].startswith("noindex")
            assert answer["Referrer-Policy"] == "no-referrer"
            assert not answer.cookies

    @pytest.mark.usefixtures("worker")
    def test_the_actor_is_told_once(self) -> None:
        contact()
        wishes.update_actor(Contact.objects.get(), "set_preferences", PreferencesInput(locale="de"), BY, "k")
        client().post(path(), ONE_CLICK)
        eventually(lambda: ("email", "marketing") in {one.key() for one in actor().preferences.opt_outs})
        told_at = OptOut.objects.get().told_at
        assert told_at is not None
        client().post(path(), ONE_CLICK)
        assert OptOut.objects.get().told_at == told_at


class TestPreferences:
    def test_shows_what_there_is_and_nothing_about_the_person(self) -> None:
        contact(paused_until=timezone.now() + timedelta(days=9))
        preferences.record_opt_out("USER-001", "sms", by=By("mara.lind", Door.WEB))
        before = state()
        html = client().get(page_of()).content.decode()
        assert state() == before
        for secret in ("Amara", "Okafor", "example.com", "+49170", "token-", "USER-001", "mara.lind"):
            assert secret not in html
        assert form_of(html)["wanted"] == ["email|", "push|", "|marketing"]
        assert "No more text messages" in html
        assert "by us" in html

    @pytest.mark.usefixtures("worker")
    def test_says_what_was_changed(self) -> None:
        contact()
        preferences.record_opt_out("USER-001", "sms", by=BY)
        sent = form_of(client().get(page_of()).content.decode())
        day = (datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(days=30)).date()
        sent |= {
            "wanted": ["email|", "sms|", "|marketing"],
            "paused_until": [f"{day}"],
            "time_zone": ["Asia/Tokyo"],
            "locale": ["de"],
        }
        for _ in range(2):
            answer = client().post(page_of(), sent)
            assert answer.status_code == 200
        assert opt_outs() == {("push", "")}
        row = Contact.objects.get()
        assert (row.time_zone, row.locale) == ("Asia/Tokyo", "de")
        assert row.paused_until == datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Asia/Tokyo"))
        kept = actor().preferences
        eventually(lambda: actor().preferences.opt_outs == [OptOutMessage("push", "")])
        assert (kept.time_zone, kept.locale, kept.paused_until) == ("Asia/Tokyo", "de", row.paused_until)
        history = [(one.what, one.channel) for one in PreferenceChange.objects.all()]
        assert sorted(history) == [
            ("opted_in", "sms"),
            ("opted_out", "push"),
            ("opted_out", "sms"),
            ("preferences", ""),
        ]

    @pytest.mark.usefixtures("worker")
    def test_once_a_week_at_most_is_kept_and_holds(self) -> None:
        contact()
        sent = form_of(client().get(page_of()).content.decode()) | {"hours_between": ["168"]}
        assert "Once a week at most." in client().post(page_of(), sent).content.decode()
        assert Contact.objects.get().hours_between == 168
        assert actor().preferences.hours_between == 168
        message = MessageSentInput("elsewhere-1", "email", "marketing", timezone.now())
        temporal.call(temporal.signal(user_actor_workflow_id("USER-001"), "message_sent", message))
        eventually(lambda: actor().channels[0].decision.rule == "hours_between")
        again = form_of(client().get(page_of()).content.decode())
        assert again["hours_between"] == ["168"]
        answer = client().post(page_of(), again | {"hours_between": [""]})
        assert "As often as there is something." in answer.content.decode()
        assert (Contact.objects.get().hours_between, actor().preferences.hours_between) == (None, None)

    @pytest.mark.usefixtures("worker")
    def test_quiet_hours_of_their_own_are_kept_and_hold(self) -> None:
        contact()
        local = datetime.now(ZoneInfo("Europe/Berlin"))
        begins, ends = local - timedelta(hours=1), local + timedelta(hours=2)
        times = {"quiet_from": [f"{begins:%H:%M}"], "quiet_to": [f"{ends:%H:%M}"]}
        sent = form_of(client().get(page_of()).content.decode()) | times
        said = f"Quiet from {begins:%H:%M} until {ends:%H:%M}."
        assert said in client().post(page_of(), sent).content.decode()
        kept = actor()
        quiet = QuietHours(f"{begins:%H:%M}", f"{ends:%H:%M}")
        assert (Contact.objects.get().quiet_hours, kept.preferences.quiet_hours) == (quiet, quiet)
        assert {one.decision.rule for one in kept.channels} == {"own_quiet_hours"}
        assert said.rstrip(".") in client().get(page_of()).content.decode(), "in the history"
        again = form_of(client().get(page_of()).content.decode())
        assert {name: again[name] for name in times} == times
        assert client().post(page_of(), again).status_code == 200
        assert PreferenceChange.objects.count() == 1, "left as it is, nothing is changed"
        gone = client().post(page_of(), again | {"quiet_from": [""], "quiet_to": [""]})
        assert "No quiet hours of your own." in gone.content.decode()
        assert (Contact.objects.get().quiet_hours, actor().preferences.quiet_hours) == (None, None)

    def test_a_gap_that_is_not_offered_is_refused(self) -> None:
        contact()
        sent = form_of(client().get(page_of()).content.decode()) | {"hours_between": ["1"]}
        assert client().post(page_of(), sent).status_code == 422
        assert Contact.objects.get().hours_between is None

    @pytest.mark.usefixtures("worker")
    def test_the_first_answer_names_each_change(self) -> None:
        contact()
        sent = form_of(client().get(page_of()).content.decode()) | {"wanted": ["email|"], "locale": ["fr"]}
        html = client().post(page_of(), sent).content.decode()
        for words in ("No more text messages", "No more push messages", "No more messages about marketing", "Français"):
            assert words in html

    def test_what_was_turned_off_meanwhile_stays_off(self) -> None:
        contact()
        sent = form_of(client().get(page_of()).content.decode())
        client().post(path(Wish("USER-001", "email")), ONE_CLICK)
        assert client().post(page_of(), sent).status_code == 200
        assert opt_outs() == {("email", "")}

    def test_less_counts_though_temporal_is_away_and_more_waits(self) -> None:
        contact()
        preferences.record_opt_out("USER-001", "sms", by=BY)
        sent = form_of(client().get(page_of()).content.decode()) | {
            "wanted": ["sms|", "push|", "|marketing"],
            "locale": ["de"],
        }
        answer = client().post(page_of(), sent)
        html = answer.content.decode()
        assert answer.status_code == 503
        assert answer["Retry-After"]
        assert opt_outs() == {("sms", ""), ("email", "")}
        assert "No more e-mails" in html
        assert "The rest could not be saved just now" in html
        again = form_of(html)
        assert again["idempotency_key"] == sent["idempotency_key"]
        assert "sms|" in again["wanted"]
        assert again["locale"] == ["de"]

    @pytest.mark.usefixtures("worker")
    def test_nothing_at_all_and_back(self) -> None:
        contact()
        html = client().post(page_of(), {"choice": "nothing"}).content.decode()
        assert "you said that you want no messages" in html
        assert opt_outs() == {("", "")}
        client().post(page_of(), {"choice": "again"})
        assert opt_outs() == set()

    @pytest.mark.parametrize(
        "fields",
        [
            {"paused_until": "2020-01-01"},
            {"paused_until": "9999-12-31"},
            {"paused_until": "soon"},
            {"time_zone": "Mars/Base"},
            {"locale": "xx\x00"},
            {"quiet_from": "22:00"},
            {"quiet_from": "22:00", "quiet_to": "22:00"},
            {"quiet_from": "25:00", "quiet_to": "7"},
        ],
    )
    def test_what_makes_no_sense_is_refused_beside_its_field(self, fields: dict[str, str]) -> None:
        contact()
        before = state()
        answer = client().post(page_of(), {"choice": "save", **fields})
        assert answer.status_code == 422
        assert "field__error" in answer.content.decode()
        assert state() == before

    def test_only_what_is_offered_can_be_turned_off(self) -> None:
        contact()
        sent = {"choice": "save", "shown-wanted": ["pigeon|", "|never-heard-of", "email|", "\x00|"], "wanted": []}
        assert client().post(page_of(), sent).status_code == 200
        assert opt_outs() == {("email", "")}

    @pytest.mark.usefixtures("worker")
    def test_a_link_cannot_fill_the_history(self) -> None:
        contact()
        for number in range(own_wishes.MOST_A_MINUTE):
            PreferenceChange.objects.create(user_id="USER-001", door="mail", what="opted_in", text=str(number))
        assert client().post(page_of(), {"choice": "nothing"}).status_code == 200
        answer = client().post(page_of(), {"choice": "again"})
        assert answer.status_code == 429
        assert opt_outs() == {("", "")}

    def test_of_the_erased_nothing_is_shown_and_they_can_still_say_no(self) -> None:
        contact()
        suppression.erase("USER-001", by=By("mara.lind", Door.WEB))
        html = client().get(page_of()).content.decode()
        assert "We keep nothing about you any more" in html
        assert client().post(page_of(), {"choice": "nothing"}).status_code == 200
        assert client().post(page_of(), {"choice": "save", "locale": "de"}).status_code == 200
        assert opt_outs() == {("", "")}

    def test_an_opt_out_that_only_the_actor_had_is_shown(self) -> None:
        contact()
        preferences.save_preferences("USER-001", 3, Preferences(opt_outs=[OptOutMessage("email", "news")]))
        html = client().get(page_of()).content.decode()
        assert "E-mails about news" in html
        assert "email|news" not in form_of(html)["wanted"]


class TestPauses:
    def test_begin_of_the_day_where_they_are(self) -> None:
        contact(time_zone="Pacific/Kiritimati", paused_until=datetime(2099, 5, 1, 10, tzinfo=UTC))
        assert 'value="2099-05-02"' in client().get(page_of()).content.decode()


@pytest.mark.usefixtures("worker")
def test_no_actor_is_started_by_looking_or_by_less() -> None:
    contact()
    client().get(page_of())
    client().post(page_of(), {"choice": "nothing"})
    with pytest.raises((temporal.WorkflowNotFound, temporal.WorkflowCompleted)):
        temporal.call(temporal.signal(user_actor_workflow_id("USER-001"), "opt_in", OptOutMessage()))
    assert OptOut.objects.get().told_at is not None
    assert gateway.tell_opt_outs() == 0
