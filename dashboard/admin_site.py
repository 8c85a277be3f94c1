"""The admin site as a part of the product: the same log-in, the same shell, and an index in an administrator's words."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.generic import RedirectView

from dashboard.records import RecordAdmin

SECTIONS = {
    "orders": ("Orders", "What is sold, to whom, and how long an order waits for what."),
    "approvals": ("Approvals", "Who decides about what, who reports to whom, and who is away."),
    "campaigns": ("Campaigns", "How many messages a person may get, which texts there are, and to whom they go."),
    "people": ("People and rights", "Who may log in, what they may do there, and what has been changed by whom."),
}
"""What an administrator does, in this order."""
_PEOPLE = "people"


class Site(admin.AdminSite):
    site_header = site_title = "Callboard"
    index_title = "Configuration"
    index_template = "admin/index.html"
    enable_nav_sidebar = False  # the product's own navigation stands there
    empty_value_display = "–"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "nav": "admin"}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One way in: the product's own log-in page. Who is logged in and still comes here may not see this site."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        answer: HttpResponse = login_required(super().login)(request, extra_context)
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """One way for this too: the profile's, which ends one's other sessions."""
        return redirect("password_change")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**(extra_context or {}), "sections": self._sections(request)})

    def get_urls(self) -> list[Any]:
        return [
            path(
                "changes/",
                RedirectView.as_view(pattern_name="admin:admin_logentry_changelist", query_string=True),
                name="changes",
            ),
            *super().get_urls(),
        ]

    def _sections(self, request: HttpRequest) -> list[dict[str, Any]]:
        """What this person may see, by what it is for: first what can be changed, then what is only to be looked at."""
        found: dict[str, dict[str, Any]] = {
            key: {"key": key, "name": name, "help": words, "settings": [], "records": []}
            for key, (name, words) in SECTIONS.items()
        }
        for app in self.get_app_list(request):
            section = found.get(app["app_label"], found[_PEOPLE])
            for entry in app["models"]:
                model_admin = self._registry[entry["model"]]
                row = {**entry, "help": getattr(model_admin, "help_line", "")}
                row["name"] = getattr(model_admin, "plain_name", entry["name"])
                is_record = isinstance(model_admin, RecordAdmin) and not getattr(model_admin, "is_prominent", False)
                section["records" if is_record else "settings"].append(row)
        return [section for section in found.values() if section["settings"] or section["records"]]
