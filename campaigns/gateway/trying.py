"""Before the launch: who would get it now, who later and who not; how it reads for one contact; a test to oneself."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from campaigns.actor.state import ActorState
from campaigns.actor_seed import seeds_to_judge
from campaigns.channels import Message, OutcomeUnknown, SendFailed, get_provider
from campaigns.contract import CapPolicy, Channel, SendDecision, SendRequest
from campaigns.gateway.actors import UNANSWERED, acan_send
from campaigns.gateway.launching import find_missing, sampled_contacts
from campaigns.gateway.problems import CampaignRefused, InvalidRequest, naming_the_field
from campaigns.gateway.rights import SEND, require, seen_campaign, seen_contact
from campaigns.models import Campaign, CampaignSettings, Contact, SendLog
from campaigns.models.words import ATTEMPTED, Outcome
from campaigns.policies import policies_for
from campaigns.preferences import opted_out
from campaigns.rendering import MAX_SMS, Missing, Rendered, RenderProblem, contact_values
from campaigns.send_log import Grant, commit_intent, record_outcome
from campaigns.sending.audience import UnknownAudience, contacts_of
from campaigns.sending.delivery import message_for
from campaigns.sending.recipients import known_refusal
from campaigns.unsubscribe import Wish, links_for
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable

SAMPLE = 1_000
"""Contacts that a dry run looks at; of a larger audience it reckons from evenly so many."""
PIECE = 200
QUERIES_AT_ONCE = 8
EXAMPLES = 5
TEST_MARK = "[Test]"


@dataclass(frozen=True)
class DryRun:
    """What a launch now would come to. Reckoned from ``looked_at`` contacts, if that is less than ``audience``.

    ``denied`` and ``deferred_by_reason`` are by code; ``examples`` are some contacts of each code. ``finishes_at`` is when
    those who get it now have got it; deferred ones follow until ``last_deferred_at``. ``is_from_log``: an actor, or Temporal,
    did not answer, so that others who had messages before were judged by the send log, unasked.
    """

    audience: int
    looked_at: int
    now: int
    deferred: int
    denied: dict[str, int]
    finishes_at: datetime | None
    last_deferred_at: datetime | None = None
    missing: list[Missing] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)
    needs_approval: bool = False
    deferred_by_reason: dict[str, int] = field(default_factory=dict)
    is_from_log: bool = False

    @property
    def is_sampled(self) -> bool:
        return self.looked_at < self.audience


@dataclass(frozen=True)
class _Judged:
    user_id: str
    kind: str
    code: str
    later: datetime | None = None


def dry_run(campaign_id: str, *, user: User) -> DryRun:
    """Reserves nothing, and starts no actor: one that runs is asked by a query, for any other its seed is judged.

    Raises:
        CampaignNotFound, InvalidRequest
    """
    row = seen_campaign(user, campaign_id)
    try:
        audience = contacts_of(row.audience).count()
        contacts = list(sampled_contacts(row, SAMPLE))
    except UnknownAudience as problem:
        raise InvalidRequest("audience", str(problem)) from problem
    now = timezone.now()
    judged: list[_Judged] = []
    actors = _Actors()
    for start in range(0, len(contacts), PIECE):
        judged += _judge(row, contacts[start : start + PIECE], now, actors)
    return replace(_reckoned(row, audience, judged, now), is_from_log=actors.are_away)


def _reckoned(row: Campaign, audience: int, judged: Sequence[_Judged], now: datetime) -> DryRun:
    settings = CampaignSettings.current()
    counted = Counter((one.kind, one.code) for one in judged)
    numbers = _scaled(counted, audience, len(judged))
    sent = sum(number for (kind, _), number in numbers.items() if kind == "now")
    rate = row.rate_per_minute or settings.rate_per_minute
    begins = max(row.starts_at or now, now)
    examples: dict[str, list[str]] = {}
    for one in judged:
        if one.kind != "now" and len(named := examples.setdefault(one.code, [])) < EXAMPLES:
            named.append(one.user_id)
    return DryRun(
        audience=audience,
        looked_at=len(judged),
        now=sent,
        deferred=sum(number for (kind, _), number in numbers.items() if kind == "deferred"),
        denied={code: number for (kind, code), number in sorted(numbers.items()) if kind == "denied"},
        finishes_at=begins + timedelta(minutes=sent / rate) if sent else None,
        last_deferred_at=max((one.later for one in judged if one.kind == "deferred" and one.later), default=None),
        missing=find_missing(row),
        examples=examples,
        needs_approval=settings.approval_above is not None and audience > settings.approval_above,
        deferred_by_reason={code: number for (kind, code), number in sorted(numbers.items()) if kind == "deferred"},
    )


def _scaled(counted: Counter[tuple[str, str]], audience: int, looked_at: int) -> dict[tuple[str, str], int]:
    """From the sample to the audience, by largest remainders: they add up to it."""
    if not looked_at:
        return {}
    exact = {key: number * audience / looked_at for key, number in counted.items()}
    scaled = {key: int(value) for key, value in exact.items()}
    by_rest = sorted(exact, key=lambda key: scaled[key] - exact[key])
    for key in by_rest[: audience - sum(scaled.values())]:
        scaled[key] += 1
    return scaled


def _judge(row: Campaign, contacts: Sequence[Contact], now: datetime, actors: "_Actors") -> list[_Judged]:
    user_ids = [contact.user_id for contact in contacts]
    out = opted_out(user_ids, row.channel, row.category, transactional=row.transactional)
    policies = policies_for(contacts)
    judged: list[_Judged] = []
    open_ones: list[Contact] = []
    for contact in contacts:
        code, _ = known_refusal(contact, row.channel, out.get(contact.user_id))
        if code is None:
            open_ones.append(contact)
        else:
            judged.append(_Judged(contact.user_id, "denied", code))
    for contact, decision in zip(open_ones, _decisions(row, open_ones, policies, now, actors), strict=True):
        judged.append(_to_judged(row, contact, decision, now))
    return judged


def _to_judged(row: Campaign, contact: Contact, decision: SendDecision, now: datetime) -> _Judged:
    if decision.allowed:
        return _Judged(contact.user_id, "now", "")
    settings = CampaignSettings.current()
    ends_at = row.ends_at or max(row.starts_at or now, now) + timedelta(days=settings.deferred_for_days)
    later = decision.next_allowed_at
    if row.defers and later is not None and later < ends_at:
        return _Judged(contact.user_id, "deferred", decision.code, later)
    return _Judged(contact.user_id, "denied", decision.code)


def _decisions(
    row: Campaign, contacts: Sequence[Contact], policies: dict[str, CapPolicy], now: datetime, actors: "_Actors"
) -> list[SendDecision]:
    """Of people whom the log has nothing of, by what a new actor would start from; the others' actors are asked."""
    known = SendLog.objects.filter(user_id__in=[one.user_id for one in contacts], outcome__in=ATTEMPTED)
    seen = set(known.order_by().values_list("user_id", flat=True).distinct())
    at = max(row.starts_at or now, now)
    requests = {
        one.user_id: SendRequest(
            "dry-run", row.campaign_id, row.channel, row.category, policies[one.user_id], row.transactional, at
        )
        for one in contacts
    }
    told = actors.ask({user_id: requests[user_id] for user_id in seen})
    seeds = seeds_to_judge([one for one in contacts if one.user_id not in told], policies)
    judged = {user_id: ActorState(seed, at).judge(requests[user_id], at) for user_id, seed in seeds.items()}
    return [told.get(one.user_id) or judged[one.user_id] for one in contacts]


class _Actors:
    """Those of one dry run. After the first question that nobody answers in time they are asked no more: without a worker
    each of a thousand would be waited for."""

    def __init__(self) -> None:
        self.are_away = False

    def ask(self, requests: Mapping[str, SendRequest]) -> dict[str, SendDecision]:
        """The decisions of those who answer, by their ids."""
        if self.are_away or not requests:
            return {}
        try:
            return client.call(self._ask_all(requests), timeout=60)
        except TemporalUnavailable:
            self.are_away = True
            return {}

    async def _ask_all(self, requests: Mapping[str, SendRequest]) -> dict[str, SendDecision]:
        limit = asyncio.Semaphore(QUERIES_AT_ONCE)
        told: dict[str, SendDecision] = {}

        async def ask(user_id: str, request: SendRequest) -> None:
            async with limit:
                if self.are_away:
                    return
                try:
                    told[user_id] = await acan_send(user_id, request)
                except UNANSWERED as problem:
                    self.are_away = self.are_away or isinstance(problem, TemporalUnavailable)

        await asyncio.gather(*(ask(user_id, request) for user_id, request in requests.items()))
        return told


def first_recipient(campaign_id: str, *, user: User) -> str:
    """Somebody for whom a preview makes sense: the first of the audience, "" when nobody is in it.

    Raises:
        CampaignNotFound
    """
    row = seen_campaign(user, campaign_id)
    try:
        found = contacts_of(row.audience).values_list("user_id", flat=True).first()
    except UnknownAudience:
        return ""
    return found or ""


def preview(campaign_id: str, *, user: User, user_id: str) -> Rendered:
    """The message as this contact would get it; its links are the real ones, and opening them changes nothing.

    Raises:
        CampaignNotFound, ContactNotFound, InvalidRequest
    """
    row = seen_campaign(user, campaign_id)
    contact = seen_contact(user, user_id)
    wish = Wish(contact.user_id, row.channel, row.category, row.series_id)
    links = links_for(wish, transactional=row.transactional)
    with naming_the_field():
        message = row.compiled()
    try:
        return message.render(contact_values(contact, links))
    except RenderProblem as problem:
        raise InvalidRequest("body_text", f"For {user_id}: {problem}") from problem


def test_send(campaign_id: str, *, user: User, user_id: str, key: str) -> str:
    """Send the message as ``user_id`` would get it to ``user``'s own mail address; for other channels, to the contact who
    has it. It is marked as a test, and counts for nobody. Returns the address.

    Raises:
        CampaignNotFound, ContactNotFound, NotPermitted, InvalidRequest
        CampaignRefused: ``not_sent``
    """
    row = seen_campaign(user, campaign_id)
    require(user, SEND)
    contact = seen_contact(user, user_id)
    address = _own_address(row, user)
    grant = Grant(
        grant_id=f"test:{row.campaign_id}:{user.username}:{key}",
        user_id=contact.user_id,
        channel=row.channel,
        category=row.category,
        campaign_id=row.series_id,
        occurrence=row.occurrence,
        transactional=row.transactional,
        is_test=True,
    )
    with naming_the_field():
        texts = row.compiled_as_written()
    try:
        message = message_for(grant, contact, texts)
    except RenderProblem as problem:
        raise InvalidRequest("body_text", f"For {user_id}: {problem}") from problem
    # No one-click link: a mail program that follows it would opt the contact out, and not the tester.
    message = replace(_marked(message), address=address, unsubscribe_url="")
    if not commit_intent(grant).is_new:
        return address
    try:
        with get_provider(row.channel) as provider:
            reference = provider.send(message).provider_reference
    except SendFailed as failed:
        record_outcome(grant, Outcome.FAILED, detail=str(failed))
        raise CampaignRefused("not_sent", f"The test was not sent: {failed}") from failed
    except OutcomeUnknown as unknown:
        record_outcome(grant, Outcome.UNKNOWN, detail=str(unknown))
        raise CampaignRefused("not_sent", f"Nobody knows whether the test was sent: {unknown}") from unknown
    record_outcome(grant, Outcome.SENT, provider_reference=reference)
    return address


def _marked(message: Message) -> Message:
    """As a test: in its subject, where the channel has one. A text is not longer for it than one may be."""
    if message.channel != Channel.SMS:
        return replace(message, subject=f"{TEST_MARK} {message.subject}".strip())
    most = max(MAX_SMS, len(message.text))
    return replace(message, text=f"{TEST_MARK} {message.text}"[:most])


def _own_address(row: Campaign, user: User) -> str:
    """Of the tester. For what is no mail, the contact who has the tester's mail address lends theirs."""
    if not user.email:
        raise InvalidRequest("address", "Your account has no mail address that a test could go to.")
    if row.channel == "email":
        return user.email
    mine = Contact.objects.filter(email__iexact=user.email).first()
    address = mine.address_for(row.channel) if mine is not None else ""
    if not address:
        raise InvalidRequest("address", f"No contact with your mail address has an address for {row.channel}.")
    return address
