"""`/api/v1/cookies`: cookie jars, to be named as `cookies_id` by downloads and looks at pages."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from accounts import cookies
from accounts.authentication import caller
from accounts.models import CookieJar
from accounts.netscape import CookiesRefused
from jobs import jars, trials
from media_api.errors import Code
from media_api.examples import cookies as examples
from media_api.idempotency import answer_once
from media_api.links import absolute
from media_api.schema import IDEMPOTENCY_KEY
from media_api.serializers.base import NoQuery
from media_api.serializers.cookies import (
    CookieDeletedSerializer,
    CookieFileRequest,
    CookieFormRequest,
    CookieListSerializer,
    CookieRequest,
    CookieSerializer,
    CookieTestRequest,
    CookieTestSerializer,
    StoredCookieSerializer,
)
from media_api.views.base import ApiViewSet


class Cookies(ApiViewSet):
    """Cookies of browsers that are signed in to sites."""

    tag = "cookies"
    missing = Code.NOT_FOUND
    can_fail_with = {
        "list": (Code.VALIDATION_ERROR,),
        "destroy": (Code.CONFLICT,),
        "test": (Code.QUEUE_FULL,),
    }

    @extend_schema(
        operation_id="store_cookies",
        summary="Store cookies",
        description="They are kept encrypted, and go to the sites they are for and to nobody else. "
        "A jar of yours with the same name gets the new content and keeps its id. A form has the file as `cookies` or "
        "as `file`.",
        request={"application/json": CookieRequest, "multipart/form-data": CookieFormRequest},
        responses={201: StoredCookieSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.REQUEST, examples.STORED, examples.WRONG_LINES, examples.FROM_BROWSER],
    )
    def create(self, request: Request) -> Response:
        response = answer_once(request, lambda: self._store(request), atomic=True)
        response.headers["Location"] = absolute(request, reverse("cookie", args=[response.data["cookie_id"]]))
        return response

    @extend_schema(
        operation_id="list_cookies",
        summary="List cookie jars",
        description="All of the caller's own, by name. Their content is never shown.",
        responses={200: CookieListSerializer},
        examples=[examples.ALL],
    )
    def list(self, request: Request) -> Response:
        NoQuery(data=request.query_params).is_valid(raise_exception=True)
        found = cookies.jars_of(caller(request))
        return Response(CookieListSerializer({"cookies": found, "total": len(found)}).data)

    @extend_schema(
        operation_id="get_cookies",
        summary="Look at a cookie jar",
        responses={200: CookieSerializer},
        examples=[examples.ONE],
    )
    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(CookieSerializer(_jar(request, public_id)).data)

    @extend_schema(
        operation_id="delete_cookies",
        summary="Delete a cookie jar",
        description="While downloads use it that are not over, the answer is a 409: cancel them first.",
        responses={200: CookieDeletedSerializer},
        examples=[examples.DELETED],
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        jar = _jar(request, public_id)
        jars.delete(jar)
        told = {"resource_type": "cookie", "status": "deleted", "message": "The cookies are deleted."}
        return Response(CookieDeletedSerializer({"id": public_id, "timestamp": timezone.now(), **told}).data)

    @extend_schema(
        operation_id="test_cookies",
        summary="Test a cookie jar",
        description="Reads a page with the cookies, and without them to compare: does the site still accept them? "
        "The answer takes some seconds.",
        request=CookieTestRequest,
        responses={200: CookieTestSerializer},
        examples=[examples.TEST, examples.TESTED],
    )
    def test(self, request: Request, public_id: str) -> Response:
        jar = _jar(request, public_id)
        body = CookieTestRequest(data=request.data)
        body.is_valid(raise_exception=True)
        url = body.validated_data["url"]
        verdict = trials.judge(jar, url)
        told = {"result": verdict.result, "message": verdict.message, "tested_at": timezone.now()}
        return Response(CookieTestSerializer({"cookie_id": public_id, "url": url, **told}).data)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show."""
        forms = {"create": CookieRequest, "list": CookieRequest, "test": CookieTestRequest}
        return forms.get(self.action, Serializer)(*args, **kwargs)

    def _store(self, request: Request) -> Response:
        field = "file" if "file" in request.FILES else "cookies"
        body = (CookieFileRequest if field == "file" else CookieRequest)(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            stored = cookies.store(caller(request), body.validated_data["name"], body.validated_data[field])
        except CookiesRefused as refusal:
            raise ValidationError({field: list(refusal.problems)}) from refusal
        return Response({**CookieSerializer(stored.jar).data, "dropped": stored.dropped}, status=201)


def _jar(request: Request, public_id: str) -> CookieJar:
    return cookies.jar_of(caller(request), public_id)
