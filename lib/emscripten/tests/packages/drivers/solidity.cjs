// The Solidity compiler, by the functions of C that its package calls.
const path = require('path'), crypto = require('crypto');
const soljson = require(path.join(path.resolve(process.argv[2]), 'solc/soljson.js'));
const CONTRACT = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;
contract Counter {
    uint public count;
    mapping(address => uint) owed;
    event Stepped(uint count);
    function step(uint by) public returns (uint) {
        count += by; owed[msg.sender] = count; emit Stepped(count); return count;
    }
}
`;
const FAULTY = 'pragma solidity ^0.8.0; contract C { function f() public { return 1; } }';
console.log(soljson.cwrap('solidity_version', 'string', [])());
const compile = soljson.cwrap('solidity_compile', 'string', ['string', 'number', 'number']);
for (const content of [CONTRACT, FAULTY]) {
  const asked = { language: 'Solidity', sources: { 'a.sol': { content } },
                  settings: { optimizer: { enabled: true }, outputSelection: { '*': { '*': ['evm.bytecode.object', 'abi'] } } } };
  const made = JSON.parse(compile(JSON.stringify(asked), 0, 0));
  for (const error of made.errors || []) console.log(error.severity, error.errorCode, error.message);
  for (const [name, contract] of Object.entries((made.contracts || {})['a.sol'] || {})) {
    const code = contract.evm.bytecode.object;
    console.log(name, code.length, crypto.createHash('sha1').update(code).digest('hex'), contract.abi.map((each) => each.name).join(' '));
  }
}
process.exit(0);
