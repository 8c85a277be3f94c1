"""What the soak does to campaigns from outside, and what is left of them: at the mail server, in the send log, in the rows."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from tests.eventually import aeventually
from tests.soak.mailserver import MailServer
from tests.stack import Stack

Json = dict[str, Any]
CALL_WITHIN = 120.0
"""Seconds in which an action has its answer, whatever was just killed."""
BY = {"username": "marketer", "door": "cli"}


class Agency:
    """A stack whose mails go to ``mails``. Campaigns are known by their ids; ``tokens`` has how their subjects begin."""

    def __init__(self, stack: Stack, mails: MailServer) -> None:
        self.stack, self.mails = stack, mails
        self.tokens: dict[str, str] = {}

    async def connect(self) -> "Agency":
        self.temporal: Client = await self.stack.temporal_client()
        return self

    def inside(self, code: str) -> list[list[str]]:
        """Calls of ``tests.soak.mailings``, in a process of the stack; the words of each line that they print."""
        code = f"from tests.soak import mailings; {code}"
        return [line.split() for line in self.stack.manage("shell", "-v", "0", "-c", code).splitlines()]

    def launch(self, token: str, count: int, group: str, **more: Any) -> list[str]:
        """The ids of as many campaigns, all of which are launched now."""
        arguments = "".join(f", {name}={value!r}" for name, value in more.items())
        printed = self.inside(f"mailings.launch({token!r}, {count}, {group!r}{arguments})")
        launched = {words[1]: words[2] for words in printed if words[:1] == ["campaign"]}
        self.tokens |= launched
        return sorted(launched, key=launched.__getitem__)

    def handle(self, campaign_id: str) -> WorkflowHandle[Any, Any]:
        return self.temporal.get_workflow_handle(f"campaign-{campaign_id}")

    async def act(self, campaign_id: str, update: str, key: str, **message: Any) -> Json:
        """An action under its key, asked for again until somebody answers: what a caller does after a 503."""
        answer: list[Json] = []

        async def ask() -> bool:
            try:
                answer.append(await self.handle(campaign_id).execute_update(update, {"by": BY, **message}, id=key))
            except RPCError as error:
                raise AssertionError(f"{update}: {error}") from error
            return True

        await aeventually(ask, timeout=CALL_WITHIN, every=0.2)
        return answer[-1]

    async def until_ended(self, campaign_ids: Iterable[str], within: float) -> None:
        """Until each of the campaigns has ended as completed, by its own row: that is written last."""
        wanted = set(campaign_ids)

        def are_over() -> bool:
            rows = self.campaign_rows(wanted)
            left = {
                row["campaign_id"]: (row["status"], row["reason"], row["counts"]) for row in rows if not row["over"]
            }
            assert not left, f"{len(left)} of {len(wanted)} go on: {dict(list(left.items())[:5])}"
            return True

        await aeventually(are_over, timeout=within, every=0.5)

    # ── What is left ─────────────────────────────────────────────────────────────────────────────────────────────────

    def campaign_rows(self, campaign_ids: Iterable[str]) -> list[Json]:
        states = ("audience", "sent", "deferred", "denied", "failed", "unknown", "pending")
        columns = ", ".join(f"{state}_count" for state in states)
        wanted = set(campaign_ids)
        rows = self.stack.sql(f"SELECT campaign_id, status, reason, snapshot, {columns} FROM campaigns_campaign")
        return [
            {
                "campaign_id": campaign_id,
                "status": status,
                "reason": reason,
                "over": status in ("completed", "cancelled"),
                "counts": dict(zip(states, counts, strict=True)),
                "timeline": [entry["what"] for entry in json.loads(snapshot).get("timeline", [])],
            }
            for campaign_id, status, reason, snapshot, *counts in rows
            if campaign_id in wanted
        ]

    def recipients(self, campaign_id: str) -> dict[str, str]:
        """The state of each recipient's row."""
        query = """SELECT r.user_id, r.state FROM campaigns_campaignrecipient r
                   JOIN campaigns_campaign c ON c.id = r.campaign_id WHERE c.campaign_id = ?"""
        return dict(self.stack.sql(query, campaign_id))

    def logged(self, campaign_ids: Iterable[str], *outcomes: str) -> list[tuple[str, str, str]]:
        """``(campaign, user, outcome)`` of the send log, of these outcomes only when any is named."""
        wanted = set(campaign_ids)
        rows = self.stack.sql("SELECT campaign_id, user_id, outcome FROM campaigns_sendlog")
        return [row for row in rows if row[0] in wanted and (not outcomes or row[2] in outcomes)]

    def received(self, campaign_ids: Iterable[str]) -> list[tuple[str, str]]:
        """``(campaign, user)`` of each mail that the server took, as often as it took it."""
        of_token = {self.tokens[campaign_id]: campaign_id for campaign_id in campaign_ids}
        found = []
        for mail in list(self.mails.taken):
            named = re.match(r"(\S+) for ", str(mail["Subject"]))
            if named and named[1] in of_token:
                found.append((of_token[named[1]], str(mail["To"]).partition("@")[0].upper()))
        return found

    def check_lines(self, campaign_ids: Iterable[str], audience: int) -> None:
        """Each line adds up, and says what the recipients' rows say."""
        for row in self.campaign_rows(campaign_ids):
            counts = row["counts"]
            assert counts["audience"] == audience == sum(counts.values()) - counts["audience"], row
            by_state = Counter(self.recipients(row["campaign_id"]).values())
            assert {state: number for state, number in counts.items() if number and state != "audience"} == by_state, (
                row
            )
            assert not counts["pending"], row

    def check_mails(self, campaign_ids: Iterable[str]) -> None:
        """Nobody got a campaign twice; what is ``sent`` was taken by the server; what was taken is sent, or unknown."""
        campaign_ids = list(campaign_ids)
        mails = Counter(self.received(campaign_ids))
        assert set(mails.values()) <= {1}, [pair for pair, times in mails.items() if times > 1]
        attempted = self.logged(campaign_ids, "sent", "unknown", "intent", "failed")
        assert len({row[:2] for row in attempted if row[2] != "failed"}) == len(
            [row for row in attempted if row[2] != "failed"]
        )
        assert not [row for row in attempted if row[2] == "intent"], "An intent was left behind."
        sent = {row[:2] for row in attempted if row[2] == "sent"}
        unknown = {row[:2] for row in attempted if row[2] == "unknown"}
        assert sent <= set(mails) <= sent | unknown
