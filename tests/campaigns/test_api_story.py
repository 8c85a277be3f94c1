"""The campaigns' part of the JSON API on a real Temporal with a real worker: what a program does from the draft to the end."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from campaigns import preferences
from campaigns.contract import By, Door, user_actor_workflow_id
from campaigns.models import CampaignSettings, CapPolicy, Contact, OptOut, PreferenceChange, SandboxMessage, SendLog
from dashboard.models import ApiToken
from dashboard.roles import MARKETERS
from temporal_worker import client
from tests.campaigns.batches import actors_running, begin, cap, configure, people, person, uid
from tests.campaigns.test_api import call
from tests.eventually import eventually
from tests.orders.at_once import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]


@pytest.fixture(autouse=True)
def marketer(transactional_db: None, worker: None) -> User:
    begin()
    CampaignSettings.current()
    return _marketer("marketer")


def _marketer(username: str) -> User:
    user = User.objects.create_user(username, f"{username}@example.com")
    user.groups.add(Group.objects.get(name=MARKETERS))
    ApiToken.issue(user, "test", token=f"token-of-{username}")
    return user


def draft(**more: Any) -> str:
    body = {
        "name": "Spring",
        "channel": "push",
        "audience": "all",
        "template": {"subject": "Hello {{ first_name }}", "body": "Dear {{ name }}"},
        **more,
    }
    created = call("/api/campaigns", body)
    assert created.status_code == 201, created.content
    return created["Location"]


def until(path: str, status: str) -> dict[str, Any]:
    def ask() -> Any:
        campaign = call(path).json()
        counts = campaign["counts"]
        assert counts.pop("audience") == sum(counts.values())  # at every moment
        return campaign["status"] == status and campaign

    return eventually(ask, timeout=30)


def test_a_campaign_from_the_draft_to_its_end() -> None:
    cap(1)
    people(5)
    preferences.record_opt_out(uid(5), by=By("", Door.MAIL))
    path = draft(rate_per_minute=1_000_000)
    launched = call(f"{path}/launch", {}, key="go")
    assert launched.status_code == 200
    assert launched.json()["workflow_id"] == f"campaign-{launched.json()['campaign_id']}"
    assert call(f"{path}/launch", {}, key="go").status_code == 200
    again = call(f"{path}/launch", {}, key="once-more")
    assert (again.status_code, again.json()["code"]) == (409, "launched")
    done = until(path, "completed")
    assert (done["counts"]["sent"], done["denied_by_reason"]) == (4, {"opted_out": 1})
    assert SandboxMessage.objects.count() == 4
    late = call(f"{path}/pause", {"reason": "Stop!"})
    assert (late.status_code, late.json()["code"]) == (409, "completed")
    [listed] = call("/api/campaigns?status=completed").json()["items"]
    assert listed["counts"]["sent"] == 4


def test_paused_resumed_and_cancelled() -> None:
    people(30)
    path = draft(rate_per_minute=60)
    call(f"{path}/launch", b"")
    until(path, "running")
    paused = call(f"{path}/pause", {"reason": "The price is wrong."}, key="p")
    assert (paused.status_code, paused.json()["status"], paused.json()["reason"]) == (
        200,
        "paused",
        "The price is wrong.",
    )
    assert call(f"{path}/pause", {"reason": "The price is wrong."}, key="p").status_code == 200
    twice = call(f"{path}/pause", {})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_paused")
    assert call(f"{path}/resume", b"").json()["status"] == "running"
    cancelled = call(f"{path}/cancel", {"reason": "No more."})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")

    def settled() -> bool:
        campaign = call(path).json()
        counts = campaign["counts"]
        assert counts["audience"] == sum(number for name, number in counts.items() if name != "audience")
        return bool(counts["pending"] == 0 and campaign["denied_by_reason"].get("campaign_cancelled"))

    eventually(settled, timeout=30)
    again = call(f"{path}/resume", {})
    assert (again.status_code, again.json()["code"]) == (409, "cancelled")


def test_what_stands_against_a_launch_is_said() -> None:
    people(2)
    path = draft(template={"subject": "Hello", "body": "On the {{ attributes.plan }} plan"})
    answer = call(f"{path}/launch", {})
    assert (answer.status_code, answer.json()["field"]) == (422, "template.body")
    assert "2 recipients have no attributes.plan" in answer.json()["detail"]
    configure(push_on=False)
    answer = call(f"{draft()}/launch", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "channel_off")


# ── One person ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ask(grant_id: str, *, who: str = "marketer", number: int = 1, **more: Any) -> Any:
    body = {"channel": "sms", "category": "news", "grant_id": grant_id, **more}
    return call(f"/api/users/{uid(number)}/send-requests", body, who=who)


def _inside(grant_id: str) -> str:
    return f"api:marketer/{uid(1)}:{grant_id}"


def test_a_program_asks_and_is_refused_above_the_cap_with_the_whole_decision() -> None:
    cap(2)
    person(1)
    actor = f"/api/users/{uid(1)}/actor"
    assert call(actor)["Callboard-Source"] == "seed"
    assert not actors_running()
    assert [ask(f"g{n}").status_code for n in (1, 2, 3)] == [200, 200, 409]
    assert ask("g1").json().items() >= {"allowed": True, "grant_id": "g1"}.items()
    refused = ask("g3").json()
    assert refused.items() >= {"allowed": False, "code": "cap_day", "limit": 2, "count": 2, "grant_id": "g3"}.items()
    assert refused["used_by"] == [_inside("g1"), _inside("g2")]
    assert refused["next_allowed_at"]
    seen = call(actor)
    assert seen["Callboard-Source"] == "temporal"
    view = seen.json()
    assert [one["grant_id"] for one in view["sends_in_window"]] == [_inside("g1"), _inside("g2")]
    assert view["cap"]["max_per_day"] == 2
    assert view["next_allowed_at"].keys() == {"email", "sms", "push"}
    assert [one["code"] for one in view["decisions"]] == ["granted", "granted"]
    log = SendLog.objects.order_by("pk").values_list("grant_id", "outcome", "code")
    assert list(log) == [
        (_inside("g1"), "unknown", ""),
        (_inside("g2"), "unknown", ""),
        (_inside("g3"), "denied", "cap_day"),
        (_inside("g3"), "denied", "cap_day"),
    ]


def test_nobody_can_name_the_grant_of_a_campaign_or_of_somebody_else() -> None:
    cap(3)
    person(1)
    _marketer("other")
    for who in ("marketer", "other"):
        answer = ask(f"CMP-1:1:{uid(1)}", who=who)
        assert (answer.status_code, answer.json()["grant_id"]) == (200, f"CMP-1:1:{uid(1)}")
    ids = [one["grant_id"] for one in call(f"/api/users/{uid(1)}/actor").json()["sends_in_window"]]
    assert sorted(ids) == [f"api:{who}/{uid(1)}:CMP-1:1:{uid(1)}" for who in ("marketer", "other")]


def test_a_grant_is_for_one_kind_of_message_and_an_unknown_channel_starts_nobody() -> None:
    cap(3, per_channel={"push": 0})
    person(1)
    before = actors_running()
    answer = ask("g0", channel="pigeon-with-a-very-long-name")
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown_channel")
    assert actors_running() == before
    assert ask("g1").status_code == 200
    other = ask("g1", channel="push")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_of_many_at_once_as_many_are_granted_as_the_cap_leaves() -> None:
    cap(3)
    person(1)
    answers = at_once(12, lambda n: ask(f"g{n}").status_code, workers=6)
    assert sorted(answers) == [200] * 3 + [409] * 9


def test_what_was_granted_counts_also_for_an_actor_that_was_lost() -> None:
    cap(1)
    person(1)
    assert ask("g1").status_code == 200
    _lose(1)
    refused = ask("g2")
    assert (refused.status_code, refused.json()["used_by"]) == (409, [_inside("g1")])


def test_an_own_cap_holds_is_kept_for_a_new_actor_and_is_taken_away() -> None:
    cap(3)
    person(1)
    path = f"/api/users/{uid(1)}/cap"
    answer = call(path, {"max_per_day": 0, "min_hours_between": None}, key="c", method="put")
    assert answer.status_code == 200
    assert answer.json()["cap"]["max_per_day"] == 0
    assert call(path, {"max_per_day": 0, "min_hours_between": None}, key="c", method="put").status_code == 200
    assert ask("g1").json()["own_cap"] is True
    _lose(1)
    assert ask("g1").json()["code"] == "cap_day"
    cleared = call(path, {"cleared": True}, method="put")
    assert cleared.json()["own_cap"] is None
    assert Contact.objects.get().own_cap is None
    assert ask("g2").status_code == 200
    assert PreferenceChange.objects.filter(what="cap", who="marketer", door="api").exists()


def test_a_policy_for_one_person_reaches_their_actor_whenever_it_changes() -> None:
    cap(3)
    person(1)
    own = CapPolicy.objects.create(name="Hers", user_id=uid(1), max_per_day=1)
    assert [ask(f"a{n}").status_code for n in (1, 2)] == [200, 409]
    own.max_per_day = 2
    own.save()
    assert [ask(f"b{n}").status_code for n in (1, 2)] == [200, 409]
    own.delete()
    assert [ask(f"c{n}").status_code for n in (1, 2)] == [200, 409]


def test_an_opt_out_counts_at_once_and_twice_is_once() -> None:
    cap(3)
    person(1)
    ask("g1")
    path = f"/api/users/{uid(1)}/opt-outs"
    for _ in range(2):
        answer = call(path, {"channel": "sms"})
        assert (answer.status_code, answer.json()["opted_out_channels"]) == (200, ["sms"])
    refused = ask("g2")
    assert (refused.status_code, refused.json()["code"]) == (409, "opted_out")
    assert ask("g3", channel="email").status_code == 200
    [row] = OptOut.objects.all()
    assert (row.channel, row.category) == ("sms", "")


def test_without_a_worker_it_is_503_and_an_opt_out_is_taken_in_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cap(3)
    person(1)

    async def away(*args: Any, **more: Any) -> Any:
        raise client.TemporalUnavailable("Temporal is out of reach.")

    for name in ("aget_client", "query", "signal", "execute_update", "start_workflow"):
        monkeypatch.setattr(client, name, away)
    for answer in (ask("g1"), call(f"/api/users/{uid(1)}/cap", {"max_per_day": 1}, method="put")):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer["Retry-After"]) > 0
    launched = call(f"{draft()}/launch", {}, key="go")
    assert (launched.status_code, launched.json()["code"]) == (503, "unavailable")
    read = call(f"/api/users/{uid(1)}/actor")
    assert (read.status_code, read["Callboard-Source"]) == (200, "database")
    out = call(f"/api/users/{uid(1)}/opt-outs", {"channel": "sms"})
    assert (out.status_code, out.json()["opted_out_channels"]) == (200, ["sms"])


def _lose(number: int) -> None:
    async def terminate() -> None:
        handle = (await client.aget_client()).get_workflow_handle(user_actor_workflow_id(uid(number)))
        await handle.terminate("lost")

    client.call(terminate())
