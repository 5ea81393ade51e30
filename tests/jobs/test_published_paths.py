"""Where results end up, whatever their metadata says: below the storage's root, and never in another job's place."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as configured
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import publishing, storage
from jobs.engine import templates
from jobs.engine.contract import FileRole, Options, ProducedFile, Result
from jobs.engine.file_types import EXTENSIONS
from jobs.models import Batch, Job

HOSTILE = st.one_of(
    st.sampled_from(
        [
            *("../../../etc/passwd", "/etc/passwd", "..", ".", "...", "", " ", "a\0b", "a\nb", "a/b", "a\\b", "~root"),
            *("x" * 300, "\u00e9" * 300, "\U0001f600" * 100, "\u202egnp.exe", "\u0301\u0301", "\ud800", "a\udfffb"),
            *("CON", "nul.mp4", "COM1", "LPT9.txt", "-rf", ".hidden", "{id}", "%(id)s", "\u2028", "\ufeff", "C:\\a"),
        ]
    ),
    st.text(alphabet=st.characters(exclude_categories=()), max_size=80),
    st.none(),
    st.integers(),
    st.floats(),
    st.lists(st.text(max_size=5), max_size=2),
)
VALUES = st.fixed_dictionaries({}, optional={name: HOSTILE for name in templates.FIELDS if name != "ext"})
TEMPLATES = st.sampled_from(
    [
        *(Options().path_template, "batch/{batch_id}/{safe_title}-{id}.{ext}", "{title}", "{title}/{title}.{ext}"),
        *("playlists/{playlist}/{playlist_index:03d}-{title}.{ext}", "{uploader}/{upload_date}-{title}.{ext}"),
        *("{date}/{random}.{ext}", "{title:.5}{id:>9}.{ext}", "{playlist_index}{uploader}"),
    ]
)


def made(name: str, role: FileRole = FileRole.MEDIA, **fields: Any) -> ProducedFile:
    """A file in a work directory, as the engine would leave it."""
    path = Path(configured.WORK_DIR) / uuid4().hex / name
    path.parent.mkdir(parents=True)
    path.write_text(f"bytes of {path}")
    return ProducedFile(path=path, role=role, size_bytes=1, sha256="0" * 64, mime_type="video/mp4", **fields)


def job(template: str = "{title}.{ext}", batch: Batch | None = None, **values: Any) -> Job:
    return Job(options=Options(path_template=template).to_json(), template_values=values, batch=batch)


def result(*companions: ProducedFile, **values: Any) -> Result:
    return Result(files=(made("media.mp4"), *companions), template_values={"ext": "mp4", **values})


@pytest.fixture(autouse=True)
def empty_again() -> Any:
    yield
    shutil.rmtree(configured.FILES_DIR, ignore_errors=True)
    shutil.rmtree(configured.WORK_DIR, ignore_errors=True)


@settings(max_examples=150, deadline=None)
@given(template=TEMPLATES, told=VALUES, listed=VALUES, language=HOSTILE, chapter=HOSTILE)
def test_every_file_lands_below_the_root_under_a_name_of_its_own(
    template: str, told: Mapping[str, Any], listed: Mapping[str, Any], language: Any, chapter: Any
) -> None:
    root = Path(configured.FILES_DIR).resolve()
    companions = (
        made("a.srt", FileRole.SUBTITLE, language=str(language)),
        made("b.mp4", FileRole.CHAPTER, chapter=f"01 {chapter}"),
        made("c.mp4", FileRole.CHAPTER, chapter=f"01 {chapter}"),
        made("d.info.json", FileRole.INFO),
    )
    contents = [file.path.read_text() for file in companions]

    first = publishing.publish(job(template, **listed), result(*companions, **told))
    second = publishing.publish(job(template, **listed), result(**told))

    names = [name for _, name in (*first, *second)]
    assert len(set(names)) == len(names) == 6
    for name in names:
        path = Path(configured.FILES_DIR) / name
        assert path.resolve().is_relative_to(root)
        assert path.is_file()
        assert not path.is_symlink()
        assert name.rpartition(".")[2] in EXTENSIONS
    assert [content(name) for _, name in first[1:]] == contents


def content(name: str) -> str:
    with storage.open_result(name) as file:
        return file.read().decode()


def published(job: Job, result: Result) -> list[str]:
    return [name for _, name in publishing.publish(job, result)]


def test_two_jobs_with_one_name_each_keep_their_own_bytes() -> None:
    results = [result(title="Same"), result(title="Same")]
    expected = [one.files[0].path.read_text() for one in results]

    names = [published(job(), one)[0] for one in results]

    assert names[0] != names[1]
    assert [content(name) for name in names] == expected


def test_files_of_one_job_share_what_tells_them_from_another_jobs() -> None:
    def with_companions() -> list[str]:
        companions = [made("a.srt", FileRole.SUBTITLE, language=code) for code in ("en", "de")]
        return published(job(), result(*companions, made("b.jpg", FileRole.THUMBNAIL), title="Same"))

    first, second = with_companions(), with_companions()

    assert first == ["Same.mp4", "Same.en.srt", "Same.de.srt", "Same.jpg"]
    stem = second[0].removesuffix(".mp4")
    assert stem != "Same"
    assert second == [f"{stem}.mp4", f"{stem}.en.srt", f"{stem}.de.srt", f"{stem}.jpg"]


def test_a_taken_name_of_a_companion_moves_the_whole_set() -> None:
    published(
        job("{title}.en.{ext}"), Result(files=(made("a.srt", FileRole.SUBTITLE),), template_values={"ext": "srt"})
    )
    [taken] = [path.name for path in Path(configured.FILES_DIR).iterdir()]
    assert taken == "untitled.en.srt"

    names = published(job(), result(made("b.srt", FileRole.SUBTITLE, language="en")))

    stem = names[0].removesuffix(".mp4")
    assert stem != "untitled"
    assert names[1] == f"{stem}.en.srt"


def test_a_long_name_is_told_apart_in_the_names_of_companions_too() -> None:
    def with_companion() -> list[str]:
        return published(job(), result(made("a.srt", FileRole.SUBTITLE, language="en"), title="x" * 300))

    first, second = with_companion(), with_companion()

    assert first[1] != second[1]
    assert second[1].removesuffix(".en.srt") == second[0].removesuffix(".mp4")


def test_what_the_list_tells_wins_over_what_the_page_tells() -> None:
    entry = job(
        "{playlist}/{playlist_index:03d}-{uploader}-{title}.{ext}", playlist="Best of", playlist_index=7, uploader=None
    )

    names = published(entry, result(title="Song", uploader="Band", playlist=None, playlist_index=None))

    assert names == ["Best of/007-Band-Song.mp4"]


def test_a_job_of_a_batch_knows_its_batch_and_others_have_a_stand_in() -> None:
    batch = Batch()

    assert published(job("{batch_id}/{title}.{ext}", batch), result(title="a")) == [f"{batch.public_id}/a.mp4"]
    assert published(job("{batch_id}/{title}.{ext}"), result(title="a")) == ["single/a.mp4"]


def test_a_list_cannot_name_another_batch() -> None:
    assert published(job("{batch_id}/{title}.{ext}", batch_id="batch_other"), result(title="a")) == ["single/a.mp4"]


def test_without_a_place_in_a_list_the_number_is_nought() -> None:
    assert published(job("{playlist_index:03d}-{title}.{ext}"), result(title="a")) == ["000-a.mp4"]


def test_chapters_stand_beside_the_whole_with_number_and_title() -> None:
    chapters = [
        made(f"chapter-{number}.mp4", FileRole.CHAPTER, chapter=f"{number:02d} {title}")
        for number, title in enumerate(("Beginning", "../../The middle: a/b"), start=1)
    ]

    names = published(job("films/{title}.{ext}"), result(*chapters, title="Film"))

    assert names == ["films/Film.mp4", "films/Film.01_Beginning.mp4", "films/Film.02_.._.._The_middle__a_b.mp4"]
