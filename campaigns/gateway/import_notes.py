"""What an import's own activities tell it while they work. Best effort: the stage's result says the rest."""

import structlog

from campaigns.contract import ImportNote, import_workflow_id
from temporal_worker import client
from temporal_worker.client import RequestRefused, TemporalUnavailable, WorkflowCompleted, WorkflowNotFound

log = structlog.get_logger(__name__)


def tell_progress(import_id: str, note: ImportNote) -> None:
    try:
        client.call(client.signal(import_workflow_id(import_id), "note_progress", note))
    except (TemporalUnavailable, WorkflowNotFound, WorkflowCompleted, RequestRefused) as error:
        log.info("import_not_told", import_id=import_id, error=str(error))
