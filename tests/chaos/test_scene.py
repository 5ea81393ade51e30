import pytest

from tests.chaos.scene import together


def test_what_one_of_several_acts_raises_is_not_lost() -> None:
    done: list[str] = []

    def fail() -> None:
        raise AssertionError("no answer")

    with pytest.raises(AssertionError, match="no answer"):
        together(fail, lambda: done.append("the other"))

    assert done == ["the other"]
