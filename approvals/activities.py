"""The effects of a request on the world, one each. Every one may run more than once, and at once with itself.

Sync functions in the worker's thread pool; an interceptor sees to their database connections.
"""

from django.utils import timezone
from temporalio import activity
from temporalio.exceptions import ApplicationError

from approvals import gateway, outcomes, projection
from approvals.contract import ApprovalView, BulkDecision, NoticeRequest, OutcomeRequest, SlackCard
from approvals.models import BulkJob
from approvals.notifiers import mail, slack
from approvals.notifiers.retries import noting_retries


@activity.defn
def save_request(request: ApprovalView) -> None:
    projection.save(request, activity.info().workflow_run_id or "")


@activity.defn
def send_approval_mail(notice: NoticeRequest) -> str:
    view = notice.request
    words = f"The mail “{notice.kind.replace('_', ' ')}” to {view.name_of(notice.recipient)}"
    with noting_retries(view.request_id, f"mail:{notice.kind}:{notice.recipient}:{notice.number}", words):
        try:
            return mail.send_notice(notice)
        except OSError as error:
            # The mail server is away, or says no: expected, tried again, and no traceback in the log.
            raise ApplicationError(str(error), type=type(error).__name__) from None


@activity.defn
def publish_slack_card(card: SlackCard) -> None:
    level = card.request.levels[card.level - 1].name if card.level <= len(card.request.levels) else "a level before"
    with noting_retries(
        card.request.request_id, f"slack:{card.round}:{card.level}", f"The message in Slack for {level}"
    ):
        slack.publish_card(card)


@activity.defn
def book_leave(outcome: OutcomeRequest) -> str:
    return outcomes.book_leave(outcome.request)


@activity.defn
def process_expense(outcome: OutcomeRequest) -> str:
    return outcomes.release_payout(outcome.request)


@activity.defn
def release_purchase(outcome: OutcomeRequest) -> str:
    return outcomes.release_payout(outcome.request)


@activity.defn
def decide_bulk_item(decision: BulkDecision) -> bool:
    try:
        return gateway.decide_item(decision)
    except gateway.Unavailable as problem:
        raise ApplicationError(problem.detail, type="Unavailable") from None


@activity.defn
def finish_bulk(job_id: str) -> None:
    BulkJob.objects.filter(job_id=job_id, finished_at=None).update(finished_at=timezone.now())
