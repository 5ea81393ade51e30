"""Whether a site still takes a cookie jar for a sign-in: a page is read with the jar, and without it to compare."""

from dataclasses import dataclass

from django.utils import timezone

from accounts import cookies
from accounts.cookies import TestResult
from accounts.models import CookieJar
from accounts.vault import CannotDecrypt
from jobs import extraction, jars, links
from jobs.engine.contract import FailureCode
from jobs.errors import ExtractionFailed, ExtractionTimeout, ValueRefused
from jobs.states import ExtractionKind

# Failures of the moment, and of this service: they tell nothing about what the page needs.
INCONCLUSIVE = frozenset(
    {
        FailureCode.BLOCKED_ADDRESS,
        FailureCode.DISK_FULL,
        FailureCode.INTERNAL,
        FailureCode.NETWORK,
        FailureCode.RATE_LIMITED,
        FailureCode.RUNTIME_MISSING,
        FailureCode.STALLED,
        FailureCode.TIMEOUT,
    }
)


@dataclass(frozen=True)
class Verdict:
    """What a trial came to, and a sentence for the owner."""

    result: TestResult
    message: str


def judge(jar: CookieJar, url: str) -> Verdict:
    """Try the jar at a page that only signed-in visitors see, and remember the result with it; `jar` is refreshed.

    Takes as long as reading two pages. Raises ValueRefused for a page that the jar has no cookies for, and QueueFull.
    """
    host = links.accepted_host(url)
    if not cookies.covers(jar, host):
        raise ValueRefused("url", f"The jar has no cookies for {host}. It has some for {', '.join(jar.domains[:10])}.")
    verdict = _verdict(jar, url)
    cookies.note_test(jar, verdict.result)
    return verdict


def _verdict(jar: CookieJar, url: str) -> Verdict:
    try:
        jar.content.reveal()
    except CannotDecrypt:
        return Verdict(TestResult.UNKNOWN, jars.unreadable(jar).message)
    refusal = _read(jar, url, jar)
    if refusal is None:
        return _compared(_read(jar, url, None))
    if refusal.code == FailureCode.LOGIN_REQUIRED:
        return Verdict(TestResult.REJECTED, str(refusal))
    return Verdict(TestResult.UNKNOWN, f"The page could not be read, so nothing is known of the cookies: {refusal}")


def _compared(refusal: ExtractionFailed | None) -> Verdict:
    """The verdict on a page that could be read with the cookies; `refusal` is what came without them."""
    if refusal is None:
        return Verdict(
            TestResult.UNKNOWN,
            "The page can be read without the cookies too. Try one that only signed-in visitors see.",
        )
    if refusal.code in INCONCLUSIVE:
        return Verdict(
            TestResult.UNKNOWN, "The page can be read with the cookies. Whether it needs them could not be found out."
        )
    return Verdict(TestResult.ACCEPTED, "The site shows the page with these cookies, and not without them.")


def _read(jar: CookieJar, url: str, lent: CookieJar | None) -> ExtractionFailed | None:
    """Read the page, now and not from an earlier answer. Why that failed, or None."""
    asked = extraction.ask(
        jar.owner,
        ExtractionKind.VIDEO,
        url,
        parameters={"trial": timezone.now().isoformat()},
        cookie_jar=lent,
    )
    try:
        extraction.answer(asked)
    except ExtractionFailed as failure:
        return failure
    except ExtractionTimeout as late:
        return ExtractionFailed(FailureCode.TIMEOUT, str(late))
    return None
