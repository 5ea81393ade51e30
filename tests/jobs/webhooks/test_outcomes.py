import pytest

from jobs.webhooks import outcomes
from jobs.webhooks.outcomes import Answer, Verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        (301, Verdict.RETRY),
        (400, Verdict.FINAL),
        (404, Verdict.FINAL),
        (408, Verdict.RETRY),
        (410, Verdict.GONE),
        (422, Verdict.FINAL),
        (425, Verdict.RETRY),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (503, Verdict.RETRY),
        (None, Verdict.RETRY),
    ],
)
def test_an_answer_means_what_the_contract_says(status: int | None, verdict: Verdict) -> None:
    assert outcomes.verdict(Answer(status=status)) is verdict


def test_what_no_attempt_can_change_is_final() -> None:
    assert outcomes.verdict(Answer(is_hopeless=True)) is Verdict.FINAL


@pytest.mark.parametrize(("attempts", "middle"), [(1, 5.0), (2, 10.0), (3, 20.0), (4, 40.0)])
def test_the_wait_doubles_give_or_take_a_quarter(attempts: int, middle: float) -> None:
    waits = [outcomes.delay_seconds(attempts, base=5, jitter=jitter, retry_after=None) for jitter in (0.0, 0.5, 1.0)]

    assert waits == [middle * 0.75, middle, middle * 1.25]


def test_a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() -> None:
    def wait(retry_after: float) -> float:
        return outcomes.delay_seconds(1, base=5, jitter=0.5, retry_after=retry_after)

    assert (wait(1), wait(60), wait(10**9)) == (5, 60, 3600)
    assert outcomes.delay_seconds(10_000, base=5, jitter=0.5, retry_after=None) == 3600
