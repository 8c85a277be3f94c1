"""The forms by which people ask and act. Each says in words what it does and sends itself through the gateway."""

import zoneinfo
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from approvals import gateway
from approvals.contract import (
    MAX_CENTS,
    MAX_COMMENT,
    MAX_DESCRIPTION,
    MAX_REASON,
    MAX_TITLE,
    ApprovalView,
    Door,
)
from approvals.models import Absence
from approvals.presentation import KINDS
from approvals.standing import may_take_over, place_for
from dashboard.auth import BACKEND
from dashboard.keyed_forms import KeyedForm
from dashboard.phrases import number_word
from temporal_worker.money import amount, money

TAKE_PART = "approvals.ask_approval"
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def people_choices(*without: str) -> list[tuple[str, str]]:
    """Everybody who takes part in approvals, by name."""
    people = User.objects.with_perm(TAKE_PART, backend=BACKEND).filter(is_active=True).exclude(username__in=without)
    named = [
        (user.username, user.get_full_name() or user.username) for user in people.order_by("first_name", "username")
    ]
    return [("", "Choose somebody"), *named]


class MoneyField(forms.CharField):
    """An amount as people write it, ``1,250.00``; its value is in cents, None when it is left empty."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "input input--num"})

    def clean(self, value: Any) -> int | None:
        typed = super().clean(value).replace(",", "").replace(" ", "").replace("\u00a0", "").lstrip("$")
        if not typed:
            return None
        try:
            cents = Decimal(typed) * 100
        except InvalidOperation:
            raise forms.ValidationError("This is not an amount. Write it like 1,250.00.") from None
        if not cents.is_finite() or cents != cents.to_integral_value() or not 1 <= cents <= MAX_CENTS:
            raise forms.ValidationError("An amount has two decimals at most and is more than nothing.")
        return int(cents)


class LocalDateTimeField(forms.DateTimeField):
    """A moment in the zone of the form's ``zone`` field, which the browser fills in; UTC without scripts."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class ZonedForm(KeyedForm):
    zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-zone-field": ""}))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        zone = _zone(cleaned.get("zone", ""))
        for name, field in self.fields.items():
            at = cleaned.get(name)
            if isinstance(field, LocalDateTimeField) and isinstance(at, datetime):
                cleaned[name] = at.replace(tzinfo=zone)
        return cleaned


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class ContentForm(KeyedForm):
    title = forms.CharField(
        label="What do you ask for?",
        max_length=MAX_TITLE,
        error_messages={"required": "Say in a line what you ask for."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    amount = MoneyField(label="Amount in USD", required=False, max_length=30, help_text="Who decides may depend on it.")
    starts_on = forms.DateField(label="From", required=False, widget=_DAY)
    ends_on = forms.DateField(label="Until", required=False, widget=_DAY)
    description = forms.CharField(
        label="Why",
        max_length=MAX_DESCRIPTION,
        required=False,
        help_text="What those who decide should know.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        starts_on, ends_on = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts_on and ends_on and ends_on < starts_on:
            self.add_error("ends_on", "This is before it starts.")
        return cleaned

    def blame(self, field: str, problem: str) -> None:
        super().blame("amount" if field == "amount_cents" else field, problem)

    def content(self) -> dict[str, Any]:
        asked = self.cleaned_data
        return {
            "title": asked["title"],
            "description": asked["description"],
            "amount_cents": asked["amount"],
            "starts_on": asked["starts_on"].isoformat() if asked["starts_on"] else "",
            "ends_on": asked["ends_on"].isoformat() if asked["ends_on"] else "",
        }


class RequestForm(ContentForm):
    kind = forms.ChoiceField(
        choices=[("", "Choose a kind"), *KINDS.items()],
        error_messages={"required": "Choose a kind: it says who decides.", "invalid_choice": "There is no such kind."},
    )

    def send(self, user: User) -> ApprovalView:
        """Ask. Raises :class:`approvals.gateway.ApprovalProblem`."""
        kind: str = self.cleaned_data["kind"]
        return gateway.submit_request(user=user, door=Door.WEB, kind=kind, key=self.key, **self.content())

    def attach(self, request_id: str, user: User, files: list[UploadedFile]) -> None:
        """The files that came with it, each once. Raises :class:`approvals.gateway.ApprovalProblem`."""
        for number, file in enumerate(files, start=1):
            _attach(request_id, user, file, f"{self.key}-file-{number}")


def _attach(request_id: str, user: User, file: UploadedFile, key: str) -> ApprovalView:
    return gateway.attach(
        request_id,
        user=user,
        door=Door.WEB,
        name=file.name or "file",
        content=file.read(),
        content_type=file.content_type or "",
        key=key,
    )


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class ActionForm(KeyedForm):
    """What a person can do with a request. ``told`` is the short note that it was done."""

    title_words: ClassVar[str]
    submit: ClassVar[str]
    told: ClassVar[str]
    danger: ClassVar[bool] = False
    multipart: ClassVar[bool] = False
    intro = ""

    def prepare(self, view: ApprovalView, user: User) -> None:
        """Fill in what depends on the request, for drawing. Sending does without."""

    def send(self, request_id: str, user: User) -> ApprovalView:
        """Do it. Raises :class:`approvals.gateway.ApprovalProblem`."""
        raise NotImplementedError


def _words(
    label: str, *, required: bool, most: int = MAX_COMMENT, help_text: str = "", rows: int = 3
) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=most, required=required, help_text=help_text, widget=widget)


class SeenForm(ActionForm):
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
    comment = _words("Reason", required=False)

    @property
    def approves(self) -> bool:
        return str(self["decision"].value()) != "reject"

    @property
    def title_words(self) -> str:  # type: ignore[override]
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
        self.intro = whose + what_follows(view, user.username, approves=self.approves)

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


def what_follows(view: ApprovalView, username: str, *, approves: bool = True) -> str:
    """What happens when this decision is taken, in a sentence before it is."""
    level = view.current_level
    what = f"round {view.round}" + ("" if view.amount_cents is None else f", {money(view.amount_cents, view.currency)}")
    seen = f"You decide on {what}; if that changes meanwhile, your decision is not taken."
    alone = level.is_escalated and username in level.escalate_to and username not in level.approvers
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


class ChangesForm(SeenForm):
    title_words, submit, told = "Ask for changes", "Ask for changes", "Changes were asked for."
    comment = _words("What should be different?", required=True, help_text="The requester reads it.")

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


class ResubmissionForm(ContentForm, ActionForm):
    title_words, submit, told = "Ask again", "Ask again", "It was asked again. A new round has opened."
    comment = _words("A word to those who decide", required=False, rows=2)

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


class WithdrawalForm(ActionForm):
    title_words, submit, told, danger = "Withdraw the request", "Withdraw it", "The request was withdrawn.", True
    intro = "It leaves everybody's inbox at once. This cannot be undone; you can ask anew."
    reason = _words("Reason, if you like", required=False, most=MAX_REASON, rows=2)

    def send(self, request_id: str, user: User) -> ApprovalView:
        reason: str = self.cleaned_data["reason"]
        return gateway.withdraw(request_id, user=user, door=Door.WEB, reason=reason, key=self.key)


class CommentForm(ActionForm):
    title_words, submit, told = "Comment", "Comment", "Your comment was added."
    text = _words(
        "Comment",
        required=True,
        rows=2,
        help_text="Everybody who takes part sees it. It decides nothing. @name brings somebody in.",
    )

    def send(self, request_id: str, user: User) -> ApprovalView:
        text: str = self.cleaned_data["text"]
        return gateway.add_comment(request_id, user=user, door=Door.WEB, text=text, key=self.key)


class AttachmentForm(ActionForm):
    title_words, submit, told, multipart = "Attach a file", "Attach it", "The file was attached.", True
    intro = "PDF, pictures, text, CSV and office files, 1.5 MB at most. Everybody who takes part can open it."
    file = forms.FileField(error_messages={"required": "Choose a file."}, widget=forms.FileInput)

    def send(self, request_id: str, user: User) -> ApprovalView:
        return _attach(request_id, user, self.cleaned_data["file"], self.key)


class DelegationForm(ZonedForm, ActionForm):
    title_words, submit, told = "Hand over to someone", "Hand over", "Handed over."
    to = forms.CharField(label="To whom?", max_length=150, widget=forms.Select)
    until = LocalDateTimeField(label="Until")
    reason = _words("Reason, if you like", required=False, most=MAX_REASON, rows=2)
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


class DelegationEndForm(ActionForm):
    title_words, submit, told = "End the hand-over", "End it", "The hand-over has ended."
    intro = "From now on they decide in your name no longer. What they have decided stays."
    cover_id = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def prepare(self, view: ApprovalView, user: User) -> None:
        mine = (one for one in view.covers if user.username in {one.principal, one.delegate})
        seat = next((one for one in mine if one.cover_id.startswith("seat:")), None)
        self.fields["cover_id"].initial = seat.cover_id if seat else ""

    def send(self, request_id: str, user: User) -> ApprovalView:
        cover_id: str = self.cleaned_data["cover_id"]
        return gateway.end_delegation(request_id, user=user, door=Door.WEB, cover_id=cover_id, key=self.key)


ACTION_FORMS: dict[str, type[ActionForm]] = {
    "changes": ChangesForm,
    "resubmission": ResubmissionForm,
    "withdrawal": WithdrawalForm,
    "attachments": AttachmentForm,
    "delegation": DelegationForm,
    "delegation_end": DelegationEndForm,
}


# ── Being away ───────────────────────────────────────────────────────────────────────────────────────────────────────


class AbsenceForm(ZonedForm):
    delegate = forms.CharField(label="Who decides for you?", max_length=150, widget=forms.Select)
    starts_at = LocalDateTimeField(label="From")
    until = LocalDateTimeField(label="Until")
    kind = forms.ChoiceField(label="For", required=False, choices=[("", "Requests of every kind"), *KINDS.items()])
    reason = forms.CharField(label="Reason, if you like", max_length=300, required=False)

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data)
        self.person = person
        widget = self.fields["delegate"].widget
        assert isinstance(widget, forms.Select)
        widget.choices = people_choices(person.username)
        self.absence = Absence()

    def clean(self) -> dict[str, Any] | None:
        """What the model says about it stands beside the field that it is about."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        delegate = User.objects.filter(username=cleaned["delegate"], is_active=True).first()
        if delegate is None or not delegate.has_perm(TAKE_PART):
            self.add_error("delegate", "There is nobody of this name who takes part in approvals.")
            return cleaned
        self.absence = Absence(
            person=self.person,
            delegate=delegate,
            starts_at=cleaned["starts_at"],
            until=cleaned["until"],
            kind=cleaned["kind"],
            reason=cleaned["reason"],
        )
        try:
            self.absence.clean()
        except forms.ValidationError as error:
            self.add_error(None, error)
        return cleaned


# ── Deciding many ────────────────────────────────────────────────────────────────────────────────────────────────────


class BulkForm(KeyedForm):
    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")], widget=forms.HiddenInput)
    comment = _words("Reason", required=False, help_text="The same for all of them.")

    @property
    def approves(self) -> bool:
        return str(self["decision"].value()) != "reject"
