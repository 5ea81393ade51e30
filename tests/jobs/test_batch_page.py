from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Batch, Job
from jobs.states import BatchKind, State
from jobs.views import batch as batch_page
from tests.factories import make_batch, make_job

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def page(browser: Client, batch: Batch, query: str = "") -> str:
    response = browser.get(reverse("jobs:batch", args=[batch.public_id]) + query)
    assert response.status_code == 200
    return response.content.decode()


def act(browser: Client, batch: Batch, verb: str, **headers: str) -> Any:
    return browser.post(reverse("jobs:batch-act", args=[batch.public_id, verb]), headers={**HTMX, **headers})


def test_the_page_has_the_batchs_jobs_in_their_order(browser: Client, owner: User) -> None:
    batch = make_batch(
        owner, kind=BatchKind.PLAYLIST, url="https://media.example/list", title="Films & more", skipped=3
    )
    later, first = (make_job(owner, batch=batch, position=number, title=f"Film {number}") for number in (2, 1))
    other = make_job(owner)

    text = page(browser, batch)

    assert text.index(first.public_id) < text.index(later.public_id)
    assert other.public_id not in text
    shown = ("Films &amp; more", "0/2", "3 left out, downloaded before", "https://media.example/list")
    assert [part for part in shown if part not in text] == []


def test_many_jobs_are_paged(browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_page, "PAGE_LENGTH", 1)
    batch = make_batch(owner)
    first, second = (make_job(owner, batch=batch, position=number) for number in (1, 2))

    text = page(browser, batch, "?page=2")

    assert (first.public_id in text, second.public_id in text) == (False, True)
    assert "?page=1" in text


@pytest.mark.parametrize("name", ["batch", "batch-live"])
def test_other_peoples_batches_do_not_exist(browser: Client, name: str) -> None:
    assert browser.get(reverse(f"jobs:{name}", args=[make_batch().public_id])).status_code == 404


def test_other_peoples_batches_cannot_be_acted_on(browser: Client) -> None:
    batch = make_batch()

    assert act(browser, batch, "cancel").status_code == 404

    batch.refresh_from_db()
    assert batch.state == State.QUEUED


def test_cancel_ends_what_waits(browser: Client, owner: User) -> None:
    batch = make_batch(owner)
    job = make_job(owner, batch=batch, position=1)

    response = act(browser, batch, "cancel", **{"HX-Target": "batch-page"})

    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert 'id="batch-page"' in response.content.decode()
    assert "jobs-changed" in response["HX-Trigger-After-Settle"]


def test_retry_queues_what_failed(browser: Client, owner: User) -> None:
    batch = make_batch(owner, state=State.FAILED)
    failed, done = (
        make_job(owner, state, batch=batch, position=n) for n, state in enumerate((State.FAILED, State.COMPLETED))
    )

    response = act(browser, batch, "retry")

    assert sorted(Job.objects.values_list("pk", "state")) == [(failed.pk, State.QUEUED), (done.pk, State.COMPLETED)]
    assert f'id="row-{batch.public_id}"' in response.content.decode()


def test_what_the_state_does_not_allow_is_told_beside_the_button(browser: Client, owner: User) -> None:
    batch = make_batch(owner, state=State.COMPLETED)

    text = act(browser, batch, "cancel").content.decode()

    assert f"Batch {batch.public_id} is completed and cannot be cancelled." in text


def test_without_scripts_a_button_leads_back_to_the_page(browser: Client, owner: User) -> None:
    batch = make_batch(owner, state=State.COMPLETED)

    response = browser.post(reverse("jobs:batch-act", args=[batch.public_id, "cancel"]), follow=True)

    assert response.redirect_chain == [(reverse("jobs:batch", args=[batch.public_id]), 302)]
    assert "cannot be cancelled." in response.content.decode()


def test_an_unchanged_page_is_answered_with_304(browser: Client, owner: User) -> None:
    batch = make_batch(owner)
    job = make_job(owner, batch=batch, position=1)
    path = reverse("jobs:batch-live", args=[batch.public_id])
    etag = browser.get(path)["ETag"]

    unchanged = browser.get(path, headers={"If-None-Match": etag})
    Job.objects.filter(pk=job.pk).update(title="Now it has one")

    assert (unchanged.status_code, browser.get(path, headers={"If-None-Match": etag}).status_code) == (304, 200)
