"""The list of decisions: the actor's words and the send log's as one; slots that are taken; runs; the history of wishes."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.contract import DecisionEntry, EntryKind, RunView
from campaigns.gateway.runs import Run
from campaigns.inspector.decisions import entries, flights
from campaigns.inspector.page import change_words
from campaigns.inspector.runs import run_lines
from campaigns.models import PreferenceChange, SendLog
from campaigns.models.words import Outcome
from tests.campaigns.inspected import NOON, page, sent

CLOCK = page([]).clock
NAMES = {"CMP-1": "Price drop"}


def row(number: int, outcome: Outcome, **fields: Any) -> SendLog:
    defaults = {"grant_id": "CMP-1:1:U", "campaign_id": "CMP-1", "channel": "push", "category": "marketing"}
    return SendLog(pk=number, outcome=outcome, at=NOON - timedelta(minutes=number), **{**defaults, **fields})


def entry(kind: EntryKind, grant_id: str = "CMP-1:1:U", **fields: Any) -> DecisionEntry:
    return DecisionEntry(
        NOON, kind, fields.pop("reason", "Message 2 of 3 of this day."), grant_id, channel="push", **fields
    )


class TestEntries:
    def test_a_grant_and_what_became_of_it_are_one(self) -> None:
        log = [row(1, Outcome.SENT, settled_at=NOON)]
        [one] = entries([entry(EntryKind.GRANTED)], log, NAMES, CLOCK)
        assert (one.word, one.title, one.campaign_id) == ("Sent", "Push · Price drop", "CMP-1")
        assert one.text == "Message 2 of 3 of this day. Accepted at 14:08."
        assert one.anchor == "grant-CMP-1:1:U"

    def test_what_only_the_actor_knows_stands_beside_it(self) -> None:
        told = [
            entry(EntryKind.GRANTED, "api:will:1", category="news"),
            entry(EntryKind.RELEASED, "api:will:1", category="news", reason="Not sent."),
            entry(EntryKind.SENT_ELSEWHERE, "other", reason="Another system sent it."),
            DecisionEntry(NOON, EntryKind.MESSAGE_REFUSED, "Message opt_out ignored: odd", allowed=False),
        ]
        found = entries(told, [], NAMES, CLOCK)
        assert sorted(one.word for one in found) == ["Given back", "Granted", "Ignored", "Sent elsewhere"]
        assert {one.title for one in found} == {"Push · news, a program", "Push", "A message to the actor"}
        assert len({one.key for one in found}) == 4
        assert [one.anchor for one in found if one.anchor.startswith("grant-")] == ["grant-api:will:1"]

    @pytest.mark.parametrize(
        ("outcome", "fields", "said"),
        [
            (Outcome.INTENT, {}, "It is being handed over; how it ends is not known yet."),
            (Outcome.UNKNOWN, {}, "Nobody knows whether it went out: it keeps its slot, and is not sent again."),
            (Outcome.FAILED, {"detail": "Bounced"}, "Bounced. It did not go out, and its slot is free again."),
            (Outcome.DENIED, {"detail": "Used up."}, "Used up."),
            (Outcome.DENIED, {"next_allowed_at": NOON}, "The earliest would have been 14:08."),
            (Outcome.DEFERRED, {"next_allowed_at": NOON}, "Put off to 14:08."),
            (Outcome.SENT, {"transactional": True}, "Transactional: it passes every cap."),
            (Outcome.SENT, {"is_test": True}, "A test: it counts for nobody."),
        ],
    )
    def test_each_outcome_has_its_words(self, outcome: Outcome, fields: dict[str, Any], said: str) -> None:
        assert entries([], [row(1, outcome, **fields)], NAMES, CLOCK)[0].text == said

    def test_the_newest_comes_first_and_refused_attempts_are_no_grants(self) -> None:
        log = [row(3, Outcome.DENIED), row(1, Outcome.SENT), row(2, Outcome.DEFERRED)]
        found = entries([], log, NAMES, CLOCK)
        assert [one.key for one in found] == ["log-1", "log-2", "log-3"]
        assert len({one.anchor for one in found}) == 3


class TestFlights:
    def test_only_what_nobody_has_told_the_end_of(self) -> None:
        sends = [sent(NOON, "push"), sent(NOON, "sms"), sent(NOON, "email"), sent(NOON, "sms", elsewhere=True)]
        outcomes = {sends[0].grant_id: Outcome.SENT, sends[1].grant_id: Outcome.INTENT}
        found = flights(sends, outcomes, NAMES, CLOCK)
        assert [(one.title, one.is_ours) for one in found] == [
            ("E-mail · Price drop", False),
            ("SMS · Price drop", True),
        ]
        assert "handed over" in found[1].text

    def test_the_page_looks_again_for_an_outcome_and_gives_up_on_a_crashs(self) -> None:
        one = page([sent(NOON - timedelta(seconds=1), "push")], cap=None)
        one.facts.outcomes[one.view.sends_in_window[0].grant_id] = Outcome.INTENT
        assert one.turns_at == NOON + timedelta(seconds=2)
        old = page([sent(NOON - timedelta(hours=1), "push")])
        old.facts.outcomes[old.view.sends_in_window[0].grant_id] = Outcome.INTENT
        assert old.turns_at is not None
        assert old.turns_at > NOON + timedelta(hours=1)


class TestRuns:
    def run(self, reason: str, hours: int) -> Run:
        began = NOON - timedelta(hours=hours)
        return Run(f"run-{hours}", began, None if reason == "open" else began + timedelta(hours=1), 1_204, reason)

    def test_the_chain_is_numbered_backwards_and_each_says_how_it_ended(self) -> None:
        runs = [self.run("open", 1), self.run("continued", 2), self.run("continued", 3)]
        lines = run_lines(RunView(3, NOON, 312, 500), runs, CLOCK)
        assert [(line.word, line.figure, line.reason) for line in lines] == [
            ("Run 3", "312 of 500", ""),
            ("Run 2", "1,204 events", "Continued as new"),
            ("Run 1", "1,204 events", "Continued as new"),
        ]
        assert (lines[0].share, lines[0].run_id) == ("62.4%", "run-1")

    def test_what_was_before_a_chain_began_anew_has_no_number(self) -> None:
        lines = run_lines(RunView(1, NOON), [self.run("open", 1), self.run("terminated", 2)], CLOCK)
        assert [(line.word, line.reason) for line in lines[1:]] == [("Before", "Terminated by hand")]

    def test_without_the_servers_list_the_run_that_answers_is_known(self) -> None:
        assert [line.word for line in run_lines(RunView(2, NOON), [], CLOCK)] == ["Run 2"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": "opted_out"}, "Opted out of everything"),
        ({"what": "opted_out", "channel": "sms"}, "Opted out of everything by SMS"),
        ({"what": "opted_in", "channel": "sms", "category": "news"}, "Opted in to news by SMS again"),
        ({"what": "cap", "text": "3 a day"}, "Own cap: 3 a day"),
        ({"what": "preferences"}, "Preferences changed"),
        ({"what": "suppressed", "text": "mails came back"}, "Suppressed by every channel: mails came back"),
    ],
)
def test_changes_of_wishes_in_words(fields: dict[str, str], said: str) -> None:
    assert change_words(PreferenceChange(user_id="U", door="web", **fields)) == said
