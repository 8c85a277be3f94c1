"""Telling actors that run what doors have set in their people's rows."""

import asyncio

import structlog
from django.db import transaction
from temporalio.exceptions import ApplicationError

from campaigns import untold
from campaigns.contract import ActorView, user_actor_workflow_id
from campaigns.preferences import save_preferences
from campaigns.untold import Word
from temporal_worker import client
from temporal_worker.client import RequestRefused, TemporalUnavailable, WorkflowCompleted, WorkflowNotFound

AT_ONCE = 200
"""Settings that are read, told and done with together, …"""
ROUNDS = 10
"""… so often in one call."""
IN_FLIGHT = 20
ANSWER_WITHIN = 5.0

log = structlog.get_logger(__name__)
_Answer = ActorView | BaseException | None


def tell_settings(user_id: str = "") -> int:
    """Tell actors of settings that they have not heard of, of one person or of all. Returns how many words are done with.

    Starts no actor. Ends early while Temporal or a worker is out of reach: what is left is told by the next call.
    """
    done = 0
    for _ in range(ROUNDS):
        words = untold.due(AT_ONCE, user_id)
        if not words:
            break
        try:
            answers = client.call(_tell_all(words), timeout=ANSWER_WITHIN * (len(words) // IN_FLIGHT + 2))
        except TemporalUnavailable:
            break
        done += sum(_take_in(word, answer) for word, answer in zip(words, answers, strict=True))
        if any(isinstance(answer, TemporalUnavailable) for answer in answers):
            break
    return done


async def _tell_all(words: list[Word]) -> list[_Answer]:
    """The answer of each; once one is out of reach, the others are not asked any more."""
    room = asyncio.Semaphore(IN_FLIGHT)
    away: list[TemporalUnavailable] = []

    async def tell(word: Word) -> _Answer:
        async with room:
            if away:
                return away[0]
            try:
                return await _tell(word)
            except TemporalUnavailable as problem:
                away.append(problem)
                return problem
            except (ApplicationError, RequestRefused) as problem:
                return problem

    return await asyncio.gather(*(tell(word) for word in words))


async def _tell(word: Word) -> ActorView | None:
    """None when no actor runs. Raises ApplicationError, RequestRefused, TemporalUnavailable."""
    for attempt in range(3):
        try:
            return await client.execute_update(
                user_actor_workflow_id(word.user_id),
                "set_preferences",
                word.message,
                update_id=word.update_id,
                result_type=ActorView,
                timeout=ANSWER_WITHIN,
            )
        except WorkflowNotFound:
            return None
        except WorkflowCompleted:
            # A run that is just ending says so too, though the next one goes on: only after a moment it is believed.
            await asyncio.sleep(0.1 * (attempt + 1))
    return None


@transaction.atomic
def _take_in(word: Word, answer: _Answer) -> bool:
    """Whether nothing is left to do."""
    if isinstance(answer, TemporalUnavailable):
        return False
    if answer is None:
        untold.nobody_there(word)
        return True
    if isinstance(answer, BaseException):
        # It will be no better the next time; the row has it, and so has the next actor.
        log.error("setting_refused", user_id=word.user_id, fields=sorted(word.settings), problem=str(answer))
    else:
        save_preferences(word.user_id, answer.version, answer.preferences)
    untold.forget(word)
    return True
