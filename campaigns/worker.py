"""What the campaign area asks of the worker process."""

from campaigns import activities
from campaigns.contract import TASK_QUEUE
from campaigns.user_actor import UserActorWorkflow
from temporal_worker.registry import AreaWorker

AREA_WORKER = AreaWorker(
    task_queue=TASK_QUEUE,
    workflows=[UserActorWorkflow],
    activities=[
        activities.snapshot_audience,
        activities.ask_launch_approval,
        activities.withdraw_launch_approval,
        activities.close_gate,
        activities.send_batch,
        activities.count_recipients,
        activities.close_recipients,
        activities.save_campaign,
        activities.list_running_campaigns,
    ],
)
