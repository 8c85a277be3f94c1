"""The only filters that a marketer's text knows. None of them can make its value safe, or much longer than it is."""

from django.template import Library
from django.template.defaultfilters import capfirst, default, lower, title, truncatechars, upper

register = Library()
for _filter in (capfirst, default, lower, title, truncatechars, upper):
    register.filter(_filter)
