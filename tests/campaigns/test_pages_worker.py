"""From the editor to the last recipient, in the browser's own words, with a real server and a real worker."""

from typing import Any

import pytest
from django.test import Client

from approvals.demo import load_demo_policies
from campaigns.demo import demo_contact, load_demo_audience
from campaigns.demo_campaigns import campaigns, launch_demo_campaigns, unlaunched_campaigns
from campaigns.models import Campaign, Contact, SendLog
from campaigns.models.words import COUNTED, Outcome
from dashboard import health_watch
from dashboard.demo_users import load_demo_users
from dashboard.health_watch import Health, Sign
from tests.campaigns.pages import HTMX, client_of, key_in, typed
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def row() -> Campaign:
    return Campaign.objects.get()


def messages_begun() -> set[str]:
    return set(SendLog.objects.filter(outcome__in=(*COUNTED, Outcome.FAILED)).values_list("grant_id", flat=True))


def does(client: Client, noun: str, **fields: Any) -> Any:
    """Opens the form of an action and sends it."""
    page = f"/campaigns/{row().campaign_id}/{noun}/"
    key = key_in(client.get(page, headers=HTMX).content.decode())
    return client.post(page, {**fields, "idempotency_key": key}, headers=HTMX)


def test_written_launched_paused_resumed_done(worker: None) -> None:
    Contact.objects.bulk_create(demo_contact(number) for number in range(1, 7))
    Contact.objects.filter(user_id="USER-002").update(push_token="")
    marketer = client_of("marketer")
    marketer.post("/campaigns/new/", typed(rate_per_minute="60"))
    page = f"/campaigns/{row().campaign_id}/"
    assert b"<b>5</b> now \xc2\xb7 <b>1</b> without an address" in marketer.get(f"{page}trial/").content
    assert does(marketer, "launch", draft_version="1").status_code == 200
    eventually(lambda: row().sent_count >= 1, timeout=20)

    answer = does(marketer, "pause", reason="A typo")
    assert "It is paused: A typo." in answer.content.decode()
    # Nothing begins any more; what had begun ends as it would have.
    begun = messages_begun()
    assert does(marketer, "pause", reason="Again").status_code == 409
    eventually(lambda: row().status == "paused")
    assert "It is paused: A typo." in marketer.get(page).content.decode()
    assert does(marketer, "rate", per_minute="6000").status_code == 200
    assert messages_begun() == begun
    assert does(marketer, "resumption").status_code == 200

    eventually(lambda: row().status == "completed" and row().closed_at, timeout=20)
    html = marketer.get(page).content.decode()
    assert "It is done: five people have got it." in html
    assert "Sent 5, deferred 0, denied 1, failed 0, unknown 0, pending 0 of 6" in html
    assert "No address for this channel" in html
    assert "USER-002" in marketer.get(f"{page}log/?state=denied&reason=missing_address").content.decode()
    assert does(marketer, "cancellation").status_code == 409


def test_everything_is_stopped_and_who_did_is_reported(worker: None) -> None:
    Contact.objects.bulk_create(demo_contact(number) for number in range(1, 31))
    marketer = client_of("marketer")
    marketer.post("/campaigns/new/", typed(rate_per_minute="30"))
    does(marketer, "launch", draft_version="1")
    eventually(lambda: row().status == "running", timeout=20)
    answer = marketer.post("/campaigns/stop/", {"reason": "Wrong prices", "typed": "stop"})
    report = answer.headers["Location"]
    assert (
        f'href="/technical/stop-everything-{report.rstrip("/").rpartition("/")[2]}/"'
        in marketer.get(report).content.decode()
    )

    def told() -> str:
        html = marketer.get(report).content.decode()
        return html if "Stopped</span>" in html else ""

    assert "Wrong prices" in eventually(told, timeout=20)
    eventually(lambda: row().status == "paused")
    assert marketer.get("/campaigns/stop/STOP-none/").status_code == 302


@pytest.mark.soak
def test_the_demo_holds_campaigns_in_every_state(worker: None) -> None:
    load_demo_users()
    load_demo_audience()
    load_demo_policies()
    launch_demo_campaigns()
    assert unlaunched_campaigns() == []
    states = {"draft", "scheduled", "running", "paused", "completed", "cancelled", "awaiting_approval"}
    eventually(lambda: set(Campaign.objects.values_list("status", flat=True)) == states, timeout=30)
    assert Campaign.objects.count() == len(campaigns())
    launch_demo_campaigns()
    assert Campaign.objects.count() == len(campaigns())
    reached = set(SendLog.objects.values_list("user_id", flat=True))
    assert min(reached) > "USER-424"
