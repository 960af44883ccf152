/* The sieve of Eratosthenes: byte stores with a stride, then a count over the whole array. */
#include "kernel.h"

enum { SIZE = 1 << 17 };

static u8 composite[SIZE];

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < SIZE; k++) composite[k] = 0;
        for (i32 k = 2; k * k < SIZE; k++) {
            if (composite[k]) continue;
            for (i32 multiple = k * k; multiple < SIZE; multiple += k) composite[multiple] = 1;
        }
        u32 primes = 0, last = 0;
        for (i32 k = 2 + (i32)(i & 3); k < SIZE; k++) {
            if (!composite[k]) {
                primes++;
                last = k;
            }
        }
        checksum = mix(mix(checksum, primes), last);
    }
    return checksum;
}
