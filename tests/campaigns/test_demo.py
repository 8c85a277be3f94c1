import pytest

from campaigns.channels.sandbox import fate_of
from campaigns.demo import demo_contact, load_demo_audience
from campaigns.models import CapPolicy, Contact, Segment, Template
from campaigns.policies import policies_for
from campaigns.preferences import opted_out
from campaigns.rendering import missing_variables


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
