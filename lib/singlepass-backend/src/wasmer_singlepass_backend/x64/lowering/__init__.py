"""How each operator becomes machine code: a table of rules, and the rules by family."""
