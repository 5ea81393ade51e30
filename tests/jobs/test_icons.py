"""Icons in pages."""

import pytest
from django.template import Context, Template

from jobs.templatetags import icons


def test_an_icon_is_inline_hidden_from_readers_and_of_the_size_that_was_asked_for() -> None:
    page = Template("{% load icons %}{% icon name size=18 %}")

    drawn = page.render(Context({"name": "play"}))

    assert drawn.startswith('<svg width="18" height="18" viewBox="0 0 24 24"')
    assert 'aria-hidden="true"' in drawn
    assert "<path d=" in drawn
    assert "xmlns" not in drawn  # of no use within a page


def test_an_icon_is_drawn_once() -> None:
    assert icons.icon("pause", 20) is icons.icon("pause", 20)


def test_a_name_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        icons.icon("no-such-icon")
