"""Pictures for pages. Where they come from, and how they are fetched, is the business of `jobs.thumbnails`."""

import base64

from django.core.signing import BadSignature
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from jobs import thumbnails
from jobs.views.access import PageRequest, signed_in

DAY_SECONDS = 86_400
# One transparent pixel: what is drawn behind it shows, and no browser complains about a picture that a site has lost.
NOTHING = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@require_safe
@signed_in
def show(request: PageRequest, token: str) -> HttpResponse:
    """The picture; a transparent pixel when it cannot be had."""
    try:
        picture = thumbnails.picture_of(token)
    except BadSignature as error:
        raise Http404("There is no such picture.") from error
    except thumbnails.NoPicture:
        return _response(NOTHING, "image/gif", thumbnails.NOT_ASKED_AGAIN_SECONDS)
    except thumbnails.Busy:
        return _response(NOTHING, "image/gif", 0)
    return _response(picture.content, picture.mime_type, DAY_SECONDS)


def _response(content: bytes, mime_type: str, seconds: int) -> HttpResponse:
    kept = f"private, max-age={seconds}, immutable" if seconds >= DAY_SECONDS else f"private, max-age={seconds}"
    return HttpResponse(content, content_type=mime_type, headers={"Cache-Control": kept})
