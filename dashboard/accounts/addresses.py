"""From which address somebody comes, behind as many proxies as there are."""

from ipaddress import ip_address

from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """The client's address, or None when there is none.

    Daphne has put the proxy's word in already when it runs with ``--proxy-headers``; without it, nobody's header is believed.
    """
    text = request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None
