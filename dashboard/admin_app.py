"""Django's admin app with our site in place of its own."""

from django.contrib.admin.apps import AdminConfig


class AdminApp(AdminConfig):
    default_site = "dashboard.admin_site.Site"
