"""Promises: what a function answers that cannot wait (ECMAScript, Promise Objects).

A function of Go's that Python calls runs until it would wait. If it has to, it answers with a promise, and settles
that from a goroutine. `Program.result` lets events happen until then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, final

from wasmer_go.budget import Budget
from wasmer_go.errors import Thrown
from wasmer_go.loop import Loop
from wasmer_go.objects import (
    UNDEFINED,
    Error,
    Function,
    Object,
    Value,
    argument,
    called,
    methods_of,
    type_error,
)

PENDING: Final = 0
FULFILLED: Final = 1
REJECTED: Final = 2


@final
class Promise(Object):
    """A promise.

    Attributes:
        state: `PENDING`, `FULFILLED`, `REJECTED`.
        value: what it was settled with.
        loop: where those who wait for it are called.
    """

    __slots__ = ("_waiting", "loop", "state", "value")

    kind: ClassVar[str] = "Promise"

    def __init__(self, loop: Loop, budget: Budget) -> None:
        super().__init__(budget=budget)
        self.loop = loop
        self.state = PENDING
        self.value: Value = UNDEFINED
        self._waiting: list[Callable[[], None]] = []

    def resolve(self, value: Value) -> None:
        """Settle it with a value, or as another promise is settled."""
        if self.state != PENDING:
            return
        if value is self:
            self._settle(REJECTED, Error("TypeError", "a promise cannot be resolved with itself"))
        elif isinstance(value, Promise):
            value.when_settled(lambda: self._settle(value.state, value.value))
        else:
            self._settle(FULFILLED, value)

    def reject(self, reason: Value) -> None:
        """Settle it with an error."""
        self._settle(REJECTED, reason)

    def _settle(self, state: int, value: Value) -> None:
        if self.state == PENDING:
            self.state, self.value = state, value
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self.loop.soon(each)

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Call it soon after that."""
        if self.state == PENDING:
            self._waiting.append(callback)
        else:
            self.loop.soon(callback)

    def then(self, fulfilled: Value, rejected: Value) -> Promise:
        """A promise of what one of two functions makes of what this one is settled with."""
        after = Promise(self.loop, self.budget)

        def react() -> None:
            function = fulfilled if self.state == FULFILLED else rejected
            if not isinstance(function, Function):
                after._settle(self.state, self.value)
                return
            try:
                after.resolve(called(function, UNDEFINED, (self.value,)))
            except Thrown as thrown:
                after.reject(thrown.value)

        self.when_settled(react)
        return after


def _finally(this: Promise, args: Sequence[Value]) -> Value:
    def passing(settled: Callable[[Value], Value]) -> Function:
        def call(_: Value, values: Sequence[Value]) -> Value:
            called(argument(args, 0), UNDEFINED, ())
            return settled(argument(values, 0))

        return Function("finally", call, budget=this.budget)

    def throw(reason: Value) -> Any:
        raise Thrown(reason)

    return this.then(passing(lambda value: value), passing(throw))


_METHODS: Final[dict[str, Callable[[Promise, Sequence[Value]], Value]]] = {
    "then": lambda this, args: this.then(argument(args, 0), argument(args, 1)),
    "catch": lambda this, args: this.then(UNDEFINED, argument(args, 0)),
    "finally": _finally,
}
Promise.methods = methods_of(Promise, _METHODS)


def promise_class(loop: Loop, budget: Budget) -> Function:
    """The constructor, with `resolve` and `reject`."""

    def make(args: Sequence[Value]) -> Value:
        made = Promise(loop, budget)
        resolve = Function("resolve", settling(made.resolve), budget=budget)
        reject = Function("reject", settling(made.reject), budget=budget)
        try:
            called(argument(args, 0), UNDEFINED, (resolve, reject), "the promise's function")
        except Thrown as thrown:
            made.reject(thrown.value)
        return made

    def settling(settle: Callable[[Value], None]) -> Callable[[Value, Sequence[Value]], Value]:
        def call(_: Value, values: Sequence[Value]) -> Value:
            settle(argument(values, 0))
            return UNDEFINED

        return call

    def settled(state: int) -> Callable[[Value, Sequence[Value]], Value]:
        def call(_: Value, args: Sequence[Value]) -> Value:
            made = Promise(loop, budget)
            if state == FULFILLED:
                made.resolve(argument(args, 0))
            else:
                made.reject(argument(args, 0))
            return made

        return call

    def call(_: Value, __: Sequence[Value]) -> Value:
        raise type_error("Promise is a constructor: it wants new")

    properties = {
        "resolve": Function("resolve", settled(FULFILLED)),
        "reject": Function("reject", settled(REJECTED)),
    }
    return Function("Promise", call, make, (Promise,), properties)
