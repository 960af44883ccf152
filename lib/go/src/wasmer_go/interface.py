"""The functions that programs of Go import, by name: a row each.

Each takes a stack pointer; the program's arguments lie behind it, the results behind those. Columns: the function's
arguments and its results with their places. A text and a slice are two words, an address and a length; a slice has a
third.

================================  ===========================================================  =======================
function                          arguments                                                    results
================================  ===========================================================  =======================
runtime.wasmExit                  code 8
runtime.wasmWrite                 fd 8, address 16, count 24
runtime.resetMemoryDataView
runtime.nanotime1                                                                              nanoseconds 8
runtime.walltime                                                                               seconds 8, nanos 16
runtime.scheduleTimeoutEvent      milliseconds 8                                               number 16
runtime.clearTimeoutEvent         number 8
runtime.getRandomData             slice 8
syscall/js.finalizeRef            id 8
syscall/js.stringVal              text 8                                                       value 24
syscall/js.valueGet               value 8, name 16                                             value 32
syscall/js.valueSet               value 8, name 16, value 32
syscall/js.valueDelete            value 8, name 16
syscall/js.valueIndex             value 8, index 16                                            value 24
syscall/js.valueSetIndex          value 8, index 16, value 24
syscall/js.valueCall              value 8, name 16, values 32                                  value 56, well 64
syscall/js.valueInvoke            value 8, values 16                                           value 40, well 48
syscall/js.valueNew               value 8, values 16                                           value 40, well 48
syscall/js.valueLength            value 8                                                      length 16
syscall/js.valuePrepareString     value 8                                                      bytes 16, length 24
syscall/js.valueLoadString        bytes 8, slice 16
syscall/js.valueInstanceOf        value 8, constructor 16                                      whether 24
syscall/js.copyBytesToGo          slice 8, bytes 32                                            count 40, well 48
syscall/js.copyBytesToJS          bytes 8, slice 16                                            count 40, well 48
================================  ===========================================================  =======================

Where a function may have called the program (`Process.entries`), its stack may lie elsewhere, and is asked for again.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, final

from librt.strings import read_i64_le

from wasmer_go.errors import Thrown, TooManyValues, WrongNumber
from wasmer_go.objects import (
    UNDEFINED,
    Array,
    Function,
    Object,
    Uint8Array,
    Value,
    called,
    text_of,
    type_error,
)
from wasmer_go.process import U32, Process
from wasmer_go.texts import text
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.support.integers import i64
from wasmer_vfs.files import release
from wasmer_vfs.random import fill
from wasmer_vfs.waiting import Interrupted, must_be_refusal

MAX_TEXT: Final = 1 << 28
"""Bytes of a text that goes to the host at once."""
MAX_ARGUMENTS: Final = 1 << 16
"""Values of a call."""
LONGEST_NAME: Final = 64
MAX_NAMES: Final = 1024
"""Names up to that long are remembered, so many of a program at once."""
SECOND: Final = 1_000_000_000

_I32: Final = Struct("<i")
_I64: Final = Struct("<q")
_U8: Final = Struct("<B")
_WELL: Final = b"\1"
_ILL: Final = b"\0"
_WORDS: Final = Struct("<qq")
_TIME: Final = Struct("<qi")
_WRITE: Final = Struct("<qqi")

Provided = Callable[[Process, Any, int], None]
"""Takes the program, its memory and the stack pointer."""

FUNCTIONS: Final[dict[str, Provided]] = {}
"""By name."""


def _provides(*names: str) -> Callable[[Provided], Provided]:
    def register(function: Provided) -> Provided:
        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return register


@final
class Import:
    """A function, for one program to import."""

    __slots__ = ("_function", "_name", "_process")

    def __init__(self, process: Process, name: str) -> None:
        self._process = process
        self._name = name
        self._function = FUNCTIONS[name]

    def __call__(self, sp: int) -> None:
        process = self._process
        memory = process.memory
        if memory is None:
            raise WrongNumber(f"the program called {self._name} before it was started")
        try:
            self._function(process, memory, sp & U32)
        except (IndexError, struct.error) as outside:
            message = f"the Go program called {self._name} with addresses outside of its memory: {outside}"
            raise WrongNumber(message) from None
        except Interrupted as interrupted:
            raise interrupted.reason from None
        if process.code is not None:  # it ended within this call, and somebody has kept that to himself
            raise ExitCode(process.code)

    @property
    def __name__(self) -> str:
        return self._name


def bound(process: Process, name: str) -> Callable[[int], None]:
    """A function for one program to import."""
    return Import(process, name)


# --- what arguments are made of


def _text(process: Process, memory: Any, address: int, length: int) -> str:
    """A text that the program passes; the host may keep it."""
    if not 0 <= length <= MAX_TEXT:
        raise TooManyValues(f"the Go program passed a text of {length} bytes; at most {MAX_TEXT} can go at once")
    return text(memory.read(address, length).decode("utf-8", "replace"), process.budget)


def _name(process: Process, memory: Any, address: i64, length: i64) -> str:
    """The same of a name, of which most programs use few, and these all the time."""
    if length < 0 or length > LONGEST_NAME:
        return _text(process, memory, address, length)
    raw = memory.read(address, length)
    known = process.names
    found = known.get(raw)
    if found is None:
        if len(known) >= MAX_NAMES:
            known.clear()
        found = known[raw] = raw.decode("utf-8", "replace")
    return found


def _values(process: Process, memory: Any, address: i64, count: i64) -> list[Value]:
    if count == 0:
        return []
    if count < 0 or count > MAX_ARGUMENTS or address < 0:
        raise WrongNumber(f"the Go program passed {count} values at {address}; at most {MAX_ARGUMENTS} can go at once")
    words = memory.read(address, 8 * count)
    references = process.references
    values: list[Value] = []
    end: i64 = 8 * count
    place: i64 = 0
    while place < end:
        values.append(references.value(words, place))
        place += 8
    return values


def _slice(memory: Any, place: int) -> tuple[int, int]:
    """The address and the length of bytes that are all in memory."""
    address, length = _WORDS.unpack_from(memory, place)
    if address < 0 or length < 0 or address + length > len(memory):
        raise WrongNumber(f"the Go program passed {length} bytes at {address}, which are not all in its memory")
    return address, length


def _object(value: Value, what: str | int) -> Object:
    """What has properties.

    Args:
        what: the property that is asked for.

    Raises:
        Thrown: it is none, which ends the program: Go has looked before.
    """
    if isinstance(value, Object):
        return value
    raise type_error(f"{what} of what is no object: {text_of(value)}")


# --- the runtime


@_provides("runtime.wasmExit")
def wasm_exit(process: Process, memory: Any, sp: int) -> None:
    """End the program."""
    raise ExitCode(_I32.unpack_from(memory, sp + 8)[0])


@_provides("runtime.wasmWrite")
def wasm_write(process: Process, memory: Any, sp: int) -> None:
    """Write to a descriptor, as the runtime itself does, of a panic."""
    number, address, count = _WRITE.unpack_from(memory, sp + 8)
    if address < 0 or count < 0 or address + count > len(memory):
        raise WrongNumber(f"the Go program writes {count} bytes at {address}, which are not all in its memory")
    opened = process.descriptors.open.get(number)
    if opened is None or opened.file is None:
        raise WrongNumber(f"the Go program writes to descriptor {number}, which is not open")
    with memoryview(memory) as whole:
        buffers = [whole[address : address + count]]
    try:
        opened.file.write(buffers)
    except OSError as failure:  # nobody reads it any more; there is no way to tell the runtime
        must_be_refusal(failure)
    finally:
        release(buffers)


@_provides("runtime.resetMemoryDataView")
def reset_memory(process: Process, memory: Any, sp: int) -> None:
    """The memory has grown, which nothing here depends on."""


@_provides("runtime.nanotime1", "runtime.nanotime")
def nanotime(process: Process, memory: Any, sp: int) -> None:
    """A clock that only moves on."""
    _I64.pack_into(memory, sp + 8, process.loop.clock.readers[time.CLOCK_MONOTONIC]())


@_provides("runtime.walltime", "runtime.walltime1")
def walltime(process: Process, memory: Any, sp: int) -> None:
    """The time since 1970."""
    _TIME.pack_into(memory, sp + 8, *divmod(process.loop.clock.readers[time.CLOCK_REALTIME](), SECOND))


@_provides("runtime.scheduleTimeoutEvent")
def schedule_timeout(process: Process, memory: Any, sp: int) -> None:
    """Resume the program after some time, again and again until it clears the timer."""
    loop = process.loop

    def due() -> None:
        process.resume()
        if loop.is_set(number):
            loop.soon(due)

    (delay,) = _I64.unpack_from(memory, sp + 8)
    number = loop.timer(delay, due)
    _I32.pack_into(memory, sp + 16, number)


@_provides("runtime.clearTimeoutEvent")
def clear_timeout(process: Process, memory: Any, sp: int) -> None:
    """Forget a timer."""
    process.loop.clear(_I32.unpack_from(memory, sp + 8)[0])


@_provides("runtime.getRandomData")
def random_data(process: Process, memory: Any, sp: int) -> None:
    """Fill bytes at random."""
    address, length = _slice(memory, sp + 8)
    fill(memory, address, length, process.random)


# --- values


@_provides("syscall/js.finalizeRef")
def finalize_ref(process: Process, memory: Any, sp: int) -> None:
    """The program gives a value back."""
    process.references.finalize(struct.unpack_from("<I", memory, sp + 8)[0])


@_provides("syscall/js.stringVal")
def string_val(process: Process, memory: Any, sp: int) -> None:
    """A text as a value."""
    process.references.store(memory, sp + 24, _text(process, memory, *_WORDS.unpack_from(memory, sp + 8)))


@_provides("syscall/js.valueGet")
def value_get(process: Process, memory: Any, sp: int) -> None:
    """A property."""
    words: bytes = memory.read(sp + 8, 24)
    name = _name(process, memory, read_i64_le(words, 8), read_i64_le(words, 16))
    references = process.references
    memory.write(sp + 32, references.name(_object(references.value(words, 0), name).get(name)))


@_provides("syscall/js.valueSet")
def value_set(process: Process, memory: Any, sp: int) -> None:
    """Set a property."""
    words: bytes = memory.read(sp + 8, 32)
    name = _name(process, memory, read_i64_le(words, 8), read_i64_le(words, 16))
    references = process.references
    _object(references.value(words, 0), name).set(name, references.value(words, 24))


@_provides("syscall/js.valueDelete")
def value_delete(process: Process, memory: Any, sp: int) -> None:
    """Remove a property."""
    words: bytes = memory.read(sp + 8, 24)
    name = _name(process, memory, read_i64_le(words, 8), read_i64_le(words, 16))
    _object(process.references.value(words, 0), name).delete(name)


@_provides("syscall/js.valueIndex")
def value_index(process: Process, memory: Any, sp: int) -> None:
    """An item."""
    words: bytes = memory.read(sp + 8, 16)
    index: int = read_i64_le(words, 8)
    references = process.references
    memory.write(sp + 24, references.name(_object(references.value(words, 0), index).get_at(index)))


@_provides("syscall/js.valueSetIndex")
def value_set_index(process: Process, memory: Any, sp: int) -> None:
    """Set an item."""
    words: bytes = memory.read(sp + 8, 24)
    index: int = read_i64_le(words, 8)
    references = process.references
    _object(references.value(words, 0), index).set_at(index, references.value(words, 16))


def _answer(process: Process, memory: Any, sp: int, entries: int, place: int, result: Value, well: bool) -> None:
    if entries != process.entries:
        sp = process.stack_pointer()
    memory.write(sp + place, process.references.name(result) + (_WELL if well else _ILL))


@_provides("syscall/js.valueCall")
def value_call(process: Process, memory: Any, sp: int) -> None:
    """Call a method: its answer, or what it throws."""
    entries, well = process.entries, True
    result: Value
    try:
        words: bytes = memory.read(sp + 8, 40)
        this = process.references.value(words, 0)
        name = _name(process, memory, read_i64_le(words, 8), read_i64_le(words, 16))
        args = _values(process, memory, read_i64_le(words, 24), read_i64_le(words, 32))
        result = called(_object(this, name).get(name), this, args, name)
    except Thrown as thrown:
        result, well = thrown.value, False
    _answer(process, memory, sp, entries, 56, result, well)


@_provides("syscall/js.valueInvoke")
def value_invoke(process: Process, memory: Any, sp: int) -> None:
    """Call a function: its answer, or what it throws."""
    entries, well = process.entries, True
    result: Value
    try:
        words: bytes = memory.read(sp + 8, 24)
        args = _values(process, memory, read_i64_le(words, 8), read_i64_le(words, 16))
        result = called(process.references.value(words, 0), UNDEFINED, args)
    except Thrown as thrown:
        result, well = thrown.value, False
    _answer(process, memory, sp, entries, 40, result, well)


@_provides("syscall/js.valueNew")
def value_new(process: Process, memory: Any, sp: int) -> None:
    """Make an object: it, or what its constructor throws."""
    entries, well = process.entries, True
    result: Value
    try:
        words: bytes = memory.read(sp + 8, 24)
        constructor = process.references.value(words, 0)
        if not isinstance(constructor, Function) or not constructor.constructs:
            raise type_error(f"{text_of(constructor)} is not a constructor")
        result = constructor.make(_values(process, memory, read_i64_le(words, 8), read_i64_le(words, 16)))
    except Thrown as thrown:
        result, well = thrown.value, False
    _answer(process, memory, sp, entries, 40, result, well)


@_provides("syscall/js.valueLength")
def value_length(process: Process, memory: Any, sp: int) -> None:
    """How long an array or a text is; of a text, in units of UTF-16."""
    value = process.references.load(memory, sp + 8)
    if isinstance(value, Array):
        length = len(value.items)
    elif isinstance(value, Uint8Array):
        length = len(value.data)
    elif isinstance(value, str):
        length = len(value) + sum(each > "\uffff" for each in value)
    else:
        number = _object(value, "length").get("length")
        length = int(number) if type(number) is float and abs(number) < 2.0**53 else 0
    _I64.pack_into(memory, sp + 16, length)


def encoded(content: str) -> bytes:
    """A text in UTF-8; what is no pair of surrogates becomes U+FFFD."""
    try:
        return content.encode()
    except UnicodeEncodeError:
        return content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


@_provides("syscall/js.valuePrepareString")
def prepare_string(process: Process, memory: Any, sp: int) -> None:
    """What JavaScript's `String` makes of a value, as bytes that the program then fetches."""
    data = encoded(text_of(process.references.load(memory, sp + 8)))
    made = Uint8Array(bytearray(), process.budget)
    made.pay(len(data))
    made.data = bytearray(data)
    process.references.store(memory, sp + 16, made)
    _I64.pack_into(memory, sp + 24, len(data))


def _bytes(value: Value, what: str) -> Uint8Array:
    if isinstance(value, Uint8Array):
        return value
    raise type_error(f"{what} of what is no Uint8Array: {text_of(value)}")


@_provides("syscall/js.valueLoadString")
def load_string(process: Process, memory: Any, sp: int) -> None:
    """The bytes of a text that was prepared."""
    source = _bytes(process.references.load(memory, sp + 8), "text")
    address, length = _slice(memory, sp + 16)
    if len(source.data) > length:
        raise WrongNumber(f"the Go program has room for {length} bytes of a text of {len(source.data)}")
    memory.write(address, source.data)


@_provides("syscall/js.valueInstanceOf")
def instance_of(process: Process, memory: Any, sp: int) -> None:
    """Whether a value was made by a constructor."""
    value = process.references.load(memory, sp + 8)
    constructor = process.references.load(memory, sp + 16)
    if not isinstance(constructor, Function):
        raise type_error(f"{text_of(constructor)} is no constructor")
    _U8.pack_into(memory, sp + 24, isinstance(value, constructor.classes))


@_provides("syscall/js.copyBytesToGo")
def copy_to_go(process: Process, memory: Any, sp: int) -> None:
    """Copy bytes into the program's memory, as many as both have."""
    address, length = _slice(memory, sp + 8)
    source = process.references.load(memory, sp + 32)
    count = -1
    if isinstance(source, Uint8Array):
        count = min(length, len(source.data))
        with memoryview(source.data) as whole, whole[:count] as part:
            memory.write(address, part)
    _copied(memory, sp, count)


@_provides("syscall/js.copyBytesToJS")
def copy_to_js(process: Process, memory: Any, sp: int) -> None:
    """Copy bytes out of the program's memory, as many as both have."""
    target = process.references.load(memory, sp + 8)
    address, length = _slice(memory, sp + 16)
    count = -1
    if isinstance(target, Uint8Array) and not (isinstance(target.data, memoryview) and target.data.readonly):
        count = min(length, len(target.data))
        target.data[:count] = memory.read(address, count)
    _copied(memory, sp, count)


def _copied(memory: Any, sp: int, count: int) -> None:
    if count >= 0:
        _I64.pack_into(memory, sp + 40, count)
    _U8.pack_into(memory, sp + 48, count >= 0)


@_provides("debug")
def debug(process: Process, memory: Any, value: int) -> None:
    """Print a number, which Go's own runtime does while it is worked on."""
    with_newline = b"%d\n" % value
    opened = process.descriptors.open.get(2)
    if opened is not None and opened.file is not None:
        opened.file.write([with_newline])
