"""Keeps libraries from loading others that they use if they happen to be installed. Loads no Django."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Within this, an import of one of these fails, as if it were not installed; those that are loaded stay usable.

    Not for threads: it fails in all of them.
    """
    loaded = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(dict.fromkeys(modules))  # type: ignore[arg-type]  # the import system's own mark for "there is none"
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(loaded)
