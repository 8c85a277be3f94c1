"""Which policy is for a request, and who its approvers are: read when it is asked, the requester never among them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals import policies
from approvals.models import Absence, Employee, Policy
from approvals.policies import NoPolicy, resolve
from tests.approvals.people import add_policy, hire, write_policies

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> dict[str, User]:
    found = hire()
    write_policies()
    return found


def levels(requester: User, kind: str, amount_cents: int | None = None) -> list[list[str]]:
    return [[seat.username for seat in level.seats] for level in resolve(requester, kind, amount_cents).levels]


class TestWhichPolicy:
    @pytest.mark.parametrize(
        ("amount", "expected"),
        [
            (1, [["manager"]]),
            (99_999, [["manager"]]),
            (100_000, [["manager"], ["director"]]),
            (999_999, [["manager"], ["director"]]),
            (1_000_000, [["manager"], ["director"], ["vp"]]),
        ],
    )
    def test_by_amount(self, people: dict[str, User], amount: int, expected: list[list[str]]) -> None:
        assert levels(people["employee"], "expense", amount) == expected

    def test_groups_and_deadlines(self, people: dict[str, User]) -> None:
        found = resolve(people["employee"], "leave", None)
        assert [level.seats[0].via for level in found.levels] == ["manager", "People"]
        assert found.expires_seconds == 14 * 86_400
        assert resolve(people["employee"], "expense", 1).expires_seconds == 7 * 86_400

    def test_a_department_has_its_own(self, people: dict[str, User]) -> None:
        add_policy("leave", {"name": "Lead", "users": ["bo"]}, department="Design")
        assert levels(people["employee"], "leave") == [["manager"], ["hr"]]
        Employee.objects.filter(user=people["employee"]).update(department="Design")
        assert levels(people["employee"], "leave") == [["bo"]]

    @pytest.mark.parametrize(
        ("kind", "amount", "currency", "field"),
        [("travel", 1, "USD", "kind"), ("expense", None, "USD", "amount_cents"), ("expense", 5, "EUR", "amount_cents")],
    )
    def test_none_is_for_it(
        self, people: dict[str, User], kind: str, amount: int | None, currency: str, field: str
    ) -> None:
        with pytest.raises(NoPolicy) as problem:
            resolve(people["employee"], kind, amount, currency)
        assert problem.value.field == field

    def test_one_that_is_not_in_force_is_for_nobody(self, people: dict[str, User]) -> None:
        Policy.objects.filter(kind="leave").update(is_active=False)
        with pytest.raises(NoPolicy):
            resolve(people["employee"], "leave", None)


class TestSeparationOfDuties:
    def test_the_requester_is_taken_out_of_their_group(self, people: dict[str, User]) -> None:
        Group.objects.get(name="People").user_set.add(people["bo"])
        assert levels(people["hr"], "leave") == [["manager"], ["bo"]]

    def test_their_manager_decides_where_they_would_alone(self, people: dict[str, User]) -> None:
        assert levels(people["hr"], "expense", 1) == [["manager"]]
        # The director is the manager's manager and the second level: somebody above takes the second.
        assert levels(people["manager"], "expense", 100_000) == [["director"], ["vp"]]

    def test_refused_when_nobody_else_is_there(self, people: dict[str, User]) -> None:
        with pytest.raises(NoPolicy, match="nobody but you"):
            resolve(people["vp"], "expense", 2_000_000)

    def test_or_left_out_when_the_policy_says_so(self, people: dict[str, User]) -> None:
        Policy.objects.filter(name="large").update(when_nobody_else="leave_out")
        found = resolve(people["vp"], "expense", 2_000_000)
        assert [level.name for level in found.levels] == ["Manager"]
        assert found.left_out == ["Director", "VP"]

    def test_nobody_without_a_manager_asks_their_manager(self, people: dict[str, User]) -> None:
        with pytest.raises(NoPolicy, match="nobody is entered as yours"):
            resolve(people["bo"], "leave", None)

    def test_closed_accounts_decide_nothing(self, people: dict[str, User]) -> None:
        User.objects.filter(username="hr").update(is_active=False)
        with pytest.raises(NoPolicy):
            resolve(people["employee"], "leave", None)
        Group.objects.get(name="People").user_set.add(people["bo"])
        assert levels(people["employee"], "leave") == [["manager"], ["bo"]]

    def test_two_of_a_group_of_two_need_both_without_the_requester(self, people: dict[str, User]) -> None:
        board = Group.objects.create(name="Board")
        board.user_set.add(people["director"], people["vp"])
        add_policy("contract", {"name": "Board", "groups": ["Board"], "rule": "n_of_m", "needed": 2})
        assert levels(people["employee"], "contract", 5) == [["director", "vp"]]
        with pytest.raises(NoPolicy):
            resolve(people["vp"], "contract", 5)

    def test_escalation_never_goes_to_the_requester_or_to_who_decides_anyway(self, people: dict[str, User]) -> None:
        words = {"name": "Boss", "manager": True, "escalate_after": timedelta(days=1), "escalate_to_managers": True}
        add_policy("travel", {**words, "escalate_to": ["manager", "bo"]})
        assert resolve(people["employee"], "travel", 5).levels[0].escalate_to == ["bo", "director"]
        found = resolve(people["director"], "travel", 5).levels[0]  # vp decides, whose manager is the requester
        assert (found.seats[0].username, found.escalate_to) == ("vp", ["bo", "manager"])


class TestAbsences:
    def absence(self, people: dict[str, User], who: str, to: str, start: int, days: int, **more: object) -> Absence:
        starts_at = timezone.now() + timedelta(days=start)
        absence = Absence(
            person=people[who], delegate=people[to], starts_at=starts_at, until=starts_at + timedelta(days=days), **more
        )
        absence.full_clean()
        absence.save()
        return absence

    def test_covers_reach_three_deep(self, people: dict[str, User]) -> None:
        for who, to in (("manager", "hr"), ("hr", "bo"), ("bo", "vp")):
            self.absence(people, who, to, 0, 5)
        covers = policies.covers_now(["manager"], "leave", timezone.now())
        assert [(cover.principal, cover.delegate) for cover in covers] == [
            ("manager", "hr"),
            ("hr", "bo"),
            ("bo", "vp"),
        ]

    def test_only_of_their_kind_and_not_when_over(self, people: dict[str, User]) -> None:
        self.absence(people, "manager", "bo", 0, 5, kind="leave")
        self.absence(people, "manager", "vp", 7, 5).end()
        assert len(policies.covers_now(["manager"], "leave", timezone.now())) == 1
        assert policies.covers_now(["manager"], "expense", timezone.now()) == []

    def test_refuses_circles_long_chains_and_the_senseless(self, people: dict[str, User]) -> None:
        self.absence(people, "manager", "hr", 0, 5)
        with pytest.raises(ValidationError, match="circle"):
            self.absence(people, "hr", "manager", 3, 5)
        self.absence(people, "hr", "manager", 6, 5)  # other days
        self.absence(people, "hr", "bo", 0, 4)
        self.absence(people, "bo", "vp", 0, 4)
        with pytest.raises(ValidationError, match="more than 3"):
            self.absence(people, "vp", "director", 0, 4)
        with pytest.raises(ValidationError, match="Somebody else"):
            self.absence(people, "director", "director", 0, 4)
        with pytest.raises(ValidationError, match="after it starts"):
            self.absence(people, "director", "bo", 0, -1)


class TestPolicyModel:
    def test_two_for_the_same_requests_are_refused(self, people: dict[str, User]) -> None:
        overlapping = Policy(name="x", kind="expense", min_amount_cents=50_000, max_amount_cents=60_000)
        with pytest.raises(ValidationError, match="“small” is for some of the same"):
            overlapping.full_clean()
        Policy(name="x", kind="expense", min_amount_cents=50_000, max_amount_cents=60_000, department="IT").full_clean()

    def test_each_save_raises_the_version(self, people: dict[str, User]) -> None:
        policy = Policy.objects.get(name="small")
        policy.save()
        assert Policy.objects.get(name="small").version == policy.version == 2
