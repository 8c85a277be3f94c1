"""People and rights in the admin site: who may change whom, and the API's tokens."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.utils.html import format_html

from dashboard.admin_effects import Effect, EffectAdmin
from dashboard.admin_history import HistoryAdmin, has_history
from dashboard.areas import modules
from dashboard.models import ApiToken, RequestKey
from dashboard.records import RecordAdmin
from dashboard.role_words import meanings

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(EffectAdmin, UserAdmin):
    """People get their rights by groups. Who is no superuser cannot make one, and cannot touch one."""

    help_line = "Who may log in, and which roles they have."
    help_texts: ClassVar[dict[str, str]] = {
        "username": "Letters, digits and @ . + - _, 150 at most. Requests, orders and campaigns know people by it, so it "
        "cannot be changed afterwards.",
        "email": "Where they are told what waits for them; a forgotten password is made anew by it.",
        "groups": "What they may do here; each role says so on its own page.",
    }
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active", "last_login")
    list_filter = ("groups", "is_active", "is_staff")
    filter_horizontal = ("user_permissions",)

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        # What runs knows a person by their username: renamed, they would lose it to whoever gets the name next.
        named = ("username",) if obj else ()
        fields = (*super().get_readonly_fields(request, obj), *named, "last_login", "date_joined")
        return fields if _is_superuser(request) else (*fields, "is_superuser", "user_permissions")

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        """An account that is closed leaves things behind that somebody has to take over."""
        changed = set(form.changed_data)
        if change and "is_active" in changed and not form.instance.is_active:
            return Effect(["They are logged out everywhere within seconds."], _held_by(form.instance))
        if changed & {"groups", "user_permissions", "is_staff", "is_superuser"}:
            return Effect(["Their open pages follow within seconds; what they have begun goes on."])
        return Effect()

    def why_kept(self, obj: User) -> list[str]:
        held = _held_by(obj)
        if has_history(obj):
            held.append("They have changed configuration, and the history of that would go with them.")
        if obj.last_login is not None:
            held.append("They have worked here: orders, requests and campaigns name them. Take “active” off instead.")
        return held

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)


def _held_by(person: User) -> list[str]:
    """What hangs on an account: of each area, and the tokens that would stop working."""
    held = [line for area in modules("holdings") for line in area.held_by(person)]
    if tokens := ApiToken.objects.filter(user=person).count():
        held.append(f"API tokens of theirs: {tokens}. Programs that use them are refused.")
    return held


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _may_touch(request: HttpRequest, person: User | None) -> bool:
    return person is None or not person.is_superuser or _is_superuser(request)


@admin.register(Group)
class RoleAdmin(RecordAdmin):
    """Roles are said in the code, so that a role means the same everywhere; groups of one's own are made by a migration."""

    plain_name = "Roles"
    is_prominent = True
    help_line = "What each role may do. Who has which is set with the person."
    list_display = ("name", "meaning", "people")
    search_fields = ("name",)
    fields = ("name", "meaning", "rights", "people")
    readonly_fields = ("meaning", "rights", "people")

    @admin.display(description="what for")
    def meaning(self, group: Group) -> str:
        return meanings().get(group.name, "A group of your own.")

    @admin.display(description="rights")
    def rights(self, group: Group) -> str:
        held = group.permissions.select_related("content_type")
        return "; ".join(f"{one.name} ({one.content_type.app_label}.{one.codename})" for one in held)

    @admin.display(description="people")
    def people(self, group: Group) -> str:
        return ", ".join(group.user_set.filter(is_active=True).values_list("username", flat=True)) or "nobody"


@admin.register(LogEntry)
class ChangeAdmin(RecordAdmin):
    """Everything that was changed in this site, by whom, from what to what. ``/admin/changes/`` leads here."""

    plain_name = "Changes"
    is_prominent = True
    help_line = "What was changed in the configuration, when, by whom, from what to what."
    list_display = ("action_time", "who", "content_type", "object_repr", "what")
    list_display_links = ("action_time",)
    list_filter = ("action_time", "content_type", ("user", admin.RelatedOnlyFieldListFilter), "action_flag")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    date_hierarchy = "action_time"
    fields = ("action_time", "who", "content_type", "object_repr", "what")
    readonly_fields = fields

    @admin.display(description="who", ordering="user__username")
    def who(self, entry: LogEntry) -> str:
        return entry.user.get_full_name() or entry.user.get_username()

    @admin.display(description="what")
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message()


@admin.register(ApiToken)
class ApiTokenAdmin(HistoryAdmin):
    """A token is shown once, when it has been made. It cannot be read again, only be taken away."""

    help_line = "Keys of programs. Each has the rights of the person it belongs to, and is shown once."
    help_texts: ClassVar[dict[str, str]] = {
        "user": "Whose rights it has. What a program does with it is kept under their name.",
        "name": "What it is for, to know later whether it can go.",
    }
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
