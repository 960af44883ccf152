"""Why a module is refused, whatever this version knows of later releases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError


def refusal(check: Callable[..., Any], *arguments: Any) -> DecodeError | ValidationError:
    """The error of a check; of a module that uses a later feature, what is wrong with it without the feature."""
    with pytest.raises((DecodeError, UnsupportedFeatureError, ValidationError)) as caught:
        check(*arguments)
    error = caught.value
    if isinstance(error, UnsupportedFeatureError):
        assert error.offset == error.without.offset
        return error.without
    assert isinstance(error, (DecodeError, ValidationError))
    return error
