"""Who acts."""

from django.http import HttpRequest

from orders.contract import By, Door


def by_of(request: HttpRequest) -> By:
    """Who acts, and that it was in the browser."""
    return By(request.user.get_username(), Door.WEB)
