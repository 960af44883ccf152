"""Functions that are known and not here: what their user can do instead. Each raises `NotSupported` when called."""

from __future__ import annotations

import re
from typing import Final

_BROWSER: Final = "it belongs to a web page; give a Python function for it, functions={…: f}"

REMEDIES: Final = (
    (r"gl[A-Z]\w*|egl\w+|emscripten_webgl_\w+|emscripten_gl\w+", "there is no graphics library; " + _BROWSER),
    (r"SDL_\w+|Mix_\w+|TTF_\w+|IMG_\w+", "SDL is not here: build without it, or give its functions"),
    (r"alc?[A-Z]\w*|emscripten_alc?[A-Z]\w*|emscripten_audio\w+", "there is no sound; " + _BROWSER),
    (r"emscripten_(set|get|request|exit|lock)_\w*(callback|element|pointer|fullscreen|canvas)\w*", _BROWSER),
    (r"_?emscripten_fetch\w*|emscripten_start_fetch|emscripten_(async_)?wget\w*",
     "fetch the data in Python, and put it into fs"),
    (r"emscripten_set_main_loop\w*|emscripten_(cancel|pause|resume)_main_loop|emscripten_request_animation_frame\w*|"
     r"emscripten_get_main_loop_timing|_emscripten_push_\w*main_loop_blocker|emscripten_unwind_to_js_event_loop",
     "there is no event loop: call the program's functions from a loop of your own"),
    (r"emscripten_async_call|emscripten_(set|clear)_(timeout|interval|immediate)\w*|_setitimer_js|_emscripten_\w*timeout\w*",
     "there is no event loop: call the function from Python when it is time"),
    (r"emscripten_run_script\w*|emscripten_async_run_script",
     "there is no JavaScript to run: give a Python function, functions={…: f}"),
    (r"pthread_\w+|__pthread_\w+|emscripten_thread\w*|_emscripten_thread\w*|_emscripten_notify\w*|emscripten_futex\w*",
     "there are no threads: build without -pthread"),
    (r"_?emscripten_atomic_\w+|_emscripten_init_main_thread_js|emscripten_check_blocking_allowed|_dlsym_catchup_js|"
     r"_emscripten_receive_on_main_thread_js|emscripten_atomics_is_lock_free|_emscripten_dlsync_\w+",
     "there are no threads: build without -pthread"),
    (r"_?emscripten_(create_|terminate_all_|terminate_)?wasm_workers?\w*|emscripten_navigator_hardware_concurrency|"
     r"emscripten_(lock|semaphore)_async_acquire", "there are no workers: call the function itself"),
    (r"_wasmfs_\w+", "WasmFS is not here: build without -sWASMFS, whose files are in the program"),
    (r"emscripten_trace_\w+", "nothing records what is traced: build without --tracing"),
    (r"emscripten_(pc_get|stack_unwind)_\w+|emscripten_stack_snapshot|emscripten_get_callstack|"
     r"emscripten_return_address|_Unwind_\w+",
     "a program cannot see its own stack; a failure shows it to Python"),
    (r"emscripten_promise_\w+|emscripten_dlopen_promise",
     "a promise is kept by an event loop, and there is none: call dlopen, or what returns when it is done"),
    (r"fork|vfork|execv\w*|posix_spawn\w*|popen|wait4?|waitpid|__syscall_wait4",
     "a program cannot start others"),
    (r"swapcontext|makecontext|getcontext|setcontext|emscripten_fiber_\w+", "fibers are not here: build without them"),
    (r"emscripten_websocket\w+", "use a socket (load(…, net=Network(…))), or do it in Python; " + _BROWSER),
    (r"gethostbyname_r|gethostbyname2\w*|gethostbyaddr\w*|getprotoby\w+|getservby\w+",
     "use getaddrinfo or numbers, or give a function, functions={…: f}"),
    (r"__syscall_socketpair", "a program has one thread: use a pipe"),
    (r"_?dlopen|_?dlsym|_?dlclose|_?dlerror|emscripten_dlopen\w*",
     "of dynamic linking, what emcc 3.1.6 and later ones import is here: link statically, or with one of them"),
    (r"_emval_(await|coro\w*)",
     "a coroutine of C++ that waits (co_await) goes on in an event loop, and there is no event loop: bind a function "
     "that returns at once, or one that takes a function to be called when it is done"),
    (r"_emval_(iter\w*|new_u16string|array_to_memory_view|from_current_cxa_exception)",
     "this function of embind is not here; give a Python function, functions={…: f}"),
    (r"sem_\w+|shm_\w+|mq_\w+|getpw\w+|getgr\w+", "the program's world has nothing of the kind"),
)  # fmt: skip
"""Pairs of a pattern of names and what to do."""

LONGEST_NAME: Final = 100
"""Of a function that is known: to match one of any length would cost its square."""

_COMPILED: Final = tuple((re.compile(pattern), remedy) for pattern, remedy in REMEDIES)


def remedy_for(name: str) -> str | None:
    """What to do about a function that is not here, or None where it is the program's own JavaScript."""
    if len(name) > LONGEST_NAME:
        return None
    for pattern, remedy in _COMPILED:
        if pattern.fullmatch(name):
            return remedy
    return None
