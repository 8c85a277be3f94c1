"""Fifty people decide one request at one moment, by four doors, for and against: one counts, and the others hear whose."""

import html
import json
import random
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from approvals.notifiers import slack_card
from tests.eventually import aeventually
from tests.slack_standin import CHANNEL
from tests.soak.desk import Desk, fields_of
from tests.soak.hiring import BOARD, slack_id
from tests.soak.mailserver import plain_of
from tests.soak.office import Json, Office, at_once
from tests.soak.shop import Shop, Tally
from tests.soak.sizes import pick

ROUNDS = pick(short=1, full=3)
"""Of each kind on each database."""
SEED = 20261121
DOORS = ("web", "api", "slack", "mail")
TAKEN_IN = "You will get a message when it counts."
Voice = Callable[[], Awaitable[str]]
"""Decides, and returns what its author is told in the end, as plain text."""

# A request of one level is over with its decision; of two levels, the other one is asked.
KINDS = {"contract": "approved", "purchase": "pending"}
"""Kind: its status when the board has approved."""


class TestFiftyAtOnce:
    @pytest.mark.parametrize("kind", pick(short=["contract"], full=[*KINDS]))
    async def test_on_sqlite(self, sqlite_office: Office, kind: str, say: Callable[[str], None]) -> None:
        await _rounds(sqlite_office, kind, say)

    @pytest.mark.parametrize("kind", pick(short=["purchase"], full=[*KINDS]))
    async def test_on_postgresql(self, postgres_office: Office, kind: str, say: Callable[[str], None]) -> None:
        await _rounds(postgres_office, kind, say)


async def _rounds(office: Office, kind: str, say: Callable[[str], None]) -> None:
    dice, tally = random.Random(f"{SEED} {kind}"), Tally()
    async with office:
        for number in range(ROUNDS):
            tally.add(await _round(office, kind, f"Round {number} of {kind}", dice))
    say(f"{BOARD} decisions at once about a {kind}, first was: {tally}")


async def _round(office: Office, kind: str, title: str, dice: random.Random) -> str:
    """Who was first, in words."""
    asked = await office.ask(kind, title)
    request_id = asked["request_id"]
    people = asked["levels"][0]["approvers"]
    assert len(people) == BOARD
    await aeventually(lambda: office.posted(request_id) and len(office.mails.about(request_id)) == BOARD, timeout=60)

    wants = {person: (DOORS[number % len(DOORS)], dice.random() < 0.5) for number, person in enumerate(people)}
    desks: list[Desk] = []
    voices = [await _voice(office, asked, person, *wants[person], desks) for person in people]
    order = dice.sample(range(BOARD), BOARD)
    told_in_order = await at_once(voices[number] for number in order)
    told = {people[number]: words for number, words in zip(order, told_in_order, strict=True)}
    for desk in desks:
        await desk.http.aclose()

    (counted,) = await office.accepted(request_id)
    winner, door, approved = counted["by"]["username"], counted["by"]["door"], counted["approved"]
    assert (door, approved) == wants[winner]
    status = KINDS[kind] if approved else "rejected"
    seen = await office.until(request_id, lambda seen: seen["status"] == status)
    assert [(one["approver"], one["approved"]) for one in seen["levels"][0]["decisions"]] == [(winner, approved)]
    assert not any(level["decisions"] for level in seen["levels"][1:])

    word, name = "approved" if approved else "rejected", asked["names"][winner]
    for person, words in told.items():
        if person == winner:
            # The page names everybody who decided; the other doors say it to their person.
            assert (f"{name} {word} Board" if door == "web" else f"You {word}") in words, words
        else:
            assert f"{name} {word} Board" in words, (person, wants[person], words)
    refused = office.rows(
        "SELECT door, COUNT(DISTINCT who), COUNT(*) FROM approvals_refusedattempt WHERE request_id = ? GROUP BY door",
        request_id,
    )
    wanted = {one: sum(wants[person][0] == one for person in people if person != winner) for one in DOORS}
    assert {one: people_told for one, people_told, _ in refused} == wanted
    return f"{door}, {word}"


# ── Four doors ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _voice(office: Office, asked: Json, person: str, door: str, approved: bool, desks: list[Desk]) -> Voice:
    """Somebody who has looked at the request by their door, and only has to press."""
    match door:
        case "web":
            desk = office.desk(person)
            desks.append(desk)
            return await _by_web(desk, asked, approved)
        case "slack":
            return await _by_slack(office, asked, person, approved)
        case "mail":
            desk = Desk(office.stack.base_url)  # nobody is logged in
            desks.append(desk)
            return await _by_mail(office, desk, asked, person, approved)
    return _by_api(office, asked, person, approved)


async def _by_web(desk: Desk, asked: Json, approved: bool) -> Voice:
    path = f"/approvals/{asked['request_id']}/decision/"
    page = await desk.http.get(path, params={"decision": "approve" if approved else "reject"})
    assert page.status_code == 200
    fields = fields_of(page.text) | {"comment": "By the page."}

    async def press() -> str:
        answer = await Shop.insist(lambda: desk.http.post(path, data=fields))
        if answer.status_code == 302:
            answer = await desk.http.get(answer.headers["Location"])
            assert answer.status_code == 200
        else:
            assert answer.status_code == 409, answer.text
        return _words(answer)

    return press


def _by_api(office: Office, asked: Json, person: str, approved: bool) -> Voice:
    key = f"board-{asked['request_id']}"

    async def press() -> str:
        answer = await Shop.insist(lambda: office.decide(person, asked, approved, "By a program.", key))
        said = answer.json()
        if answer.status_code == 200:
            return f"You {'approved' if approved else 'rejected'}: {said['status']}"
        assert answer.status_code == 409, said
        assert said["code"] in ("already_decided", "already_approved", "already_rejected"), said
        assert said["first"]["who"] != person
        assert said["first"]["door"] in DOORS
        return str(said["detail"])

    return press


async def _by_slack(office: Office, asked: Json, person: str, approved: bool) -> Voice:
    ((message,),) = office.posted(asked["request_id"]).values()
    button = office.slack.button(slack_card.APPROVE if approved else slack_card.REJECT, ts=message["ts"])
    assert (await office.press(office.slack.press(slack_id(person), button))).status_code == 200
    form = office.slack.forms[-1]
    payload = office.slack.submit(slack_id(person), form, "In Slack.")

    async def press() -> str:
        answer = await Shop.insist(lambda: office.press(payload))
        assert answer.status_code == 200, answer.text
        words = json.dumps(answer.json(), ensure_ascii=False)
        if TAKEN_IN not in words:
            return words
        return await aeventually(lambda: _whispered(office, asked, person), timeout=30)

    return press


def _whispered(office: Office, asked: Json, person: str) -> str:
    """The message that somebody alone sees in Slack, when the form could not wait for the outcome."""
    return "".join(
        one["text"]
        for one in list(office.slack.ephemerals)
        if (one["channel"], one["user"]) == (CHANNEL, slack_id(person)) and asked["request_id"] in one["text"]
    )


async def _by_mail(office: Office, desk: Desk, asked: Json, person: str, approved: bool) -> Voice:
    (mail,) = office.mails.about(asked["request_id"], to=f"{person}@example.com")
    (path,) = re.findall(rf"{re.escape(office.stack.base_url)}(/approvals/mail/\S+)", plain_of(mail))
    page = await desk.http.get(path)
    assert page.status_code == 200
    fields = fields_of(page.text) | {"choice": "approve" if approved else "reject", "comment": "By mail."}

    async def press() -> str:
        answer = await Shop.insist(lambda: desk.http.post(path, data=fields))
        # Who opens the link when it is over already is told so by the page that would have asked.
        assert answer.status_code in (200, 409), answer.text
        return _words(answer)

    return press


def _words(answer: httpx.Response) -> str:
    """A page's text without its tags."""
    main = answer.text.partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
