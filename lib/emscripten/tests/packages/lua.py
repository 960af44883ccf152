"""Lua as a library: its C interface, and a function of Python that scripts call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packages.javascript import text
from wasmer_emscripten import load

SCRIPT = r"""local co=coroutine.wrap(function() for i=1,3 do coroutine.yield(i*i) end end) say(co(),co(),co())
 say(string.format('%5.2f|%q|%x',3.14159,'a\nb',255), ('hello'):gsub('l','L'))
 say(pcall(error,'boom')) say(select('#',pcall(error,{code=1}))) say(pcall(function() local x=nil; return x.y end))
 local t=setmetatable({},{__index=function(_,k) return k..'!' end}) say(t.abc) say(#'\u{10FFFF}', utf8.len('äöü'))
 say(math.maxinteger, math.mininteger//-1, 7//2, -7//2, 7%-3, 1e15, 2^53)
 say(string.pack('<i4',-2):byte(1,-1)) say(os.time{year=2020,month=2,day=29,hour=12})
 local function fib(n) if n<2 then return n end return fib(n-1)+fib(n-2) end say(fib(22))
 local s={} for i=1,100 do s[i]=(i*37)%101 end table.sort(s) say(table.concat(s,',',1,10))
 say(load('return 1+')) say(next({}), type(io.write))
 say(pcall(string.rep,'x',1<<31))"""
NIL, BOOLEAN, NUMBER = 0, 1, 3
MULTIPLE = -1


def value(program: Any, state: int, at: int) -> Any:
    """What stands on Lua's stack, as JavaScript would have it."""
    kind = program.lua_type(state, at)
    if kind <= NIL:
        return None
    if kind == BOOLEAN:
        return bool(program.lua_toboolean(state, at))
    if kind == NUMBER:
        return program.lua_tonumberx(state, at, 0)
    return program.string(program.lua_tolstring(state, at, 0))


def run(folder: Path, backend: str) -> Iterator[str]:
    with load(folder / "wasmoon/dist/glue.wasm", glue=folder / "wasmoon/dist/index.js", backend=backend) as program:
        said: list[str] = []

        def say(state: int) -> int:
            count = program.lua_gettop(state)
            said.append("\t".join(text(value(program, state, at + 1)) for at in range(count)))
            return 0

        state = program.luaL_newstate()
        program.luaL_openlibs(state)
        program.lua_pushcclosure(state, program.add_function(say, "ii"), 0)
        program.cwrap("lua_setglobal", None, [int, str])(state, "say")
        assert program.cwrap("luaL_loadstring", int, [int, str])(state, SCRIPT) == 0, value(program, state, -1)
        assert program.lua_pcallk(state, 0, MULTIPLE, 0, 0, 0) == 0, value(program, state, -1)
        program.lua_close(state)
        yield from "\n".join(said).split("\n")
