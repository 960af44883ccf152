"""Validation of modules (specification, section 3.4): what is declared, then every body.

The checks stand in the order of the specification's index spaces. Each failure is a
`ValidationError` with the offset of the entry that is at fault. Bodies are the work of
`body_validator`.

A module can be malformed and invalid at once. Malformed comes first, as if the whole
module had been decoded before anything was judged: so when something is found invalid,
the bodies that were not read yet are scanned for their form before the error is raised.
That costs only modules that are refused anyway.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import InternalError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.support.annotations import Final, NoReturn, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import shortened
from wasmer_runtime_core.wasm.binary.decode import EXTENDED_CONST, OBJECT_CONST, REFERENCE_CONST, DecodedModule
from wasmer_runtime_core.wasm.binary.scan import scan_body
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.module import (
    ACTIVE,
    FUNCTION,
    GLOBAL,
    KIND_NAMES,
    MEMORY,
    TABLE,
    TAG,
    ConstantExpression,
    ConstantOperator,
    ModuleInfo,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OPERATORS
from wasmer_runtime_core.wasm.subtyping import FORM_FUNCTION
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXTERNREF,
    I32,
    MAX_PAGES,
    MAX_WIDE_PAGES,
    NON_NULL,
    ArrayType,
    Limits,
    StructType,
    TableType,
    is_defaultable,
    unpacked,
    value_type_name,
)
from wasmer_runtime_core.wasm.types import type_index as index_of
from wasmer_runtime_core.wasm.validation.body_validator import BodyValidator

_GLOBAL_GET: Final = BY_MNEMONIC["global.get"].code
_REF_FUNC: Final = BY_MNEMONIC["ref.func"].code

NOTHING: Final[frozenset[str]] = frozenset()
_EXCEPTIONS: Final = frozenset(("exceptions",))
_OBJECTS: Final = frozenset(("gc",))
PROGRAMS: Final = OBJECT_CONST.union(EXTENDED_CONST, REFERENCE_CONST)
"""Operators of initializers that are programs for a stack even where they stand alone."""

STRETCH: Final = 1 << 13
"""So many entries are checked between two checkpoints."""


def validate_module(decoded: DecodedModule, switched_off: frozenset[str] = NOTHING, keep: bool = True) -> list[Body]:
    """Check a module and flatten its bodies; fills `decoded.info.escaping`.

    Args:
        decoded: the module.
        switched_off: names of features that it may not use (`features.switched_off`).
        keep: whether the bodies are wanted.

    Returns:
        a body per function the module defines, in order; none if they are not wanted.

    Raises:
        ValidationError: it is not valid.
        DecodeError: a function body is malformed.
        UnsupportedFeatureError: it uses a feature that is not here, or is switched off.
        ImplementationLimitError: it has more of something than `decoded.limits` says.
    """
    if switched_off:
        from wasmer_runtime_core.wasm.validation.switched_off import check_switched_off

        check_switched_off(decoded, switched_off)
    read = 0
    try:
        declarations = _Declarations(decoded)
        declarations.check()
        info = decoded.info
        info.escaping = escaping_functions(info)
        validator = BodyValidator(decoded)
        bodies: list[Body] = []
        function_index = info.imported_functions
        for start, end in decoded.code:
            body = validator.validate(function_index, start, end)
            if keep:
                bodies.append(body)
            function_index += 1
            read += 1
        if validator.control.exceptions or info.tags:
            decoded.needed = _EXCEPTIONS
        if validator.objects.used or declarations.makes_objects:
            decoded.needed = decoded.needed.union(_OBJECTS)
        return bodies
    except (ValidationError, UnsupportedFeatureError, IndexError) as error:
        if raised_by_a_handler(error):
            raise
        if isinstance(error, UnsupportedFeatureError) and not isinstance(error.without, ValidationError):
            raise
        function_index = decoded.info.imported_functions + read
        for start, end in decoded.code[read:]:
            scan_body(decoded.data, start, end, decoded.info.data_count is not None, function_index)
            function_index += 1
        if isinstance(error, IndexError):
            raise InternalError(f"the validator lost its way in function body {read}: {error}") from error
        raise


def escaping_functions(info: ModuleInfo) -> tuple[int, ...]:
    """The functions that may become references (`ModuleInfo.escaping`)."""
    found = {export.index for export in info.exports if export.kind == FUNCTION}
    for segment in info.elements:
        for number, item in enumerate(segment.items, start=1):
            if number & 0xFFFF == 0:
                checkpoint()
            for constant in item:
                if constant.operator == _REF_FUNC:
                    found.add(constant.value)
    initializers = [definition.initializer for definition in info.global_definitions]
    for initializer in (*initializers, *(row for _, row in info.table_initializers)):
        for constant in initializer:
            if constant.operator == _REF_FUNC:
                found.add(constant.value)
    return tuple(sorted(found))


class _Declarations:
    """The checks of everything but bodies."""

    def __init__(self, decoded: DecodedModule) -> None:
        self.info = decoded.info
        self.space = decoded.types
        self.faults = decoded.faults
        self.offsets = decoded.offsets
        self.offset: int | None = None  # of the entry at hand
        self.left: i64 = STRETCH  # entries until the next checkpoint
        self.makes_objects: bool = False  # some initializer does, or an i31

    def check(self) -> None:
        self.types()
        self.imports()
        self.functions()
        self.tables()
        self.memories()
        for fault in self.faults:
            raise fault
        self.table_initializers()
        self.tags()
        self.globals()
        self.exports()
        self.start()
        self.elements()
        self.data()

    def turn_to(self, offset: int | None) -> None:
        """Turn to an entry at this offset, or to a part of one: a checkpoint, if one is due."""
        self.offset = offset
        self.left -= 1
        if self.left == 0:
            checkpoint()
            self.left = STRETCH

    def invalid(self, reason: str) -> NoReturn:
        raise ValidationError(reason, self.offset)

    # --- types ---------------------------------------------------------------------------
    def types(self) -> None:
        """What is declared to be below another type fits it (3.2.11 of 3.0)."""
        definitions = self.info.definitions
        for index, definition in enumerate(definitions):
            if definition.supertype < 0 or definition.first != index:
                continue
            self.turn_to(self.offsets["types"][index])
            above = definitions[definition.supertype]
            if above.final:
                self.invalid(f"sub type {index} is below type {definition.supertype}, which is final")
            if not self.space.fits(definition.composite, above.composite):
                self.invalid(f"sub type {index} does not match super type {definition.supertype}")

    # --- index spaces ------------------------------------------------------------------
    def imports(self) -> None:
        info = self.info
        table = memory = 0
        for import_, at in zip(info.imports, self.offsets["imports"], strict=True):
            self.turn_to(at)
            if import_.kind == FUNCTION:
                assert isinstance(import_.type, int)
                self.type_index(import_.type)
            elif import_.kind == TABLE:
                self.table(info.tables[table])
                table += 1
            elif import_.kind == MEMORY:
                self.memory(memory)
                memory += 1
            elif import_.kind == TAG:
                assert isinstance(import_.type, int)
                self.tag(import_.type)

    def functions(self) -> None:
        own = self.info.functions[self.info.imported_functions :]
        for type_index, at in zip(own, self.offsets["functions"], strict=True):
            self.turn_to(at)
            self.type_index(type_index)

    def tables(self) -> None:
        own = self.info.tables[self.info.imported_tables :]
        for table, at in zip(own, self.offsets["tables"], strict=True):
            self.turn_to(at)
            self.table(table)

    def table_initializers(self) -> None:
        info = self.info
        initializers = dict(info.table_initializers)
        for index, at in enumerate(self.offsets["tables"], info.imported_tables):
            self.turn_to(at)
            element = info.tables[index].element
            initializer = initializers.get(index)
            if initializer is not None:
                self.constant(initializer, element, info.imported_globals)
            elif not is_defaultable(element):
                self.invalid(f"type mismatch: a table of {value_type_name(element)} needs an initializer")

    def memories(self) -> None:
        info = self.info
        own = range(info.imported_memories, len(info.memories))
        for memory, at in zip(own, self.offsets["memories"], strict=True):
            self.turn_to(at)
            self.memory(memory)

    def tags(self) -> None:
        info = self.info
        for type_index, at in zip(info.tags[info.imported_tags :], self.offsets["tags"], strict=True):
            self.turn_to(at)
            self.tag(type_index)

    def globals(self) -> None:
        before = self.info.imported_globals
        for definition, at in zip(self.info.global_definitions, self.offsets["globals"], strict=True):
            self.turn_to(at)
            self.constant(definition.initializer, definition.type.value, before)
            before += 1

    # --- the rest --------------------------------------------------------------------------
    def exports(self) -> None:
        info = self.info
        counts = {
            FUNCTION: len(info.functions),
            TABLE: len(info.tables),
            MEMORY: len(info.memories),
            GLOBAL: len(info.globals),
            TAG: len(info.tags),
        }
        names: set[str] = set()
        for export, at in zip(info.exports, self.offsets["exports"], strict=True):
            self.turn_to(at)
            if export.index >= counts[export.kind]:
                self.invalid(f"unknown {KIND_NAMES[export.kind]} {export.index}")
            if export.name in names:
                self.invalid(f"duplicate export name {shortened(export.name)!r}")
            names.add(export.name)

    def start(self) -> None:
        info = self.info
        if info.start is None:
            return
        self.offset = self.offsets["start"][0]
        self.function_index(info.start)
        type_ = info.types[info.functions[info.start]]
        if type_.params or type_.results:
            self.invalid(f"start function has type {type_}, not [] -> []")

    def elements(self) -> None:
        info = self.info
        for segment, at in zip(info.elements, self.offsets["elements"], strict=True):
            self.turn_to(at)
            if segment.mode == ACTIVE:
                if segment.table >= len(info.tables):
                    self.invalid(f"unknown table {segment.table}")
                if not self.space.matches(segment.type, info.tables[segment.table].element):
                    self.invalid("type mismatch: the segment's elements are not of the table's type")
                assert segment.offset is not None
                self.constant(segment.offset, info.tables[segment.table].index_type)
            for item in segment.items:
                self.turn_to(at)
                self.constant(item, segment.type)

    def data(self) -> None:
        info = self.info
        for segment, at in zip(info.data, self.offsets["data"], strict=True):
            self.turn_to(at)
            if segment.mode == ACTIVE:
                if segment.memory >= len(info.memories):
                    self.invalid(f"unknown memory {segment.memory}")
                assert segment.offset is not None
                self.constant(segment.offset, info.memories[segment.memory].index_type)

    # --- parts -------------------------------------------------------------------------------
    def type_index(self, index: int) -> None:
        if index >= len(self.info.types):
            self.invalid(f"unknown type {index}")
        if self.space.forms[index] != FORM_FUNCTION:
            self.invalid(f"type mismatch: type {index} is no function type")

    def function_index(self, index: int) -> None:
        if index >= len(self.info.functions):
            self.invalid(f"unknown function {index}")

    def tag(self, type_index: int) -> None:
        self.type_index(type_index)
        if self.info.types[type_index].results:
            self.invalid("non-empty tag result type")

    def limits(self, limits: Limits, most: int, what: str) -> None:
        if limits.minimum > most or (limits.maximum is not None and limits.maximum > most):
            self.invalid(what)
        if limits.maximum is not None and limits.maximum < limits.minimum:
            self.invalid("size minimum must not be greater than maximum")

    def table(self, type_: TableType) -> None:
        most = 0xFFFF_FFFF if type_.index_type == I32 else 0xFFFF_FFFF_FFFF_FFFF
        self.limits(type_.limits, most, "table size must be at most 2**32 - 1 elements")

    def memory(self, index: int) -> None:
        type_ = self.info.memories[index]
        if type_.shared and type_.limits.maximum is None:
            self.invalid("shared memory must have maximum")
        if type_.index_type == I32:
            self.limits(type_.limits, MAX_PAGES, f"memory size must be at most {MAX_PAGES} pages (4GiB)")
        else:
            self.limits(
                type_.limits, MAX_WIDE_PAGES, f"memory size must be at most {MAX_WIDE_PAGES} pages (2**64 bytes)"
            )

    def constant(self, expression: ConstantExpression, type_: int, globals_before: int = -1) -> None:
        """An initializer that gives a value of `type_` (section 3.3.10); of a global, behind so many others."""
        first = expression[0]
        if len(expression) > 1 or first.operator in PROGRAMS:
            given = self.computed(expression, globals_before)
        else:
            given = self.operand(first, globals_before)
        if given != type_ and not self.space.matches(given, type_):
            self.invalid(f"type mismatch: an initializer of type {value_type_name(given)} for {value_type_name(type_)}")

    def computed(self, expression: ConstantExpression, globals_before: int) -> int:
        """The type that an initializer gives that is a program for a stack."""
        stack: list[int] = []
        for number, constant in enumerate(expression, start=1):
            if number & 0xFFF == 0:
                checkpoint()
            if constant.operator in OBJECT_CONST:
                self.makes_objects = True
                self.object(constant, stack)
            elif constant.operator in REFERENCE_CONST:
                self.makes_objects = True
                self.reference(constant, stack)
            elif constant.operator in EXTENDED_CONST:
                if stack[-2:] != [constant.type, constant.type]:
                    self.invalid(f"type mismatch: {OPERATORS[constant.operator].mnemonic} in an initializer")
                stack.pop()
            else:
                stack.append(self.operand(constant, globals_before))
        if len(stack) != 1:
            self.invalid(f"type mismatch: an initializer gives one value, this one {len(stack)}")
        return stack[0]

    def object(self, constant: ConstantOperator, stack: list[int]) -> None:
        """An operator that makes a struct or an array of what is on the stack."""
        mnemonic = OPERATORS[constant.operator].mnemonic
        composite = self.info.definitions[index_of(constant.type)].composite
        if mnemonic.startswith("struct") and isinstance(composite, StructType):
            fields = composite.fields
        elif mnemonic.startswith("array") and isinstance(composite, ArrayType):
            fields = (composite.element,)
        else:
            self.invalid(f"type mismatch: {mnemonic} in an initializer, of a type of another form")
        wanted = [unpacked(field.storage) for field in fields]
        if mnemonic.endswith("default"):
            if not all(is_defaultable(type_) for type_ in wanted):
                self.invalid(f"field type is not defaultable: {mnemonic} in an initializer")
            wanted = []
        elif mnemonic == "array.new_fixed":
            if constant.value > len(stack):
                self.invalid(f"type mismatch: {mnemonic} in an initializer")
            wanted *= constant.value
        if mnemonic == "array.new" or mnemonic == "array.new_default":
            wanted.append(I32)
        self.take(mnemonic, wanted, stack)
        stack.append(constant.type)

    def reference(self, constant: ConstantOperator, stack: list[int]) -> None:
        """An operator that makes a reference of what is on the stack."""
        mnemonic = OPERATORS[constant.operator].mnemonic
        null = stack[-1] & NON_NULL if stack else 0
        self.take(mnemonic, [{"ref.i31": I32, "any.convert_extern": EXTERNREF}.get(mnemonic, ANYREF)], stack)
        stack.append(constant.type | null)

    def take(self, mnemonic: str, wanted: list[int], stack: list[int]) -> None:
        """Operands of these types, the last on top."""
        first = len(stack) - len(wanted)
        if first < 0:
            self.invalid(f"type mismatch: {mnemonic} in an initializer")
        for type_, found in zip(wanted, stack[first:], strict=True):
            if not self.space.matches(found, type_):
                self.invalid(f"type mismatch: {mnemonic} in an initializer")
        del stack[first:]

    def operand(self, constant: ConstantOperator, globals_before: int) -> int:
        """The type that an operator without operands gives in an initializer."""
        info = self.info
        if constant.operator == _GLOBAL_GET:
            index = constant.value
            if index >= (len(info.globals) if globals_before < 0 else globals_before):
                self.invalid(f"unknown global {index}")
            if info.globals[index].mutable:
                self.invalid(f"constant expression required: global {index} is mutable")
        elif constant.operator == _REF_FUNC:
            self.function_index(constant.value)
        return constant.type
