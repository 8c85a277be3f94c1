"""How quickly a campaign goes on, and how long it still takes: messages are counted as messages, also where many are denied."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.contract import By, CampaignInput, CampaignLimits, Mailing, Stock
from campaigns.process.state import CampaignState

BEGAN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Sending:
    """A campaign that sends, and a clock that a test moves."""

    def __init__(self, audience: int, rate: int, **limits: int) -> None:
        self.now = BEGAN
        self.counts = {"pending": audience, "sent": 0, "denied": 0}
        mailing = Mailing("CMP-1", "CMP-1", "email", "marketing")
        start = CampaignInput(mailing, rate, limits=CampaignLimits(**limits))
        self.state = CampaignState(start, lambda: self.now, lambda: None)
        self.state.fix_audience(Stock(dict(self.counts)))

    def go_on(self, seconds: float, *, sent: int = 0, denied: int = 0) -> None:
        """So many are decided meanwhile, and then they are counted."""
        self.now += timedelta(seconds=seconds)
        self.counts["sent"] += sent
        self.counts["denied"] += denied
        self.counts["pending"] -= sent + denied
        self.state.take(Stock({state: number for state, number in self.counts.items() if number}))

    @property
    def minutes_left(self) -> float:
        at = self.state.first_pass_at
        assert at is not None
        assert at == self.state.view(1, 1).first_pass_at == self.state.finishes_at()
        return (at - self.now).total_seconds() / 60


def test_everybody_gets_it() -> None:
    sending = Sending(1_000, rate=60)
    assert sending.state.per_minute is None
    sending.state.begin()
    assert sending.minutes_left == pytest.approx(1_000 / 60)
    for _ in range(60):
        sending.go_on(2, sent=2)
    assert sending.state.per_minute == pytest.approx(60)
    assert sending.minutes_left == pytest.approx(880 / 60)


def test_many_are_denied_at_once_and_the_others_are_sent() -> None:
    """5,000 opted out stand together at the beginning: that they were through in a second makes nobody's message quicker."""
    sending = Sending(10_000, rate=100)
    sending.state.begin()
    sending.go_on(2, sent=3, denied=5_000)
    for _ in range(15):
        sending.go_on(3, sent=5)
    assert sending.state.per_minute == pytest.approx(100, rel=0.05)
    assert sending.minutes_left == pytest.approx(4_922 / 100, rel=0.1)


def test_many_are_denied_all_the_time() -> None:
    """Nine in ten are denied on the way: what is left takes as long as the messages among them."""
    sending = Sending(10_000, rate=60)
    sending.state.begin()
    for _ in range(60):
        sending.go_on(2, sent=2, denied=18)
    assert sending.state.per_minute == pytest.approx(60)
    assert sending.minutes_left == pytest.approx(8_800 / 600, rel=0.1)


def test_nobody_gets_it() -> None:
    """It goes as quickly as asking goes."""
    sending = Sending(100_000, rate=10)
    sending.state.begin()
    for _ in range(60):
        sending.go_on(5, denied=500)
    assert sending.state.per_minute == 0
    assert sending.minutes_left == pytest.approx(70_000 / 6_000, rel=0.05)


def test_a_pause_is_no_time_and_another_rate_begins_anew() -> None:
    sending = Sending(1_000, rate=60)
    sending.state.begin()
    for _ in range(30):
        sending.go_on(2, sent=2)
    sending.state.pause(By("ann"), "")
    sending.now += timedelta(hours=1)
    assert (sending.state.per_minute, sending.state.first_pass_at, sending.state.finishes_at()) == (None, None, None)
    sending.state.resume(By("ann"), "")
    assert sending.state.per_minute == pytest.approx(60)
    sending.state.set_rate(By("ann"), 600)
    assert sending.state.per_minute is None
    assert sending.minutes_left == pytest.approx(940 / 600)


def test_one_message_in_two_seconds_is_not_thirty_a_minute() -> None:
    sending = Sending(100, rate=1)
    sending.state.begin()
    sending.go_on(2, sent=1)
    assert sending.state.per_minute is None
    sending.go_on(56, sent=0, denied=1)
    assert sending.state.per_minute == pytest.approx(1, rel=0.6)
    assert sending.minutes_left >= 0.5 * 98


def test_the_batch_that_is_being_sent() -> None:
    sending = Sending(250, rate=600, batch_size=100)
    assert sending.state.current_batch == 0
    sending.state.begin()
    seen = [sending.state.current_batch]
    for _ in range(5):
        sending.go_on(5, sent=25, denied=25)
        seen.append(sending.state.current_batch)
    assert seen == [1, 1, 2, 2, 3, 3]
