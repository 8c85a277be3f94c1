"""The form in which a campaign is written. What it cannot know – whether a text compiles, who is there – the gateway says."""

import re
import zoneinfo
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User

from campaigns import gateway
from campaigns.contract import MARKETING, MAX_NAME, MAX_RATE, CampaignView, default_category
from campaigns.gateway import Draft
from campaigns.gateway.rights import SEND_TRANSACTIONAL
from campaigns.models import Campaign, CampaignSettings, Contact, Segment, Template
from campaigns.models.words import CHANNELS
from dashboard.keyed_forms import KeyedForm

_MOMENT = "%Y-%m-%dT%H:%M"
_SPLIT = re.compile(r"[\s,;]+")


def _moment(label: str, help_text: str = "") -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENT)
    # Naive: the form's own zone says what is meant.
    return forms.DateTimeField(label=label, required=False, help_text=help_text, widget=widget)


def _line(**attrs: str) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "off", **attrs})


class EditorForm(KeyedForm):
    name = forms.CharField(
        max_length=200, widget=_line(), error_messages={"required": "Give it a name that others find again."}
    )
    channel = forms.ChoiceField(choices=CHANNELS, initial="email")
    category = forms.CharField(
        max_length=MAX_NAME,
        required=False,
        initial=MARKETING,
        widget=_line(spellcheck="false"),
        help_text="People opt out of one with a click and keep another. Nobody leaves marketing and transactional ones by the "
        "same click: a transactional campaign has a category of its own, “transactional” if you name none.",
    )
    transactional = forms.BooleanField(
        label="Transactional",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "check"}),
        help_text="Passes caps, quiet hours and an opt-out of marketing; never a suppression, nor an opt-out of everything, of "
        "its channel or of its own category. It carries no one-click unsubscribe.",
    )
    template = forms.ChoiceField(required=False, help_text="Taking one replaces what is written below.")
    subject = forms.CharField(max_length=200, required=False, widget=_line())
    body_text = forms.CharField(label="Text", required=False, widget=forms.Textarea(attrs={"rows": 9}))
    body_html = forms.CharField(
        label="HTML, if any",
        required=False,
        widget=forms.Textarea(attrs={"rows": 7, "spellcheck": "false"}),
        help_text="Of mails only. Links and pictures from your own texts; no scripts.",
    )
    audience_kind = forms.ChoiceField(
        label="Who gets it",
        choices=[("all", "All contacts"), ("segment", "A saved segment"), ("named", "Contacts by their ids")],
        initial="all",
        widget=forms.RadioSelect,
    )
    segment = forms.ChoiceField(required=False)
    user_ids = forms.CharField(
        label="Ids",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="Pasted as they are: apart by blanks, commas or lines. 10,000 at most.",
    )
    rate_per_minute = forms.IntegerField(
        label="Messages a minute, at most",
        required=False,
        min_value=1,
        max_value=MAX_RATE,
        widget=_line(inputmode="numeric"),
    )
    when = forms.ChoiceField(
        label="When it goes out",
        choices=[("now", "As soon as it is launched"), ("once", "At a time"), ("again", "Again and again")],
        initial="now",
        widget=forms.RadioSelect,
    )
    starts_at = _moment("Begins")
    late_minutes = forms.IntegerField(
        label="Minutes that it may be late",
        required=False,
        min_value=1,
        max_value=10_080,
        widget=_line(inputmode="numeric"),
        help_text="Longer, if nothing was running then, and it is left out. Empty: it goes out however late it is.",
    )
    recurs = forms.CharField(
        label="Times",
        max_length=100,
        required=False,
        widget=_line(spellcheck="false", list="recurs-examples"),
        help_text="Minute, hour, day, month, weekday: 0 9 * * 1 is every Monday at 09:00.",
    )
    missed_runs = forms.ChoiceField(
        label="A time that was missed",
        choices=[(value, words[:1].upper() + words[1:]) for value, words in Campaign.Missed.choices],
        initial=Campaign.Missed.SKIP,
        required=False,
    )
    time_zone = forms.CharField(
        label="Times are in",
        max_length=64,
        required=False,
        widget=_line(spellcheck="false", placeholder="UTC", **{"data-zone-default": ""}),
        help_text="A zone such as Europe/Berlin.",
    )
    ends_at = _moment("Ends", "Until then those who may not get it now are tried again.")
    defers = forms.ChoiceField(
        label="Who may not get it now",
        choices=[("later", "Gets it as soon as their rules allow"), ("drop", "Does not get it")],
        initial="later",
        widget=forms.RadioSelect,
    )
    draft_version = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, user: User, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.settings = CampaignSettings.current()
        self.fields["rate_per_minute"].widget.attrs["placeholder"] = f"{self.settings.rate_per_minute:,}"
        self.fields["template"].choices = [  # type: ignore[attr-defined]
            ("", "Own words"),
            *((one, one) for one in Template.objects.values_list("name", flat=True)),
        ]
        segments = Segment.objects.values_list("name", "description")
        self.fields["segment"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a segment"),
            *((name, f"{name} – {words}" if words else name) for name, words in segments),
        ]
        for name in ("audience_kind", "when", "defers"):
            self.fields[name].widget.attrs["class"] = "radio"
        if not user.has_perm(SEND_TRANSACTIONAL):
            del self.fields["transactional"]

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"].strip() or "UTC"
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise forms.ValidationError("There is no such time zone. Write it like Europe/Berlin.") from None
        return name

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        zone = zoneinfo.ZoneInfo(cleaned.get("time_zone") or "UTC")
        for name in ("starts_at", "ends_at"):
            at = cleaned.get(name)
            if isinstance(at, datetime):
                cleaned[name] = at.replace(tzinfo=zone)
        if cleaned.get("audience_kind") == "segment" and not cleaned.get("segment") and "segment" not in self.errors:
            self.add_error("segment", "Choose the segment that gets it.")
        if cleaned.get("audience_kind") == "named" and not _ids(cleaned.get("user_ids", "")):
            self.add_error("user_ids", "Paste at least one id.")
        if cleaned.get("when") == "once" and not cleaned.get("starts_at") and "starts_at" not in self.errors:
            self.add_error("starts_at", "Say when it begins.")
        if cleaned.get("when") == "again" and not cleaned.get("recurs", "").strip():
            self.add_error("recurs", "Say when it comes.")
        return cleaned

    def blame(self, field: str, problem: str) -> None:
        kind = self.cleaned_data.get("audience_kind", "")
        places = {
            "audience.user_ids": "user_ids",
            "audience.segment": "segment",
            "audience": {"segment": "segment", "named": "user_ids"}.get(kind, "audience_kind"),
        }
        super().blame(places.get(field, field), problem)

    def take_template(self) -> bool:
        """Put the chosen template's texts into what was typed. False when none is chosen."""
        chosen = Template.objects.filter(name=self.data.get("template", "")).first()
        if chosen is None:
            return False
        data: Any = self.data
        self.data = data = data.copy()
        data["channel"], data["subject"] = chosen.channel, chosen.subject
        data["body_text"], data["body_html"] = chosen.body_text, chosen.body_html
        return True

    def to_draft(self) -> Draft:
        asked = self.cleaned_data
        when = asked["when"]
        return Draft(
            name=asked["name"],
            channel=asked["channel"],
            audience=self._audience(),
            subject=asked["subject"],
            body_text=asked["body_text"],
            body_html=asked["body_html"],
            category=_category_of(asked),
            transactional=asked.get("transactional", False),
            template=asked["template"],
            rate_per_minute=asked["rate_per_minute"],
            # Of a recurring one it is when its times begin.
            starts_at=asked["starts_at"] if when != "now" else None,
            ends_at=asked["ends_at"],
            defers=asked["defers"] == "later",
            recurs=asked["recurs"].strip() if when == "again" else "",
            time_zone=asked["time_zone"],
            missed_runs=asked["missed_runs"] or Campaign.Missed.SKIP,
            late_minutes=asked["late_minutes"] if when == "once" else None,
        )

    def _audience(self) -> Any:
        asked = self.cleaned_data
        if asked["audience_kind"] == "segment":
            return {"segment": asked["segment"]}
        if asked["audience_kind"] == "named":
            return {"user_ids": _ids(asked["user_ids"])}
        return "all"

    def create(self, user: User) -> CampaignView:
        """Raises :class:`campaigns.gateway.CampaignProblem`."""
        return gateway.create_draft(user=user, draft=self.to_draft(), key=self.key)

    def change(self, campaign_id: str, user: User, *, over: int | None = None) -> CampaignView:
        """``over``: the version of somebody else's change that is to be written over. Raises CampaignProblem."""
        version = over or self.cleaned_data["draft_version"] or 0
        return gateway.change_draft(campaign_id, user=user, draft=self.to_draft(), draft_version=version)


def _category_of(asked: dict[str, Any]) -> str:
    """What was typed; the other kind's default, which is what stands there when only the mark was set, is none."""
    typed: str = asked["category"].strip()
    return "" if typed == default_category(transactional=not asked.get("transactional", False)) else typed


def _ids(typed: str) -> list[str]:
    """Each once, in the order in which they were pasted."""
    return list(dict.fromkeys(one for one in _SPLIT.split(typed) if one))


def initial_of(row: Campaign, *, is_copy: bool = False) -> dict[str, Any]:
    """A draft as the form shows it; of a copy everything but when it was."""
    zone = zoneinfo.ZoneInfo(row.time_zone or "UTC")
    audience = row.audience
    when = "again" if row.recurs else "once" if row.starts_at else "now"
    shown = {
        "name": row.name,
        "channel": row.channel,
        "category": row.category,
        "transactional": row.transactional,
        "template": row.template.name if row.template else "",
        "subject": row.subject,
        "body_text": row.body_text,
        "body_html": row.body_html,
        "audience_kind": "all" if audience == "all" else "segment" if "segment" in audience else "named",
        "segment": audience.get("segment", "") if isinstance(audience, dict) else "",
        "user_ids": "\n".join(audience.get("user_ids", [])) if isinstance(audience, dict) else "",
        "rate_per_minute": row.rate_per_minute,
        "defers": "later" if row.defers else "drop",
        "time_zone": row.time_zone,
    }
    if is_copy:
        return shown
    return shown | {
        "when": when,
        "starts_at": row.starts_at.astimezone(zone).strftime(_MOMENT) if row.starts_at else "",
        "ends_at": row.ends_at.astimezone(zone).strftime(_MOMENT) if row.ends_at else "",
        "recurs": row.recurs,
        "missed_runs": row.missed_runs,
        "late_minutes": row.late_minutes,
        "draft_version": row.draft_version,
    }


def audience_count(kind: str, segment: str, typed: str) -> int | None:
    """How many contacts this audience has now. None when it cannot be told yet."""
    contacts = Contact.objects.filter(erased_at=None)
    if kind == "named":
        ids = _ids(typed)
        return contacts.filter(user_id__in=ids).count() if len(ids) <= 10_000 else None
    if kind == "segment":
        found = Segment.objects.filter(name=segment).first()
        return found.contacts(contacts).count() if found else None
    return contacts.count() if kind == "all" else None
