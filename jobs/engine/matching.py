"""Which of yt-dlp's 1750 extractors may take a link, without asking each of them.

An index, built once before children are forked, knows for most extractors some texts one of which must stand in every
link that they take. Whether an extractor does take a link is still yt-dlp's own question; nothing is decided here.
"""

import ast
import inspect
import multiprocessing
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import yt_dlp
from yt_dlp.utils import variadic

# An extractor class, or an instance of one.
Extractor = Any

GRAM_CHARACTERS = 4

# How most links begin, and what most have in the middle: no way to tell extractors apart.
_BEGINNING = re.compile(r"(?:https?)?:?/*(?:www\.)?")
_COMMON = frozenset({".com", ".com/", ".net", ".net/", ".org", ".org/", ".html"})

# Where a pattern ignores case, these match ASCII letters. Everything else that does becomes ASCII in lower case.
_LOOKALIKES = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"})


class Downloader(yt_dlp.YoutubeDL):  # type: ignore[misc]
    """A YoutubeDL that knows the default extractors, and asks only those that may take the link at hand.

    Building one takes 10 ms less than adding 1750 extractors, asking them takes as much again, and both together write
    to, and so copy, 6 MB of what a forked child shares with its parent.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        super().__init__(parameters, auto_init=False)
        self._ies: Extractors = Extractors(index())

    def extract_info(self, url: str, download: bool = True, ie_key: str | None = None, **more: Any) -> Any:
        """yt-dlp's own, which it also calls for what it finds on the way."""
        self._ies.expect(None if ie_key else url)
        return super().extract_info(url, download, ie_key, **more)


class Extractors(MutableMapping[str, Extractor]):
    """Extractors by key, all of them, in yt-dlp's order; only a look at the items that follows `expect` is shorter.

    Such a look is what YoutubeDL chooses with. What it has of an extractor, class or instance, it puts in place itself.
    """

    def __init__(self, index: "Index") -> None:
        self._index = index
        self._added: dict[str, Extractor] = {}
        self._expected: str | None = None

    def expect(self, url: str | None) -> None:
        """The next look at the items is for this link's sake, or for no link's in particular."""
        self._expected = url

    def items(self) -> Any:
        """Pairs of key and extractor."""
        url, self._expected = self._expected, None
        if url is None:
            return super().items()
        return self._candidates(url)

    def _candidates(self, url: str) -> Iterator[tuple[str, Extractor]]:
        for extractor in self._index.candidates(url):
            key = extractor.ie_key()
            yield key, self._added.get(key, extractor)

    def __getitem__(self, key: str) -> Extractor:
        return self._added[key] if key in self._added else self._index.by_key[key]

    def __setitem__(self, key: str, extractor: Extractor) -> None:
        self._added[key] = extractor

    def __delitem__(self, key: str) -> None:
        raise TypeError("extractors are never taken away")

    def __iter__(self) -> Iterator[str]:
        yield from self._index.by_key
        yield from (key for key in list(self._added) if key not in self._index.by_key)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Index:
    """Extractors in yt-dlp's order, and the texts that lead to them. Read it only: children share it."""

    by_key: dict[str, Extractor]
    everywhere: tuple[int, ...]  # those that may take any link, by their place in the order
    by_gram: dict[str, tuple[tuple[str, int], ...]]  # four characters of a text, the text, whose it is
    in_order: tuple[Extractor, ...]

    def candidates(self, url: str) -> list[Extractor]:
        """Every extractor that may take the link, in yt-dlp's order, and some that will not."""
        text = fold(url)
        places = set(self.everywhere)
        for gram in {text[start : start + GRAM_CHARACTERS] for start in range(len(text) - GRAM_CHARACTERS + 1)}:
            places.update(place for needed, place in self.by_gram.get(gram, ()) if needed in text)
        return [self.in_order[place] for place in sorted(places)]


_index: list[Index] = []  # one, when it is known


def index() -> Index:
    """Of the extractors that yt-dlp's `allowed_extractors=["default"]` selects. Takes 0.4 s at first.

    Selecting them by name, as yt-dlp does for every YoutubeDL object, takes 40 ms.
    """
    if not _index:
        _index.append(index_of(_default_extractors()))
    return _index[0]


def index_apart() -> Index:
    """Have the index made in a process of its own, which takes with it the 7 MB that it needs for a moment.

    For a process with one thread.
    """
    if not _index:
        _default_extractors()  # loaded here, both processes know them by the same names
        with multiprocessing.get_context("fork").Pool(1) as maker:
            _index.append(maker.apply(index))
    return _index[0]


def _default_extractors() -> tuple[Extractor, ...]:
    from yt_dlp.extractor import gen_extractor_classes  # noqa: PLC0415

    return tuple(extractor for extractor in gen_extractor_classes() if extractor._ENABLED)


def index_of(extractors: tuple[Extractor, ...]) -> Index:
    """The index of these, of which the last ones win a link only when the others do not want it."""
    needed = [needed_texts(extractor) for extractor in extractors]
    frequency = Counter(gram for texts in needed for text in texts or () for gram in set(_grams(text)))
    by_gram: dict[str, list[tuple[str, int]]] = {}
    for place, texts in enumerate(needed):
        for text in texts or ():
            rarest = min(_grams(text), key=lambda gram: frequency[gram])
            by_gram.setdefault(rarest, []).append((text, place))
    return Index(
        by_key={extractor.ie_key(): extractor for extractor in extractors},
        everywhere=tuple(place for place, texts in enumerate(needed) if texts is None),
        by_gram={gram: tuple(entries) for gram, entries in by_gram.items()},
        in_order=extractors,
    )


def fold(url: str) -> str:
    """So that a text of an index is in it, whatever the case and whether the pattern cared."""
    return url.translate(_LOOKALIKES).lower()


def _grams(text: str) -> list[str]:
    return [text[start : start + GRAM_CHARACTERS] for start in range(len(text) - GRAM_CHARACTERS + 1)]


# --- what a pattern needs ---

Texts = frozenset[str]


def needed_texts(extractor: Extractor) -> Texts | None:
    """One of these, in lower case, is in every link that the extractor takes. None: nothing is known, ask it always."""
    if not _heeds_its_pattern(extractor):
        return None
    if extractor._VALID_URL is False:
        return frozenset()  # it takes no links, only what it finds in pages
    return _any_of(_needed_by(pattern) for pattern in variadic(extractor._VALID_URL))


def _heeds_its_pattern(extractor: Extractor) -> bool:
    """Whether no link is `suitable` that does not match the pattern. Most inherit that; 75 add reasons to decline."""
    return all(
        _is_original(definition) or (name == "suitable" and _only_declines(definition))
        for name in ("suitable", "_match_valid_url")
        for definition in _definitions(extractor, name)
    )


def _definitions(extractor: Extractor, name: str) -> list[Any]:
    return [getattr(vars(one)[name], "__func__", vars(one)[name]) for one in extractor.__mro__ if name in vars(one)]


def _is_original(definition: Any) -> bool:
    return bool(_ORIGINS.get(definition.__module__) == definition.__qualname__.partition(".")[0])


_ORIGINS = {"yt_dlp.extractor.common": "InfoExtractor", "yt_dlp.extractor.lazy_extractors": "LazyLoadExtractor"}


def _only_declines(definition: Any) -> bool:
    """Whether the source shows that each of its ways out is a no, or requires what it inherits to say yes."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(definition)))
    except (OSError, TypeError, SyntaxError):
        return False
    return all(_requires_match(node.value) for node in ast.walk(tree) if isinstance(node, ast.Return))


def _requires_match(expression: ast.expr | None) -> bool:
    match expression:
        case None:
            return True
        case ast.Constant(value=value):
            return not value
        case ast.IfExp(body=one, orelse=other):
            return _requires_match(one) and _requires_match(other)
        case ast.BoolOp(op=operator, values=values):
            return (any if isinstance(operator, ast.And) else all)(map(_requires_match, values))
        case ast.Call(func=function):
            return ast.unparse(function) in ("cls._match_valid_url", "super().suitable")
    return False


def _needed_by(pattern: object) -> Texts | None:
    if not isinstance(pattern, str):
        return None
    try:
        from re import _constants, _parser  # type: ignore[attr-defined]  # noqa: PLC0415 - private, and moved before

        return _Reading(_constants).of(_parser.parse(pattern))
    except (ImportError, AttributeError, re.error):
        return None


class _Reading:
    """Finds the texts in a pattern's parse tree: runs of characters outside of what may be left out."""

    def __init__(self, names: Any) -> None:
        self._names = names

    def of(self, tree: Iterable[tuple[Any, Any]]) -> Texts | None:
        """The best of all texts that the tree needs."""
        choices: list[Texts] = []
        run = self._walk(tree, "", choices)
        self._end(run, choices)
        return max(choices, key=_worth, default=None)

    def _walk(self, tree: Iterable[tuple[Any, Any]], run: str, choices: list[Texts]) -> str:
        """Read on after `run`, note what ends on the way, and give back the run that is still open."""
        names = self._names
        for operation, argument in tree:
            if operation is names.LITERAL and chr(argument).isascii():
                run += chr(argument).lower()
            elif operation is names.SUBPATTERN:
                run = self._walk(argument[3], run, choices)
            elif operation not in (names.AT, names.ASSERT, names.ASSERT_NOT):  # these take up no characters
                run = self._end(run, choices)
                choices += self._inside(operation, argument)
        return run

    def _inside(self, operation: Any, argument: Any) -> list[Texts]:
        if operation is self._names.BRANCH:
            found = _any_of(self.of(way) for way in argument[1])
        elif operation in (self._names.MAX_REPEAT, self._names.MIN_REPEAT) and argument[0] > 0:
            found = self.of(argument[2])
        else:
            return []
        return [] if found is None else [found]

    def _end(self, run: str, choices: list[Texts]) -> str:
        text = run[len(_BEGINNING.match(run)[0]) :]  # type: ignore[index]  # it matches the empty beginning, too
        if len(text) >= GRAM_CHARACTERS and text not in _COMMON:
            choices.append(frozenset((text,)))
        return ""


def _any_of(choices: Iterable[Texts | None]) -> Texts | None:
    """What is needed where one of several is: nothing that could be named, as soon as one of them needs nothing."""
    found: set[str] = set()
    for texts in choices:
        if texts is None:
            return None
        found |= texts
    return frozenset(found)


def _worth(texts: Texts) -> tuple[int, int]:
    return min(map(len, texts)), -len(texts)
