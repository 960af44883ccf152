/* Lengths of Collatz sequences: 64-bit shifts, multiplications and unpredictable branches. */
#include "kernel.h"

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i64 i = 1; i <= n * 1000; i++) {
        u64 value = i;
        u32 steps = 0;
        while (value != 1) {
            if (value & 1) value = value * 3 + 1;
            else value >>= 1;
            steps++;
        }
        checksum = mix(checksum, steps);
    }
    return checksum;
}
