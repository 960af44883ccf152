"""What a program exports by names that are called from here: of any type, and whatever it does when it is called."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from worlds import counted, world

import wasmer_emscripten
from wasmer_emscripten import CppException, EmscriptenError, ExitCode, Program, WrongArgument, load
from wasmer_emscripten.exports import TYPES
from wasmer_emscripten.functions import ROWS
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import Error, ExportNotFound, GrowError, Timeout, Trap
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_vfs import MemoryDirectory

EXCEPTION, TYPE, TEXT = 0x30000, 0x1000, 0x2000
IMPORTS = """
(import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
(import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
(import "env" "__cxa_allocate_exception" (func $allocate (param i32) (result i32)))
(import "env" "exit" (func $exit (param i32)))
(import "env" "emscripten_throw_longjmp" (func $longjmp))
"""
HONEST = {
    "malloc": "(param i32) (result i32) (i32.const 0x20000)",
    "free": "(param i32)",
    "memalign": "(param i32 i32) (result i32) (i32.const 0x20000)",
    "stackSave": "(result i32) (i32.const 0x10000)",
    "stackRestore": "(param i32)",
    "stackAlloc": "(param i32) (result i32) (i32.const 0x8000)",
    "emscripten_stack_init": "",
    "emscripten_stack_get_base": "(result i32) (i32.const 0)",
    "emscripten_stack_get_end": "(result i32) (i32.const 0)",
    "__set_stack_limits": "(param i32 i32)",
    "__wasm_call_ctors": "",
    "main": "(param i32 i32) (result i32) (i32.const 7)",
    "__funcs_on_exit": "",
    "fflush": "(param i32) (result i32) (i32.const 0)",
    "setThrew": "(param i32 i32)",
    "setTempRet0": "(param i32)",
    "__cxa_can_catch": "(param i32 i32 i32) (result i32) (i32.const 0)",
    "__cxa_is_pointer_type": "(param i32) (result i32) (i32.const 0)",
    "__get_exception_message": "(param i32 i32 i32)",
}
OTHER_TYPES = (
    "",
    "(param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0)",
    "(param f64 f64) (result f64) (f64.const nan)",
    "(param i32) (result i64) (i64.const -1)",
    "(param externref) (result externref) (local.get 0)",
    "(result i32 i32) (i32.const 1) (i32.const 2)",
    "(param v128)",
)
RESULTS = ("-1", "-16", "0x7fffffff", "0x3ffffff", "1", "0")


def text(changed: dict[str, str]) -> str:
    functions = "\n".join(f'(func (export "{name}") {body})' for name, body in (HONEST | changed).items())
    return f"""
    (module {IMPORTS} (memory (export "memory") 4) {functions}
      (table (export "__indirect_function_table") 4 8 funcref)
      (data (i32.const {TYPE + 4}) "\\00\\20\\00\\00") (data (i32.const {TEXT}) "9Something\\00")
      (func (export "go") (call $throw (i32.const {EXCEPTION}) (i32.const {TYPE}) (i32.const 0)))
      (func (export "len") (param i32) (result i32) (i32.const 4)))"""


USES: dict[str, Callable[[Program], Any]] = {
    "main": lambda p: p.main("an argument"),
    "a text": lambda p: p.new_string("text"),
    "a call with texts": lambda p: p.cwrap("len", int, [str])("text"),
    "a stack": lambda p: p.stack().string("text"),
    "an exception": lambda p: p.go(),
    "an exception of a call with texts": lambda p: p.ccall("go", None, []),
    "catching": lambda p: (begun(p, "__cxa_begin_catch", EXCEPTION), begun(p, "__cxa_find_matching_catch_3", TYPE)),
    "the end of a handler": lambda p: (begun(p, "__cxa_begin_catch", EXCEPTION), begun(p, "__cxa_end_catch")),
    "mmap": lambda p: begun(p, "_mmap_js", 64, 3, 1, p.process.descriptors.limit and 3, 0, TEXT, TEXT),
    "the end": lambda p: p.finish(),
}


def begun(program: Program, name: str, *args: int) -> Any:
    program.process.exceptions.last = EXCEPTION
    program.process.guest.put_u32(EXCEPTION - 20, TYPE + 64)
    return ROWS[name][0].function(program.process, *args)


def check_ends_well(changed: dict[str, str]) -> None:
    """Whatever is asked of such a program, it answers, or ends with what is documented."""
    module = compile_with(text(changed), find_compiler("singlepass"))
    for what, use in USES.items():
        try:
            program = load(module, stdout=None, stderr=None, mounts={"/m": MemoryDirectory({"f": b"text"})})
            program.fs.write_text("/f", "text")
            begun(program, "__syscall_openat", -100, put(program, b"/f\0"), 2, 0)
            use(program)
        except (EmscriptenError, ExitCode, ExportNotFound, Trap, OSError):
            continue
        except Exception as failure:
            raise AssertionError(f"{what} of a program with {changed} raised {failure!r}") from failure


def put(program: Program, data: bytes) -> int:
    program.process.guest.write(TEXT + 64, data)
    return TEXT + 64


@pytest.mark.parametrize("name", HONEST)
def test_an_export_of_another_type(name: str) -> None:
    for body in OTHER_TYPES:
        check_ends_well({name: body})


@pytest.mark.parametrize("name", [name for name, body in HONEST.items() if "(result i32)" in body])
def test_an_export_that_lies(name: str) -> None:
    declared = HONEST[name].partition(" (i32.const")[0]
    for result in RESULTS:
        check_ends_well({name: f"{declared} (i32.const {result})"})


ENDS = {
    "traps": "(unreachable)",
    "throws": f"(call $throw (i32.const {EXCEPTION}) (i32.const {TYPE}) (i32.const 0))",
    "exits": "(call $exit (i32.const 3))",
    "jumps": "(call $longjmp)",
    "calls itself": "(drop (call $allocate (i32.const 8)))",
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("name", HONEST)
def test_an_export_that_does_not_return(name: str, how: str) -> None:
    declared, _, rest = HONEST[name].partition("(i32.const")
    try:
        check_ends_well({name: declared + ENDS[how] + (f"(i32.const{rest}" if rest else "")})
    except AssertionError as failure:
        if not isinstance(failure.__cause__, RecursionError):
            raise


def test_what_is_looked_up_has_its_types() -> None:
    names = set()
    for path in Path(wasmer_emscripten.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if node.func.attr == "find" and "links" in ast.unparse(node.func.value):
                    names |= set(given)
                elif node.func.attr == "need":
                    names |= set(given[1:] if isinstance(node.args[0], ast.Constant) else given)
    assert len(names) > 20 and names <= set(TYPES), names - set(TYPES)
    assert set(HONEST) <= set(TYPES)


# --- exceptions that are described when they leave the program


def throwing(message: str, name: str = "9Something") -> Program:
    module = text({"__get_exception_message": f"(param i32 i32 i32) {message}"}).replace("9Something", name)
    return load(module.encode(), stdout=None, stderr=None)


def test_a_description_is_part_of_the_call() -> None:
    """What a program says of its exception is its own code: it ends with the deadline of the call."""
    program = throwing("(loop (br 0))")
    with pytest.raises(Timeout):
        program.go(timeout=0.2)
    with pytest.raises(TypeError):
        program.go(1, timeout=0.2)


@pytest.mark.parametrize("how", ENDS)
def test_a_description_that_fails(how: str) -> None:
    with pytest.raises(CppException, match=r"^Something"):
        throwing(ENDS[how]).go()


@pytest.mark.parametrize("name", ["²", "1²", "0", "9", "N", "NE", "N0E", "99999" * 40, "\\ff\\fe", "\\1b[31m"])
def test_a_name_of_a_type_that_is_none(name: str) -> None:
    with pytest.raises(CppException) as raised:
        throwing("", name).go()
    assert "\x1b" not in str(raised.value)


# --- calls through pointers


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("(result i32)", "(result f64) (f64.const 0.5)"),
        ("(result i32)", ""),
        ("(result i32)", "(result i32 i32) (i32.const 1) (i32.const 2)"),
        ("(param i32)", "(param f64)"),
        ("(param i32)", "(param i64)"),
        ("(param i32)", "(param externref)"),
        ("(param externref)", "(param f64)"),
        ("(param f32)", "(param f64)"),
        ("(param i32 i32)", "(param i32)"),
    ],
)
def test_a_pointer_to_a_function_of_another_type(wanted: str, found: str) -> None:
    params = wanted.partition("(result")[0].removeprefix("(param").rstrip(" )")
    results = "(result i32)" if "result" in wanted else ""
    values = {"i32": "(i32.const 1)", "externref": "(ref.null extern)", "f32": "(f32.const 1)"}
    given = " ".join(values[each] for each in params.split())
    program = world(
        f'(import "env" "invoke_x" (func $invoke (param i32 {params}) {results}))',
        f"""(func $f {found}) (elem (i32.const 5) $f)
        (func (export "go") {results} (call $invoke (i32.const 5) {given}))""",
    )
    with pytest.raises(WrongArgument, match="through a pointer, as one of type"):
        program.go()


def test_a_result_that_nobody_wants() -> None:
    program = world(
        '(import "env" "invoke_v" (func $invoke (param i32)))',
        """(func $f (result i32) (i32.const 1)) (elem (i32.const 5) $f)
        (func (export "go") (call $invoke (i32.const 5)))""",
    )
    assert program.go() is None


def test_objects_in_a_table_are_not_called() -> None:
    called: list[object] = []
    program = load(
        b"""(module (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
        (import "env" "invoke_v" (func $invoke (param i32)))
        (table 4 externref) (func (export "stackSave") (result i32) (i32.const 0))
        (func (export "stackRestore") (param i32))
        (func (export "go") (param externref) (table.set (i32.const 1) (local.get 0)) (call $invoke (i32.const 1))))"""
    )
    for each in (print, called.append, program.exports.stackSave):
        with pytest.raises(WrongArgument, match="leads nowhere"):
            program.go(each)


# --- what is made for a module is made under its limits


@pytest.mark.parametrize("count", [1, 5])
def test_what_a_module_imports_is_under_its_limits(count: int) -> None:
    def module(pages: int, elements: int) -> bytes:
        tables = " ".join(f'(import "env" "t{at}" (table {elements} funcref))' for at in range(count))
        return f"""(module (import "env" "emscripten_resize_heap" (func $resize (param i32) (result i32)))
            (import "env" "memory" (memory $m {pages} 1000)) {tables}
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
            (func (export "resize") (param i32) (result i32) (call $resize (local.get 0))))""".encode()

    limits = Limits(memory_pages=20, total_memory_pages=30, table_elements=100, total_table_elements=100 * count)
    program = load(module(10, 100), limits=limits)
    assert (limits.pages, limits.elements) == (10, 100 * count)
    assert program.grow(11) == -1 and program.resize(21 << 16) == 0
    assert program.grow(10) == 10 and program.memory.pages == 20
    with pytest.raises(GrowError):
        program.memory.grow(1)
    for pages, elements in [(21, 1), (11, 1), (1, 101), (1, 1)]:
        with pytest.raises(Error, match="the limit is"):
            load(module(pages, elements), limits=limits)
    del program
    assert (limits.pages, limits.elements) == (0, 0)


# --- the stack is given back, and nobody waits for that


def test_a_stack_that_is_never_given_back() -> None:
    program = world(
        "",
        """(func (export "fail") (param i32) (global.set $bad (i32.const 1)) (unreachable))
        (global $bad (mut i32) (i32.const 0))
        (func (export "_emscripten_stack_get_current") (result i32) (i32.const 64))
        (func (export "_emscripten_stack_restore") (param i32) (if (global.get $bad) (then (loop (br 0)))))""",
    )
    with pytest.raises(Trap, match="unreachable"):
        program.cwrap("fail", None, [str])("text")


def test_many_imports_of_a_wide_type() -> None:
    """A row of some bytes for each: what is made for it does not grow with its type."""
    count, width = 700, 900
    imports = "\n".join(f'(import "env" "f{at}" (func (type $wide)))' for at in range(count))
    text = f"""(module (type $wide (func (param {"i32 " * width})))
        (import "env" "emscripten_resize_heap" (func (param i32) (result i32))) {imports})"""
    module = compile_with(text, find_compiler("singlepass"))
    program, allocated = counted(lambda: load(module, stdin=b"", stdout=None, stderr=None))
    assert isinstance(program, Program) and allocated < 4096 * count
