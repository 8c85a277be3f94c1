"""What campaigns, contacts and imports have left behind, to look at. Rows are many: nothing here counts or sorts them all."""

from django.contrib import admin

from campaigns.models import (
    AudienceImport,
    Campaign,
    CampaignRecipient,
    Contact,
    ImportProblem,
    OptOut,
    PreferenceChange,
    SandboxMessage,
    SendLog,
    StagedContact,
)
from dashboard.records import RecordAdmin


class LargeRecordAdmin(RecordAdmin):
    """Of a table that grows with each message: a search is answered with what fits, and not also with how many do not."""

    show_full_result_count = False


@admin.register(Contact)
class ContactAdmin(LargeRecordAdmin):
    """Contacts are changed on their own pages, where their actors hear of it."""

    help_line = "Whom campaigns write to. They are changed on their own pages."
    list_display = ("user_id", "name", "email", "locale", "time_zone", "suppressed_reason", "paused_until")
    list_filter = ("suppressed_reason", "locale")
    search_fields = ("=user_id", "name", "=email", "=phone")
    readonly_fields = ("own_cap", "preferences_version", "suppressed_at", "erased_at")


@admin.register(Campaign)
class CampaignAdmin(RecordAdmin):
    help_line = "Each campaign as its workflow last saved it."
    list_display = (
        "campaign_id",
        "name",
        "channel",
        "status",
        "audience_count",
        "sent_count",
        "denied_count",
        "created_at",
    )
    list_filter = ("status", "channel", "transactional")
    search_fields = ("campaign_id", "name", "created_by", "launched_by")
    date_hierarchy = "created_at"
    exclude = ("idempotency_key", "request_hash", "launch_key")


@admin.register(CampaignRecipient)
class CampaignRecipientAdmin(LargeRecordAdmin):
    help_line = "The audiences, person by person."
    list_display = ("campaign", "position", "user_id", "state", "code", "next_at", "attempts")
    list_filter = ("state",)
    list_select_related = ("campaign",)
    search_fields = ("=campaign__campaign_id", "=user_id")
    ordering = ("-pk",)


@admin.register(SendLog)
class SendLogAdmin(LargeRecordAdmin):
    """Each decision with its reason, and what came of it."""

    help_line = "Every message that was allowed, and what became of it."
    list_display = ("at", "user_id", "campaign_id", "channel", "category", "outcome", "code", "rule", "grant_id")
    list_filter = ("outcome", "channel", "transactional", "is_test")
    search_fields = ("=user_id", "=campaign_id", "=grant_id")
    ordering = ("-pk",)


@admin.register(OptOut)
class OptOutAdmin(LargeRecordAdmin):
    help_line = "Who wants nothing more, by which channel or of which kind."
    list_display = ("user_id", "channel", "category", "at", "told_at")
    list_filter = ("channel",)
    search_fields = ("=user_id",)
    ordering = ("-pk",)


@admin.register(PreferenceChange)
class PreferenceChangeAdmin(LargeRecordAdmin):
    help_line = "Who has changed a contact's wishes, when, and by which door."
    list_display = ("at", "user_id", "what", "channel", "category", "who", "door", "text")
    list_filter = ("what", "door")
    search_fields = ("=user_id", "=who")
    ordering = ("-pk",)


@admin.register(AudienceImport)
class AudienceImportAdmin(RecordAdmin):
    help_line = "Files of contacts, and how far they have come."
    list_display = ("import_id", "name", "status", "stage", "rows_total", "rows_done", "rows_rejected", "created_by")
    list_filter = ("status",)
    search_fields = ("import_id", "name", "created_by")
    exclude = ("idempotency_key", "request_hash")


@admin.register(ImportProblem)
class ImportProblemAdmin(LargeRecordAdmin):
    help_line = "Rows of files that could not be read."
    list_display = ("audience_import", "row", "column", "problem", "value")
    list_select_related = ("audience_import",)
    search_fields = ("=audience_import__import_id", "column", "problem")
    ordering = ("-pk",)


@admin.register(StagedContact)
class StagedContactAdmin(LargeRecordAdmin):
    help_line = "Rows of files on their way in."
    list_display = ("audience_import", "row", "user_id", "action", "opts_out", "is_applied")
    list_filter = ("action", "is_applied")
    list_select_related = ("audience_import",)
    search_fields = ("=audience_import__import_id", "=user_id")
    ordering = ("-pk",)


@admin.register(SandboxMessage)
class SandboxMessageAdmin(LargeRecordAdmin):
    """What the sandbox provider would have delivered."""

    help_line = "What the sandbox provider would have delivered."
    list_display = ("reference", "channel", "address", "user_id", "campaign_id", "is_delivered", "calls", "created_at")
    list_filter = ("channel", "is_delivered")
    search_fields = ("=user_id", "=campaign_id", "=grant_id", "=reference")
