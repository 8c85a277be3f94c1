"""Cap policies and settings to edit. Nothing here starts, stops or sends anything.

Texts and segments are in :mod:`campaigns.admin_texts`, what is only to be looked at in :mod:`campaigns.admin_records`.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import actions
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html, format_html_join

from campaigns import admin_effects, admin_records, admin_texts  # noqa: F401 - they register their own
from campaigns.admin_forms import (
    CHANNEL_FIELDS,
    CapPolicyForm,
    SettingsForm,
    WhoWouldBeOverForm,
)
from campaigns.models import CampaignSettings, CapPolicy
from campaigns.models.words import CHANNELS
from campaigns.over_cap import NOT_COUNTED, who_is_over, who_would_wait
from dashboard.admin_effects import Effect, EffectAdmin
from dashboard.one_row_admin import OneRowAdmin

# ── Cap policies ─────────────────────────────────────────────────────────────────────────────────────────────────────


@admin.register(CapPolicy)
class CapPolicyAdmin(EffectAdmin):
    """A change holds from the next message on, running campaigns included. It is asked for twice when people are over it."""

    help_line = "How many messages a person may get. A change holds from the next message on, in running campaigns too."
    form = CapPolicyForm
    actions = ("delete_selected",)
    confirm_template = "admin/campaigns/cappolicy/confirm.html"
    change_list_template = "admin/campaigns/cappolicy/change_list.html"
    list_display = ("name", "for_whom", "cap", "min_hours_between", "quiet_hours", "version", "changed_at")
    list_select_related = ("segment",)
    search_fields = ("name", "user_id", "segment__name")
    readonly_fields = ("version", "changed_at")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", ("version", "changed_at"))}),
        ("For whom", {"fields": ("is_default", ("segment", "priority"), "user_id")}),
        ("How often", {"fields": ("max_per_day", "window", "min_hours_between")}),
        ("Of these, at most", {"fields": (tuple(CHANNEL_FIELDS), "per_category")}),
        ("Quiet hours", {"fields": (("quiet_from", "quiet_to"), "time_zone")}),
        ("Transactional messages", {"fields": ("count_transactional",)}),
    )

    @admin.display(description="for", ordering="-is_default")
    def for_whom(self, policy: CapPolicy) -> str:
        if policy.is_default:
            return "everybody"
        return policy.user_id or (f"segment {policy.segment}" if policy.segment else "nobody yet")

    @admin.display(description="a day, at most", ordering="max_per_day")
    def cap(self, policy: CapPolicy) -> str:
        words = [] if policy.max_per_day is None else [str(policy.max_per_day)]
        words += [f"{most} {name}" for name, most in [*policy.per_channel.items(), *policy.per_category.items()]]
        return ", ".join(words) or "no cap"

    @admin.display(description="quiet hours")
    def quiet_hours(self, policy: CapPolicy) -> str:
        if policy.quiet_from is None or policy.quiet_to is None:
            return "none"
        return f"{policy.quiet_from:%H:%M} – {policy.quiet_to:%H:%M}"

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        return admin_effects.of_policy(form)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        return super().render_delete_form(
            request, {**context, "leads_to": admin_effects.of_policies_gone([context["object"]])}
        )

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[CapPolicy]) -> HttpResponse | None:
        """Django's own, whose page says what it leads to."""
        page = actions.delete_selected(self, request, queryset)
        if page is not None and page.context_data is not None and not page.context_data["protected"]:
            page.context_data["leads_to"] = admin_effects.of_policies_gone(list(queryset.select_related("segment")))
        return page

    def why_kept(self, obj: CapPolicy) -> list[str]:
        if not obj.is_default:
            return []
        return [
            "It is the one for everybody: without it nothing would be held back. Make another one the default first."
        ]

    def save_model(self, request: HttpRequest, obj: CapPolicy, form: Any, change: bool) -> None:
        if not change or form.changed_data:
            super().save_model(request, obj, form, change)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.who_would_be_over)
        return [path("over/", view, name="campaigns_cappolicy_over"), *super().get_urls()]

    def who_would_be_over(self, request: HttpRequest) -> HttpResponse:
        """Pick whose policy and which numbers: how many people have had more than that, and who."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = WhoWouldBeOverForm(request.GET or None)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Who would be over it?",
            "form": form,
            "not_counted": NOT_COUNTED,
        }
        if form.is_valid():
            policy = form.as_policy()
            over, waiting = who_is_over(policy), who_would_wait(policy)
            context |= {
                "over": over,
                "people": over.people[: admin_effects.SHOWN],
                "waiting": waiting,
                "is_asked": True,
            }
        return TemplateResponse(request, "admin/campaigns/cappolicy/over.html", context)


# ── Limits and channels ──────────────────────────────────────────────────────────────────────────────────────────────


@admin.register(CampaignSettings)
class CampaignSettingsAdmin(OneRowAdmin):
    """One row. Campaigns that are launched after a change carry the new version; running ones keep theirs."""

    help_line = "What a launch needs, when a campaign pauses by itself, and which channels are on."
    form = SettingsForm
    readonly_fields = ("version", "changed_at", "providers", "sender")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": (("version", "changed_at"), "seen_version")}),
        ("Launches", {"fields": ("approval_above", "max_audience", "rate_per_minute")}),
        ("While it runs", {"fields": ("pause_error_percent", "pause_error_least", "deferred_for_days")}),
        ("Channels", {"fields": ("email_on", "sms_on", "push_on", "providers", "sender")}),
        ("Pieces", {"classes": ("collapse",), "fields": ("shard_size", "batch_size")}),
    )

    @admin.display(description="who carries them")
    def providers(self, row: CampaignSettings) -> str:
        """Set by the environment, where their keys are too."""
        lines = [(words, settings.CHANNEL_PROVIDERS[channel].rpartition(".")[2]) for channel, words in CHANNELS]
        return format_html(
            "{}<br>Set by EMAIL_PROVIDER, SMS_WEBHOOK_URL and PUSH_WEBHOOK_URL; the sandbox reaches nobody.",
            format_html_join("", "{}: {}<br>", lines),
        )

    @admin.display(description="mails are from")
    def sender(self, row: CampaignSettings) -> str:
        return f"{settings.DEFAULT_FROM_EMAIL} (set by DEFAULT_FROM_EMAIL)"

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        return admin_effects.of_settings(form)
