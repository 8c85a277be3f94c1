"""Starting the workflow of a row that is committed already."""

from contextlib import suppress
from typing import Any

from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowAlreadyStarted
from temporal_worker.links import page_link
from temporal_worker.problems import Unavailable


def start_of_row(workflow: str, arg: Any, *, id: str, task_queue: str, summary: str, page: str, kept: str = "") -> None:
    """Starts it; a second start, of one that has ended too, changes nothing.

    ``summary`` and the link to ``page``, a path of ours, are what Temporal's own pages say of it.

    Raises:
        Unavailable: it may or may not have been started. The row is there: whoever looks for such rows starts it. ``kept``
            is the sentence that says so to whoever wrote it, where there is somebody to be told.
    """
    starting = client.start_workflow(
        workflow, arg, id=id, task_queue=task_queue, static_summary=summary[:200], static_details=page_link(page)
    )
    try:
        with suppress(WorkflowAlreadyStarted):
            client.call(starting)
    except TemporalUnavailable as error:
        raise Unavailable(f"{error} {kept}".strip(), error.retry_after) from error
