"""What contacts open from a mail, without log-in."""

from django.urls import URLPattern, URLResolver, path

from campaigns.views import public

urlpatterns: list[URLPattern | URLResolver] = [
    path("preferences/<str:signed>/", public.preferences, name="preferences"),
]
