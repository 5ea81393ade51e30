"""Pages go compressed to browsers, whoever stands in front. Files and the API's answers do not: media are small, ranges
and lengths must stay true, and static files were compressed when they were collected.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompressionMiddleware(GZipMiddleware):
    """Django's, for HTML alone. It varies the length at random and each page's CSRF token differs, so that lengths tell
    nothing of secrets to somebody who can put text into a page.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
        return super().process_response(request, response) if is_page else response
