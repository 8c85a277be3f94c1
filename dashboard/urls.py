"""Every address. Each area's own are in its ``urls.py``."""

from django.contrib import admin
from django.urls import include, path

from approvals import webhooks as approval_webhooks
from campaigns.views import public as campaigns_public
from dashboard import health, tour, views
from dashboard.api import api
from dashboard.home import views as home_views
from dashboard.polled_sockets import poll
from dashboard.search import views as search
from dashboard.styleguide.page import styleguide
from orders import webhooks as order_webhooks
from orders.payments.checkout import checkout

webhooks = [
    path("payments", order_webhooks.payments, name="payments"),
    path("slack/interactivity", approval_webhooks.slack_interactivity, name="slack_interactivity"),
    path("email/unsubscribe/<str:signed>", campaigns_public.unsubscribe, name="email_unsubscribe"),
]

urlpatterns = [
    path("", home_views.home, name="home"),
    path("home/mine/", home_views.mine, name="home_mine"),
    path("home/live/", home_views.live, name="home_live"),
    path("polls/<path:socket>", poll, name="polled_socket"),
    path("accounts/", include("dashboard.accounts.urls")),
    path("styleguide/", styleguide, name="styleguide"),
    path("search/", search.page, name="search"),
    path("search/suggestions/", search.suggestions, name="search_suggestions"),
    path("health/", views.health, name="health"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("orders/", include("orders.urls")),
    path("approvals/", include("approvals.urls")),
    path("campaigns/", include("campaigns.urls")),
    path("tour/dismissal/", tour.dismiss, name="tour_dismissal"),
    path("technical/", include("dashboard.technical.urls")),
    path("checkout/<str:order_id>/<str:signature>/", checkout, name="checkout"),
    path("webhooks/", include((webhooks, "webhooks"))),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]

handler400 = "dashboard.views.bad_request"
handler403 = "dashboard.views.permission_denied"
handler404 = "dashboard.views.not_found"
handler500 = "dashboard.views.server_error"
