"""The admin site's part for campaigns: who gets in, what is refused, what is asked before a cap is saved, and its history."""

import re
import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from campaigns import over_cap, preferences
from campaigns.contract import CapPolicy as CapPolicyMessage
from campaigns.models import CampaignSettings, CapPolicy, Contact, Segment, SendLog, Template
from campaigns.over_cap import (
    WINDOW,
    for_whom_it_is_quiet,
    over_query,
    who_is_over,
    who_would_be_over_without,
    who_would_wait,
    would_change,
)
from campaigns.policies import policy_for, policy_version
from dashboard.records import RecordAdmin
from dashboard.roles import ADMINISTRATORS, MARKETERS
from tests.campaigns.contacts_of import contact

RECORDS = [
    model
    for model, its in admin.site._registry.items()
    if isinstance(its, RecordAdmin) and model._meta.app_label == "campaigns"
]
CONFIGURATION = [CapPolicy, Template, Segment]
POLICY: dict[str, Any] = {
    "name": "Everybody", "is_default": "on", "segment": "", "priority": "100", "user_id": "", "max_per_day": "3",
    "window": "rolling", "min_hours_between": "", "email_a_day": "", "sms_a_day": "", "push_a_day": "",
    "per_category": "{}", "quiet_from": "", "quiet_to": "", "time_zone": "UTC",
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "approval_above": "1000", "max_audience": "1000000", "rate_per_minute": "6000", "shard_size": "1000",
    "batch_size": "500", "pause_error_percent": "10", "pause_error_least": "20", "deferred_for_days": "3",
    "email_on": "on", "sms_on": "on", "push_on": "on",
}  # fmt: skip
TEXT: dict[str, Any] = {
    "name": "Spring", "channel": "email", "subject": "Hello {{ first_name }}", "body_text": "Dear {{ name }}",
    "body_html": "",
}  # fmt: skip


def _site(role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def site(db: None) -> Client:
    return _site(ADMINISTRATORS)


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:campaigns_{model._meta.model_name}_{page}", args=args)


def save(site: Client, model: Any, fields: dict[str, Any], row: Any = None, **changes: Any) -> Any:
    fields = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    return site.post(address(model, "change", row.pk) if row else address(model, "add"), fields, follow=True)


def errors_of(page: Any) -> dict[str, str]:
    """By field."""
    form = page.context["adminform"].form
    return {name: " ".join(problems) for name, problems in form.errors.items()}


def sent(user_id: str, count: int, **fields: Any) -> None:
    first = SendLog.objects.count()
    fields = {"user_id": user_id, "channel": "email", "category": "marketing", "outcome": "sent", **fields}
    SendLog.objects.bulk_create(SendLog(grant_id=f"g{first + n}", **fields) for n in range(count))


class TestAccess:
    @pytest.mark.parametrize("model", [*RECORDS, *CONFIGURATION], ids=lambda model: model.__name__)
    def test_an_administrator_looks_at_everything(self, site: Client, model: Any) -> None:
        assert site.get(address(model, "changelist"), {"q": "x"}).status_code == 200

    @pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
    def test_and_changes_no_record(self, site: Client, model: Any) -> None:
        assert site.get(address(model, "add")).status_code == 403

    def test_the_records_are_all_that_campaigns_leave_behind(self) -> None:
        assert {model.__name__ for model in RECORDS} >= {
            "Campaign", "CampaignRecipient", "SendLog", "AudienceImport", "ImportProblem", "StagedContact", "OptOut",
            "PreferenceChange", "SandboxMessage", "Contact",
        }  # fmt: skip

    def test_a_record_is_shown_and_cannot_be_changed(self, site: Client) -> None:
        row = contact("USER-001")
        page = site.get(address(Contact, "change", row.pk))
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert site.post(address(Contact, "change", row.pk), {"name": "X"}).status_code == 403
        assert site.post(address(Contact, "delete", row.pk), {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize("model", CONFIGURATION, ids=lambda model: model.__name__)
    def test_but_configures(self, site: Client, model: Any) -> None:
        assert site.get(address(model, "add")).status_code == 200

    def test_marketers_look_and_do_not_configure(self, db: None) -> None:
        client = _site(MARKETERS)
        policy = CapPolicy.objects.create(name="Everybody", is_default=True, max_per_day=3)
        assert client.get(address(CapPolicy, "changelist")).status_code == 200
        assert client.get(address(CapPolicy, "add")).status_code == 403
        sent("USER-001", 2)
        for fields in ({}, {"_confirmed": "x"}):
            answer = client.post(address(CapPolicy, "change", policy.pk), {**POLICY, "max_per_day": "1", **fields})
            assert answer.status_code == 403
        assert client.get(address(CampaignSettings, "changelist"), follow=True).status_code == 403


class TestCapPolicy:
    def test_is_made_with_all_its_rules(self, site: Client) -> None:
        contact("USER-001")
        page = save(
            site, CapPolicy, POLICY, max_per_day="2", min_hours_between="1.5", window="calendar", sms_a_day="1",
            push_a_day="0", per_category='{"newsletter": 1}', quiet_from="21:00", quiet_to="08:00",
            time_zone="Europe/Berlin", count_transactional="on",
        )  # fmt: skip
        assert page.redirect_chain
        policy = CapPolicy.objects.get()
        assert (policy.per_channel, policy.per_category) == ({"sms": 1, "push": 0}, {"newsletter": 1})
        cap = policy_for(Contact.objects.get())
        assert (cap.max_per_day, cap.min_hours_between, cap.window) == (2, 1.5, "calendar")
        assert cap.quiet_hours is not None
        assert (cap.quiet_hours.start, cap.quiet_hours.end, cap.time_zone) == ("21:00", "08:00", "Europe/Berlin")
        listed = site.get(address(CapPolicy, "changelist")).content.decode()
        assert "2, 1 sms, 0 push, 1 newsletter" in listed
        assert "21:00 – 08:00" in listed

    def test_blank_is_no_rule_and_0_is_none(self, site: Client) -> None:
        save(site, CapPolicy, POLICY, max_per_day="")
        policy = CapPolicy.objects.get()
        assert (policy.max_per_day, policy.per_channel) == (None, {})
        save(site, CapPolicy, POLICY, policy, max_per_day="0", email_a_day="0")
        policy.refresh_from_db()
        assert (policy.max_per_day, policy.per_channel) == (0, {"email": 0})

    @pytest.mark.parametrize(
        ("changes", "field", "says"),
        [
            ({"max_per_day": "-1"}, "max_per_day", "greater than or equal to 0"),
            ({"max_per_day": "1001"}, "max_per_day", "less than or equal to 1000"),
            ({"max_per_day": "three"}, "max_per_day", "whole number"),
            ({"min_hours_between": "-1"}, "min_hours_between", "greater than or equal to 0"),
            ({"sms_a_day": "-1"}, "sms_a_day", "greater than or equal to 0"),
            ({"window": "week"}, "window", "valid choice"),
            ({"per_category": "["}, "per_category", "valid JSON"),
            ({"per_category": '{"No Name": 1}'}, "per_category", "Small letters"),
            ({"per_category": '{"news": "1"}'}, "per_category", "whole number"),
            ({"quiet_from": "21:00"}, "quiet_to", "a beginning and an end"),
            ({"quiet_to": "08:00"}, "quiet_from", "When do they begin?"),
            ({"quiet_from": "08:00", "quiet_to": "08:00"}, "quiet_to", "all day"),
            ({"quiet_from": "25:00", "quiet_to": "08:00"}, "quiet_from", "valid time"),
            ({"time_zone": "Mars/Olympus"}, "time_zone", "no time zone"),
            ({"is_default": None, "user_id": "USER-404"}, "user_id", "no contact USER-404"),
            ({"user_id": "USER-001"}, "user_id", "for everybody, for one segment or for one person"),
            ({"name": ""}, "name", "required"),
            ({"priority": "-1"}, "priority", "greater than or equal to 0"),
        ],
    )
    def test_what_makes_no_sense_names_its_field(
        self, site: Client, changes: dict[str, Any], field: str, says: str
    ) -> None:
        contact("USER-001")
        problems = errors_of(save(site, CapPolicy, POLICY, **changes))
        assert says in problems[field]
        assert not CapPolicy.objects.exists()

    def test_there_is_one_for_everybody_for_a_segment_and_for_a_person(self, site: Client) -> None:
        contact("USER-001")
        segment = Segment.objects.create(name="Members")
        for whom in ({"is_default": "on"}, {"segment": segment.pk}, {"user_id": "USER-001"}):
            fields = {"is_default": None, **whom}
            assert save(site, CapPolicy, POLICY, name=f"First {whom}"[:100], **fields).redirect_chain
            [field] = whom
            problems = errors_of(save(site, CapPolicy, POLICY, name="Second", **fields))
            assert "First" in problems[field]
        assert CapPolicy.objects.count() == 3

    def test_a_save_without_a_change_is_no_version(self, site: Client) -> None:
        save(site, CapPolicy, POLICY)
        before = policy_version()
        save(site, CapPolicy, POLICY, CapPolicy.objects.get())
        assert policy_version() == before

    def test_actors_hear_of_each_way_in_which_people_come_under_another_policy(self, site: Client) -> None:
        segment = Segment.objects.create(name="Members")
        CapPolicy.objects.create(name="Members", segment=segment, max_per_day=5)
        before = policy_version()
        filters = {"filters": [{"field": "locale", "op": "is", "value": "de"}]}
        segment.filters = filters
        segment.save()
        assert policy_version() == before + 1
        Segment.objects.create(name="Others").save()
        assert policy_version() == before + 1
        segment.delete()  # its policy goes with it
        assert (policy_version(), CapPolicy.objects.count()) == (before + 2, 0)
        CapPolicy.objects.create(name="Own", user_id="USER-001", max_per_day=1)
        fields = {"action": "delete_selected", "_selected_action": [CapPolicy.objects.get().pk], "post": "yes"}
        site.post(address(CapPolicy, "changelist"), fields)
        assert (policy_version(), CapPolicy.objects.count()) == (before + 4, 0)


class TestHistory:
    def test_says_what_was_changed_from_what_to_what(self, site: Client) -> None:
        save(site, CapPolicy, POLICY)
        policy = CapPolicy.objects.get()
        save(site, CapPolicy, POLICY, policy, max_per_day="2", sms_a_day="1", quiet_from="21:00", quiet_to="08:00")
        entry = LogEntry.objects.order_by("-pk")[0]
        words = entry.get_change_message()
        assert words == (
            "Messages a day, at most: 3 → 2; Text messages a day, at most: nothing → 1; "
            "Quiet from: nothing → 21:00; Quiet until: nothing → 08:00"
        )
        assert entry.user.username == ADMINISTRATORS
        page = site.get(address(CapPolicy, "history", policy.pk)).content.decode()
        assert "3 → 2" in page

    def test_of_texts_and_settings_too(self, site: Client) -> None:
        save(site, Template, TEXT)
        save(site, Template, TEXT, Template.objects.get(), body_text="x" * 500)
        assert "Dear {{ name }} → xxx" in LogEntry.objects.order_by("-pk")[0].get_change_message()
        save(site, CampaignSettings, SETTINGS, CampaignSettings.current(), sms_on=None)
        assert LogEntry.objects.order_by("-pk")[0].get_change_message() == "Text messages: yes → no"


class TestWhoWouldBeOver:
    """Ten people have had four mails; the policy is for everybody unless a test says otherwise."""

    @pytest.fixture(autouse=True)
    def _mails(self, db: None) -> None:
        for number in range(1, 11):
            contact(f"USER-{number:03}", locale="de" if number <= 4 else "en")
            sent(f"USER-{number:03}", 4)

    @pytest.fixture
    def policy(self, db: None) -> CapPolicy:
        return CapPolicy.objects.create(name="Everybody", is_default=True, max_per_day=5)

    def test_nobody_is_asked_about_and_it_is_said_that_nobody_is_over(self, site: Client, policy: CapPolicy) -> None:
        page = save(site, CapPolicy, POLICY, policy, max_per_day="4")
        assert "Nobody has had more than this cap" in page.content.decode()
        policy.refresh_from_db()
        assert policy.max_per_day == 4

    def test_a_lower_cap_is_asked_about_first(self, site: Client, policy: CapPolicy) -> None:
        page = save(site, CapPolicy, POLICY, policy, max_per_day="3")
        words = page.content.decode()
        assert "10 people had more in the last 24 hours" in words
        assert "USER-001" in words
        policy.refresh_from_db()
        assert policy.max_per_day == 5
        confirmed = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', words))
        confirmed = {name: value.replace("&quot;", '"') for name, value in confirmed.items()}
        # Another number is another question.
        again = save(site, CapPolicy, confirmed, policy, max_per_day="2")
        assert "10 people had more" in again.content.decode()
        done = save(site, CapPolicy, confirmed, policy)
        assert "10 people had more than this cap in the last 24 hours" in done.content.decode()
        policy.refresh_from_db()
        assert (policy.max_per_day, policy.window) == (3, "rolling")

    def test_a_new_policy_is_asked_about_too_and_other_changes_are_not(self, site: Client, policy: CapPolicy) -> None:
        page = save(site, CapPolicy, POLICY, name="Hers", is_default=None, user_id="USER-002", max_per_day="1")
        assert "1 person had more" in page.content.decode()
        assert CapPolicy.objects.count() == 1
        CapPolicy.objects.update(max_per_day=1)
        assert save(site, CapPolicy, POLICY, policy, max_per_day="1", name="All").redirect_chain
        assert CapPolicy.objects.get().name == "All"

    @pytest.mark.parametrize(
        ("fields", "number"),
        [
            ({"max_per_day": 3}, 10),
            ({"max_per_day": 4}, 0),
            ({"max_per_day": None}, 0),
            ({"max_per_day": 4, "per_channel": {"email": 1}}, 10),
            ({"per_channel": {"sms": 0}}, 0),
            ({"per_category": {"marketing": 3, "news": 0}}, 10),
        ],
    )
    def test_counts_by_every_cap(self, policy: CapPolicy, fields: dict[str, Any], number: int) -> None:
        policy.max_per_day = None
        for name, value in fields.items():
            setattr(policy, name, value)
        assert len(who_is_over(policy).people) == number

    def test_counts_only_what_counts(self, policy: CapPolicy) -> None:
        policy.max_per_day = 4
        sent("USER-001", 3, outcome="denied")
        sent("USER-002", 3, outcome="failed")
        sent("USER-003", 3, is_test=True)
        sent("USER-004", 3, at=timezone.now() - timedelta(hours=25))
        sent("USER-005", 3, transactional=True)
        assert who_is_over(policy).people == []
        sent("USER-006", 1, outcome="intent")
        sent("USER-007", 2, outcome="unknown")
        assert who_is_over(policy).people == [("USER-007", 6), ("USER-006", 5)]
        policy.count_transactional = True
        assert who_is_over(policy).people[0] == ("USER-005", 7)

    def test_is_about_those_for_whom_the_policy_decides(self, policy: CapPolicy) -> None:
        germans = Segment.objects.create(
            name="Germans", filters={"filters": [{"field": "locale", "op": "is", "value": "de"}]}
        )
        some = Segment.objects.create(
            name="Some", filters={"filters": [{"field": "user_id", "op": "in", "value": ["USER-004", "USER-005"]}]}
        )
        first = CapPolicy.objects.create(name="Germans", segment=germans, max_per_day=1, priority=1)
        second = CapPolicy.objects.create(name="Some", segment=some, max_per_day=1, priority=2)
        own = CapPolicy.objects.create(name="Hers", user_id="USER-001", max_per_day=1)
        nobody = CapPolicy.objects.create(name="Nobody's", max_per_day=0)
        policy.max_per_day = 1
        found = [
            sorted(user_id[-3:] for user_id, _ in who_is_over(one).people)
            for one in (own, first, second, policy, nobody)
        ]
        assert found == [["001"], ["002", "003", "004"], ["005"], ["006", "007", "008", "009", "010"], []]

    def test_whoever_has_a_cap_of_their_own_is_reached_by_no_policy(self, policy: CapPolicy) -> None:
        policy.max_per_day = 3
        preferences.save_own_cap("USER-003", CapPolicyMessage(version=1, max_per_day=9))
        assert "USER-003" not in dict(who_is_over(policy).people)
        own = CapPolicy.objects.create(name="Hers", user_id="USER-003", max_per_day=1)
        assert not who_is_over(own)
        preferences.save_own_cap("USER-003", None)
        assert who_is_over(own).people == [("USER-003", 4)]

    def test_counts_who_would_wait_for_a_gap(self, policy: CapPolicy) -> None:
        now = timezone.now()
        sent("USER-011", 1, at=now - timedelta(hours=5))
        sent("USER-012", 1, at=now - timedelta(hours=40))
        sent("USER-013", 1, at=now - timedelta(hours=5), transactional=True)
        found = []
        for hours in (None, 0, 1, 6, 48):
            policy.min_hours_between = hours
            found.append(who_would_wait(policy).number)
        assert found == [0, 0, 10, 11, 12]
        policy.count_transactional = True
        assert who_would_wait(policy).number == 13
        assert over_cap.who_would_wait(CapPolicy(name="Nobody's", min_hours_between=48)).number == 0

    def test_a_longer_gap_is_asked_about_too(self, site: Client, policy: CapPolicy) -> None:
        page = save(site, CapPolicy, POLICY, policy, max_per_day="5", min_hours_between="2")
        assertContains(page, "10 people had a message less than 2 hours ago: the next one waits")
        assertContains(page, "Not counted: who has a cap of their own")
        assert CapPolicy.objects.get().min_hours_between is None
        both = save(site, CapPolicy, POLICY, policy, max_per_day="3", min_hours_between="2")
        assertContains(both, "10 people had more in the last 24 hours")
        assertContains(both, "10 people had a message less than 2 hours ago")
        there = site.get(reverse("admin:campaigns_cappolicy_over"), {"policy": policy.pk, "min_hours_between": "2"})
        assertContains(there, "10 people had a message less than 2 hours ago: the next one would wait.")
        assertContains(there, "Not counted: who has a cap of their own")

    def test_of_quiet_hours_it_says_for_whom_it_is_quiet_now(self, site: Client, policy: CapPolicy) -> None:
        for number, zone in enumerate(("Asia/Tokyo", "Asia/Tokyo", "America/New_York", ""), 1):
            Contact.objects.filter(user_id=f"USER-{number:03}").update(time_zone=zone)
        Contact.objects.exclude(user_id__in=[f"USER-{n:03}" for n in range(1, 5)]).update(time_zone="UTC")
        policy.quiet_from, policy.quiet_to, policy.time_zone = time_of_day(20), time_of_day(2), "Asia/Tokyo"
        noon = datetime(2026, 11, 20, 12, tzinfo=UTC)  # 21:00 in Tokyo, where those are whose zone is not known
        assert for_whom_it_is_quiet(policy, noon) == (3, 10)
        assert for_whom_it_is_quiet(policy, noon + timedelta(hours=9)) == (6, 10)
        page = save(site, CapPolicy, POLICY, policy, max_per_day="5", quiet_from="00:00", quiet_to="23:59")
        assertContains(page, "of its 10 people: what comes is held until it ends.")

    def test_counts_those_who_come_under_another_policy(self, site: Client, policy: CapPolicy) -> None:
        """Nobody of the four Germans is over their own, generous policy; what takes its people over is stricter."""
        germans = Segment.objects.create(
            name="Germans", filters={"filters": [{"field": "locale", "op": "is", "value": "de"}]}
        )
        some = Segment.objects.create(
            name="Some", filters={"filters": [{"field": "user_id", "op": "in", "value": ["USER-004", "USER-005"]}]}
        )
        mild = CapPolicy.objects.create(name="Mild", segment=germans, max_per_day=9, priority=1)
        CapPolicy.objects.create(name="Strict", segment=some, max_per_day=1, priority=2)
        assert not who_is_over(mild)
        fields = {**POLICY, "name": "Mild", "is_default": None, "segment": str(germans.pk), "max_per_day": "9"}
        behind = save(site, CapPolicy, fields, mild, priority="3")
        assertContains(behind, "1 person had more in the last 24 hours")
        assertContains(behind, "USER-004")
        assert save(site, CapPolicy, fields, mild, priority="1", name="Milder").redirect_chain
        page = site.get(address(CapPolicy, "delete", mild.pk))
        assertContains(page, "1 person had more than this cap")
        assertContains(page, "Its people come under the next policy that is for them")
        CapPolicy.objects.filter(pk=policy.pk).update(max_per_day=3)
        assertContains(site.get(address(CapPolicy, "delete", mild.pk)), "4 people had more than this cap")
        assert [user_id for user_id, _ in who_would_be_over_without([mild]).people] == [
            "USER-001", "USER-002", "USER-003", "USER-004",
        ]  # fmt: skip
        hers = CapPolicy.objects.create(name="Hers", user_id="USER-009", max_per_day=9)
        assert who_would_be_over_without([hers]).people == [("USER-009", 4)]
        moved = CapPolicy.objects.get(pk=hers.pk)
        moved.user_id = "USER-010"
        over, _ = would_change(moved, hers)
        assert over.people == [("USER-009", 4)], "whom it lets go, and not whom it takes in"

    def test_several_that_are_deleted_at_once_are_told_of_together(self, site: Client, policy: CapPolicy) -> None:
        """Of each alone nobody is over: its people come under the other generous one."""
        germans = Segment.objects.create(
            name="Germans", filters={"filters": [{"field": "locale", "op": "is", "value": "de"}]}
        )
        some = Segment.objects.create(
            name="Some", filters={"filters": [{"field": "user_id", "op": "in", "value": ["USER-003", "USER-004"]}]}
        )
        last = Segment.objects.create(
            name="Last", filters={"filters": [{"field": "user_id", "op": "in", "value": ["USER-002", "USER-009"]}]}
        )
        first = CapPolicy.objects.create(name="Germans", segment=germans, max_per_day=9, priority=1)
        second = CapPolicy.objects.create(name="Some", segment=some, max_per_day=9, priority=2)
        behind = CapPolicy.objects.create(name="Last", segment=last, max_per_day=1, priority=3)
        hers = CapPolicy.objects.create(name="Hers", user_id="USER-010", max_per_day=9)
        unused = CapPolicy.objects.create(name="Nobody's", max_per_day=1)
        CapPolicy.objects.filter(pk=policy.pk).update(max_per_day=3)
        found = [
            sorted(user_id[-3:] for user_id, _ in who_would_be_over_without(gone).people)
            for gone in ([first], [second], [first, second], [first, second, behind], [hers, behind], [unused])
        ]
        assert found == [
            ["001", "002"], [], ["001", "002", "003", "004"], ["001", "002", "003", "004", "009"], ["009", "010"], [],
        ]  # fmt: skip

        def chosen(*policies: CapPolicy, **more: str) -> Any:
            fields = {"action": "delete_selected", "_selected_action": [one.pk for one in policies], **more}
            return site.post(address(CapPolicy, "changelist"), fields)

        page = chosen(first, second)
        assertContains(page, "Their people come under the next policy that is for them")
        assertContains(page, "4 people had more than this cap in the last 24 hours")
        assertContains(page, "Not counted: who has a cap of their own")
        assertContains(chosen(second), "None of them has had more than that one allows.")
        with_default = chosen(first, policy)
        assertContains(with_default, "It is the one for everybody")
        assertNotContains(with_default, "come under the next policy")
        assertNotContains(chosen(unused), "come under the next policy")
        assert CapPolicy.objects.count() == 6
        assert chosen(first, second, post="yes").status_code == 302
        assert CapPolicy.objects.count() == 4
        site = _site(MARKETERS)
        chosen(behind, post="yes")
        assert CapPolicy.objects.count() == 4

    def test_can_be_asked_without_saving(self, site: Client, policy: CapPolicy) -> None:
        assert "Who would be over it?" in site.get(address(CapPolicy, "changelist")).content.decode()
        there = reverse("admin:campaigns_cappolicy_over")
        assert site.get(there).status_code == 200
        page = site.get(there, {"policy": policy.pk, "max_per_day": "3"}).content.decode()
        assert "10 people had more than that" in page
        assert (
            "Nobody had more than that" in site.get(there, {"policy": policy.pk, "email_a_day": "4"}).content.decode()
        )
        assert site.get(there, {"policy": "x", "max_per_day": "-1"}).status_code == 200
        policy.refresh_from_db()
        assert policy.max_per_day == 5
        outsider = User.objects.create_user("outsider", is_staff=True)
        client = Client()
        client.force_login(outsider)
        assert client.get(there).status_code == 403

    def test_of_a_calendar_day_it_says_at_most(self, policy: CapPolicy) -> None:
        policy.window, policy.max_per_day = "calendar", 1
        assert who_is_over(policy).words == "at most 10 people"

    def test_of_a_day_with_very_many_messages_the_newest_are_looked_at(
        self, policy: CapPolicy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        policy.max_per_day = 4
        sent("USER-001", 5, at=timezone.now() - timedelta(hours=23))
        assert who_is_over(policy).words == "1 person"
        monkeypatch.setattr(over_cap, "MESSAGES", 41)
        assert who_is_over(policy) == over_cap.OverCap([], is_more=True)
        sent("USER-002", 5)
        assert who_is_over(policy).words == "at least 1 person"

    def test_reads_the_index_by_time_however_large_the_log(self, policy: CapPolicy) -> None:
        """A quarter of a million old messages and as many people cost nothing: only the day's are read."""
        old = timezone.now() - timedelta(days=3)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO campaigns_sendlog (grant_id, attempt, campaign_id, occurrence, user_id, channel, category,"
                " transactional, is_test, outcome, code, rule, count, used_by, policy_version, detail, provider_reference, at)"
                " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)"
                " SELECT 'old-' || i, 1, '', 1, 'U' || i, 'email', 'marketing', false, false, 'sent', '', '', 0, '[]',"
                " 0, '', '', %s FROM n",
                [old],
            )
        policy.max_per_day = 3
        query = over_query(policy, timezone.now() - WINDOW, timezone.now())
        assert query is not None
        assert re.search(r"SEARCH .*campaigns_sendlog.* USING INDEX campaigns_s_at", query.explain()), query.explain()
        begun = time.perf_counter()
        assert len(who_is_over(policy).people) == 10
        assert time.perf_counter() - begun < 0.5


class TestSettings:
    def test_a_change_is_a_version_and_what_makes_no_sense_names_its_field(self, site: Client) -> None:
        row = CampaignSettings.current()
        page = site.get(address(CampaignSettings, "changelist"), follow=True).content.decode()
        assert "SandboxProvider" in page
        assert "callboard@example.com" in page
        save(site, CampaignSettings, SETTINGS, row, approval_above="10", seen_version=row.version)
        row.refresh_from_db()
        assert (row.approval_above, row.version) == (10, 2)
        save(site, CampaignSettings, {**SETTINGS, "approval_above": "10"}, row)
        row.refresh_from_db()
        assert row.version == 2
        stale = save(site, CampaignSettings, SETTINGS, row, seen_version=1)
        assert "version 2 now" in errors_of(stale)["__all__"]
        for changes, field in (
            ({"batch_size": "900", "shard_size": "500"}, "batch_size"),
            ({"rate_per_minute": "0"}, "rate_per_minute"),
            ({"pause_error_percent": "101"}, "pause_error_percent"),
            ({"deferred_for_days": "0"}, "deferred_for_days"),
            ({"max_audience": ""}, "max_audience"),
        ):
            assert list(errors_of(save(site, CampaignSettings, SETTINGS, row, **changes))) == [field]

    def test_there_is_one_row_for_ever(self, site: Client) -> None:
        row = CampaignSettings.current()
        assert site.get(address(CampaignSettings, "add")).status_code == 403
        assert site.post(address(CampaignSettings, "delete", row.pk), {"post": "yes"}).status_code == 403


class TestTexts:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"body_text": ""}, "body_text"),
            ({"body_text": "{% load static %}"}, "body_text"),
            ({"body_text": "{{ password }}"}, "body_text"),
            ({"body_text": "{{ attributes.__class__ }}"}, "body_text"),
            ({"subject": ""}, "subject"),
            ({"subject": "{{ name|safe }}"}, "subject"),
            ({"body_html": "<a href={{ name }}>x</a>"}, "body_html"),
            ({"channel": "sms"}, "subject"),
            ({"channel": "push", "body_html": "<p>x</p>"}, "body_html"),
            ({"channel": "pigeon"}, "channel"),
        ],
    )
    def test_what_cannot_be_sent_is_refused(self, site: Client, changes: dict[str, Any], field: str) -> None:
        assert field in errors_of(save(site, Template, TEXT, **changes))
        assert not Template.objects.exists()

    def test_variables_that_some_have_not_are_named(self, site: Client) -> None:
        contact("USER-001", attributes={"plan": "pro"})
        contact("USER-002")
        page = save(site, Template, TEXT, body_text="On the {{ attributes.plan }} plan").content.decode()
        assert "1 contacts have no attributes.plan (USER-002)" in page
        assert Template.objects.exists()

    def test_a_preview_is_what_one_contact_would_get(self, site: Client) -> None:
        contact("USER-001", name="Amara <b>Okafor</b>", attributes={"plan": "pro"})
        contact("USER-002")
        body = "On the {{ attributes.plan }} plan {{ unsubscribe_url }}"
        save(site, Template, TEXT, body_text=body, body_html="<p>{{ name }}</p>")
        template = Template.objects.get()
        there = reverse("admin:campaigns_template_preview", args=[template.pk])
        assert there in site.get(address(Template, "change", template.pk)).content.decode()
        page = site.get(there, {"user_id": "USER-001"}).content.decode()
        assert "Hello Amara" in page
        assert "On the pro plan http" in page
        assert "<b>Okafor</b>" not in page
        assert "attributes.plan" in site.get(there, {"user_id": "USER-002"}).content.decode()
        assert "There is no contact USER-404" in site.get(there, {"user_id": "USER-404"}).content.decode()
        assert site.get(reverse("admin:campaigns_template_preview", args=[999])).status_code == 404

    def test_a_segment_says_how_many_are_in_it_and_what_is_wrong_with_its_filters(self, site: Client) -> None:
        contact("USER-001", locale="de")
        contact("USER-002")
        good = '{"filters": [{"field": "locale", "op": "is", "value": "de"}]}'
        save(site, Segment, {"name": "Germans", "description": "", "filters": good})
        segment = Segment.objects.get()
        assert segment.created_by == ADMINISTRATORS
        CapPolicy.objects.create(name="For Germans", segment=segment, max_per_day=1)
        page = site.get(address(Segment, "change", segment.pk)).content.decode()
        assert re.search(r"1 · <a href=[^>]+>For Germans</a>", page)
        for filters in ("[]", '{"filters": [{"field": "password", "op": "is", "value": "x"}]}', "{"):
            assert "filters" in errors_of(save(site, Segment, {"name": "X", "description": "", "filters": filters}))
