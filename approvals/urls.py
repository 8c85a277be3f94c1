"""Approval pages; a fragment lives under its page, an action is a noun that is POSTed."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from approvals import exports, mail_links
from approvals.contract import REQUEST_ID
from approvals.views import away, bulk, decision, inbox, live, new, request


class RequestIdConverter(StringConverter):
    """``REQ-YYYYMMDD-HHMMSS-xxxx``; anything else is no page."""

    regex = REQUEST_ID


register_converter(RequestIdConverter, "request_id")

app_name = "approvals"

ACTIONS = {
    "changes": "changes",
    "resubmission": "resubmission",
    "withdrawal": "withdrawal",
    "attachments": "attachments",
    "delegation": "delegation",
    "delegation_end": "delegation/end",
}

urlpatterns = [
    path("", inbox.inbox, name="list"),
    path("new/", new.new, name="new"),
    path("new/preview/", new.preview, name="preview"),
    path("away/", away.away, name="away"),
    path("away/new/", away.new, name="away_new"),
    path("away/<int:pk>/end/", away.end, name="away_end"),
    path("export/", exports.export_all, name="export_all"),
    path("mail/<str:signed>/", mail_links.confirm, name="mail_link"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("bulk/<str:job_id>/", bulk.job, name="bulk_job"),
    path("bulk/<str:job_id>/progress/", bulk.progress, name="bulk_progress"),
    path("<request_id:request_id>/", request.detail, name="detail"),
    path("<request_id:request_id>/export/", exports.export_trail, name="export"),
    path("<request_id:request_id>/live/", live.live, name="live"),
    path("<request_id:request_id>/actions/", request.actions, name="actions"),
    path("<request_id:request_id>/decision/", decision.decision, name="decision"),
    path("<request_id:request_id>/comment/", request.comment, name="comment"),
    path("<request_id:request_id>/attachments/<uuid:attachment_id>/", request.attachment, name="attachment"),
    *[
        path(f"<request_id:request_id>/{noun}/", request.act, {"name": name}, name=name)
        for name, noun in ACTIONS.items()
    ],
]
