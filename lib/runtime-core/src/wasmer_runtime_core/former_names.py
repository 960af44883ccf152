"""Names that modules of core had before they were put into rooms. They go on working: ``wasmer_runtime_core.memory``
is `wasmer_runtime_core.running.objects.memory`, the same module.

`wasmer_runtime_core` puts a finder behind all others that asks this table: an import that finds its module never does.
"""

from __future__ import annotations

from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

PACKAGE: Final = "wasmer_runtime_core."

# fmt: off
FORMER_NAMES: Final = {
    "address_space": "native.address_space",
    "arrays": "running.objects.arrays",
    "asm": "codegen",
    "backend": "contract.backend",
    "backends": "compiling.registry",
    "calls_async": "running.calls_async",
    "checkpoint": "support.checkpoint",
    "code": "running.publish",
    "context": "contract.vmctx",
    "cpu": "contract.target",
    "debug_info": "wasm.debug.source_lines",
    "dwarf": "wasm.debug.dwarf",
    "functions": "running.objects.functions",
    "globals": "running.objects.globals",
    "host": "running.host",
    "imports": "running.imports",
    "instance": "running.instance",
    "interrupts": "running.interrupts",
    "limits": "running.objects.limits",
    "link": "running.plan",
    "main_interpreter": "support.main_interpreter",
    "memory": "running.objects.memory",
    "middleware": "compiling.middleware",
    "module": "running.module",
    "named_tuple": "support.named_tuple",
    "pipeline": "compiling.pipeline",
    "pointers": "running.objects.pointers",
    "printable": "support.printable",
    "running.units": "contract.units",
    "running.values": "contract.values",
    "symbols": "wasm.debug.symbols",
    "table": "running.objects.table",
    "trap": "running.backtrace",
    "trap_kinds": "contract.traps",
    "units": "contract.units",
    "values": "contract.values",
    "vm": "running.ctx",
    "vmcalls": "contract.helpers",
    "wasm.all_names": "wasm.binary.all_names",
    "wasm.body_corrector": "wasm.body.corrector",
    "wasm.body_reader": "wasm.validation.body_reader",
    "wasm.body_text": "wasm.body.text",
    "wasm.body_validator": "wasm.validation.body_validator",
    "wasm.body_verifier": "wasm.body.verifier",
    "wasm.control_stack": "wasm.validation.control_stack",
    "wasm.decode": "wasm.binary.decode",
    "wasm.internal_operators": "wasm.operators.internal",
    "wasm.loop_writes": "wasm.validation.loop_writes",
    "wasm.operand_stack": "wasm.validation.operand_stack",
    "wasm.operator_tables": "wasm.operators.tables",
    "wasm.packed": "wasm.validation.packed",
    "wasm.printer": "wasm.text.printer",
    "wasm.proposals": "wasm.operators.proposals",
    "wasm.record_writer": "wasm.validation.record_writer",
    "wasm.scan": "wasm.binary.scan",
    "wasm.switched_off": "wasm.validation.switched_off",
    "wasm.validate": "wasm.validation.validate",
}
# fmt: on
"""Former name -> name, both below `PACKAGE`. A package's former name stands for all below it."""


MOVED_MEMBERS: Final = {
    "pipeline": {"compile_with": "compile_module"},
    "instance": {"Exports": "running.exports"},
    "interrupts": {"raised_by_a_handler": "support.handlers"},
    "module": dict.fromkeys(("ARTIFACT_VERSION", "COMPILED_FIELDS", "INFO_FIELDS"), "contract.artifact"),
    "pointers": {"little_endian": "running.objects.byte_order"},
    "vm": dict.fromkeys(("INTERNALS_SIZE", "InternalField"), "running.internal_fields"),
}
"""Former name of a module -> what it had that is in a third module now."""


PARTED: Final[dict[str, str | dict[str, str]]] = {
    "compiling.registry": {"Backend": "compiling.backend_names"},
    "contract.backend": {"Compiler": "contract.compiler"},
    "wasm.body": "wasm.body.body",
    "wasm.operators": "wasm.operators.rows",
}
"""A module that is still there -> where something is that it had, or all of it: packages were modules once."""


def former_member(module: str, name: str) -> object:
    """What the module `module` had by this name, for its ``__getattr__``.

    Raises:
        AttributeError: nothing.
    """
    parted = PARTED[module.removeprefix(PACKAGE)]
    home = parted if isinstance(parted, str) else parted.get(name)
    if home is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return getattr(import_module(PACKAGE + home), name)


def present_name(name: str) -> str | None:
    """What a module is called now, from a former name; None if it is none."""
    head, tail = name.removeprefix(PACKAGE), ""
    while head:
        found = FORMER_NAMES.get(head)
        if found is not None:
            return PACKAGE + found + tail
        head, _, last = head.rpartition(".")
        tail = f".{last}{tail}"
    return None


def specification(name: str) -> ModuleSpec | None:
    """What the import system is told of a former name: where the module is now. None if it is none."""
    present = present_name(name)
    return None if present is None else ModuleSpec(name, NewName(present))  # type: ignore[arg-type]


class NewName:
    """Gives the module of another name."""

    def __init__(self, present: str) -> None:
        self.present = present

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself; or one that has what it has, for a module whose members have parted, and for a package:
        were it the package itself, modules in it would be found, and run, a second time under the former name.
        """
        module = import_module(self.present)
        self._specification = module.__spec__
        members = MOVED_MEMBERS.get(spec.name.removeprefix(PACKAGE))
        if members is None and not hasattr(module, "__path__"):
            return module
        self._specification = spec
        door = ModuleType(spec.name, module.__doc__)
        if hasattr(module, "__path__"):
            door.__path__ = []

        def find(name: str) -> object:
            home = None if members is None else members.get(name)
            return getattr(module if home is None else import_module(PACKAGE + home), name)

        door.__dict__["__getattr__"] = find
        return door

    def exec_module(self, module: ModuleType) -> None:
        """It has run under its present name, whose specification stays."""
        module.__spec__ = self._specification
