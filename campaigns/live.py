"""A campaign's page that moves: read from the projection once for each change, and drawn once for all who look."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Max, Min
from django.template.loader import render_to_string
from django.utils import timezone

from campaigns import projection
from campaigns.contract import CampaignView, RecipientState
from campaigns.models import Campaign, CampaignRecipient, SendLog
from campaigns.presentation import CampaignPage, campaign_page, row_of
from campaigns.presentation.log import LogLine, ReasonCount, line_of
from campaigns.presentation.page import LOG_SHOWN, Facts
from campaigns.samples import samples_of

OCCURRENCES_SHOWN = 10
WITH_REASON = (RecipientState.DEFERRED, RecipientState.FAILED, RecipientState.UNKNOWN)
TEXTS = ("subject", "body_text", "body_html", "start_input")
"""What only drafts are shown with."""


def page_of(row: Campaign, view: CampaignView | None = None) -> CampaignPage:
    """The page of a campaign, from its row; ``view`` is an answer that may be newer than it. Five queries at most."""
    saved = projection.load_view(row)
    newest = view if view is not None and view.version >= saved.version else saved
    is_launched = row.launched_at is not None
    others = list(_occurrences(row)) if row.recurs else []
    facts = Facts(
        row=row,
        change=max([row.change, *(one.change for one in others)]),
        view=newest,
        reasons=_reasons(row, newest) if is_launched else (),
        samples=samples_of(row) if is_launched else (),
        log=_newest_of_log(row) if is_launched else (),
        occurrences=[row_of(one, as_one_time=True) for one in others],
        series_id=row.series_id,
        names=_names(
            {
                row.created_by,
                row.launched_by,
                (row.first or row).transactional_by,
                *(newest.approval.decided_by if newest.approval else ()),
                *(entry.by.username for entry in newest.timeline if entry.by),
            }
        ),
    )
    return campaign_page(facts, timezone.now())


def _reasons(row: Campaign, view: CampaignView) -> list[ReasonCount]:
    """The denied ones as the workflow counted them, so that the page agrees with itself; the others from their rows."""
    denied = [ReasonCount(RecipientState.DENIED, code, number) for code, number in view.denied_by_reason.items()]
    rows = CampaignRecipient.objects.filter(campaign=row, state__in=WITH_REASON).order_by()
    found = rows.values("state", "code").annotate(number=Count("pk"), first_at=Min("next_at"), last_at=Max("next_at"))
    return denied + [ReasonCount(**one) for one in found]


def _newest_of_log(row: Campaign) -> list[LogLine]:
    return [line_of(one) for one in log_of(row).order_by("-pk")[:LOG_SHOWN]]


def log_of(row: Campaign) -> "Any":
    """The send log's rows of this campaign, its tests left out."""
    return SendLog.objects.filter(campaign_id=row.series_id, occurrence=row.occurrence, is_test=False)


def _occurrences(row: Campaign) -> Iterable[Campaign]:
    """The others of a recurring campaign, the newest first."""
    first = row.first_id or row.pk
    others = Campaign.objects.filter(first_id=first) | Campaign.objects.filter(pk=first)
    return others.exclude(pk=row.pk).order_by("-occurrence").defer(*TEXTS)[:OCCURRENCES_SHOWN]


def _names(usernames: Iterable[str]) -> dict[str, str]:
    people = User.objects.filter(username__in=[one for one in usernames if one])
    return {person.username: person.get_full_name() or person.username for person in people}


def live_fragments(page: CampaignPage) -> str:
    """All shared fragments of the page, each with its id; the same for the page, an answer and the sockets."""
    return render_to_string("campaigns/_campaign_live.html", {"page": page})


def notice_fragment(*, is_well: bool) -> str:
    """What stands above a campaign while nobody is there to go on with it."""
    return render_to_string("campaigns/_campaign_notice.html", {"is_well": is_well})


def load_row(campaign_id: str) -> Campaign | None:
    return Campaign.objects.select_related("first").filter(campaign_id=campaign_id).first()
