"""What the campaign area asks of the worker process."""

from campaigns.contract import TASK_QUEUE
from campaigns.user_actor import UserActorWorkflow
from temporal_worker.registry import AreaWorker

AREA_WORKER = AreaWorker(
    task_queue=TASK_QUEUE,
    workflows=[UserActorWorkflow],
    activities=[],
)
