"""The send log of one campaign: any query string is a list; and all of it, or of one person, to take away."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from campaigns.contract import CloseCode
from campaigns.live import log_of
from campaigns.models import Campaign, CampaignRecipient, SendLog
from campaigns.models.words import Outcome, RecipientState
from campaigns.presentation.log import LogLine, line_of, line_of_recipient
from campaigns.presentation.words import code_words

PAGE_SIZE = 50
STATES = {
    Outcome.SENT.value: "Sent",
    Outcome.DEFERRED.value: "Deferred",
    Outcome.DENIED.value: "Denied",
    Outcome.FAILED.value: "Failed",
    Outcome.UNKNOWN.value: "Unknown",
    Outcome.INTENT.value: "Being sent",
    Outcome.RELEASED.value: "Given back",
}
NEVER_ASKED = set(CloseCode)
"""Reasons of people for whom nothing was asked: the campaign was over. They have no decision in the log."""


@dataclass(frozen=True)
class LogListing:
    state: str = ""
    reason: str = ""
    user_id: str = ""
    before: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "LogListing":
        state, before = query.get("state", ""), query.get("before", "")
        return cls(
            state=state if state in STATES else "",
            reason=query.get("reason", "").replace("\0", "").strip()[:20],
            user_id=query.get("user_id", "").replace("\0", "").strip()[:64],
            before=int(before) if before.isascii() and before.isdigit() and len(before) <= 18 else 0,
        )

    @property
    def is_of_never_asked(self) -> bool:
        return self.reason in NEVER_ASKED

    @property
    def reason_words(self) -> str:
        return code_words(self.reason) if self.reason else ""

    def url(self, **changes: object) -> str:
        changed = replace(self, **{"before": 0, **changes})  # type: ignore[arg-type]
        parts = {name: value for name, value in vars(changed).items() if value}
        return f"?{urlencode(parts)}" if parts else "?"

    def rows(self, campaign: Campaign) -> QuerySet[SendLog]:
        found: QuerySet[SendLog] = log_of(campaign)
        wanted = {"outcome": self.state, "code": self.reason, "user_id": self.user_id}
        return found.filter(**{name: value for name, value in wanted.items() if value})

    def never_asked(self, campaign: Campaign) -> QuerySet[CampaignRecipient]:
        found = CampaignRecipient.objects.filter(campaign=campaign, state=RecipientState.DENIED, code=self.reason)
        return found.filter(user_id=self.user_id) if self.user_id else found


@dataclass(frozen=True)
class LogPage:
    lines: list[LogLine]
    next: str = ""


def log_page(campaign: Campaign, listing: LogListing) -> LogPage:
    """One query, whatever the page. The newest come first; who was never asked, in the order of the audience."""
    if listing.is_of_never_asked:
        people = listing.never_asked(campaign).filter(position__gt=listing.before).order_by("position")
        found = list(people[: PAGE_SIZE + 1])
        lines = [line_of_recipient(one, campaign.closed_at) for one in found[:PAGE_SIZE]]
        last = found[PAGE_SIZE - 1].position if len(found) > PAGE_SIZE else 0
    else:
        rows = listing.rows(campaign)
        rows = rows.filter(pk__lt=listing.before) if listing.before else rows
        decisions = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
        lines = [line_of(one) for one in decisions[:PAGE_SIZE]]
        last = decisions[PAGE_SIZE - 1].pk if len(decisions) > PAGE_SIZE else 0
    return LogPage(lines, next=listing.url(before=last) if last else "")


COLUMNS = (
    "at", "user_id", "outcome", "code", "detail", "rule", "limit", "count", "next_allowed_at", "changes", "policy_version",
    "grant_id", "attempt", "channel", "category", "provider_reference", "settled_at", "run_id",
)  # fmt: skip
OF_A_PERSON = ("campaign_id", *COLUMNS, "is_test")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(campaign: Campaign, listing: LogListing) -> Iterator[str]:
    """The log as it is filtered, the oldest first; then those for whom nothing was asked, so that it adds up."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(COLUMNS)  # a mark by which spreadsheets know that it is UTF-8
    if not listing.is_of_never_asked:
        for row in listing.rows(campaign).order_by("pk").values_list(*COLUMNS).iterator(chunk_size=1_000):
            yield writer.writerow([safe_cell(value) for value in row])
    if listing.state in ("", Outcome.DENIED) and (not listing.reason or listing.is_of_never_asked):
        codes = [listing.reason] if listing.reason else list(NEVER_ASKED)
        people = CampaignRecipient.objects.filter(campaign=campaign, state=RecipientState.DENIED, code__in=codes)
        if listing.user_id:
            people = people.filter(user_id=listing.user_id)
        for user_id, code in people.order_by("position").values_list("user_id", "code").iterator(chunk_size=1_000):
            words = {"at": campaign.closed_at, "user_id": user_id, "outcome": "denied", "code": code}
            words |= {"detail": code_words(code), "channel": campaign.channel, "category": campaign.category}
            yield writer.writerow([safe_cell(words.get(name)) for name in COLUMNS])


def csv_lines_of(user_id: str) -> Iterator[str]:
    """Each decision about one person, whoever asked, the oldest first."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(OF_A_PERSON)
    rows = SendLog.objects.filter(user_id=user_id).order_by("pk")
    for row in rows.values_list(*OF_A_PERSON).iterator(chunk_size=1_000):
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does one that has one.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if value is None:
        return ""
    if isinstance(value, list):  # the changes that would have let it pass
        value = "; ".join(f"{one['field']}: {one['current']} → {one['needed']}" for one in value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str) and value.lstrip(" ").startswith(("'", *_FORMULA)):
        return f"'{value}"
    return value


class _Line:
    """What ``csv.writer`` writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line
