"""Artifacts that somebody changed, loaded and used: ``python -m tests.fuzz.artifacts FIRST COUNT`` in a process.

Two kinds. *Damaged*: bytes were changed, cut off or moved; each must be refused. *Forged*: a part was changed and the
checksums made anew, as by somebody who knows how. Whoever can do that can as well change the machine code, so what code
does then is promised by nobody. But what is around it must hold: it is refused, or loaded and looked at; code is run
where it, and what belongs to it, is untouched.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from wasmer_runtime import Module, compile, instantiate
from wasmer_runtime_core.contract.artifact import INFO_FIELDS
from wasmer_runtime_core.errors import CacheError, Trap
from wasmer_runtime_core.native.machine import checksum
from wasmer_runtime_core.running.artifacts.layout import FIXED, Sections, write
from wasmer_runtime_core.running.artifacts.plain_values import dump_plain, load_plain
from wasmer_runtime_core.running.preparing import prepared

TEXT: Final = """
(module $fuzzed
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (rec (type $itself (sub (func (param (ref null $itself))))) (type $pair (struct (field (ref null $itself) (mut i8)))))
  (type $below (sub final $itself (func (param (ref null $itself)))))
  (memory (export "memory") 1 4)
  (table (export "table") 6 funcref)
  (table $objects 2 externref)
  (table $typed (export "typed") 2 (ref null $itself) (ref.func $below))
  (global $typed (export "reference") (mut (ref null $itself)) (ref.func $below))
  (func $below (type $below))
  (global $counter (export "counter") (mut i64) (i64.const 5))
  (global $object (export "object") (mut externref) (ref.null extern))
  (global $first (export "first") funcref (ref.func $divide))
  (elem (i32.const 1) $divide $count)
  (elem (table 0) (global.get $base) funcref (ref.func $log) (ref.null func))
  (elem $kept externref (ref.null extern))
  (data (i32.const 8) "active")
  (data (global.get $base) "imported")
  (data $passive "passive")
  (data OFFSET "last")
  (func $start (call $log (i32.const 7)))
  (start $start)
  (func (export "copy") (memory.init $passive (i32.const 64) (i32.const 0) (i32.const 7))
    (table.init $objects $kept (i32.const 0) (i32.const 0) (i32.const 1)))
  (func $divide (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $through (export "through") (param i32 i32) (result i32)
    (i32.add (i32.const 1) (call_indirect (param i32 i32) (result i32) (local.get 0) (local.get 1) (i32.const 1))))
  (func $count (export "count") (param i64) (result i64) (i64.mul (local.get 0) (i64.const 3))))
"""
NUMBERS: Final = (0, 1, 2, 3, 4, 7, 8, 15, 16, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, -1, -2)
OF_CODE: Final = ("code", "function_offsets", "plan")
"""Sections that say what code is: what has other ones is not run."""


def originals() -> list[bytes]:
    """With data segments as rows of their own, and with those of the plan."""
    texts = [TEXT.replace("OFFSET", offset) for offset in ("(i32.const 99)", "(i32.add (i32.const 90) (i32.const 9))")]
    return [compile(text, backend="singlepass").serialize() for text in texts]


def damaged(source: random.Random, data: bytes) -> bytes:
    """Some bytes changed, cut off, inserted or moved."""
    changed = bytearray(data)
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        if not changed:
            break
        at = source.choice((source.randrange(FIXED), source.randrange(400), source.randrange(9000))) % len(changed)
        match source.randrange(6):
            case 0:
                changed[at] ^= 1 << source.randrange(8)
            case 1:
                changed[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                changed[at : at + 4] = (source.choice(NUMBERS) % 2**32).to_bytes(4, "little")
            case 3:
                del changed[max(at, 1) :]
            case 4:
                del changed[at : at + source.choice((1, 4, 16))]
            case _:
                changed[at:at] = changed[-source.choice((1, 4, 16)) :]
    return bytes(changed)


def sealed(data: bytes) -> bytes:
    """With the length and checksums that its bytes ask for."""
    changed = bytearray(data)
    if len(changed) < FIXED:
        return data
    changed[24:32] = len(changed).to_bytes(8, "little")
    length = int.from_bytes(changed[16:20], "little")
    changed[32:36] = checksum(changed[length:]).to_bytes(4, "little")
    changed[20:24] = bytes(4)
    changed[20:24] = checksum(changed[:length]).to_bytes(4, "little")
    return bytes(changed)


def changed_value(source: random.Random, value: Any) -> Any:
    """A value like this one, something in it changed."""
    if isinstance(value, tuple | list) and value:
        at = source.randrange(len(value))
        match source.randrange(8):
            case 0:
                return type(value)(value[:at])
            case 1:
                return type(value)([*value, value[at]])
            case 2:
                return source.choice((None, 0, (), [], b"", {}))
            case _:
                return type(value)([*value[:at], changed_value(source, value[at]), *value[at + 1 :]])
    if isinstance(value, dict) and value:
        name = source.choice(sorted(value))
        rest = {key: each for key, each in value.items() if key != name}
        if not source.randrange(5):
            return rest
        return {**rest, name if source.randrange(5) else name + "x": changed_value(source, value[name])}
    if isinstance(value, bytes) and value:
        at = source.randrange(len(value))
        match source.randrange(4):
            case 0:
                return value[:at]
            case 1:
                return value + value[at:]
            case _:
                number = source.choice(NUMBERS) % 2**64
                size = source.choice((1, 4, 8))
                return value[:at] + (number % 256**size).to_bytes(size, "little") + value[at + size :]
    return source.choice((*NUMBERS, source.randrange(64), None, True, "text", b"bytes", (), [], 2**130))


def forged(source: random.Random, data: bytes) -> tuple[bytes, bool]:
    """Something changed and sealed again; whether what belongs to the code is untouched."""
    if not source.randrange(3):
        return sealed(damaged(source, data)), False
    original = Sections(data, "original")
    facts: Any = original.facts
    sections = {name: original[name] for name in original.names}
    name = source.choice([*sorted(sections), "facts", "plan", "plan", "packed"])
    if name == "facts":
        facts = changed_value(source, facts)
    elif name == "plan" or name.startswith("info."):
        sections[name] = dump_plain(changed_value(source, load_plain(sections[name])))
    else:
        sections[name] = changed_value(source, sections[name])
        if not isinstance(sections[name], bytes):
            sections[name] = b"\1"
    try:
        return write(facts, sections), name not in OF_CODE
    except (TypeError, ValueError):  # no value that is written
        return data, True


def look_at(module: Module, run: bool) -> None:
    """Everything about a module, as a program would. Errors are Python's affair; a fault would be ours."""
    asked: list[Any] = [lambda name=name: getattr(module.info, name) for name in INFO_FIELDS]
    asked += [lambda: module.imports, lambda: module.exports, lambda: module.name, lambda: repr(module)]
    asked += [lambda: module.compiled, module.serialize, lambda: module.info.function_names]
    address = module.stored.code.address
    asked += [lambda at=at: module.stored.code.locate(address + at) for at in (0, 1, 50, 4095)]
    for ask in asked:
        try:
            ask()
        except Exception as error:
            assert not isinstance(error, SystemError), error
    prepared(module)
    try:
        exports = instantiate(module, {"env": {"log": lambda number: None, "base": 32}}).exports
        for name in ("memory", "table", "counter", "object", "first", "typed", "reference"):
            repr(getattr(exports, name))
        if run:
            exports.copy()
            exports.count(5)
            exports.through(8, 2)
            exports.divide(1, 0)
    except (Exception, Trap) as error:
        assert not isinstance(error, SystemError), error


def main(first: int, count: int) -> None:
    """Print what became of each kind of change."""
    found = {"damaged": 0, "refused": 0, "used": 0, "too large": 0}
    starts = originals()
    with TemporaryDirectory() as directory:
        path = Path(directory, "module.wasmer")
        for seed in range(first, first + count):
            source = random.Random(seed)
            data = source.choice(starts)
            changed = damaged(source, data)
            try:
                Module.deserialize(changed)
                assert changed == data, f"seed {seed}: a damaged artifact was loaded"
            except CacheError as error:
                assert error.kind in ("foreign", "truncated", "damaged", "version"), error
                found["damaged"] += 1
            changed, run = forged(source, data)
            print(seed, file=sys.stderr)
            if source.randrange(2):
                path.unlink(missing_ok=True)
                path.write_bytes(changed)
                artifact: Any = path
            else:
                artifact = changed
            try:
                look_at(Module.deserialize(artifact), run)
                found["used"] += 1
            except CacheError:
                found["refused"] += 1
            except MemoryError:
                found["too large"] += 1
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
