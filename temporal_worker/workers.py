"""How a worker of ours is configured – one place for ``runworker``, for tests and for the replay of histories."""

from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import timedelta

from django.conf import settings
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Interceptor, Replayer, Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from temporal_worker.converter import MESSAGE_CONVERTER
from temporal_worker.delays import DelayedSaveInterceptor
from temporal_worker.interceptors import (
    ActivityLogInterceptor,
    DatabaseConnectionInterceptor,
    MalformedMessageInterceptor,
)
from temporal_worker.registry import AreaWorker

GRACE = timedelta(seconds=20)
"""How long running activities may go on after the worker was asked to stop."""
STICKY_TIMEOUT = timedelta(seconds=2)
"""How long a killed worker's cached workflows stall before another takes them. The SDK's 10 s is long for a page."""


def interceptors() -> list[Interceptor]:
    """In the order in which they wrap: the log lines see what the inner ones do."""
    return [
        ActivityLogInterceptor(),
        DelayedSaveInterceptor(),
        DatabaseConnectionInterceptor(),
        MalformedMessageInterceptor(),
    ]


def workflow_runner(workflows: Sequence[type]) -> SandboxedWorkflowRunner:
    """The sandbox, through which only harmless modules pass: each one passed saves a copy per cached workflow.

    The module of a workflow that is ``loaded_once`` passes too. The SDK runs it anew for each instance otherwise, which is
    7/8 of what an instance costs (4.0 against 0.5 ms): much for one that lives for a single message.
    """
    contracts = {f"{workflow.__module__.rpartition('.')[0]}.contract" for workflow in workflows}
    once = {workflow.__module__ for workflow in workflows if getattr(workflow, "loaded_once", False)}
    restrictions = SandboxRestrictions.default.with_passthrough_modules(
        "structlog", "temporal_worker.messages", "temporal_worker.progress", *sorted(contracts | once)
    )
    return SandboxedWorkflowRunner(restrictions=restrictions)


def build_worker(
    client: Client,
    area: AreaWorker,
    executor: Executor,
    *,
    max_concurrent_activities: int | None = None,
    max_cached_workflows: int | None = None,
    grace: timedelta = GRACE,
    version: WorkerDeploymentVersion | None = None,
) -> Worker:
    """A worker for one area. ``executor`` runs the sync activities and needs a thread for each that may run at once.

    With a ``version`` it gets work once that version is the deployment's current one (docs/deploy.md).
    """
    config = client.config()
    config["data_converter"] = MESSAGE_CONVERTER
    return Worker(
        Client(**config),
        task_queue=area.task_queue,
        workflows=area.workflows,
        activities=area.activities,
        activity_executor=executor,
        workflow_runner=workflow_runner(area.workflows),
        interceptors=interceptors(),
        max_concurrent_activities=max_concurrent_activities or settings.WORKER_THREADS,
        max_cached_workflows=area.cached_workflows if max_cached_workflows is None else max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        graceful_shutdown_timeout=grace,
        deployment_config=deployment_config(version) if version else None,
    )


def deployment_config(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Running workflows go on with the newest version: what that may not change is behind ``workflow.patched``, and held by
    the replay of histories. Pinned to the old one, an actor would keep its worker for ever."""
    return WorkerDeploymentConfig(
        version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE
    )


def build_replayer(workflows: Sequence[type]) -> Replayer:
    """A replayer that reads messages as the worker does: what it dropped then is dropped again."""
    return Replayer(
        workflows=workflows,
        workflow_runner=workflow_runner(workflows),
        interceptors=interceptors(),
        data_converter=MESSAGE_CONVERTER,
    )
