"""Which of the admin site's scripts a page loads: those that it needs, and not all that some page may need."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse

_PLACE = "admin/js"
_JQUERY = f"{_PLACE}/vendor/jquery/jquery{'' if settings.DEBUG else '.min'}.js"
LISTS = [f"{_PLACE}/core.js", f"{_PLACE}/actions.js"]
FORMS = [
    _JQUERY,
    f"{_PLACE}/jquery.init.js",
    f"{_PLACE}/core.js",
    f"{_PLACE}/admin/RelatedObjectLookups.js",
]
"""Django's own order. No slug is made of a name here, so what transliterates one – 50 KB – stays away."""


class OnlyForms:
    """For classes of the admin: what related rows and inline forms work by. Widgets and inline forms bring their own."""

    prepopulated_fields: ClassVar[Any]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A list asks for no related rows; only as a window of its own it hands one over."""
        answer = super().changelist_view(request, extra_context)  # type: ignore[misc]
        context = getattr(answer, "context_data", None) or {}
        if "media" in context and not context.get("is_popup"):
            context["media"] = forms.Media(js=LISTS)
        return answer

    @property
    def media(self) -> forms.Media:
        if self.prepopulated_fields:
            return super().media  # type: ignore[misc]
        return forms.Media(js=FORMS)


class OnlyLists:
    """For classes of the admin that only show: without jQuery, unless an inline form brings it."""

    @property
    def media(self) -> forms.Media:
        return forms.Media(js=LISTS)
