"""What the runner needs of a runtime: compile, instantiate, call, read a global.

And the module ``spectest`` that the scripts import (interpreter/host/spectest.ml).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from tests.spec.corpus import LAZY, STORED, SWAPPED
from tests.swapping import Swapped
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.values import Value
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.validation.validate import validate_module

if TYPE_CHECKING:
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.module import Module


def check(binary: bytes) -> None:
    """Decode and validate.

    Raises:
        DecodeError: it is malformed.
        ValidationError: it is not valid.
    """
    validate_module(decode_module(binary))


def spectest() -> dict[str, Any]:
    """A fresh ``spectest``."""
    from wasmer_runtime_core.contract.values import ElementType, MemoryDescriptor, TableDescriptor
    from wasmer_runtime_core.running.host import func
    from wasmer_runtime_core.running.objects.globals import Global
    from wasmer_runtime_core.running.objects.memory import Memory
    from wasmer_runtime_core.running.objects.table import Table

    def printer(*params: str) -> Any:
        def ignore(*values: object) -> None:
            assert len(values) == len(params)

        return func(ignore, params=params, returns=())

    return {
        "print": printer(),
        "print_i32": printer("i32"),
        "print_i64": printer("i64"),
        "print_f32": printer("f32"),
        "print_f64": printer("f64"),
        "print_i32_f32": printer("i32", "f32"),
        "print_f64_f64": printer("f64", "f64"),
        "global_i32": Global(Value.I32(666)),
        "global_i64": Global(Value.I64(666)),
        "global_f32": Global(Value.F32(666.6)),
        "global_f64": Global(Value.F64(666.6)),
        "table": Table(TableDescriptor(ElementType.ANYFUNC, 10, 20)),
        "table64": Table(TableDescriptor(ElementType.ANYFUNC, 10, 20, "i64")),
        "memory": Memory(MemoryDescriptor(1, 2)),
    }


class Engine:
    """The runtime with one backend, which may be followed by `STORED` or `LAZY`; or with `SWAPPED`."""

    def __init__(self, backend: str) -> None:
        from wasmer_runtime_core.compiling.registry import find_compiler

        self.compiler = find_compiler(backend.partition("/")[0])
        self.swapped: list[Swapped] | None = [] if backend == SWAPPED else None
        self.lazy = backend.endswith(LAZY)
        self.stored = 0 if backend.endswith(STORED) else None

    def compile(self, binary: bytes) -> Module:
        if self.swapped is not None:
            self.swapped.append(Swapped(binary, len(self.swapped)))
            return self.swapped[-1].module
        module = compile_with(binary, self.compiler, lazy=self.lazy)
        if self.stored is None:
            return module
        self.stored += 1
        artifact = module.serialize()
        if self.stored % 2:
            return type(module).deserialize(artifact)
        with NamedTemporaryFile() as file:
            file.write(artifact)
            file.flush()
            return type(module).deserialize(Path(file.name))

    def instantiate(self, module: Module, imports: Mapping[str, Any]) -> Instance:
        return module.instantiate(imports)

    def invoke(self, instance: Instance, name: str, arguments: Sequence[Value]) -> list[Value]:
        """Call an exported function with exactly these bits."""
        for swapped in self.swapped or ():
            if swapped.module is instance.module:
                swapped.swap(2)
                swapped.enter()
        return instance.dyn_func(name).call(arguments)

    def get(self, instance: Instance, name: str) -> Value:
        """The value of an exported global."""
        value: Value = instance.exports[name].get_value()
        return value
