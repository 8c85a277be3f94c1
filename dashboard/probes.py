"""What load balancers and monitors ask for, by a process's own address instead of the site's name."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware import common

PROBES = frozenset({"/healthz", "/readyz"})


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which answers 400 to a name that is not in ALLOWED_HOSTS. No probe's answer is made of the name."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path in PROBES else super().process_request(request)
