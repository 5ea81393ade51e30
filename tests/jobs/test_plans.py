"""What PostgreSQL expects of the jobs' rows, by which it chooses how to read them."""

import json

import pytest
from django.db import connection

from accounts.models import User
from jobs.models import Job
from jobs.states import State


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no such statistics")
@pytest.mark.django_db
def test_failures_of_one_code_are_expected_in_the_number_that_there_is(owner: User) -> None:
    ended = [*[(State.EXPIRED, "")] * 360, *[(State.FAILED, "network")] * 40]
    Job.objects.bulk_create(
        Job(owner=owner, url="https://example.org/", host="example.org", state=state, error_code=code)
        for state, code in ended
    )

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")
    plan = Job.objects.filter(state=State.FAILED, error_code="network").order_by().explain(format="json")

    expected = json.loads(plan)[0]["Plan"]["Plan Rows"]
    assert expected > 30  # 4 when both columns are taken for independent
