"""An import of contacts: upload, validate, transform, finalise. Each stage does its work and waits for the word to go on.

``run`` reads top down. Nothing is written to the contacts before ``finalise``; from then on it is done to its end. A word
that comes early is remembered, one that comes twice or makes no sense changes nothing. No Django here.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from campaigns.contract import (
        ImportCancelInput,
        ImportInput,
        ImportNote,
        ImportResult,
        ImportStage,
        ImportStatus,
        ImportView,
        InvalidField,
        StageInput,
        StageRequest,
        StageResult,
        UploadInput,
    )
    from campaigns.process import import_effects as effects
    from campaigns.process.import_answers import blank, cancel_refusal, words_for
    from temporal_worker.keeper import ProjectionKeeper
    from temporal_worker.progress import LiveWorkflow, carried_through

KEPT_DROPS = 10
"""Signals that made no sense, of which the import still tells."""

_ORDER = list(ImportStage)


class _Over(Exception):
    """The import has its end; the view says which."""


@workflow.defn
class AudienceImportWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, start: ImportInput) -> None:
        try:
            start.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        self.start = start
        self.it = start.resume or blank(start)
        if start.resume is None:
            self.it.started_at = self.it.waiting_since = workflow.now()
            self.touch()
        self.resume_version(self.it.version)
        self.it.version = self.version
        self.noted_attempt = 1
        self.projection = ProjectionKeeper(lambda: self.it.version, self._save)

    @workflow.run
    async def run(self, start: ImportInput) -> ImportResult:
        return await carried_through(self._story(), self._on_workflow_cancelled)

    def _on_workflow_cancelled(self) -> None:
        """Taken for a wish to cancel the import: it tidies up behind itself."""
        if not self.it.is_final and self.it.stage != ImportStage.FINALISE:
            self._end(ImportStatus.CANCELLED, "It was cancelled in Temporal.")

    def current_details(self) -> str:
        it = self.it
        waits = ", waits for the word to go on" if it.is_waiting else ""
        return f"**{it.status}**, at the stage {it.stage}: {it.rows_done} of {it.rows_total} rows{waits}"

    async def _story(self) -> ImportResult:
        saving = asyncio.create_task(self.projection.keep())
        try:
            await self._await_word(ImportStage.UPLOAD)
            await self._pass_through(ImportStage.VALIDATE)
            await self._pass_through(ImportStage.TRANSFORM)
            await self._finalise()
        except _Over:
            pass
        it = self.it
        await effects.tidy(it.import_id, it.location, keep_problems=it.status != ImportStatus.CANCELLED)
        await self.drain()
        await self.projection.saved()
        saving.cancel()
        return ImportResult(it.import_id, it.status, it.rows_total, it.rows_done, it.rows_rejected, it.problem)

    # ── The steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _await_word(self, stage: ImportStage) -> None:
        """Until somebody says that the stage is complete; after long silence, the import ends."""
        if self._is_past(stage):
            return
        it = self.it
        ends_at = (it.waiting_since or workflow.now()) + timedelta(seconds=self.start.waits_seconds)
        while stage not in it.told and not it.is_final:
            left = ends_at - workflow.now()
            if left <= timedelta(0):
                self._end(ImportStatus.CANCELLED, f"Nobody went on from the stage {stage.value}.")
                break
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    lambda: stage in it.told or it.is_final or workflow.info().is_continue_as_new_suggested(),
                    timeout=left,
                    timeout_summary="Nobody goes on",
                )
            await self._renew_if_long()
        if it.is_final:
            raise _Over

    async def _pass_through(self, stage: ImportStage) -> None:
        """A stage's work, then the word that it is complete."""
        if self._is_past(stage):
            return
        await self._renew_if_long()
        if self.it.stage != stage:
            self._enter(stage)
        if not self.it.is_waiting:
            self._take_in(await self._work(stage))
            if not self.it.rows_done:
                none = "The file has no rows." if not self.it.rows_total else "None of the file's rows can be taken."
                self._end(ImportStatus.FAILED, none)
                raise _Over
        if not self.start.unattended:
            await self._await_word(stage)

    async def _finalise(self) -> None:
        """The contacts are written. Not cancelled any more: half an import is none."""
        if self.it.stage != ImportStage.FINALISE:
            self._enter(ImportStage.FINALISE)
        self._take_in(await self._work(ImportStage.FINALISE))
        problem = ""
        # No ``patched``: imports from before it was there do not greet.
        if self.start.greets:
            self.it.is_waiting = False
            try:
                self.it.greeted = await effects.greet_new(self.it.import_id, self.start.by)
            except ActivityError as error:
                problem = f"The contacts are written, but not all new ones are greeted: {error.cause or error}."[:500]
        self._end(ImportStatus.COMPLETED, problem)

    async def _work(self, stage: ImportStage) -> StageResult:
        it = self.it
        self.noted_attempt = 1
        request = StageRequest(
            it.import_id, it.location, stage, self.start.mapping, it.name, it.by.username, it.rows_total
        )
        work = effects.start_work(request)
        await workflow.wait_condition(lambda: work.done() or it.is_final)
        if it.is_final:
            work.cancel()
        try:
            result = await work
        except (ActivityError, asyncio.CancelledError) as error:
            if not it.is_final:
                self._end(ImportStatus.FAILED, words_for(self.it, error))
            raise _Over from None
        if it.is_final:
            raise _Over
        return result

    async def _renew_if_long(self) -> None:
        if not workflow.info().is_continue_as_new_suggested() or self.it.is_final:
            return
        await self.drain()
        if not self.it.is_final:
            workflow.continue_as_new(replace(self.start, resume=self.it))

    # ── The state ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_past(self, stage: ImportStage) -> bool:
        return _ORDER.index(ImportStage(self.it.stage)) > _ORDER.index(stage)

    def _enter(self, stage: ImportStage) -> None:
        it = self.it
        it.stage, it.is_waiting, it.waiting_since, it.rows_done = stage, False, None, 0
        self._changed()

    def _take_in(self, result: StageResult) -> None:
        it = self.it
        it.rows_total, it.rows_done, it.rows_rejected = result.rows_total, result.rows_done, result.rows_rejected
        it.actions = result.actions or it.actions
        it.bytes_done = it.bytes_total
        it.is_waiting, it.waiting_since = True, workflow.now()
        self._changed()

    def _end(self, status: ImportStatus, problem: str) -> None:
        it = self.it
        it.status, it.problem, it.closed_at, it.is_waiting = status, problem, workflow.now(), False
        if status == ImportStatus.COMPLETED:
            it.stage = ImportStage.DONE
        self._changed()

    def _changed(self) -> None:
        self.touch()
        self.it.version = self.version

    async def _save(self) -> int:
        view = replace(self.it)
        await effects.save_import(view)
        return view.version

    # ── What it is asked and told ────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def get_progress(self) -> ImportView:
        return self.it

    @workflow.signal
    def notify_upload_complete(self, upload: UploadInput) -> None:
        if ImportStage.UPLOAD not in self.it.told:
            self.it.location, self.it.bytes_total = upload.location, upload.size
            self.it.name = self.it.name or upload.location.rpartition("/")[2][:200]
            self._hear(ImportStage.UPLOAD)

    @workflow.signal
    def notify_validation_complete(self, message: StageInput | None = None) -> None:
        self._hear(ImportStage.VALIDATE)

    @workflow.signal
    def notify_transform_complete(self, message: StageInput | None = None) -> None:
        self._hear(ImportStage.TRANSFORM)

    def _hear(self, stage: ImportStage) -> None:
        if stage not in self.it.told and not self.it.is_final:
            self.it.told.append(stage)
            self._changed()

    @workflow.signal
    def note_progress(self, note: ImportNote) -> None:
        """Of an activity of ours; of two attempts that run at once the later one counts."""
        it = self.it
        if note.stage != it.stage or it.is_waiting or it.is_final or note.attempt < self.noted_attempt:
            return
        self.noted_attempt = note.attempt
        if note.greeted:
            it.greeted = note.greeted
            self._changed()
            return
        it.rows_done = note.rows_done
        if note.stage == ImportStage.VALIDATE:
            it.rows_rejected, it.rows_total = note.rows_rejected, note.rows_done + note.rows_rejected
            it.bytes_done, it.bytes_total = note.bytes_done, note.bytes_total or it.bytes_total
        self._changed()

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.it.dropped = [*self.it.dropped, f"{name}: {problem}"[:300]][-KEPT_DROPS:]
        self._changed()

    @workflow.update
    async def cancel(self, wish: ImportCancelInput) -> ImportView:
        who = wish.by.username or "Somebody at Temporal's command line"
        self._end(
            ImportStatus.CANCELLED, f"{who} cancelled it: {wish.reason}" if wish.reason else f"{who} cancelled it."
        )
        return replace(self.it)

    @cancel.validator
    def validate_cancel(self, wish: ImportCancelInput) -> None:
        if (refusal := cancel_refusal(self.it)) is not None:
            raise refusal
