"""Policies, people and absences to edit; the requests and their trail to look at. Nothing here decides anything."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from approvals import admin_effects, policies
from approvals.admin_forms import LevelFormSet, WhoWouldApproveForm
from approvals.contract import MailMode, SlackMode
from approvals.gateway.submitting import names_of, people_of
from approvals.models import (
    Absence,
    ApprovalMail,
    ApprovalRequest,
    Attachment,
    BulkItemRow,
    BulkJob,
    Employee,
    Involvement,
    LeaveBooking,
    Payout,
    Policy,
    PolicyLevel,
    RefusedAttempt,
    SlackIdentity,
    SlackMessage,
    SlackPress,
    TrailRow,
)
from dashboard.admin_effects import Effect, EffectAdmin
from dashboard.admin_fields import WithSeveralField
from dashboard.admin_history import HistoryAdmin, record_change
from dashboard.records import RecordAdmin, RecordInline
from temporal_worker.money import money

# ── Policies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class PolicyLevelInline(WithSeveralField, admin.StackedInline):
    model = PolicyLevel
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
    list_display = ("user", "manager", "department")
    list_filter = ("department",)
    list_select_related = ("user", "manager")
    search_fields = ("user__username", "user__first_name", "user__last_name", "department")


@admin.register(Absence)
class AbsenceAdmin(HistoryAdmin):
    """An absence is ended and not deleted: open requests have to be told that it is over."""

    help_line = "Who is out of office and who decides for them, in open requests too."
    list_display = ("person", "delegate", "starts_at", "until", "kind", "ended_at")
    list_filter = ("kind", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("person", "delegate")
    search_fields = ("person__username", "delegate__username", "reason")
    fields = ("person", "delegate", "starts_at", "until", "kind", "reason", "ended_at")
    actions = ("end_now",)

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
    list_display = ("slack_user_id", "team_id", "user")
    list_select_related = ("user",)
    search_fields = ("slack_user_id", "user__username")


# ── Records, read only ───────────────────────────────────────────────────────────────────────────────────────────────


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(RecordAdmin):
    help_line = "Each request as its workflow last saved it."
    list_display = ("request_id", "kind", "title", "requester", "amount", "status", "level_name", "submitted_at")
    list_filter = ("status", "kind", "is_escalated")
    search_fields = ("request_id", "title", "requester", "requester_name")
    date_hierarchy = "submitted_at"

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, row: ApprovalRequest) -> str:
        return "" if row.amount_cents is None else money(row.amount_cents, row.currency)

    def view_on_site(self, obj: ApprovalRequest) -> str:
        return reverse("approvals:detail", args=[obj.request_id])


@admin.register(TrailRow)
class TrailRowAdmin(RecordAdmin):
    help_line = "The audit trails of all requests, each entry chained to the one before."
    list_display = ("request", "sequence", "at", "who", "on_behalf_of", "door", "what", "text")
    list_filter = ("what", "door")
    list_select_related = ("request",)
    search_fields = ("request__request_id", "who", "text")
    ordering = ("-at", "-pk")


@admin.register(RefusedAttempt)
class RefusedAttemptAdmin(RecordAdmin):
    help_line = "What somebody tried and was refused."
    list_display = ("number", "at", "who", "on_behalf_of", "door", "what", "request_id", "code", "reason")
    list_filter = ("door", "code", "what")
    search_fields = ("request_id", "who", "reason")
    ordering = ("-number",)


@admin.register(Involvement)
class InvolvementAdmin(RecordAdmin):
    help_line = "Who has which place in which request: what the inboxes read."
    list_display = ("request", "username", "role", "level", "on_behalf_of", "via", "can_decide", "starts_at", "until")
    list_filter = ("role", "can_decide")
    list_select_related = ("request",)
    search_fields = ("request__request_id", "username")
    ordering = ("-pk",)


@admin.register(Attachment)
class AttachmentAdmin(RecordAdmin):
    help_line = "Files of requests. They are opened on the request's page."
    list_display = ("name", "request_id", "content_type", "size", "uploaded_by", "uploaded_at")
    list_select_related = ("uploaded_by",)
    search_fields = ("request_id", "name", "sha256")
    # The file itself is served to those who may see its request, on its page.
    fields = ("name", "request_id", "content_type", "size", "sha256", "uploaded_by", "uploaded_at")


@admin.register(ApprovalMail)
class ApprovalMailAdmin(RecordAdmin):
    help_line = "Mails about requests, each written down before it is sent."
    list_display = ("request", "kind", "number", "recipient", "address", "subject", "sent_at")
    list_filter = ("kind",)
    list_select_related = ("request",)
    search_fields = ("request__request_id", "recipient", "address", "subject")
    ordering = ("-pk",)


@admin.register(SlackMessage)
class SlackMessageAdmin(RecordAdmin):
    help_line = "Messages in Slack, one for each request, round and level."
    list_display = ("request", "round", "level", "channel", "ts", "state", "shown_version", "updated_at")
    list_filter = ("state",)
    list_select_related = ("request",)
    search_fields = ("request__request_id", "ts")
    ordering = ("-pk",)


@admin.register(SlackPress)
class SlackPressAdmin(RecordAdmin):
    help_line = "Buttons that were pressed in Slack."
    list_display = ("user", "on_behalf_of", "request_id", "approved", "state", "outcome", "received_at")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("request_id", "user__username")
    ordering = ("-pk",)


class BulkItemInline(RecordInline):
    model = BulkItemRow
    fields = readonly_fields = ("position", "request_id", "title", "outcome", "code", "detail", "ended_at")


@admin.register(BulkJob)
class BulkJobAdmin(RecordAdmin):
    help_line = "Decisions that were taken in bulk."
    list_display = ("job_id", "user", "approved", "created_at", "finished_at")
    list_select_related = ("user",)
    search_fields = ("job_id", "user__username", "items__request_id")
    inlines = (BulkItemInline,)


@admin.register(LeaveBooking)
class LeaveBookingAdmin(RecordAdmin):
    help_line = "Leave that was approved."
    list_display = ("request_id", "username", "starts_on", "ends_on", "booked_at")
    search_fields = ("request_id", "username")


@admin.register(Payout)
class PayoutAdmin(RecordAdmin):
    help_line = "Expenses and purchases that were approved."
    list_display = ("reference", "request_id", "kind", "username", "amount", "released_at")
    list_filter = ("kind",)
    search_fields = ("reference", "request_id", "username")

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, row: Payout) -> str:
        return "" if row.amount_cents is None else money(row.amount_cents, row.currency)
