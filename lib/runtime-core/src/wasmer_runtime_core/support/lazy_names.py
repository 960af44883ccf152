"""Names of a package that are imported when they are first asked for, so that importing the package costs nothing."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its name.
        homes: the names, by the module that has them; ``name=other`` for one that is called otherwise there.
    """
    home_of = {}
    for home, names in homes.items():
        for name in names:
            here, _, there = name.partition("=")
            home_of[here] = home, there or here

    def get(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, there = home_of[name]
        __import__(home)
        value = getattr(sys.modules[home], there)
        setattr(sys.modules[package], name, value)  # found before this from then on
        return value

    return get, lambda: sorted(home_of)
