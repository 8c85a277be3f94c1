"""One line in the log for each request: who, what, how it ended, without what people typed."""

import structlog
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware

PROBES = {"/healthz", "/readyz"}


class RequestLogMiddleware(RequestMiddleware):
    """django-structlog's, less the query string – a search names customers – and less the load balancer's probes."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        if request.path in PROBES:
            structlog.contextvars.clear_contextvars()
        else:
            super().handle_response(request, response)
