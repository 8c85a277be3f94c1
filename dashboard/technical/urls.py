"""The technical view and what hangs on it."""

from django.urls import path

from dashboard.technical import forwarding, views

app_name = "technical"

urlpatterns = [
    path("<str:workflow_id>/", views.detail, name="detail"),
    path("<str:workflow_id>/live/", views.live, name="live"),
    path("<str:workflow_id>/stack/", views.stack, name="stack"),
    path("<str:workflow_id>/history.json", views.history, name="history"),
    path("<str:workflow_id>/temporal/", views.temporal, name="temporal"),
    path("<str:workflow_id>/fast-forward/", forwarding.fast_forward, name="fast_forward"),
]
