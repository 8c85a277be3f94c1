"""Contacts, segments and imports."""

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from campaigns.contract import IMPORT_ID, ImportStage
from campaigns.views import contacts, greeting, import_columns, import_live, imports, segments


class ImportIdConverter(StringConverter):
    """``IMP-…``, and most of what an import may be called that is started at Temporal's command line."""

    regex = IMPORT_ID


class ContactIdConverter(StringConverter):
    """As ``check_user_id`` has it."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


register_converter(ImportIdConverter, "import_id")
register_converter(ContactIdConverter, "contact_id")

urlpatterns: list[URLPattern | URLResolver] = [
    path("contacts/", contacts.contact_list, name="contacts"),
    path("contacts/new/", contacts.new, name="contact_new"),
    path("contacts/<contact_id:user_id>/edit/", contacts.edit, name="contact_edit"),
    path("contacts/<contact_id:user_id>/greeting/", greeting.greeting, name="contact_greeting"),
    path("contacts/<contact_id:user_id>/greeting/new/", greeting.begin, name="contact_greet"),
    path("contacts/<contact_id:user_id>/greeting/language/", greeting.language, name="contact_language"),
    path("segments/", segments.segment_list, name="segments"),
    path("segments/new/", segments.new, name="segment_new"),
    path("segments/count/", segments.preview, name="segment_count"),
    path("segments/<int:pk>/", segments.edit, name="segment"),
    path("segments/<int:pk>/deletion/", segments.delete, name="segment_delete"),
    path("imports/", imports.import_list, name="imports"),
    path("imports/new/", imports.new, name="import_new"),
    path("imports/<import_id:import_id>/", imports.detail, name="import"),
    path("imports/<import_id:import_id>/live/", import_live.live, name="import_live"),
    path("imports/<import_id:import_id>/columns/", import_columns.columns, name="import_columns"),
    path("imports/<import_id:import_id>/columns/preview/", import_columns.preview, name="import_preview"),
    path("imports/<import_id:import_id>/actions/", imports.actions, name="import_actions"),
    path("imports/<import_id:import_id>/problems.csv", imports.download, name="import_problems"),
    path(
        "imports/<import_id:import_id>/validation/",
        imports.go_on,
        {"stage": ImportStage.VALIDATE},
        name="import_validate",
    ),
    path(
        "imports/<import_id:import_id>/transformation/",
        imports.go_on,
        {"stage": ImportStage.TRANSFORM},
        name="import_transform",
    ),
    path("imports/<import_id:import_id>/cancellation/", imports.cancel, name="import_cancel"),
]
