"""The C that mypyc wrote, made lighter before a compiler sees it. It computes the same, to the last operation.

Compiled modules read and write columns, ``vec[i64]``, more than anything else. Of each element mypyc asks whether its
index is in the column, and if not whether it counts from the end; where one is written, it counts a reference to the
column up before and down behind. What this module does with that:

* `expected`: an index is in its column as a rule. The compiler puts all else out of the way: hot code lies together.
* `constant`: a `Final` number is there. mypyc asks at each look whether its module has set it.
* `borrowed`: no reference is counted where nothing can take the column away meanwhile.
* `apart`: an index that counts from the end goes a way of its own, up to the element and past it. Where both ways met
  before the element, the processor copied each index to where the other one would be, and kept the column's length.
* `direct`: a rule, a function of the group that stands in a table, is called as what it is.
* `aside`: what Python calls, and what runs once, stands apart from what functions of the group call.
* `unindented`: half of the text is indentation, which takes its time to read.

What is not known to look as it should is left as it is; so another mypyc costs speed, not sense.

`build_hook` loads this by path while core itself is being built: it imports nothing of its own package.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

_COLD: Final = """\
void CPy_AddTraceback(const char *, const char *, int, PyObject *) __attribute__((cold));
PyAPI_FUNC(void) PyErr_SetNone(PyObject *) __attribute__((cold));
"""
"""What leads to these is not expected."""

_CALLED: Final = """\
static inline PyObject *CPy_Called(PyObject *callee, PyObject *const *args, size_t count, PyObject *names) {
 if (likely(Py_IS_TYPE(callee, &PyCFunction_Type) && PyCFunction_GET_FLAGS(callee) == (METH_FASTCALL | METH_KEYWORDS)))
 return ((_PyCFunctionFastWithKeywords)(void (*)(void))PyCFunction_GET_FUNCTION(callee))(
 PyCFunction_GET_SELF(callee), args, PyVectorcall_NARGS(count), names);
 return PyObject_Vectorcall(callee, args, count, names);
}
"""
"""`PyObject_Vectorcall`, where the callee is as a rule what mypyc makes of a function of a module."""

_AGAIN: Final = '{{ const Py_ssize_t *at = &{}; __asm__("" : "+r"(at)); {} = *at; }}'
"""Reads a number that was read before, and a compiler does not see that it is the same: so it need not keep it."""

_INCLUDED: Final = re.compile(r'^#include "__native_internal\w*\.h"\n', re.MULTILINE)
_CALL: Final = re.compile(r"\bPyObject_Vectorcall\(")
_ASIDE: Final = (
    # what takes the arguments of a call from Python, and calls the function itself
    (re.compile(r"^ ?(PyObject \*CPyPy_\w+\(.*\) \{)$", re.MULTILINE), r'__attribute__((section(".text.entries"))) \1'),
    # what a module does when it is imported
    (re.compile(r"^(char CPyDef_\w*__top_level__\(void\) \{)$", re.MULTILINE), r"__attribute__((cold)) \1"),
    # what Python reads and writes attributes with
    (re.compile(r"^(\w+_[gs]et_\w+\(.*, void \*closure\));$", re.MULTILINE), r"\1 __attribute__((cold));"),
)
_INDENTATION: Final = re.compile(r"^ +", re.MULTILINE)
_IN_COLUMN: Final = re.compile(r"(cpy_r_r\d+) = \(uint64_t\)\w+ < \(uint64_t\)\w+;$")
_CONSTANT: Final = re.compile(r"(cpy_r_r\d+) = CPyStatic_\w+;$")
_IS_SET: Final = "likely({} != -113)"
_IS_NOT_SET: Final = "unlikely({} == -113)"
_LOADED: Final = re.compile(r"(cpy_r_r\d+) = \(\(\w+ \*\)\w+\)->_\w+;$")
_COUNTED_UP: Final = re.compile(r"VEC_I64_INCREF\((cpy_r_r\d+)\);")
_COUNTED_DOWN: Final = re.compile(r"VEC_I64_DECREF\((cpy_r_r\d+)\);")
_REGISTER: Final = re.compile(r"\bcpy_r_r\d+\b")
_JUMP: Final = re.compile(r"\bgoto (CPyL\d+);")
_LABEL: Final = re.compile(r"(CPyL\d+): ;$")
_FAILS: Final = "PyErr_Set"
"""So a line begins behind the label where a function goes that fails."""
_ELEMENT: Final = "*(int64_t *)"
_HARMLESS: Final = re.compile(
    r"""
    CPyL\d+:\ ;
    | cpy_r_\w+\ =\ [^()]*;                                                  # copies, sums, comparisons
    | cpy_r_\w+\ =\ \(u?int64_t\)[^()]*(\(u?int64_t\)[^()]*)?;
    | cpy_r_\w+\ =\ \(CPyPtr\)[^()]*;
    | cpy_r_\w+\ =\ \*\(int64_t\ \*\)\w+;                                    # an element is read
    | \*\(int64_t\ \*\)cpy_r_r\d+\ =\ -?\w+;                                 # one is written
    | cpy_r_\w+\ =\ \(\(\w+\ \*\)\w+\)->_\w+;                                # an attribute is read
    | cpy_r_\w+\ =\ \(Py_ssize_t\)cpy_r_\w+\ >>\ 1;                           # an int is converted
    | if\ \((un)?(likely\()?!?\w+(\ ==\ -113|\ !=\ NULL)?\)?\)\ (\{|goto\ CPyL\d+;)
    | return\ [^()]*;
    | cpy_r_\w+\ =\ PyErr_Occurred\(\);
    | goto\ CPyL\d+;
    | \}(\ else)?
    | PyErr_SetNone\(PyExc_IndexError\);
    | PyErr_SetString\(PyExc_NameError,\ .*\);
    | CPy_AddTraceback\(.*\);
    | CPy_Unreachable\(\);
    | VEC_I64_INCREF\(cpy_r_r\d+\);
    | VEC_I64_DECREF\(cpy_r_r\d+\);                                          # of a column that an attribute holds, too
    |
    """,
    re.VERBOSE,
)
"""A line that takes no column away: it sets no attribute and calls nothing, but for what a function does that fails."""


def _lines(*patterns: str) -> re.Pattern[str]:
    """Some lines, one after the other."""
    return re.compile("^" + "\n".join(rf" ?{pattern}" for pattern in patterns) + "$", re.MULTILINE)


_LOOKED_AT: Final = _lines(
    r"(?P<column>cpy_r_\w+) = (?P<attribute>\(\(\w+ \*\)\w+\)->_\w+);",
    r"(?P<length>cpy_r_r\d+) = \(int64_t\)(?P=column)\.len;",
    r"(?P<inside>cpy_r_r\d+) = \(uint64_t\)(?P<index>\w+) < \(uint64_t\)(?P=length);",
    r"if \(likely\((?P=inside)\)\) goto CPyL\d+;",
    r"(?P<last>cpy_r_r\d+ = (?P=index) \+ (?P=length);)",
)
"""A column is loaded, an index compared with its length, and where it is not less, added to that."""
_MET: Final = _lines(
    r"(?P<place>cpy_r_r\d+) = (?P<negative>cpy_r_r\d+);",
    r"goto (?P<met>CPyL\d+);",
    r"(?P<inside>CPyL\d+): ;",
    r"(?P=place) = (?P<index>\w+);",
    r"(?P=met): ;",
    r"(?P<items>cpy_r_r\d+) = \(CPyPtr\)(?P<column>cpy_r_\w+)\.items;",
    r"(?P<bytes>cpy_r_r\d+) = (?P=place) \* 8;",
    r"(?P<address>cpy_r_r\d+) = (?P=items) \+ (?P=bytes);",
    r"(?P<before>.*)\*\(int64_t \*\)(?P=address)(?P<behind>( = \w+)?;)",
)
"""Two indices come together, and an element is read or written."""
_NAMES: Final = re.compile(r"\bcpy_r_r\d+\b|\bgoto CPyL\d+\b")


def lightened(c: str) -> str:
    """The same program, from the text of a whole file."""
    lines = unindented(c).splitlines()
    expected(lines)
    constant(lines)
    parts = list(functions(lines))
    lighter = lines[: parts[0][0]] if parts else lines
    for start, end in parts:
        lighter.append(apart("\n".join(line for line in borrowed(lines[start:end]) if line)))
    included = "\n".join(line for line in lighter if line) + "\n"
    return _INCLUDED.sub(lambda found: found[0] + _COLD + _CALLED, aside(direct(included)), count=1)


def unindented(c: str) -> str:
    """Without indentation: lines that were indented begin with one space."""
    return _INDENTATION.sub(" ", c)


def expected(lines: list[str]) -> None:
    """Mark comparisons of an index with a column's length: it is expected to be less."""
    for number in range(len(lines) - 1):
        found = _IN_COLUMN.match(lines[number].lstrip())
        if found:
            condition = f"if ({found[1]})"
            lines[number + 1] = lines[number + 1].replace(condition, f"if (likely({found[1]}))", 1)


def constant(lines: list[str]) -> None:
    """Take it that `Final` numbers are set when they are read.

    A module sets its own while it is imported, before its functions are called: where that is not so, the same modules
    fail when they run interpreted. -113 is what mypyc holds a native integer at until then.
    """
    for number in range(len(lines) - 1):
        found = _CONSTANT.match(lines[number].lstrip())
        if found:
            register = found[1]
            line = lines[number + 1].replace(_IS_SET.format(register), "1", 1)
            lines[number + 1] = line.replace(_IS_NOT_SET.format(register), "0", 1)


def functions(lines: list[str]) -> Iterator[tuple[int, int]]:
    """From where to where there is a function; what stands between two goes with the first one."""
    starts = [number for number, line in enumerate(lines) if line.endswith("{") and line[:1].isalpha()]
    yield from zip(starts, [*starts[1:], len(lines)], strict=True)


def borrowed(body: list[str]) -> list[str]:
    """A function whose columns are not counted where their object holds them all the while.

    That is so of a column that is loaded from an attribute into a register once, and looked at for elements only, if
    from there to the last element nothing is called and no attribute is set. Then nothing else happens either: what
    jumps into these lines from elsewhere goes to where the function fails.

    A reference is counted up once and down once on every way, so both go, wherever the latter stands.
    """
    lines = [line.lstrip() for line in body]
    counted = {found[1]: number for number, line in enumerate(lines) if (found := _COUNTED_UP.fullmatch(line))}
    if not counted:
        return body
    places: dict[str, list[int]] = defaultdict(list)
    labels: dict[str, int] = {}
    jumps: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        for register in set(_REGISTER.findall(line)):
            places[register].append(number)
        label = _LABEL.match(line)
        if label:
            labels[label[1]] = number
        for target in _JUMP.findall(line):
            jumps[target].append(number)
    for register, first in counted.items():
        last = _last_element(lines, register, places[register], first)
        if last < 0:
            continue
        inside = range(first, last + 1)
        if all(_HARMLESS.fullmatch(lines[number]) for number in inside) and all(
            lines[at + 1].startswith(_FAILS) or all(jump in inside for jump in jumps[label])
            for label, at in labels.items()
            if at in inside
        ):
            for number in places[register]:
                if _COUNTED_UP.fullmatch(lines[number]) or _COUNTED_DOWN.fullmatch(lines[number]):
                    lines[number] = body[number] = ""
    return body


def _last_element(lines: list[str], register: str, numbers: list[int], first: int) -> int:
    """The line of the last element of a column that is in a register, counted in line `first`.

    -1: the register is not loaded from an attribute once, right before, or is there for more than elements.
    """
    loaded = _LOADED.match(lines[first - 1])
    if not loaded or loaded[1] != register or lines[numbers[0]] != f"VecI64 {register};" or numbers[1] != first - 1:
        return -1
    last = -1
    for number in numbers[3:]:
        if lines[number].endswith(f" = (CPyPtr){register}.items;"):
            behind = lines[number + 1 : number + 4]  # the element's address, and the element
            if len(behind) < 3 or _ELEMENT not in behind[2]:
                return -1
            last = number + 3
        elif not lines[number].endswith(f" = (int64_t){register}.len;") and not _COUNTED_DOWN.fullmatch(lines[number]):
            return -1
    return last


def direct(c: str) -> str:
    """With a short way to functions that are called through a variable."""
    return _CALL.sub("CPy_Called(", c)


def aside(c: str) -> str:
    """With what is hardly called in another place than what is.

    Four fifths of what mypyc writes is that. Between the rest it would take the processor's room for pages.
    """
    for pattern, instead in _ASIDE:
        c = pattern.sub(instead, c)
    return c


def apart(function: str) -> str:
    """A function where what an index from the end reads or writes is read or written on a way of its own.

    So each way has its index where it was. Nothing else may come to where the two met, or look at what was worked out
    there.
    """
    names = Counter(_NAMES.findall(function))

    def separated(found: re.Match[str]) -> str:
        place, items, bytes, address = (names[found[name]] for name in ("place", "items", "bytes", "address"))
        if names[f"goto {found['met']}"] != 1 or place != 4 or (items, bytes, address) != (3, 3, 3):
            return found[0]
        element = f" {found['before']}*(int64_t *)((CPyPtr){found['column']}.items + {{}} * 8){found['behind']}"
        negative, usual = element.format(found["negative"]), element.format(found["index"])
        return "\n".join([negative, f" goto {found['met']};", f"{found['inside']}: ;", usual, f"{found['met']}: ;"])

    def kept_no_length(found: re.Match[str]) -> str:
        length = _AGAIN.format(f"{found['attribute']}.len", found["length"])
        return found[0].replace(found["last"], f"{length}\n {found['last']}")

    return _LOOKED_AT.sub(kept_no_length, _MET.sub(separated, function))
