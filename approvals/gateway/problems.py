"""What can go wrong with a request for approval."""

from temporal_worker.problems import InvalidRequest as InvalidRequest
from temporal_worker.problems import KeyReused as KeyReused
from temporal_worker.problems import NotFound
from temporal_worker.problems import NotPermitted as NotPermitted
from temporal_worker.problems import Problem as ApprovalProblem
from temporal_worker.problems import Refused as RequestRefused
from temporal_worker.problems import Unavailable as Unavailable
from temporal_worker.problems import naming_the_field as naming_the_field

__all__ = [
    "ApprovalProblem",
    "InvalidRequest",
    "KeyReused",
    "NotPermitted",
    "RequestNotFound",
    "RequestRefused",
    "Unavailable",
    "naming_the_field",
]


class RequestNotFound(NotFound):
    """There is no such request, or none that this person may see."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"There is no request {request_id}.")
