"""The functions of the interface, in the specification's order: a row each.

Parameters are written a letter each, `i` an i32 and `I` an i64; the result is an errno
(i32), but for `proc_exit`, which has none. `since` is the first version with the function.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_wasi.types import SNAPSHOT0, SNAPSHOT1


class Row(NamedTuple):
    name: str
    params: str
    result: str
    since: int


# fmt: off
FUNCTIONS: Final = (
    Row("args_get",                "ii",        "i", SNAPSHOT0),
    Row("args_sizes_get",          "ii",        "i", SNAPSHOT0),
    Row("environ_get",             "ii",        "i", SNAPSHOT0),
    Row("environ_sizes_get",       "ii",        "i", SNAPSHOT0),
    Row("clock_res_get",           "ii",        "i", SNAPSHOT0),
    Row("clock_time_get",          "iIi",       "i", SNAPSHOT0),
    Row("fd_advise",               "iIIi",      "i", SNAPSHOT0),
    Row("fd_allocate",             "iII",       "i", SNAPSHOT0),
    Row("fd_close",                "i",         "i", SNAPSHOT0),
    Row("fd_datasync",             "i",         "i", SNAPSHOT0),
    Row("fd_fdstat_get",           "ii",        "i", SNAPSHOT0),
    Row("fd_fdstat_set_flags",     "ii",        "i", SNAPSHOT0),
    Row("fd_fdstat_set_rights",    "iII",       "i", SNAPSHOT0),
    Row("fd_filestat_get",         "ii",        "i", SNAPSHOT0),
    Row("fd_filestat_set_size",    "iI",        "i", SNAPSHOT0),
    Row("fd_filestat_set_times",   "iIIi",      "i", SNAPSHOT0),
    Row("fd_pread",                "iiiIi",     "i", SNAPSHOT0),
    Row("fd_prestat_get",          "ii",        "i", SNAPSHOT0),
    Row("fd_prestat_dir_name",     "iii",       "i", SNAPSHOT0),
    Row("fd_pwrite",               "iiiIi",     "i", SNAPSHOT0),
    Row("fd_read",                 "iiii",      "i", SNAPSHOT0),
    Row("fd_readdir",              "iiiIi",     "i", SNAPSHOT0),
    Row("fd_renumber",             "ii",        "i", SNAPSHOT0),
    Row("fd_seek",                 "iIii",      "i", SNAPSHOT0),
    Row("fd_sync",                 "i",         "i", SNAPSHOT0),
    Row("fd_tell",                 "ii",        "i", SNAPSHOT0),
    Row("fd_write",                "iiii",      "i", SNAPSHOT0),
    Row("path_create_directory",   "iii",       "i", SNAPSHOT0),
    Row("path_filestat_get",       "iiiii",     "i", SNAPSHOT0),
    Row("path_filestat_set_times", "iiiiIIi",   "i", SNAPSHOT0),
    Row("path_link",               "iiiiiii",   "i", SNAPSHOT0),
    Row("path_open",               "iiiiiIIii", "i", SNAPSHOT0),
    Row("path_readlink",           "iiiiii",    "i", SNAPSHOT0),
    Row("path_remove_directory",   "iii",       "i", SNAPSHOT0),
    Row("path_rename",             "iiiiii",    "i", SNAPSHOT0),
    Row("path_symlink",            "iiiii",     "i", SNAPSHOT0),
    Row("path_unlink_file",        "iii",       "i", SNAPSHOT0),
    Row("poll_oneoff",             "iiii",      "i", SNAPSHOT0),
    Row("proc_exit",               "i",         "",  SNAPSHOT0),
    Row("proc_raise",              "i",         "i", SNAPSHOT0),
    Row("sched_yield",             "",          "i", SNAPSHOT0),
    Row("random_get",              "ii",        "i", SNAPSHOT0),
    Row("sock_accept",             "iii",       "i", SNAPSHOT1),
    Row("sock_recv",               "iiiiii",    "i", SNAPSHOT0),
    Row("sock_send",               "iiiii",     "i", SNAPSHOT0),
    Row("sock_shutdown",           "ii",        "i", SNAPSHOT0),
)
# fmt: on
TYPE_NAMES: Final = {"i": "i32", "I": "i64"}
