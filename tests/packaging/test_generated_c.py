"""What mypyc writes is made lighter and means the same: `generated_c` of core."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.distributions import package

WRITE = """\
#include "__native_internal_wasmer.h"

char CPyDef_columns___Rows___put(PyObject *cpy_r_self, int64_t cpy_r_at, int64_t cpy_r_value) {
    VecI64 cpy_r_r0;
    int64_t cpy_r_r1;
    char cpy_r_r2;
    int64_t cpy_r_r3;
    char cpy_r_r4;
    char cpy_r_r5;
    int64_t cpy_r_r6;
    CPyPtr cpy_r_r7;
    int64_t cpy_r_r8;
    CPyPtr cpy_r_r9;
    char cpy_r_r10;
    cpy_r_r0 = ((columns___RowsObject *)cpy_r_self)->_a;
    VEC_I64_INCREF(cpy_r_r0);
    cpy_r_r1 = (int64_t)cpy_r_r0.len;
    cpy_r_r2 = (uint64_t)cpy_r_at < (uint64_t)cpy_r_r1;
    if (cpy_r_r2) goto CPyL5;
    cpy_r_r3 = cpy_r_at + cpy_r_r1;
    cpy_r_r4 = (uint64_t)cpy_r_r3 < (uint64_t)cpy_r_r1;
    if (cpy_r_r4) {
        goto CPyL4;
    } else
        goto CPyL8;
CPyL2: ;
    PyErr_SetNone(PyExc_IndexError);
    cpy_r_r5 = 0;
    if (unlikely(!cpy_r_r5)) {
        CPy_AddTraceback("columns.py", "put", 8, CPyStatic_columns___globals);
        goto CPyL7;
    }
    CPy_Unreachable();
CPyL4: ;
    cpy_r_r6 = cpy_r_r3;
    goto CPyL6;
CPyL5: ;
    cpy_r_r6 = cpy_r_at;
CPyL6: ;
    cpy_r_r7 = (CPyPtr)cpy_r_r0.items;
    cpy_r_r8 = cpy_r_r6 * 8;
    cpy_r_r9 = cpy_r_r7 + cpy_r_r8;
    *(int64_t *)cpy_r_r9 = cpy_r_value;
    VEC_I64_DECREF(cpy_r_r0);
    return 1;
CPyL7: ;
    cpy_r_r10 = 2;
    return cpy_r_r10;
CPyL8: ;
    VEC_I64_DECREF(cpy_r_r0);
    goto CPyL2;
}
"""
LENGTH = "    cpy_r_r1 = (int64_t)cpy_r_r0.len;\n"
LAST = "    return 1;\n"

MODULE = """\
from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64

PLACE: Final[i64] = len([3, 4])


def third(rows: Rows) -> i64:
    return rows.a[PLACE]


@final
class Rows:
    def __init__(self) -> None:
        self.a = vec[i64]([1, 2, 3])
        self.b = vec[i64]([2, 1, 7])

    def put(self, at: i64, value: i64) -> None:
        self.a[at] = value

    def add(self, at: i64, value: i64) -> i64:
        self.a[self.b[at]] += value
        return self.a[self.b[at]]

    def renewed(self, at: i64, value: i64) -> None:
        self.a[at] = self.renew(value)

    def renew(self, value: i64) -> i64:
        self.a = vec[i64]([4, 5, 6])
        return value

    def all(self) -> list[int]:
        return [int(x) for x in self.a]


@final
class Two:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.rules: list[Callable[[Rows], i64]] = [third]

    def by_rule(self, number: int) -> i64:
        return self.rules[number](self.rows)

    def find(self, value: i64) -> i64:
        rows = self.rows
        at: i64 = 0
        while at < i64(len(rows.a)):
            if rows.a[at] == value:
                return rows.b[at]
            at += 1
        return rows.b[at]
"""


@pytest.fixture(scope="module")
def generated_c() -> ModuleType:
    """The module of the sources, loaded by its path, as `build_hook` does."""
    path = package("runtime-core") / "generated_c.py"
    specification = importlib.util.spec_from_file_location("generated_c_under_test", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_write_counts_no_reference_and_expects_its_index_to_be_there(generated_c: ModuleType) -> None:
    lighter = generated_c.lightened(WRITE)
    assert "VEC_I64" not in lighter
    assert lighter.count("if (likely(cpy_r_r") == 2
    assert "\n  " not in lighter, "indentation"
    assert lighter.index("#include") < lighter.index("CPy_AddTraceback(const") < lighter.index("CPyDef_columns")
    gone = ("VEC_I64", "if (cpy", "cpy_r_r6 = ", "cpy_r_r7 = ", "cpy_r_r8 = ", "cpy_r_r9 = ", "*(int64_t *)cpy_r_r9")
    kept = [line.strip() for line in WRITE.splitlines() if not line.strip().startswith(gone)]
    assert [line for line in kept if line and line not in lighter] == []


APART = """\
CPyL4: ;
 *(int64_t *)((CPyPtr)cpy_r_r0.items + cpy_r_r3 * 8) = cpy_r_value;
 goto CPyL6;
CPyL5: ;
 *(int64_t *)((CPyPtr)cpy_r_r0.items + cpy_r_at * 8) = cpy_r_value;
CPyL6: ;
 return 1;
"""
LENGTH_AGAIN = """\
 { const Py_ssize_t *at = &((columns___RowsObject *)cpy_r_self)->_a.len; __asm__("" : "+r"(at)); cpy_r_r1 = *at; }
 cpy_r_r3 = cpy_r_at + cpy_r_r1;
"""


def test_an_index_from_the_end_goes_a_way_of_its_own(generated_c: ModuleType) -> None:
    lighter = generated_c.lightened(WRITE)
    assert APART in lighter
    assert LENGTH_AGAIN in lighter
    read = WRITE.replace("*(int64_t *)cpy_r_r9 = cpy_r_value;", "cpy_r_n = *(int64_t *)cpy_r_r9;")
    assert " cpy_r_n = *(int64_t *)((CPyPtr)cpy_r_r0.items + cpy_r_at * 8);\n" in generated_c.lightened(read)


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("somebody else comes there", LAST, "    if (cpy_r_value) goto CPyL6;\n" + LAST),
        ("the index is looked at", LAST, "    cpy_r_r10 = cpy_r_r6 != 0;\n" + LAST),
        ("the place of the column is", LAST, "    cpy_r_r10 = cpy_r_r7 != 0;\n" + LAST),
        ("the place of the element is", LAST, "    cpy_r_r10 = *(int64_t *)cpy_r_r9 != 0;\n" + LAST),
        ("elements are smaller", "cpy_r_r6 * 8", "cpy_r_r6 * 4"),
        ("something is done before", "    cpy_r_r8 =", "    cpy_r_r10 = CPyDef_f(cpy_r_value);\n    cpy_r_r8 ="),
        ("the element is no number", "*(int64_t *)cpy_r_r9", "*(CPyPtr *)cpy_r_r9"),
        ("what is written is worked out", "= cpy_r_value;\n    VEC", "= CPyDef_f(cpy_r_value);\n    VEC"),
    ],
)
def test_where_two_indices_meet_for_more_they_meet(generated_c: ModuleType, what: str, old: str, new: str) -> None:
    assert WRITE.count(old) == 1, what
    lighter = generated_c.lightened(WRITE.replace(old, new))
    assert " cpy_r_r6 = cpy_r_at;\nCPyL6: ;\n cpy_r_r7 = (CPyPtr)cpy_r_r0.items;\n" in lighter, what


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("something is called in between", LENGTH, "    cpy_r_r10 = CPyDef_f(cpy_r_self);\n" + LENGTH),
        ("the column is a local", "cpy_r_r0 = ((columns___RowsObject *)cpy_r_self)->_a;", "cpy_r_r0 = cpy_r_rows;"),
    ],
)
def test_a_length_is_read_again_only_where_it_was_read(generated_c: ModuleType, what: str, old: str, new: str) -> None:
    assert WRITE.count(old) == 1, what
    assert "__asm__" not in generated_c.lightened(WRITE.replace(old, new)), what


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("a call", LENGTH, "    cpy_r_r11 = CPyDef_columns___Rows___renew(cpy_r_self);\n" + LENGTH),
        ("an object is let go", LENGTH, "    CPy_DECREF(cpy_r_r11);\n" + LENGTH),
        ("an attribute is set", LENGTH, "    ((columns___RowsObject *)cpy_r_self)->_a = cpy_r_r11;\n" + LENGTH),
        ("the column is passed on", LAST, "    return CPyDef_columns___first(cpy_r_r0);\n"),
        ("the column is kept", LAST, "    cpy_r_r11 = cpy_r_r0;\n" + LAST),
        ("loaded in two places", LAST, "    cpy_r_r0 = ((columns___RowsObject *)cpy_r_self)->_b;\n" + LAST),
        ("loaded from nowhere", "cpy_r_r0 = ((columns___RowsObject *)cpy_r_self)->_a", "cpy_r_r0 = VecI64Api.alloc(1)"),
        ("a way back, behind a call", LAST, "    CPyDef_columns___Rows___renew(cpy_r_self);\n    goto CPyL4;\n"),
        ("no element", "*(int64_t *)cpy_r_r9 = cpy_r_value", "cpy_r_r11 = CPyDef_f(cpy_r_r9)"),
    ],
)
def test_where_the_column_may_be_taken_away_references_are_counted(
    generated_c: ModuleType, what: str, old: str, new: str
) -> None:
    assert WRITE.count(old) == 1, what
    lighter = generated_c.lightened(WRITE.replace(old, new))
    assert lighter.count("VEC_I64_INCREF") == 1, what
    assert lighter.count("VEC_I64_DECREF") == 2, what


def test_a_number_that_a_module_sets_is_expected_to_be_there(generated_c: ModuleType) -> None:
    loaded = " cpy_r_r1 = CPyStatic_rows___PLACE;"
    others = [
        *(" cpy_r_r1 = CPyDef_rows___place(cpy_r_self);", " if (unlikely(cpy_r_r1 == -113)) {"),
        *(" cpy_r_r1 = CPyStatic_rows___ROWS;", " if (unlikely(cpy_r_r1 == NULL)) {"),
    ]
    lines = [
        loaded,
        " if (likely(cpy_r_r1 != -113)) goto CPyL2;",
        loaded,
        " if (unlikely(cpy_r_r1 == -113)) {",
        *others,
    ]
    generated_c.constant(lines)
    assert lines == [loaded, " if (1) goto CPyL2;", loaded, " if (0) {", *others]


CALLED_BY_PYTHON = """\
#include "__native_internal_wasmer.h"
static PyObject *
rules___Rules_get_all(rules___RulesObject *self, void *closure);
PyObject *CPyDef_rules___lower(PyObject *cpy_r_rule) {
    cpy_r_r2 = PyObject_Vectorcall(cpy_r_rule, cpy_r_r1, 1, 0);
    cpy_r_r3 = PyObject_VectorcallMethod(cpy_r_r0, cpy_r_r1, 9223372036854775810ULL, 0);
}
PyObject *CPyPy_rules___lower(PyObject *self, PyObject *const *args, size_t nargs, PyObject *kwnames) {
}
char CPyDef_rules_____top_level__(void) {
}
"""


def test_what_is_hardly_called_stands_apart(generated_c: ModuleType) -> None:
    lighter = generated_c.lightened(CALLED_BY_PYTHON)
    assert "rules___Rules_get_all(rules___RulesObject *self, void *closure) __attribute__((cold));\n" in lighter
    assert '\n__attribute__((section(".text.entries"))) PyObject *CPyPy_rules___lower(' in lighter
    assert "\n__attribute__((cold)) char CPyDef_rules_____top_level__(void) {\n" in lighter
    assert "\nPyObject *CPyDef_rules___lower(" in lighter, "what the group calls stays where it is"
    assert " cpy_r_r2 = CPy_Called(cpy_r_rule, cpy_r_r1, 1, 0);\n" in lighter
    assert " cpy_r_r3 = PyObject_VectorcallMethod(" in lighter


def test_what_mypyc_writes_now_is_lighter_and_does_the_same(generated_c: ModuleType, tmp_path: Path) -> None:
    """A module that is compiled: each write and each loop of its methods, what fails, what takes a column away."""
    pytest.importorskip("mypyc")
    (tmp_path / "rows_of_test.py").write_text(MODULE)
    steps = (
        "import sys; from pathlib import Path; from mypyc.build import mypycify; from setuptools import setup",
        "made = mypycify(['--config-file=', 'rows_of_test.py'], opt_level='0', debug_level='0', target_dir='c')",
        f"sys.path.insert(0, {str(package('runtime-core'))!r}); import generated_c",
        "file = Path(made[0].sources[0]); file.write_text(generated_c.lightened(file.read_text()))",
        "setup(name='x', packages=[], py_modules=[], ext_modules=made,"
        " script_args=['-q', 'build_ext', '--build-lib=.', '--build-temp=t'])",
    )
    subprocess.run([sys.executable, "-c", "\n".join(steps)], cwd=tmp_path, check=True, capture_output=True)
    (written,) = (tmp_path / "c").glob("*.c")
    assert "likely(cpy_r_r" in written.read_text(), "mypyc writes otherwise now: columns are slower"
    assert re.search(r"if \((1\) goto|0\) {)", written.read_text()), "mypyc writes otherwise now: constants are slower"
    for what in (
        "(cold)) char CPyDef_",
        '.text.entries"))) PyObject *CPyPy_',
        "closure) __attribute__((cold));",
        "= CPy_Called(",
    ):
        assert what in written.read_text(), f"mypyc writes otherwise now, no {what}"
    assert written.read_text().count("__asm__") >= 5, "mypyc writes otherwise now: columns are slower"
    assert " * 8);\n" in written.read_text(), "mypyc writes otherwise now: columns are slower"
    assert written.read_text().count("VEC_I64_INCREF(cpy_r_r") <= 3, "mypyc writes otherwise now: columns are slower"
    uses = """
import rows_of_test
assert not rows_of_test.__file__.endswith(".py")
for _ in range(100):
    rows = rows_of_test.Rows()
    two = rows_of_test.Two(rows)
    rows.put(0, 5); rows.put(-1, 9)
    assert rows.all() == [5, 2, 9] and rows_of_test.third(rows) == 9
    assert rows.add(0, 4) == 13 and rows.add(-2, 1) == 3
    assert two.find(13) == 7 and two.find(3) == 1
    assert two.by_rule(0) == 13
    for rule in (lambda rows: 77, rows_of_test.Rows.all, int, "".join, [].append, rows_of_test.third):
        two.rules.append(rule)
    assert two.by_rule(1) == 77 and two.by_rule(6) == 13
    for number in (2, 3, 4, 5):
        for _ in range(20):
            try: two.by_rule(number)
            except TypeError: pass
            else: raise AssertionError
    for fails in (lambda: rows.put(3, 1), lambda: rows.put(-4, 1), lambda: rows.add(2, 1), lambda: two.find(77)):
        for _ in range(20):
            try: fails()
            except IndexError: pass
            else: raise AssertionError
    rows.renewed(1, 8)
    assert rows.all() in ([4, 5, 6], [4, 8, 6])
    rows.put(2, 7)
    assert rows.all()[2] == 7
"""
    subprocess.run([sys.executable, "-c", uses], cwd=tmp_path, check=True)
