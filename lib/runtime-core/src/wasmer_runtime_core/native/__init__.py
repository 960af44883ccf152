"""The part that Python cannot do: machine code is entered, left, trapped and mapped here.

One C library, written by hand, an extension module (`_native`). Everything else in core takes its types and functions
from `machine`. `build` compiles it.

The C files, each one idea, in three rooms; each says at its top what it does. `runtime.c` includes them, each after
what it needs, and all after ``core.h``: structures that they share, and why these look so. ``bootstrap.c`` comes last:
the types, and what Python may call.

========================  ===================================================================
``system/``               **the process: pages, threads, signals**
``store.h``               a store, and what belongs to one
``store.c``               threads, stores, activations: who may run, what is kept alive
``mapped_file.c``         files whose bytes are used where they lie
``plain_values.c``        what `marshal` may be given to read
``stubs.c``               where functions are entered whose code comes later
``sites.c``               which operator an instruction came of, and which trap it is
``code_pages.c``          pages of code, and the maps from a pc to its meaning
``code_parts.c``          code of single functions, which comes later
``loops.c``               calls that go on in other code, at the head of a loop
``backtrace.c``           which wasm functions ran, and exceptions that say so
``ticks.c``               which functions run
``code_type.c``           a module's code as Python has it
``interrupt.c``           wasm code stopped between two instructions
``deadline.c``            what ends a thread's code: deadlines, cancellation; waiting for less
``waiting.c``             who waits at an address of a shared memory, and who notifies
``signals.c``             faults become traps
``handlers.c``            how our signal handlers get on with those of others
``objects/``              **what modules import and export, and what these are made by**
``budget.c``              what all that is made under one Limits takes, together
``slots.c``               the address space that memories lie in
``memory.c``              linear memories
``heap.h``                what files before it know of a collected heap
``heap.c``                where structs and arrays lie: blocks, slots, what is free
``marking.c``             which of them are alive
``table.c``               tables
``global.c``              globals
``function.c``            exported functions: calls from Python
``exception.h``           tags and exceptions, as all files have them
``exception.c``           tags, and what is thrown
``plan.c``                what all instances of a module have in common
``collecting.c``          what each collection does: where it begins, and what follows its end
``steps.c``               marking in steps, beside code that runs
``collector.c``           when a heap is collected, what it keeps, and whose it is
``reach.c``               stores and heaps join where a reference goes
``reference.c``           structs and arrays as Python sees them
``instantiate.c``         instances are made: bound and filled
``instance.c``            instances as Python sees them
``exports.c``             what instances offer, as attributes
``limits.c``              what is made comes under limits
``calls/``                **into wasm and out of it**
``entry.c``               the few instructions in assembly: into wasm, out of it, host stubs
``tail_calls.c``          room for the arguments of tail calls, and who returns where behind them
``signature.c``           signatures, where arguments lie, Python values to bits and back
``types.c``               types that are more than functions of kinds, one for all modules of the process
``exceptions.c``          the way of an exception from a throw to who catches it
``host.c``                imported functions: calls to Python
``first_call.c``          a function that is not compiled yet is called
``bulk.c``                what helpers that work on much at once have in common
``objects.c``             helpers that make structs and arrays, and work on elements
``helpers.c``             the other functions that generated code calls
``threads.c``             functions without the GIL
``vectorize.c``           a scalar function over arrays, in one entry
========================  ===================================================================

``contract.h`` is generated from `contract.vmctx`, `convention`, `traps` and `helpers`, so that no number
of the machine contract is written twice.
"""
