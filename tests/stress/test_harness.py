"""What runs the scenarios again and again gives each what it is marked with."""

from __future__ import annotations

import pytest

from tests.stress.__main__ import cases


def test_marked_scenarios_get_their_values() -> None:
    @pytest.mark.parametrize("seed", [3, 4])
    def marked(seed: int) -> int:
        return seed

    assert [(name, case()) for name, case in cases("test_x", marked)] == [("test_x[3]", 3), ("test_x[4]", 4)]
    assert [(name, case()) for name, case in cases("test_y", lambda: 5)] == [("test_y", 5)]
    assert list(cases("test_z", lambda fixture: fixture)) == []
