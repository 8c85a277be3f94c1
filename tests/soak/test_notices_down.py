"""Slack and the mail server go away in four ways: requests go on, what was not told is seen, and nobody is told twice."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from time import monotonic

import pytest

from approvals.notifiers import slack_card
from tests.eventually import aeventually
from tests.soak.office import Json, Office
from tests.soak.sizes import pick

LOST = "nothing, having taken it"
# What they answer: Slack's fault of the stand-in, and the mail server's words. Lost ones come first: a notice that failed in
# another way, and is tried again meanwhile, would be taken.
FAULTS = {
    LOST: ("lost", ""),
    "an error": ("broken", "451 4.3.0 Try again"),
    "too many calls": ("limited", "421 4.7.0 Too many connections"),
    "no connection": ("", ""),
}
EACH = pick(short=1, full=4)
"""Requests that are asked, and others that are decided, while each fault lasts."""
GOES_ON_WITHIN = 15.0
"""Seconds in which a request is asked, another decided and carried out, while nobody can be told."""
GIVEN_UP_WITHIN = 60.0
"""Seconds until the request itself says what was not told: six tries, which take half a minute."""
NOTICES = {"send_approval_mail", "publish_slack_card"}


@pytest.fixture
def office(sqlite_office: Office) -> Iterator[Office]:
    """Its Slack and its mail server are whole again afterwards."""
    yield sqlite_office
    _bring_back(sqlite_office)
    sqlite_office.mails.deaf.clear()


async def test_requests_go_on_and_everybody_is_told_once(
    sqlite_office: Office, office: Office, say: Callable[[str], None]
) -> None:
    async with office:
        start = monotonic()
        # One mailbox is full for good, and one Slack channel is not there.
        office.mails.deaf.add("deaf@example.com")
        day = str(date.today() + timedelta(days=30))
        untold = await office.ask("leave", "A week off", starts_on=day, ends_on=day)
        known = {fault: await _ask(office, f"Before {fault}") for fault in FAULTS}
        everyone = [request for requests in known.values() for request in requests]
        await aeventually(lambda: all(_are_told(office, request, "chair") for request in everyone), timeout=30)

        asked: dict[str, list[Json]] = {}
        slowest = 0.0
        for fault in FAULTS:
            _take_away(office, fault)
            began = monotonic()
            asked[fault] = await _ask(office, f"During {fault}")
            for request in known[fault]:
                answer = await office.decide("chair", request)
                assert answer.status_code == 200, answer.text
                assert answer.json()["status"] == "approved"
                await office.until(request["request_id"], lambda seen: bool(seen["outcome"]), timeout=GOES_ON_WITHIN)
            slowest = max(slowest, monotonic() - began)
            await aeventually(lambda now=fault: _were_tried(office, asked[now] + known[now]), timeout=20)
        assert slowest <= GOES_ON_WITHIN
        for request in (one for fault in FAULTS for one in asked[fault] if fault != LOST):
            assert not office.posted(request["request_id"])
            assert not office.mails.about(request["request_id"])
        _bring_back(office)
        back = monotonic()

        decided = [request for requests in known.values() for request in requests]
        waiting = [request for requests in asked.values() for request in requests]
        await aeventually(lambda: all(_are_told(office, request, "chair") for request in waiting), timeout=60)
        await aeventually(
            lambda: all(_shows(office, request, "Approved by Chair Soak") for request in decided), timeout=60
        )
        await aeventually(lambda: all(_are_told(office, request, "asker") for request in decided), timeout=60)
        told = monotonic() - back
        for request in waiting:
            assert _has_buttons(office, request)
            assert (await office.decide("chair", request)).status_code == 200
        await aeventually(
            lambda: all(_shows(office, request, "Approved by Chair Soak") for request in waiting), timeout=30
        )
        await aeventually(lambda: all(_are_told(office, request, "asker") for request in waiting), timeout=30)

        await _is_seen_to_be_untold(office, untold)
        answer = await office.decide("chair", untold)
        assert answer.json()["status"] == "approved", answer.text
        await aeventually(lambda: _mails(office, untold)["asker@example.com"], timeout=30)
        bookings = "SELECT COUNT(*) FROM approvals_leavebooking WHERE request_id = ?"
        assert office.rows(bookings, untold["request_id"]) == [(1,)]

        for request in decided + waiting:
            # Updated where it stands, and posted once: by round and level, and whatever was lost on the way.
            assert [len(messages) for messages in office.posted(request["request_id"]).values()] == [1]
            assert not _has_buttons(office, request)
            assert _mails(office, request) == {"chair@example.com": 1, "asker@example.com": 1}
            assert len(await office.accepted(request["request_id"])) == 1
        unsent = """SELECT m.recipient FROM approvals_approvalmail m JOIN approvals_approvalrequest r ON r.id = m.request_id
                    WHERE m.sent_at IS NULL AND r.request_id = ?"""
        assert [office.rows(unsent, request["request_id"]) for request in decided + waiting] == [[]] * len(
            asked
        ) * 2 * EACH
        assert office.rows(unsent, untold["request_id"]) == [("deaf",)]
    say(
        f"Slack and mail away in {len(FAULTS)} ways: asked, decided and carried out in {slowest:.1f} s at most; all told "
        f"{told:.0f} s after they were back; {monotonic() - start:.0f} s in all"
    )


# ── Away and back ────────────────────────────────────────────────────────────────────────────────────────────────────


def _take_away(office: Office, fault: str) -> None:
    """From one fault to the next without a moment in which all is well."""
    in_slack, in_mail = FAULTS[fault]
    if in_slack:
        office.slack.faults["*"], office.mails.answer, office.mails.drops = in_slack, in_mail or "250 OK", not in_mail
    else:
        office.slack.close()
        office.mails.close()


def _bring_back(office: Office) -> None:
    office.slack.faults.clear()
    office.mails.answer, office.mails.drops = "250 OK", False
    office.slack.open()
    office.mails.open()


async def _ask(office: Office, title: str) -> list[Json]:
    return [await office.ask("travel", f"{title}, {number}") for number in range(EACH)]


async def _were_tried(office: Office, requests: list[Json]) -> bool:
    """Whether a mail and a Slack message of each have failed once already."""
    for request in requests:
        handle = office.temporal.get_workflow_handle(request["workflow_id"])
        pending = (await handle.describe()).raw_description.pending_activities
        if {each.activity_type.name for each in pending if each.attempt > 1} < NOTICES:
            return False
    return True


# ── What people see ──────────────────────────────────────────────────────────────────────────────────────────────────


def _are_told(office: Office, request: Json, username: str) -> bool:
    """Whether somebody has a mail, and the channel its message."""
    return bool(_mails(office, request)[f"{username}@example.com"] and office.posted(request["request_id"]))


def _mails(office: Office, request: Json) -> Counter[str]:
    return Counter(str(mail["To"]) for mail in office.mails.about(request["request_id"]))


def _message(office: Office, request: Json) -> Json:
    return office.posted(request["request_id"])[1, 1][0]


def _shows(office: Office, request: Json, words: str) -> bool:
    return words in json.dumps(_message(office, request)["blocks"], ensure_ascii=False)


def _has_buttons(office: Office, request: Json) -> bool:
    actions = next(block for block in _message(office, request)["blocks"] if block["type"] == "actions")
    return any(button["action_id"] == slack_card.APPROVE for button in actions["elements"])


async def _is_seen_to_be_untold(office: Office, request: Json) -> None:
    """The request's page says that a mail and the Slack message did not go out."""
    async with office.desk("chair") as desk:

        async def ask() -> bool:
            answer = await desk.http.get(f"/approvals/{request['request_id']}/")
            assert answer.status_code == 200
            assert "Slack was not told (round 1, level 1)" in answer.text
            return "Mail “asked” to Deaf Soak could not be sent." in answer.text

        await aeventually(ask, timeout=GIVEN_UP_WITHIN, every=0.5)
