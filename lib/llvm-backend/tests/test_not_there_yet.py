"""Asking for the llvm backend says that it is not there."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from wasmer_llvm_backend import VERSION, LLVMCompiler
from wasmer_runtime_core.errors import BackendError


def test_making_the_compiler_says_so_and_what_to_do() -> None:
    with pytest.raises(BackendError, match="llvm backend is not available in this version") as raised:
        LLVMCompiler()
    assert VERSION in str(raised.value)
    assert "singlepass" in str(raised.value)


def test_the_entry_point_leads_to_it() -> None:
    (entry,) = entry_points(group="wasmer.backends", name="llvm")
    assert entry.load() is LLVMCompiler
