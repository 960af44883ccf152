"""The format: what a module is, how its bytes and its text are read, what is valid. Knows nothing that runs.

Here lie `types` and `module` (what a module declares), and what reads single numbers and names (`reader`, `names`,
`refusal`). The folders are chapters: `operators`, `binary`, `body`, `validation`, `text`, `debug`; each imports from
those before it. Of the rest of core they may import `support`, `errors`, `features` and `implementation_limits`.
"""
