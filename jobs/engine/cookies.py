"""The cookies of one attempt: those that the owner lent, and what sites set meanwhile. Which host gets which is decided
here, as RFC 6265 has it. They stay in memory: no file, no command line and no info dict ever holds a lent one.
"""

import io
from collections.abc import Callable
from http.cookiejar import Cookie, DefaultCookiePolicy, eff_request_host  # type: ignore[attr-defined]
from typing import Any

from yt_dlp.cookies import YoutubeDLCookieJar

HEADER = "# Netscape HTTP Cookie File\n"
SHORTEST_SECRET = 6


def bind_to_hosts() -> None:
    """Make every cookie jar of this process keep host-only cookies from the hosts below. For the child alone.

    The policy is Python's own class because requests copies our jar into one of its own, whose policy cannot be chosen.
    Python's rule, Netscape's of 1994, sends a cookie of example.org to www.example.org too, and none to a host without
    a dot.
    """
    DefaultCookiePolicy.return_ok_domain = _is_for_host  # type: ignore[method-assign,assignment]


def _is_for_host(_policy: DefaultCookiePolicy, cookie: Cookie, request: Any) -> bool:
    host, effective_host = eff_request_host(request)
    if cookie.domain_specified:  # extractors leave the dot out when they set one
        return f".{host}".endswith(f".{cookie.domain.removeprefix('.')}")
    return cookie.domain in (host, effective_host)


class Jar(YoutubeDLCookieJar):  # type: ignore[misc]
    """A jar that is filled from text, and tells in the end what became of it."""

    def __init__(self, lent: str | None) -> None:
        """`lent` is in Netscape's format, checked; None when nothing is lent."""
        super().__init__(io.StringIO(lent or HEADER))
        self._scopes: frozenset[str] = frozenset()
        self.is_lent = lent is not None
        self.is_hidden = False  # while yt-dlp would put cookies onto a command line
        self.through_tls: Callable[[str], str] = lambda url: url  # where the proxy serves an https: URL, with cookies
        self.is_always_through = False
        self.load()
        self._scopes = frozenset(cookie.domain for cookie in self)

    def set_cookie(self, cookie: Cookie) -> None:
        """Python calls a host without a dot by another name when it sets a cookie for it."""
        name = cookie.domain.removesuffix(".local")
        if "." not in name and name in self._scopes:
            cookie.domain = name
        super().set_cookie(cookie)

    def save(self, *_: Any, **__: Any) -> None:
        """Nowhere."""

    def get_cookies_for_url(self, url: str) -> list[Cookie]:
        """What yt-dlp puts into info dicts and onto ffmpeg's command line: nothing that was lent."""
        if self.is_hidden:
            return []
        return [cookie for cookie in super().get_cookies_for_url(url) if not self._is_own(cookie)]

    def header_for(self, url: str) -> str:
        """The Cookie header that a request for this URL carries; empty for none."""
        return self.get_cookie_header(url) or ""

    def at_proxy(self, media: dict[str, Any]) -> dict[str, Any]:
        """A format, or an info dict, for ffmpeg: with URLs at which the proxy can add the cookies that they need.

        With `is_always_through`, at which it adds the encryption to all of them.
        """
        changed = dict(media)
        url = str(media.get("url") or "")
        is_through = self.is_always_through or (self.is_lent and self.header_for(url))
        if url.startswith("https://") and is_through:
            changed["url"] = self.through_tls(url)
        if media.get("requested_formats"):
            changed["requested_formats"] = [self.at_proxy(one) for one in media["requested_formats"]]
        return changed

    def left(self) -> str:
        """The cookies of the domains that were lent, as the sites left them, in Netscape's format."""
        return "".join([HEADER, *(_line(cookie) for cookie in self if self._is_own(cookie))])

    def cut_out(self, text: str) -> str:
        """The text without the values of lent cookies. Short ones stay: they would be cut out of every other word."""
        values = {cookie.value or cookie.name for cookie in self if self._is_own(cookie)}
        for value in sorted(values, key=len, reverse=True):
            if len(value) >= SHORTEST_SECRET:
                text = text.replace(value, "[redacted]")
        return text

    def _is_own(self, cookie: Cookie) -> bool:
        """Whether the cookie's domain is one that was lent, or below one that includes what is below it."""
        domain = cookie.domain
        return any(domain == one or (one.startswith(".") and f".{domain}".endswith(one)) for one in self._scopes)


def _line(cookie: Cookie) -> str:
    # In this format a cookie without a value is one without a name.
    name, value = ("", cookie.name) if cookie.value is None else (cookie.name, cookie.value)
    flags = ["TRUE" if flag else "FALSE" for flag in (cookie.domain.startswith("."), cookie.secure)]
    return "\t".join((cookie.domain, flags[0], cookie.path, flags[1], str(cookie.expires or 0), name, value)) + "\n"
