"""What a campaign is told: its updates and signals."""

from dataclasses import dataclass, field

from campaigns.contract.campaigns import check_rate
from campaigns.contract.words import MAX_ID, MAX_REASON
from temporal_worker.contract import SYSTEM, By, check_text


@dataclass(frozen=True)
class PauseInput:
    """``pause``: no message begins after the answer."""

    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        _check_action(self.reason, self.by)


@dataclass(frozen=True)
class ResumeInput:
    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        _check_action(self.reason, self.by)


@dataclass(frozen=True)
class CancelInput:
    """``cancel``: for good. No message begins after the answer; who has not got it is denied ``campaign_cancelled``."""

    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        _check_action(self.reason, self.by)


@dataclass(frozen=True)
class RateInput:
    """``set_rate``: messages a minute, of all shards together."""

    per_minute: int
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_rate("per_minute", self.per_minute)
        self.by.check()


@dataclass(frozen=True)
class StopInput:
    """Signal ``stop``: a pause by the button that stops everything. Whoever pressed it may resume each campaign.

    ``reply_to`` names a workflow that is signalled ``campaign_stopped`` with a :class:`StoppedReply` when no message
    begins any more.
    """

    reason: str = ""
    requested_by: str = ""
    reply_to: str = ""

    def check(self) -> None:
        check_text("reason", self.reason, most=MAX_REASON)
        check_text("requested_by", self.requested_by, most=150)
        check_text("reply_to", self.reply_to, most=MAX_ID)


@dataclass(frozen=True)
class RecountInput:
    """Signal ``recount``: somebody who was deferred will never be sent to after all, so that nobody waits for them."""

    by: By = SYSTEM

    def check(self) -> None:
        self.by.check()


def _check_action(reason: str, by: By) -> None:
    check_text("reason", reason, most=MAX_REASON)
    by.check()
