"""In whose name somebody decides: said by every button and link, so that the same one pressed again votes for nobody else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from approvals import gateway
from approvals.contract import ApprovalView, Door
from approvals.mail_links import SALT, link_for
from approvals.models import Policy, SlackIdentity
from approvals.notifiers import slack_card
from tests.approvals import people as company
from tests.approvals.people import DAY
from tests.approvals.test_slack import post
from tests.eventually import eventually
from tests.slack_standin import CHANNEL, SECRET, TEAM, TOKEN, SlackStandIn

pytestmark = pytest.mark.usefixtures("worker")

People = dict[str, User]


@pytest.fixture
def slack_server(settings: Any) -> Iterator[SlackStandIn]:
    with SlackStandIn() as server:
        settings.SLACK_BASE_URL = server.url
        settings.SLACK_BOT_TOKEN, settings.SLACK_SIGNING_SECRET, settings.SLACK_TEAM_ID = TOKEN, SECRET, TEAM
        yield server


@pytest.fixture
def staff(transactional_db: None, slack_server: SlackStandIn) -> People:
    people = company.hire()
    company.add_policy("travel", {"name": "Both", "users": ["director", "vp"], "rule": "all"})
    Policy.objects.update(mail="decide", slack="buttons", slack_channel=CHANNEL)
    SlackIdentity.objects.create(team_id=TEAM, slack_user_id="U1", user=people["vp"])
    return people


@pytest.fixture
def asked(staff: People) -> ApprovalView:
    """Waits for the director and for the VP, who covers for the director."""
    view = gateway.submit_request(user=staff["employee"], door=Door.WEB, kind="travel", title="Fair", key="k")
    return hand_over(staff, view, "director", "vp")


def hand_over(staff: People, view: ApprovalView, who: str, to: str) -> ApprovalView:
    words = {"door": Door.WEB, "to": to, "until": timezone.now() + 3 * DAY, "reason": "", "key": f"{who}-{to}"}
    gateway.delegate(view.request_id, user=staff[who], **words)  # type: ignore[arg-type]
    return gateway.read_request(view.request_id, staff["employee"]).view


def votes(view: ApprovalView, staff: People) -> list[tuple[str, str]]:
    now = gateway.read_request(view.request_id, staff["employee"]).view
    return [(one.approver, one.on_behalf_of) for one in now.levels[0].decisions]


def path_of(link: str) -> str:
    return link.removeprefix("http://127.0.0.1:8000")


class TestMail:
    def test_a_link_votes_once(self, asked: ApprovalView, staff: People) -> None:
        path = path_of(link_for(staff["vp"], asked))
        assert Client().post(path, {"choice": "approve"}).status_code == 200
        again = Client().post(path, {"choice": "approve", "comment": "Once more."})
        assertContains(again, "You approved this already", status_code=409)
        opened = Client().get(path)
        assertContains(opened, "You approved this already")
        assertNotContains(opened, 'name="choice"')
        assert votes(asked, staff) == [("vp", "")]

    def test_who_also_covers_gets_a_link_of_its_own_for_that(self, asked: ApprovalView, staff: People) -> None:
        own, cover = (path_of(link_for(staff["vp"], asked, covering=covering)) for covering in (False, True))
        assertContains(Client().get(cover), "for Daniel Osei")
        assertNotContains(Client().get(own), "for Daniel Osei")
        for path in (cover, own):
            assert Client().post(path, {"choice": "approve"}).status_code == 200
        assert votes(asked, staff) == [("vp", "director"), ("vp", "")]

    def test_one_from_before_is_for_its_persons_own_place(self, asked: ApprovalView, staff: People) -> None:
        hand_over(staff, asked, "vp", "bo")
        for username, status in (("bo", 403), ("vp", 200)):
            content = [username, asked.request_id, 1, 4_000_000_000]
            old = signing.dumps(content, salt=SALT, compress=True)
            assert Client().post(f"/approvals/mail/{old}/", {"choice": "approve"}).status_code == status
        assert votes(asked, staff) == [("vp", "")]

    def test_one_for_a_place_that_is_covered_no_more_decides_nothing(self, asked: ApprovalView, staff: People) -> None:
        path = path_of(link_for(staff["vp"], asked, covering=True))
        cover_id = asked.covers[0].cover_id
        gateway.end_delegation(asked.request_id, user=staff["vp"], door=Door.WEB, cover_id=cover_id, key="e")
        assertContains(Client().post(path, {"choice": "approve"}), "You do not decide for", status_code=403)
        assert votes(asked, staff) == []


class TestPage:
    def client(self, staff: People) -> Client:
        client = Client()
        client.force_login(staff["vp"])
        return client

    @pytest.mark.parametrize("form", ["", "decision/?decision=approve"])
    def test_a_stale_tab_votes_for_nobody_else(self, asked: ApprovalView, staff: People, form: str) -> None:
        client, page = self.client(staff), f"/approvals/{asked.request_id}/"
        tabs = [fields_of(client.get(page + form)) for _ in range(2)]
        answers = [client.post(f"{page}decision/", {**tab, "decision": "approve"}) for tab in tabs]
        assert [answer.status_code for answer in answers] == [302, 409]
        assert votes(asked, staff) == [("vp", "")]

    def test_a_page_drawn_after_it_is_for_whom_they_cover(self, asked: ApprovalView, staff: People) -> None:
        client, page = self.client(staff), f"/approvals/{asked.request_id}/"
        for behalf in ("", "director"):
            html = client.get(page)
            assert ("Your decision for Daniel Osei" in html.content.decode()) == bool(behalf)
            client.post(f"{page}decision/", {**fields_of(html), "decision": "approve"})
            assert votes(asked, staff)[-1] == ("vp", behalf)

    def test_a_row_of_the_inbox_says_it_too(self, asked: ApprovalView, staff: People) -> None:
        client, address = self.client(staff), f"/approvals/{asked.request_id}/decision/"
        eventually(lambda: "Fair" in client.get("/approvals/").content.decode())
        row = fields_of(client.get("/approvals/"), address)
        assert row["on_behalf_of"] == "vp"
        assert client.post(address, {**row, "decision": "approve"}).status_code == 302
        again = {**row, "decision": "approve", "idempotency_key": "another-key"}
        assert client.post(address, again).status_code == 409

    def test_sent_again_after_an_outage_it_is_the_same_vote(
        self, asked: ApprovalView, staff: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its answer was lost, and the vote had been taken: the card must not mean the next place now."""
        client, page = self.client(staff), f"/approvals/{asked.request_id}/"
        fields = {**fields_of(client.get(page)), "decision": "approve"}
        real = gateway.decide

        def lost(*args: Any, **more: Any) -> None:
            real(*args, **more)
            raise gateway.Unavailable("No answer.")

        with monkeypatch.context() as patched:
            patched.setattr(gateway, "decide", lost)
            answer = client.post(f"{page}decision/", fields, headers={"HX-Request": "true"})
        assert answer.status_code == 503
        again = {**fields_of(answer), "decision": "approve"}
        assert client.post(f"{page}decision/", again).status_code == 302
        assert votes(asked, staff) == [("vp", "")]

    def test_many_at_once_take_no_second_place(self, asked: ApprovalView, staff: People) -> None:
        client = self.client(staff)
        words = {"door": Door.WEB, "approved": True, "comment": "", "state_version": 1}
        gateway.decide(asked.request_id, user=staff["vp"], on_behalf_of="vp", key="d", **words)  # type: ignore[arg-type]

        def is_left_out() -> bool:
            answer = client.post("/approvals/bulk/", {"item": f"{asked.request_id}:1", "decision": "approve"})
            return "decide for Daniel Osei on its own page" in answer.content.decode()

        eventually(is_left_out)


class TestSlack:
    def test_a_form_votes_once(self, asked: ApprovalView, staff: People, slack_server: SlackStandIn) -> None:
        eventually(lambda: slack_server.messages)
        for _ in range(2):
            post(slack_server.press("U1", slack_server.button(slack_card.APPROVE)))
        first, second = slack_server.forms[-2:]
        assert "You approved “Fair”" in self.said(slack_server, first)
        assert "You approved this already" in self.said(slack_server, second)
        assert votes(asked, staff) == [("vp", "")]
        post(slack_server.press("U1", slack_server.button(slack_card.APPROVE)))
        assert "You decide for Daniel Osei" in json.dumps(slack_server.forms[-1])
        self.said(slack_server, slack_server.forms[-1])
        assert votes(asked, staff) == [("vp", ""), ("vp", "director")]

    def said(self, server: SlackStandIn, form: dict[str, Any]) -> str:
        return json.dumps(post(server.submit("U1", form)).json(), ensure_ascii=False)


class TestApi:
    def test_only_the_first_vote_of_a_level_goes_without_saying(self, asked: ApprovalView, staff: People) -> None:
        words: dict[str, Any] = {
            "user": staff["vp"],
            "door": Door.API,
            "approved": True,
            "comment": "",
            "state_version": 1,
        }
        gateway.decide(asked.request_id, key="a", **words)
        with pytest.raises(gateway.RequestRefused, match="To decide for Daniel Osei too, say that it is for them"):
            gateway.decide(asked.request_id, key="b", **words)
        gateway.decide(asked.request_id, key="c", on_behalf_of="director", **words)
        assert votes(asked, staff) == [("vp", ""), ("vp", "director")]


class TestHandOver:
    def test_only_who_could_decide_then_is_offered(self, asked: ApprovalView, staff: People) -> None:
        """Not who asked, not oneself, and not who has handed over to this very person."""
        client = Client()
        client.force_login(staff["vp"])
        page = client.get(f"/approvals/{asked.request_id}/delegation/").content.decode()
        offered = set(re.findall(r'<option value="(\w+)"', page))
        assert offered == {"bo", "hr", "manager", "outsider"}

    def test_nor_is_who_decided_another_level(self, staff: People) -> None:
        company.add_policy("contract", {"name": "One", "users": ["hr"]}, {"name": "Two", "users": ["vp"]})
        view = gateway.submit_request(user=staff["employee"], door=Door.WEB, kind="contract", title="It", key="k")
        words = {"door": Door.WEB, "approved": True, "comment": "", "state_version": 1, "key": "d"}
        gateway.decide(view.request_id, user=staff["hr"], **words)  # type: ignore[arg-type]
        client = Client()
        client.force_login(staff["vp"])
        page = client.get(f"/approvals/{view.request_id}/delegation/")
        assertNotContains(page, '<option value="hr"')
        assertContains(page, '<option value="bo"')


def fields_of(page: Any, address: str = "") -> dict[str, str]:
    """The hidden fields of the page's decision form."""
    html = page.content.decode()
    (form,) = re.findall(rf'<form[^>]*action="[^"]*{address or "/decision/"}"[^>]*>.*?</form>', html, re.S)
    return {
        re.search(r'name="(\w+)"', field).group(1): (re.search(r'value="([^"]*)"', field) or [""] * 2)[1]  # type: ignore[union-attr]
        for field in re.findall(r'<input type="hidden"[^>]*>', form)
    }
