import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine import templates
from jobs.engine.file_types import EXTENSIONS

DEFAULTS = (
    "videos/{safe_title}-{id}.{ext}",
    "batch/{batch_id}/{safe_title}-{id}.{ext}",
    "playlists/{playlist}/{playlist_index:03d}-{title}.{ext}",
    "channels/{uploader}/{upload_date}-{title}.{ext}",
)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)", re.IGNORECASE)


def render(template: str, **values: Any) -> str:
    return templates.render(template, {"ext": "mp4", **values})


def assert_is_safe(path: str) -> None:
    assert len(path.encode()) <= templates.MAX_PATH_BYTES
    for component in path.split("/"):
        assert component not in ("", ".", "..")
        assert len(component.encode()) <= templates.MAX_COMPONENT_BYTES
        assert not component.startswith((".", "-", " "))
        assert not component.endswith((".", " "))
        assert not RESERVED.match(component)
        assert not re.search(r'[\\<>:"|?*]', component)
        assert not any(unicodedata.category(character)[0] == "C" for character in component)
    assert path.rpartition(".")[2] in EXTENSIONS


@pytest.mark.parametrize("template", DEFAULTS)
def test_the_contracts_templates_are_accepted(template: str) -> None:
    templates.check(template)


def test_a_default_template_renders_as_expected() -> None:
    path = render(DEFAULTS[0], title="Café: the film / part 2", id="a-b_c")

    assert path == "videos/Café_the_film_part_2-a-b_c.mp4"


def test_a_number_takes_its_format() -> None:
    assert render(DEFAULTS[2], playlist="Best of", playlist_index=7, title="Song") == "playlists/Best of/007-Song.mp4"


def test_missing_values_get_stand_ins() -> None:
    assert render(DEFAULTS[3]) == "channels/unknown_uploader/undated-untitled.mp4"
    assert re.fullmatch(r"\d{8}-[0-9a-f]{8}\.mp4", render("{date}-{random}.{ext}"))


def test_values_cannot_add_components() -> None:
    assert render("v/{title}.{ext}", title="../../etc/passwd").count("/") == 1
    assert render("{playlist}/{title}.{ext}", playlist="..", title=".").split("/") == ["_", "_.mp4"]


def test_an_id_that_starts_with_a_dash_stays_whole_within_a_component() -> None:
    assert render("{title}-{id}.{ext}", title="x", id="-Ab") == "x--Ab.mp4"


def test_right_to_left_overrides_cannot_disguise_the_extension() -> None:
    assert render("{title}.{ext}", title="photo\u202egnp.\u2066exe") == "photognp.exe.mp4"


@pytest.mark.parametrize("name", ["CON", "nul", "com1", "LPT9.txt", "aux .x"])
def test_names_that_windows_reserves_are_changed(name: str) -> None:
    assert_is_safe(render("{uploader}/{title}.{ext}", uploader=name, title=name))


def test_the_extension_is_the_files_own_whatever_the_template_says() -> None:
    assert render("{title}.exe", title="a") == "a.exe.mp4"
    assert render("{title}", title="a") == "a.mp4"
    assert render("{title}.mp4", title="a") == "a.mp4"
    assert render("{title}.{ext}", title="a.MP4", ext="MP4") == "a.mp4"


def test_an_extension_outside_the_list_is_refused() -> None:
    for extension in ("exe", "", "html", "mp4/../x", "desktop"):
        with pytest.raises(ValueError, match="not published"):
            render("{title}.{ext}", ext=extension)


def test_a_long_title_keeps_its_extension_and_whole_characters() -> None:
    path = render("videos/{title}-{id}.{ext}", title="😀" * 300, id="x")

    assert len(path.partition("/")[2].encode()) <= 200
    assert path.endswith("😀.mp4")


def test_a_path_of_many_long_components_is_shortened_evenly() -> None:
    path = render("/".join(["{title}"] * 10) + ".{ext}", title="é" * 300)

    assert_is_safe(path)
    assert path.count("/") == 9


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("x" * 301, "longer than 300"),
        ("/".join("a" * 11), "more than 10"),
        ("{nope}", "{nope}"),
        ("{title.__class__}", "title.__class__"),
        ("{title[0]}", "title"),
        ("{}", "no field"),
        ("{0}", "no field"),
        ("{id!r}", "format of {id}"),
        ("{id:99999999999d}", "format of {id}"),
        ("{id:999}", "format of {id}"),
        ("{title:{id}}", "format of {title}"),
        ("{title:.100000}", "format of {title}"),
        ("{id:03d}", "not a number"),
        ("{title:03d}", "not a number"),
        ("{playlist_index:9999d}", "format of {playlist_index}"),
        ("{playlist_index:.3}", "no precision"),
        ("{title", "braces"),
        ("title}", "braces"),
        ("/{title}", "relative"),
        ("../{title}", "relative"),
        ("a/../{title}", "relative"),
        ("a/./{title}", "relative"),
        ("a//{title}", "relative"),
        ("a/", "relative"),
        ("a\\{title}", "character"),
        ("C:/{title}", "character"),
        ("a\x00{title}", "character"),
        ("a\n{title}", "character"),
    ],
)
def test_a_bad_template_is_refused_with_its_reason(template: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        templates.check(template)


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        ("en.srt", "videos/a.b.en.srt"),
        (".jpg", "videos/a.b.jpg"),
        ("info.json", "videos/a.b.info.json"),
        ("../../x.vtt", "videos/a.b._.._x.vtt"),
        ("pt-BR.vtt", "videos/a.b.pt-BR.vtt"),
    ],
)
def test_companions_stand_beside_the_main_file(suffix: str, expected: str) -> None:
    assert templates.sibling("videos/a.b.mp4", suffix) == expected


def test_companions_of_a_long_name_fit() -> None:
    main = render("videos/{title}.{ext}", title="x" * 400)

    companion = templates.sibling(main, "zh-Hans.srt")

    assert_is_safe(companion)
    assert companion.endswith("x.zh-Hans.srt")


def test_a_companion_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="not published"):
        templates.sibling("a.mp4", "sh")


hostile = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="./\\-~ \x00\u202e\u2028\ud7ffaé😀", max_size=60),
    st.sampled_from(["..", "CON", "-rf", "a/../../b", "C:\\x", "{id}", "%(id)s", "NUL.txt", "\u0301"]),
    st.none(),
    st.integers(),
)
values = st.fixed_dictionaries(
    {"ext": st.sampled_from(sorted(EXTENSIONS))},
    optional={name: hostile for name in templates.FIELDS if name != "ext"},
)


@given(
    template=st.sampled_from([*DEFAULTS, "{title}/{uploader}/{id}", "{title:.9}{id:>20}", "{ext}/{playlist_index}"]),
    values=values,
)
def test_any_values_render_to_a_safe_path_of_the_templates_depth(template: str, values: Mapping[str, Any]) -> None:
    path = templates.render(template, values)

    assert_is_safe(path)
    assert path.count("/") == template.count("/")
    assert path.endswith("." + values["ext"])


@given(template=st.text(alphabet="{}/.:[]!abcdefi_ltexd0123456789\\-", max_size=40), values=values)
def test_a_template_is_refused_by_check_or_renders_safely(template: str, values: Mapping[str, Any]) -> None:
    try:
        templates.check(template)
    except ValueError:
        return

    assert_is_safe(templates.render(template, values))


@given(title=hostile, language=hostile)
def test_any_companion_is_safe(title: Any, language: Any) -> None:
    main = render("videos/{title}.{ext}", title=title)

    assert_is_safe(templates.sibling(main, f"{language}.srt"))


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\ufeff", "\u2028", "\u2029", "\x85", "\ud800", "\ue000"])
def test_what_is_invisible_in_a_template_is_refused(character: str) -> None:
    with pytest.raises(ValueError, match=r"must not hold the character '.u?[0-9a-fx]+'"):
        templates.check(f"videos/a{character}4pm.{{ext}}")
