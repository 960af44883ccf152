"""How each operator is translated: `handlers` has the table, the others a chapter of the specification each."""
