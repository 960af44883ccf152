"""x86-64: `registers`, `forms` (the instructions, as rows), `records` (what a backend writes),
`encode` (records become bytes), `printer` (and text), `assembler` (records by hand)."""
