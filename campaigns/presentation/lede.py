"""The sentence at the head of a campaign's page: when is it done, and where did everybody go?"""

from collections.abc import Mapping
from datetime import datetime

from campaigns.contract import CampaignPhase, CampaignStatus
from campaigns.models import Campaign
from campaigns.presentation.status import Glance
from campaigns.presentation.words import cron_words
from dashboard.phrases import Part, counted, number_word, strong, text, when


def lede_of(
    campaign: Glance, counts: Mapping[str, int], *, first_pass_at: datetime | None, last_deferred_at: datetime | None
) -> list[Part]:
    match campaign.status:
        case CampaignStatus.DRAFT:
            return [strong("It is a draft."), text(" Nothing is sent before somebody launches it.")]
        case Campaign.STARTING:
            return [strong("It is launched"), text(" and starts as soon as Temporal takes it; nothing is left to do.")]
        case CampaignStatus.AWAITING_APPROVAL:
            return [
                strong("It waits for an approval."),
                text(f" {counted(campaign.audience, 'recipient').capitalize()} are written down; none gets it before."),
            ]
        case CampaignStatus.SCHEDULED:
            return _scheduled(campaign)
        case CampaignStatus.PAUSED:
            return _paused(campaign, counts)
        case CampaignStatus.COMPLETED:
            return _completed(counts)
        case CampaignStatus.CANCELLED:
            return _cancelled(campaign, counts)
    return _running(campaign, counts, first_pass_at, last_deferred_at)


def _scheduled(campaign: Glance) -> list[Part]:
    if campaign.recurs:
        return [strong(f"It goes out {cron_words(campaign.recurs)}."), text(" Its first time has not come yet.")]
    if campaign.starts_at is None:
        return [strong("It begins in a moment.")]
    return [strong("It begins "), when(campaign.starts_at, "at", strong=True), text(". Nothing is sent before.")]


def _paused(campaign: Glance, counts: Mapping[str, int]) -> list[Part]:
    left = counts["pending"] + counts["deferred"]
    why = campaign.reason.strip().rstrip(".")
    said = [strong("It is paused" + (f": {why}." if why else "."))]
    if left:
        verb = "waits" if left == 1 else "wait"
        said.append(text(f" {counted(left, 'recipient').capitalize()} {verb} until somebody resumes it."))
    return said


def _completed(counts: Mapping[str, int]) -> list[Part]:
    sent, others = counts["sent"], counts["audience"] - counts["sent"]
    if not counts["audience"]:
        return [strong("It is done: nobody was in its audience.")]
    verb = "has" if sent == 1 else "have"
    said = [strong(f"It is done: {counted(sent, 'person', 'people')} {verb} got it.")]
    if others:
        said.append(text(f" {counted(others, 'other').capitalize()} did not; why stands below."))
    return said


def _cancelled(campaign: Glance, counts: Mapping[str, int]) -> list[Part]:
    why = campaign.reason.strip().rstrip(".")
    said = [strong("It was cancelled" + (f": {why}." if why else "."))]
    sent = counts["sent"]
    return [
        *said,
        text(f" {counted(sent, 'person', 'people').capitalize()} had got it by then." if sent else " Nobody got it."),
    ]


def _running(
    campaign: Glance, counts: Mapping[str, int], first_pass_at: datetime | None, last_deferred_at: datetime | None
) -> list[Part]:
    if campaign.phase == CampaignPhase.AUDIENCE or not campaign.audience:
        return [strong("Its recipients are being written down."), text(" Who is among them is fixed then.")]
    later = _later(counts["deferred"], last_deferred_at)
    if counts["pending"]:
        if first_pass_at is None:
            return [strong("It begins to send."), *later]
        return [strong("The first pass ends at about "), when(first_pass_at, "clock", strong=True), strong("."), *later]
    if counts["deferred"]:
        return [strong("Everybody was asked for."), *later]
    return [strong("Everybody was asked for."), text(" It ends in a moment.")]


def _later(deferred: int, last_deferred_at: datetime | None) -> list[Part]:
    if not deferred:
        return []
    who = "One person gets it" if deferred == 1 else f"{number_word(deferred).capitalize()} people get theirs"
    start = f" {who} later"
    if last_deferred_at is None:
        return [text(f"{start}, when their own rules allow it.")]
    return [text(f"{start}, the last "), when(last_deferred_at, "at"), text(", when their own rules allow it.")]
