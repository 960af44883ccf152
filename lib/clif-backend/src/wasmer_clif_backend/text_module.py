"""CLIF files as code that runs: their functions compiled, and a way to call them with any arguments.

Each function that is to be called from Python gets a *thunk*, written in CLIF and compiled like the others: it takes
the addresses of two buffers, 16 bytes per value, loads the arguments from one, calls, and stores the results in the
other. Thunks have core's convention (the instance first), so core enters them and catches their traps.
"""

from __future__ import annotations

import ctypes

from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.ir.function import ExternalFunction, Function, Parameter, Signature
from wasmer_clif_backend.ir.opcodes import (
    CALL,
    LOAD,
    NOTRAP,
    PARAMETER,
    RETURN,
    STORE,
)
from wasmer_clif_backend.ir.parser import parse_function
from wasmer_clif_backend.ir.types import I64, bytes_of, type_name
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.passes.optimise import optimised
from wasmer_runtime_core.codegen.x64.encode import EncodedModule, ModuleEncoder
from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.contract.target import TARGET
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.wasm.module import FUNCTION, Export, ModuleInfo
from wasmer_runtime_core.wasm.types import VALUE_TYPE_CODES, FunctionType

VALUE_BYTES: Final = 16

LIBRARY: Final = {
    f"%{name}{type.upper()}": f"function %{name}{type.upper()}({type}) -> {type} {{\n"
    f"block0(v0: {type}):\n    v1 = {name.lower()} v0\n    return v1\n}}\n"
    for name in ("Ceil", "Floor", "Trunc", "Nearest")
    for type in ("f32", "f64")
}
"""Functions of Cranelift's runtime that files may call, by name."""


def thunk_of(function: Function) -> Function:
    """The function that calls another one with arguments from a buffer, and puts the results into one."""
    thunk = Function()
    thunk.name = f"%thunk of {function.name}"
    thunk.signature = Signature([Parameter(I64), Parameter(I64), Parameter(I64)], [])
    thunk.signatures.append(function.signature)
    thunk.functions.append(ExternalFunction(function.name, 0))
    b = thunk.block()
    _, given, results = [int(thunk.add(b, PARAMETER, I64, immediate=number)) for number in range(3)]
    arguments = [
        int(thunk.add(b, LOAD, one.type, given, immediate=VALUE_BYTES * number, extra=NOTRAP))
        for number, one in enumerate(function.signature.parameters)
    ]
    types = [int(one.type) for one in function.signature.results]
    call = thunk.add(b, CALL, types[0] if types else 0, 0, thunk.new_list(arguments))
    values = [int(call)] + [int(thunk.add_result(call, number, types[number])) for number in range(1, len(types))]
    for number in range(len(types)):
        thunk.add(b, STORE, 0, values[number], results, immediate=VALUE_BYTES * number, extra=NOTRAP)
    thunk.add(b, RETURN, 0)
    return thunk


def with_library(functions: list[Function]) -> list[Function]:
    """The functions, and those of the library that they name."""
    names = {function.name for function in functions}
    wanted = {external.name for function in functions for external in function.functions} - names
    return functions + [parse_function(LIBRARY[name]) for name in sorted(wanted) if name in LIBRARY]


def entries_of(functions: list[Function]) -> dict[str, int]:
    """By name: a function's entry in the table of code addresses.

    Raises:
        CompileError: two have one name.
    """
    entries: dict[str, int] = {}
    for number, function in enumerate(functions):
        if function.name in entries:
            raise CompileError(f"there are two functions {function.name}")
        entries[function.name] = number
    return entries


def encode(functions: list[Function], prove: bool | None = None) -> EncodedModule:
    """The functions' machine code, in order.

    Raises:
        CompileError: one does not make sense, or cannot be compiled; says which.
    """
    callees = entries_of(functions)
    encoder = ModuleEncoder(len(functions) + len(VMCALLS))
    stages = Stages(callees, prove)
    for function in functions:
        _must_make_sense(function)
        records, constants = stages.records(function)
        encoder.function(records, constants)
    return encoder.finish()


def _must_make_sense(function: Function) -> None:
    findings = verify(function)
    if findings:
        raise CompileError(f"{function.name}: {findings[0]}")


@final
class TextModule:
    """Functions of a CLIF file, ready to be called by name.

    Args:
        functions: each is verified and compiled.
        prove: check every allocation.
        optimise: run the passes; else they are compiled as they are written.

    Raises:
        CompileError: as `encode`.
    """

    def __init__(self, functions: list[Function], prove: bool | None = None, optimise: bool = False) -> None:
        if optimise:
            for function in functions:
                _must_make_sense(function)
            functions = [optimised(function) for function in functions]
        self.functions = {function.name: function for function in functions}
        everything = with_library(functions)
        thunks = [thunk_of(function) for function in functions]
        encoded = encode(everything + thunks, prove)
        info = ModuleInfo()
        address = VALUE_TYPE_CODES["i64"]
        info.types.append(FunctionType(bytes([address, address]), b""))
        info.functions += [0] * (len(everything) + len(thunks))
        for number, function in enumerate(functions):
            info.exports.append(Export(function.name, FUNCTION, len(everything) + number))
        info.escaping = tuple(range(len(everything), len(everything) + len(thunks)))
        compiled = CompiledModule(
            backend="cranelift",
            target=TARGET,
            code=encoded.code,
            function_offsets=encoded.function_offsets,
            sites=encoded.sites,
            relocations=encoded.relocations,
            cpu_features=encoded.cpu_features,
        )
        self._instance = Instance(Module(info, compiled), [])

    def call(self, name: str, arguments: list[bytes]) -> list[bytes]:
        """Call a function with the bytes of its arguments; the bytes of its results.

        Raises:
            LookupError: there is no such function.
            ValueError: the arguments are not of its types.
            Trap: it trapped.
        """
        function = self.functions[name]
        types = [one.type for one in function.signature.parameters]
        if [len(data) for data in arguments] != [bytes_of(type) for type in types]:
            raise ValueError(f"{name} takes {', '.join(type_name(type) for type in types) or 'nothing'}")
        given = ctypes.create_string_buffer(b"".join(data.ljust(VALUE_BYTES, b"\0") for data in arguments) or b"\0")
        results = ctypes.create_string_buffer(VALUE_BYTES * len(function.signature.results) or 1)
        self._instance.exports[name](ctypes.addressof(given), ctypes.addressof(results))
        return [
            results.raw[VALUE_BYTES * number : VALUE_BYTES * number + int(bytes_of(one.type))]
            for number, one in enumerate(function.signature.results)
        ]
