"""The admin's page of an area's settings (:mod:`dashboard.one_row`)."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.admin_effects import EffectAdmin


class SeenVersion(forms.IntegerField):
    """The version that the form was drawn with; no value of its own, so that nothing counts as changed by it."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class OneRowForm(forms.ModelForm):
    """Refuses what was typed over a version that is no longer the newest."""

    seen_version = SeenVersion(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen_version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("seen_version") not in (None, self.instance.version):
            raise ValidationError(
                f"Somebody has changed the settings meanwhile: they are at version {self.instance.version} now. "
                "Load the page anew; nothing was saved."
            )
        return cleaned


class OneRowAdmin(EffectAdmin):
    """The form of the one row: nothing to add or to delete, and no list. Its form has a field ``seen_version``."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        names = (self.opts.app_label, self.opts.model_name)
        return redirect("{}:{}_{}_change".format(self.admin_site.name, *names), self.model.current().pk)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        # Locked from here to the save, so that no two changes get one version number.
        if request.method == "POST":
            self.model._default_manager.select_for_update().filter(pk=1).first()
        return super().get_object(request, object_id, from_field)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if form.changed_data:
            super().save_model(request, obj, form, change)
