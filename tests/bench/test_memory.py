"""What the kernel says about processes."""

import os
import subprocess
import sys

import pytest

from bench import memory

ROLLUP = """\
55d6c8a00000-7ffd5a3f2000 ---p 00000000 00:00 0                          [rollup]
Rss:               94208 kB
Pss:               28412 kB
Pss_Dirty:         28001 kB
Pss_Anon:          27900 kB
Private_Dirty:     24500 kB
"""
# PR_SET_NAME with a name that ends within a character, as the kernel cuts long ones.
NAMELESS = "import ctypes; ctypes.CDLL(None).prctl(15, b'caf\\xc3'); print(flush=True); input()"


def test_pss_is_read_in_bytes() -> None:
    assert memory.pss_bytes(ROLLUP) == 28412 * 1024


def test_a_rollup_without_pss_is_refused() -> None:
    with pytest.raises(ValueError, match="no Pss"):
        memory.pss_bytes("Rss: 94208 kB\nPss_Dirty: 1 kB\n")


def test_the_parent_is_found_behind_a_name_with_blanks_and_brackets() -> None:
    assert memory.parent_of("4711 (a) b (c) S 42 4711 4711 0 -1") == 42


def test_a_process_whose_name_is_no_utf8_is_passed_over() -> None:
    with subprocess.Popen([sys.executable, "-c", NAMELESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = memory.tree(os.getpid())
        child.communicate(b"\n")

    assert child.pid in found


def test_tree_and_size_include_children() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, "BENCH_TEST_MARK": "yes"}
    ) as child:
        sizes = memory.measure(os.getpid())
        marked = memory.with_variable("BENCH_TEST_MARK", "yes")
        child.communicate(b"\n")

    assert sizes[child.pid] > 0
    assert os.getpid() in sizes
    assert child.pid in marked
