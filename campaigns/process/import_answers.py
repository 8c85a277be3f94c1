"""What an import says: as it begins, when a stage of it fails, and when it can be cancelled no more. Pure."""

from temporalio.exceptions import ApplicationError

from campaigns.contract import (
    FILE_PROBLEM,
    ImportInput,
    ImportRefusal,
    ImportStage,
    ImportStatus,
    ImportView,
    import_workflow_id,
)


def blank(start: ImportInput) -> ImportView:
    """An import of which nothing has happened yet."""
    return ImportView(
        status=ImportStatus.RUNNING,
        stage=ImportStage.UPLOAD,
        version=0,
        import_id=start.import_id,
        workflow_id=import_workflow_id(start.import_id),
        name=start.name,
        by=start.by,
    )


def words_for(view: ImportView, error: BaseException) -> str:
    """Why the stage that the import is at could not be done: the file's own problem, or ours."""
    cause = error.__cause__
    if isinstance(cause, ApplicationError) and cause.type == FILE_PROBLEM:
        return cause.message[:500]
    words = f"The stage {view.stage} could not be done: {cause or error}."
    if view.stage == ImportStage.FINALISE:
        words = f"{words[:300]} Some contacts may be written; importing the same file again finishes it."
    return words[:500]


def cancel_refusal(view: ImportView) -> ApplicationError | None:
    """Why it cannot be cancelled any more; its type is the code."""
    if view.is_final:
        text = f"The import is {view.status} already."
        return ApplicationError(text, {"status": view.status}, type=ImportRefusal(view.status), non_retryable=True)
    if view.stage == ImportStage.FINALISE:
        text = "The contacts are being written; it cannot be cancelled any more."
        return ApplicationError(text, {"stage": view.stage}, type=ImportRefusal.FINALISING, non_retryable=True)
    return None
