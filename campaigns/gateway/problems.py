"""What can go wrong with a campaign or an actor."""

from temporal_worker.problems import InvalidRequest as InvalidRequest
from temporal_worker.problems import KeyReused as KeyReused
from temporal_worker.problems import NotFound
from temporal_worker.problems import NotPermitted as NotPermitted
from temporal_worker.problems import Problem as CampaignProblem
from temporal_worker.problems import Refused as CampaignRefused
from temporal_worker.problems import Unavailable as Unavailable
from temporal_worker.problems import naming_the_field as naming_the_field

__all__ = [
    "CampaignNotFound",
    "CampaignProblem",
    "CampaignRefused",
    "ContactNotFound",
    "InvalidRequest",
    "KeyReused",
    "NotPermitted",
    "Unavailable",
    "naming_the_field",
]


class CampaignNotFound(NotFound):
    """There is no such campaign, or not for whoever asks."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(f"There is no campaign {campaign_id}.")


class ContactNotFound(NotFound):
    """There is no such contact, or not for whoever asks."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no contact {user_id}.")
