"""References at random: instances that share tables and globals, come and go, under an eager collector."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest
from machine_code import Program, function_type

from wasmer_runtime_core.contract.values import TableDescriptor, Value
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.functions import HostFunction
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.wasm.types import EXTERNREF, FUNCREF


class Thing:
    """Something to refer to, which can be part of a cycle."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.me = self


def module_with(kind: str) -> Module:
    """Imports a table, a global and a host function; has a table and a global of its own; every helper."""
    program = Program()
    element = FUNCREF if kind == "funcref" else EXTERNREF
    host = program.import_function("f", kind, kind)
    program.import_table(element, 1)
    program.import_global(kind, True)
    program.table(element, 3, 50)
    program.global_(kind, 0)
    program.function("one", "i32", "i32", "same_integer")
    program.helper("get", "i32 i32", kind, "table_get")
    program.helper("set", f"i32 {kind} i32", "", "table_set")
    program.helper("grow", f"{kind} i32 i32", "i32", "table_grow")
    program.helper("fill", f"i32 {kind} i32 i32", "", "table_fill")
    program.helper("copy", "i32 i32 i32 i32 i32", "", "table_copy")
    program.function("set_own", kind, "", "set_global", cell=lambda layout: layout.global_(1))
    program.function("get_own", "", kind, "get_global", cell=lambda layout: layout.global_(1))
    program.function("get_shared", "", kind, "get_imported_global", cell=lambda layout: layout.global_(0))
    program.call_import("ask", host)
    return program.module()


@pytest.mark.parametrize("kind", ["funcref", "externref"])
@pytest.mark.parametrize("seed", range(6))
def test_references_at_random(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    module = module_with(kind)
    element = FUNCREF if kind == "funcref" else EXTERNREF
    table = Table(TableDescriptor(element, 4, 60))
    shared = Global.new_mutable(Value.FUNCREF(None) if kind == "funcref" else Value.EXTERNREF(None))
    instances: list[Instance] = []

    def value() -> Any:
        if rng.random() < 0.2:
            return None
        if kind == "externref":
            return Thing(rng.randrange(100))
        return rng.choice(instances).exports["one"]

    def host(given: Any) -> Any:
        if rng.random() < 0.3:
            step()
        return value() if rng.random() < 0.5 else given

    def usable(found: Any) -> None:
        if isinstance(found, Thing):
            assert found.me.number == found.number
        elif found is not None:
            assert found(7) == 7

    def step() -> None:
        exports = rng.choice(instances).exports
        at, which = rng.randrange(6), rng.randrange(2)
        match rng.randrange(14):
            case 0 | 1:
                usable(exports["get"](at, which))
            case 2 | 3:
                exports["set"](at, value(), which)
            case 4:
                exports["grow"](value(), rng.randrange(3), which)
            case 5:
                exports["fill"](at, value(), rng.randrange(4), which)
            case 6:
                exports["copy"](at, rng.randrange(6), rng.randrange(4), which, rng.randrange(2))
            case 7:
                exports["set_own"](value())
            case 8:
                usable(exports["get_own"]())
                usable(exports["get_shared"]())
            case 9:
                shared.set(value())
                usable(shared.get())
            case 10:
                usable(exports["ask"](value()))
            case 11:
                for entry in table:
                    usable(entry)
            case 12:
                table[rng.randrange(4)] = value()
            case 13:
                if len(instances) > 3:
                    instances.pop(rng.randrange(len(instances)))
                made = HostFunction(host, function_type(kind, kind), "env", "f")
                instances.append(Instance(module, [made, table, shared]))

    first = HostFunction(host, function_type(kind, kind), "env", "f")
    instances.append(Instance(module, [first, table, shared]))
    before = gc.get_threshold()
    gc.set_threshold(20, 3, 3)
    try:
        for _ in range(400):
            try:
                step()
            except (Trap, RecursionError):
                pass
        instances.clear()
        for entry in table:
            usable(entry)
    finally:
        gc.set_threshold(*before)
    gc.collect()
