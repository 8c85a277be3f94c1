"""The admin's read-only pages, for all areas."""

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from dashboard.admin_media import OnlyLists


class RecordInline(admin.TabularInline):
    """Rows of a record, on its page."""

    extra = 0
    can_delete = False

    @property
    def media(self) -> forms.Media:
        return forms.Media()  # Django's adds rows and takes them away

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RecordAdmin(OnlyLists, admin.ModelAdmin):
    """Rows that the system writes and nobody edits."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
