"""What .NET's interface for JavaScript passes: *slots*, a row of them for a call.

A call between managed code and its host has a row of slots in the runtime's memory (`JSMarshalerArgument` of
System.Runtime.InteropServices.JavaScript): the first for an exception, the second for the result, then the arguments. A
slot is a value with its kind:

======  ==========================================================================
offset  what is there
======  ==========================================================================
0       the value; of a string, an exception, the managed string (its message)
4       a handle: of a managed object that the host holds, or of a host's object
8       how many elements an array has
12      the kind, a byte
13      the kind of an array's elements, a byte; in .NET 8 this is at 4
======  ==========================================================================

A slot has 32 bytes, in .NET 8 16. Managed strings lie in slots, so their memory is on the runtime's list of roots.
"""

from __future__ import annotations

from typing import Final, NamedTuple

NONE: Final = 0
VOID: Final = 1
BOOLEAN: Final = 3
BYTE: Final = 4
INT32: Final = 7
POINTER: Final = 12
STRING: Final = 15
EXCEPTION: Final = 16
TASK: Final = 20
ARRAY: Final = 21
RESOLVED: Final = 28
REJECTED: Final = 29
PENDING: Final = 30

EXCEPTION_SLOT: Final = 0
RESULT_SLOT: Final = 1
FIRST_ARGUMENT: Final = 2

VALUE: Final = 0
HANDLE: Final = 4
LENGTH: Final = 8
KIND: Final = 12


class Layout(NamedTuple):
    """How slots are laid out in a version of .NET.

    Attributes:
        size: bytes of a slot.
        element: where in it the kind of an array's elements is.
    """

    size: int
    element: int

    def slot(self, row: int, number: int) -> int:
        """Where a slot of a row lies."""
        return row + self.size * number


LAYOUT_OF_8: Final = Layout(16, 4)
LAYOUT: Final = Layout(32, 13)
"""That of .NET 9 and 10."""
