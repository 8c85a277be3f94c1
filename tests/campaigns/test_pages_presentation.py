"""Campaigns as people see them: the bar, the charts, sentences and times, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string

from campaigns.contract import By, CampaignEntry, CampaignEvent, CampaignPhase, Door
from campaigns.models import Campaign, ProgressSample
from campaigns.presentation import bars, charts
from campaigns.presentation.lede import lede_of
from campaigns.presentation.log import LogLine, ReasonCount, reason_groups
from campaigns.presentation.page import Facts, campaign_page
from campaigns.presentation.status import glance_of, next_of, status_of
from campaigns.presentation.words import audience_words, code_words, cron_words
from campaigns.projection import load_view
from campaigns.samples import slot_of
from dashboard.phrases import plain
from tests.campaigns.pages import view_of

BEGAN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
COUNTS = {
    "audience": 24_500,
    "sent": 14_212,
    "deferred": 1_950,
    "denied": 731,
    "failed": 38,
    "unknown": 3,
    "pending": 7_566,
}


def sample(seconds: float, sent: int, *, of: int = 100, **fields: Any) -> ProgressSample:
    at = BEGAN + timedelta(seconds=seconds)
    return ProgressSample(slot=at, at=at, sent=sent, pending=of - sent - sum(
        number for name, number in fields.items() if name in ("denied", "deferred", "failed", "unknown")
    ), **fields)  # fmt: skip


class TestBar:
    def test_the_parts_fill_it_and_the_smallest_is_seen(self) -> None:
        parts = {part.state: part for part in bars.bar_of(COUNTS)}
        assert parts["unknown"].width == bars.LEAST
        assert abs(sum(part.width for part in parts.values()) - 100) < 0.05
        assert parts["sent"].x == 0
        assert abs(parts["pending"].x + parts["pending"].width - 100) < 0.05
        assert bars.bar_of({"sent": 0}) == []

    def test_the_line(self) -> None:
        assert [part.number for part in bars.sum_of(COUNTS)] == [14_212, 1_950, 731, 38, 3, 7_566]
        assert bars.adds_up(COUNTS)
        assert not bars.adds_up({**COUNTS, "sent": 14_213})
        assert bars.in_words(COUNTS).startswith("Sent 14,212, deferred 1,950")


class TestCharts:
    def test_nothing_to_draw(self) -> None:
        assert charts.rate_chart([]) is None
        assert charts.stack_chart([sample(0, 0)]) is None

    def test_a_pause_is_a_band_and_its_rate_is_nothing(self) -> None:
        seen = [sample(0, 0), sample(60, 30), sample(61, 30, paused=True), sample(301, 30), sample(361, 60)]
        for one in seen:
            one.rate_per_minute = 40
        chart = charts.rate_chart(seen)
        assert chart is not None
        assert [band.words for band in chart.pauses] == ["Paused 4\u00a0m"]
        assert "paused 1 time; the limit is 40." in chart.words
        assert chart.limit_y == 24.0
        assert chart.line.startswith("M0.0 60.0 L")

    def test_who_is_denied_is_no_message(self) -> None:
        """Many denials and few sends: the line beside the limit is of messages, while they run and when the rest is closed."""
        seen = [
            sample(0, 0, of=5_000, rate_per_minute=10),
            sample(60, 8, of=5_000, denied=4_000, failed=1, unknown=1, rate_per_minute=10),
            sample(61, 8, of=5_000, denied=4_990, failed=1, unknown=1, rate_per_minute=10),
        ]
        chart = charts.rate_chart(seen)
        assert chart is not None
        assert chart.words == "10 a minute on the whole, 10 at most, over 1\u00a0m; the limit is 10."
        assert (chart.limit, chart.limit_y) == (10, 24.0)

    def test_every_moment_is_the_whole_audience(self) -> None:
        chart = charts.stack_chart([sample(0, 0), sample(60, 30, denied=5), sample(120, 80, denied=20)])
        assert chart is not None
        assert [area.state for area in chart.areas] == ["sent", "denied", "pending"]
        assert "24.0" in chart.areas[-1].path  # up to the top
        assert "After 2\u00a0m: 80 sent, 20 denied." in chart.words

    def test_one_message_in_two_seconds_is_not_thirty_a_minute(self) -> None:
        begun = [sample(0, 0, rate_per_minute=1), sample(2, 1, rate_per_minute=1)]
        assert charts.rate_chart(begun) is None
        assert charts.rate_chart([begun[0], sample(60, 1, rate_per_minute=1)]) is not None
        assert charts.rate_chart([begun[0], sample(2, 100, rate_per_minute=1)]) is not None, "it is over"

    @pytest.mark.parametrize(
        ("seconds", "ticks"),
        [(120, ["30\u00a0s", "1\u00a0m", "1:30"]), (7_200, ["30\u00a0m", "1\u00a0h", "1\u00a0h\u00a030\u00a0m"])],
    )
    def test_ticks(self, seconds: int, ticks: list[str]) -> None:
        chart = charts.rate_chart([sample(0, 0), sample(seconds, 10)])
        assert chart is not None
        assert [tick.words for tick in chart.ticks] == ticks

    def test_months_are_a_few_hundred_samples(self) -> None:
        moments = [*range(0, 2 * 86_400, 7), *range(2 * 86_400, 60 * 86_400, 600)]
        slots = {slot_of(BEGAN + timedelta(seconds=passed), BEGAN) for passed in moments}
        assert len(slots) < 2_200

    @pytest.mark.parametrize(
        ("status", "samples", "drawings", "words"),
        [
            ("running", [], 2, "From the first ones on"),
            ("running", [sample(0, 0)], 2, "From the first ones on"),
            ("paused", [], 2, "From the first ones on"),
            ("running", [sample(0, 0), sample(60, 30)], 2, "30 a minute on the whole"),
            ("scheduled", [], 0, ""),
            ("cancelled", [], 0, ""),
        ],
    )
    def test_their_room_is_kept_from_the_beginning(
        self, status: str, samples: list[ProgressSample], drawings: int, words: str
    ) -> None:
        """Else what stands below them on a phone moves under the reader's eyes when they come."""
        row = Campaign(campaign_id="CMP-20261121-120000-7f3a")
        page = campaign_page(Facts(row, view_of(row.campaign_id, status=status), samples=samples), BEGAN)
        drawn = render_to_string("campaigns/_campaign_charts.html", {"page": page})
        assert drawn.count('class="chart rate-chart" height="196"') == drawings
        assert words in drawn

    @pytest.mark.parametrize(
        ("status", "audience", "shown", "to_come"),
        [
            ("running", 500, 0, 8),
            ("running", 500, 3, 5),
            ("running", 500, 8, 0),
            ("paused", 4, 1, 3),
            ("running", 0, 0, 0),
            ("completed", 500, 3, 0),
            ("draft", 500, 0, 0),
        ],
    )
    def test_so_is_that_of_the_send_log(self, status: str, audience: int, shown: int, to_come: int) -> None:
        row = Campaign(campaign_id="CMP-20261121-120000-7f3a")
        log = [LogLine(f"log-{n}", f"USER-{n}", "ok", "Sent", "It was sent.", "sent", BEGAN) for n in range(shown)]
        counts = view_of().counts | {"audience": audience, "pending": audience - 5}
        view = view_of(row.campaign_id, status=status, counts=counts)
        drawn = render_to_string(
            "campaigns/_campaign_log.html", {"page": campaign_page(Facts(row, view, log=log), BEGAN)}
        )
        assert drawn.count("<li") - drawn.count('<li aria-hidden="true">') == shown
        assert drawn.count('<li aria-hidden="true">') == to_come
        assert ("Send log" in drawn) is bool(shown or to_come)


class TestWords:
    @pytest.mark.parametrize(
        ("cron", "words"),
        [
            ("0 9 * * 1", "every Monday at 09:00"),
            ("30 7 * * *", "every day at 07:30"),
            ("0 9 * * 1-5", "every weekday at 09:00"),
            ("0 9 1 * *", "on day 1 of each month at 09:00"),
            ("*/5 * * * *", "by the times */5 * * * *"),
        ],
    )
    def test_times(self, cron: str, words: str) -> None:
        assert cron_words(cron) == words

    def test_codes_and_audiences(self) -> None:
        assert code_words("quiet_hours") == "Night where they are"
        assert code_words("smtp_550") == "Smtp 550"
        assert audience_words({"user_ids": ["a"]}) == "One named contact"
        assert audience_words({"segment": "Members"}) == "“Members”"

    def test_reasons_in_their_groups(self) -> None:
        groups = reason_groups(
            [
                ReasonCount("deferred", "min_gap", 5),
                ReasonCount("denied", "cap_day", 20),
                ReasonCount("denied", "opted_out", 80),
            ]
        )
        assert [(group.word, group.number) for group in groups] == [("Denied", 100), ("Deferred", 5)]
        assert [(one.code, one.part) for one in groups[0].reasons] == [("opted_out", 100.0), ("cap_day", 25.0)]


class TestSentences:
    @pytest.mark.parametrize(
        ("fields", "word", "next_words", "lede"),
        [
            ({"status": "starting"}, "Starting", "Starts by itself", "It is launched and starts"),
            (
                {"status": "paused", "reason": "A typo."},
                "Paused",
                "A typo",
                "It is paused: A typo. Five recipients wait",
            ),
            ({"status": "completed"}, "Completed", "Ended", "It is done: four people have got it. Six others did not"),
            (
                {"status": "cancelled", "reason": "No."},
                "Cancelled",
                "No",
                "It was cancelled: No. Four people had got it",
            ),
            ({}, "Sending", "Ends in a moment", "The first pass ends at about 21 Nov 12:05 UTC."),
            ({"phase": CampaignPhase.AUDIENCE}, "Writing down the audience", "Ends in a moment", "Its recipients are"),
        ],
    )
    def test_each_state(self, fields: dict[str, Any], word: str, next_words: str, lede: str) -> None:
        view = view_of(**fields)
        glance = glance_of(view)
        assert status_of(glance).word == word
        assert plain(next_of(glance)) == next_words
        said = lede_of(glance, view.counts, first_pass_at=BEGAN + timedelta(minutes=5), last_deferred_at=None)
        assert plain(said).startswith(lede)

    def test_who_gets_it_later(self) -> None:
        view = view_of(counts={**COUNTS, "pending": 0}, phase=CampaignPhase.DEFERRED)
        said = lede_of(glance_of(view), view.counts, first_pass_at=None, last_deferred_at=BEGAN)
        assert plain(said) == (
            "Everybody was asked for. 1,950 people get theirs later, the last 21 Nov 12:00 UTC, when their own rules allow it."
        )
        assert status_of(glance_of(view)).word == "Waiting for the deferred"


def test_the_timeline_names_people_and_not_their_log_ins() -> None:
    launched = CampaignEntry(BEGAN, CampaignEvent.LAUNCHED, "marketer launched it.", By("marketer", Door.WEB))
    foreign = CampaignEntry(BEGAN, CampaignEvent.CANCELLED, "Somebody at Temporal's command line cancelled it.", By())
    row = Campaign(campaign_id="CMP-20261121-120000-7f3a")
    view = replace(load_view(row), timeline=[launched, foreign])
    page = campaign_page(Facts(row, view, names={"marketer": "Mina Rossi"}), BEGAN)
    assert [entry.text for entry in page.trail] == [foreign.text, "Mina Rossi launched it."]
