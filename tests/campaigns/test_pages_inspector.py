"""The pages of people: who sees them, what they answer, what is typed into their forms – with a real worker."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from campaigns import gateway, preferences
from campaigns.contract import By, CapPolicy, Door, FrequencyCapInput, PreferencesInput, QuietHours
from campaigns.gateway.testing import send_test
from campaigns.models import CapPolicy as CapPolicyRow
from campaigns.models import Contact, OptOut, PreferenceChange, SandboxMessage, SendLog
from campaigns.models.words import Outcome
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.roles import ADMINISTRATORS, CAMPAIGN_WRITERS, MARKETERS, OPERATIONS, STAFF
from tests.campaigns.batches import actors_running, begin, campaign, cap, person, send, uid

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}
PERSON = By("", Door.MAIL)


@pytest.fixture(autouse=True)
def _ids(monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def log_in(db: None) -> Callable[..., Client]:
    def log_in(*groups: str, username: str = "somebody") -> Client:
        user = User.objects.create_user(username, f"{username}@example.com", first_name="Some", last_name="Body")
        user.groups.set(Group.objects.filter(name__in=groups))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def mara(log_in: Callable[..., Client]) -> Client:
    return log_in(MARKETERS, username="mara")


@pytest.fixture
def writer(log_in: Callable[..., Client]) -> Client:
    return log_in(CAMPAIGN_WRITERS, username="will")


def marketer() -> User:
    return User.objects.get(username="mara")


def address(number: int = 1, rest: str = "") -> str:
    return f"/campaigns/users/{uid(number)}/{rest}"


def values(html: str) -> dict[str, Any]:
    """What a browser would send of the form that is drawn."""
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name is None or name[1] in ("csrfmiddlewaretoken", "q"):
            continue
        text = value[1].replace("&quot;", '"') if value else ""
        if 'type="checkbox"' in tag:
            if "checked" in tag:
                found.setdefault(name[1], []).append(text or "on")
        else:
            found[name[1]] = text
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\s*(.*?)</textarea>', html, re.S):
        found[name] = text
    return found


def form_of(client: Client, path: str) -> dict[str, Any]:
    return values(client.get(path, headers=HTMX).content.decode())


PAGES = ("", "now/", "answer/?channel=sms&category=marketing", "log/")
ACTIONS = ("preferences/", "cap/", "test/")


class TestRights:
    """Without Temporal: the database's word."""

    def test_the_log_of_one_person_is_taken_away_whole_by_whoever_may(self, mara: Client, writer: Client) -> None:
        person()
        rows = [("CMP-1", "sent", ""), ("", "denied", "=1+1"), ("CMP-2", "deferred", "3 of 3 are used up.")]
        for number, (campaign_id, outcome, detail) in enumerate(rows):
            what = {"campaign_id": campaign_id, "outcome": outcome, "detail": detail, "channel": "sms"}
            SendLog.objects.create(grant_id=f"g{number}", user_id=uid(), category="news", **what)
        SendLog.objects.create(grant_id="other", user_id=uid(2), channel="sms", outcome="sent")
        answer = mara.get(address(rest="log/export/"))
        text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        found = list(csv.DictReader(io.StringIO(text)))
        assert [(row["grant_id"], row["campaign_id"], row["detail"]) for row in found] == [
            ("g0", "CMP-1", ""),
            ("g1", "", "'=1+1"),
            ("g2", "CMP-2", "3 of 3 are used up."),
        ]
        assertContains(mara.get(address(rest="log/")), address(rest="log/export/"))
        assertNotContains(writer.get(address(rest="log/")), "log/export/")
        assert writer.get(address(rest="log/export/")).status_code == 403
        assert mara.get("/campaigns/users/nobody/log/export/").status_code == 404

    @pytest.mark.parametrize("rest", ["", "log/", "preferences/", "stampede/"])
    def test_strangers_go_to_the_log_in_and_come_back(self, client: Client, rest: str) -> None:
        person()
        target = address(rest=rest)
        assertRedirects(client.get(target), f"/accounts/login/?next={target}", fetch_redirect_response=False)
        assert client.post(address(rest="cap/"), {}).status_code == 302

    @pytest.mark.parametrize("role", [OPERATIONS, STAFF])
    def test_without_the_role_there_is_nobody(self, log_in: Callable[..., Client], settings: Any, role: str) -> None:
        person()
        settings.DEMO = True
        client = log_in(role)
        assert client.get("/campaigns/users/").status_code == 403
        for rest in (*PAGES, *ACTIONS, "live/", "stampede/"):
            assert client.get(address(rest=rest)).status_code == 404, rest
        for rest in (*ACTIONS, "stampede/"):
            assert client.post(address(rest=rest), {}).status_code == 404, rest
        assertNotContains(client.get("/health/"), "/campaigns/users/", status_code=200)

    @pytest.mark.parametrize("role", [CAMPAIGN_WRITERS, ADMINISTRATORS])
    def test_who_may_look_may_not_change(self, log_in: Callable[..., Client], settings: Any, role: str) -> None:
        person()
        settings.DEMO = True
        client = log_in(role)
        for rest in PAGES:
            assert client.get(address(rest=rest)).status_code == 200, rest
        for rest in (*ACTIONS, "stampede/"):
            assert client.get(address(rest=rest)).status_code == 403, rest
            assert client.post(address(rest=rest), {}).status_code == 403, rest
        html = client.get(address()).content.decode()
        assert "preferences/" not in html.replace("person_preferences", "")
        assert "Send a test" not in html

    def test_the_account_that_is_closed_sees_nothing(self, mara: Client) -> None:
        person()
        User.objects.update(is_active=False)
        assert mara.get(address()).status_code == 302
        assert mara.get(address(rest="live/")).status_code == 302

    @pytest.mark.parametrize("odd", ["nobody", "..", "%00", "a b", "x" * 65, "-a"])
    def test_odd_ids_are_nobody(self, mara: Client, odd: str) -> None:
        assert mara.get(f"/campaigns/users/{odd}/").status_code == 404

    def test_nobody_can_be_changed_either(self, mara: Client) -> None:
        for rest in (*PAGES, *ACTIONS):
            assert mara.get(f"/campaigns/users/nobody/{rest}").status_code == 404, rest
        assert mara.post("/campaigns/users/nobody/cap/", {}).status_code == 404

    def test_only_the_demo_has_stampedes(self, mara: Client, settings: Any) -> None:
        person()
        settings.DEMO = False
        assert mara.get(address(rest="stampede/")).status_code == 404
        assertNotContains(mara.get(address()), "stampede/")
        settings.DEMO = True
        assert mara.get(address(rest="stampede/")).status_code == 200
        assertContains(mara.get(address()), "stampede/")


class TestFinding:
    def test_by_id_name_and_address_every_word(self, mara: Client) -> None:
        person(1, name="Maren Holt", email="maren@example.com")
        person(2, name="Jonas Holt")
        for q in (uid(1), "maren", "holt MAREN", "maren@example.com", f"user-actor-{uid(1)}"):
            response = mara.get("/campaigns/users/", {"q": q})
            assertContains(response, "Maren Holt")
            assertNotContains(response, "Jonas Holt")
        assertContains(mara.get("/campaigns/users/", {"q": "holt zoe"}), "Nobody is found by “holt zoe”")
        assertContains(mara.get("/campaigns/users/", {"q": "<b>\0"}), "&lt;b&gt;")

    def test_pages_go_by_the_last_id(self, mara: Client) -> None:
        for number in range(1, 53):
            person(number)
        seen: list[str] = []
        query = "?"
        while query:
            html = mara.get(f"/campaigns/users/{query}").content.decode()
            seen += re.findall(r"<code>([^<]+)</code>", html)
            following = re.search(r'rel="next" href="([^"]+)"', html)
            query = following[1].replace("&amp;", "&") if following else ""
        assert seen == [uid(number) for number in range(1, 53)]

    def test_says_what_is_known_without_asking_anybody(self, mara: Client, django_assert_max_num_queries: Any) -> None:
        person(1)
        person(2, email="", push_token="", phone="")
        person(3)
        preferences.record_opt_out(uid(3), by=PERSON)
        person(4, paused_until=datetime.now(UTC) + timedelta(days=1))
        person(5)
        preferences.record_opt_out(uid(5), channel="sms", by=PERSON)
        SendLog.objects.create(grant_id="g", user_id=uid(1), channel="sms", outcome=Outcome.SENT)
        html = mara.get("/campaigns/users/").content.decode()
        found = re.findall(r'class="p-reach"><span class="status status--\w+">([^<]+)<', html)
        assert found == ["E-mail, SMS and push", "Nothing", "Opted out", "Paused", "E-mail and push"]
        assert re.findall(r'p-sent">(\d+)<', html) == ["1", "0", "0", "0", "0"]
        with django_assert_max_num_queries(14):
            mara.get("/campaigns/users/")


class TestAway:
    """Temporal is out of reach."""

    def test_the_page_is_the_databases_word_and_says_so(self, mara: Client) -> None:
        cap(3)
        person()
        SendLog.objects.create(grant_id="g", user_id=uid(), channel="sms", outcome=Outcome.SENT)
        response = mara.get(address())
        assertContains(response, "Temporal or its worker does not answer")
        assertContains(response, "Two of three sends are left")
        assertContains(response, "&amp;saved")
        assertNotContains(response, "No actor is running")

    def test_a_form_keeps_what_was_typed_with_its_key(self, mara: Client) -> None:
        cap(3)
        person()
        sent = form_of(mara, address(rest="cap/")) | {"max_per_day": "2"}
        response = mara.post(address(rest="cap/"), sent, headers=HTMX)
        assertContains(response, "It could not be sent", status_code=503)
        assertContains(response, sent["idempotency_key"], status_code=503)
        assertContains(response, 'value="2"', status_code=503)
        assert response["Retry-After"]

    def test_an_opt_out_counts_all_the_same(self, mara: Client) -> None:
        person()
        sent = form_of(mara, address(rest="preferences/"))
        sent["channels"] = ["email", "push"]
        assert mara.post(address(rest="preferences/"), sent).status_code == 302
        assert [(one.channel, one.category) for one in OptOut.objects.all()] == [("sms", "")]


@pytest.mark.usefixtures("worker")
class TestReading:
    def test_starts_no_actor_and_says_that_none_runs(self, mara: Client) -> None:
        cap(3)
        person()
        before = actors_running()
        for rest in (*PAGES, *ACTIONS):
            assert mara.get(address(rest=rest)).status_code == 200, rest
        mara.get("/campaigns/users/")
        assertContains(mara.get(address()), "No actor is running for them")
        assertContains(mara.get(address()), "Yes, a marketing message may go out now.")
        assertContains(mara.get(address()), "None is running.")
        assert actors_running() == before == set()
        assert mara.get("/campaigns/users/nobody/live/").status_code == 404

    def test_an_actor_that_has_ended_has_no_say_any_more(self, mara: Client) -> None:
        from temporal_worker import client

        cap(3)
        person()
        gateway.stampede(uid(), user=marketer(), requests=3, channel="push", key="s-0000001")
        assertContains(mara.get(address()), "All three sends are used up")

        async def end() -> None:
            await (await client.aget_client()).get_workflow_handle(f"user-actor-{uid()}").terminate("for the test")

        client.call(end())
        assertContains(mara.get(address()), "No actor is running for them")
        assertContains(mara.get(address()), "Three of three sends are left")

    def test_has_no_inline_script_style_or_handler(self, mara: Client) -> None:
        cap(3)
        person()
        for rest in ("", "log/", "preferences/", "cap/"):
            html = mara.get(address(rest=rest)).content.decode()
            assert not re.search(r"<script(?![^>]* src=)", html)
            assert not re.search(r'\s(style|on[a-z]+|hx-on[^=]*)="', html)

    def test_shows_the_actor_the_log_and_the_run(self, mara: Client) -> None:
        cap(1)
        person(name="Maren <b>Holt</b>")
        user = marketer()
        send_test(uid(), user=user, channel="push", key="k-0000001")
        send_test(uid(), user=user, channel="sms", key="k-0000002")
        response = mara.get(address())
        assertContains(response, "Maren &lt;b&gt;Holt&lt;/b&gt;")
        assertContains(response, "Message 1 of 1 in 24 hours.")
        assertContains(response, "1 of 1 messages in 24 hours are used up.")
        assertContains(response, "cap_day")
        assertContains(response, "1 of 500")
        assertContains(response, f'ws-connect="/ws/campaigns/users/{uid()}/?after=1&amp;logged=2"')
        assertContains(response, "Everybody, for everybody, version 1")
        log = mara.get(address(rest="log/"))
        assertContains(log, "test-to:mara:k-0000001")
        assertContains(log, "used up by")
        assertContains(log, "It would have passed with: messages a day 1 → 2.")

    def test_a_newer_policy_is_told(self, mara: Client) -> None:
        cap(1)
        person()
        send_test(uid(), user=marketer(), channel="push", key="k-0000001")
        CapPolicyRow.objects.get().save()
        assertContains(mara.get(address()), "Policies are at version 2: it decides from now on")

    def test_a_lowered_cap_decides_at_once_what_the_page_and_the_api_say(self, mara: Client) -> None:
        cap(3)
        person()
        send_test(uid(), user=marketer(), channel="push", key="k-0000001")
        assertContains(mara.get(address()), "Two of three sends are left")
        policy = CapPolicyRow.objects.get()
        policy.max_per_day = 1
        policy.save()
        assertContains(mara.get(address()), "The one send is used up in these 24 hours.")
        actor = mara.get(f"/api/users/{uid()}/actor").json()
        sent_at = datetime.fromisoformat(actor["sends_in_window"][0]["at"])
        assert actor["cap"]["max_per_day"] == 1
        assert datetime.fromisoformat(actor["next_allowed_at"]["push"]) == sent_at + timedelta(hours=24)

    def test_what_is_put_off_stands_there_with_its_campaign_and_its_moment(self, mara: Client) -> None:
        cap(1)
        person()
        for number in (1, 2):
            send(
                campaign(number, name=f"Campaign <{number}>"),
                defers=True,
                ends_at=datetime.now(UTC) + timedelta(days=3),
            )
        html = mara.get(address()).content.decode()
        queue = html[html.index("Put off, and asked for again") :]
        assert "Campaign &lt;2&gt;" in queue[:900]
        assert "All messages of the day used up" in queue[:900]
        preferences.record_opt_out(uid(), "push", by=PERSON)
        assertNotContains(mara.get(address()), "Put off, and asked for again")

    def test_the_runs_that_came_before(self, mara: Client) -> None:
        cap(3)
        person()
        gateway.stampede(uid(), user=marketer(), requests=1, channel="push", key="s-0000001")
        gateway.give_back_stampede(uid(), user=marketer(), key="s-0000001", numbers=[1])

        def is_listed() -> bool:
            html = mara.get(address()).content.decode()
            return "Run 2" in html and "Continued as new" in html and "Run 1" in html

        from tests.eventually import eventually

        eventually(is_listed, timeout=10)

    def test_the_log_has_pages(self, mara: Client) -> None:
        person()
        for number in range(60):
            SendLog.objects.create(grant_id=f"g{number:02}", user_id=uid(), channel="sms", outcome=Outcome.DENIED)
        first = mara.get(address(rest="log/")).content.decode()
        older = re.search(r'rel="next" href="(\?before=\d+)"', first)
        assert older is not None
        second = mara.get(address(rest=f"log/{older[1]}")).content.decode()
        ids = [re.findall(r"<code>(g\d\d)</code>", html) for html in (first, second)]
        assert [len(one) for one in ids] == [50, 10]
        assert len({*ids[0], *ids[1]}) == 60
        assert mara.get(address(rest="log/?before=x")).status_code == 200


@pytest.mark.usefixtures("worker")
class TestWouldBeAllowed:
    def test_says_why_when_and_what_would_help_and_spends_nothing(self, mara: Client) -> None:
        cap(1, min_hours_between=2)
        person()
        send_test(uid(), user=marketer(), channel="push", key="k-0000001")
        for _ in range(3):
            response = mara.get(address(rest="answer/?channel=email&category=marketing"), headers=HTMX)
        assertContains(response, "No, not now")
        assertContains(response, "Messages a day, 1 of 1 used")
        assertContains(response, "messages a day 1 → 2 and gap")
        assertContains(response, "the minimum gap")
        assertContains(response, "log/#grant-test-to:mara:k-0000001")
        reading = gateway.read_actor(uid(), user=marketer())
        assert (reading.view.count, reading.view.version) == (1, 1)
        passes = mara.get(address(rest="answer/?channel=email&category=news&transactional=on"), headers=HTMX)
        assertContains(passes, "Yes, now")

    def test_without_scripts_the_page_answers(self, mara: Client) -> None:
        cap(None, quiet_from="00:00", quiet_to="23:59")
        person(time_zone="UTC")
        response = mara.get(address(), {"ask": "1", "channel": "sms", "category": "marketing"})
        assertContains(response, "No, not now")
        assertContains(response, "Quiet hours")
        assert actors_running() == set()

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"channel": "pigeon", "category": "marketing"}, "There is no such channel."),
            ({"channel": "sms", "category": "No Name"}, "Small letters"),
            ({"channel": "sms", "category": ""}, "required"),
            ({"channel": "sms", "category": "x" * 61}, "at most 60"),
            ({"channel": "sms", "category": "a\0b"}, "Null characters"),
        ],
    )
    def test_what_makes_no_sense_is_said_at_its_field(self, mara: Client, query: dict[str, str], said: str) -> None:
        person()
        for path, more in ((address(rest="answer/"), {}), (address(), {"ask": "1"})):
            assertContains(mara.get(path, {**query, **more}), said, status_code=422)


@pytest.mark.usefixtures("worker")
class TestPreferences:
    def test_only_what_was_changed_is_changed(self, mara: Client) -> None:
        cap(3)
        person(time_zone="Europe/Berlin")
        preferences.record_opt_out(uid(), channel="push", category="news", by=PERSON)
        sent = form_of(mara, address(rest="preferences/"))
        assert (sent["channels"], sent["outs"]) == (["email", "sms", "push"], ["push/news"])
        # Meanwhile they say so themselves, by the link in a mail.
        gateway.opt_out(uid(), by=PERSON, channel="sms")
        sent |= {"channels": ["sms", "push"], "more": "offers, partners", "locale": "de"}
        response = mara.post(address(rest="preferences/"), sent, headers=HTMX)
        assertContains(response, 'id="actor-head"')
        assert response["HX-Trigger"]
        view = gateway.read_actor(uid(), user=marketer()).view
        outs = {one.key() for one in view.preferences.opt_outs}
        assert outs == {("push", "news"), ("sms", ""), ("email", ""), ("", "offers"), ("", "partners")}
        assert (view.preferences.locale, view.preferences.time_zone) == ("de", "Europe/Berlin")
        assert {(one.channel, one.category) for one in OptOut.objects.all()} == outs
        who = PreferenceChange.objects.filter(who="mara").values_list("what", flat=True)
        assert sorted(who) == ["opted_out", "opted_out", "opted_out", "preferences"]
        assertContains(mara.get(address()), "Opted out of everything by E-mail")

    def test_pressed_twice_is_once(self, mara: Client) -> None:
        person()
        sent = form_of(mara, address(rest="preferences/")) | {"locale": "fr", "more": "offers"}
        for _ in range(2):
            assert mara.post(address(rest="preferences/"), sent).status_code == 302
        assert gateway.read_actor(uid(), user=marketer()).view.version == 1
        assert PreferenceChange.objects.count() == 2

    def test_an_opt_out_is_lifted_again(self, mara: Client) -> None:
        person()
        preferences.record_opt_out(uid(), channel="sms", by=PERSON)
        preferences.record_opt_out(uid(), category="news", by=PERSON)
        sent = form_of(mara, address(rest="preferences/"))
        assert sent["channels"] == ["email", "push"]
        sent |= {"channels": ["email", "push", "sms"], "outs": []}
        assert mara.post(address(rest="preferences/"), sent).status_code == 302
        assert OptOut.objects.count() == 0

    def test_a_pause_is_by_their_clock(self, mara: Client) -> None:
        person(time_zone="Asia/Tokyo")
        sent = form_of(mara, address(rest="preferences/")) | {"paused_until": "2031-01-10T08:00"}
        assert mara.post(address(rest="preferences/"), sent).status_code == 302
        until = datetime(2031, 1, 9, 23, tzinfo=UTC)
        assert Contact.objects.get().paused_until == until
        page = mara.get(address())
        assertContains(page, "Paused")
        again = form_of(mara, address(rest="preferences/"))
        assert again["paused_until"] == "2031-01-10T08:00"
        assert mara.post(address(rest="preferences/"), again | {"paused_until": ""}).status_code == 302
        assert Contact.objects.get().paused_until is None

    def test_how_often_they_wish_to_hear_from_us(self, mara: Client) -> None:
        person()
        sent = form_of(mara, address(rest="preferences/")) | {"hours_between": "168"}
        assert mara.post(address(rest="preferences/"), sent).status_code == 302
        assert Contact.objects.get().hours_between == 168
        assertContains(mara.get(address()), "7\u00a0d apart at least, as they wish")
        again = form_of(mara, address(rest="preferences/"))
        assert again["hours_between"] == "168"
        assert mara.post(address(rest="preferences/"), again | {"hours_between": ""}).status_code == 302
        assert Contact.objects.get().hours_between is None

    def test_quiet_hours_that_they_wish(self, mara: Client) -> None:
        person()
        sent = form_of(mara, address(rest="preferences/")) | {"quiet_from": "22:00", "quiet_to": "09:30"}
        assert mara.post(address(rest="preferences/"), sent).status_code == 302
        assert Contact.objects.get().quiet_hours == QuietHours("22:00", "09:30")
        page = mara.get(address())
        assertContains(page, "22:00 – 09:30, as they wish")
        assertContains(page, "quiet from 22:00 to 09:30")
        again = form_of(mara, address(rest="preferences/"))
        assert (again["quiet_from"], again["quiet_to"]) == ("22:00", "09:30")
        assert mara.post(address(rest="preferences/"), again | {"quiet_to": ""}).status_code == 422
        gone = again | {"quiet_from": "", "quiet_to": ""}
        assert mara.post(address(rest="preferences/"), gone).status_code == 302
        assert Contact.objects.get().quiet_hours is None

    def test_quiet_hours_that_somebody_else_has_set_are_not_overwritten_unseen(self, mara: Client) -> None:
        person()
        sent = form_of(mara, address(rest="preferences/")) | {"quiet_from": "22:00", "quiet_to": "09:30"}
        wish = PreferencesInput(quiet_hours=QuietHours("20:00", "06:00"))
        gateway.set_preferences(uid(), user=marketer(), wish=wish, door=Door.API, key="k-0000019")
        response = mara.post(address(rest="preferences/"), sent, headers=HTMX)
        assertContains(response, "Somebody has changed it meanwhile, to 20:00-06:00", status_code=409)
        assert mara.post(address(rest="preferences/"), values(response.content.decode())).status_code == 302
        assert Contact.objects.get().quiet_hours == QuietHours("22:00", "09:30")

    def test_what_somebody_else_has_set_is_not_overwritten_unseen(self, mara: Client) -> None:
        person(time_zone="Europe/Berlin")
        sent = form_of(mara, address(rest="preferences/")) | {"time_zone": "Asia/Tokyo"}
        wish = PreferencesInput(time_zone="Europe/Paris")
        gateway.set_preferences(uid(), user=marketer(), wish=wish, door=Door.API, key="k-0000009")
        response = mara.post(address(rest="preferences/"), sent, headers=HTMX)
        assertContains(response, "Somebody has changed it meanwhile, to Europe/Paris", status_code=409)
        again = values(response.content.decode())
        assert again["time_zone"] == "Asia/Tokyo"
        assert mara.post(address(rest="preferences/"), again).status_code == 302
        assert Contact.objects.get().time_zone == "Asia/Tokyo"

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"time_zone": "Mars/Olympus"}, "There is no such time zone."),
            ({"locale": "not a tag"}, "A language tag"),
            ({"more": "No Name"}, "Small letters"),
            ({"channels": ["pigeon"]}, "not one of the available choices"),
            ({"outs": ["push/else"]}, "not one of the available choices"),
            ({"paused_until": "soon"}, "Write it like"),
            ({"hours_between": "0"}, "greater than or equal to 1"),
            ({"paused_until": "0001-01-01T00:00"}, "This year cannot be meant."),
            ({"paused_until": "9999-12-31T23:59"}, "This year cannot be meant."),
        ],
    )
    def test_what_makes_no_sense_is_said_at_its_field_and_kept(
        self, mara: Client, typed: dict[str, Any], said: str
    ) -> None:
        person(time_zone="Europe/Berlin")
        sent = form_of(mara, address(rest="preferences/")) | {"locale": "de"} | typed
        response = mara.post(address(rest="preferences/"), sent, headers=HTMX)
        assertContains(response, said, status_code=422)
        for value in typed.values():
            if isinstance(value, str) and "/" not in value:
                assertContains(response, value, status_code=422)
        assert actors_running() == set()

    @pytest.mark.parametrize("was", ["", "x", "[]", '{"outs": 1}', '{"outs": [1], "time_zone": "", "locale": ""}'])
    def test_a_form_that_was_tampered_with_compares_with_what_is_so(self, mara: Client, was: str) -> None:
        person(time_zone="Europe/Berlin")
        sent = form_of(mara, address(rest="preferences/")) | {"was": was, "locale": "de"}
        assert mara.post(address(rest="preferences/"), sent).status_code == 302
        assert Contact.objects.get().locale == "de"


@pytest.mark.usefixtures("worker")
class TestCap:
    FULL = {
        "max_per_day": "0",
        "min_hours_between": "1.5",
        "window": "calendar",
        "email": "2",
        "sms": "",
        "push": "0",
        "categories": "news=1, offers=0",
        "quiet_from": "21:00",
        "quiet_to": "08:00",
        "count_transactional": "on",
    }

    def test_takes_the_place_of_the_policy_whole_and_is_taken_away(self, mara: Client) -> None:
        cap(3, time_zone="Asia/Tokyo")
        person()
        sent = form_of(mara, address(rest="cap/"))
        assert sent["max_per_day"] == "3"
        for _ in range(2):
            assert mara.post(address(rest="cap/"), sent | self.FULL).status_code == 302
        view = gateway.read_actor(uid(), user=marketer()).view
        assert view.own_cap == CapPolicy(
            version=0,
            max_per_day=0,
            min_hours_between=1.5,
            window="calendar",
            per_channel={"email": 2, "push": 0},
            per_category={"news": 1, "offers": 0},
            quiet_hours=QuietHours("21:00", "08:00"),
            count_transactional=True,
            time_zone="Europe/Berlin",  # theirs, which goes before the policy's
        )
        assert view.version == 1
        assert PreferenceChange.objects.filter(what="cap").count() == 1
        page = mara.get(address())
        assertContains(page, "Their own cap, which takes the place of every policy")
        drawn = form_of(mara, address(rest="cap/"))
        assert drawn | self.FULL == drawn | {"count_transactional": "on"}
        # Whatever is typed beside it: it is taken away.
        assert mara.post(address(rest="cap/"), drawn | {"clear": "1", "max_per_day": "x"}).status_code == 302
        assert gateway.read_actor(uid(), user=marketer()).view.own_cap is None

    def test_one_that_somebody_else_has_set_is_not_overwritten_unseen(self, mara: Client) -> None:
        cap(3)
        person()
        sent = form_of(mara, address(rest="cap/")) | {"max_per_day": "2"}
        own = FrequencyCapInput(max_per_day=9)
        gateway.set_cap(uid(), user=marketer(), cap=own, door=Door.API, key="k-0000009")
        response = mara.post(address(rest="cap/"), sent, headers=HTMX)
        assertContains(response, "Somebody has changed their own cap meanwhile", status_code=409)
        again = values(response.content.decode())
        assert again["max_per_day"] == "2"
        assert mara.post(address(rest="cap/"), again).status_code == 302
        assert gateway.read_actor(uid(), user=marketer()).view.cap == CapPolicy(version=0, max_per_day=2)

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"max_per_day": "-1"}, "greater than or equal to 0"),
            ({"max_per_day": "1001"}, "less than or equal to 1000"),
            ({"max_per_day": "three"}, "whole number"),
            ({"min_hours_between": "nan"}, "Enter a number"),
            ({"window": "moon"}, "not one of the available choices"),
            ({"quiet_from": "21:00"}, "a beginning and an end"),
            ({"quiet_from": "08:00", "quiet_to": "08:00"}, "must not last all day"),
            ({"quiet_from": "25:00", "quiet_to": "08:00"}, "Write it like 21:30."),
            ({"categories": "news"}, "Write a number behind news"),
            ({"categories": "No=1"}, "Small letters"),
        ],
    )
    def test_what_makes_no_sense_is_said_at_its_field_and_kept(
        self, mara: Client, typed: dict[str, str], said: str
    ) -> None:
        person()
        sent = form_of(mara, address(rest="cap/")) | {"window": "rolling", "quiet_from": "", "quiet_to": ""} | typed
        response = mara.post(address(rest="cap/"), sent, headers=HTMX)
        assertContains(response, said, status_code=422)
        for name, value in typed.items():
            if name != "window":
                assert values(response.content.decode())[name] == value
        assert actors_running() == set()


@pytest.mark.usefixtures("worker")
class TestSendingATest:
    def test_goes_through_the_actor_and_counts_once(self, mara: Client) -> None:
        cap(1)
        person()
        sent = form_of(mara, address(rest="test/")) | {"channel": "push", "text": "Hello"}
        for _ in range(2):
            assert mara.post(address(rest="test/"), sent).status_code == 302
        message = SandboxMessage.objects.get()
        assert (message.text, message.user_id, message.calls) == ("Hello", uid(), 1)
        row = SendLog.objects.get()
        assert (row.outcome, row.is_test, row.campaign_id) == (Outcome.SENT, False, "")
        assert gateway.read_actor(uid(), user=marketer()).view.count == 1
        refused = form_of(mara, address(rest="test/")) | {"channel": "sms"}
        for _ in range(2):
            response = mara.post(address(rest="test/"), refused, headers=HTMX)
            assertContains(response, "1 of 1 messages in 24 hours are used up.", status_code=409)
            assertContains(response, "The earliest is", status_code=409)
        assert SendLog.objects.filter(outcome=Outcome.DENIED).count() == 1

    def test_what_the_provider_does_not_take_is_given_back(self, mara: Client) -> None:
        cap(1)
        person(push_token="bounce-1")
        sent = form_of(mara, address(rest="test/")) | {"channel": "push"}
        response = mara.post(address(rest="test/"), sent, headers=HTMX)
        assertContains(response, "Its slot is free again.", status_code=409)
        assert SendLog.objects.get().outcome == Outcome.FAILED
        assert gateway.read_actor(uid(), user=marketer()).view.count == 0
        assertContains(mara.get(address()), "Given back")

    def test_one_whose_answer_is_lost_keeps_its_slot(self, mara: Client) -> None:
        cap(1)
        person(push_token="lost-1")
        sent = form_of(mara, address(rest="test/")) | {"channel": "push"}
        for _ in range(2):
            assert mara.post(address(rest="test/"), sent, headers=HTMX).status_code == 409
        assert SandboxMessage.objects.get().calls == 1
        assert SendLog.objects.get().outcome == Outcome.UNKNOWN
        assert gateway.read_actor(uid(), user=marketer()).view.count == 1

    def test_whoever_has_opted_out_is_not_even_asked_for(self, mara: Client) -> None:
        person()
        preferences.record_opt_out(uid(), by=PERSON)
        sent = form_of(mara, address(rest="test/")) | {"channel": "push"}
        response = mara.post(address(rest="test/"), sent, headers=HTMX)
        assertContains(response, "They have opted out", status_code=409)
        assert actors_running() == set()

    @pytest.mark.parametrize("typed", [{"text": ""}, {"text": "x" * 501}, {"channel": "pigeon"}, {"category": "A b"}])
    def test_what_makes_no_sense_is_refused(self, mara: Client, typed: dict[str, str]) -> None:
        person()
        sent = form_of(mara, address(rest="test/")) | typed
        assert mara.post(address(rest="test/"), sent, headers=HTMX).status_code == 422
        assert actors_running() == set()
