"""The actor of one person: the single place where it is decided whether they get a message.

It only ever waits for messages, and no timer runs, so an idle one costs nothing. Whoever needs it starts it with the
message (update-with-start) and seeds it from the send log, in case it is new. Check and reservation are one piece, the
validator and the handler of ``request_send``, with no ``await`` in between: however many ask at once, the cap holds.

Our own doors write what they tell it into our rows. What anybody else tells it – the Temporal CLI, another service – it has
written there itself, by its only activity: campaigns look there, and an actor that was lost begins with it.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from campaigns.actor.state import ActorState
    from campaigns.actor.view import view_of
    from campaigns.contract import (
        SEND_REFUSED,
        ActorView,
        CapPolicy,
        FrequencyCapInput,
        InvalidField,
        MessageSentInput,
        OptOut,
        OptOutInput,
        PreferencesInput,
        ReleaseInput,
        RunView,
        Said,
        SendDecision,
        SendGrant,
        SendRequest,
        UserActorInput,
    )
    from campaigns.process import actor_effects
    from temporal_worker.progress import LiveWorkflow

WRITTEN_DOWN = "what-others-say-is-written-down"
"""Patch: before it, what reached an actor by no door of ours was known to that actor alone."""
LONG_PAST_STAYS = "what-is-long-past-stays"
"""Patch: before it, a grant was given back however old it was, and the gap to what had been before it was lost."""


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
        self.resume_version(max(self.state.it.version, start.version))
        self.renew_after = start.renew_after
        self.handled = 0
        self.has_spent_an_answer = False
        self.said_at = workflow.now()

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

    def current_details(self) -> str:
        return f"Run **{self.state.it.run}**: {self.handled} of {self.renew_after} messages before the next"

    # ── Queries ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def can_send(self, request: SendRequest) -> SendDecision:
        """What ``request_send`` would say; it reserves nothing."""
        return self.state.judge(request, _time_of_reading(request.asked_at))

    @workflow.query
    def get_state(self, brought: CapPolicy | None = None) -> ActorView:
        """``brought`` is the policy that the next request will bring: it may be newer than the one that the actor knows."""
        return self._view(_time_of_reading(), brought, with_decisions=True)

    def _view(self, at: datetime, brought: CapPolicy | None = None, *, with_decisions: bool = False) -> ActorView:
        info = workflow.info()
        run = RunView(
            number=self.state.it.run,
            started_at=info.start_time,
            handled=self.handled,
            renew_after=self.renew_after,
            history_events=info.get_current_history_length(),
            history_bytes=info.get_current_history_size(),
        )
        return view_of(self.state, at, self.version, run, brought, with_decisions=with_decisions)

    # ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────────
    # None awaits before it has changed what there is to change. Each has a validator, if only for the interceptor: what it
    # refuses there costs no history.

    @workflow.update
    async def request_send(self, request: SendRequest) -> SendGrant:
        grant = self.state.grant(request, workflow.now())
        self._done()
        return replace(grant, run_id=workflow.info().run_id)

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
        now = workflow.now()
        is_long_past = self.state.is_long_past(release.grant_id, now)
        changed = self.state.release(release, now, however_old=is_long_past and not workflow.patched(LONG_PAST_STAYS))
        self.has_spent_an_answer = self.has_spent_an_answer or changed
        self._done(visibly=changed)
        return self._view(workflow.now())

    @release_send.validator
    def validate_release_send(self, release: ReleaseInput) -> None:
        pass

    @workflow.update
    async def set_preferences(self, wish: PreferencesInput) -> ActorView:
        if is_first := self._comes_first():
            self.state.set_preferences(wish, workflow.now())
        self._done()
        if is_first and not wish.recorded:
            await self._write_down(wish=wish, preferences=self.state.it.preferences)
        return self._view(workflow.now())

    @set_preferences.validator
    def validate_set_preferences(self, wish: PreferencesInput) -> None:
        pass

    @workflow.update
    async def set_frequency_cap(self, cap: FrequencyCapInput) -> ActorView:
        if is_first := self._comes_first():
            self.state.set_own_cap(cap)
        self._done()
        if is_first and not cap.recorded:
            await self._write_down(cap=cap)
        return self._view(workflow.now())

    @set_frequency_cap.validator
    def validate_set_frequency_cap(self, cap: FrequencyCapInput) -> None:
        pass

    def _comes_first(self) -> bool:
        update = workflow.current_update_info()
        return update is None or self.state.answers_anew(update.id)

    # ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @workflow.signal
    async def message_sent(self, message: MessageSentInput) -> None:
        changed = self.state.sent_elsewhere(message, workflow.now())
        self._done(visibly=changed)
        if changed:
            await self._write_down(message_sent=message)

    @workflow.signal
    async def opt_out(self, wish: OptOutInput) -> None:
        changed = self.state.opt_out(wish, workflow.now())
        self._done(visibly=changed)
        if not wish.recorded:
            # Of whoever was out of so much already that they are out of everything now, that.
            is_kept = wish.key() in [one.key() for one in self.state.it.preferences.opt_outs]
            await self._write_down(changed=changed, opt_out=OptOut(*wish.key()) if is_kept else OptOut())

    @workflow.signal
    async def opt_in(self, wish: OptOutInput) -> None:
        changed = self.state.opt_in(wish, workflow.now())
        self._done(visibly=changed)
        if not wish.recorded:
            await self._write_down(changed=changed, opt_in=OptOut(*wish.key()))

    async def _write_down(self, **said: Any) -> None:
        """Begins at once, whatever else is being written: ``at`` says which one is the last word. ``drain`` waits for it."""
        if workflow.patched(WRITTEN_DOWN):
            self.said_at = max(workflow.now(), self.said_at + timedelta(microseconds=1))
            await actor_effects.write_down(Said(self.state.user_id, self.version, self.said_at, **said))

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
