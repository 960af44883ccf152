/* Direct calls and little else: Takeuchi's function and a doubly recursive Fibonacci. */
#include "kernel.h"

static NOINLINE i32 takeuchi(i32 x, i32 y, i32 z) {
    if (y >= x) return z;
    return takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

static NOINLINE i32 fibonacci(i32 n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        checksum = mix(checksum, takeuchi(14 + (i32)(i & 1), 9, 3));
        checksum = mix(checksum, fibonacci(20 + (i32)(i & 1)));
    }
    return checksum;
}
