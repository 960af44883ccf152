"""The Solidity compiler: contracts compiled, one of them with a fault; its module lies compressed in its script."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wasmer_emscripten import load

CONTRACT: Final = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;
contract Counter {
    uint public count;
    mapping(address => uint) owed;
    event Stepped(uint count);
    function step(uint by) public returns (uint) {
        count += by; owed[msg.sender] = count; emit Stepped(count); return count;
    }
}
"""
OUTPUTS: Final = ("evm.bytecode.object", "abi")
FAULTY: Final = "pragma solidity ^0.8.0; contract C { function f() public { return 1; } }"


def run(folder: Path, backend: str) -> Iterator[str]:
    with load(folder / "solc/soljson.js", backend=backend) as program:
        yield program.ccall("solidity_version", str, [])
        compile = program.cwrap("solidity_compile", str, [str, int, int])
        for source in (CONTRACT, FAULTY):
            asked = {
                "language": "Solidity",
                "sources": {"a.sol": {"content": source}},
                "settings": {
                    "optimizer": {"enabled": True},
                    "outputSelection": {"*": {"*": ["evm.bytecode.object", "abi"]}},
                },
            }
            made = json.loads(compile(json.dumps(asked), 0, 0))
            for error in made.get("errors", []):
                yield f"{error['severity']} {error['errorCode']} {error['message']}"
            for name, contract in made.get("contracts", {}).get("a.sol", {}).items():
                code = contract["evm"]["bytecode"]["object"]
                named = " ".join(each["name"] for each in contract["abi"])
                yield f"{name} {len(code)} {hashlib.sha1(code.encode()).hexdigest()} {named}"
