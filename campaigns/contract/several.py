"""What is about several campaigns at once: stopping them all, and the times of a recurring one."""

from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.contract.campaign_messages import StopInput
from campaigns.contract.words import MAX_REASON
from temporal_worker.contract import By, check_number, check_text


@dataclass(frozen=True)
class StopEverythingInput:
    """What ``StopEverythingWorkflow`` starts from. ``wait_seconds``: how long it waits for the campaigns' answers."""

    stop_id: str
    reason: str = ""
    by: By = field(default_factory=By)
    wait_seconds: int = 30

    def check(self) -> None:
        check_text("stop_id", self.stop_id, most=64, required=True)
        check_number("wait_seconds", self.wait_seconds, least=0, most=600)
        check_text("reason", self.reason, most=MAX_REASON)
        self.by.check()


@dataclass(frozen=True)
class StoppedReply:
    """Signal ``campaign_stopped``: what a campaign says to the workflow that asked it to stop."""

    workflow_id: str
    status: str
    pending: int = 0


@dataclass(frozen=True)
class HoldInput:
    """``hold_campaign``: stop a campaign that had no workflow to be told, with what its workflow would have been told."""

    workflow_id: str
    stop: StopInput


class StopState(StrEnum):
    """What became of one campaign that was to stop."""

    TOLD = "told"
    """It has the signal and has not answered yet."""
    STOPPED = "stopped"
    ENDED = "ended"
    """It was over before it could be told, or is not there."""
    TIMES_PAUSED = "times_paused"
    """Of a recurring one: its further times begin nothing until somebody resumes it."""


@dataclass(frozen=True)
class StopEntry:
    workflow_id: str
    state: str
    status: str = ""
    """The campaign's, after the stop."""
    problem: str = ""


@dataclass(frozen=True)
class StopReport:
    """Answer of ``get_report``, and what ``StopEverythingWorkflow`` returns."""

    stop_id: str
    reason: str
    requested_by: str
    entries: list[StopEntry]
    is_done: bool = False
    times: list[StopEntry] = field(default_factory=list)
    """The recurring campaigns whose times are paused."""


@dataclass(frozen=True)
class OccurrenceInput:
    """What ``CampaignOccurrenceWorkflow`` starts from: a Schedule's action, once for each time of a recurring campaign."""

    series_id: str

    def check(self) -> None:
        check_text("series_id", self.series_id, most=80, required=True)
