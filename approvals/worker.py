"""What the approval area asks of the worker process."""

from datetime import timedelta

from approvals import activities, reconciler
from approvals.bulk_workflow import BulkDecisionWorkflow
from approvals.contract import TASK_QUEUE
from approvals.workflows import ApprovalWorkflow
from temporal_worker.registry import AreaWorker, Periodic

AREA_WORKER = AreaWorker(
    task_queue=TASK_QUEUE,
    workflows=[ApprovalWorkflow, BulkDecisionWorkflow],
    activities=[
        activities.save_request,
        activities.send_approval_mail,
        activities.publish_slack_card,
        activities.book_leave,
        activities.process_expense,
        activities.release_purchase,
        activities.decide_bulk_item,
        activities.finish_bulk,
    ],
    periodic=[
        Periodic("start taken requests", timedelta(seconds=5), reconciler.start_taken_requests),
        Periodic("tell absences", timedelta(seconds=2), reconciler.tell_absences),
        Periodic("finish Slack presses", timedelta(seconds=5), reconciler.finish_slack_presses),
    ],
)
