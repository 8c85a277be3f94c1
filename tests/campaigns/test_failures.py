"""When the latest messages pause a campaign: however long it went well before, and however slowly it sends."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.contract import CampaignInput, CampaignLimits, CampaignPhase, Mailing, Stock
from campaigns.process.failures import SAMPLES
from campaigns.process.state import CampaignState

AUDIENCE = 20_000


class Campaign:
    """A running campaign whose recipients are counted as the test says."""

    def __init__(self, **limits: int) -> None:
        mailing = Mailing("CMP-1", "CMP-1", "email", "marketing")
        request = CampaignInput(mailing, 240, limits=CampaignLimits(approval_above=None, **limits))
        self.moment = datetime(2026, 11, 21, 9, tzinfo=UTC)
        self.state = CampaignState(request, lambda: self.moment, lambda: None)
        self.state.fix_audience(Stock({"pending": AUDIENCE}))
        self.state.begin()
        self.tallies = {"sent": 0, "failed": 0, "unknown": 0}
        self.crashed = 0

    def count(self, **more: int) -> str:
        """So many more since the last count; answers why it paused, if it did."""
        self.crashed += more.pop("crashed", 0)
        for name, number in more.items():
            self.tallies[name] += number
        self.moment += timedelta(seconds=2)
        counts = self.tallies | {"pending": AUDIENCE - sum(self.tallies.values())}
        self.state.take(Stock(counts, crashed=self.crashed))
        return self.state.it.reason if self.state.it.paused else ""


def test_failures_after_thousands_that_went_well_pause_it() -> None:
    campaign = Campaign()
    for _ in range(1_776):
        assert not campaign.count(sent=8)
    counts = 0
    while not (reason := campaign.count(failed=8)):
        counts += 1
    assert counts < 200 / 8
    assert "of the last" in reason


@pytest.mark.parametrize("name", ["failed", "unknown"])
def test_at_one_message_a_second(name: str) -> None:
    campaign = Campaign()
    for _ in range(300):
        assert not campaign.count(sent=2)
    reasons = [campaign.count(**{name: 1}) for _ in range(20)]
    assert [bool(reason) for reason in reasons] == [False] * 19 + [True], (
        "twenty of the last two hundred are ten per cent"
    )


def test_fewer_than_the_per_cent_never_do() -> None:
    campaign = Campaign()
    for _ in range(500):
        assert not campaign.count(sent=19, failed=1)


def test_a_worker_that_died_says_nothing_of_its_messages() -> None:
    campaign = Campaign()
    campaign.count(sent=300)
    assert not campaign.count(unknown=48, crashed=48)
    assert not campaign.count(sent=8)


def test_nobody_is_left_whom_a_pause_would_save() -> None:
    campaign = Campaign()
    campaign.count(sent=AUDIENCE - 30)
    assert not campaign.count(failed=30)


def test_who_resumes_it_begins_a_new_count() -> None:
    campaign = Campaign()
    for _ in range(10):
        campaign.count(sent=100)
    assert campaign.count(failed=25)
    campaign.state.resume(campaign.state.request.by, "The provider is back.")
    campaign.state.sends_on()
    assert not campaign.count(sent=8, failed=2)
    assert campaign.count(failed=25)


def test_what_it_remembers_is_bounded_and_goes_with_it() -> None:
    campaign = Campaign(pause_error_least=10_000, pause_error_percent=60)
    for _ in range(1_000):
        campaign.count(sent=1)
    assert len(campaign.state.it.tried) <= SAMPLES
    assert campaign.state.it.tried[-1].attempts == 1_000
    assert campaign.state.it.phase == CampaignPhase.SENDING
