"""People and rights in the admin site: who may change whom, and the API's tokens."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.utils.html import format_html

from dashboard.models import ApiToken, RequestKey
from dashboard.records import RecordAdmin

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People get their rights by groups. Who is no superuser cannot make one, and cannot touch one."""

    help_line = "Who may log in, and which roles they have."
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active", "last_login")
    list_filter = ("groups", "is_active", "is_staff")

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_superuser(request) else (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _may_touch(request: HttpRequest, person: User | None) -> bool:
    return person is None or not person.is_superuser or _is_superuser(request)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """A token is shown once, when it has been made. It cannot be read again, only be taken away."""

    help_line = "Keys of programs. Each has the rights of the person it belongs to, and is shown once."
    list_display = ("name", "user", "created_at", "last_used_at", "is_demo")
    list_filter = ("is_demo",)
    search_fields = ("name", "user__username")
    list_select_related = ("user",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return ("user", "name", "created_at", "last_used_at", "is_demo") if obj else ("user", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return ("user", "created_at", "last_used_at", "is_demo") if obj else ()

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        # Nobody gets more by a token than they could give themselves in this site.
        people = User.objects.filter(is_active=True)
        may_all = isinstance(request.user, User) and request.user.is_superuser
        kwargs["queryset"] = people if may_all else people.filter(is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        token = ApiToken.issue(obj.user, obj.name)
        obj.pk = ApiToken.objects.get(digest=ApiToken.digest_of(token)).pk
        text = "The token of {} is <code>{}</code>. Copy it now: it is not shown again."
        messages.warning(request, format_html(text, obj.user, token))


@admin.register(RequestKey)
class RequestKeyAdmin(RecordAdmin):
    help_line = "Idempotency keys that the API has seen."
    list_display = ("key", "user", "created_at")
    search_fields = ("key", "user__username")
    list_select_related = ("user",)
    ordering = ("-created_at",)
