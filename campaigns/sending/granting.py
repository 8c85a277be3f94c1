"""A recipient's grant: asked of their actor until there is an answer that holds, and given back when its message has not begun.

A grant id that was given back is spent: each ask carries the number that stands in the recipient's row.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog
from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    DecisionCode,
    Mailing,
    SendDecision,
    SendGrant,
    SendRequest,
    UserActorInput,
    grant_id_for,
)
from campaigns.models import CampaignRecipient
from campaigns.send_log import Grant, record_unused, slot_given_back
from campaigns.sending import asking
from campaigns.sending.desk import Desk
from campaigns.sending.recipients import Candidate, grant_for
from temporal_worker.errors import TemporalUnavailable

GRANT_IS_GOOD_FOR = timedelta(minutes=2)
"""An older grant, left by a crash, is given back: its message would go out outside the window that it was counted in."""
TOO_OLD = ("grant_old", "No message was begun for two minutes. They are asked for again.")
HALTED = ("halted", "The campaign was stopped before the message began.")
"""Code and words of a grant that was given back without a message."""

log = structlog.get_logger(__name__)


class NoUsableGrant(Exception):
    """They are asked for again by the next batch, under a number that has not been tried."""


@dataclass(frozen=True)
class Turn:
    """A recipient with the number that the grant id of this ask carries."""

    candidate: Candidate
    grant_id: str


class Granting:
    """The grants of one batch. Its rows are written by ``desk``."""

    def __init__(self, client: Client, mailing: Mailing, desk: Desk) -> None:
        self.client, self.mailing, self.desk = client, mailing, desk

    async def ask(self, candidate: Candidate) -> tuple[Turn, SendGrant | SendDecision]:
        """A grant whose message may begin, or the decision that refuses it.

        Raises:
            TemporalUnavailable: the actor does not answer
            NoUsableGrant: what it gives, three times in a row, may not be used
            ApplicationError: it cannot make sense of the request
        """
        for _ in range(3):
            turn = Turn(candidate, self._grant_id(candidate))
            answer = await self._ask(turn)
            if isinstance(answer, SendDecision) and answer.code == DecisionCode.GRANT_SPENT:
                # Given back by a batch that ended before it had counted this.
                candidate = await self._next_grant(candidate)
            elif isinstance(answer, SendGrant) and timezone.now() - answer.granted_at > GRANT_IS_GOOD_FOR:
                following = await self.give_back_unused(turn, answer, *TOO_OLD)
                if following is None:
                    return turn, answer  # its intent is found when it is committed, and nothing is sent
                candidate = following
            else:
                return turn, answer
        raise NoUsableGrant(f"The actor of {candidate.user_id} gives no grant that could be used.")

    def _grant_id(self, candidate: Candidate) -> str:
        mailing = self.mailing
        return grant_id_for(mailing.series_id, mailing.occurrence, candidate.user_id, candidate.grant_attempt)

    async def _ask(self, turn: Turn) -> SendGrant | SendDecision:
        mailing, candidate = self.mailing, turn.candidate
        request = SendRequest(
            grant_id=turn.grant_id,
            campaign_id=mailing.series_id,
            channel=mailing.channel,
            category=mailing.category,
            policy=candidate.policy,
            transactional=mailing.transactional,
        )
        seed = partial(self._seed, candidate)
        return await asking.request_send(
            self.client, candidate.user_id, request, seed, is_new=candidate.seed is not None
        )

    async def _seed(self, candidate: Candidate) -> UserActorInput:
        if candidate.seed is not None:
            return candidate.seed
        return await self.desk.do(partial(seed_for_actor, candidate.user_id, policy=candidate.policy))

    async def _next_grant(self, candidate: Candidate) -> Candidate:
        rows = CampaignRecipient.objects.filter(pk=candidate.recipient, grant_attempt=candidate.grant_attempt)
        await self.desk.do(partial(rows.update, grant_attempt=F("grant_attempt") + 1))
        return replace(candidate, grant_attempt=candidate.grant_attempt + 1)

    def granted(self, turn: Turn, answer: SendGrant) -> Grant:
        """What the send log is told of it."""
        candidate = turn.candidate
        return grant_for(self.mailing, turn.grant_id, candidate.user_id, candidate.recipient).given(answer)

    async def give_back_unused(self, turn: Turn, answer: SendGrant, code: str, reason: str) -> Candidate | None:
        """The recipient will be asked for again, under the next grant id. First the rows, then the actor: the other way
        round a crash between the two would let a spent id be asked for.

        None, and nothing is given back: a message was begun under this grant, and may have gone out."""
        candidate, grant = turn.candidate, self.granted(turn, answer)
        unused = partial(record_unused, grant, candidate.grant_attempt, code=code, detail=reason)
        if not await self.desk.do(unused):
            return None
        await self.give_back(turn, reason)
        return replace(candidate, grant_attempt=candidate.grant_attempt + 1)

    async def give_back(self, turn: Turn, reason: str) -> None:
        """Of a message that has definitely not gone out; the send log says so already."""
        try:
            await asking.release(self.client, turn.candidate.user_id, turn.grant_id, reason)
        except (TemporalUnavailable, ApplicationError) as problem:
            # The send log has it as not sent, and the reconciler tries again.
            log.warning("grant_not_given_back", grant_id=turn.grant_id, problem=str(problem))
        else:
            with suppress(DatabaseError):  # then it is given back once more, which changes nothing
                await self.desk.do(slot_given_back, turn.grant_id)
