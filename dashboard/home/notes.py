"""What an open home page notes of what it was told, and says again with its next question."""

from django.utils.html import format_html


def seen_note(seen: str) -> str:
    """``seen``: the digest of the frame that the page shows now; of a poll more (:class:`~dashboard.home.polling.Seen`)."""
    return format_html('<div id="home-seen" data-after="{}" hx-swap-oob="true" hidden></div>', seen)


def fetch_note(change: int) -> str:
    """What waits for its person is personal: the page is told to fetch it."""
    return format_html('<div id="home-news" data-change="{}" hx-swap-oob="true" hidden></div>', change)
