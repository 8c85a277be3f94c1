"""The forms of the campaigns' part of the admin site: what is checked beyond single fields, and the questions it answers."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from campaigns.contract import MAX_CAP, MAX_GAP_HOURS, Channel
from campaigns.models import CampaignSettings, CapPolicy, Contact, Template
from campaigns.models.checks import check_category_caps
from dashboard.one_row_admin import OneRowForm

CHANNEL_FIELDS = {"email_a_day": Channel.EMAIL, "sms_a_day": Channel.SMS, "push_a_day": Channel.PUSH}
_NO_RULE = "Empty: no rule. 0: none at all."


def _cap_field(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=MAX_CAP, help_text=_NO_RULE)


class CapPolicyForm(forms.ModelForm):
    email_a_day = _cap_field("E-mails a day, at most")
    sms_a_day = _cap_field("Text messages a day, at most")
    push_a_day = _cap_field("Push messages a day, at most")

    class Meta:
        model = CapPolicy
        fields = (
            "name", "is_default", "segment", "priority", "user_id", "max_per_day", "window", "min_hours_between",
            "per_category", "quiet_from", "quiet_to", "time_zone", "count_transactional",
        )  # fmt: skip
        help_texts: ClassVar[dict[str, str]] = {
            "name": "What people read where this policy has decided.",
            "is_default": "It holds for everybody who has no policy of their own and is in no segment that has one.",
            "segment": "It holds for the contacts in this segment, before the policy for everybody.",
            "user_id": "A contact's id, as USER-001. It holds for them before all others; only a cap that was set on "
            "their own page, or by the API, comes before it.",
            "max_per_day": f"Of all campaigns and channels together. {_NO_RULE}",
            "min_hours_between": "A half is 0.5. Empty: no rule.",
            "window": "The last 24 hours begin anew with each message; a calendar day at each person's midnight.",
            "per_category": f'As {{"newsletter": 1}}: at most so many a day of a category. {_NO_RULE}',
            "quiet_from": "Nothing but transactional messages is sent from here on, by the person's own clock. What comes "
            "in the quiet hours is held until they end.",
            "quiet_to": "May be earlier than the beginning: then they last over midnight.",
            "count_transactional": "Transactional messages are never held back; with this they use up the cap for others.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "per_category" in self.fields:
            # Django would compare with a hidden copy of the default, instead of with what the row has.
            self.fields["per_category"].show_hidden_initial = False
        for name, channel in CHANNEL_FIELDS.items():
            if name in self.fields:
                self.initial.setdefault(name, (self.instance.per_channel or {}).get(channel.value))

    def clean_per_category(self) -> dict[str, int]:
        caps: dict[str, int] = self.cleaned_data["per_category"] or {}
        check_category_caps(caps)
        return caps

    def clean_user_id(self) -> str:
        user_id: str = self.cleaned_data["user_id"].strip()
        if user_id and not Contact.objects.filter(user_id=user_id, erased_at=None).exists():
            raise ValidationError(f"There is no contact {user_id}.")
        return user_id

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        caps = {channel.value: cleaned.get(name) for name, channel in CHANNEL_FIELDS.items()}
        self.instance.per_channel = {name: most for name, most in caps.items() if most is not None}
        whom = [name for name in ("is_default", "segment", "user_id") if cleaned.get(name)]
        if len(whom) > 1:
            self.add_error(whom[-1], "It is for everybody, for one segment or for one person: leave the others empty.")
        others = CapPolicy.objects.exclude(pk=self.instance.pk)
        for name, words in (
            ("is_default", "“{}” is for everybody already: take it off there first."),
            ("segment", "“{}” is for this segment already."),
            ("user_id", "“{}” is for this person already."),
        ):
            other = others.filter(**{name: cleaned[name]}).first() if cleaned.get(name) else None
            if other is not None:
                self.add_error(name, words.format(other.name))
        start, end = cleaned.get("quiet_from"), cleaned.get("quiet_to")
        if end is not None and start is None and "quiet_from" not in self.errors:
            self.add_error("quiet_from", "When do they begin? Quiet hours have a beginning and an end.")
        return cleaned


class SettingsForm(OneRowForm):
    class Meta:
        model = CampaignSettings
        fields = (
            "approval_above", "max_audience", "rate_per_minute", "shard_size", "batch_size", "pause_error_percent",
            "pause_error_least", "deferred_for_days", "email_on", "sms_on", "push_on",
        )  # fmt: skip
        help_texts: ClassVar[dict[str, str]] = {
            "approval_above": "A launch to more recipients than this waits until it is approved. 0: each launch does.",
            "max_audience": "A launch to more is refused.",
            "rate_per_minute": "Of a campaign that names no rate of its own. It can be changed while the campaign runs.",
            "pause_error_percent": "Per cent of the messages of a campaign; it then pauses by itself and says why. 0: never.",
            "pause_error_least": "So many failures before a campaign pauses by itself.",
            "email_on": "Switched off, no campaign is launched by it, and running ones pause.",
            "sms_on": "As above.",
            "push_on": "As above.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("batch_size", 0) > cleaned.get("shard_size", cleaned.get("batch_size", 0)):
            self.add_error("batch_size", f"A shard has {cleaned['shard_size']:,} recipients: this is more.")
        return cleaned


class TemplateForm(forms.ModelForm):
    class Meta:
        model = Template
        fields = ("name", "channel", "subject", "body_text", "body_html")
        help_texts: ClassVar[dict[str, str]] = {
            "name": "What it is found by when a campaign is begun. Recipients do not see it.",
            "channel": "By which way it goes: each has limits of its own for the length.",
            "subject": "Of mails and the title of push messages; text messages have none.",
            "body_text": "Variables only: {{ name }}, {{ first_name }}, {{ email }}, {{ user_id }}, {{ attributes.plan }}, "
            "{{ unsubscribe_url }}, {{ preferences_url }}. What somebody has not needs a default: "
            '{{ attributes.plan|default:"free" }}.',
            "body_html": "Of mails, beside the text. Values are escaped; a variable may stand in text, in a quoted "
            "attribute and – only our own links – where an address begins.",
        }


class WhoWouldBeOverForm(forms.Form):
    policy = forms.ModelChoiceField(
        CapPolicy.objects.all(), label="For the people of", help_text="Whoever comes under this policy now."
    )
    max_per_day = forms.IntegerField(
        label="Messages a day, at most", required=False, min_value=0, max_value=MAX_CAP, help_text=_NO_RULE
    )
    email_a_day = _cap_field("E-mails a day, at most")
    sms_a_day = _cap_field("Text messages a day, at most")
    push_a_day = _cap_field("Push messages a day, at most")
    min_hours_between = forms.FloatField(
        label="Hours between two, at least",
        required=False,
        min_value=0,
        max_value=MAX_GAP_HOURS,
        help_text="A half is 0.5. Empty: no rule.",
    )

    def as_policy(self) -> CapPolicy:
        """The chosen policy with these numbers instead of its own, unsaved."""
        policy: CapPolicy = self.cleaned_data["policy"]
        policy.max_per_day = self.cleaned_data["max_per_day"]
        caps = {channel.value: self.cleaned_data[name] for name, channel in CHANNEL_FIELDS.items()}
        policy.per_channel = {name: most for name, most in caps.items() if most is not None}
        policy.per_category = {}
        policy.min_hours_between = self.cleaned_data["min_hours_between"]
        return policy


class PreviewForm(forms.Form):
    user_id = forms.CharField(label="Contact", max_length=64, help_text="An id, as USER-001.")

    def clean_user_id(self) -> Contact:
        user_id = self.cleaned_data["user_id"].strip()
        contact = Contact.objects.filter(user_id=user_id, erased_at=None).first()
        if contact is None:
            raise ValidationError(f"There is no contact {user_id}.")
        return contact
