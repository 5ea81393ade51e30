"""What went wrong, from the user's point of view: exceptions to a Failure, with advice. Decides nothing about jobs.

How the decision falls, first hit wins:
1. what no other error may hide, anywhere in the chain of causes: a blocked address, a full disk, a file past its limit;
2. yt-dlp's own exception types, the HTTP status that an error names as its cause, and addresses that cannot be;
3. words of messages and of the log, from the one table below: sites differ in words only;
4. the broad kinds: post-processing, transport, a status that merely happened on the way.
"""

import errno
import http
import http.client
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from jobs.engine import retry_after
from jobs.engine.contract import Failure, FailureCode
from jobs.engine.products import plain_text
from jobs.engine.verification import VerificationError

MAX_DETAIL_CHARACTERS = 2000
MAX_MATCHED_CHARACTERS = 4000
MAX_CHAIN = 64


class _Standing(NamedTuple):
    message: str
    is_retryable: bool


_STANDING: Mapping[FailureCode, _Standing] = {
    FailureCode.UNSUPPORTED_URL: _Standing(
        "This address is not one that media can be taken from; copy the address of the page that plays the media.",
        False,
    ),
    FailureCode.NOT_FOUND: _Standing(
        "There is nothing at this address any more; open it in a browser and copy the current address.", False
    ),
    FailureCode.LOGIN_REQUIRED: _Standing(
        "The site shows this only to signed-in visitors; upload the cookies of a browser that is signed in, "
        "and submit the link again with their cookies_id.",
        False,
    ),
    FailureCode.GEO_BLOCKED: _Standing(
        "The site does not show this in the country that this server is in; look for a copy that is open to it.", False
    ),
    FailureCode.RATE_LIMITED: _Standing(
        "The site asks for fewer requests; the download is tried again later, and if it keeps failing retry it in "
        "some hours.",
        True,
    ),
    FailureCode.DRM: _Standing(
        "This media is protected by DRM and cannot be downloaded; choose another source.", False
    ),
    FailureCode.LIVE_NOT_STARTED: _Standing(
        "This live stream or premiere is not on the air; retry when it has started.", False
    ),
    FailureCode.FORMAT_UNAVAILABLE: _Standing(
        "The site does not offer what was asked for; submit the link again with quality best, without custom_format, "
        "audio_only, clip_start, clip_end and live_from_start.",
        False,
    ),
    FailureCode.TOO_LARGE: _Standing(
        "The file is larger than this service allows; choose a lower quality or audio only.", False
    ),
    FailureCode.TIMEOUT: _Standing(
        "The download did not end within its time; submit the link again with a higher timeout_sec or a lower quality.",
        False,
    ),
    FailureCode.STALLED: _Standing(
        "No more data came from the site; the download goes on later from where it stopped.", True
    ),
    FailureCode.NETWORK: _Standing(
        "The site could not be reached or broke the transfer off; the download is tried again, "
        "and if it keeps failing check the address.",
        True,
    ),
    FailureCode.POST_PROCESSING: _Standing(
        "The media came, but could not be made into what was asked for; "
        "submit the link again with another video_format or audio_format.",
        False,
    ),
    FailureCode.BLOCKED_ADDRESS: _Standing(
        "The address leads into a network that this server may not enter; use an address on the public internet.", False
    ),
    FailureCode.RUNTIME_MISSING: _Standing(
        "A program that this needs is not installed on the server; "
        "ask its operator to look at the start-up report (ffmpeg, deno).",
        False,
    ),
    FailureCode.DISK_FULL: _Standing(
        "The server has no room left; the download is tried again later, or delete files that you no longer need.", True
    ),
    FailureCode.INTERNAL: _Standing(
        "Something went wrong in this service; the download is tried again, and if it keeps failing send the operator "
        "the request id.",
        True,
    ),
}

_ERRNO_CODES = {
    errno.ENOSPC: FailureCode.DISK_FULL,
    errno.EDQUOT: FailureCode.DISK_FULL,
    errno.EFBIG: FailureCode.TOO_LARGE,
}

# A 403 on a page means a login in nearly all cases; on the media itself, a link that has run out: see _status_code.
_STATUS_CODES = {
    401: FailureCode.LOGIN_REQUIRED,
    402: FailureCode.LOGIN_REQUIRED,
    403: FailureCode.LOGIN_REQUIRED,
    404: FailureCode.NOT_FOUND,
    407: FailureCode.NETWORK,
    408: FailureCode.NETWORK,
    410: FailureCode.NOT_FOUND,
    416: FailureCode.NETWORK,  # a complete .part asks for more; the child deletes it and the retry succeeds
    425: FailureCode.NETWORK,
    429: FailureCode.RATE_LIMITED,
    451: FailureCode.GEO_BLOCKED,
}

# In order: what says more stands first. Matched against messages of exceptions, then against the end of the log.
_PATTERNS: Sequence[tuple[re.Pattern[str], FailureCode]] = [
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"no space left on device|disk quota exceeded", FailureCode.DISK_FULL),
        (r"larger than max-filesize|file too large", FailureCode.TOO_LARGE),
        (r"egress denied", FailureCode.BLOCKED_ADDRESS),
        (r"http error 429|too many requests|rate.?limit", FailureCode.RATE_LIMITED),
        (r"http error 451", FailureCode.GEO_BLOCKED),
        # yt-dlp reports failed transfers in words alone. Lost fragments too: extracting anew brings fresh links.
        (r"got error: |ffmpeg lost a part|giving up after \d{1,6} retries|\d{1,15} bytes read", FailureCode.NETWORK),
        (r"\bDRM\b|widevine|fairplay|playready", FailureCode.DRM),
        (r"requested format is not available|no video formats found", FailureCode.FORMAT_UNAVAILABLE),
        (r"unable to obtain file audio codec|only images are available", FailureCode.FORMAT_UNAVAILABLE),
        (r"can be downloaded from the start|cannot be partially downloaded", FailureCode.FORMAT_UNAVAILABLE),
        (
            r"ff(?:mpeg|probe) (?:and ff\w+ )?(?:is )?not (?:found|installed)|"
            r"(?:no|without a) supported javascript runtime",
            FailureCode.RUNTIME_MISSING,
        ),
        (
            r"not (?:made this video )?available (?:in|from) your (?:country|location|region)|geo.?restrict|geo.?block",
            FailureCode.GEO_BLOCKED,
        ),
        (
            r"not currently live|live event will begin|premieres? in|has not (?:yet )?started|is upcoming|"
            r"this live stream (?:is offline|recording is not available)",
            FailureCode.LIVE_NOT_STARTED,
        ),
        (
            r"not a bot|sign in|log ?in (?:to|is|required)|login required|registered users|private (?:video|account)|"
            r"members.only|join this channel|subscriber|premium|purchase|age.?restrict|confirm your age|"
            r"password|--cookies",
            FailureCode.LOGIN_REQUIRED,
        ),
        (
            r"(?:video|content|page|post|media|playlist) (?:is |was )?(?:unavailable|not found|deleted|removed)|"
            r"(?:video|content|account) (?:has been|was) (?:removed|deleted|terminated)|"
            r"(?:does not|doesn't|no longer) exist|no longer available|isn't available|is not available",
            FailureCode.NOT_FOUND,
        ),
        (
            r"unsupported url|is not a valid url|file:// urls are|has no m3u header|"
            r"extracted extension .{1,200} is unusual",
            FailureCode.UNSUPPORTED_URL,
        ),
        (r"ffmpeg exited with code (?:183|234)\b", FailureCode.POST_PROCESSING),  # invalid data, nothing in it
        (r"did not get any data blocks", FailureCode.NETWORK),
        (r"timed out|connection (?:reset|refused|aborted)|name or service not known", FailureCode.NETWORK),
    )
]


def failure(code: FailureCode, detail: str = "") -> Failure:
    """The Failure that goes with a code: its standing sentence, and `detail` with its secrets cut out."""
    standing = _STANDING[code]
    return Failure(
        code=code,
        message=standing.message,
        detail=redact(plain_text(detail[: 4 * MAX_DETAIL_CHARACTERS]))[:MAX_DETAIL_CHARACTERS],
        is_retryable=standing.is_retryable,
    )


def classify(error: BaseException, *, log_tail: Sequence[str] = ()) -> Failure:
    """What an exception of a download means. `log_tail` decides only where the exceptions themselves say too little."""
    chain = _Chain.of(error)
    steps = (_hard_limit, _by_type, _by_address, _by_message, lambda _: _by_log(log_tail), _by_kind)
    code = next((found for step in steps if (found := step(chain)) is not None), FailureCode.INTERNAL)
    told = failure(code, f"{type(error).__name__}: {error}")
    return replace(told, retry_after_seconds=_retry_after(chain)) if code is FailureCode.RATE_LIMITED else told


def of_store(error: OSError) -> Failure:
    """What went wrong when a finished file should be stored."""
    return failure(_ERRNO_CODES.get(error.errno or 0, FailureCode.INTERNAL), str(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything behind it, the nearest first. Survives cycles.

    Follows every way in which Python, yt-dlp, requests and urllib3 wrap errors.
    """
    seen: list[BaseException] = [error]
    for current in seen:
        yield current
        if len(seen) < MAX_CHAIN:
            seen.extend(link for link in _links(current) if not any(link is known for known in seen))


def redact(text: str) -> str:
    """The text with query, fragment and user of each URL, and the values of secret-looking headers, cut out."""
    return _HEADER.sub(r"\1[redacted]", _URL.sub(_bare_url, text))


def retry_delay(attempt: int, *, base: float, maximum: float, jitter: float) -> float:
    """Seconds to wait after the attempt of this number (from 1): doubles each time, up to `maximum`.

    `jitter` is a random number from 0 to 1 that the caller draws; it spreads the wait over the upper half.
    """
    doublings = min(max(attempt, 1) - 1, 60)
    return min(maximum, base * 2.0**doublings) * (0.5 + jitter / 2)


# The bounds keep hostile messages from taking quadratic time.
_URL = re.compile(r"""[a-z0-9+.-]{0,20}://[^\s'"<>`|\\]+""", re.IGNORECASE)
_HEADER = re.compile(
    r"((?:(?:set-)?cookie|(?:proxy-)?authorization|x-api-key|api[_-]?key|access[_-]?token|password|secret)"
    r"['\"]?\s*[:=]\s*)[^\r\n]+",
    re.IGNORECASE,
)


def _bare_url(match: re.Match[str]) -> str:
    try:
        parts = urlsplit(match[0])
    except ValueError:
        return match[0].partition(":")[0] + "://[redacted]"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class _Chain:
    """An exception and everything behind it, the nearest first, and yt-dlp's names for what they are."""

    errors: Sequence[BaseException]
    ytdlp: "_Ytdlp"

    @classmethod
    def of(cls, error: BaseException) -> "_Chain":
        return cls(tuple(causes(error)), _ytdlp())

    def first(self, kind: Any) -> Any:
        """The nearest exception of a type, or None."""
        return next((error for error in self.errors if isinstance(error, kind)), None)


@dataclass(frozen=True, kw_only=True)
class _Ytdlp:
    """The exception types of yt-dlp, imported late: classifying is rare, importing yt-dlp takes 0.4 s."""

    codes: Mapping[type[BaseException], FailureCode]
    base: type[BaseException]
    extractor_error: type[BaseException]
    http_error: type[BaseException]
    transport: tuple[type[BaseException], ...]
    post_processing: type[BaseException]


@cache
def _ytdlp() -> _Ytdlp:
    from yt_dlp import utils  # noqa: PLC0415
    from yt_dlp.networking import exceptions  # noqa: PLC0415

    return _Ytdlp(
        codes={
            utils.UnsupportedError: FailureCode.UNSUPPORTED_URL,
            utils.GeoRestrictedError: FailureCode.GEO_BLOCKED,
            utils.UserNotLive: FailureCode.LIVE_NOT_STARTED,
            utils.EntryNotInPlaylist: FailureCode.NOT_FOUND,
            exceptions.UnsupportedRequest: FailureCode.UNSUPPORTED_URL,
            exceptions.NoSupportingHandlers: FailureCode.UNSUPPORTED_URL,
        },
        base=utils.YoutubeDLError,
        extractor_error=utils.ExtractorError,
        http_error=exceptions.HTTPError,
        transport=(exceptions.TransportError, utils.ContentTooShortError),
        post_processing=utils.PostProcessingError,
    )


def _links(error: BaseException) -> list[BaseException]:
    exc_info = getattr(error, "exc_info", None)
    candidates = [
        exc_info[1] if isinstance(exc_info, tuple) and len(exc_info) == 3 else None,
        getattr(error, "cause", None),
        getattr(error, "reason", None),
        error.__cause__,
        error.__context__,
        *error.args,
    ]
    return [candidate for candidate in candidates if isinstance(candidate, BaseException)]


def _hard_limit(chain: _Chain) -> FailureCode | None:
    for error in chain.errors:
        if isinstance(error, _egress_denied()):
            return FailureCode.BLOCKED_ADDRESS
        if isinstance(error, OSError) and error.errno in _ERRNO_CODES:
            return _ERRNO_CODES[error.errno]
    return None


@cache
def _egress_denied() -> type[PermissionError]:
    from jobs.engine.egress import EgressDenied  # noqa: PLC0415 - loads sockets and TLS

    return EgressDenied


def _retry_after(chain: _Chain) -> float | None:
    refusal = chain.first(chain.ytdlp.http_error)
    value = refusal.response.headers.get("Retry-After") if refusal else None
    return retry_after.seconds(value, now=datetime.now(UTC)) if value else None


def _by_type(chain: _Chain) -> FailureCode | None:
    for error in chain.errors:
        for kind, code in chain.ytdlp.codes.items():
            if isinstance(error, kind):
                return code
    if chain.first(VerificationError):
        return FailureCode.POST_PROCESSING
    extraction = chain.first(chain.ytdlp.extractor_error)
    named = getattr(extraction, "cause", None) if extraction else chain.first(chain.ytdlp.http_error)
    return _status_code(named, is_page=extraction is not None) if isinstance(named, chain.ytdlp.http_error) else None


def _status_code(error: Any, *, is_page: bool) -> FailureCode | None:
    """A 403 on the media itself is retried, because extracting anew brings fresh links."""
    if error.status == http.HTTPStatus.FORBIDDEN and not is_page:
        return FailureCode.NETWORK
    if error.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return FailureCode.NETWORK
    return _STATUS_CODES.get(error.status)


# How Python, requests and urllib3 word it; all of them raise some ValueError, which has no other mark.
_IMPOSSIBLE_ADDRESS = re.compile(
    r"'idna' codec|^invalid ipv6 url|^failed to parse: |no connection adapters were found|no host supplied|"
    r"^netloc .{1,200} contains invalid|^port (?:could not be cast|out of range)|url has an invalid label",
    re.IGNORECASE,
)


def _by_address(chain: _Chain) -> FailureCode | None:
    """Nobody could ask for such an address: no host can have the name, or it is of no kind that is fetched."""
    if any(type(error) is UnicodeError for error in chain.errors):  # of host names, until Python 3.12
        return FailureCode.UNSUPPORTED_URL
    texts = (str(error)[:MAX_MATCHED_CHARACTERS] for error in chain.errors if isinstance(error, ValueError))
    return FailureCode.UNSUPPORTED_URL if any(map(_IMPOSSIBLE_ADDRESS.search, texts)) else None


def _by_message(chain: _Chain) -> FailureCode | None:
    ours = [str(error) for error in chain.errors if isinstance(error, (chain.ytdlp.base, OSError))]
    return _match(ours)


def _by_log(lines: Sequence[str]) -> FailureCode | None:
    return _match([line for line in lines if not line.startswith("[debug]")])


def _match(texts: Sequence[str]) -> FailureCode | None:
    bare = [_URL.sub("", text[:MAX_MATCHED_CHARACTERS]) for text in texts]
    for pattern, code in _PATTERNS:
        if any(pattern.search(text) for text in bare):
            return code
    return None


def _by_kind(chain: _Chain) -> FailureCode | None:
    if chain.first(chain.ytdlp.post_processing):
        return FailureCode.POST_PROCESSING
    if status := chain.first(chain.ytdlp.http_error):
        return _status_code(status, is_page=True) or FailureCode.NETWORK
    if chain.first((*chain.ytdlp.transport, *_TRANSPORT)):
        return FailureCode.NETWORK
    if isinstance(chain.errors[0], FileNotFoundError) and _names_a_tool(chain.errors[0]):
        return FailureCode.RUNTIME_MISSING
    return None


_TRANSPORT = (ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException)


def _names_a_tool(error: FileNotFoundError) -> bool:
    return str(error.filename or "").rpartition("/")[2] in {"ffmpeg", "ffprobe", "deno", "node"}
