"""Contacts, cap policies, templates and campaigns as rows: what they refuse, and what they count."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.actor.state import ActorState
from campaigns.contract import Preferences, UserActorInput
from campaigns.models import Campaign, CampaignSettings, CapPolicy, Contact, PreferenceChange, Segment, Template
from campaigns.policies import policies_for, policy_for, policy_version
from tests.campaigns.contacts_of import contact


def of(plan: str) -> Segment:
    filters = {"filters": [{"field": "attributes.plan", "op": "is", "value": plan}]}
    return Segment.objects.create(name=plan, filters=filters)


@pytest.mark.django_db
class TestContact:
    @pytest.mark.parametrize(
        "fields",
        [
            {"user_id": "USER 1"},
            {"user_id": "a:b"},
            {"user_id": "USER-1\n"},
            {"user_id": ""},
            {"name": "A\r\nBcc: eve@example.com"},
            {"email": "a@example.com\r\nBcc: eve@example.com"},
            {"email": "nobody"},
            {"phone": "0170 1234567"},
            {"push_token": "a\nb"},
            {"locale": "English"},
            {"time_zone": "Mars/Olympus"},
            {"time_zone": "../../etc/passwd"},
            {"attributes": []},
            {"attributes": {"Plan": "x"}},
            {"attributes": {"a__b": "x"}},
            {"attributes": {"a": None}},
            {"attributes": {"a": ["x"]}},
            {"attributes": {"a": "x" * 501}},
            {"attributes": {"a": "\0"}},
            {"attributes": {f"a{number}": 1 for number in range(51)}},
            {"suppressed_channels": ["fax"]},
        ],
    )
    def test_refuses(self, fields: dict[str, Any]) -> None:
        with pytest.raises(ValidationError) as caught:
            Contact(**{"user_id": "USER-001", **fields}).full_clean()
        assert set(caught.value.message_dict) == set(fields)

    def test_may_know_little_of_somebody(self) -> None:
        Contact(user_id="USER-001").full_clean()

    def test_has_an_address_for_each_channel(self) -> None:
        row = contact()
        assert row.address_for("email") == "user-001@example.com"
        assert row.address_for("sms") == "+491700000001"
        assert row.address_for("push") == "token-USER-001"
        assert row.address_for("fax") == ""

    def test_the_history_is_never_rewritten(self) -> None:
        change = PreferenceChange.objects.create(user_id="USER-001", door="web", what="opted_out")
        with pytest.raises(ValueError, match="never rewritten"):
            change.save()


@pytest.mark.django_db
class TestCapPolicy:
    def test_each_change_of_any_raises_the_version_of_all(self) -> None:
        default = CapPolicy.objects.create(name="Default", is_default=True, max_per_day=3)
        other = CapPolicy.objects.create(name="Own", user_id="USER-001", max_per_day=1)
        assert (default.version, other.version, policy_version()) == (1, 2, 2)
        one, two = contact("USER-001"), contact("USER-002")
        assert {user: (cap.version, cap.max_per_day) for user, cap in policies_for([one, two]).items()} == {
            "USER-001": (2, 1),
            "USER-002": (2, 3),
        }
        other.delete()
        assert (policy_for(one).version, policy_for(one).max_per_day) == (3, 3)
        default.max_per_day = 4
        default.save(update_fields=["max_per_day"])
        default.refresh_from_db()
        assert default.version == policy_for(one).version == 4

    def test_a_persons_own_comes_before_the_segments_and_those_before_the_default_one(self) -> None:
        contacts = [
            contact("USER-001", attributes={"plan": "pro"}),
            contact("USER-002", attributes={"plan": "pro"}),
            contact("USER-003", attributes={"plan": "free"}),
            contact("USER-004"),
        ]
        CapPolicy.objects.create(name="Default", is_default=True, max_per_day=3)
        CapPolicy.objects.create(name="Pro", segment=of("pro"), max_per_day=5, priority=2)
        everybody = Segment.objects.create(
            name="Not the last", filters={"filters": [{"field": "attributes.plan", "op": "is_set"}]}
        )
        CapPolicy.objects.create(name="Some", segment=everybody, max_per_day=4, priority=3)
        CapPolicy.objects.create(name="Own", user_id="USER-001", max_per_day=0)
        CapPolicy.objects.create(name="Of nobody", max_per_day=100)
        found = policies_for(contacts)
        assert [found[one.user_id].max_per_day for one in contacts] == [0, 5, 4, 3]

    def test_brings_the_zone_that_is_known_here_to_an_actor_that_was_never_told_one(self) -> None:
        night: dict[str, Any] = {"quiet_from": time(21), "quiet_to": time(8), "time_zone": "UTC"}
        CapPolicy.objects.create(name="Default", is_default=True, **night)
        known, unknown = contact("USER-001", time_zone="Asia/Tokyo"), contact("USER-002", time_zone="")
        assert [policy_for(one).time_zone for one in (known, unknown)] == ["Asia/Tokyo", "UTC"]
        evening = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)  # 22:00 in Tokyo
        codes = []
        for one, told in ((known, ""), (unknown, ""), (known, "Europe/Berlin")):
            actor = ActorState(UserActorInput(one.user_id, Preferences(time_zone=told)), evening)
            codes.append(actor.judge_case("email", "marketing", policy_for(one), evening).code)
        assert codes == ["quiet_hours", "allowed", "allowed"]

    def test_without_any_there_is_no_rule(self) -> None:
        cap = policy_for(contact())
        assert (cap.version, cap.max_per_day, cap.min_hours_between, cap.quiet_hours) == (0, None, None, None)

    def test_carries_all_that_messages_do(self) -> None:
        row = CapPolicy.objects.create(
            name="All",
            max_per_day=0,
            min_hours_between=2.5,
            window="calendar",
            per_channel={"sms": 1},
            per_category={"news": 0},
            quiet_from=time(21),
            quiet_to=time(7, 30),
            count_transactional=True,
            time_zone="Europe/Berlin",
        )
        row.full_clean()
        cap = row.to_message()
        cap.check()
        assert (cap.max_per_day, cap.min_hours_between, cap.window, cap.per_channel) == (0, 2.5, "calendar", {"sms": 1})
        assert (cap.per_category, cap.count_transactional, cap.time_zone) == ({"news": 0}, True, "Europe/Berlin")
        assert cap.quiet_hours is not None
        assert (cap.quiet_hours.start, cap.quiet_hours.end) == ("21:00", "07:30")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"is_default": True, "user_id": "USER-001"}, "__all__"),
            ({"quiet_from": time(21)}, "quiet_to"),
            ({"quiet_from": time(21), "quiet_to": time(21)}, "quiet_to"),
            ({"max_per_day": 1_001}, "max_per_day"),
            ({"min_hours_between": -1}, "min_hours_between"),
            ({"per_channel": {"fax": 1}}, "per_channel"),
            ({"per_channel": {"sms": -1}}, "per_channel"),
            ({"per_channel": {"sms": True}}, "per_channel"),
            ({"per_category": {"News!": 1}}, "per_category"),
            ({"per_category": []}, "per_category"),
            ({"time_zone": "x"}, "time_zone"),
        ],
    )
    def test_refuses(self, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(ValidationError) as caught:
            CapPolicy(**{"name": "x", **fields}).full_clean()
        assert set(caught.value.message_dict) == {field}

    def test_there_is_one_default_one(self) -> None:
        CapPolicy.objects.create(name="Default", is_default=True)
        with pytest.raises(IntegrityError), transaction.atomic():
            CapPolicy.objects.create(name="Another", is_default=True)


@pytest.mark.django_db
class TestTemplate:
    def test_is_refused_with_the_field_that_is_wrong(self) -> None:
        with pytest.raises(ValidationError) as caught:
            Template(name="x", subject="Hello {{ settings.SECRET_KEY }}", body_text="x").full_clean()
        assert set(caught.value.message_dict) == {"subject"}

    def test_each_save_raises_its_version(self) -> None:
        template = Template.objects.create(name="x", subject="Hello", body_text="x")
        template.save()
        assert template.version == 2


@pytest.mark.django_db
class TestCampaign:
    def test_once_launched_its_counts_add_up(self) -> None:
        row = Campaign.objects.create(campaign_id="CMP-1", name="x", idempotency_key="k", audience_count=5)
        row.launched_at = timezone.now()
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()
        row.set_counts({"sent": 2, "denied": 1, "pending": 2})
        row.save()
        assert row.counts == {
            "audience": 5,
            "pending": 2,
            "sent": 2,
            "deferred": 0,
            "denied": 1,
            "failed": 0,
            "unknown": 0,
        }
        with pytest.raises(IntegrityError), transaction.atomic():
            Campaign.objects.filter(pk=row.pk).update(sent_count=3)

    def test_later_occurrences_carry_the_first_ones_id(self) -> None:
        first = Campaign.objects.create(campaign_id="CMP-1", name="x", idempotency_key="k")
        second = Campaign.objects.create(
            campaign_id="CMP-1-2", name="x", idempotency_key="k2", first=first, occurrence=2
        )
        assert (first.series_id, second.series_id) == ("CMP-1", "CMP-1")

    def test_settings_are_one_row_with_a_version(self) -> None:
        row = CampaignSettings.current()
        assert (row.approval_above, row.channels_on) == (1_000, ["email", "sms", "push"])
        row.sms_on = False
        row.save()
        assert (CampaignSettings.current().version, CampaignSettings.current().channels_on) == (2, ["email", "push"])
