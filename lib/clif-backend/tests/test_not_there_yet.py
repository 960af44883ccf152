"""Asking for the cranelift backend says that it is not there."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from wasmer_clif_backend import VERSION, CraneliftCompiler
from wasmer_runtime_core.errors import BackendError


def test_making_the_compiler_says_so_and_what_to_do() -> None:
    with pytest.raises(BackendError, match="cranelift backend is not available in this version") as raised:
        CraneliftCompiler()
    assert VERSION in str(raised.value)
    assert "singlepass" in str(raised.value)


def test_the_entry_point_leads_to_it() -> None:
    (entry,) = entry_points(group="wasmer.backends", name="cranelift")
    assert entry.load() is CraneliftCompiler
