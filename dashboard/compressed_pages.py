"""Pages go out compressed: a list of fifty rows is some 200 KB of words that repeat.

A page mixes what somebody sent with what is secret, and its compressed length gives the secret away, letter by letter, to
who can have it fetched again and again with other words in it and reads along how long it is (BREACH,
https://www.breachattack.com). Three things stand against it here, each by itself:

* Django masks the CSRF token anew in each answer, so that there is nothing to be guessed in two of them; an API token is
  in one answer only, to a POST.
* The session's cookie is SameSite=Lax: another site cannot fetch a page with it, but only lead somebody there, in sight.
* Django adds up to 100 bytes at random to each answer (``max_random_bytes``), which drowns the one byte that is looked for.

Only pages: the API's programs, and the rows of an export, which are sent while they are read, get them as they are.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = not response.streaming and response.headers.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response
