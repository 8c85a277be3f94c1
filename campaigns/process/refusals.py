"""Why a campaign says no to an update – a code for machines and a sentence for people, or nothing –, or to its audience."""

from temporalio.exceptions import ApplicationError

from campaigns.contract import MISSING_VARIABLES, CampaignRefusal, CampaignStatus
from campaigns.process.state import CampaignState

_ENDED = {
    CampaignStatus.COMPLETED: (CampaignRefusal.COMPLETED, "The campaign is completed already"),
    CampaignStatus.CANCELLED: (CampaignRefusal.CANCELLED, "The campaign was cancelled"),
}


def refuse(code: CampaignRefusal, sentence: str, **details: object) -> ApplicationError:
    """The error that refuses an update; its type is the code, its details are for machines."""
    return ApplicationError(sentence, details, type=code, non_retryable=True)


def why_not_fixed(error: BaseException) -> str:
    """Why it pauses with nobody written down, or with somebody who lacks what its texts need."""
    if isinstance(error, ApplicationError) and error.type == MISSING_VARIABLES:
        return error.message
    return f"The audience could not be fixed: {error}"


def pause_refusal(state: CampaignState) -> ApplicationError | None:
    if refusal := over_refusal(state):
        return refusal
    if state.it.paused:
        return refuse(CampaignRefusal.ALREADY_PAUSED, f"It is paused already{_why(state)}", reason=state.it.reason)
    return None


def resume_refusal(state: CampaignState) -> ApplicationError | None:
    if refusal := over_refusal(state):
        return refusal
    if not state.it.paused:
        return refuse(
            CampaignRefusal.NOT_PAUSED, f"It is not paused; it is {_words(state.status)}.", status=state.status
        )
    return None


def over_refusal(state: CampaignState) -> ApplicationError | None:
    """For all that a campaign takes only while it is not over."""
    if not state.is_over:
        return None
    code, words = _ENDED[state.status]
    return refuse(code, f"{words}{_why(state)}", status=state.status, reason=state.it.reason)


def _why(state: CampaignState) -> str:
    reason = state.it.reason.strip().rstrip(".")
    return f": {reason}." if reason else "."


def _words(status: str) -> str:
    return status.replace("_", " ")
