"""`Body`: one function, checked, typed and flattened, as it is handed to a backend.

The validator does not feed a backend operator by operator; it finishes the function and
hands it over whole, as a buffer of fixed-size records. Reading a packed buffer costs a
nanosecond where a call between two separately compiled distributions costs sixty, and
what one pass can know (types, branch targets, heights, dead code, which locals a loop
writes) no backend need find out again.

The record
----------
Sixteen bytes, little-endian, one an operator::

    word 0   operator code (bits 0-15) | type or arity (16-23) | lane (24-31)
    word 1   a
    word 2   b
    word 3   byte offset of the operator in the module

``a`` and ``b`` by operator (*label* numbers are unique in a function: 0 is the function's
own body, the others count the blocks in the order in which they are opened):

==================  =========================  ==========================================
operator            a                          b
==================  =========================  ==========================================
block, loop, if     label                      block type as decoded: type index, or
                                               -64 (none), -1 … (one value type)
else                label                      1 if the first arm falls through, else 0
end                 label                      bit 0: falls through; bit 1: some branch
                                               goes here; bit 2: an ``if`` without else
try                 label                      block type
catch               label                      bit 0: what came before falls through; bit 1: the
                                               exception itself is given, behind its values;
                                               tag index from bit 2 on
catch_all           label                      the same, without a tag
delegate            label                      as of ``end``; from bit 3 on the label of the try
                                               whose catches are meant, 0: those of the caller
throw               tag index                  type index
throw_ref           -                          -
br, br_if           label                      operand height to unwind to (values below
                                               the label's own); arity in bits 16-31
br_on_null          label                      the same; the reference on top is not carried, and
                                               stays where it is if it is not null
br_on_non_null      label                      the same; the reference on top is carried, and
                                               gone if it is null
br_table            pool index                 number of targets without the default;
                                               arity in bits 16-31. Pool: (label, height)
                                               for each target, the default last
return              -                          - ; arity in bits 16-31
call, return_call   function index             type index
call_indirect,      type index                 table index
return_call_indirect
call_ref,           type index                 -
return_call_ref
local.*, global.*   index                      - ; type in bits 16-23
select, drop        -                          - ; type in bits 16-23 (``select t`` is
                                               written as ``select``)
table.get/set/…     table index                - ; table.grow, table.fill too
ref.null            -                          - ; type in bits 16-23
ref.func            function index             -
ref.as_non_null     -                          - ; type in bits 16-23
ref.test, ref.cast  target: what is above the  the same of what is known of the operand; the
                    kind and the bit of null   kind in bits 16-23, in the lane bit 0: it is not
                    in its value type          null, bit 1: it stays below the test's result
struct.new…         type index                 -
struct.get/set      type index                 field index; what it gives or takes in bits
                                               16-23, in the lane bit 0: the operand is not null
array.new,          type index                 - ; the operand's type in bits 16-23
array.new_default
array.new_fixed     type index                 number of elements; their type in bits 16-23
array.new_data,     type index                 segment; the type in bits 16-23
array.new_elem
array.get/set/fill  type index                 - ; type in bits 16-23, lane as of struct.get
array.len, i31.get  -                          - ; lane as of struct.get
array.copy          type index                 the source's type index; lane as of struct.get
array.init_data,    segment                    type index; lane as of struct.get
array.init_elem
loads, stores,      offset, its low 32 bits    memory index in bits 0-15, bits 32-47 of the
atomic accesses                                offset above; alignment exponent in bits
                                               16-23 of word 0, lane in its bits 24-31
memory.size/grow    memory index               -
memory.fill         memory index               -
memory.init         data index                 memory index
memory.copy         destination memory         source memory
table.init          element index              table index
table.copy          destination table          source table
data.drop           data index                 -
elem.drop           element index              -
i32.const           value                      -
f32.const           bits                       -
i64.const, f64      low 32 bits                high 32 bits
v128.const          pool index (4 words)       -
i8x16.shuffle       pool index (4 words)       -
lane operators      -                          - ; lane in bits 24-31
internal.*          as in `internal_operators`, whose codes are on page 0x600:
                    only middlewares write them
==================  =========================  ==========================================

An offset of a memory with a 32-bit index has 32 bits. One of 2**48 or more lies beyond every memory; it
is written as the greatest of 48 bits, which does so too (`MOST_OFFSET`).

A branch on a cast is a ``ref.test`` that leaves its operand, and ``br_if``; one on a cast that fails has ``i32.eqz``
between them.

What is not there: ``nop``; every operator that cannot be reached. A block that is opened
is always closed by its ``end``; the last record is the ``end`` of label 0. After an
``end`` with neither bit 0 nor bit 1 nothing is reachable until the next ``else`` or
``end`` (the validator leaves it out already). Operand heights count values, not slots.

A branch goes to the ``end`` (bit 1) of its label's block, unless that is a loop: then it
goes to the loop's head. An ``if`` without else (bit 2) always has bit 1 too: its condition
branches there when it is false. Where a first arm falls through into ``else``, the ``end``
has bit 1.

A ``try`` has arms that catch, in the order in which they are tried; what none of them catches goes on to the next
``try`` around. Its ``catch`` and ``catch_all`` do to it what ``else`` does to an ``if``: what comes before falls
through to the ``end`` or not, and the arm begins at the height of the label, with the exception's values pushed, then
the exception itself (an ``exnref``) if bit 1 says so. Every arm counts as reached. ``delegate`` stands for the ``end``
of a ``try`` without arms. Both encodings come to this: a ``try_table`` has an arm for each of its catches, which is
a branch; ``rethrow`` is ``throw_ref`` of a hidden local, one of those that stand behind the declared ones.

`pool` is an array of little-endian 32-bit words. `loops` holds for each loop three words
(label, pool index, count), labels ascending: the pool then lists the locals that loop
writes, each once. `body_text` prints all of this, `body_verifier` checks it.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

RECORD_BYTES: Final = 16

END_FALLS_THROUGH: Final = 1
END_IS_TARGET: Final = 2
END_OF_IF_WITHOUT_ELSE: Final = 4

CATCH_FALLS_THROUGH: Final = 1
CATCH_GIVES_EXCEPTION: Final = 2
CATCH_TAG_SHIFT: Final = 2
DELEGATE_SHIFT: Final = 3

OPERAND_IS_NOT_NULL: Final = 1
OPERAND_STAYS: Final = 2
"""In the lane of operators that look at a reference: it has no null; a test leaves it below its result."""

MOST_OFFSET: Final = (1 << 48) - 1
"""The greatest offset of a load or store that a record can hold; no memory is as large."""

BLOCK_EMPTY: Final = -64
"""Block type without parameters and results."""
BLOCK_TYPE_CODE: Final = 0x7F
"""A negative block type has one result and no parameter; these bits of it are the result's value type code."""


def access_memory(b: int) -> int:
    """The memory of a load or store, from word `b` of its record."""
    return b & 0xFFFF


def access_offset(a: int, b: int) -> int:
    """Its offset, from words `a` and `b`, signed or not."""
    return (a & 0xFFFF_FFFF) | ((b >> 16 & 0xFFFF) << 32)


def access_word(offset: int, memory: int) -> int:
    """Word `b` of a load or store; `a` is the low half of the offset."""
    return memory | (min(offset, MOST_OFFSET) >> 32) << 16


class Body:
    """One function body. Plain data; `records`, `pool` and `loops` as described above."""

    __slots__ = (
        "call_weight",
        "calls",
        "function_index",
        "label_count",
        "local_types",
        "local_weights",
        "loops",
        "max_stack",
        "memory_accesses",
        "offset",
        "pool",
        "records",
        "size",
        "type_index",
    )

    def __init__(
        self,
        function_index: int,
        type_index: int,
        offset: int,
        size: int,
        local_types: bytes,
        records: bytes,
        pool: bytes,
        loops: bytes,
        max_stack: int,
        label_count: int,
        local_weights: bytes,
        call_weight: int,
        calls: int,
        memory_accesses: int,
    ) -> None:
        self.function_index = function_index  # in the index space with imports
        self.type_index = type_index
        self.offset = offset  # of the code entry's body in the module, in bytes
        self.size = size  # of the code entry's body, in bytes
        self.local_types = local_types  # one value type byte each, parameters first, hidden ones last
        self.records = records
        self.pool = pool
        self.loops = loops
        self.max_stack = max_stack  # operand values at the deepest point
        self.label_count = label_count
        self.local_weights = local_weights  # u32 each: uses, each counted 8 ** loop depth (at most 4)
        self.call_weight = call_weight  # calls (indirect, host and helper calls too), weighted alike
        self.calls = calls  # plain count of `call` and `call_indirect`; those in place of this function are none
        self.memory_accesses = memory_accesses  # loads and stores
