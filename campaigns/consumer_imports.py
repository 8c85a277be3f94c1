"""The sockets of the list of imports and of an import's page."""

from campaigns.gateway.imports import SEE
from campaigns.import_pages import LIST_FIELDS
from campaigns.live_imports import ImportFeed, import_feed, import_pages, row_fragments
from campaigns.models import AudienceImport
from dashboard.projected_pages import ProjectedListConsumer, ProjectedPageConsumer


class ImportConsumer(ProjectedPageConsumer):
    """``/ws/campaigns/imports/<import_id>/?after=<change>``: the shared fragments of one import, from the projection."""

    permission = SEE
    pages, argument = import_pages, "import_id"


class ImportListConsumer(ProjectedListConsumer):
    """``/ws/campaigns/imports/?after=<change>&show=<import ids>&newest=<pk>``: the rows that a list shows."""

    permission = SEE
    model, fields, id_field = AudienceImport, LIST_FIELDS, "import_id"
    new_template, lists_of = "campaigns/_imports_fresh.html", "campaigns"

    def feed(self) -> ImportFeed:
        return import_feed()

    def fragments(self, rows: list[AudienceImport]) -> list[str]:
        return row_fragments(rows)
