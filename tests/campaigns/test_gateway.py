"""The gateway: drafts, launches, what a campaign would come to, and actors – rights before everything, once for each key."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns import gateway, holdings, preferences, projection, reconciler
from campaigns.actions import actions_for
from campaigns.contract import (
    By,
    CampaignStatus,
    Door,
    FrequencyCapInput,
    PreferencesInput,
    SendDecision,
    SendGrant,
    StopReport,
)
from campaigns.forms import ResumeForm
from campaigns.gateway import Draft, contacts, launching, recurring, series, starting, trying
from campaigns.live import page_of
from campaigns.models import Campaign, Contact, OptOut, SandboxMessage, Segment, SendLog
from campaigns.models.words import Outcome
from dashboard.roles import CAMPAIGN_WRITERS, MARKETERS, STAFF
from temporal_worker import client
from tests.campaigns.batches import actors_running, begin, cap, cid, configure, people, person, send, uid
from tests.campaigns.batches import campaign as launched
from tests.eventually import eventually
from tests.orders.at_once import at_once

pytestmark = [pytest.mark.django_db(transaction=True)]

TEXTS = {"subject": "Hello {{ first_name }}", "body_text": "Dear {{ name }}"}
PERSON = By("", Door.MAIL)


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


@pytest.fixture
def marketer(db: None) -> User:
    return _user("mara", MARKETERS)


@pytest.fixture
def writer(db: None) -> User:
    return _user("will", CAMPAIGN_WRITERS)


@pytest.fixture
def stranger(db: None) -> User:
    return _user("sten", STAFF)


def _user(name: str, role: str) -> User:
    user = User.objects.create_user(name, f"{name}@example.com")
    user.groups.add(Group.objects.get(name=role))
    return user


def draft(**fields: Any) -> Draft:
    return Draft(**{"name": "Spring", "channel": "push", **TEXTS, **fields})


def created(user: User, key: str = "k1", **fields: Any) -> str:
    return gateway.create_draft(user=user, draft=draft(**fields), key=key).campaign_id


class TestDrafts:
    def test_once_for_each_key(self, writer: User) -> None:
        views = at_once(5, lambda n: gateway.create_draft(user=writer, draft=draft(), key="k1"))
        assert len({view.campaign_id for view in views}) == 1
        assert views[0].status == CampaignStatus.DRAFT
        with pytest.raises(gateway.KeyReused):
            created(writer, name="Summer")

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "two\nlines"}, "name"),
            ({"channel": "pigeon"}, "channel"),
            ({"audience": "nobody"}, "audience"),
            ({"audience": {"user_ids": []}}, "audience.user_ids"),
            ({"audience": {"user_ids": ["gone"]}}, "audience.user_ids"),
            ({"audience": {"segment": "gone"}}, "audience"),
            ({"subject": "{% now %}"}, "subject"),
            ({"body_text": "{{ password }}"}, "body_text"),
            ({"category": "No Name"}, "category"),
            ({"rate_per_minute": 0}, "rate_per_minute"),
            ({"time_zone": "Mars"}, "time_zone"),
            ({"template": "gone"}, "template"),
        ],
    )
    def test_what_makes_no_sense_names_its_field(self, writer: User, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(gateway.InvalidRequest) as caught:
            created(writer, **fields)
        assert caught.value.field == field
        assert Campaign.objects.count() == 0

    @pytest.mark.django_db
    def test_no_category_is_both_marketing_and_transactional(self, writer: User) -> None:
        """Else one click under a newsletter would end receipts."""
        writer.user_permissions.add(Permission.objects.get(codename="send_transactional"))
        sender = User.objects.get(pk=writer.pk)
        created(sender, "a")
        created(sender, "b", transactional=True)
        created(sender, "c", category="offers")
        created(sender, "d", category="receipts", transactional=True)
        assert list(Campaign.objects.order_by("pk").values_list("category", flat=True)) == [
            "marketing", "transactional", "offers", "receipts",
        ]  # fmt: skip
        created(sender, "e", category="offers")
        for number, (category, transactional) in enumerate(
            [("marketing", True), ("transactional", False), ("offers", True), ("receipts", False)]
        ):
            with pytest.raises(gateway.InvalidRequest) as caught:
                created(sender, f"refused-{number}", category=category, transactional=transactional)
            assert caught.value.field == "category"
        only = Campaign.objects.get(category="receipts")
        other = draft(category="receipts", transactional=False)
        gateway.change_draft(only.campaign_id, user=sender, draft=other, draft_version=1)
        assert not Campaign.objects.get(category="receipts").transactional, "the only one of its category may change"

    @pytest.mark.django_db
    def test_a_change_of_an_older_draft_is_refused(self, writer: User) -> None:
        campaign_id = created(writer)
        gateway.change_draft(campaign_id, user=writer, draft=draft(name="Summer"), draft_version=1)
        with pytest.raises(gateway.CampaignRefused) as caught:
            gateway.change_draft(campaign_id, user=writer, draft=draft(name="Autumn"), draft_version=1)
        assert (caught.value.code, caught.value.extra) == ("stale", {"draft_version": 2})
        assert Campaign.objects.get().name == "Summer"

    @pytest.mark.django_db
    def test_rights(self, writer: User, marketer: User, stranger: User) -> None:
        with pytest.raises(gateway.NotPermitted):
            created(stranger)
        with pytest.raises(gateway.NotPermitted, match="transactional"):
            created(marketer, transactional=True)
        campaign_id = created(writer)
        with pytest.raises(gateway.CampaignNotFound):
            gateway.read_campaign(campaign_id, stranger)
        with pytest.raises(gateway.NotPermitted):
            gateway.launch(campaign_id, user=writer, door=Door.WEB, key="l1")
        with pytest.raises(gateway.NotPermitted):
            gateway.pause(campaign_id, user=writer, door=Door.WEB, key="p1")
        with pytest.raises(gateway.NotPermitted):
            gateway.stop_everything(user=writer, door=Door.WEB)
        with pytest.raises(gateway.CampaignRefused, match="draft"):
            gateway.pause(campaign_id, user=marketer, door=Door.WEB, key="p1")


class TestLaunch:
    """Without Temporal: what the row says, and that it is kept."""

    def launch(self, campaign_id: str, user: User, key: str = "l1") -> Any:
        return gateway.launch(campaign_id, user=user, door=Door.WEB, key=key)

    def test_is_kept_while_temporal_is_away_and_happens_once(self, marketer: User) -> None:
        people(3)
        configure(rate_per_minute=77, deferred_for_days=2)
        campaign_id = created(marketer)
        with pytest.raises(gateway.Unavailable, match="starts by itself"):
            self.launch(campaign_id, marketer)
        row = Campaign.objects.get()
        assert (row.status, row.launched_by, row.rate_per_minute) == (Campaign.STARTING, "mara", 77)
        assert row.ends_at is not None
        assert row.launched_at is not None
        assert row.ends_at - row.launched_at == timedelta(days=2)
        with pytest.raises(gateway.CampaignRefused) as caught:
            self.launch(campaign_id, marketer, key="l2")
        assert caught.value.code == "launched"
        with pytest.raises(gateway.CampaignRefused, match="fixed"):
            gateway.change_draft(campaign_id, user=marketer, draft=draft(), draft_version=1)

    def test_the_reconciler_starts_what_was_kept(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        campaign_id = created(marketer)
        Campaign.objects.update(launch_key="mara:l1")
        row = launching._write(Campaign.objects.get(), marketer, Door.WEB, "mara:l1")
        reconciler.start_launched_campaigns()  # too fresh: its launch may be under way
        assert _exists(campaign_id) is False
        Campaign.objects.update(launched_at=timezone.now() - timedelta(seconds=6))
        reconciler.start_launched_campaigns()
        assert _exists(campaign_id) is True
        assert row.status == Campaign.STARTING
        assert self.launch(campaign_id, marketer).campaign_id == campaign_id  # the same key: as it is

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("fields", "field", "words"),
        [
            ({"audience": {"segment": "none"}}, "audience", "Nobody"),
            ({"body_text": "{{ attributes.plan }}"}, "body_text", "2 recipients have no attributes.plan"),
            ({"ends_at": timezone.now() - timedelta(minutes=1)}, "ends_at", "over"),
        ],
    )
    def test_what_cannot_be_sent_is_found_before(
        self, marketer: User, fields: dict[str, Any], field: str, words: str
    ) -> None:
        people(2)
        person(3, attributes={"plan": "pro"})
        filters = {"filters": [{"field": "name", "op": "is", "value": "nobody"}]}
        Segment.objects.create(name="none", filters=filters)
        campaign_id = created(marketer, **fields)
        with pytest.raises(gateway.InvalidRequest, match=words) as caught:
            self.launch(campaign_id, marketer)
        assert caught.value.field == field
        assert Campaign.objects.get().status == CampaignStatus.DRAFT

    @pytest.mark.django_db
    def test_how_late_it_may_begin(self, marketer: User) -> None:
        people(1)
        soon = timezone.now() + timedelta(hours=1)
        row = Campaign.objects.get(campaign_id=created(marketer, starts_at=soon, late_minutes=30))
        launching.check_launch(row)
        by = By("ann", Door.WEB)
        assert starting.input_of(row, by).limits.late_seconds == 1_800
        row.starts_at = timezone.now() - timedelta(minutes=29)
        launching.check_launch(row)
        row.starts_at = timezone.now() - timedelta(minutes=31)
        with pytest.raises(gateway.InvalidRequest, match="more than 30 minutes ago") as problem:
            launching.check_launch(row)
        assert problem.value.field == "starts_at"
        row.late_minutes = None
        launching.check_launch(row)
        assert starting.input_of(row, by).limits.late_seconds is None

    def test_a_segment_that_has_gone_and_a_channel_that_is_off(self, marketer: User) -> None:
        people(1)
        Segment.objects.create(name="few")
        campaign_id = created(marketer, audience={"segment": "few"})
        Segment.objects.all().delete()
        with pytest.raises(gateway.InvalidRequest, match="no segment few"):
            self.launch(campaign_id, marketer)
        configure(push_on=False)
        with pytest.raises(gateway.CampaignRefused, match="switched off"):
            self.launch(campaign_id, marketer)


class TestRecurring:
    """With a server and no worker: rows and Schedules."""

    def test_each_time_has_one_occurrence_and_the_first_is_the_launched_row(
        self, marketer: User, temporal_server: Any
    ) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *", time_zone="Europe/Berlin")
        view = gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        assert (view.status, gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1").status) == (
            "scheduled",
            "scheduled",
        )
        row = Campaign.objects.get()
        assert len(recurring.next_times(row)) > 1
        times = [timezone.now() + timedelta(days=day) for day in range(3)]
        started = [gateway.start_occurrence(campaign_id, moment) for moment in (times[0], times[1], times[1], times[0])]
        names = [f"campaign-{campaign_id}", f"campaign-{campaign_id}-2"]
        assert started == [names[0], names[1], names[1], names[0]]
        assert [_exists(name.removeprefix("campaign-")) for name in names] == [True, True]
        second = Campaign.objects.get(occurrence=2)
        assert (second.series_id, second.body_text, second.draft_version) == (campaign_id, row.body_text, 1)
        assert second.start_input["mailing"]["series_id"] == campaign_id
        assert second.start_input["limits"]["late_seconds"] == 60

    def test_stopped_with_everything_no_time_begins_until_it_is_resumed(
        self, marketer: User, temporal_server: Any
    ) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        for _ in range(2):
            entries = series.pause_all_times("ann: Wrong prices.")
        assert [(one.workflow_id, one.state) for one in entries] == [(f"campaign-{campaign_id}", "times_paused")]
        assert _schedule_state(campaign_id) == (True, "ann: Wrong prices.")
        assert gateway.start_occurrence(campaign_id, timezone.now()) == ""
        gateway.resume(campaign_id, user=marketer, door=Door.WEB, key="r1")
        assert _schedule_state(campaign_id)[0] is False
        assert gateway.start_occurrence(campaign_id, timezone.now()) == f"campaign-{campaign_id}"

    def test_an_occurrence_that_was_written_does_not_start_once_its_times_are_paused(
        self, marketer: User, temporal_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The stop comes between its row and its workflow; it begins when somebody lets the times come again."""
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        times = [timezone.now() + timedelta(days=day) for day in range(2)]
        with monkeypatch.context() as crashing:
            crashing.setattr(starting, "start", _crash)
            for moment in times:
                with pytest.raises(RuntimeError):
                    gateway.start_occurrence(campaign_id, moment)
        series.pause_all_times("ann: Wrong prices.")
        assert [gateway.start_occurrence(campaign_id, moment) for moment in times] == ["", ""]
        Campaign.objects.update(launched_at=timezone.now() - timedelta(minutes=1))
        assert gateway.finish_starting_campaigns() == 0
        names = list(Campaign.objects.values_list("campaign_id", flat=True))
        assert [_exists(name) for name in names] == [False, False]
        series.let_times_come(Campaign.objects.get(first=None), "ann")
        assert gateway.finish_starting_campaigns() == 2
        assert [_exists(name) for name in names] == [True, True]

    @pytest.mark.parametrize("is_there", [False, True])
    def test_stopped_while_it_is_being_launched(
        self, marketer: User, temporal_server: Any, monkeypatch: pytest.MonkeyPatch, is_there: bool
    ) -> None:
        """Its Schedule may not be there yet, or just be: it is paused either way, and its series has not ended."""
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        with monkeypatch.context() as crashing:
            crashing.setattr(launching, "start", _crash)
            with pytest.raises(RuntimeError):
                gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        launched = Campaign.objects.get()
        if is_there:
            recurring.ensure_schedule(launched)
        entries = series.pause_all_times("ann: Wrong prices.")
        assert [(one.workflow_id, one.state) for one in entries] == [(f"campaign-{campaign_id}", "times_paused")]
        starting.start(launched)  # as it read the row before the stop
        row = Campaign.objects.get()
        assert (row.status, row.times_ended_at, row.times_paused_at is None) == ("scheduled", None, False)
        assert _schedule_state(campaign_id) == (True, "ann: Wrong prices.")
        gateway.resume(campaign_id, user=marketer, door=Door.WEB, key="r1")
        assert _schedule_state(campaign_id)[0] is False

    def test_ended_between_two_times(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        gateway.start_occurrence(campaign_id, timezone.now())
        row = Campaign.objects.get()
        Campaign.objects.update(status=CampaignStatus.COMPLETED)
        cancel = next(one for one in actions_for(page_of(Campaign.objects.get()), marketer) if one.name == "cancel")
        assert cancel.allowed
        gateway.cancel(campaign_id, user=marketer, door=Door.WEB, key="c1")
        assert recurring.next_times(row) == []
        assert gateway.start_occurrence(campaign_id, timezone.now() + timedelta(days=1)) == ""
        assert series.pause_all_times("ann") == []
        cancel = next(one for one in actions_for(page_of(Campaign.objects.get()), marketer) if one.name == "cancel")
        assert not cancel.allowed

    def test_it_is_known_when_it_comes_again(self, marketer: User, temporal_server: Any, monkeypatch: Any) -> None:
        """Asked for when it is launched, when a time has come, and when they come again; no list and no page asks Temporal."""
        people(1)
        last = (timezone.now() + timedelta(days=20)).replace(microsecond=0)
        # Half a day away, whenever this runs: no time comes between two looks at the Schedule.
        far = timezone.now() + timedelta(hours=12)
        campaign_id = created(marketer, recurs=f"{far.minute} {far.hour} * * *", ends_at=last)
        with monkeypatch.context() as away:
            away.setattr(starting, "note_next_time", _out_of_reach)
            gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        row = Campaign.objects.get()
        assert row.next_time_at is not None
        assert row.next_time_at <= timezone.now()
        reconciler.note_next_times()
        row.refresh_from_db()
        assert [row.next_time_at] == recurring.next_times(row)[:1]
        assert page_of(row).times_end_at == last
        gateway.start_occurrence(campaign_id, row.next_time_at)
        Campaign.objects.update(status=CampaignStatus.COMPLETED, next_time_at=timezone.now())
        Campaign.objects.update(times_paused_at=timezone.now())
        assert series.note_next_times() == 0
        Campaign.objects.update(times_paused_at=None)
        before = Campaign.objects.get().change
        assert (series.note_next_times(), series.note_next_times()) == (1, 0)
        row.refresh_from_db()
        assert [row.next_time_at] == recurring.next_times(row)[:1]
        assert row.change > before
        page = page_of(row)
        assert (page.times_end_at, page.own_end_at == last, page.status.word) == (
            last,
            False,
            "Waits for its next time",
        )
        recurring.end_schedule(row)
        Campaign.objects.update(next_time_at=timezone.now())
        series.note_next_times()
        page = page_of(Campaign.objects.get())
        assert (page.row.next_time_at, page.status.word, page.has_times_to_come) == (None, "Completed", False)

    def test_between_two_times_they_can_be_paused_and_come_again(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        asked = {"user": marketer, "door": Door.WEB}
        for status in (CampaignStatus.SCHEDULED, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED):
            Campaign.objects.update(status=status)
            page = page_of(Campaign.objects.get())
            offered = {one.name: one.allowed for one in actions_for(page, marketer)}
            assert (offered["pause"], offered["cancel"], offered["rate"]) == (True, True, False)
            gateway.pause(campaign_id, reason="Wrong prices.", key=f"p-{status}", **asked)
            page = page_of(Campaign.objects.get())
            assert (page.status.word, page.row.times_paused_why) == ("Paused", "mara: Wrong prices.")
            assert _schedule_state(campaign_id) == (True, "mara: Wrong prices.")
            assert gateway.start_occurrence(campaign_id, timezone.now()) == ""
            assert next(one for one in actions_for(page, marketer) if one.name == "resume").allowed
            gateway.resume(campaign_id, key=f"r-{status}", **asked)
            row = Campaign.objects.get()
            assert _schedule_state(campaign_id)[0] is False
            assert (row.times_paused_at, row.times_paused_why, page_of(row).status.word == "Paused") == (
                None,
                "",
                False,
            )
        assert gateway.start_occurrence(campaign_id, timezone.now())

    def test_an_occurrence_goes_on_alone_and_its_series_stays_paused(
        self, marketer: User, temporal_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        for day in range(2):
            gateway.start_occurrence(campaign_id, timezone.now() + timedelta(days=day))
        first, second = Campaign.objects.order_by("occurrence")
        Campaign.objects.filter(pk=first.pk).update(status=CampaignStatus.COMPLETED)
        asked = {"user": marketer, "door": Door.WEB}
        gateway.pause(campaign_id, reason="Wrong prices.", key="p1", **asked)
        told, view = [], projection.load_view(second)

        async def execute(workflow_id: str, update: str, *more: Any, **how: Any) -> Any:
            told.append((workflow_id, update))
            return view

        monkeypatch.setattr(client, "execute_update", execute)
        Campaign.objects.filter(pk=second.pk).update(status=CampaignStatus.PAUSED)
        gateway.resume(second.campaign_id, key="r1", **asked)
        assert told == [(f"campaign-{campaign_id}-2", "resume")]
        assert _schedule_state(campaign_id)[0] is True
        assert Campaign.objects.get(pk=first.pk).times_paused_at is not None
        words = _words_of_resume(second.pk, marketer)
        assert "The further times of its series stay paused" in words
        # One that was written and is held back has nothing of its own to resume.
        Campaign.objects.filter(pk=second.pk).update(status=Campaign.STARTING)
        with pytest.raises(gateway.CampaignRefused, match=f"resume {campaign_id}") as caught:
            gateway.resume(second.campaign_id, key="r2", **asked)
        assert caught.value.code == "not_paused"
        assert _schedule_state(campaign_id)[0] is True
        gateway.resume(campaign_id, key="r3", **asked)
        assert _schedule_state(campaign_id)[0] is False

    @pytest.mark.parametrize(
        ("was", "said"),
        [
            (CampaignStatus.SCHEDULED, "its first time has not come"),
            (CampaignStatus.COMPLETED, "its first time is over"),
            (CampaignStatus.CANCELLED, "its first time is over"),
        ],
    )
    def test_refusals_between_two_times_agree_with_the_status_that_is_shown(
        self, marketer: User, temporal_server: Any, was: str, said: str
    ) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        planned_at = None if was == CampaignStatus.SCHEDULED else timezone.now()
        Campaign.objects.update(status=was, planned_at=planned_at)
        with pytest.raises(gateway.CampaignRefused, match=r"It is not paused; it is scheduled\.") as caught:
            gateway.resume(campaign_id, user=marketer, door=Door.API, key="r1")
        assert caught.value.code == "not_paused"
        with pytest.raises(gateway.CampaignRefused, match=f"Nothing of it runs now: {said}") as caught:
            gateway.set_rate(campaign_id, user=marketer, door=Door.API, per_minute=5, key="s1")
        assert caught.value.code == "between_times"

    def test_a_pause_of_its_times_is_done_once_for_each_key_and_says_whose_it_is(
        self, marketer: User, temporal_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        Campaign.objects.update(status=CampaignStatus.COMPLETED, planned_at=timezone.now())
        other = _user("bob", MARKETERS)

        def pause(user: User, reason: str, key: str) -> str:
            return gateway.pause(campaign_id, user=user, door=Door.API, reason=reason, key=key).status

        with monkeypatch.context() as away:
            away.setattr(series, "_tell", _out_of_reach)
            with pytest.raises(gateway.Unavailable):
                pause(marketer, "Wrong prices.", "p1")
        assert _schedule_state(campaign_id)[0] is False
        first = pause(marketer, "Wrong prices.", "p1")
        since = Campaign.objects.get().times_paused_at
        assert pause(marketer, "Wrong prices.", "p1") == first
        for who, key in ((other, "p1"), (other, "p2"), (marketer, "p3")):
            with pytest.raises(gateway.CampaignRefused, match=r"It is paused already: mara: Wrong prices\.") as caught:
                pause(who, "Something else.", key)
            assert caught.value.code == "already_paused"
        row = Campaign.objects.get()
        assert (row.times_paused_at, row.times_paused_why) == (since, "mara: Wrong prices.")
        assert _schedule_state(campaign_id) == (True, "mara: Wrong prices.")

        asked = {"user": other, "door": Door.API}
        resumed = [gateway.resume(campaign_id, key="r1", **asked).status for _ in range(2)]
        assert resumed == [CampaignStatus.COMPLETED] * 2
        # Come late, neither undoes what was done since.
        pause(marketer, "Wrong prices.", "p1")
        assert _schedule_state(campaign_id)[0] is False
        pause(other, "", "p4")
        gateway.resume(campaign_id, key="r1", **asked)
        assert _schedule_state(campaign_id) == (True, "bob")
        gateway.resume(campaign_id, key="r2", **asked)
        assert Campaign.objects.get().times_paused_at is None

    def test_a_pause_of_what_has_no_times_any_more_says_so(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        Campaign.objects.update(status=CampaignStatus.COMPLETED)
        recurring.end_schedule(Campaign.objects.get())
        with pytest.raises(gateway.CampaignRefused, match="completed already"):
            gateway.pause(campaign_id, user=marketer, door=Door.WEB, key="p1")
        row = Campaign.objects.get()
        assert (row.times_paused_at, row.next_time_at, row.times_ended_at is None) == (None, None, False)

    def test_an_approval_that_was_asked_for_first_is_asked_for_at_each_of_its_times(
        self, marketer: User, temporal_server: Any
    ) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1", asks_first=True)
        for day in range(2):
            assert gateway.start_occurrence(campaign_id, timezone.now() + timedelta(days=day))
        above = [row.start_input["limits"]["approval_above"] for row in Campaign.objects.order_by("occurrence")]
        assert above == [0, 0]

    @pytest.mark.parametrize("status", [CampaignStatus.CANCELLED, CampaignStatus.COMPLETED])
    def test_whatever_became_of_its_first_time_the_next_begins(
        self, marketer: User, temporal_server: Any, status: str
    ) -> None:
        """It was skipped, say, or not approved."""
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        gateway.start_occurrence(campaign_id, timezone.now())
        Campaign.objects.update(status=status, reason="It could not begin within 60 seconds.")
        assert page_of(Campaign.objects.get()).has_times_to_come
        cancel = next(one for one in actions_for(page_of(Campaign.objects.get()), marketer) if one.name == "cancel")
        assert cancel.allowed
        tomorrow = timezone.now() + timedelta(days=1)
        assert gateway.start_occurrence(campaign_id, tomorrow) == f"campaign-{campaign_id}-2"
        assert [one.workflow_id for one in series.pause_all_times("ann")] == [f"campaign-{campaign_id}"]

    def test_between_two_times_it_keeps_its_segment_and_is_on_its_persons_name(
        self, marketer: User, temporal_server: Any
    ) -> None:
        people(1, locale="de")
        filters = {"filters": [{"field": "locale", "op": "starts_with", "value": "de"}]}
        segment = Segment.objects.create(name="few", filters=filters)
        campaign_id = created(marketer, recurs="0 9 * * *", audience={"segment": "few"})
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        gateway.start_occurrence(campaign_id, timezone.now())
        Campaign.objects.update(status=CampaignStatus.COMPLETED)
        assert "Spring" in contacts.why_not_deleted(segment)
        with pytest.raises(gateway.CampaignRefused, match="few"):
            contacts.save_segment(Segment(pk=segment.pk, name="many", filters=filters), user=marketer)
        assert holdings.held_by(marketer) == ["Campaigns under way that they launched: 1. Those go on."]
        gateway.cancel(campaign_id, user=marketer, door=Door.WEB, key="c1")
        assert contacts.why_not_deleted(segment) == ""
        assert holdings.held_by(marketer) == []
        assert contacts.save_segment(Segment(pk=segment.pk, name="many", filters=filters), user=marketer).name == "many"

    def test_cancelled_before_its_first_time(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        campaign_id = created(marketer, recurs="0 9 * * *")
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        assert gateway.cancel(campaign_id, user=marketer, door=Door.WEB, key="c1").status == "cancelled"
        assert recurring.next_times(Campaign.objects.get()) == []
        assert gateway.start_occurrence(campaign_id, timezone.now()) == ""

    def test_what_is_no_time_is_a_draft_again(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        campaign_id = created(marketer, recurs="whenever")
        with pytest.raises(gateway.InvalidRequest) as caught:
            gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        assert caught.value.field == "recurs"
        assert Campaign.objects.get().status == CampaignStatus.DRAFT


def _out_of_reach(*args: Any, **how: Any) -> None:
    raise gateway.Unavailable("Temporal is out of reach.")


def _words_of_resume(pk: int, user: User) -> str:
    form = ResumeForm()
    form.prepare(page_of(Campaign.objects.select_related("first").get(pk=pk)), user)
    return str(form.intro)


def _crash(*args: Any) -> None:
    raise RuntimeError("the process ends here")


def _schedule_state(campaign_id: str) -> tuple[bool, str | None]:
    async def ask() -> tuple[bool, str | None]:
        handle = (await client.aget_client()).get_schedule_handle(f"campaign-{campaign_id}")
        state = (await handle.describe()).schedule.state
        return state.paused, state.note

    return client.call(ask())


def _exists(campaign_id: str) -> bool:
    async def ask() -> bool:
        handle = (await client.aget_client()).get_workflow_handle(f"campaign-{campaign_id}")
        try:
            await handle.describe()
        except Exception:
            return False
        return True

    return client.call(ask())


class TestActing:
    def test_the_update_id_is_made_of_who_the_key_and_what(self, marketer: User, monkeypatch: Any) -> None:
        people(1)
        row = launched(status="running")
        ids: list[str] = []

        async def refuse(workflow_id: str, update: str, message: Any, *, update_id: str, **more: Any) -> Any:
            ids.append(update_id)
            raise ApplicationError("It is paused already.", type="already_paused")

        monkeypatch.setattr(client, "execute_update", refuse)
        for key in ("a", "a", "b"):
            with pytest.raises(gateway.CampaignRefused) as caught:
                gateway.pause(row.campaign_id, user=marketer, door=Door.API, reason="why", key=key)
            assert caught.value.code == "already_paused"
        assert ids[0] == ids[1] != ids[2]
        assert ids[0].startswith("api:mara:a:")
        with pytest.raises(gateway.InvalidRequest):
            gateway.set_rate(row.campaign_id, user=marketer, door=Door.API, per_minute=0, key="c")

    def test_one_that_is_over_says_so(self, marketer: User, temporal_server: Any) -> None:
        people(1)
        row = launched(status="cancelled")
        with pytest.raises(gateway.CampaignRefused) as caught:
            gateway.resume(row.campaign_id, user=marketer, door=Door.WEB, key="a")
        assert caught.value.code == "cancelled"


@pytest.mark.usefixtures("worker")
class TestTrying:
    def test_a_dry_run_tells_who_gets_it_now_later_and_not_and_starts_nobody(self, marketer: User) -> None:
        cap(1)
        people(5)
        person(6, push_token="")
        preferences.record_opt_out(uid(5), by=PERSON)
        send(launched(1, audience={"user_ids": [uid(1), uid(2)]}))  # two have had theirs
        before = actors_running()
        campaign_id = created(marketer, rate_per_minute=1)
        run = gateway.dry_run(campaign_id, user=marketer)
        assert (run.audience, run.now, run.deferred) == (6, 2, 2)
        assert run.denied == {"missing_address": 1, "opted_out": 1}
        assert run.examples["cap_day"] == [uid(1), uid(2)]
        assert run.finishes_at is not None
        assert timedelta(seconds=110) < run.finishes_at - timezone.now() < timedelta(seconds=121)
        assert run.last_deferred_at is not None
        assert not run.is_sampled
        assert actors_running() == before

    def test_a_large_audience_is_reckoned_from_a_sample_that_adds_up(self, marketer: User, monkeypatch: Any) -> None:
        monkeypatch.setattr(trying, "SAMPLE", 10)
        cap(None)
        people(20)
        person(21, push_token="")
        run = gateway.dry_run(created(marketer), user=marketer)
        assert (run.is_sampled, run.looked_at, run.audience) == (True, 10, 21)
        assert run.now + run.deferred + sum(run.denied.values()) == 21
        assert actors_running() == set()

    def test_a_preview_and_a_test_to_oneself_that_counts_for_nobody(self, marketer: User) -> None:
        cap(1)
        person(1)
        campaign_id = created(marketer, channel="email")
        assert gateway.preview(campaign_id, user=marketer, user_id=uid(1)).subject == "Hello Amara"
        for _ in range(2):
            address = gateway.test_send(campaign_id, user=marketer, user_id=uid(1), key="t1")
        assert address == "mara@example.com"
        [sent] = mail.outbox
        assert (sent.subject, sent.to) == ("[Test] Hello Amara", ["mara@example.com"])
        assert "List-Unsubscribe" not in sent.extra_headers
        assert SendLog.objects.get().is_test
        assert gateway.would_be_allowed(uid(1), user=marketer, channel="email").allowed
        assert actors_running() == set()


@pytest.mark.usefixtures("worker")
class TestActors:
    def test_reading_starts_nobody(self, marketer: User, stranger: User) -> None:
        cap(3)
        person(1)
        reading = gateway.read_actor(uid(1), user=marketer)
        assert (reading.source, reading.view.count, reading.view.next_allowed_at.keys()) == (
            "seed",
            0,
            {"email", "sms", "push"},
        )
        assert gateway.would_be_allowed(uid(1), user=marketer, channel="sms").limit == 3
        assert actors_running() == set()
        with pytest.raises(gateway.ContactNotFound):
            gateway.read_actor(uid(1), user=stranger)

    def test_a_program_asks_under_ids_of_its_own(self, marketer: User) -> None:
        cap(1)
        person(1)
        ask = {"user": marketer, "channel": "sms"}
        first = gateway.request_send(uid(1), grant_id=f"{cid()}:1:{uid(1)}", **ask)
        assert isinstance(first, SendGrant)
        assert first.grant_id == f"{cid()}:1:{uid(1)}"
        assert gateway.request_send(uid(1), grant_id=f"{cid()}:1:{uid(1)}", **ask) == first
        refused = gateway.request_send(uid(1), grant_id="b", **ask)
        assert isinstance(refused, SendDecision)
        assert (refused.code, refused.grant_id) == ("cap_day", "b")
        reading = gateway.read_actor(uid(1), user=marketer)
        assert reading.source == "temporal"
        assert [one.grant_id for one in reading.view.sends_in_window] == [f"api:mara/{uid(1)}:{cid()}:1:{uid(1)}"]
        assert not gateway.would_be_allowed(uid(1), user=marketer, channel="sms").allowed
        with pytest.raises(gateway.NotPermitted):
            gateway.request_send(uid(1), grant_id="c", transactional=True, **ask)

    def test_a_stampede_grants_what_the_cap_leaves(self, marketer: User) -> None:
        cap(3)
        person(1)
        result = gateway.stampede(uid(1), user=marketer, requests=30, channel="push", key="s1")
        assert (len(result.granted), len(result.refused), result.unanswered) == (3, 27, 0)
        assert {one.code for one in result.refused} == {"cap_day"}
        assert gateway.read_actor(uid(1), user=marketer).view.count == 3
        assert SandboxMessage.objects.count() == 0

    def test_wishes_and_an_own_cap_are_kept_here_and_there(self, marketer: User, writer: User) -> None:
        cap(3)
        person(1)
        wish = PreferencesInput(time_zone="Asia/Tokyo", opted_out_channels=["sms"])
        with pytest.raises(gateway.NotPermitted):
            gateway.set_preferences(uid(1), user=writer, wish=wish, door=Door.WEB, key="p1")
        for _ in range(2):
            view = gateway.set_preferences(uid(1), user=marketer, wish=wish, door=Door.WEB, key="p1")
        assert (view.preferences.time_zone, view.opted_out_channels) == ("Asia/Tokyo", ["sms"])
        assert Contact.objects.get().time_zone == "Asia/Tokyo"
        assert OptOut.objects.get().version == view.version
        own = gateway.set_cap(uid(1), user=marketer, cap=FrequencyCapInput(max_per_day=0), door=Door.WEB, key="c1")
        assert own.cap is not None
        assert own.cap.max_per_day == 0
        decision = gateway.would_be_allowed(uid(1), user=marketer, channel="push")
        assert (decision.allowed, decision.own_cap) == (False, True)
        cleared = gateway.set_cap(uid(1), user=marketer, cap=FrequencyCapInput(cleared=True), door=Door.WEB, key="c2")
        assert cleared.own_cap is None

    def test_an_opt_out_counts_at_once_and_its_actor_hears_of_it(self, marketer: User, monkeypatch: Any) -> None:
        cap(3)
        person(1)
        gateway.request_send(uid(1), user=marketer, channel="push", grant_id="a")
        assert gateway.opt_out(uid(1), by=PERSON, channel="push")
        assert not gateway.opt_out(uid(1), by=PERSON, channel="push")
        assert gateway.read_actor(uid(1), user=marketer).view.opted_out_channels == ["push"]
        assert gateway.opt_in(uid(1), by=PERSON, channel="push")
        assert gateway.read_actor(uid(1), user=marketer).view.opted_out_channels == []
        assert OptOut.objects.count() == 0

        async def away(*args: Any, **more: Any) -> None:
            raise client.TemporalUnavailable("away")

        with monkeypatch.context() as outage:
            outage.setattr(client, "signal", away)
            assert gateway.opt_out(uid(1), by=PERSON, channel="sms")
            decision = gateway.would_be_allowed(uid(1), user=marketer, channel="sms")
            assert decision.code == "opted_out"
            assert gateway.tell_opt_outs() == 0
        assert gateway.tell_opt_outs() == 1
        assert gateway.tell_opt_outs() == 0
        assert gateway.read_actor(uid(1), user=marketer).view.opted_out_channels == ["sms"]


@pytest.mark.usefixtures("worker")
class TestWhole:
    """A launched campaign, with its workflow, its shards and its batches."""

    def test_from_the_draft_to_the_last_message(self, marketer: User) -> None:
        cap(None)
        people(12)
        preferences.record_opt_out(uid(12), by=PERSON)
        campaign_id = created(marketer)
        view = gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        assert view.campaign_id == campaign_id
        row = eventually(lambda: Campaign.objects.filter(status="completed").first(), timeout=30)
        assert row is not None
        assert row.counts == {"audience": 12, "sent": 11, "denied": 1} | dict.fromkeys(
            ("deferred", "failed", "unknown", "pending"), 0
        )
        assert row.denied_by_reason == {"opted_out": 1}
        assert SandboxMessage.objects.count() == 11
        with pytest.raises(gateway.CampaignRefused) as caught:
            gateway.pause(campaign_id, user=marketer, door=Door.WEB, key="p1")
        assert caught.value.code == "completed"

    def test_paused_no_message_begins_until_it_is_resumed(self, marketer: User) -> None:
        cap(None)
        people(6)
        campaign_id = created(marketer, rate_per_minute=60)
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        eventually(lambda: SandboxMessage.objects.exists(), timeout=20)
        assert gateway.pause(campaign_id, user=marketer, door=Door.WEB, key="p1").status == "paused"
        # A grant that the pause makes it give back is in the log as well, without a message.
        messages = SendLog.objects.exclude(outcome=Outcome.RELEASED)
        begun = messages.count()
        time.sleep(1.3)  # more than one turn of its rate
        assert messages.count() == begun < 6
        assert (
            gateway.set_rate(campaign_id, user=marketer, door=Door.WEB, per_minute=6_000, key="r1").status == "paused"
        )
        gateway.resume(campaign_id, user=marketer, door=Door.WEB, key="u1")
        eventually(lambda: Campaign.objects.filter(status="completed").exists(), timeout=30)
        assert sorted(SandboxMessage.objects.values_list("user_id", "calls")) == [(uid(n), 1) for n in range(1, 7)]

    def test_stop_everything_tells_who_has_stopped(self, marketer: User) -> None:
        people(4)
        campaign_id = created(marketer, rate_per_minute=1)
        gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        eventually(lambda: Campaign.objects.filter(status="running").exists(), timeout=20)
        stop_id = gateway.stop_everything(user=marketer, door=Door.WEB, reason="A wrong link.", key="s1")
        assert gateway.stop_everything(user=marketer, door=Door.WEB, reason="A wrong link.", key="s1") == stop_id
        report = eventually(lambda: _done(stop_id, marketer), timeout=20)
        assert [(one.workflow_id, one.state) for one in report.entries] == [(f"campaign-{campaign_id}", "stopped")]
        assert gateway.read_campaign(campaign_id, marketer).view.status == "paused"

    def test_stop_everything_holds_what_is_launched_and_not_started(
        self, marketer: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its row is written and nothing else: whoever starts it afterwards comes second."""
        people(4)
        campaign_id = created(marketer)
        with monkeypatch.context() as crashing:
            crashing.setattr(launching, "start", _crash)
            with pytest.raises(RuntimeError):
                gateway.launch(campaign_id, user=marketer, door=Door.WEB, key="l1")
        launched = Campaign.objects.get()
        assert launched.status == Campaign.STARTING
        stop_id = gateway.stop_everything(user=marketer, door=Door.WEB, reason="A wrong link.", key="s2")
        report = eventually(lambda: _done(stop_id, marketer), timeout=20)
        starting.start(launched)
        assert [(one.workflow_id, one.state, one.status) for one in report.entries] == [
            (f"campaign-{campaign_id}", "stopped", "paused")
        ]
        eventually(lambda: Campaign.objects.filter(status="paused").exists(), timeout=20)
        assert (SendLog.objects.count(), Campaign.objects.get().reason) == (0, "A wrong link.")
        gateway.resume(campaign_id, user=marketer, door=Door.WEB, key="r1")
        eventually(lambda: Campaign.objects.filter(status="completed", sent_count=4).exists(), timeout=30)


def _done(stop_id: str, user: User) -> StopReport | None:
    report = gateway.read_stop(stop_id, user=user)
    return report if report.is_done else None
