"""What an actor knows of its person, and how messages change it: pure bookkeeping, ``now`` is an argument.

What it keeps is bounded. Of messages: those of the last 48 hours – no calendar day of any zone began earlier – and, for
the gap, the newest marketing and the newest transactional one before; these two stay, for what was before them is
forgotten. Of grant ids: those of kept messages; of all others, granted or given back, a fingerprint, the newest 10,000. An
id that is neither is new. Even then the cap holds, for what is granted counts from then on; that one id is not *sent* twice
in ten thousand messages is held by the send log's unique id.
"""

from bisect import insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.actor.decision import decide
from campaigns.actor.known_ids import KnownIds
from campaigns.actor.rules import Case
from campaigns.contract import (
    LAST_WORD_COUNTS,
    MAX_DECISIONS,
    MAX_OPT_OUTS,
    MAX_SENDS,
    ActorMemory,
    By,
    CapPolicy,
    DecisionCode,
    DecisionEntry,
    EntryKind,
    FrequencyCapInput,
    MessageSentInput,
    OptOut,
    Preferences,
    PreferencesInput,
    ReleaseInput,
    SendDecision,
    SendGrant,
    SendRecord,
    SendRequest,
    UserActorInput,
)

KEPT = timedelta(hours=48)
MAX_ANSWERED = 50


class ActorState:
    def __init__(self, start: UserActorInput, now: datetime) -> None:
        self.user_id = start.user_id
        if start.resume is not None:
            self.it = start.resume
            self.known = KnownIds(self.it.known_ids)
            return
        self.it = ActorMemory(
            policy=start.policy, own_cap=start.own_cap, preferences=start.preferences or Preferences()
        )
        self.known = KnownIds()
        self.known.add(start.used_grant_ids)
        seeds = {send.grant_id: replace(send, at=min(send.at, now)) for send in start.sends}
        self.it.sends = sorted(seeds.values(), key=_at)
        self._forget(now)

    def memory(self) -> ActorMemory:
        """What the next run takes over."""
        return replace(self.it, known_ids=self.known.to_text())

    # ── Deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def policy_for(self, brought: CapPolicy | None = None) -> CapPolicy:
        """What decides: the own cap, else the newer of the policy that is known and the one that a request brings.

        Of two of the same version it is the one brought: the person has come into another segment, or left one.
        """
        if self.it.own_cap is not None:
            return self.it.own_cap
        known = self.it.policy
        if known is None or (brought is not None and brought.version >= known.version):
            return brought or CapPolicy(version=0)
        return known

    def judge(self, request: SendRequest, now: datetime) -> SendDecision:
        """May it go out now? Changes nothing."""
        send = self.find(request.grant_id)
        decision = self.judge_case(request.channel, request.category, request.policy, now, request.transactional)
        if send is not None and not send.elsewhere:
            reason = "This grant id was granted before, and has its slot."
            decision = replace(decision, allowed=True, code=DecisionCode.ALLOWED, reason=reason, next_allowed_at=now)
            decision = replace(decision, rule="", also=[], changes=[])
        elif send is not None or request.grant_id in self.known:
            reason = "This grant id is spent: its message was given back, or went out long ago. Ask with another."
            decision = replace(decision, allowed=False, code=DecisionCode.GRANT_SPENT, reason=reason)
            decision = replace(decision, rule="grant_id", limit=None, next_allowed_at=None, also=[], changes=[])
        return replace(decision, grant_id=request.grant_id)

    def judge_case(
        self, channel: str, category: str, brought: CapPolicy | None, now: datetime, transactional: bool = False
    ) -> SendDecision:
        policy = self.policy_for(brought)
        case = Case(policy, self.it.preferences, self.it.sends, channel, category, transactional)
        return replace(decide(case, now), own_cap=policy is self.it.own_cap)

    def grant(self, request: SendRequest, now: datetime) -> SendGrant:
        """Reserves the slot of a request that was judged allowed, or answers with the grant that its id has already.

        It does not judge again: a replay has to come to the grants that were given, whatever the rules are by then.
        """
        self.adopt(request.policy)
        send = self.find(request.grant_id)
        if send is None:
            decision = self.judge_case(request.channel, request.category, None, now, request.transactional)
            send = SendRecord(
                grant_id=request.grant_id,
                campaign_id=request.campaign_id,
                channel=request.channel,
                at=now,
                category=request.category,
                transactional=request.transactional,
                policy_version=decision.policy_version,
            )
            insort(self.it.sends, send, key=_at)
            self._note(EntryKind.GRANTED, decision.reason, send, now)
            self._forget(now)
        return SendGrant(
            send.grant_id,
            send.channel,
            send.category,
            send.at,
            send.policy_version,
            send.campaign_id,
            send.transactional,
        )

    def adopt(self, policy: CapPolicy) -> None:
        if self.it.policy is None or policy.version >= self.it.policy.version:
            self.it.policy = policy

    def find(self, grant_id: str) -> SendRecord | None:
        return next((send for send in reversed(self.it.sends) if send.grant_id == grant_id), None)

    def is_long_past(self, grant_id: str, now: datetime) -> bool:
        """Whether it counts for the gap alone, where it stands for all that were before it."""
        send = self.find(grant_id)
        return send is not None and send.at <= now - KEPT

    # ── What happened afterwards, or elsewhere ───────────────────────────────────────────────────────────────────────

    def release(self, release: ReleaseInput, now: datetime, *, however_old: bool = False) -> bool:
        """The message has not gone out. False when there is nothing that this changes: what is long past stays, unless it
        is taken back ``however_old``."""
        send = self.find(release.grant_id)
        if (send is None and release.grant_id in self.known) or (send is not None and send.elsewhere):
            return False
        if self.is_long_past(release.grant_id, now) and not however_old:
            return False
        self.known.add([release.grant_id])
        if send is not None:
            self.it.sends.remove(send)
            self._note(EntryKind.RELEASED, release.reason or "The message was not sent.", send, now)
        return True

    def sent_elsewhere(self, message: MessageSentInput, now: datetime) -> bool:
        """Another system sent something. False when that was known."""
        if message.message_id in self.known or self.find(message.message_id) is not None:
            return False
        send = SendRecord(
            grant_id=message.message_id,
            campaign_id="",
            channel=message.channel,
            at=min(message.sent_at, now),  # another clock may be ahead of ours
            category=message.category,
            transactional=message.transactional,
            elsewhere=True,
        )
        insort(self.it.sends, send, key=_at)
        self._note(EntryKind.SENT_ELSEWHERE, "Another system sent it.", send, now)
        self._forget(now)
        return True

    def note_dropped(self, name: str, problem: str, now: datetime) -> None:
        """A signal made no sense."""
        entry = DecisionEntry(now, EntryKind.MESSAGE_REFUSED, f"Message {name} ignored: {problem}"[:500], allowed=False)
        self._keep(entry)

    # ── What the person wants ────────────────────────────────────────────────────────────────────────────────────────

    def opt_out(self, wish: OptOut, now: datetime) -> bool:
        known = [one.key() for one in self.it.preferences.opt_outs]
        # Whoever opts out of that many things wants nothing at all.
        wish = wish if len(known) < 2 * MAX_OPT_OUTS else OptOut()
        if wish.key() in known:
            return False
        self._change(now, None, opt_outs=[*self.it.preferences.opt_outs, OptOut(*wish.key())])
        return True

    def opt_in(self, wish: OptOut, now: datetime) -> bool:
        left = [one for one in self.it.preferences.opt_outs if one.key() != wish.key()]
        if len(left) == len(self.it.preferences.opt_outs):
            return False
        self._change(now, None, opt_outs=left)
        return True

    def set_preferences(self, wish: PreferencesInput, now: datetime) -> None:
        was = self.it.preferences
        out = [OptOut(*one.key()) for one in (was.opt_outs if wish.opt_outs is None else wish.opt_outs)]
        if wish.opted_out_channels is not None:
            out = [one for one in out if not one.channel or one.category]
            out += [OptOut(channel=channel) for channel in wish.opted_out_channels]
        if wish.opted_out_categories is not None:
            out = [one for one in out if not one.category or one.channel]
            out += [OptOut(category=category) for category in wish.opted_out_categories]
        last_words, said_at = self._last_words(wish, now)
        self._change(
            now,
            wish.by,
            opt_outs=list({one.key(): one for one in out}.values()),
            paused_until=was.paused_until if wish.paused_until == "unchanged" else wish.paused_until,
            hours_between=was.hours_between if wish.hours_between == "unchanged" else wish.hours_between,
            quiet_hours=was.quiet_hours if wish.quiet_hours == "unchanged" else wish.quiet_hours,
            said_at=said_at,
            **last_words,
        )

    def _last_words(self, wish: PreferencesInput, now: datetime) -> tuple[dict[str, object], dict[str, datetime]]:
        """What a wish changes of ``LAST_WORD_COUNTS``, and when each of them was said last. Whatever comes late, or comes
        again, in the end it is the newest word that holds; what is said just now is, also by a clock that was set back."""
        at = now if wish.said_at is None else min(wish.said_at, now)
        said_at = dict(self.it.preferences.said_at)
        changes: dict[str, object] = {}
        for name in LAST_WORD_COUNTS:
            value, last = getattr(wish, name), said_at.get(name, at)
            if value is not None and (wish.said_at is None or at >= last):
                changes[name] = list(dict.fromkeys(value)) if isinstance(value, list) else value
                said_at[name] = max(at, last)
        return changes, said_at

    def set_own_cap(self, wish: FrequencyCapInput) -> None:
        self.it.own_cap = wish.cap()

    def answers_anew(self, update_id: str) -> bool:
        """Whether settings come for the first time; those of an id that an earlier run has answered are not set again."""
        if update_id in self.it.answered:
            return False
        self.it.answered = [*self.it.answered, update_id][-MAX_ANSWERED:]
        return True

    def _change(self, now: datetime, by: By | None, **changes: object) -> None:
        self.it.preferences = replace(self.it.preferences, changed_at=now, changed_by=by, **changes)  # type: ignore[arg-type]

    # ── Keeping it small ─────────────────────────────────────────────────────────────────────────────────────────────

    def _note(self, kind: EntryKind, reason: str, send: SendRecord, now: datetime) -> None:
        self._keep(
            DecisionEntry(
                at=now,
                code=kind,
                reason=reason,
                grant_id=send.grant_id,
                campaign_id=send.campaign_id,
                channel=send.channel,
                category=send.category,
                transactional=send.transactional,
                policy_version=send.policy_version,
            )
        )

    def _keep(self, entry: DecisionEntry) -> None:
        self.it.decisions = [*self.it.decisions, entry][-MAX_DECISIONS:]

    def _forget(self, now: datetime) -> None:
        sends = self.it.sends
        # The newest of those before, not of all: what is newer may be given back.
        newest = {send.transactional: send for send in sends if send.at <= now - KEPT}.values()
        kept = [send for send in sends if send.at > now - KEPT or any(send is one for one in newest)]
        while len(kept) > MAX_SENDS:
            kept.remove(_oldest_of_most(kept))
        if len(kept) < len(sends):
            ids = {send.grant_id for send in kept}
            self.known.add(send.grant_id for send in sends if send.grant_id not in ids)
            self.it.sends = kept


def _at(send: SendRecord) -> datetime:
    return send.at


def _oldest_of_most(sends: Sequence[SendRecord]) -> SendRecord:
    """The oldest message of the kind that there are most of, so that a flood of one kind hides none of another.

    As long as there are twice as many messages as the largest cap allows, that kind stays over any cap of its own.
    """
    kinds = Counter((send.channel, send.category, send.transactional) for send in sends)
    [(most, _)] = kinds.most_common(1)
    return next(send for send in sends if (send.channel, send.category, send.transactional) == most)
