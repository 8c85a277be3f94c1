"""What one viewer can do with a request, and what of the records only they, or auditors, see."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth.models import User

from approvals.actions import Action, actions_for
from approvals.contract import ApprovalStatus, ApprovalView
from approvals.forms import DecisionForm, what_follows
from approvals.gateway import ApprovalProblem, Unavailable
from approvals.gateway.rights import TAKE_PART
from approvals.models import RefusedAttempt
from approvals.presentation.rounds import Difference, differences
from approvals.presentation.words import DOORS
from approvals.standing import Standing, standing

ATTEMPTS_SHOWN = 20


@dataclass(frozen=True)
class Attempt:
    at: datetime
    who: str
    username: str
    what: str
    reason: str
    by: str


@dataclass(frozen=True)
class Personal:
    """``changed`` is what has changed since the viewer's page was drawn; ``why_not`` why they cannot decide."""

    view: ApprovalView
    live: bool
    standing: Standing
    actions: tuple[Action, ...]
    attempts: tuple[Attempt, ...]
    form: DecisionForm
    follows: str
    why_not: str
    behalf: str
    changed: tuple[Difference, ...] = ()
    problem: ApprovalProblem | None = None

    @property
    def may_decide(self) -> bool:
        return self.live and not self.why_not

    @property
    def is_requester_asked(self) -> bool:
        """Whether it waits for this viewer to ask again."""
        return self.live and any(action.name == "resubmission" and action.allowed for action in self.actions)

    @property
    def listed(self) -> list[Action]:
        """The actions below the card's own button."""
        return [one for one in self.actions if not (one.name == "resubmission" and self.is_requester_asked)]

    @property
    def is_over(self) -> bool:
        return ApprovalStatus(self.view.status).is_final

    @property
    def is_unavailable(self) -> bool:
        return isinstance(self.problem, Unavailable)

    @property
    def place(self) -> str:
        """In whose name the card decides. Pressed again after an outage it means the same, whatever has come of it."""
        return str(self.form.data.get("on_behalf_of", "")) if self.is_unavailable else self.standing.place

    @property
    def state_version(self) -> str:
        return str(self.form.data.get("state_version", "")) if self.is_unavailable else str(self.view.state_version)

    @property
    def version(self) -> str:
        return f"{self.view.actions_version}{'' if self.live else '-saved'}"

    def with_form(self, form: DecisionForm, problem: ApprovalProblem | None) -> "Personal":
        return replace(self, form=form, problem=problem)


def personal_of(view: ApprovalView, user: User, now: datetime, *, live: bool, seen: int | None = None) -> Personal:
    takes_part = user.has_perm(TAKE_PART)
    stands = standing(view, user.username, now) if takes_part else _ONLOOKER
    why_not = (
        stands.decision
        if live or not takes_part
        else "A decision needs Temporal and a worker. They come back by themselves."
    )
    form = DecisionForm(initial={"place": "card"})
    form.fields["state_version"].initial = view.state_version
    return Personal(
        view=view,
        live=live,
        standing=stands,
        actions=tuple(actions_for(view, user.username, stands, live=live)) if takes_part else (),
        attempts=tuple(attempts_of(view, user)),
        form=form,
        follows="" if why_not else what_follows(view, stands.place),
        why_not=why_not,
        behalf=view.name_of(stands.behalf) if stands.behalf and not why_not else "",
        changed=tuple(_changed(view, seen)),
    )


_NO_RIGHT = "You may not take part in approvals: it needs a right that you do not have."
_ONLOOKER = Standing(_NO_RIGHT, _NO_RIGHT, _NO_RIGHT, _NO_RIGHT, _NO_RIGHT, place="")


def attempts_of(view: ApprovalView, user: User) -> list[Attempt]:
    """What was refused here: everybody's for who may see every request, else one's own."""
    rows = RefusedAttempt.objects.filter(request_id=view.request_id)
    if not user.has_perm("approvals.view_all_requests"):
        rows = rows.filter(who=user.username)
    return [
        Attempt(
            row.at,
            view.name_of(row.who) if row.who else "Somebody",
            row.who,
            _TRIED.get(row.what, row.what.replace("_", " ")),
            row.reason,
            DOORS.get(row.door, row.door),
        )
        for row in rows.order_by("-number")[:ATTEMPTS_SHOWN]
    ]


_TRIED = {
    "approve": "pressed Approve",
    "reject": "pressed Reject",
    "request_changes": "asked for changes",
    "resubmit": "asked again",
    "withdraw": "tried to withdraw it",
    "add_comment": "commented",
    "attach": "attached a file",
    "delegate": "handed over",
    "end_delegation": "ended a hand-over",
    "open a link": "opened a link of a mail",
}


def _changed(view: ApprovalView, seen: int | None) -> list[Difference]:
    """What a new round has changed since the state version that the viewer had before them."""
    if seen is None or seen >= view.state_version or len(view.rounds) < 2:
        return []
    before = [one for one in view.rounds if one.state_version <= seen]
    if not before or before[-1].number == view.rounds[-1].number:
        return []
    return [one for one in differences(before[-1], view.rounds[-1], view.currency) if one.is_changed]
