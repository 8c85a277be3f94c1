"""The tour on the home page."""

from typing import Any

from django import template
from django.template import Context

from dashboard.tour import Tour, tour_of

register = template.Library()


@register.simple_tag(takes_context=True)
def tour(context: Context) -> Tour | None:
    """The tour of whoever looks, as long as they have not put it away."""
    user: Any = context["user"]
    return tour_of(user) if user.is_authenticated else None
