from typing import Any

import pytest

from media_api import tables


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (-3, "-3"),
        (2.5, "2.5"),
        (["a", "b"], "a; b"),
        ("plain, text", "plain, text"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\t=1+1"),
        ("\rx", "'\rx"),
        ("\uff1d1+1", "'\uff1d1+1"),
        (["=1", "b"], "'=1; b"),
        ("a=b", "a=b"),
    ],
)
def test_a_cell_is_never_a_formula(value: Any, cell: str) -> None:
    assert tables.cell(value) == cell
