/* Left empty: WASI has no setjmp without exceptions, and programs that include it here are built not to call it. */
