import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import Absence, Employee, Policy, PolicyLevel, SlackIdentity
from dashboard.records import RecordAdmin
from dashboard.roles import ADMINISTRATORS, STAFF
from tests.approvals import people as company
from tests.approvals.requests_of import Desk

RECORDS = [
    model
    for model, its in admin.site._registry.items()
    if isinstance(its, RecordAdmin) and model._meta.app_label == "approvals"
]
CONFIGURATION = [Policy, Employee, Absence, SlackIdentity]
POLICY: dict[str, Any] = {
    "name": "Trips", "is_active": "on", "kind": "travel", "department": "", "min_amount_cents": "",
    "max_amount_cents": "", "currency": "USD", "distinct_levels": "on", "when_nobody_else": "refuse",
    "comment_to_reject": "on", "max_rounds": "5", "expires_after": "", "time_zone": "UTC", "working_hours_only": "on",
    "working_from": "9", "working_to": "17", "mail": "link", "slack": "off", "slack_channel": "",
}  # fmt: skip
LEVEL: dict[str, Any] = {
    "position": "1", "name": "Manager", "rule": "any", "needed": "1", "rejections": "1", "at_expiry": "expire",
    "requesters_manager": "on",
}  # fmt: skip


@pytest.fixture
def staff(db: None) -> dict[str, User]:
    return company.hire()


@pytest.fixture
def site(staff: dict[str, User]) -> Client:
    user = User.objects.create_user("admin", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=[ADMINISTRATORS, STAFF]))
    client = Client()
    client.force_login(user)
    return client


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def form_of(*levels: dict[str, Any], policy: Policy | None = None, **changes: Any) -> dict[str, Any]:
    known = list(policy.levels.all()) if policy else []
    fields: dict[str, Any] = {
        **POLICY,
        **changes,
        "levels-TOTAL_FORMS": len(levels),
        "levels-INITIAL_FORMS": len(known),
        "levels-MIN_NUM_FORMS": 1,
        "levels-MAX_NUM_FORMS": 1000,
    }
    for number, level in enumerate(levels):
        fields |= {f"levels-{number}-{name}": value for name, value in level.items() if value is not None}
        if number < len(known):
            fields |= {f"levels-{number}-id": known[number].pk, f"levels-{number}-policy": policy.pk if policy else ""}
    return {name: value for name, value in fields.items() if value is not None}


def level(**changes: Any) -> dict[str, Any]:
    return {**LEVEL, **changes}


def problems_of(page: Any) -> str:
    formset = page.context["inline_admin_formsets"][0].formset
    found = [page.context["adminform"].form.errors, formset.errors, formset.non_form_errors()]
    return " ".join(str(each) for each in found)


class TestAccess:
    @pytest.mark.parametrize("model", [*RECORDS, *CONFIGURATION], ids=lambda model: model.__name__)
    def test_an_administrator_looks_at_everything(self, site, model):
        assert site.get(address(model, "changelist"), {"q": "x"}).status_code == 200

    @pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
    def test_and_changes_no_record(self, site, model):
        assert site.get(address(model, "add")).status_code == 403

    @pytest.mark.parametrize("model", CONFIGURATION, ids=lambda model: model.__name__)
    def test_but_configures(self, site, model):
        assert site.get(address(model, "add")).status_code == 200

    def test_staff_have_no_business_here(self, staff):
        client = Client()
        client.force_login(staff["manager"])
        assert client.get(address(Policy, "changelist")).status_code in (302, 403)


class TestPolicy:
    def save(self, site: Client, fields: dict[str, Any], policy: Policy | None = None) -> Any:
        return site.post(address(Policy, "change", policy.pk) if policy else address(Policy, "add"), fields)

    def test_is_made_with_its_levels(self, site, staff):
        director = level(position="2", name="Director", users=[staff["director"].pk], requesters_manager=None)
        assert self.save(site, form_of(level(), director)).status_code == 302
        policy = Policy.objects.get()
        assert [one.name for one in policy.levels.all()] == ["Manager", "Director"]
        assert "Manager → Director" in site.get(address(Policy, "changelist")).content.decode()

    def test_each_change_is_a_version_also_of_a_level_alone(self, site):
        self.save(site, form_of(level()))
        policy = Policy.objects.get()
        self.save(site, form_of(level(), policy=policy), policy)
        assert Policy.objects.get().version == 1
        self.save(site, form_of(level(name="Lead"), policy=policy), policy)
        assert Policy.objects.get().version == 2
        self.save(site, form_of(level(name="Lead"), policy=policy, name="Journeys"), policy)
        assert Policy.objects.get().version == 3

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"min_amount_cents": "100", "max_amount_cents": "100"}, "above the lower one"),
            ({"working_from": "17", "working_to": "9"}, "has to end after it starts"),
            ({"slack": "buttons"}, "Into which channel?"),
            ({"time_zone": "Mars/Olympus"}, "no time zone"),
            ({"currency": "usd"}, "ISO 4217"),
        ],
    )
    def test_senseless_fields_are_refused(self, site, changes, says):
        assert says in problems_of(self.save(site, form_of(level(), **changes)))
        assert not Policy.objects.exists()

    @pytest.mark.parametrize(
        ("first", "second", "overlaps"),
        [
            ((None, None), (None, None), True),
            ((None, 100), (99, None), True),
            ((None, 100), (100, None), False),
            ((10, 20), (15, 16), True),
        ],
    )
    def test_two_for_the_same_requests_are_refused(self, site, first, second, overlaps):
        Policy.objects.create(name="First", kind="travel", min_amount_cents=first[0], max_amount_cents=first[1])
        low, high = ("" if bound is None else bound for bound in second)
        page = self.save(site, form_of(level(), min_amount_cents=low, max_amount_cents=high))
        assert (page.status_code == 200) == overlaps
        if overlaps:
            assert "“First” is for some of the same requests" in problems_of(page)
            assert self.save(site, form_of(level(), department="Sales")).status_code == 302

    def test_a_policy_without_levels_is_refused(self, site):
        fields = form_of(level(name="", requesters_manager=None))
        assert self.save(site, fields).status_code == 200
        assert self.save(site, form_of(level(DELETE="on"))).status_code == 200
        assert not Policy.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"requesters_manager": None}, "Who decides this level?"),
            ({"requesters_manager": None, "users": "closed"}, "None of them has an open account"),
            ({"rule": "n_of_m", "needed": "2"}, "Only 1 people could approve"),
            ({"rejections": "2"}, "Only 1 people could reject"),
            ({"at_expiry": "escalate"}, "To whom?"),
            ({"escalate_after": "1 00:00:00"}, "To whom?"),
            ({"requesters_manager": None, "users": "bo"}, "Only Bo Nyman could decide"),
        ],
    )
    def test_a_level_that_nobody_could_decide_is_refused(self, site, staff, changes, says):
        closed = User.objects.create_user("closed", is_active=False)
        people = {**staff, "closed": closed}
        changes = {name: [people[each].pk] if name == "users" else each for name, each in changes.items()}
        page = self.save(site, form_of(level(**changes)))
        assert says in problems_of(page).replace("&#x27;", "'")
        assert not PolicyLevel.objects.exists()

    def test_one_person_alone_on_two_levels_is_refused(self, site, staff):
        alone = {"users": [staff["director"].pk], "requesters_manager": None}
        levels = level(**alone), level(position="2", name="Again", **alone)
        assert "one person decides one level only" in problems_of(self.save(site, form_of(*levels)))
        assert self.save(site, form_of(*levels, distinct_levels=None)).status_code == 302

    def test_an_only_approver_is_fine_where_the_level_may_be_left_out(self, site, staff):
        alone = level(users=[staff["bo"].pk], requesters_manager=None)
        assert self.save(site, form_of(alone, when_nobody_else="leave_out")).status_code == 302


class TestWhoWouldApprove:
    def look(self, site: Client, who: User, kind: str, cents: int | str) -> str:
        fields = {"requester": who.pk, "kind": kind, "amount_cents": cents, "currency": "USD"}
        return site.get(reverse("admin:approvals_policy_preview"), fields).content.decode()

    def test_names_the_levels_and_their_people(self, site, staff):
        company.write_policies()
        page = self.look(site, staff["employee"], "expense", 2_000_000)
        for words in (
            "1. Manager",
            "Marta Kovács (manager)",
            "2. Director",
            "Daniel Osei (user)",
            "3. VP",
            "Vera Petrov",
        ):
            assert words in page
        assert "VP" not in self.look(site, staff["employee"], "expense", 500_000)

    def test_says_why_nobody_would(self, site, staff):
        company.write_policies()
        assert "nobody is entered as yours" in self.look(site, staff["outsider"], "leave", "")
        assert "No policy says" in self.look(site, staff["employee"], "refund", "")

    def test_is_empty_before_it_is_asked_and_found_from_the_list(self, site):
        assert site.get(reverse("admin:approvals_policy_preview")).status_code == 200
        assert "Who would approve this?" in site.get(address(Policy, "changelist")).content.decode()

    def test_is_not_for_everybody(self, staff):
        client = Client()
        client.force_login(staff["manager"])
        assert client.get(reverse("admin:approvals_policy_preview")).status_code == 302


class TestPeople:
    def test_nobody_is_their_own_manager(self, site, staff):
        page = site.post(
            address(Employee, "add"), {"user": staff["bo"].pk, "manager": staff["bo"].pk, "department": ""}
        )
        assert "Nobody is their own manager" in str(page.context["adminform"].form.errors)

    def away(self, site: Client, person: User, delegate: User) -> Any:
        fields = {
            "person": person.pk, "delegate": delegate.pk, "starts_at_0": "2026-11-20", "starts_at_1": "00:00:00",
            "until_0": "2099-01-01", "until_1": "00:00:00", "kind": "", "reason": "",
        }  # fmt: skip
        return site.post(address(Absence, "add"), fields)

    def test_says_how_many_open_requests_go_to_whom_before_it_is_saved(self, site, staff):
        """Of two that wait for the manager one is the delegate's own, and nobody decides their own."""
        now = timezone.now()
        Desk(request_id="REQ-20261117-091541-aaaa", at=now).save()
        Desk(request_id="REQ-20261117-091542-aaaa", at=now, requester="hr").save()
        page = self.away(site, staff["manager"], staff["hr"])
        assert "1 open request goes to Hanna Reyes" in page.content.decode()
        assert not Absence.objects.exists()
        confirmed = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.content.decode()))
        confirmed = {name: unescape(value) for name, value in confirmed.items()}
        assert site.post(address(Absence, "add"), confirmed).status_code == 302
        assert Absence.objects.get().delegate == staff["hr"]

    def test_nothing_is_asked_when_no_open_request_moves(self, site, staff):
        Desk(request_id="REQ-20261117-091541-aaaa", at=timezone.now()).decide("manager", False).save()
        assert self.away(site, staff["manager"], staff["hr"]).status_code == 302

    def test_a_policys_form_says_what_saving_leads_to(self, site, staff):
        policy = company.add_policy("expense", {"name": "Manager", "manager": True})
        page = site.get(address(Policy, "change", policy.pk)).content.decode()
        assert f"New requests go by version {policy.version + 1} as soon as this is saved." in page

    def test_absences_go_in_no_circle(self, site, staff):
        assert self.away(site, staff["manager"], staff["hr"]).status_code == 302
        assert "a circle" in str(self.away(site, staff["hr"], staff["manager"]).context["adminform"].form.errors)

    def test_an_absence_is_ended_and_not_deleted(self, site, staff):
        self.away(site, staff["manager"], staff["hr"])
        absence = Absence.objects.get()
        assert site.post(address(Absence, "delete", absence.pk), {"post": "yes"}).status_code == 403
        site.post(address(Absence, "changelist"), {"action": "end_now", "_selected_action": [absence.pk]})
        absence.refresh_from_db()
        assert absence.ended_at is not None
        assert absence.ended_at <= timezone.now()
        assert absence.revision == 2

    def test_one_slack_account_is_one_person(self, site, staff):
        fields = {"team_id": "T1", "slack_user_id": "U1", "user": staff["bo"].pk}
        assert site.post(address(SlackIdentity, "add"), fields).status_code == 302
        assert site.post(address(SlackIdentity, "add"), {**fields, "user": staff["hr"].pk}).status_code == 200
