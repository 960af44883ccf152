"""What a ``ref.test`` or ``ref.cast`` has to look at, told from what is known of its operand when code is compiled.

Each backend writes the few steps of a `Cast`; what may be left out is decided here, once for all of them.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.vmctx import TYPE_FORMS
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    FIRST_TYPE,
    HEAP_ARRAY,
    HEAP_EQ,
    HEAP_I31,
    HEAP_NONE,
    HEAP_STRUCT,
    FunctionType,
    StructType,
)

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

NEVER: Final = 0
"""No reference passes that is not null."""
ALWAYS: Final = 1
"""Each does."""
IF_I31: Final = 2
"""What has the tag of i31 does."""
IF_EQ: Final = 3
"""What is no Python object does."""
IF_FORM: Final = 4
"""An object does whose type's record is of the `form`."""
IF_TYPE: Final = 5
"""What is of the type does: its record is that of `type_index`."""
IF_BELOW: Final = 6
"""What is of the type or below it does: the record of `type_index` is at `depth` in the list of supertypes."""


class Cast(NamedTuple):
    """The steps.

    Attributes:
        null_passes: what null does; nothing where `may_be_null` is not so.
        may_be_null: the operand may be null.
        what: which other references pass: one of the above.
        tagged: for the last three: the operand may be an i31 or a Python object, which do not pass.
        function: for the last two: it is a function, whose record says its type; else an object.
        form: of `vmctx.TYPE_FORMS`.
        type_index: of the module.
        depth: of that type: how many are above it.
    """

    null_passes: bool
    may_be_null: bool
    what: int
    tagged: bool = False
    function: bool = False
    form: int = 0
    type_index: int = 0
    depth: int = 0


def cast(info: ModuleInfo, kind: int, target: int, null_passes: bool, source: int, may_be_null: bool) -> Cast:
    """The steps of a test or cast.

    Args:
        info: of the module.
        kind: of both types.
        target, source: what is above the kind and the bit of null in their value types (words ``a`` and ``b``).
        null_passes: null is of the target's type.
        may_be_null: null is of the source's type.
    """
    if is_below(info, source, target):
        return Cast(null_passes, may_be_null, ALWAYS)
    if target == HEAP_NONE or not is_below(info, target, source):
        return Cast(null_passes, may_be_null, NEVER)
    if target == HEAP_I31:
        return Cast(null_passes, may_be_null, IF_I31)
    if target == HEAP_EQ:
        return Cast(null_passes, may_be_null, IF_EQ)
    tagged = kind == ANYREF and (source == 0 or source == HEAP_EQ)
    if target < FIRST_TYPE:
        form = TYPE_FORMS.index("STRUCT" if target == HEAP_STRUCT else "ARRAY")
        return Cast(null_passes, may_be_null, IF_FORM, tagged, form=form)
    index = target - FIRST_TYPE
    definition = info.definitions[index]
    function = kind != ANYREF
    if definition.final:
        return Cast(null_passes, may_be_null, IF_TYPE, tagged, function, type_index=index)
    depth = 0
    above = definition.supertype
    while above >= 0:
        depth += 1
        above = info.definitions[above].supertype
    return Cast(null_passes, may_be_null, IF_BELOW, tagged, function, type_index=index, depth=depth)


def is_below(info: ModuleInfo, found: int, wanted: int) -> bool:
    """Whether what one heap type describes the other does, of one hierarchy (3.0, section 3.3.3)."""
    if found == wanted or wanted == 0 or found == HEAP_NONE:
        return True
    if found < FIRST_TYPE:
        return wanted == HEAP_EQ and found != 0
    composite = info.definitions[found - FIRST_TYPE].composite
    if wanted < FIRST_TYPE:
        if isinstance(composite, FunctionType):
            return False
        form = HEAP_STRUCT if isinstance(composite, StructType) else HEAP_ARRAY
        return wanted in (HEAP_EQ, form)
    at = info.definitions[found - FIRST_TYPE].first
    wanted = info.definitions[wanted - FIRST_TYPE].first
    while at >= 0:
        if info.definitions[at].first == wanted:
            return True
        at = info.definitions[at].supertype
    return False
