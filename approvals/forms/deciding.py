"""Deciding one request, or many at once."""

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from approvals import gateway
from approvals.contract import ApprovalView, Door
from approvals.forms.fields import words_field
from approvals.standing import place_for
from dashboard.keyed_forms import ActionForm, KeyedForm
from dashboard.phrases import number_word
from temporal_worker.money import money

RequestActionForm = ActionForm[ApprovalView, User, ApprovalView]
"""What a person can do with a request."""


class SeenForm(RequestActionForm):
    """An action on the request as its author saw it: what has changed since is refused."""

    state_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def prepare(self, view: ApprovalView, user: User) -> None:
        # What is drawn again is drawn beside the request as it is now.
        self.fields["state_version"].initial = view.state_version


class DecisionForm(SeenForm):
    """Approve or reject; which one is the button's, or the dialog's."""

    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")], widget=forms.HiddenInput)
    on_behalf_of = forms.CharField(required=False, max_length=150, widget=forms.HiddenInput)
    place = forms.CharField(required=False, max_length=10, widget=forms.HiddenInput)
    comment = words_field("Reason", required=False)

    @property
    def approves(self) -> bool:
        return str(self["decision"].value()) != "reject"

    @property
    def heading(self) -> str:  # type: ignore[override]
        return f"{'Approve' if self.approves else 'Reject'}: {self.of}" if self.of else "Your decision"

    @property
    def submit(self) -> str:  # type: ignore[override]
        return "Approve" if self.approves else "Reject"

    @property
    def told(self) -> str:  # type: ignore[override]
        return "Approved." if self.approves else "Rejected."

    @property
    def danger(self) -> bool:  # type: ignore[override]
        return not self.approves

    of = ""

    def prepare(self, view: ApprovalView, user: User) -> None:
        super().prepare(view, user)
        self.of = view.title
        self.fields["on_behalf_of"].initial = place_for(view, user.username, timezone.now())
        needed = "needed" if view.comment_to_reject and not self.approves else "if you like"
        self.fields["comment"].label = f"Reason, {needed}"
        place = str(self["on_behalf_of"].value() or user.username)
        whose = "" if place == user.username else f"You decide for {view.name_of(place)}. "
        self.intro = whose + what_follows(view, place, approves=self.approves)

    def send(self, request_id: str, user: User) -> ApprovalView:
        asked = self.cleaned_data
        return gateway.decide(
            request_id,
            user=user,
            door=Door.WEB,
            approved=asked["decision"] == "approve",
            comment=asked["comment"],
            state_version=asked["state_version"],
            # A page from before places decides in its reader's own.
            on_behalf_of=asked["on_behalf_of"] or user.username,
            key=self.key,
        )


def what_follows(view: ApprovalView, place: str, *, approves: bool = True) -> str:
    """What happens when a decision in this person's name is taken, in a sentence before it is."""
    level = view.current_level
    what = f"round {view.round}" + ("" if view.amount_cents is None else f", {money(view.amount_cents, view.currency)}")
    seen = f"You decide on {what}; if that changes meanwhile, your decision is not taken."
    alone = level.is_escalated and place in level.escalate_to and place not in level.approvers
    if not approves:
        left = level.rejections - (len(level.decisions) - level.approvals)
        ends = left <= 1 or alone
        return f"{'Rejecting ends the request.' if ends else f'{level.name} needs {left} rejections to reject.'} {seen}"
    left = 1 if alone else level.needed - level.approvals
    if left > 1:
        then = f"After your approval {level.name} needs {number_word(left - 1)} more."
    elif view.level < len(view.levels):
        following = view.levels[view.level]
        names = ", ".join(view.name_of(one) for one in following.approvers[:3])
        more = " and others" if len(following.approvers) > 3 else ""
        then = f"Approving sends it to {following.name}: {names}{more}."
    else:
        then = "If you approve, it is done."
    return f"{then} {seen}"


class BulkForm(KeyedForm):
    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")], widget=forms.HiddenInput)
    comment = words_field("Reason", required=False, help_text="The same for all of them.")

    @property
    def approves(self) -> bool:
        return str(self["decision"].value()) != "reject"
