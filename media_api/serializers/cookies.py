"""Cookie jars on the wire: what is uploaded, and what is told of it. No answer has a field for a value."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts import cookies
from accounts.cookies import Status, TestResult
from accounts.models import CookieJar
from media_api.serializers.base import LinkField, StrictSerializer, TextField

STATUSES = [status.value for status in Status]
TEST_RESULTS = [result.value for result in TestResult]
NAME = r"^[A-Za-z0-9_-]{1,50}\Z"
NO_BROWSER = (
    "The server has no browser of yours to take cookies from. Export them from your browser as a file in Netscape's "
    "format (cookies.txt), and send its content as `cookies`."
)


class CookieTextField(TextField):
    """Text, or a file with text. What it says is checked in `accounts.netscape`."""

    default_error_messages = {
        "too_large": "This is longer than {most} bytes. Export the cookies of one site only.",
        "not_text": "This file is not text in UTF-8.",
    }

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, UploadedFile):
            data = self._content(data)
        return super().to_internal_value(data)

    def _content(self, file: "UploadedFile[Any]") -> str:
        if (file.size or 0) > settings.MAX_COOKIE_BYTES:
            self.fail("too_large", most=settings.MAX_COOKIE_BYTES)
        try:
            return bytes(file.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            self.fail("not_text")


@extend_schema_field({"type": "string", "nullable": True, "maxLength": 0})  # null alone is left
class BrowserField(TextField):
    """What the command line of yt-dlp can do, and a server cannot."""

    def to_internal_value(self, data: Any) -> str:
        raise serializers.ValidationError(NO_BROWSER)


class JarName(StrictSerializer):
    name = TextField(
        default="default",
        validators=[RegexValidator(NAME, "A name has 1 to 50 letters, digits, _ and -.")],
        help_text="a jar of yours with this name gets the new cookies, and keeps its id",
    )


@extend_schema_serializer(component_name="Cookie")
class CookieRequest(JarName):
    """Cookies to keep, as text in Netscape's format."""

    # First, so that their errors are told first.
    browser = BrowserField(required=False, allow_null=True, help_text="refused: send `cookies` instead")
    profile = BrowserField(required=False, allow_null=True, help_text="refused: send `cookies` instead")
    cookies = CookieTextField(
        trim_whitespace=False,  # a value that is empty ends its line with a tab
        help_text="in Netscape's format, often called cookies.txt: seven fields a line, separated by tabs",
        style={"base_template": "textarea.html"},
    )


@extend_schema_serializer(component_name="CookieFile")
class CookieFormRequest(JarName):
    """The same as a form with a file; for the documentation."""

    cookies = serializers.FileField(
        help_text="a file in Netscape's format, often called cookies.txt; `file` is another name for this field"
    )


class CookieFileRequest(JarName):
    """The same with the file under the name that other uploads give theirs."""

    file = CookieTextField(trim_whitespace=False)


class CookieSerializer(serializers.Serializer[CookieJar]):
    """A cookie jar. Its content never leaves the server again, but to the sites it is for."""

    cookie_id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="when you stored them last")
    browser = serializers.SerializerMethodField(help_text="always null: the server has no browser")
    domains = serializers.ListField(child=serializers.CharField(), help_text="which the cookies go to")
    status = serializers.SerializerMethodField(
        help_text="`expiring` from three days before the first cookie expires, `expired` when none is left"
    )
    expires_at = serializers.DateTimeField(allow_null=True, help_text="when the first cookie expires")
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="by a download or a look at a page")
    tested_at = serializers.DateTimeField(allow_null=True)
    test_result = serializers.SerializerMethodField(help_text="what the last test of these cookies came to")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_browser(self, jar: CookieJar) -> None:
        return None

    @extend_schema_field(serializers.ChoiceField(STATUSES))
    def get_status(self, jar: CookieJar) -> str:
        return cookies.status_of(jar).value

    @extend_schema_field(serializers.ChoiceField(TEST_RESULTS, allow_null=True))
    def get_test_result(self, jar: CookieJar) -> str | None:
        return jar.test_result or None


class StoredCookieSerializer(CookieSerializer):
    """A cookie jar as it was stored."""

    dropped = serializers.IntegerField(help_text="cookies that were left out because they had expired already")


@extend_schema_serializer(many=False)
class CookieListSerializer(serializers.Serializer[Any]):
    """All cookie jars of the caller."""

    cookies = CookieSerializer(many=True)
    total = serializers.IntegerField()


class CookieDeletedSerializer(serializers.Serializer[Any]):
    """What was deleted."""

    id = serializers.CharField()
    resource_type = serializers.CharField()
    status = serializers.CharField()
    message = serializers.CharField()
    timestamp = serializers.DateTimeField()


@extend_schema_serializer(component_name="CookieTest")
class CookieTestRequest(StrictSerializer):
    """A page to test cookies at."""

    url = LinkField(help_text="a page with media that only signed-in visitors see, on a site the cookies are for")


class CookieTestSerializer(serializers.Serializer[Any]):
    """What the site made of the cookies."""

    cookie_id = serializers.CharField()
    url = serializers.CharField()
    result = serializers.ChoiceField(TEST_RESULTS)
    message = serializers.CharField(help_text="a sentence")
    tested_at = serializers.DateTimeField()
