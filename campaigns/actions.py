"""What can be done with a campaign, and why not: drawn on its page, decided anew by whoever is asked to do it."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from campaigns.contract import CampaignStatus
from campaigns.gateway.rights import EDIT, SEND
from campaigns.models import Campaign
from campaigns.presentation import CampaignPage


@dataclass(frozen=True)
class Action:
    """``reason`` says in a sentence why it is not allowed; empty when it is. ``dialog``: it opens in one."""

    name: str
    label: str
    allowed: bool
    reason: str = ""
    icon: str = ""
    look: str = ""
    dialog: bool = True

    @property
    def url_name(self) -> str:
        return f"campaigns:{self.name}"


_NO_SENDING = "You may look at campaigns; launching and stopping them takes a right that you do not have."
_NO_WRITING = "You may look at campaigns; writing them takes a right that you do not have."


def actions_for(page: CampaignPage, user: User) -> list[Action]:
    """All actions in their place; those that are not possible now carry the reason."""
    may_edit, may_send = user.has_perm(EDIT), user.has_perm(SEND)

    def action(name: str, label: str, icon: str, reason: str, *, look: str = "", dialog: bool = True) -> Action:
        return Action(name, label, not reason, reason, icon, look, dialog)

    no_right = "" if may_send else _NO_SENDING
    if page.is_draft:
        return [
            action("edit", "Edit", "edit", "" if may_edit else _NO_WRITING, dialog=False),
            action("test", "Send a test…", "send", no_right),
            action("launch", "Launch…", "play", no_right, look="btn--primary"),
        ]
    no = no_right or _not_now(page)
    is_paused = page.view.status == CampaignStatus.PAUSED or page.times_are_paused
    stopped = (
        action("resume", "Resume…", "play", no_right if page.times_are_paused else no, look="btn--primary")
        if is_paused
        else action("pause", "Pause…", "pause", no_right if page.is_between_times else no or _waits_for_its_time(page))
    )
    again = [action("again", "Make another", "plus", "" if may_edit else _NO_WRITING, dialog=False)]
    return [
        *(again if page.is_over else []),
        action("rate", "Rate…", "sliders", no or _waits_for_its_time(page)),
        stopped,
        action("cancel", "Cancel…", "x", no_right if page.has_times_to_come else no, look="btn--danger"),
    ]


def _not_now(page: CampaignPage) -> str:
    if page.is_between_times and page.is_over:
        return "Its first time is over; each later time has a page of its own."
    if page.view.status == CampaignStatus.COMPLETED:
        return "It is completed: nothing is left to send."
    if page.view.status == CampaignStatus.CANCELLED:
        return "It is cancelled, for good."
    if page.view.status == Campaign.STARTING:
        return "Not yet: it is starting."
    return ""


def _waits_for_its_time(page: CampaignPage) -> str:
    """A recurring campaign before its first time has no workflow that could be told."""
    is_waiting = page.view.status == CampaignStatus.SCHEDULED and page.row.recurs and page.view.version == 0
    return "Not yet: its first time has not come." if is_waiting else ""
