"""Policies, people and absences to edit. Nothing here decides anything.

The requests and their trail, which are only to be looked at, are in :mod:`approvals.admin_records`.
"""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from approvals import admin_effects, admin_records, policies  # noqa: F401 - the records register their own
from approvals.admin_forms import LevelFormSet, WhoWouldApproveForm
from approvals.contract import MailMode, SlackMode
from approvals.gateway.submitting import names_of, people_of
from approvals.models import Absence, Employee, Policy, PolicyLevel, SlackIdentity
from dashboard.admin_effects import Effect, EffectAdmin
from dashboard.admin_fields import WithHelp, WithSeveralField
from dashboard.admin_history import HistoryAdmin, record_change
from temporal_worker.money import money

# ── Policies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class PolicyLevelInline(WithHelp, WithSeveralField, admin.StackedInline):
    model = PolicyLevel
    help_texts: ClassVar[dict[str, str]] = {
        "position": "Lower numbers decide first.",
        "name": "What people read of it, as “Finance”.",
        "users": "People who may decide this level, by name.",
        "groups": "Whoever is in one of these roles when the request is asked may decide it, too.",
        "requesters_manager": "Whom the requester reports to may decide it, too.",
        "rule": "How many of them have to approve.",
        "escalate_to": "Who is asked beside them then. One decision of theirs completes the level.",
        "at_expiry": "What becomes of a request that nobody has decided in time.",
    }
    formset = LevelFormSet
    extra = 0
    min_num = 1
    filter_horizontal = ("users", "escalate_to")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": (("position", "name"), "users", "groups", "requesters_manager")}),
        ("Rule", {"fields": (("rule", "needed", "rejections"),)}),
        (
            "Time",
            {
                "classes": ("collapse",),
                "fields": ("reminder_every", "escalate_after", "escalate_to", "escalate_to_managers", "at_expiry"),
            },
        ),
    )


# The list has little room: the choices in a few words.
_MAIL = {MailMode.OFF: "", MailMode.LINK: "mail", MailMode.DECIDE: "mail that decides"}
_SLACK = {SlackMode.OFF: "", SlackMode.NOTIFY: "Slack", SlackMode.BUTTONS: "Slack with buttons"}


@admin.register(Policy)
class PolicyAdmin(EffectAdmin):
    """Requests that are asked after a change carry the new version; running ones keep theirs."""

    help_line = "Who decides about which requests. Requests that run keep the version they were asked under."
    help_texts: ClassVar[dict[str, str]] = {
        "name": "What people read where this policy has said who decides.",
        "is_active": "Taken off, no new request is asked under it; those that run go on.",
        "kind": "Of which kind the requests are that it is for.",
        "currency": "Of both amounts, as USD. Without amounts it does not matter.",
        "when_nobody_else": "As when somebody asks whose level they alone would decide: nobody decides what they asked.",
        "comment_to_reject": "Who rejects has to say why.",
        "max_rounds": "So often it can be asked in all, when changes are wanted. After the last round it can only be "
        "approved or rejected.",
        "time_zone": "In which the working hours are meant, as Europe/Berlin.",
        "working_from": "The hour of the day, 0 to 23.",
        "working_to": "The hour of the day, 1 to 24.",
        "slack": "What the channel is sent while a request waits.",
        "mail": "What those are sent who may decide. With a signed link whoever has the mail can decide.",
    }
    change_list_template = "admin/approvals/policy/change_list.html"
    list_display = ("name", "kind", "department", "amounts", "levels_in_words", "notices", "is_active", "version")
    list_filter = ("kind", "is_active", "department")
    search_fields = ("name", "department", "levels__name")
    readonly_fields = ("version", "changed_at")
    inlines = (PolicyLevelInline,)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "is_active", ("version", "changed_at"))}),
        (
            "For which requests",
            {"fields": ("kind", "department", ("min_amount_cents", "max_amount_cents", "currency"))},
        ),
        (
            "Rules",
            {"fields": ("distinct_levels", "when_nobody_else", "comment_to_reject", "max_rounds", "expires_after")},
        ),
        ("Working hours", {"fields": ("working_hours_only", "time_zone", ("working_from", "working_to"))}),
        ("Who is told where", {"fields": ("mail", "slack", "slack_channel")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return super().get_queryset(request).prefetch_related("levels")

    @admin.display(description="amounts", ordering="min_amount_cents")
    def amounts(self, policy: Policy) -> str:
        low, high = policy.min_amount_cents, policy.max_amount_cents
        if low is None and high is None:
            return "any"
        words = [f"from {money(low, policy.currency)}"] if low is not None else []
        return " ".join([*words, *([f"below {money(high, policy.currency)}"] if high is not None else [])])

    @admin.display(description="levels")
    def levels_in_words(self, policy: Policy) -> str:
        return " → ".join(level.name for level in policy.levels.all())

    @admin.display(description="notices")
    def notices(self, policy: Policy) -> str:
        return ", ".join(filter(None, (_MAIL[MailMode(policy.mail)], _SLACK[SlackMode(policy.slack)]))) or "none"

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        return admin_effects.of_policy(form)

    def before(self, obj: Policy) -> list[str]:
        return admin_effects.before_policy(obj)

    def why_kept(self, obj: Policy) -> list[str]:
        number = admin_effects.open_under(obj)
        return [f"Open requests that were asked under it: {number}."] if number else []

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        if not change or form.changed_data:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and not form.changed_data and any(formset.has_changed() for formset in formsets):
            form.instance.save()  # other levels are another version, too

    def get_urls(self) -> list[Any]:
        preview = self.admin_site.admin_view(self.who_would_approve)
        return [path("preview/", preview, name="approvals_policy_preview"), *super().get_urls()]

    def who_would_approve(self, request: HttpRequest) -> HttpResponse:
        """Pick who asks, what for and how much: the levels with the people who would decide now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = WhoWouldApproveForm(request.GET or None)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Who would approve this?",
            "form": form,
        }
        if form.is_valid():
            context |= _preview(**form.cleaned_data)
        return TemplateResponse(request, "admin/approvals/policy/preview.html", context)


def _preview(requester: Any, kind: str, amount_cents: int | None, currency: str) -> dict[str, Any]:
    try:
        policy = policies.resolve(requester, kind, amount_cents, currency)
    except policies.NoPolicy as error:
        return {"problem": error.problem}
    names = names_of(people_of(policy))
    levels = [
        {
            "name": level.name,
            "rule": f"{level.approvals_needed} of {len(level.seats)}",
            "people": [f"{names.get(seat.username, seat.username)} ({seat.via})" for seat in level.seats],
            "escalate_to": ", ".join(names.get(username, username) for username in level.escalate_to),
        }
        for level in policy.levels
    ]
    return {"policy": policy, "levels": levels}


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@admin.register(Employee)
class EmployeeAdmin(HistoryAdmin):
    help_line = "Who reports to whom, and in which department."
    help_texts: ClassVar[dict[str, str]] = {
        "user": "Whose place among the others this is.",
        "manager": "Whom they report to: decides where a policy names “the requester’s manager”. Requests that run keep "
        "whom they had.",
        "department": "Written as in the policies that are for one department only; empty: only those for all are theirs.",
    }
    list_display = ("user", "manager", "department")
    list_filter = ("department",)
    list_select_related = ("user", "manager")
    search_fields = ("user__username", "user__first_name", "user__last_name", "department")


@admin.register(Absence)
class AbsenceAdmin(EffectAdmin):
    """An absence is ended and not deleted: open requests have to be told that it is over."""

    help_line = "Who is out of office and who decides for them, in open requests too."
    help_texts: ClassVar[dict[str, str]] = {
        "person": "Who is away.",
        "delegate": "Who decides for them meanwhile, what they have asked themselves left out.",
        "starts_at": "In UTC.",
        "until": "In UTC. From then on only they themselves decide again.",
        "reason": "Those who are told of it read it.",
    }
    list_display = ("person", "delegate", "starts_at", "until", "kind", "ended_at")
    list_filter = ("kind", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("person", "delegate")
    search_fields = ("person__username", "delegate__username", "reason")
    fields = ("person", "delegate", "starts_at", "until", "kind", "reason", "ended_at")
    actions = ("end_now",)

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        return admin_effects.of_absence(form)

    def get_readonly_fields(self, request: HttpRequest, obj: Absence | None = None) -> Any:
        return ("person", "delegate", "kind", "ended_at") if obj else ("ended_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.action(description="End now: they are back", permissions=["change"])
    def end_now(self, request: HttpRequest, chosen: QuerySet[Absence]) -> None:
        for absence in chosen:
            if absence.ended_at is None:
                absence.end()
                record_change(request.user, absence, "Ended at: nothing → now")
        messages.success(request, "They are back. Open requests are told within seconds.")


@admin.register(SlackIdentity)
class SlackIdentityAdmin(HistoryAdmin):
    help_line = "Who somebody in Slack is here. Without it their buttons decide nothing."
    help_texts: ClassVar[dict[str, str]] = {
        "team_id": "The workspace’s id and not its name, as T0123456789: it stands in the address of Slack in a browser.",
        "slack_user_id": "Their member id and not their name, as U0123456789: Slack copies it from their profile.",
        "user": "Whose decisions their buttons make, with this person’s rights.",
    }
    list_display = ("slack_user_id", "team_id", "user")
    list_select_related = ("user",)
    search_fields = ("slack_user_id", "user__username")
