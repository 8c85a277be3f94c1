"""What the tests' small area registers."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from temporal_worker.registry import AreaWorker
from tests.temporal_worker.contract import QUEUE
from tests.temporal_worker.workflows import ParcelWorkflow


@activity.defn
def decline(text: str) -> str:
    raise ApplicationError(text, type="PermanentError", non_retryable=True)


AREA = AreaWorker(task_queue=QUEUE, workflows=[ParcelWorkflow], activities=[decline])
