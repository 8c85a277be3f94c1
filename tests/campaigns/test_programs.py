"""Programs that send by themselves: their grant ids are theirs and each contact's own."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from campaigns import gateway, preferences
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    MAX_ID,
    ActorView,
    By,
    Door,
    SendDecision,
    SendGrant,
    SendRequest,
    user_actor_workflow_id,
)
from campaigns.gateway import programs
from campaigns.models import SendLog
from campaigns.policies import policy_for
from campaigns.send_log import Grant, record_handed_out
from campaigns.sending import asking
from dashboard.roles import MARKETERS
from temporal_worker import client
from tests.campaigns.batches import actor_of, begin, cap, people, person, uid

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


@pytest.fixture
def shop(transactional_db: None) -> User:
    user = User.objects.create_user("shop")
    user.groups.add(Group.objects.get(name=MARKETERS))
    return User.objects.get(pk=user.pk)


def ask(user: User, grant_id: str = "spring-sale", number: int = 1, **more: Any) -> SendGrant | SendDecision:
    return gateway.request_send(uid(number), user=user, grant_id=grant_id, **{"channel": "sms", **more})


def inside(number: int = 1, grant_id: str = "spring-sale") -> str:
    return f"api:shop/{uid(number)}:{grant_id}"


def in_window(number: int = 1) -> list[str]:
    view: ActorView = client.call(client.query(actor_of(uid(number)), "get_state", result_type=ActorView), timeout=20)
    return [send.grant_id for send in view.sends_in_window]


def log() -> list[tuple[str, str, str]]:
    return list(SendLog.objects.order_by("pk").values_list("grant_id", "user_id", "outcome"))


def lose(number: int = 1) -> None:
    async def terminate() -> None:
        handle = (await client.aget_client()).get_workflow_handle(user_actor_workflow_id(uid(number)))
        await handle.terminate("lost")

    client.call(terminate())


def granted_under(grant_id: str, *, number: int = 1, is_written: bool = True) -> SendGrant:
    """As the version did that had no contact in its ids."""
    contact = person(number)
    request = SendRequest(grant_id, "", "sms", "marketing", policy_for(contact))

    async def seed() -> Any:
        return start

    async def asked() -> SendGrant | SendDecision:
        return await asking.request_send(await client.aget_client(), contact.user_id, request, seed)

    start = seed_for_actor(contact.user_id, policy=request.policy)
    answer = client.call(asked())
    assert isinstance(answer, SendGrant)
    if is_written:
        record_handed_out(Grant(grant_id, contact.user_id, "sms", "marketing").given(answer))
    return answer


class TestOneIdForMany:
    def test_each_is_granted_written_down_and_repeated_on_its_own(self, shop: User) -> None:
        cap(1)
        people(2)
        first, second = ask(shop), ask(shop, number=2)
        assert isinstance(first, SendGrant)
        assert isinstance(second, SendGrant)
        assert (first.grant_id, second.grant_id) == ("spring-sale", "spring-sale")
        both = [(inside(1), uid(1), "unknown"), (inside(2), uid(2), "unknown")]
        assert log() == both
        assert (ask(shop), ask(shop, number=2), log()) == (first, second, both)
        assert (in_window(1), in_window(2)) == ([inside(1)], [inside(2)])

    def test_a_lost_actor_knows_its_own(self, shop: User) -> None:
        cap(1)
        people(2)
        ask(shop), ask(shop, number=2)
        lose(2)
        refused = ask(shop, "another", 2)
        assert isinstance(refused, SendDecision)
        assert (refused.code, refused.used_by, refused.grant_id) == ("cap_day", [inside(2)], "another")

    def test_who_opts_out_at_the_last_moment_is_asked_whoever_else_had_the_id(
        self, shop: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cap(1)
        people(2)
        ask(shop)
        real = programs.record_handed_out

        def opted_out_meanwhile(grant: Grant) -> str:
            preferences.record_opt_out(uid(2), by=By("", Door.MAIL))
            return real(grant)

        monkeypatch.setattr(programs, "record_handed_out", opted_out_meanwhile)
        refused = ask(shop, number=2)
        assert isinstance(refused, SendDecision)
        assert (refused.code, refused.grant_id) == ("opted_out", "spring-sale")
        assert log() == [(inside(1), uid(1), "unknown"), (inside(2), uid(2), "denied")]
        assert (in_window(1), in_window(2)) == ([inside(1)], []), "the slot is given back, and the other's is not"

    def test_each_may_be_released(self, shop: User) -> None:
        cap(1)
        people(2)
        ask(shop), ask(shop, number=2)

        async def release() -> None:
            await asking.release(await client.aget_client(), uid(2), inside(2), "Not sent.")

        client.call(release())
        assert (in_window(1), in_window(2)) == ([inside(1)], [])
        spent = ask(shop, number=2)
        assert isinstance(spent, SendDecision)
        assert spent.code == "grant_spent"


class TestIdsOfBefore:
    def test_what_was_granted_under_one_is_answered_and_released_under_it(self, shop: User) -> None:
        cap(1)
        before = granted_under("api:shop:spring-sale")
        answer = ask(shop)
        assert isinstance(answer, SendGrant)
        assert (answer.granted_at, answer.grant_id) == (before.granted_at, "spring-sale")
        assert log() == [("api:shop:spring-sale", uid(1), "unknown")]
        assert in_window() == ["api:shop:spring-sale"]

        async def release() -> None:
            await asking.release(await client.aget_client(), uid(), "api:shop:spring-sale", "Not sent.")

        client.call(release())
        assert in_window() == []
        spent = ask(shop)
        assert isinstance(spent, SendDecision)
        assert spent.code == "grant_spent"

    def test_one_that_another_contact_has_stands_in_nobodys_way(self, shop: User) -> None:
        cap(1)
        granted_under("api:shop:spring-sale")
        person(2)
        assert isinstance(ask(shop, number=2), SendGrant)
        assert log()[1:] == [(inside(2), uid(2), "unknown")]

    def test_none_is_taken_for_a_new_one(self, shop: User) -> None:
        """A program may have put the contact into its ids itself."""
        cap(1)
        granted_under(f"api:shop:{uid()}:spring-sale")
        refused = ask(shop)
        assert isinstance(refused, SendDecision)
        assert refused.code == "cap_day"
        assert isinstance(ask(shop, f"{uid()}:spring-sale"), SendGrant)


class TestLength:
    def test_the_longest_id_is_granted_once_and_one_that_is_longer_is_refused(self, shop: User) -> None:
        cap(2)
        people(2)
        longest = "g" * MAX_ID
        for number in (1, 2):
            first = ask(shop, longest, number)
            assert isinstance(first, SendGrant)
            assert first.grant_id == longest
            assert ask(shop, longest, number) == first
        assert [(user_id, outcome) for _, user_id, outcome in log()] == [(uid(1), "unknown"), (uid(2), "unknown")]
        assert all(name.startswith("api:shop/") and len(name) <= MAX_ID for name, _, _ in log())
        assert isinstance(ask(shop, "g" * (MAX_ID - 1)), SendGrant), "what is shortened is told apart"
        for wrong in (longest + "g", "  ", "g\0" + longest[2:]):
            with pytest.raises(gateway.InvalidRequest) as problem:
                ask(shop, wrong)
            assert problem.value.field == "grant_id"
