"""What `functools` and `types` have, without what they bring along: `collections` and more, ten modules of Python's."""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from functools import lru_cache as lru_cache
    from functools import partial as partial
    from functools import wraps as wraps
    from types import MethodType as MethodType
else:
    from _functools import _lru_cache_wrapper
    from _functools import partial as partial

    class _Owner:
        def method(self): ...

    MethodType = type(_Owner().method)

    def lru_cache(maxsize):
        """Makes a function keep what it returned for so many arguments, those it was asked for last."""

        def keeping(function):
            return wraps(function)(_lru_cache_wrapper(function, maxsize, False, lambda *told: told))

        return keeping

    def wraps(wrapped):
        """Makes a function pass for another one, which it calls."""

        def passing(wrapper):
            for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
                try:
                    setattr(wrapper, name, getattr(wrapped, name))
                except AttributeError:
                    pass
            wrapper.__dict__.update(wrapped.__dict__)
            wrapper.__wrapped__ = wrapped
            return wrapper

        return passing
