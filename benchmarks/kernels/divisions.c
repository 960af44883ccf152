/* Greatest common divisors and modular powers: integer division and remainder, 32 and 64 bits. */
#include "kernel.h"

static NOINLINE u32 common_divisor(u32 a, u32 b) {
    while (b) {
        u32 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static NOINLINE u64 modular_power(u64 base, u32 exponent, u64 modulus) {
    u64 result = 1;
    base %= modulus;
    while (exponent) {
        if (exponent & 1) result = result * base % modulus;
        base = base * base % modulus;
        exponent >>= 1;
    }
    return result;
}

EXPORT i64 run(i64 n) {
    u32 random = 521288629u;
    u64 checksum = 0;
    for (i64 i = 0; i < n * 100; i++) {
        u32 a = next_random(&random), b = next_random(&random);
        checksum = mix(checksum, common_divisor(a, b));
        checksum = mix(checksum, (i32)a / (i32)((b & 0xffff) + 1) + (i32)a % (i32)((b & 0xfff) + 3));
        checksum = mix(checksum, modular_power(a, b & 0xff, (b >> 1) | 1));
    }
    return checksum;
}
