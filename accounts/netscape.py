"""Cookies as text, in the format of Netscape's browser: read line by line, checked, written. Pure; what is kept of them
is the business of `cookies`. No message of this module holds anything of the text.
"""

import ipaddress
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

HEADER = "# Netscape HTTP Cookie File"
HTTP_ONLY = "#HttpOnly_"
FIELDS = 7
MAX_COOKIES = 1000  # browsers keep fewer than 200 a site
MAX_COOKIE_CHARACTERS = 8192  # of name and value; browsers keep 4096
MAX_PROBLEMS = 10
LAST_SECOND = 253_402_300_799  # of the year 9999; more is milliseconds, or microseconds since 1601

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_UNFIT = re.compile(r"[^\x20-\x7e]")
_WHOLE_SECONDS = re.compile(r"(\d{1,20})(?:\.\d+)?")

Key = tuple[str, str, str]


class CookiesRefused(Exception):
    """The text is no list of cookies that can be used. `problems` are sentences, most of which begin with the line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """One line."""

    domain: str  # with a dot in front when the hosts below it get the cookie too
    path: str
    is_secure: bool
    expires: int  # Unix time; 0 for the end of the browser's session
    name: str = field(repr=False)
    value: str = field(repr=False)

    @property
    def key(self) -> Key:
        """What tells cookies apart: a later one with the same key replaces the earlier one."""
        return self.domain, self.path, self.name

    def has_expired(self) -> bool:
        return 0 < self.expires <= time.time()


def parse(text: str, *, max_bytes: int) -> list[Cookie]:
    """The cookies, expired ones included. Raises CookiesRefused, which names the lines that are wrong."""
    if len(text.encode(errors="replace")) > max_bytes:
        raise CookiesRefused(f"This is longer than {max_bytes} bytes. Export the cookies of one site only.")
    if text.lstrip()[:1] in ("[", "{"):
        raise CookiesRefused("This is JSON. Export the cookies in Netscape's format, often called cookies.txt.")
    problems: list[str] = []
    found: dict[Key, Cookie] = {}
    for number, cookie in _lines(text):
        if isinstance(cookie, ValueError):
            problems.append(f"line {number}: {cookie}")
        else:
            found[cookie.key] = cookie
    if problems:
        raise CookiesRefused(*_bounded(problems))
    if not found:
        raise CookiesRefused("There is no cookie in it.")
    if len(found) > MAX_COOKIES:
        raise CookiesRefused(f"There are {len(found)} cookies in it, and at most {MAX_COOKIES} fit into a jar.")
    return list(found.values())


def by_key(text: str) -> dict[Key, Cookie]:
    """The cookies of the lines that are right, for text that nobody waits to be told about."""
    return {cookie.key: cookie for _, cookie in _lines(text) if isinstance(cookie, Cookie)}


def text_of(cookies: Iterable[Cookie]) -> str:
    """Cookies in Netscape's format: the inverse of `parse`."""
    return "".join(f"{line}\n" for line in (HEADER, *map(_line, cookies)))


def _bounded(problems: list[str]) -> list[str]:
    more = len(problems) - MAX_PROBLEMS
    return [*problems[:MAX_PROBLEMS], f"{more} more lines are wrong"] if more > 0 else problems


def _lines(text: str) -> Iterator[tuple[int, Cookie | ValueError]]:
    """Number and content of every line that is neither empty nor a comment."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        entry = line.removesuffix("\r").removeprefix(HTTP_ONLY)
        if not entry.strip() or entry.startswith("#"):
            continue
        try:
            yield number, _cookie(entry)
        except ValueError as error:
            yield number, error


def _cookie(entry: str) -> Cookie:
    fields = entry.split("\t")
    if len(fields) != FIELDS:
        has_spaces = " " in entry and len(entry.split()) in (FIELDS - 1, FIELDS)  # the last one may be empty
        why = ", and here are spaces instead: use the exported file as it is" if has_spaces else ""
        raise ValueError(f"needs {FIELDS} fields separated by tabs{why}")
    domain, below, path, secure, expires, name, value = fields
    _check_name_and_value(name, value)
    if not path.startswith("/") or _UNFIT.search(path):
        raise ValueError("the third field is a path and begins with /")
    return Cookie(
        domain=_domain(domain.strip(), goes_below=_flag(below, "second")),
        path=path,
        is_secure=_flag(secure, "fourth"),
        expires=_expiry(expires.strip()),
        name=name,
        value=value,
    )


def _check_name_and_value(name: str, value: str) -> None:
    if _UNFIT.search(name) or _UNFIT.search(value):
        raise ValueError("name and value, the last two fields, are printable ASCII characters")
    if not name and not value:
        raise ValueError("name and value, the last two fields, are both empty")
    if len(name) + len(value) > MAX_COOKIE_CHARACTERS:
        raise ValueError(f"name and value are longer than {MAX_COOKIE_CHARACTERS} characters")


def _flag(text: str, which: str) -> bool:
    word = text.strip().upper()
    if word not in ("TRUE", "FALSE"):
        raise ValueError(f"the {which} field is TRUE or FALSE")
    return word == "TRUE"


def _expiry(text: str) -> int:
    if not text:
        return 0
    seconds = _WHOLE_SECONDS.fullmatch(text)
    if seconds is None or int(seconds[1]) > LAST_SECOND:
        raise ValueError("the fifth field, the expiry, is a Unix time in whole seconds, or 0")
    return int(seconds[1])


def _domain(text: str, *, goes_below: bool) -> str:
    """The domain as browsers compare it. The second field decides whether hosts below get the cookie, not the dot."""
    try:
        host = text.lower().removeprefix(".").encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if _is_address(host):
        return host  # nothing is below an address
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ValueError("the first field is a domain such as example.org, without scheme, port or path")
    if goes_below and len(labels) == 1:
        raise ValueError("the first field is a whole top-level domain, which is nobody's own")
    return f".{host}" if goes_below else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _line(cookie: Cookie) -> str:
    flags = ("TRUE" if flag else "FALSE" for flag in (cookie.domain.startswith("."), cookie.is_secure))
    below, secure = flags
    fields = (cookie.domain, below, cookie.path, secure, str(cookie.expires), cookie.name, cookie.value)
    return "\t".join(fields)
