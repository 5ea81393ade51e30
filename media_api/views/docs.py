"""`/openapi.json`, `/docs` and `/redoc`: the API's description, for generators and for people. Needs no internet."""

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Description(APIView):
    """A page that DISABLE_DOCS hides, and that anybody may see otherwise, uncounted."""

    http_method_names = ["get", "head"]
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if settings.DISABLE_DOCS:
            raise Http404
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """In the envelope, as everywhere: the pages' own renderers would leave a line of text of it."""
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().handle_exception(exc)


class OpenApi(Description, SpectacularJSONAPIView):
    """The description itself."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer]  # application/json first: browsers show that


class Swagger(Description, SpectacularSwaggerSplitView):
    """For trying calls out."""

    url_name = "openapi"
    template_name = "media_api/swagger.html"


# For this page alone: ReDoc makes style elements, and runs its search in a worker made of a blob. The logo that it asks
# its makers' site for stays blocked.
@method_decorator(csp_update({"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"]}), name="dispatch")
class Redoc(Description, SpectacularRedocView):
    """For reading."""

    url_name = "openapi"
    template_name = "media_api/redoc.html"
