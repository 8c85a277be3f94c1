"""What a sample is made of, and how it is drawn into the guide."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

Part = tuple[str, dict[str, Any]]
"""A partial and what it is given."""

Maker = Callable[[datetime], Part]
"""Makes a sample that is looked at now."""

_NAMES = re.compile(r'\b(id|for|form|list|aria-labelledby|aria-describedby|aria-controls)="([^"]+)"')
_LIVE = re.compile(r'\s(?:hx-[a-z-]+|data-(?:mark|version|walk-to|row-key|when|log-in|kind))="[^"]*"|\sdata-walk-to\b')
_FORM = re.compile(r'<form\b[^>]*?(\sclass="[^"]*")?(?:\s[^>]*)?>')


def drawn(template: str, context: dict[str, Any], theme: str) -> SafeString:
    """A partial as its page draws it, standing still: ids are a theme's own, and nothing in it asks, listens or sends."""
    html: str = render_to_string(template, context)

    def renamed(match: re.Match[str]) -> str:
        names = " ".join(f"{theme}-{name}" for name in match[2].split())
        return f'{match[1]}="{names}"'

    html = _LIVE.sub("", _NAMES.sub(renamed, html)).replace("url(#", f"url(#{theme}-")
    html = _FORM.sub(lambda match: f"<div{match[1] or ''}>", html).replace("</form>", "</div>")
    return mark_safe(html.replace('type="submit"', 'type="button"').replace(" hidden>", ">"))  # noqa: S308 - our own templates
