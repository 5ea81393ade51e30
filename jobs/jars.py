"""Cookie jars at work: lent to downloads and looks at pages, taken back as the sites left them, kept while in use.

What a jar is, and how it is stored, is the business of `accounts.cookies`.
"""

import dataclasses

from django.db import transaction
from django.db.models import Q

from accounts import cookies
from accounts.models import CookieJar
from jobs.engine import failures
from jobs.engine.contract import Failure, FailureCode, Outcome, Request
from jobs.errors import StateConflict
from jobs.models import Batch, Job
from jobs.states import LIVE, TERMINAL


def lend(jar: CookieJar | None, request: Request) -> Request:
    """The request with the jar's cookies, deciphered. Raises CannotDecrypt; see `unreadable`."""
    if jar is None:
        return request
    lent = dataclasses.replace(request, cookies=jar.content.reveal())
    cookies.note_use(jar)
    return lent


def take_back(jar: CookieJar | None, request: Request, outcome: Outcome) -> Outcome:
    """Store what the sites changed; `jar` is the row that was lent. The outcome, with advice if they refused it."""
    if jar is None:
        return outcome
    if request.cookies is not None and outcome.cookies is not None:
        cookies.refresh(jar, before=request.cookies, after=outcome.cookies)
    failure = outcome.failure
    if failure is None or failure.code is not FailureCode.LOGIN_REQUIRED:
        return outcome
    advice = (
        f"The site did not accept the cookies of the jar “{jar.name}”. Sign in with a browser, export its cookies, "
        "upload them under the same name, then try again."
    )
    return dataclasses.replace(outcome, failure=dataclasses.replace(failure, message=advice))


def unreadable(jar: CookieJar | None) -> Failure:
    """Why work with a jar cannot begin that none of the keys opens."""
    name = jar.name if jar else ""
    return dataclasses.replace(
        failures.failure(FailureCode.LOGIN_REQUIRED, "none of ENCRYPTION_KEYS opens the cookie jar"),
        message=f"The cookie jar “{name}” cannot be opened, for the server's encryption keys have changed. "
        "Upload the cookies again under the same name, then try again.",
    )


def delete(jar: CookieJar) -> None:
    """Delete a jar. Raises StateConflict while downloads need it that are not over: without it they would fail."""
    with transaction.atomic():
        CookieJar.objects.select_for_update().filter(pk=jar.pk).first()
        waiting = Job.objects.filter(cookie_jar=jar, state__in=LIVE)
        lists = Batch.objects.filter(~Q(state__in=TERMINAL), cookie_jar=jar, is_expanded=False)
        first = waiting.first() or lists.first()
        if first is not None:
            raise StateConflict(
                f"Downloads that are not over use the cookie jar {jar.public_id}, such as {first.public_id}. "
                "Cancel them or wait for them, then delete it."
            )
        jar.delete()
