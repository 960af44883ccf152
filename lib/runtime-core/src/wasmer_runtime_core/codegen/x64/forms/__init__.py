"""Every x86-64 instruction form that a backend may use, one row each, by name.

The tables are chapters: `integer`, `control`, `sse`, `avx`; `rows` says how they are read.
A row's name is its syntax in capitals: ``add r32, rm32`` is `ADD_R32_RM32`,
``addsd xmm, xm64`` is `ADDSD_XMM_XM64`; the sixteen rows of a conditional instruction have
one name, with ``CC``. Each is a `Form`; ``ADD_R32_RM32.number`` is what a record holds.
Backends that are compiled read these numbers into native constants once, at import.

Numbers follow the order in which the chapters are loaded, which this module fixes. They may
change with any release: they are written to records, never to artifacts.
"""

# ruff: noqa: F403
from __future__ import annotations

from wasmer_runtime_core.codegen.x64.forms.rows import FORMS as FORMS
from wasmer_runtime_core.codegen.x64.forms.rows import Form as Form
from wasmer_runtime_core.codegen.x64.forms.rows import by_number as by_number

# isort: off
from wasmer_runtime_core.codegen.x64.forms.integer import *
from wasmer_runtime_core.codegen.x64.forms.control import *
from wasmer_runtime_core.codegen.x64.forms.sse import *
from wasmer_runtime_core.codegen.x64.forms.avx import *
