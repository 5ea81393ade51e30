"""The operator's pages of batches and archives."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from jobs import archive, services
from jobs.models import ArchiveEntry, Batch
from jobs.states import State
from tests.factories import make_batch, make_job, make_user

pytestmark = pytest.mark.django_db
BATCHES = reverse("admin:jobs_batch_changelist")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def act(browser: Client, action: str, *batches: Batch) -> Any:
    chosen = {"action": action, "_selected_action": [batch.pk for batch in batches]}
    return browser.post(BATCHES, chosen, follow=True)


def batch_with(*states: State, state: State = State.RUNNING) -> Batch:
    batch = make_batch(state=state)
    for position, one in enumerate(states, 1):
        make_job(batch.owner, one, batch=batch, position=position)
    return batch


@pytest.mark.parametrize(
    ("action", "states", "before", "after"),
    [
        ("cancel", [State.QUEUED], State.RUNNING, "cancelled"),
        ("retry", [State.FAILED], State.FAILED, "queued"),
    ],
)
def test_actions_touch_what_they_can_and_say_why_not_the_rest(
    browser: Client, action: str, states: list[State], before: State, after: str
) -> None:
    fitting, unfitting = batch_with(*states, state=before), batch_with(State.COMPLETED, state=State.COMPLETED)

    text = act(browser, action, fitting, unfitting).content.decode()

    assert fitting.jobs.get().state == after
    assert "Done for 1 batch." in text
    assert f"1 batch was left alone: Batch {unfitting.public_id}" in text


def test_who_may_only_look_cannot_act(client: Client) -> None:
    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_batch"))
    client.force_login(viewer)
    batch = batch_with(State.QUEUED)

    response = act(client, "cancel", batch)

    assert batch.public_id in response.content.decode()
    assert batch.jobs.get().state == State.QUEUED


def test_the_list_tells_how_far_batches_are_with_few_queries(
    browser: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        batch_with(State.COMPLETED, State.FAILED, State.QUEUED)

    with django_assert_max_num_queries(10):
        text = browser.get(BATCHES).content.decode()

    assert text.count("2/3") == 10


def test_rows_are_only_looked_at(browser: Client) -> None:
    batch = batch_with(State.QUEUED)
    archive.add_lines(batch.owner, "vimeo 7\n", field="file")
    entry = ArchiveEntry.objects.get()

    for model, row in (("batch", batch), ("archiveentry", entry)):
        assert browser.get(reverse(f"admin:jobs_{model}_change", args=[row.pk])).status_code == 200
        assert browser.get(reverse(f"admin:jobs_{model}_delete", args=[row.pk])).status_code == 403
        assert browser.get(reverse(f"admin:jobs_{model}_add")).status_code == 403
    assert "7" in browser.get(reverse("admin:jobs_archiveentry_changelist")).content.decode()
