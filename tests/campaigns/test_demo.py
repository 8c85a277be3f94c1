import pytest
from django.apps import apps
from django.db.models import Q

from campaigns import demo_campaigns
from campaigns.channels.sandbox import fate_of
from campaigns.contract import CampaignEvent
from campaigns.demo import demo_contact, load_demo_audience
from campaigns.demo_imports import start_demo_imports
from campaigns.models import AudienceImport, Campaign, CapPolicy, Contact, OptOut, Segment, SendLog, Template
from campaigns.models.words import COUNTED
from campaigns.policies import policies_for
from campaigns.preferences import opted_out
from campaigns.rendering import missing_variables
from dashboard.demo_users import load_demo_users
from dashboard.roles import set_up_roles
from tests.eventually import eventually


@pytest.mark.django_db
class TestDemoAudience:
    def test_has_what_the_contract_names(self) -> None:
        load_demo_audience()
        contacts = list(Contact.objects.all())
        assert [one.user_id for one in contacts] == [f"USER-{number:03}" for number in range(1, 501)]
        assert len({one.name for one in contacts}) == len({one.email for one in contacts}) == 500
        assert all(
            one.address_for(channel) and fate_of(one.address_for(channel)) is None
            for one in contacts
            for channel in ("email", "sms", "push")
        )
        assert not opted_out([one.user_id for one in contacts], "email", "marketing")
        caps = policies_for(contacts).values()
        assert {(cap.max_per_day, cap.window, cap.min_hours_between, cap.quiet_hours) for cap in caps} == {
            (3, "rolling", None, None)
        }
        assert CapPolicy.objects.get(is_default=False).min_hours_between == 2

    def test_stands_before_its_own_checks(self) -> None:
        load_demo_audience()
        for row in (
            *Contact.objects.all()[:30],
            *Segment.objects.all(),
            *CapPolicy.objects.all(),
            *Template.objects.all(),
        ):
            row.full_clean()
        for template in Template.objects.all():
            assert missing_variables(template.compiled(), Contact.objects.iterator()) == []
        for segment in Segment.objects.all():
            assert 50 <= segment.contacts(Contact.objects.all()).count() < 500

    def test_loading_it_again_changes_nothing_back(self) -> None:
        load_demo_audience()
        Contact.objects.filter(user_id="USER-001").delete()
        CapPolicy.objects.filter(is_default=True).update(max_per_day=5)
        Template.objects.all().delete()
        load_demo_audience()
        assert Contact.objects.count() == 499
        assert CapPolicy.objects.get(is_default=True).max_per_day == 5
        assert Template.objects.count() == 4

    def test_is_the_same_each_time(self) -> None:
        assert demo_contact(77).name == demo_contact(77).name == "Jonas Fernández"


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_a_campaign_pauses_by_itself_and_two_imports_stand_where_they_should(
    worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_roles(apps.get_app_config("campaigns"), using="default")
    load_demo_users()
    load_demo_audience()
    failing = [one for one in demo_campaigns.campaigns() if one.name == "Headsets, now in green"]
    monkeypatch.setattr(demo_campaigns, "campaigns", lambda: failing)
    for _ in range(2):
        demo_campaigns.launch_demo_campaigns()
        start_demo_imports()
    # Whoever counts first says it in their words: the batch while it sends, or the campaign over what is settled.
    said = Q(reason__contains="messages failed") | Q(reason__contains="were not sent")
    eventually(Campaign.objects.filter(said, status="paused").exists, timeout=60)
    entries = Campaign.objects.get().snapshot["timeline"]
    assert entries[-1]["what"] == CampaignEvent.PAUSED_BY_ITSELF
    # Nobody is the worse for it: the network was busy, no address is wrong and no cap is used up.
    assert not OptOut.objects.exists()
    eventually(lambda: not SendLog.objects.filter(outcome__in=COUNTED).exists())

    def imports() -> dict[str, tuple[str, str, int]]:
        rows = AudienceImport.objects.values_list("name", "status", "stage", "rows_rejected")
        return {name: (status, stage, rejected) for name, status, stage, rejected in rows}

    standing = {"club-members.csv": ("completed", "done", 0), "trade-fair.csv": ("running", "validate", 4)}
    eventually(lambda: imports() == standing, timeout=30)
    assert Contact.objects.count() == 500
