"""Writing a campaign in the browser: nothing that was typed is lost, and nobody writes over somebody else unawares."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from campaigns.models import Campaign, Segment, Template
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from tests.campaigns.contacts_of import contact
from tests.campaigns.pages import CID, PAGE, client_of, draft, key_in, saved, typed

pytestmark = pytest.mark.django_db
NEW = "/campaigns/new/"


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


class TestNew:
    def test_it_is_kept_once_however_often_it_is_sent(self) -> None:
        writer = client_of("writer")
        key = key_in(writer.get(NEW).content.decode())
        for _ in range(2):
            answer = writer.post(NEW, typed(idempotency_key=key))
        row = Campaign.objects.get()
        assertRedirects(answer, f"/campaigns/{row.campaign_id}/", fetch_redirect_response=False)
        assert (row.status, row.name, row.channel, row.audience, row.created_by) == (
            "draft", "Spring", "push", "all", "writer"
        )  # fmt: skip

    def test_all_of_it(self) -> None:
        Segment.objects.create(name="Members")
        contact("USER-001")
        client_of("writer").post(
            NEW,
            typed(
                audience_kind="named",
                user_ids=" USER-001,\nUSER-001 ;",
                when="again",
                recurs="0 9 * * 1",
                missed_runs="catch_up",
                starts_at="2026-12-01T09:30",
                ends_at="2027-03-01T00:00",
                rate_per_minute="240",
                defers="drop",
            ),
        )
        row = Campaign.objects.get()
        assert row.audience == {"user_ids": ["USER-001"]}
        assert (row.recurs, row.missed_runs, row.rate_per_minute, row.defers) == ("0 9 * * 1", "catch_up", 240, False)
        assert row.starts_at == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)  # half past nine in Berlin
        page = client_of("writer").get(f"/campaigns/{row.campaign_id}/edit/")
        assertContains(page, 'value="2026-12-01T09:30"')
        assertContains(page, "USER-001</textarea>")

    def test_how_late_it_may_begin_is_of_one_that_has_a_time(self) -> None:
        once = typed(when="once", starts_at="2026-12-01T09:30", late_minutes="45")
        client_of("writer").post(NEW, once)
        row = Campaign.objects.get()
        assert row.late_minutes == 45
        assertContains(client_of("writer").get(f"/campaigns/{row.campaign_id}/edit/"), 'name="late_minutes" value="45"')
        assertContains(
            client_of("writer").get(f"/campaigns/{row.campaign_id}/"), "left out if 45 minutes later or more"
        )
        client_of("writer").post(NEW, {**once, "when": "now", "idempotency_key": "another-key"})
        assert Campaign.objects.exclude(pk=row.pk).get().late_minutes is None

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"when": "once", "starts_at": "2026-12-02T09:00", "late_minutes": "0"}, "late_minutes"),
            ({"name": " "}, "name"),
            ({"channel": "pigeon"}, "channel"),
            ({"category": "No Name"}, "category"),
            ({"subject": ""}, "subject"),
            ({"subject": "{% now %}"}, "subject"),
            ({"body_text": "{{ password }}"}, "body_text"),
            ({"body_html": "<p>x</p>"}, "body_html"),
            ({"audience_kind": "segment"}, "segment"),
            ({"audience_kind": "segment", "segment": "gone"}, "segment"),
            ({"audience_kind": "named", "user_ids": " , "}, "user_ids"),
            ({"audience_kind": "named", "user_ids": "nobody"}, "user_ids"),
            ({"rate_per_minute": "0"}, "rate_per_minute"),
            ({"when": "once"}, "starts_at"),
            ({"when": "once", "starts_at": "yesterday"}, "starts_at"),
            ({"when": "again"}, "recurs"),
            ({"time_zone": "Mars/Phobos"}, "time_zone"),
            ({"when": "once", "starts_at": "2026-12-02T09:00", "ends_at": "2026-12-01T09:00"}, "ends_at"),
        ],
    )
    def test_what_makes_no_sense_is_said_at_its_field(self, changes: dict[str, Any], field: str) -> None:
        answer = client_of("writer").post(NEW, typed(**{"name": "Not to be lost", "body_text": "Nor this", **changes}))
        assertContains(answer, f'href="#f-{field}', status_code=422)
        assertContains(answer, f'id="f-{field}-error"', status_code=422)
        if "name" not in changes:
            assertContains(answer, 'value="Not to be lost"', status_code=422)
        assert Campaign.objects.count() == 0

    def test_nul_and_markup(self) -> None:
        answer = client_of("writer").post(NEW, typed(name="a\0b"))
        assert answer.status_code == 422
        answer = client_of("writer").post(NEW, typed(name="<script>alert(1)</script>", subject=""))
        assertNotContains(answer, "<script>alert", status_code=422)

    def test_transactional_needs_its_right(self) -> None:
        writer = client_of("writer")
        assertNotContains(writer.get(NEW), 'name="transactional"')
        writer.post(NEW, typed(transactional="on"))
        assert Campaign.objects.get().transactional is False
        User.objects.get().user_permissions.add(Permission.objects.get(codename="send_transactional"))
        assertContains(writer.get(NEW), 'name="transactional"')
        writer.post(NEW, typed(transactional="on", name="Receipt"))
        assert Campaign.objects.get(name="Receipt").transactional is True

    def test_who_has_marked_it_transactional_is_kept_and_shown(self) -> None:
        writer = client_of("writer")
        marker = User.objects.get()
        User.objects.filter(pk=marker.pk).update(first_name="Wilma", last_name="Rask")
        marker.user_permissions.add(Permission.objects.get(codename="send_transactional"))
        writer.post(NEW, typed(transactional="on", name="Receipt"))
        row = Campaign.objects.get()
        assert row.transactional_by == marker.username
        assert row.transactional_at is not None
        page = f"/campaigns/{row.campaign_id}/"
        assertContains(writer.get(page), "As Wilma Rask said")
        draft = {"transactional": "on", "name": "Receipt", "draft_version": "1"}
        writer.post(f"{page}edit/", typed(**draft, category="orders"))
        again = Campaign.objects.get()
        assert (again.category, again.transactional_at) == ("orders", row.transactional_at), "the first one said so"
        marker.user_permissions.remove(Permission.objects.get(codename="send_transactional"))
        writer.post(f"{page}edit/", typed(name="Receipt", draft_version="2"))
        gone = Campaign.objects.get()
        assert (gone.transactional, gone.transactional_by, gone.transactional_at) == (False, "", None)
        assertNotContains(writer.get(page), "Passes the cap")
        entries = LogEntry.objects.order_by("pk").values_list("user__username", "change_message", "object_repr")
        assert list(entries) == [
            (marker.username, "Transactional: no → yes", row.campaign_id),
            (marker.username, "Transactional: yes → no", row.campaign_id),
        ]

    def test_a_template_is_taken_without_losing_the_rest(self) -> None:
        Template.objects.create(
            name="Letter", channel="email", subject="Dear {{ name }}", body_text="From the template"
        )
        answer = client_of("writer").post(NEW, typed(do="template", template="Letter", name="Mine"))
        assertContains(answer, "From the template")
        assertContains(answer, 'value="Mine"')
        assert Campaign.objects.count() == 0

    def test_another_one_like_it(self) -> None:
        saved(row={"name": "Last year’s"})
        page = client_of("writer").get(f"{NEW}?like={CID}")
        assertContains(page, 'value="Last year’s"')
        assertNotContains(page, 'name="draft_version" value="1"')
        assert client_of("writer").get(f"{NEW}?like=CMP-none").status_code == 404

    def test_how_many_it_would_reach(self) -> None:
        contact("USER-001")
        contact("USER-002")
        writer = client_of("writer")
        assertContains(writer.post(f"{NEW}count/", {"audience_kind": "all"}), ">2</p>")
        named = {"audience_kind": "named", "user_ids": "USER-002 nobody"}
        assertContains(writer.post(f"{NEW}count/", named), ">1</p>")
        assertContains(writer.post(f"{NEW}count/", {"audience_kind": "segment", "segment": "gone"}), "Choose whom")


class TestEdit:
    def test_a_stale_draft_is_refused_and_keeps_what_was_typed(self) -> None:
        draft()
        writer = client_of("writer")
        assertContains(writer.get(f"{PAGE}edit/"), 'name="draft_version" value="1"')
        writer.post(f"{PAGE}edit/", typed(name="Theirs", draft_version="1"))
        answer = writer.post(f"{PAGE}edit/", typed(name="Mine", draft_version="1"))
        assertContains(answer, "Somebody has changed this draft since you opened it", status_code=409)
        assertContains(answer, 'value="Mine"', status_code=409)
        assertContains(answer, 'name="over" value="2"', status_code=409)
        assert Campaign.objects.get().name == "Theirs"
        writer.post(f"{PAGE}edit/", typed(name="Mine", draft_version="1", over="2"))
        assert (Campaign.objects.get().name, Campaign.objects.get().draft_version) == ("Mine", 3)

    def test_a_launched_one_is_fixed(self) -> None:
        saved()
        assertRedirects(client_of("writer").get(f"{PAGE}edit/"), PAGE, fetch_redirect_response=False)
        answer = client_of("writer").post(f"{PAGE}edit/", typed(draft_version="1"))
        assertContains(answer, "its texts and its audience are fixed", status_code=409)


class TestBeforeTheLaunch:
    def test_how_it_reads_for_one_contact(self) -> None:
        contact("USER-001", name="Amara <b>Okafor</b>")
        draft(body_html="<p>Dear {{ name }}</p>")
        client = client_of("marketer")
        page = client.get(f"{PAGE}preview/?user_id=USER-001")
        assertContains(page, "Hello Amara")
        assertContains(page, f'src="{PAGE}preview/USER-001/" sandbox=""')
        framed = client.get(f"{PAGE}preview/USER-001/")
        assertContains(framed, "Dear Amara &lt;b&gt;Okafor")
        policy = framed["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "script-src" not in policy
        assert framed["X-Frame-Options"] == "SAMEORIGIN"
        assert "frame-src 'self'" in page["Content-Security-Policy"]

    def test_what_somebody_has_not_is_named(self) -> None:
        contact("USER-001")
        draft(body_text="{{ attributes.plan }}")
        client = client_of("marketer")
        assertContains(client.get(f"{PAGE}preview/?user_id=USER-001"), "attributes.plan", status_code=422)
        page = client.get(f"{PAGE}trial/")
        assertContains(page, "<code>attributes.plan</code> is missing for 1 recipient")
        assertContains(client.get(f"{PAGE}preview/?user_id=gone"), "There is no contact gone.", status_code=422)
        answer = client.post(f"{PAGE}launch/", {"draft_version": "1"})
        assertContains(answer, "Text: 1 recipient has no attributes.plan", status_code=422)
        assert Campaign.objects.get().status == "draft"

    def test_the_launch_repeats_the_dry_run(self) -> None:
        contact("USER-001")
        contact("USER-002", email="")
        draft()
        client = client_of("marketer")
        for path in ("trial/", "launch/"):
            page = client.get(f"{PAGE}{path}")
            assertContains(page, "<b>1</b> now · <b>1</b> without an address · finishes about")
        assertContains(page, 'name="draft_version" value="1"')

    def test_what_was_changed_after_the_look_is_not_launched(self) -> None:
        contact("USER-001")
        draft(draft_version=2)
        answer = client_of("marketer").post(f"{PAGE}launch/", {"draft_version": "1"})
        assertContains(answer, "Somebody has changed this draft since you looked.", status_code=409)
        assert Campaign.objects.get().status == "draft"

    def test_an_audience_that_is_gone(self) -> None:
        draft(audience={"segment": "gone"})
        assertContains(client_of("marketer").get(f"{PAGE}trial/"), "There is no segment gone.", status_code=422)
