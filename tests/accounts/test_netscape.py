import pytest

from accounts.netscape import HEADER, MAX_COOKIE_CHARACTERS, MAX_COOKIES, Cookie, CookiesRefused, by_key, parse, text_of
from tests.cookie_lines import LATER, SECRET, line


def parsed(text: str) -> list[Cookie]:
    return parse(text, max_bytes=10_000)


def problems(text: str, *, max_bytes: int = 10_000) -> tuple[str, ...]:
    with pytest.raises(CookiesRefused) as refusal:
        parse(text, max_bytes=max_bytes)
    assert SECRET not in str(refusal.value)
    return refusal.value.problems


def test_a_line_is_read_field_by_field() -> None:
    [cookie] = parsed(line(secure="TRUE", path="/members"))

    assert (cookie.domain, cookie.path, cookie.is_secure, cookie.expires) == (".example.org", "/members", True, LATER)
    assert (cookie.name, cookie.value) == ("sid", SECRET)


def test_what_exporters_write_around_the_cookies_is_passed_over() -> None:
    text = f"\ufeff{HEADER}\r\n# https://curl.se/docs/http-cookies.html\r\n\r\n#HttpOnly_{line()}\r\n   \r\n"

    assert [cookie.value for cookie in parsed(text)] == [SECRET]


@pytest.mark.parametrize("expires", ["0", "", "1.9", f"{LATER}.5"])
def test_an_expiry_is_whole_seconds_and_none_is_the_end_of_the_session(expires: str) -> None:
    assert parsed(line(expires=expires))[0].expires == int(float(expires or 0))


@pytest.mark.parametrize(
    ("domain", "below", "read"),
    [
        (".example.org", "TRUE", ".example.org"),
        ("example.org", "TRUE", ".example.org"),
        ("example.org", "FALSE", "example.org"),
        (".example.org", "false", "example.org"),
        ("WWW.Example.ORG", "FALSE", "www.example.org"),
        ("bücher.example", "FALSE", "xn--bcher-kva.example"),
        ("localhost", "FALSE", "localhost"),
        ("127.0.0.1", "TRUE", "127.0.0.1"),
        ("my_host.example.org", "FALSE", "my_host.example.org"),
    ],
)
def test_the_second_field_decides_who_gets_the_cookie(domain: str, below: str, read: str) -> None:
    assert parsed(line(domain=domain, below=below))[0].domain == read


def test_a_value_may_be_empty_and_may_hold_spaces() -> None:
    assert parsed(line(value=""))[0].value == ""
    assert parsed(line(value="a b = c;"))[0].value == "a b = c;"


def test_of_equal_cookies_the_last_one_counts() -> None:
    assert [cookie.value for cookie in parsed(f"{line()}\n{line(value='newer')}\n")] == ["newer"]


def test_the_line_that_is_wrong_is_named() -> None:
    assert problems(f"{HEADER}\n\n.example.org\tTRUE\t/\n{line()}") == ("line 3: needs 7 fields separated by tabs",)


def test_every_wrong_line_is_named_up_to_a_bound() -> None:
    told = problems("\n".join(["wrong"] * 14))

    assert [problem.partition(":")[0] for problem in told[:-1]] == [f"line {number}" for number in range(1, 11)]
    assert told[-1] == "4 more lines are wrong"


def test_spaces_for_tabs_are_recognised() -> None:
    [problem] = problems(line().replace("\t", "    "))

    assert problem.startswith("line 1: needs 7 fields separated by tabs")
    assert "spaces" in problem


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"domain": "https://example.org"}, "first field is a domain"),
        ({"domain": "example.org:8080"}, "first field is a domain"),
        ({"domain": "example.org/x"}, "first field is a domain"),
        ({"domain": ""}, "first field is a domain"),
        ({"domain": "."}, "first field is a domain"),
        ({"domain": "a..b"}, "first field is a domain"),
        ({"domain": "-a.example"}, "first field is a domain"),
        ({"domain": "1.2.3"}, "first field is a domain"),
        ({"domain": "exa mple.org"}, "first field is a domain"),
        ({"domain": f"{'a' * 64}.org"}, "first field is a domain"),
        ({"domain": ".".join(["a" * 60] * 5)}, "first field is a domain"),
        ({"domain": ".org", "below": "TRUE"}, "top-level domain"),
        ({"below": "yes"}, "second field"),
        ({"path": "members"}, "third field"),
        ({"path": "/\x01"}, "third field"),
        ({"secure": "1"}, "fourth field"),
        ({"expires": "tomorrow"}, "fifth field"),
        ({"expires": "-1"}, "fifth field"),
        ({"expires": f"{LATER}000"}, "fifth field"),
        ({"name": "", "value": ""}, "both empty"),
        ({"value": f"{SECRET}\x00"}, "printable ASCII"),
        ({"value": f"{SECRET}\r{SECRET}"}, "printable ASCII"),
        ({"value": f"{SECRET}\x7f"}, "printable ASCII"),
        ({"name": "naïve"}, "printable ASCII"),
        ({"value": SECRET * MAX_COOKIE_CHARACTERS}, "longer than"),
    ],
)
def test_each_field_is_checked_and_none_is_shown(wrong: dict[str, str], field: str) -> None:
    [problem] = problems(f"{HEADER}\n{line(**wrong)}", max_bytes=1_000_000)

    assert problem.startswith("line 2: ")
    assert field in problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no cookie"),
        (f"{HEADER}\n# nothing\n", "no cookie"),
        ('[{"domain": "example.org"}]', "JSON"),
        (' {"cookies": []}', "JSON"),
        ("x" * 10_001, "longer than 10000 bytes"),
        ("€" * 4_000, "longer than 10000 bytes"),
    ],
)
def test_what_is_no_list_of_cookies_is_refused_as_a_whole(text: str, why: str) -> None:
    [problem] = problems(text)

    assert why in problem


def test_there_is_room_for_so_many_cookies() -> None:
    lines = [line(name=f"n{number}") for number in range(MAX_COOKIES + 1)]

    assert len(parse("\n".join(lines[1:]), max_bytes=1_000_000)) == MAX_COOKIES
    assert f"at most {MAX_COOKIES}" in problems("\n".join(lines), max_bytes=1_000_000)[0]


def test_what_is_written_reads_the_same() -> None:
    cookies = parsed("\n".join([line(), line(domain="a.example", below="FALSE", secure="TRUE", expires="0", value="")]))

    assert parsed(text_of(cookies)) == cookies


def test_wrong_lines_can_be_left_out_instead() -> None:
    assert [cookie.value for cookie in by_key(f"wrong\n{line()}").values()] == [SECRET]


def test_no_repr_shows_a_cookie() -> None:
    assert SECRET not in repr(parsed(line()))
