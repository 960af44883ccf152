"""C++ exceptions in WebAssembly's own encodings: to Python, from it, through it, past it."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any

import pytest
from worlds import fixture, imitation, todays, world

from wasmer_emscripten import CAPTURE, Aborted, CppException, ExitCode, NotSupported, load
from wasmer_emscripten.errors import EncodedCppException
from wasmer_runtime_core.errors import InternalError, LinkError, Timeout, Trap
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.objects.tags import Tag, WasmException

MODULES = {
    "legacy": functools.partial(fixture, "encoded"),
    "telling": functools.partial(todays, "encoded_telling"),
    "newer": functools.partial(todays, "encoded_newer"),
}
TELLING = ("telling", "newer")
"""Those that export `__get_exception_message`."""


@pytest.fixture(params=MODULES)
def encoding(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def program(encoding: str, backend: str) -> Any:
    return load(MODULES[encoding](backend), stdout=CAPTURE, stderr=CAPTURE)


def thrower(program: Any) -> Callable[[int], None]:
    raising: Callable[[int], None] = getattr(program.bindings, "raise")
    return raising


THROWN = [
    (0, "int", ""),
    (1, "std::runtime_error", "runtime"),
    (2, "shop::Closed", "until tomorrow"),
    (3, "char const*", ""),
    (4, "NSt3__26vectorIiNS_9allocatorIiEEEE", ""),
    (5, "std::out_of_range", "x" * 3000),
]


@pytest.mark.parametrize(("kind", "type", "message"), THROWN)
def test_an_exception_arrives_as_what_it_is(program: Any, encoding: str, kind: int, type: str, message: str) -> None:
    for call in (thrower(program), program.throw_out, program.cwrap("throw_out", None, [int])):
        with pytest.raises(CppException) as caught:
            call(kind)
        assert caught.value.type in (type, type.replace("St3__26", "St3__16"))  # libc++ of 3.1.6 has another namespace
        assert caught.value.message == (message if encoding in TELLING else "")
        assert caught.value.frames and caught.value.__cause__ is None and caught.value.__suppress_context__


def test_destructors_run_where_an_exception_leaves(program: Any) -> None:
    with pytest.raises(CppException):
        program.throw_out(1)
    assert program.count_destroyed() == 1


def test_what_is_thrown_through_python_is_caught_by_its_type(program: Any) -> None:
    again = thrower(program)

    def passing(kind: int) -> None:
        try:
            again(kind)
        except CppException as thrown:
            assert thrown.type
            raise

    for callback in (again, passing):
        assert program.through(callback, 0) == "caught 42"
        assert program.through(callback, 1) == "caught runtime"
        assert program.through(callback, 2) == "closed until tomorrow"
        assert program.through(callback, 9) == "returned"
        with pytest.raises(CppException) as caught:
            program.through(callback, 3)
        assert caught.value.type == "char const*"
        assert [program.anything(callback, kind) for kind in (4, 9)] == ["something", "returned"]


def test_an_exception_that_was_kept_is_thrown_once_more(program: Any) -> None:
    raising = thrower(program)
    try:
        raising(2)
    except CppException as thrown:
        kept = thrown

    def raise_kept(value: int) -> None:
        raise kept

    assert program.through(raise_kept, 0) == "closed until tomorrow"


def test_exceptions_that_cpp_keeps_tell_what_they_stand_for(program: Any, encoding: str) -> None:
    program.keep(2)
    with pytest.raises(CppException) as caught:
        program.again()
    assert caught.value.type == "shop::Closed"
    assert caught.value.message == ("until tomorrow" if encoding in TELLING else "")
    assert program.through(lambda value: program.again(), 0) == "closed until tomorrow"
    program.let_go()


class Marker(Exception):
    """What only the test raises."""


def test_an_exception_of_pythons_runs_destructors_and_comes_out_itself(program: Any) -> None:
    marker = Marker()

    def fail(value: int) -> None:
        raise marker

    for function, destroyed in ((program.past, 1), (program.through, 2), (program.anything, 1)):
        before = program.count_destroyed()
        with pytest.raises(Marker) as caught:
            function(fail, 1)
        assert caught.value is marker and program.count_destroyed() - before == destroyed
    with pytest.raises(Aborted):
        program.careful(fail, 1)  # noexcept: std::terminate


@pytest.mark.parametrize("raised", [Timeout("now"), KeyboardInterrupt(), ExitCode(3), InternalError("no")])
def test_what_ends_a_program_passes_all_of_its_code(program: Any, raised: BaseException) -> None:
    def fail(value: int) -> None:
        raise raised

    for function in (program.past, program.through, program.anything, program.careful):
        with pytest.raises(type(raised)) as caught:
            function(fail, 1)
        assert caught.value is raised and program.count_destroyed() == 0


def test_the_program_ends_itself_past_all_of_its_code(program: Any) -> None:
    with pytest.raises(ExitCode) as ended:
        program.leave(3)
    assert ended.value.code == 3
    with pytest.raises(Aborted):
        program.stop()
    with pytest.raises(NotSupported) as missing:
        program.unsupported()  # out of a function that is noexcept
    assert missing.value.name == "env.not_supported"
    assert program.count_destroyed() == 0


def test_longjmp_among_exceptions(program: Any) -> None:
    assert program.jump(100) == 5050


def test_many_exceptions_leave_nothing_behind(program: Any) -> None:
    assert program.churn(10) == 10
    pages = program.memory.size
    assert program.churn(2000) == 2000
    assert program.memory.size == pages


def test_methods_of_objects_throw(program: Any, encoding: str) -> None:
    with program.Account() as account:
        account.take(30)
        with pytest.raises(CppException, match="std::range_error") as caught:
            account.take(100)
        assert caught.value.message == ("only 70" if encoding in TELLING else "")
        assert account.rest == 70


def test_a_deadline_ends_a_program_that_catches_all(backend: str) -> None:
    module = """
      (module
        (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
        (memory (export "memory") 1)
        (func $spin (loop $again (br $again)))
        (func (export "stubborn") (loop $again (block $caught (try_table (catch_all $caught) (call $spin)))
          (br $again))))
    """
    program = load(module, backend=backend)
    with pytest.raises(Timeout), timeout(0.05):
        program.stubborn()


# --- what a module makes up

TAG = '(import "env" "__cpp_exception" (tag $cpp (param i32)))'
THROWS = """
  (func (export "fail") (param i32) (throw $cpp (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $caught (result i32) (try_table (catch $cpp $caught) (call $call (local.get 0))) (i32.const -1)))
"""
CALL = '(import "env" "call" (func $call (param i32)))'
UNWINDING = 8192
CPP_CLASS = 0x434C4E47432B2B00


def written(program: Any, at: int, name: bytes, kind: int = CPP_CLASS) -> None:
    """Write an exception that begins behind what unwinding knows of it, at an address."""
    put = program.process.guest.write
    put(4096, struct.pack("<II", 0, 4112) + bytes(8) + name + b"\0")
    put(at - 48, struct.pack("<I", 4096) + bytes(44) + struct.pack("<Q", kind))


def test_a_tag_that_the_host_makes() -> None:
    calling: list[Any] = []
    program = world(TAG + CALL, THROWS, functions={"call": lambda value: calling[0](value)})
    written(program, UNWINDING, b"N4shop6ClosedE")
    with pytest.raises(CppException) as caught:
        program.fail(UNWINDING)
    assert caught.value.type == "shop::Closed" and caught.value.pointer == UNWINDING + 32
    assert isinstance(caught.value, EncodedCppException) and caught.value.tag is program.process.tags["__cpp_exception"]
    calling.append(program.fail)
    assert program.exports["catch"](UNWINDING) == UNWINDING
    assert program.exports["catch"](5) == 5  # one of no class is caught by its tag as well


@pytest.mark.parametrize("at", [0, 5, 4096, -1, -8, 8 << 20, (1 << 31) - 1, -(1 << 31), UNWINDING - 4])
def test_what_is_no_exception_of_cpp_is_one_of_webassembly(at: int) -> None:
    program = world(TAG + CALL, THROWS, functions={"call": lambda value: None})
    written(program, UNWINDING, b"i")
    with pytest.raises(WasmException) as caught:
        program.fail(at)
    assert not isinstance(caught.value, CppException) and caught.value.values == (at,)


@pytest.mark.parametrize(
    ("type_at", "name", "expected"),
    [(0, b"i", ""), (1 << 31, b"i", ""), (0xFFFFFFFC, b"i", ""), (4096, b"\xff\xfe", "\ufffd\ufffd"), (4096, b"", "")],
)
def test_types_that_make_no_sense(type_at: int, name: bytes, expected: str) -> None:
    program = world(TAG + CALL, THROWS, functions={"call": lambda value: None})
    written(program, UNWINDING, name)
    program.process.guest.put_u32(UNWINDING - 48, type_at)
    with pytest.raises(CppException) as caught:
        program.fail(UNWINDING)
    assert caught.value.type == expected


@pytest.mark.parametrize("primary", [0, 32, 79, 0xFFFFFFFF, 1 << 31])
def test_an_exception_that_stands_for_one_that_is_nowhere(primary: int) -> None:
    program = world(TAG + CALL, THROWS, functions={"call": lambda value: None})
    written(program, UNWINDING, b"i", CPP_CLASS + 1)
    program.process.guest.put_u32(UNWINDING - 4, primary)
    with pytest.raises(CppException) as caught:
        program.fail(UNWINDING)
    assert caught.value.pointer == primary and caught.value.message == ""


ENDLESS = '(func (export "__get_exception_message") (param i32 i32 i32) (loop (br 0)))'
TRAPPING = '(func (export "__get_exception_message") (param i32 i32 i32) (unreachable))'
THROWING = '(func (export "__get_exception_message") (param i32 i32 i32) (throw $cpp (i32.const 8192)))'


def test_a_program_that_says_nothing_of_its_exceptions() -> None:
    for more in (TRAPPING, THROWING):
        program = world(TAG + CALL, THROWS + more, functions={"call": lambda value: None})
        written(program, UNWINDING, b"i")
        with pytest.raises(CppException) as caught:
            program.fail(UNWINDING)
        assert (caught.value.type, caught.value.message) == ("int", "")
    program = world(TAG + CALL, THROWS + ENDLESS, functions={"call": lambda value: None})
    written(program, UNWINDING, b"i")
    with pytest.raises(Timeout):
        program.fail(UNWINDING, timeout=0.05)


EXPORTED = """
  (tag $cpp (export "__cpp_exception") (param i32))
  (tag $other (param i32))
  (func (export "fail") (param i32) (throw $cpp (local.get 0)))
  (func (export "fail_otherwise") (param i32) (throw $other (local.get 0)))
"""


def test_another_tag_is_no_exception_of_cpp() -> None:
    program = world("", EXPORTED)
    written(program, UNWINDING, b"i")
    with pytest.raises(CppException):
        program.fail(UNWINDING)
    with pytest.raises(WasmException) as caught:
        program.fail_otherwise(UNWINDING)
    assert not isinstance(caught.value, CppException)


@pytest.mark.parametrize(
    ("tag", "throw"),
    [
        ('(tag $cpp (export "__cpp_exception") (param i64))', "(throw $cpp (i64.const 8192))"),
        ('(tag $cpp (export "__cpp_exception"))', "(throw $cpp)"),
        ('(tag $cpp (param f32)) (func (export "__cpp_exception"))', "(throw $cpp (f32.const 8192))"),
    ],
)
def test_tags_of_other_types(tag: str, throw: str) -> None:
    imports = '(import "env" "__throw_exception_with_stack_trace" (func $trace (param i32)))'
    more = f'{tag} (func (export "fail") {throw}) (func (export "trace") (call $trace (i32.const 8192)))'
    program = world(imports, more)
    written(program, UNWINDING, b"i")
    with pytest.raises(WasmException) as caught:
        program.fail()
    assert not isinstance(caught.value, CppException)
    with pytest.raises(NotSupported, match="exports no tag __cpp_exception"):
        program.trace()


def test_what_is_thrown_with_its_trace() -> None:
    imports = '(import "env" "__throw_exception_with_stack_trace" (func $trace (param i32)))'
    program = world(imports, EXPORTED + '(func (export "trace") (param i32) (call $trace (local.get 0)))')
    written(program, UNWINDING, b"i")
    with pytest.raises(CppException) as caught:
        program.trace(UNWINDING)
    assert caught.value.type == "int" and [frame.function_name for frame in caught.value.frames][-1] == "trace"


def test_one_name_is_one_tag() -> None:
    two = '(import "env" "__c_longjmp" (tag (param i32)))'
    program = world(TAG + two + two, "")
    tags = program.process.tags
    assert sorted(tags) == ["__c_longjmp", "__cpp_exception"] and all(isinstance(each, Tag) for each in tags.values())
    with pytest.raises(LinkError, match="__c_longjmp"):
        load(imitation(two + '(import "env" "__c_longjmp" (tag (param i64)))'))


def test_an_invoke_lets_encoded_exceptions_pass() -> None:
    imports = TAG + CALL + '(import "env" "invoke_vi" (func $invoke (param i32 i32)))'
    more = THROWS + '(func (export "try") (param i32) (call $invoke (local.get 0) (i32.const 8192)))'
    program = world(imports, more, functions={"call": lambda value: None})
    written(program, UNWINDING, b"i")
    with pytest.raises(CppException):
        program.exports["try"](program.add_function(program.fail, "vi"))
    assert program.exports["threw"].value == 0


def test_a_trap_passes(backend: str) -> None:
    program = load(MODULES["newer"](backend))

    def fail(value: int) -> None:
        raise Trap("of another instance")

    with pytest.raises(Trap, match="of another instance"):
        program.careful(fail, 1)
    assert program.count_destroyed() == 0
