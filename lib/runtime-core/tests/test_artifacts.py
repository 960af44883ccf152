"""Artifacts: modules as bytes. Of hand-written machine code; those of backends are in lib/runtime/tests."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from machine_code import Program
from test_module import EVERYTHING, NoCode, module_of

from tests.between_steps import KINDS, check_every_step
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.artifact import ARTIFACT_VERSION, INFO_FIELDS
from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.vmctx import INITIALIZER_STEPS
from wasmer_runtime_core.errors import CacheError, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.native.machine import MappedFile, checksum, is_plain
from wasmer_runtime_core.running.artifacts import layout
from wasmer_runtime_core.running.artifacts.layout import CODE, FIXED, MAGIC, PAGE, Sections, write
from wasmer_runtime_core.running.artifacts.plain_values import dump, dump_plain, load, load_plain
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.module import PASSIVE
from wasmer_runtime_core.wasm.types import EXTERNREF, I32, I64


def program() -> Module:
    """A function that adds, one that reads memory 0, one that traps; data."""
    made = Program()
    made.memory(1)
    made.function("add", "i32 i32", "i32", "add")
    made.function("load", "i32", "i32", "load", offset=0)
    made.function("fail", "", "", "unreachable")
    made.data(4, b"\x2a\0\0\0")
    made.data(0, b"kept", PASSIVE)
    return made.module("MEMORY_OUT_OF_BOUNDS")


def works(module: Module) -> None:
    exports = Instance(module, []).exports
    assert exports["add"](40, 2) == exports["load"](4) == 42
    with pytest.raises(Trap) as caught:
        exports["fail"]()
    assert [frame.function_name for frame in caught.value.frames] == ["fail"]


def refused(data: bytes, kind: str, tmp_path: Path) -> None:
    """In memory and in a file."""
    path = tmp_path / "refused.wasmer"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(CacheError) as caught:
            Module.deserialize(source)
        assert caught.value.kind == kind, caught.value


def sealed(data: bytearray) -> bytes:
    """With the checksums that the rest of it asks for."""
    length = int.from_bytes(data[16:20], "little")
    data[32:36] = checksum(data[length:]).to_bytes(4, "little")
    data[20:24] = bytes(4)
    data[20:24] = checksum(data[:length]).to_bytes(4, "little")
    return bytes(data)


def contents(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The facts and sections of an artifact."""
    sections = Sections(data, "this")
    return sections.facts, {name: sections[name] for name in sections.names}


# --- there and back -----------------------------------------------------------------------


def test_a_module_comes_back_from_bytes_from_a_file_and_from_a_pickle(tmp_path: Path) -> None:
    module = program()
    data = module.serialize()
    path = tmp_path / "module.wasmer"
    path.write_bytes(data)
    for source in (data, bytearray(data), memoryview(data), path):
        again = Module.deserialize(source)
        works(again)
        assert again.serialize() == data
        assert again.backend == module.backend and repr(again) == repr(module)
    again = pickle.loads(pickle.dumps(module))
    works(again)
    assert again.serialize() == data
    works(module)
    assert module.serialize() == data and module.cache() is module


def test_everything_that_is_declared_comes_back() -> None:
    module = module_of("$named" + EVERYTHING + '(data (i32.const 0) "abc") (data "p") (elem (i32.const 0) func 0)')
    again = Module.deserialize(module.serialize())
    assert again.prepared is None
    for name in INFO_FIELDS:
        assert getattr(again.info, name) == getattr(module.info, name), name
        assert type(getattr(again.info, name)) is type(getattr(module.info, name)), name
    assert again.compiled == module.compiled
    assert (again.name, again.imports, again.exports) == ("named", module.imports, module.exports)
    with pytest.raises(AttributeError, match="'StoredInfo' object has no attribute 'nothing'"):
        again.info.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "fields",
    [
        "",
        '(memory i64 1) (data (i64.const 5) "a") (data (i64.const -1) "b")',
        '(memory 1) (memory $b 1) (data (memory $b) (i32.const -1) "a")',
        '(import "e" "g" (global $g i32)) (memory 1) (data (global.get $g) "a") (data (i32.const 0) "")',
        '(memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "a") (data "passive") (data (i32.const 1) "b")',
        "(global i32 (i32.sub (i32.const 1) (i32.const 2))) (global v128 (v128.const i64x2 1 -1))",
        "(table 4 externref) (elem (i32.const 1) externref (ref.null extern)) (elem declare func)",
    ],
)
def test_initializers_come_back(fields: str) -> None:
    module = module_of(fields)
    again = Module.deserialize(module.serialize())
    for name in INFO_FIELDS:
        assert getattr(again.info, name) == getattr(module.info, name), name
    assert again.serialize() == module.serialize()


def test_declarations_are_read_when_they_are_asked_for() -> None:
    again = Module.deserialize(program().serialize())
    works(again)
    assert not {"globals", "elements", "data", "types"}.intersection(vars(again.info))
    assert [segment.data for segment in again.info.data] == [b"\x2a\0\0\0", b"kept"]
    assert again.info.data is again.info.data


def test_an_info_pickles_without_its_artifact() -> None:
    info = Module.deserialize(program().serialize()).info
    again = pickle.loads(pickle.dumps(info))
    assert {name: getattr(again, name) for name in INFO_FIELDS} == {name: getattr(info, name) for name in INFO_FIELDS}


def test_equal_modules_give_equal_bytes() -> None:
    """Whoever else holds one of their values, and whatever was asked of them."""
    text = '(module $a (type (func (param i32))) (type (func (param i32))) (memory 1) (export "m" (memory 0)))'
    one, other = (compile_with(text, NoCode()) for _ in range(2))
    held = [one.info.exports, one.info.exports[0].name, one.info.types, one.name]
    assert one.serialize() == other.serialize() and held


def test_code_of_a_file_is_mapped_and_takes_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "module.wasmer"
    path.write_bytes(program().serialize())
    before = len(os.listdir("/proc/self/fd"))
    module = Module.deserialize(path)
    assert len(os.listdir("/proc/self/fd")) == before
    address = module.stored.code.address
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, _, end = line.split()[0].partition("-")
        if int(start, 16) <= address < int(end, 16):
            assert line.split()[1] == "r-xp" and line.endswith(str(path)), line
            break
    else:
        pytest.fail("the code is nowhere")
    with pytest.raises(TypeError, match="pathlib"):
        Module.deserialize(str(path))  # type: ignore[arg-type]


def test_a_file_system_without_code_is_read(tmp_path: Path) -> None:
    """Where code of a file cannot be mapped to be run, it is copied: here it does not lie at a page's boundary."""
    path = tmp_path / "module.wasmer"
    data = program().serialize()
    path.write_bytes(b"12345678" + data)
    file = MappedFile(path)
    sections = Sections(data, "this")
    compiled = program().compiled
    _, at, size = sections.part(CODE)
    code = machine.Code((file, 8 + at, size), compiled.function_offsets, compiled.sites, 0, None, False)
    assert code.code_bytes == size and code.locate(code.address) == (0, 0)


def test_what_is_no_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, error in ((tmp_path, IsADirectoryError), (tmp_path / "none", FileNotFoundError), (fifo, OSError)):
        with pytest.raises(error):
            Module.deserialize(path)


# --- what is refused ------------------------------------------------------------------------


def test_foreign_bytes(tmp_path: Path) -> None:
    for data in (b"", b"\0asm\1\0\0\0", b"x" * 100, b"\x7fELF" + bytes(100), MAGIC[:4] + b"!" * 100):
        refused(data, "foreign", tmp_path)


def test_every_prefix_is_truncated(tmp_path: Path) -> None:
    data = program().serialize()
    for length in (*range(1, 400), *range(400, len(data), 97), len(data) - 1):
        with pytest.raises(CacheError) as caught:
            Module.deserialize(data[:length])
        assert caught.value.kind == "truncated", length
    refused(data[:-1], "truncated", tmp_path)
    refused(data + b"\0", "damaged", tmp_path)


def test_every_byte_is_covered_by_a_checksum() -> None:
    data = bytearray(program().serialize())
    for at in range(len(data)):
        data[at] ^= 0x10
        with pytest.raises(CacheError):
            Module.deserialize(data)
        data[at] ^= 0x10


def test_other_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(program().serialize())
    for version in (ARTIFACT_VERSION - 1, ARTIFACT_VERSION + 1, 0):
        data[8:12] = version.to_bytes(4, "little")
        refused(sealed(data), "version", tmp_path)
    good = program().serialize()
    monkeypatch.setattr(layout, "INFO_FIELDS", (*INFO_FIELDS, "more"))
    monkeypatch.setattr(layout, "contract_number", type(layout.contract_number)(layout.contract_number._work_out))
    refused(good, "version", tmp_path)


def test_what_an_earlier_version_pickled_is_refused() -> None:
    with pytest.raises(CacheError, match="compile it again") as caught:
        Module.restored(5, (), ())
    assert caught.value.kind == "version"


@pytest.mark.parametrize(
    ("fact", "words"),
    [({"target": "aarch64-aapcs"}, "aarch64-aapcs"), ({"cpu_features": ("sse4.1", "telepathy")}, "telepathy")],
)
def test_other_processors(fact: dict[str, Any], words: str, tmp_path: Path) -> None:
    facts, sections = contents(program().serialize())
    other = write({**facts, **fact}, sections)
    refused(other, "processor", tmp_path)
    with pytest.raises(CacheError, match=words):
        Module.deserialize(other)


def test_an_error_says_which_file_and_crosses_processes(tmp_path: Path) -> None:
    path = tmp_path / "named.wasmer"
    path.write_bytes(b"nothing")
    with pytest.raises(CacheError, match=r"named\.wasmer is no compiled module") as caught:
        Module.deserialize(path)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.kind, str(again)) == ("foreign", str(caught.value))


# Whole artifacts whose checksums are right, and whose parts do not fit.
def with_section(name: str, change: Callable[[bytes], bytes]) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def do(facts: dict[str, Any], sections: dict[str, bytes]) -> None:
        sections[name] = change(sections[name])

    return do


def with_plan(place: int, value: Any) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def do(facts: dict[str, Any], sections: dict[str, bytes]) -> None:
        rows = list(load_plain(sections["plan"]))
        rows[place] = value(rows[place]) if callable(value) else value
        sections["plan"] = dump_plain(tuple(rows))

    return do


def with_fact(**changes: Any) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda facts, sections: facts.update(changes)


def number(place: int, value: int) -> Callable[[Any], Any]:
    return lambda numbers: (*numbers[:place], value, *numbers[place + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        with_fact(backend=3),
        with_fact(cpu_features=(1,)),
        with_fact(checked_memories=("a",)),
        with_fact(info={}),
        with_fact(info={"nothing": 1}),
        with_fact(plain=True),
        with_fact(more=1),
        lambda facts, sections: facts.pop("target"),
        lambda facts, sections: sections.pop("plan"),
        lambda facts, sections: sections.update(more=b""),
        with_section("function_offsets", lambda data: data[:-1]),
        with_section("function_offsets", lambda data: b""),
        with_section("function_offsets", lambda data: data[4:] + b"\xff\xff\xff\x7f"),
        with_section("sites", lambda data: data[:-1]),
        with_section("inlined", lambda data: data + b"1"),
        with_section("plan", lambda data: data[:-1]),
        with_section("plan", lambda data: dump_plain(3)),
        with_section("packed", lambda data: data[:24] + b"\xff\xff\xff\xff" + data[28:]),
        with_section("packed", lambda data: data[:4] + b"\1" + data[5:]),
        with_section("data", lambda data: data[:-1]),
        *(with_plan(0, number(place, value)) for place in range(15) for value in (4, -1, 2**31, 2**32, 2**70)),
        with_plan(0, ()),
        with_plan(1, ()),
        with_plan(1, ((b"\x7f", b"\x01"),) * 3),
        with_plan(2, b"\xff" * 12),
        with_plan(2, b""),
        with_plan(3, ((0, "a", "b"),)),
        with_plan(3, (3,)),
        with_plan(4, ()),
        with_plan(4, ((1, 2, 3),)),
        with_plan(4, ((-1, 2, 3, 4),)),
        with_plan(6, b"\x7f\0"),
        with_plan(7, ((0, 5),)),
        with_plan(8, b"\xff\xff\xff\xff"),
        with_plan(9, ((0, 0, (0, 0), 0x70, b""),)),
        with_plan(11, lambda places: [places]),
        with_plan(11, {"add": 3}),
        with_plan(12, 3),
    ],
)
def test_parts_that_do_not_fit(change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> None:
    facts, sections = contents(program().serialize())
    change(facts, sections)
    with pytest.raises(CacheError) as caught:
        Instance(Module.deserialize(write(facts, sections)), [])
    assert caught.value.kind == "damaged"


@pytest.mark.parametrize("index", range(5))
def test_references_are_made_of_references_alone(index: int) -> None:
    """They count objects, so a number in their place would be followed."""
    made = Program()
    made.table(0x70, 4)
    made.global_("funcref", 0, operator="ref.null")
    made.global_("externref", 0, operator="ref.null")
    made.global_("i64", 77)
    made.function("nothing", "", "", "nothing")
    made.elements(0, [0])
    facts, sections = contents(made.module().serialize())
    globals_ = lambda *kinds: tuple((0, 77) if kind == "number" else (2, 0) for kind in kinds)  # noqa: E731
    with_plan(
        *[
            (7, (*globals_("number", "null"), (0, 77))),
            (7, (*globals_("null", "number"), (0, 77))),
            (7, (*globals_("null", "null"), (2, 0))),
            (7, ((2, 0), (1, 2), (0, 77))),
            (9, ((1, 0, None, 0x6F, bytes(8), ()),)),
        ][index]
    )(facts, sections)
    with pytest.raises(CacheError, match="do not fit together"):
        Instance(Module.deserialize(write(facts, sections)), [])


_STEP = {name: number for number, name in enumerate(INITIALIZER_STEPS)}
STEPS_THAT_DO_NOT_FIT = {
    "an operand is missing": ((_STEP["I64_ADD"], 0, 0),),
    "operands of another type": ((_STEP["CONSTANT"], 1, I32), (_STEP["CONSTANT"], 1, I32), (_STEP["I64_ADD"], 0, 0)),
    "two values": ((_STEP["CONSTANT"], 1, I64), (_STEP["CONSTANT"], 1, I64)),
    "of another type": ((_STEP["CONSTANT"], 1, I32),),
    "a number for a reference": ((_STEP["CONSTANT"], 1, EXTERNREF),),
    "null of a number": ((_STEP["REF_NULL"], 0, I64),),
    "no such global": ((_STEP["GLOBAL"], 99, 0),),
    "no such function": ((_STEP["REF_FUNC"], 99, 0),),
    "an object of a function's type": ((_STEP["STRUCT_NEW"], 0, 0),),
    "an object of no type": ((_STEP["STRUCT_NEW_DEFAULT"], 0, 99),),
    "an array of more than there is": ((_STEP["ARRAY_NEW_FIXED"], 1 << 40, 0),),
    "a small integer of nothing": ((_STEP["REF_I31"], 0, 0),),
    "a reference that is a number": ((_STEP["CONSTANT"], 1, I64), (_STEP["ANY_CONVERT_EXTERN"], 0, 0)),
    "no such step": ((99, 0, 0),),
    "nothing": (),
}


@pytest.mark.parametrize("steps", STEPS_THAT_DO_NOT_FIT.values(), ids=STEPS_THAT_DO_NOT_FIT)
def test_steps_of_initializers_take_what_is_there(steps: tuple[tuple[int, int, int], ...]) -> None:
    made = Program()
    made.global_("i64", 77)
    made.function("nothing", "", "", "nothing")
    facts, sections = contents(made.module().serialize())
    with_plan(7, ((4, steps),))(facts, sections)
    with pytest.raises(CacheError, match="do not fit together"):
        Instance(Module.deserialize(write(facts, sections)), [])


def test_sections_that_lie_elsewhere() -> None:
    data = program().serialize()
    sections = Sections(data, "this")
    places = {name: sections.part(name)[1:] for name in sections.names}
    length = int.from_bytes(data[16:20], "little")
    directory = data[FIXED:length]
    assert load_plain(directory)[1] == places
    for name, (at, size) in places.items():
        for wrong in ((at, len(data)), (len(data) + 1, 0), (-1, size), (at, -1), (0, size), (at, 2**31 - 1)):
            changed = load_plain(directory)
            changed[1][name] = wrong
            header = dump_plain(changed)
            assert len(header) == len(directory)
            with pytest.raises(CacheError) as caught:
                Module.deserialize(sealed(bytearray(data[:FIXED] + header + data[length:])))
            assert caught.value.kind == "damaged"


# --- plain values ------------------------------------------------------------------------


def test_values_come_back() -> None:
    for value in (
        *(None, True, False, 0, -1, 2**31, -(2**31), 2**63, -(2**64), 2**128 - 1, "", "é\ud800", b"", b"\0" * 9),
        *((), (1, (2, ())), [], [[1], 2], {}, {"a": [(), {"b": b"c"}]}),
    ):
        assert load(dump(value)) == value
    with pytest.raises(TypeError, match="cannot hold a float"):
        dump((1, 2.0))


def test_what_marshal_must_not_be_given() -> None:
    """Counts without what they count, references, objects that are no values, endless depth."""
    nested = b"N"
    for _ in range(40):
        nested = b"(\1\0\0\0" + nested
    for data in (
        *(b"", b"i\0\0\0", b"NN", b"0", b"(\xff\xff\xff\x7f", b"[\2\0\0\0N", b"s\5\0\0\0abcd", b"u\xff\xff\xff\xff"),
        *(b"l\xff\xff\xff\x7f", b"l\0\0\0\x80", b"{", b"{N", b"{u\0\0\0\0", b"{NN0", b"{(\0\0\0\0N0", nested),
        *(
            b"\xe9\1\0\0\0",
            b"r\0\0\0\0",
            b"(\2\0\0\0\xdb\0\0\0\0r\0\0\0\0",
            b"c",
            b"g" + bytes(8),
            b">\0\0\0\0",
            b")\1N",
        ),
    ):
        assert not is_plain(data), data
        with pytest.raises(ValueError, match="not the bytes of a value"):
            load(data)
    for data in (b"l\1\0\0\0\xff\xff", b"u\1\0\0\0\xff"):  # these are marshal's to refuse
        with pytest.raises(ValueError):
            load(data)


def test_checksums_of_files_and_of_bytes_are_the_same(tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    path = tmp_path / "data"
    path.write_bytes(data)
    file = MappedFile(path)
    for at, size in ((0, len(data)), (0, 0), (0, 31), (0, 32), (7, 1000), (len(data), 0)):
        assert file.checksum(at, size) == checksum(data[at : at + size])
    for at, size in ((0, len(data) + 1), (-1, 1), (1, -1), (len(data) + 1, 0)):
        with pytest.raises(ValueError, match="not a range"):
            file.checksum(at, size)
        with pytest.raises(ValueError, match="not a range"):
            file.read(at, size)
    assert checksum(b"") != checksum(b"\0") != checksum(b"\0\0")


def test_parts_that_are_none() -> None:
    compiled = program().compiled
    for part in ((), (b"", 0), (b"abc", 1, 3), (b"abc", -1, 1), ("abc", 0, 1), 3):
        with pytest.raises((TypeError, ValueError)):
            machine.Code(part, compiled.function_offsets, compiled.sites, 0, None, False)  # type: ignore[arg-type]


# --- what happens to a file meanwhile --------------------------------------------------------

SHORTER = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2].split(os.pathsep)
from test_artifacts import program
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

path, size = Path(sys.argv[1]), int(sys.argv[3])
data = program().serialize()
path.write_bytes(data)
unused, prepared = Module.deserialize(path), Module.deserialize(path)
exports = Instance(prepared, []).exports
add, load, fail = (exports[name] for name in ("add", "load", "fail"))
os.truncate(path, size)

def ask(what):
    try:
        what()
        print("done")
    except CacheError as error:
        print(error.kind)

if sys.argv[4] == "code is read":
    ask(prepared.stored.code.read)
    ask(unused.stored.code.read)
for what in (
    lambda: add(1, 2), lambda: load(4), fail, lambda: Instance(prepared, []), lambda: Instance(unused, []),
    prepared.serialize, lambda: unused.info.exports, lambda: prepared.compiled, lambda: Module.deserialize(path),
):
    ask(what)
"""


@pytest.mark.parametrize("pages", [0, 1])
@pytest.mark.parametrize("first", ["code runs", "code is read"])
def test_a_file_that_is_made_shorter_ends_nothing(pages: int, first: str, tmp_path: Path) -> None:
    """What needs bytes that are gone is refused, in a process that goes on, whether code or C touches them first."""
    data = program().serialize()
    assert Sections(data, "this").part(CODE)[1] == PAGE and len(data) == 2 * PAGE
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    arguments = [str(tmp_path / "module.wasmer"), paths, str(pages * PAGE), first]
    ran = subprocess.run([sys.executable, "-c", SHORTER, *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.split()
    if first == "code is read":  # as the handler of a trap does, to see which instruction it was
        assert said[:2] == ["truncated"] * 2
        del said[:2]
    if pages == 0:
        assert said == ["truncated"] * 8 + ["foreign"]
    else:  # code alone is gone: what is read of the other pages is whole
        assert said[:3] == ["truncated"] * 3 and said[-1] == "truncated"


def test_a_file_that_is_replaced_stays_as_it_was(tmp_path: Path) -> None:
    path, other = tmp_path / "module.wasmer", tmp_path / "other.wasmer"
    path.write_bytes(program().serialize())
    module = Module.deserialize(path)
    other.write_bytes(module_of("").serialize())
    other.rename(path)
    works(module)
    assert Module.deserialize(path).exports == []
    path.unlink()
    works(module)


def test_mappings_go_with_their_modules(tmp_path: Path) -> None:
    path = tmp_path / "module.wasmer"
    path.write_bytes(program().serialize())

    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count(str(path))

    modules = [Module.deserialize(path) for _ in range(5)]
    for module in modules:
        works(module)
    assert mapped() >= 10
    del modules, module
    gc.collect()  # an instance is part of a cycle
    assert mapped() == 0


def test_a_module_without_functions_has_a_page_of_code() -> None:
    data = module_of("").serialize()
    assert len(data) % PAGE == 0
    assert isinstance(Module.deserialize(data).compiled, CompiledModule)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_handler_raises_amid_reading_is_no_damage(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = program().serialize()
    name = sorted(contents(whole)[1])[0]

    def read() -> None:
        sections = Sections(whole, "this")
        with contextlib.suppress(CacheError):  # not of plain values
            sections.value(name)

    check_every_step(read, kind, monkeypatch)
