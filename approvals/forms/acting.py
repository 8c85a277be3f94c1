"""What people do with a request beside deciding it."""

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from approvals import gateway
from approvals.contract import MAX_REASON, ApprovalView, Door
from approvals.forms.asking import ContentForm, attach_file
from approvals.forms.deciding import RequestActionForm, SeenForm
from approvals.forms.fields import LocalDateTimeField, ZonedForm, people_choices, words_field
from approvals.standing import may_take_over
from temporal_worker.money import amount


class ChangesForm(SeenForm):
    heading, submit, told = "Ask for changes", "Ask for changes", "Changes were asked for."
    comment = words_field("What should be different?", required=True, help_text="The requester reads it.")

    def prepare(self, view: ApprovalView, user: User) -> None:
        super().prepare(view, user)
        self.intro = (
            f"Nobody can decide until {view.name_of(view.requester)} has asked again. "
            "A new round starts at the first level then, and decisions made so far do not count any more."
        )

    def send(self, request_id: str, user: User) -> ApprovalView:
        asked = self.cleaned_data
        return gateway.request_changes(
            request_id,
            user=user,
            door=Door.WEB,
            comment=asked["comment"],
            state_version=asked["state_version"],
            key=self.key,
        )


class ResubmissionForm(ContentForm, RequestActionForm):
    heading, submit, told = "Ask again", "Ask again", "It was asked again. A new round has opened."
    comment = words_field("A word to those who decide", required=False, rows=2)

    def prepare(self, view: ApprovalView, user: User) -> None:
        wanted = view.rounds[-1]
        if wanted.changes_wanted:
            self.intro = f"{view.name_of(wanted.changes_wanted_by)} wanted: “{wanted.changes_wanted}”"
        self.fields["amount"].label = f"Amount in {view.currency}"
        self.initial["title"] = view.title
        self.initial["description"] = view.description
        self.initial["amount"] = "" if view.amount_cents is None else amount(view.amount_cents, view.currency)
        self.initial["starts_on"] = view.starts_on
        self.initial["ends_on"] = view.ends_on

    def send(self, request_id: str, user: User) -> ApprovalView:
        comment: str = self.cleaned_data["comment"]
        content = self.content()
        return gateway.resubmit(request_id, user=user, door=Door.WEB, comment=comment, key=self.key, **content)


class WithdrawalForm(RequestActionForm):
    heading, submit, told, danger = "Withdraw the request", "Withdraw it", "The request was withdrawn.", True
    intro = "It leaves everybody's inbox at once. This cannot be undone; you can ask anew."
    reason = words_field("Reason, if you like", required=False, most=MAX_REASON, rows=2)

    def send(self, request_id: str, user: User) -> ApprovalView:
        reason: str = self.cleaned_data["reason"]
        return gateway.withdraw(request_id, user=user, door=Door.WEB, reason=reason, key=self.key)


class CommentForm(RequestActionForm):
    heading, submit, told = "Comment", "Comment", "Your comment was added."
    text = words_field(
        "Comment",
        required=True,
        rows=2,
        help_text="Everybody who takes part sees it. It decides nothing. @name brings somebody in.",
    )

    def send(self, request_id: str, user: User) -> ApprovalView:
        text: str = self.cleaned_data["text"]
        return gateway.add_comment(request_id, user=user, door=Door.WEB, text=text, key=self.key)


class AttachmentForm(RequestActionForm):
    heading, submit, told, multipart = "Attach a file", "Attach it", "The file was attached.", True
    intro = "PDF, pictures, text, CSV and office files, 1.5 MB at most. Everybody who takes part can open it."
    file = forms.FileField(error_messages={"required": "Choose a file."}, widget=forms.FileInput)

    def send(self, request_id: str, user: User) -> ApprovalView:
        return attach_file(request_id, user, self.cleaned_data["file"], self.key)


class DelegationForm(ZonedForm, RequestActionForm):
    heading, submit, told = "Hand over to someone", "Hand over", "Handed over."
    to = forms.CharField(label="To whom?", max_length=150, widget=forms.Select)
    until = LocalDateTimeField(label="Until")
    reason = words_field("Reason, if you like", required=False, most=MAX_REASON, rows=2)
    intro = "They may decide in your name until then, and so may you. Every decision says in whose name it was made."

    def prepare(self, view: ApprovalView, user: User) -> None:
        widget = self.fields["to"].widget
        assert isinstance(widget, forms.Select)
        can = may_take_over(view, user.username, timezone.now())
        widget.choices = [(name, words) for name, words in people_choices(user.username) if not name or can(name)]

    def send(self, request_id: str, user: User) -> ApprovalView:
        asked = self.cleaned_data
        return gateway.delegate(
            request_id,
            user=user,
            door=Door.WEB,
            to=asked["to"],
            until=asked["until"],
            reason=asked["reason"],
            key=self.key,
        )


class DelegationEndForm(RequestActionForm):
    heading, submit, told = "End the hand-over", "End it", "The hand-over has ended."
    intro = "From now on they decide in your name no longer. What they have decided stays."
    cover_id = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def prepare(self, view: ApprovalView, user: User) -> None:
        mine = (one for one in view.covers if user.username in {one.principal, one.delegate})
        seat = next((one for one in mine if one.cover_id.startswith("seat:")), None)
        self.fields["cover_id"].initial = seat.cover_id if seat else ""

    def send(self, request_id: str, user: User) -> ApprovalView:
        cover_id: str = self.cleaned_data["cover_id"]
        return gateway.end_delegation(request_id, user=user, door=Door.WEB, cover_id=cover_id, key=self.key)


ACTION_FORMS: dict[str, type[RequestActionForm]] = {
    "changes": ChangesForm,
    "resubmission": ResubmissionForm,
    "withdrawal": WithdrawalForm,
    "attachments": AttachmentForm,
    "delegation": DelegationForm,
    "delegation_end": DelegationEndForm,
}
