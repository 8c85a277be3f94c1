"""Campaigns: the list, the editor, one campaign's page."""

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from campaigns.views import campaign, editor, lists, live, log, stop, trial


class CampaignIdConverter(StringConverter):
    """``CMP-…``, of a later occurrence with its number behind; anything else is no page."""

    regex = r"CMP-[0-9A-Za-z-]{1,76}"


register_converter(CampaignIdConverter, "campaign_id")

ACTIONS = {
    "launch": "launch",
    "test": "test",
    "pause": "pause",
    "resume": "resumption",
    "cancel": "cancellation",
    "rate": "rate",
}

urlpatterns: list[URLPattern | URLResolver] = [
    path("", lists.campaign_list, name="list"),
    path("new/", editor.new, name="new"),
    path("new/count/", editor.count, name="count"),
    path("stop/", stop.stop, name="stop"),
    path("stop/<slug:stop_id>/", stop.report, name="stop_report"),
    path("<campaign_id:campaign_id>/", campaign.detail, name="detail"),
    path("<campaign_id:campaign_id>/live/", live.live, name="live"),
    path("<campaign_id:campaign_id>/actions/", campaign.actions, name="actions"),
    path("<campaign_id:campaign_id>/edit/", editor.edit, name="edit"),
    path("<campaign_id:campaign_id>/trial/", trial.trial, name="trial"),
    path("<campaign_id:campaign_id>/preview/", trial.preview, name="preview"),
    path("<campaign_id:campaign_id>/preview/<str:user_id>/", trial.preview_html, name="preview_html"),
    path("<campaign_id:campaign_id>/log/", log.send_log, name="log"),
    path("<campaign_id:campaign_id>/log/export/", log.export, name="log_export"),
    *[
        path(f"<campaign_id:campaign_id>/{noun}/", campaign.act, {"name": name}, name=name)
        for name, noun in ACTIONS.items()
    ],
]
