"""The sentence at the head of a campaign's page: when is it done, and where did everybody go?"""

from collections.abc import Mapping
from datetime import datetime

from campaigns.contract import CampaignPhase, CampaignStatus
from campaigns.models import Campaign
from campaigns.presentation.status import Glance, Times
from campaigns.presentation.words import cron_words
from campaigns.standing import OVER
from dashboard.phrases import Part, counted, number_word, strong, text, when


def lede_of(
    campaign: Glance, counts: Mapping[str, int], *, first_pass_at: datetime | None, last_deferred_at: datetime | None
) -> list[Part]:
    if campaign.times is not None:
        return [*_waiting(campaign.times, is_first=campaign.status not in OVER), *_the_first_time(campaign, counts)]
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


def _waiting(times: Times, *, is_first: bool) -> list[Part]:
    """Of a recurring one between two of its times, or before the first."""
    if times.are_paused:
        why = times.why_paused.strip().rstrip(".")
        said = [strong("Its times are paused" + (f": {why}." if why else "."))]
        return [*said, text(" None of them begins anything until somebody resumes it.")]
    said = [strong(f"It goes out {times.words}.")]
    if times.next_at is not None:
        which = "first" if is_first else "next"
        return [*said, text(f" Its {which} time is "), when(times.next_at, "at"), text(".")]
    return [*said, text(" Its first time has not come yet.")] if is_first else said


def _the_first_time(campaign: Glance, counts: Mapping[str, int]) -> list[Part]:
    """What became of the time whose row it is; the others have pages of their own."""
    sent, others = counts["sent"], counts["audience"] - counts["sent"]
    if campaign.status == CampaignStatus.CANCELLED:
        why = campaign.reason.strip().rstrip(".")
        got = f" after {counted(sent, 'person', 'people')} had got it" if sent else ", and nobody got it"
        return [text(f" Its first time was cancelled{got}{f': {why}' if why else ''}.")]
    if campaign.status == CampaignStatus.COMPLETED:
        left = f", {counted(others, 'other')} did not" if others else ""
        return [text(f" The first time {counted(sent, 'person', 'people')} got it{left}.")]
    return []


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
