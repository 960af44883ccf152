"""x86-64: registers, conventions, lowering and emission."""
