"""A module that acts the .NET runtime: its exports, with what a test has ``Main``, its timer and its background do.

Its heap only grows. A managed string is its length and its text. The methods of the interface are numbers: 1 is
CallEntrypoint, 2 GetManagedStackTrace, 3 what is thrown from; whatever is called of them is given the row of slots.
"""

from __future__ import annotations

from wasmer_runtime_core.compiling import pipeline

LOGGED = '(import "env" "mono_wasm_trace_logger" (func $log (param i32 i32 i32 i32 i32)))'

COMMON = """
  (import "env" "abort" (func $abort))
  (import "env" "exit" (func $exit (param i32)))
  (import "env" "mono_wasm_schedule_timer" (func $schedule (param i32)))
  (import "env" "schedule_background_exec" (func $soon))
  (import "env" "mono_wasm_trace_logger" (func $log (param i32 i32 i32 i32 i32)))
  (import "env" "mono_wasm_process_current_pid" (func $pid (result i32)))
  (import "env" "mono_wasm_browser_entropy" (func $entropy (param i32 i32) (result i32)))
  (import "env" "mono_wasm_get_locale_info" (func $locale (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "mono_wasm_console_clear" (func $clear))
  (import "env" "mono_interp_tier_prepare_jiterpreter"
    (func $tier (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  {imports}
  (memory (export "memory") 4 {most})
  (global $top (mut i32) (i32.const 131072))
  (global $loaded (mut i32) (i32.const 0))
  (data (i32.const 16) "a thing\\00")
  (data (i32.const 32) "critical\\00")
  (data (i32.const 48) "jsinterop\\00")
  {data}
  (func $malloc (export "malloc") (param $length i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.set $top (i32.add (local.get $at) (local.get $length)))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
      (then
        (if (i32.eq (i32.const -1)
            (memory.grow (i32.add (i32.shr_u (local.get $length) (i32.const 16)) (i32.const 1))))
          (then (return (i32.const 0))))))
    (local.get $at))
  (func (export "free") (param i32))
  (func $write (param $text i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $text)) (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $complain (param $text i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $text)) (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $length (param $text i32) (result i32) (local $end i32)
    (local.set $end (local.get $text))
    (block $done (loop $next
      (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br $next)))
    (i32.sub (local.get $end) (local.get $text)))
  (func (export "mono_wasm_add_assembly") (param $name i32) (param $data i32) (param $size i32) (result i32)
    {adding}
    (i32.const 1))
  (func (export "mono_wasm_setenv") (param i32 i32))
  (func (export "mono_wasm_parse_runtime_options") (param i32 i32))
  (func (export "mono_wasm_set_main_args") (param i32 i32))
  (func (export "mono_wasm_register_root") (param i32 i32 i32) (result i32) (i32.const 1))
  (func (export "mono_wasm_deregister_root") (param i32))
  (func (export "mono_wasm_assembly_load") (param i32) (result i32) {interop})
  (func (export "mono_wasm_assembly_find_class") (param i32 i32 i32) (result i32) (i32.const 1))
  (func (export "mono_wasm_assembly_find_method") (param $class i32) (param $name i32) (param i32) (result i32)
    (if (i32.eq (i32.load8_u (local.get $name)) (i32.const 67)) (then (return (i32.const 1))))
    (if (i32.eq (i32.load8_u offset=3 (local.get $name)) (i32.const 77)) (then (return (i32.const 2))))
    {thrown_from})
  (func (export "mono_wasm_string_from_utf16_ref") (param $text i32) (param $count i32) (param $slot i32)
    (local $made i32)
    (local.set $made (call $malloc (i32.add (i32.const 4) (i32.shl (local.get $count) (i32.const 1)))))
    (i32.store (local.get $made) (i32.shl (local.get $count) (i32.const 1)))
    (memory.copy (i32.add (local.get $made) (i32.const 4)) (local.get $text) (i32.shl (local.get $count) (i32.const 1)))
    (i32.store (local.get $slot) (local.get $made)))
  (func (export "mono_wasm_string_get_data_ref") (param $slot i32) (param $text i32) (param $size i32) (param i32)
    (local $made i32)
    (local.set $made (i32.load (local.get $slot)))
    (if (local.get $made) (then
      (i32.store (local.get $text) (i32.add (local.get $made) (i32.const 4)))
      (i32.store (local.get $size) (i32.load (local.get $made))))))
  (func (export "mono_wasm_execute_timer") {timer})
  (func (export "mono_background_exec") {background})
  (func $main (param $row i32) {main})
  (func $trace (param $row i32) {trace})
  (func $throw (param $row i32) {throw})
"""

TODAY = """
  (func (export "mono_wasm_load_runtime") (param i32))
  (func (export "mono_wasm_invoke_jsexport") (param $method i32) (param $row i32)
    (if (i32.eq (local.get $method) (i32.const 1)) (then (call $main (local.get $row))))
    (if (i32.eq (local.get $method) (i32.const 2)) (then (call $trace (local.get $row))))
    (if (i32.eq (local.get $method) (i32.const 3)) (then (call $throw (local.get $row)))))
"""
OF_10 = TODAY.replace("(param i32))", "(param i32 i32 i32 i32))", 1)
OF_8 = """
  (func (export "mono_wasm_load_runtime") (param i32 i32))
  (func (export "mono_wasm_assembly_get_entry_point") (param i32 i32) (result i32) (i32.const 77))
  (func (export "mono_wasm_invoke_method_bound") (param $method i32) (param $row i32) (param $thrown i32) (result i32)
    (if (i32.eq (local.get $method) (i32.const 1)) (then (call $main (local.get $row))))
    (if (i32.eq (local.get $method) (i32.const 2)) (then (call $trace (local.get $row))))
    (if (i32.eq (local.get $method) (i32.const 3)) (then (call $throw (local.get $row))))
    {failing})
"""

SETTLE = '(import "env" "mono_wasm_resolve_or_reject_promise" (func $settle (param i32)))'
MARSHAL = '(import "env" "mono_wasm_marshal_promise" (func $marshal (param i32)))'
ANSWERED = (
    "(i32.store8 offset=44 (local.get $row) (i32.const 28)) (i32.store8 offset=45 (local.get $row) (i32.const {kind}))"
)


def done(code: int) -> str:
    """A ``Main`` that is done at once, with a code."""
    return ANSWERED.format(kind=7) + f" (i32.store offset=32 (local.get $row) (i32.const {code}))"


def settled(code: int) -> str:
    """The task of ``Main`` is done, later."""
    return f"""
      (i32.store offset=68 (i32.const 65536) (i32.const 1)) (i32.store8 offset=76 (i32.const 65536) (i32.const 28))
      (i32.store offset=96 (i32.const 65536) (i32.const {code})) (i32.store8 offset=108 (i32.const 65536) (i32.const 7))
      (call $settle (i32.const 65536))"""


def runtime(
    *,
    main: str = "",
    timer: str = "",
    background: str = "",
    trace: str = "",
    throw: str = "",
    adding: str = "",
    imports: str = SETTLE,
    data: str = "",
    most: str = "",
    interop: str = "(i32.const 1)",
    thrown_from: str = "(i32.const 3)",
    era: str = TODAY,
    failing: str = "(i32.const 0)",
) -> bytes:
    """The module."""
    text = COMMON.format(
        main=main, timer=timer, background=background, trace=trace, throw=throw, adding=adding, imports=imports,
        data=data, most=most, interop=interop, thrown_from=thrown_from,
    )  # fmt: skip
    whole = f"(module {text} {era.replace('{failing}', failing)})"
    return pipeline.run(pipeline.Compilation(whole), until="validate").binary


def utf16(at: int, text: str) -> str:
    """A managed string as a data segment."""
    data = text.encode("utf-16-le")
    shown = "".join(f"\\{byte:02x}" for byte in len(data).to_bytes(4, "little") + data)
    return f'(data (i32.const {at}) "{shown}")'


def text(at: int, of: str) -> str:
    """A text of C as a data segment."""
    shown = "".join(f"\\{byte:02x}" for byte in of.encode() + b"\0")
    return f'(data (i32.const {at}) "{shown}")'
