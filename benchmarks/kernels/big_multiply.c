/* Products of long numbers, schoolbook: 32 by 32 to 64 bit multiplications with carries. */
#include "kernel.h"

enum { WORDS = 64 };

static u32 a[WORDS], b[WORDS], product[2 * WORDS];

static NOINLINE void multiply(void) {
    for (i32 i = 0; i < 2 * WORDS; i++) product[i] = 0;
    for (i32 i = 0; i < WORDS; i++) {
        u64 carry = 0;
        for (i32 j = 0; j < WORDS; j++) {
            u64 sum = (u64)a[i] * b[j] + product[i + j] + carry;
            product[i + j] = (u32)sum;
            carry = sum >> 32;
        }
        product[i + WORDS] = (u32)carry;
    }
}

EXPORT i64 run(i64 n) {
    u32 random = 271828182u;
    for (i32 i = 0; i < WORDS; i++) a[i] = next_random(&random), b[i] = next_random(&random);
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        multiply();
        for (i32 k = 0; k < WORDS; k++) a[k] = product[k + WORDS / 2] | 1;
        b[i & (WORDS - 1)] += product[0];
        checksum = mix(checksum, product[WORDS]);
    }
    return checksum;
}
