"""One browser a module, one service a process, and visitors who must find nothing to complain of."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium
from tests.browser.people import People
from tests.browser.visitor import Visitor, context_options
from tests.journeys.stack import Stack

WIDTHS = (390, 1440)
Arrive = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with its module: Django refuses its database to a thread in which Playwright's loop goes on."""
    if not chromium.program():
        pytest.skip("there is no Chromium: run scripts/install-browser")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.program(), args=[*chromium.FLAGS])
        yield running
        running.close()


@pytest.fixture(scope="session")
def people(stack: Stack) -> People:
    return People(stack)


@pytest.fixture
def arrive(browser: Browser, stack: Stack) -> Iterator[Arrive]:
    """Makes visitors: `arrive(390)`, `arrive(1440, color_scheme="dark")`. In the end none may have seen an error."""
    here: list[Visitor] = []

    def new(width: int, **options: Any) -> Visitor:
        context = browser.new_context(**context_options(width, **options))
        context.set_default_timeout(30_000)
        here.append(Visitor(stack, context, context.new_page(), width))
        return here[-1]

    yield new
    complaints = [complaint for visitor in here for complaint in visitor.unexpected()]
    for visitor in here:
        visitor.context.close()
    assert complaints == []


@pytest.fixture(params=WIDTHS)
def visitor(request: pytest.FixtureRequest, arrive: Arrive, people: People) -> Visitor:
    """Somebody with a new account, signed in on the first page: once with a phone, once at a desk."""
    one = arrive(request.param)
    one.sign_in(people.new())
    return one
