"""The JavaScript that emcc writes beside a module, read for what only it knows. It is text, and never run."""
