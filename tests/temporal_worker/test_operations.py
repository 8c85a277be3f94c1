"""What operators set: figures for Prometheus, versions of a Worker Deployment, the way to a cluster."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from django.conf import settings
from django.core.management import CommandError
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from temporal_worker.connection import connect
from temporal_worker.management.commands.runworker import chosen_version
from temporal_worker.metrics import metrics_runtime
from temporal_worker.testing import running_worker
from temporal_worker.workers import build_worker
from tests.temporal_worker.conftest import eventually, free_port
from tests.temporal_worker.contract import ParcelInput, Weigh
from tests.temporal_worker.worker import AREA

# What docs/operate.md tells to look at.
ALERTED = (
    "temporal_workflow_task_schedule_to_start_latency_seconds",
    "temporal_workflow_task_execution_latency_seconds",
    "temporal_request_latency_seconds",
    "temporal_worker_task_slots_available",
    "temporal_num_pollers",
    "temporal_sticky_cache_size",
)


@pytest.mark.usefixtures("connected")
class TestMetrics:
    async def test_are_told_where_the_setting_says(self) -> None:
        port = free_port()
        client = await connect(runtime=metrics_runtime(f"127.0.0.1:{port}"))
        area = replace(AREA, task_queue=f"metrics-{port}")
        async with running_worker(client, area), httpx.AsyncClient() as prometheus:
            handle = await client.start_workflow(
                "ParcelWorkflow", ParcelInput("p"), id=f"metrics-{port}", task_queue=area.task_queue
            )
            await handle.execute_update("weigh", Weigh(5))

            async def told() -> str:
                text = (await prometheus.get(f"http://127.0.0.1:{port}/metrics")).text
                return text if "temporal_workflow_task_execution_latency" in text else ""

            text = await eventually(told)
        for name in ALERTED:
            assert f"# TYPE {name} " in text, name

    def test_are_off_unless_asked_for(self) -> None:
        assert metrics_runtime() is None


class TestDeployment:
    async def test_a_version_works_once_it_is_the_current_one(self, temporal: Client) -> None:
        name = f"callboard-{uuid4().hex[:8]}"
        area = replace(AREA, task_queue=name)
        version = WorkerDeploymentVersion(name, "build-1")
        with ThreadPoolExecutor(settings.WORKER_THREADS) as executor:
            async with build_worker(temporal, area, executor, version=version, grace=timedelta(seconds=1)):
                handle = await temporal.start_workflow("ParcelWorkflow", ParcelInput("p"), id=name, task_queue=name)
                await eventually(lambda: _is_current(temporal, version))
                assert (await handle.execute_update("weigh", Weigh(5)))["grams"] == 5
                described = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
                assert described.deployment_version.build_id == "build-1"

    def test_needs_a_name_and_a_build(self) -> None:
        assert chosen_version("", "") is None
        assert chosen_version("callboard", "7f3a") == WorkerDeploymentVersion("callboard", "7f3a")
        for half in (("callboard", ""), ("", "7f3a"), ("call.board", "7f3a")):
            with pytest.raises(CommandError):
                chosen_version(*half)


async def _is_current(client: Client, version: WorkerDeploymentVersion) -> bool:
    """As ``temporal worker deployment set-current-version``; the server has to have heard of the worker first."""
    try:
        await client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=client.namespace, deployment_name=version.deployment_name, build_id=version.build_id
            )
        )
    except RPCError:
        return False
    return True
