"""The types of the C part, as Python sees them. Their signatures stand in ``machine.pyi``."""

from __future__ import annotations

try:
    from wasmer_runtime_core.native._native import ffi, lib
except ImportError as error:
    raise ImportError(
        "the C part of wasmer-runtime-core is not built for this Python "
        f"({error}); in a source tree run: python -m wasmer_runtime_core.native.build"
    ) from error

_filled: dict = {}
if lib.bootstrap(ffi.cast("void *", id(_filled))):
    raise ImportError("the C part of wasmer-runtime-core could not start, see the message above")

MappedFile = _filled["MappedFile"]
Code = _filled["Code"]
Memory = _filled["Memory"]
Table = _filled["Table"]
Global = _filled["Global"]
Tag = _filled["Tag"]
ExceptionReference = _filled["ExceptionReference"]
Function = _filled["Function"]
DefinedType = _filled["DefinedType"]
HostFunction = _filled["HostFunction"]
Plan = _filled["Plan"]
Instance = _filled["Instance"]
Exports = _filled["Exports"]
Budget = _filled["Budget"]
Heap = _filled["Heap"]
StructRef = _filled["StructRef"]
ArrayRef = _filled["ArrayRef"]
new_object = _filled["new_object"]
DeadlineBlock = _filled["DeadlineBlock"]
known_types = _filled["known_types"]
define_types = _filled["define_types"]
numbered_type = _filled["numbered_type"]
type_matches = _filled["type_matches"]
configure = _filled["configure"]
make_host_function = _filled["make_host_function"]
exports_core = _filled["exports_core"]
checksum = _filled["checksum"]
is_plain = _filled["is_plain"]
heap_stress = _filled["heap_stress"]
trim_heap = _filled["trim_heap"]
statistics = _filled["statistics"]
can_reserve = _filled["can_reserve"]
assert_handlers = _filled["assert_handlers"]
watch_signal = _filled["watch_signal"]
leave_signal = _filled["leave_signal"]
faults_taken = _filled["faults_taken"]
unblock_signals = _filled["unblock_signals"]
private_signal = _filled["private_signal"]
seconds_left = _filled["seconds_left"]
check_interrupts = _filled["check_interrupts"]
wait = _filled["wait"]
restrict = _filled["restrict"]
released = _filled["released"]
this_thread_handle = _filled["this_thread_handle"]
cancel = _filled["cancel"]
uncancel = _filled["uncancel"]
map_elements = _filled["map_elements"]
contract_checksum = _filled["contract_checksum"]
