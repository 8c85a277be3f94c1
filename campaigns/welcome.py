"""The welcome of a new contact: in their language, at a time of their own day, as far as their wishes and caps allow.

``run`` reads top down. No Django here: the contact comes from activities, and so does the word whether it may be sent.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from campaigns.contract import (
        ALREADY_GREETED,
        DEFAULT_LANGUAGE,
        LANGUAGES,
        UNKNOWN_LANGUAGE,
        WELCOME,
        Channel,
        ContactDetails,
        ContactWishes,
        GreetingRequest,
        GreetingResult,
        InvalidField,
        LanguageInput,
        OptOut,
        WelcomeInput,
        WelcomeMemory,
        WelcomeResult,
        WelcomeStatus,
        known_language,
    )
    from campaigns.contract.caps import check_zone
    from campaigns.process import welcome_effects as effects
    from campaigns.process.day_times import by_day, part_of_day
    from temporal_worker.progress import LiveWorkflow

LOOK_AGAIN_AFTER = timedelta(hours=1)
"""When a greeting could not be sent and nobody said when it could."""


@workflow.defn
class WelcomeWorkflow(LiveWorkflow):
    @workflow.init
    def __init__(self, start: WelcomeInput) -> None:
        try:
            start.check()
        except InvalidField as problem:
            # Before the interceptor has looked: a plain exception here would fail the workflow task for ever.
            details = {"field": problem.field}
            raise ApplicationError(str(problem), details, type="ValidationError", non_retryable=True) from None
        self.start = start
        self.it = start.resume or WelcomeMemory(start.user_id, channel=start.channel)
        self.resume_version(self.it.version)
        if start.resume is None:
            chosen = known_language(start.language)
            self.it.language, self.it.is_chosen = chosen or DEFAULT_LANGUAGE, chosen is not None
            self.it.greets_at = workflow.now() + timedelta(seconds=start.delay_seconds)
            self.it.gives_up_at = self.it.greets_at + timedelta(days=start.gives_up_after_days)

    @workflow.run
    async def run(self, start: WelcomeInput) -> WelcomeResult:
        await self._look()
        while not WelcomeStatus(self.it.status).is_final:
            await self._wait()
            await self._greet()
        await self.drain()
        return WelcomeResult(self.it.user_id, self.it.status, self.it.language, self.it.reason)

    def current_details(self) -> str:
        at = self.it.greets_at if self.it.status == WelcomeStatus.WAITING else None
        then = f"\n* {at:%Y-%m-%d %H:%M} UTC: their actor is asked" if at else ""
        return f"**{self.it.status}**, in {self.it.language}, asked {self.it.asked} times{then}"

    # ── The steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look(self) -> None:
        """Who it is and what they wish, both at once; a language that was set meanwhile stands."""
        if self.it.has_looked:
            return
        details, wishes = await asyncio.gather(
            effects.fetch_details(self.it.user_id), effects.fetch_wishes(self.it.user_id)
        )
        it = self.it
        it.has_looked = True
        it.time_zone = _known_zone(wishes.time_zone or details.time_zone)
        if not it.is_chosen:
            it.language = known_language(wishes.locale or details.locale) or DEFAULT_LANGUAGE
        it.channel = it.channel or _first_channel(details, wishes)
        if wishes.paused_until is not None and it.greets_at is not None:
            it.greets_at = max(it.greets_at, wishes.paused_until)
        self._put_off(it.greets_at or workflow.now(), "")

    async def _wait(self) -> None:
        """Until the moment has come. Who asks too long for a single run goes on in the next."""
        while (left := (self.it.greets_at or workflow.now()) - workflow.now()) > timedelta(0):
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    workflow.info().is_continue_as_new_suggested, timeout=left, timeout_summary="The contact's day"
                )
            if workflow.info().is_continue_as_new_suggested():
                await self.drain()
                self.it.version = self.version
                workflow.continue_as_new(self._resumed())

    async def _greet(self) -> None:
        it = self.it
        if it.gives_up_at is not None and it.asked and workflow.now() >= it.gives_up_at:
            self._end(WelcomeStatus.DENIED, f"It could not be sent in time. {it.reason}".strip())
            return
        it.status = WelcomeStatus.GREETING
        it.asked += 1
        self.touch()
        part = part_of_day(workflow.now(), self._zone)
        greeting = GreetingRequest(it.user_id, it.channel or Channel.EMAIL, it.language, part, it.attempt, it.asked)
        self._take_in(await effects.send_greeting(greeting))

    def _take_in(self, result: GreetingResult) -> None:
        it = self.it
        if result.is_spent:
            it.attempt += 1
        if result.status != WelcomeStatus.WAITING:
            self._end(WelcomeStatus(result.status), result.reason)
            return
        it.status = WelcomeStatus.WAITING
        # At least a little later: an answer that names a moment gone by must not ask again and again.
        again = max(result.try_at or workflow.now() + LOOK_AGAIN_AFTER, workflow.now() + timedelta(seconds=1))
        last = it.gives_up_at or again
        self._put_off(min(again, last) if workflow.now() < last else again, result.reason)

    def _end(self, status: WelcomeStatus, reason: str) -> None:
        self.it.status, self.it.reason = status, reason
        self.touch()

    def _put_off(self, moment: datetime, reason: str) -> None:
        """Greet at a moment, or when the contact's night around it is over."""
        night = self.start.night
        greets_at = by_day(moment, night, self._zone)
        if greets_at > moment:
            greets_at = by_day(greets_at + timedelta(seconds=self.start.spread_seconds), night, self._zone)
        self.it.greets_at = greets_at
        self.it.reason = reason
        self.touch()

    @property
    def _zone(self) -> str:
        return self.it.time_zone or self.start.time_zone

    def _resumed(self) -> WelcomeInput:
        return replace(self.start, resume=self.it)

    # ── Queries and the update ───────────────────────────────────────────────────────────────────────────────────────

    @workflow.query
    def get_language(self) -> str:
        return self.it.language

    @workflow.query
    def get_welcome(self) -> WelcomeMemory:
        return replace(self.it, version=self.version)

    @workflow.update
    async def set_language(self, wish: LanguageInput) -> str:
        """Returns the language that it was before."""
        before = self.it.language
        self.it.language, self.it.is_chosen = known_language(wish.language) or before, True
        self.touch()
        return before

    @set_language.validator
    def validate_set_language(self, wish: LanguageInput) -> None:
        if known_language(wish.language) is None:
            text = f"There is no greeting in {wish.language!r}; there is one in {', '.join(LANGUAGES)}."
            details = {"field": "language", "language": wish.language, "known": list(LANGUAGES)}
            raise ApplicationError(text, details, type=UNKNOWN_LANGUAGE, non_retryable=True)
        if self.it.status != WelcomeStatus.WAITING:
            text = f"The greeting is on its way, in {self.it.language!r}."
            raise ApplicationError(text, {"status": self.it.status}, type=ALREADY_GREETED, non_retryable=True)


def _first_channel(details: ContactDetails, wishes: ContactWishes) -> str:
    """The first channel on which they can be reached and are not out of greetings; the first one when there is none."""

    def is_out(channel: str) -> bool:
        return any(OptOut(one.channel, one.category).covers(channel, WELCOME) for one in wishes.opt_outs)

    open_channels = [channel for channel in details.channels if not is_out(channel)]
    return next(iter([*open_channels, *details.channels]), "")


def _known_zone(zone: str) -> str:
    """A zone that this machine knows; "" for any other: a contact's may be newer than our tables."""
    try:
        check_zone("time_zone", zone)
    except InvalidField:
        return ""
    return zone
