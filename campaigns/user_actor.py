"""The actor of one person: the single place where it is decided whether they get a message.

It only ever waits for messages – no timer, no activity – so an idle one costs nothing. Whoever needs it starts it with the
message (update-with-start) and seeds it from the send log, in case it is new. Check and reservation are one piece, the
validator and the handler of ``request_send``, with no ``await`` in between: however many ask at once, the cap holds.
"""

from datetime import UTC, datetime
from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from campaigns.actor.state import ActorState
    from campaigns.actor.view import view_of
    from campaigns.contract import (
        SEND_REFUSED,
        ActorView,
        FrequencyCapInput,
        InvalidField,
        MessageSentInput,
        OptOut,
        PreferencesInput,
        ReleaseInput,
        RunView,
        SendDecision,
        SendGrant,
        SendRequest,
        UserActorInput,
    )
    from temporal_worker.progress import LiveWorkflow


@workflow.defn
class UserActorWorkflow(LiveWorkflow):
    loaded_once: ClassVar[bool] = True
    """Its module keeps nothing, and what it imports has passed the sandbox anyhow: instances share it, which makes a
    person's first message a quarter cheaper. The histories are replayed in the whole sandbox too."""

    @workflow.init
    def __init__(self, start: UserActorInput) -> None:
        try:
            start.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        self.state = ActorState(start, workflow.now())
        self.resume_version(self.state.it.version)
        self.renew_after = start.renew_after
        self.handled = 0
        self.has_spent_an_answer = False

    @workflow.run
    async def run(self, start: UserActorInput) -> None:
        await workflow.wait_condition(self._has_had_enough)
        await self.drain()
        workflow.continue_as_new(self._resumed())

    def _has_had_enough(self) -> bool:
        is_long = self.handled >= self.renew_after or workflow.info().is_continue_as_new_suggested()
        return is_long or self.has_spent_an_answer

    def _resumed(self) -> UserActorInput:
        memory = self.state.memory()
        memory.version, memory.run = self.version, memory.run + 1
        return UserActorInput(self.state.user_id, renew_after=self.renew_after, resume=memory)

    # ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def can_send(self, request: SendRequest) -> SendDecision:
        """What ``request_send`` would say; it reserves nothing."""
        return self.state.judge(request, _time_of_reading(request.asked_at))

    @workflow.query
    def get_state(self) -> ActorView:
        return self._view(_time_of_reading(), with_decisions=True)

    def _view(self, at: datetime, *, with_decisions: bool = False) -> ActorView:
        info = workflow.info()
        run = RunView(
            number=self.state.it.run,
            started_at=info.start_time,
            handled=self.handled,
            renew_after=self.renew_after,
            history_events=info.get_current_history_length(),
            history_bytes=info.get_current_history_size(),
        )
        return view_of(self.state, at, self.version, run, with_decisions=with_decisions)

    # ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────────
    # None of them awaits. Each has a validator, if only for the interceptor: what it refuses there costs no history.

    @workflow.update
    async def request_send(self, request: SendRequest) -> SendGrant:
        grant = self.state.grant(request, workflow.now())
        self._done()
        return grant

    @request_send.validator
    def validate_request_send(self, request: SendRequest) -> None:
        decision = self.state.judge(request, workflow.now())
        if not decision.allowed:
            raise ApplicationError(decision.reason, decision, type=SEND_REFUSED, non_retryable=True)

    @workflow.update
    async def release_send(self, release: ReleaseInput) -> ActorView:
        """Gives a slot back, and makes this run the last that could answer for the grant.

        The server answers an update id that it knows without asking us – a released grant would be handed out again, and
        its slot may be somebody else's by then. It knows an id for as long as the run lasts.
        """
        changed = self.state.release(release, workflow.now())
        self.has_spent_an_answer = self.has_spent_an_answer or changed
        self._done(visibly=changed)
        return self._view(workflow.now())

    @release_send.validator
    def validate_release_send(self, release: ReleaseInput) -> None:
        pass

    @workflow.update
    async def set_preferences(self, wish: PreferencesInput) -> ActorView:
        if self._comes_first():
            self.state.set_preferences(wish, workflow.now())
        self._done()
        return self._view(workflow.now())

    @set_preferences.validator
    def validate_set_preferences(self, wish: PreferencesInput) -> None:
        pass

    @workflow.update
    async def set_frequency_cap(self, cap: FrequencyCapInput) -> ActorView:
        if self._comes_first():
            self.state.set_own_cap(cap)
        self._done()
        return self._view(workflow.now())

    @set_frequency_cap.validator
    def validate_set_frequency_cap(self, cap: FrequencyCapInput) -> None:
        pass

    def _comes_first(self) -> bool:
        update = workflow.current_update_info()
        return update is None or self.state.answers_anew(update.id)

    # ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.signal
    def message_sent(self, message: MessageSentInput) -> None:
        self._done(visibly=self.state.sent_elsewhere(message, workflow.now()))

    @workflow.signal
    def opt_out(self, wish: OptOut) -> None:
        self._done(visibly=self.state.opt_out(wish, workflow.now()))

    @workflow.signal
    def opt_in(self, wish: OptOut) -> None:
        self._done(visibly=self.state.opt_in(wish, workflow.now()))

    def on_dropped_signal(self, name: str, problem: str) -> None:
        """Called by the worker's interceptor when a signal made no sense and was dropped."""
        self.state.note_dropped(name, problem, workflow.now())
        self._done()

    def _done(self, *, visibly: bool = True) -> None:
        self.handled += 1
        if visibly:
            self.touch()


def _time_of_reading(asked_at: datetime | None = None) -> datetime:
    """The moment that a query is answered for: its own, else the machine's; never before the workflow's time.

    A workflow's time stands still between its tasks: a day after the last message it would still call it today. A query
    is not replayed and changes nothing, so the machine's clock does no harm here – and nowhere else in this file.
    """
    if asked_at is None:
        with workflow.unsafe.sandbox_unrestricted():
            asked_at = datetime.now(UTC)
    return max(workflow.now(), asked_at)
