"""What a change leads to: asked before it is saved where it may hurt, and said afterwards in any case."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from dashboard.admin_history import HistoryAdmin
from temporal_worker.keys import digest


@dataclass(frozen=True)
class Effect:
    said: list[str] = field(default_factory=list)
    """What is true once it is saved, in sentences."""
    asks: list[str] = field(default_factory=list)
    """What may hurt: nothing is saved before it was confirmed. Said afterwards too, as a warning."""
    context: dict[str, Any] = field(default_factory=dict)
    """What the page that asks shows beside it."""


class EffectAdmin(HistoryAdmin):
    confirm_template = "admin/confirm.html"

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        """What saving this valid form leads to. ``form.initial`` has the old values, ``form.instance`` the new ones."""
        raise NotImplementedError

    def before(self, obj: Any) -> list[str]:
        """What a change of it leads to whatever is changed: said on its form, before anything is typed."""
        return []

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "POST":
            context = self._leading_to(request, object_id, extra_context)
            return super().changeform_view(request, object_id, form_url, context)
        # One transaction: between the question and the save nobody changes what was asked about.
        with transaction.atomic():
            question = self._question(request, object_id)
            context = self._leading_to(request, object_id, extra_context)
            return question or super().changeform_view(request, object_id, form_url, context)

    def _leading_to(self, request: HttpRequest, object_id: str | None, context: Any) -> dict[str, Any]:
        obj = self.get_object(request, unquote(object_id)) if object_id else None
        may = obj is not None and self.has_change_permission(request, obj)
        return {**(context or {}), "leads_to": self.before(obj) if may else []}

    def _question(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """ "Do you mean it?", when it may hurt and has not been confirmed; None when there is nothing to ask."""
        obj = self.get_object(request, unquote(object_id)) if object_id else None
        may = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        if not may or (object_id and obj is None):
            return None
        form: Any = self.get_form(request, obj, change=obj is not None)(request.POST, request.FILES, instance=obj)
        if not form.is_valid() or not form.changed_data:
            return None
        effect = self.effect(request, form, obj is not None)
        # What is confirmed are these values: whoever changes them once more is asked once more.
        asked = digest([f"{name}={form.cleaned_data.get(name)}" for name in sorted(form.changed_data)])
        if not effect.asks or request.POST.get("_confirmed") == asked:
            request.effect = effect  # type: ignore[attr-defined]
            return None
        posted = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Do you mean it?",
            "original": obj,
            "asks": effect.asks,
            "said": effect.said,
            "asked": asked,
            "posted": [(name, value) for name, value in posted if name not in ("csrfmiddlewaretoken", "_confirmed")],
            **effect.context,
        }
        return TemplateResponse(request, self.confirm_template, context)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self._say(request)
        return super().response_change(request, obj)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        self._say(request)
        return super().response_add(request, obj, post_url_continue)

    def _say(self, request: HttpRequest) -> None:
        effect: Effect = getattr(request, "effect", Effect())
        for words in effect.asks:
            messages.warning(request, words)
        for words in effect.said:
            messages.info(request, words)
