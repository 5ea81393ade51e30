"""The questions to the database that docs/operations.md has operators ask, on a PostgreSQL. Prometheus' are asked in
`tests/journeys/test_monitoring.py`.
"""

import re

import pytest
from django.db import connection

from accounts.models import User
from jobs.engine.contract import FailureCode
from jobs.states import State
from tests.deploy.documents import PROJECT
from tests.factories import make_delivery, make_file, make_job

QUERY = re.compile(r"`(SELECT [^`]+)`")


def queries() -> list[str]:
    """Each on one line, without the semicolon."""
    text = (PROJECT / "docs" / "operations.md").read_text()
    return [" ".join(query.split()).rstrip(";") for query in QUERY.findall(text)]


def test_the_runbook_has_questions_to_the_database() -> None:
    assert len(queries()) >= 5


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="they are PostgreSQL's")
def test_every_question_of_the_runbook_has_an_answer(owner: User) -> None:
    make_file(make_job(owner, State.COMPLETED))
    make_job(owner)
    make_job(owner, State.FAILED, host="SITE", error_code=FailureCode.NETWORK)
    make_delivery(owner)

    with connection.cursor() as cursor:
        for query in queries():
            cursor.execute(query)
            assert cursor.fetchall(), query
