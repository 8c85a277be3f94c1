"""Texts and segments in the admin site: what they come to for the contacts that there are, before a campaign needs them."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from campaigns.admin_forms import PreviewForm, TemplateForm
from campaigns.contract import MARKETING
from campaigns.gateway.contacts import why_not_deleted
from campaigns.models import Contact, Segment, Template
from campaigns.rendering import RenderProblem, contact_values, missing_variables
from campaigns.unsubscribe import Wish, links_for
from dashboard.admin_history import HistoryAdmin

LOOKED_AT = 5_000
"""Contacts whose variables are looked at when a text is saved."""


@admin.register(Template)
class TemplateAdmin(HistoryAdmin):
    """Campaigns copy a text: a change reaches only those that are begun with it afterwards."""

    help_line = "Texts to begin with. A campaign copies one: a change reaches those begun afterwards."
    form = TemplateForm
    change_form_template = "admin/campaigns/template/change_form.html"
    list_display = ("name", "channel", "subject", "version", "changed_at")
    list_filter = ("channel",)
    search_fields = ("name", "subject", "body_text")
    readonly_fields = ("version", "changed_at")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": (("name", "channel"), ("version", "changed_at"))}),
        ("Text", {"fields": ("subject", "body_text", "body_html")}),
    )

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        if not change or form.changed_data:
            super().save_model(request, obj, form, change)
        contacts = Contact.objects.filter(erased_at=None).order_by("user_id")[:LOOKED_AT]
        for missing in missing_variables(obj.compiled(), contacts):
            messages.warning(
                request,
                f"{missing.count:,} contacts have no {missing.name} ({', '.join(missing.examples[:3])}): a campaign to them "
                f'is not launched with this text. A default helps: {{{{ {missing.name}|default:"…" }}}}.',
            )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preview)
        return [path("<int:pk>/preview/", view, name="campaigns_template_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The saved text as one contact would get it. Nothing is sent."""
        template = get_object_or_404(Template, pk=pk)
        if not self.has_view_permission(request, template):
            raise PermissionDenied
        form = PreviewForm(request.GET or None)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Preview of {template}",
            "template": template,
            "form": form,
        }
        if form.is_valid():
            contact: Contact = form.cleaned_data["user_id"]
            links = links_for(Wish(contact.user_id, template.channel, MARKETING, ""))
            try:
                context["message"] = template.compiled().render(contact_values(contact, links))
            except RenderProblem as problem:
                context["problem"] = f"For {contact.user_id}: {problem}"
        return TemplateResponse(request, "admin/campaigns/template/preview.html", context)


@admin.register(Segment)
class SegmentAdmin(HistoryAdmin):
    """Who is in it is found anew for each launch."""

    help_line = "Saved filters on contacts. Who is in one is found anew for each launch."
    help_texts: ClassVar[dict[str, str]] = {
        "name": "What campaigns, cap policies and the API call it by.",
        "description": "For whoever has to choose one: who they are, in words.",
    }
    list_display = ("name", "description", "members", "changed_at")
    search_fields = ("name", "description")
    readonly_fields = ("members", "created_by", "changed_at")
    fields = ("name", "description", "filters", "members", ("created_by", "changed_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        return super().get_queryset(request).prefetch_related("cap_policies")

    @admin.display(description="contacts now")
    def members(self, segment: Segment) -> str:
        if segment.pk is None:
            return "–"
        number = segment.contacts(Contact.objects.filter(erased_at=None)).count()
        policies = [
            (reverse("admin:campaigns_cappolicy_change", args=[policy.pk]), policy.name)
            for policy in segment.cap_policies.all()
        ]
        links = format_html_join(", ", '<a href="{}">{}</a>', policies)
        return format_html("{}{}{}", f"{number:,}", " · " if policies else "", links)

    def why_kept(self, obj: Segment) -> list[str]:
        reason = why_not_deleted(obj)
        return [reason] if reason else []

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user.get_username()
        super().save_model(request, obj, form, change)
