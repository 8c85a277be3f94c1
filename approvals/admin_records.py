"""What requests have left behind, to look at: nothing here changes anything."""

from django.contrib import admin
from django.urls import reverse

from approvals.models import (
    ApprovalMail,
    ApprovalRequest,
    Attachment,
    BulkItemRow,
    BulkJob,
    Involvement,
    LeaveBooking,
    Payout,
    RefusedAttempt,
    SlackMessage,
    SlackPress,
    TrailRow,
)
from dashboard.records import RecordAdmin, RecordInline
from temporal_worker.money import money


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
