"""The way back from Temporal's own pages to ours: what stands under a workflow's name there."""

from django.conf import settings


def page_link(path: str) -> str:
    """``static_details`` of a workflow, which Temporal's pages show as Markdown: a link to its page in Callboard."""
    return f"[Its page in Callboard]({settings.BASE_URL}{path})"
