"""What operators set: figures for Prometheus, versions of a Worker Deployment, the way to a cluster."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from dashboard.processes import free_port
from temporal_worker.connection import connect
from temporal_worker.management.commands.runworker import chosen_version
from temporal_worker.metrics import metrics_runtime
from temporal_worker.testing import running_worker
from temporal_worker.workers import build_worker
from tests.temporal_worker.conftest import eventually
from tests.temporal_worker.contract import Label, ParcelInput, Weigh
from tests.temporal_worker.worker import AREA

RULES = Path(settings.BASE_DIR) / "docs" / "operate" / "alerts.yaml"


def asked_for() -> Iterator[tuple[str, dict[str, str]]]:
    """Each figure of the worker in the rules, with the labels that it is looked up or summed by; "" is any value."""
    for rule in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]:
        summed_by = {name for names in re.findall(r"\bby \(([\w, ]+)\)", rule["expr"]) for name in names.split(", ")}
        for name, selector in re.findall(r"\b(temporal_\w+)(?:\{([^}]*)\})?", rule["expr"]):
            labels = dict.fromkeys(summed_by, "") | dict(re.findall(r'(\w+)="([^"]*)"', selector))
            yield name, labels


def is_told(text: str, name: str, labels: dict[str, str]) -> bool:
    """Whether Prometheus finds such a series in what a worker tells."""
    for line in text.splitlines():
        told, _, rest = line.partition("{")
        if told == name:
            found = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            if all(label in found and value in ("", found[label]) for label, value in labels.items()):
                return True
    return False


@pytest.mark.usefixtures("connected")
class TestMetrics:
    async def test_are_told_as_the_rules_of_the_docs_ask_for_them(self) -> None:
        port = free_port()
        client = await connect(runtime=metrics_runtime(f"127.0.0.1:{port}"))
        area = replace(AREA, task_queue=f"metrics-{port}")
        wanted = list(asked_for())
        assert len(wanted) >= 6
        async with running_worker(client, area), httpx.AsyncClient() as prometheus:
            parcel = await client.start_workflow(
                "ParcelWorkflow", ParcelInput("p"), id=f"metrics-{port}", task_queue=area.task_queue
            )
            with pytest.raises(WorkflowUpdateFailedError):  # and so does its activity
                await parcel.execute_update("pay", Label("declined"))
            # A task that fails, as one of a workflow whose code has a mistake.
            await client.start_workflow("UnknownWorkflow", id=f"unknown-{port}", task_queue=area.task_queue)

            async def missing() -> list[tuple[str, dict[str, str]]]:
                text = (await prometheus.get(f"http://127.0.0.1:{port}/metrics")).text
                return [(name, labels) for name, labels in wanted if not is_told(text, name, labels)]

            async def are_all_told() -> bool:
                return not await missing()

            with suppress(AssertionError):
                await eventually(are_all_told, 30)
            assert not await missing()

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
                await eventually(lambda: _is_current(temporal, version), 30)
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
