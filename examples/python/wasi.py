"""A WASI program in a sandbox: its output kept, its input given, one directory to see."""

from __future__ import annotations

import tempfile
from pathlib import Path

from wasmer_runtime import compile, instantiate
from wasmer_wasi import ExitCode, WasiState, WasiVersion, generate_import_object_from_state, get_wasi_version

# Writes "hello, file" to standard output and to /data/out, then ends with code 3.
module = compile("""
  (module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\10\\00\\00\\00\\0c\\00\\00\\00")
    (data (i32.const 16) "hello, file\\n")
    (data (i32.const 32) "out")
    (func (export "_start")
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 1)
                        (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 68)))
      (drop (call $write (i32.load (i32.const 68)) (i32.const 0) (i32.const 1) (i32.const 64)))
      (call $exit (i32.const 3))))
""")
print("built for", get_wasi_version(module, strict=True))

with tempfile.TemporaryDirectory() as directory:
    state = WasiState.new("hello").map_dir("/data", directory).capture_stdout().build()
    instance = instantiate(module, generate_import_object_from_state(state, WasiVersion.LATEST))
    try:
        instance.exports._start()
    except ExitCode as end:
        print("exit code", end.code)
    print("standard output:", state.stdout_bytes())
    print("the file:", (Path(directory) / "out").read_bytes())
