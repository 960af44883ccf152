/* Work on sixteen bytes at once (needs SIMD): upper case, counting, blending two pictures. */
#include "kernel.h"

enum { SIZE = 1 << 14 };

typedef u8 u8x16 __attribute__((vector_size(16)));
typedef i8 i8x16 __attribute__((vector_size(16)));
typedef u16 u16x8 __attribute__((vector_size(16)));
typedef u8 u8x8 __attribute__((vector_size(8)));
typedef u64 u64x2 __attribute__((vector_size(16)));

static u8x16 text[SIZE / 16], other[SIZE / 16], out[SIZE / 16];

static u8x16 splat(u8 value) {
    return (u8x16){value, value, value, value, value, value, value, value,
                   value, value, value, value, value, value, value, value};
}

/* ASCII letters to upper case. */
static NOINLINE void raise_case(void) {
    for (i32 i = 0; i < SIZE / 16; i++) {
        u8x16 bytes = text[i];
        u8x16 is_lower = (u8x16)((bytes >= splat('a')) & (bytes <= splat('z')));
        out[i] = bytes ^ (is_lower & splat(0x20));
    }
}

/* How often `wanted` occurs: a counter in each lane, emptied before it can overflow. */
static NOINLINE u32 count(u8 wanted) {
    u32 found = 0;
    for (i32 i = 0; i < SIZE / 16; i += 128) {
        u8x16 counters = splat(0);
        for (i32 k = i; k < i + 128; k++) counters -= (u8x16)(out[k] == splat(wanted));
        for (i32 lane = 0; lane < 16; lane++) found += counters[lane];
    }
    return found;
}

/* The mean of two rows, rounded up, then the smaller of it and a limit, added with saturation. */
static NOINLINE void blend(u8 limit) {
    for (i32 i = 0; i < SIZE / 16; i++) {
        u8x16 a = out[i], b = other[i];
        u8x16 mean = (a | b) - (((a ^ b) >> 1) & splat(0x7f));
        u8x16 low = __builtin_elementwise_min(mean, splat(limit));
        other[i] = __builtin_elementwise_add_sat(low, a & splat(0x3f)) ^ __builtin_elementwise_max(a, b);
    }
}

/* Every pair of neighbours swapped, halves interleaved. */
static NOINLINE void weave(void) {
    for (i32 i = 0; i + 1 < SIZE / 16; i += 2) {
        u8x16 a = out[i], b = other[i + 1];
        out[i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        out[i + 1] = __builtin_shufflevector(a, b, 9, 8, 11, 10, 13, 12, 15, 14, 25, 24, 27, 26, 29, 28, 31, 30);
    }
}

EXPORT i64 run(i64 n) {
    u32 random = 161803398u;
    for (i32 i = 0; i < SIZE; i++) {
        text[i / 16][i & 15] = (u8)(' ' + next_random(&random) % 95);
        other[i / 16][i & 15] = (u8)next_random(&random);
    }
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        text[i & (SIZE / 16 - 1)] += splat(1);
        raise_case();
        checksum = mix(checksum, count((u8)('A' + (i & 15))));
        blend((u8)(100 + (i & 63)));
        weave();
        checksum = mix(checksum, ((u64x2)out[i & (SIZE / 16 - 1)])[0] ^ ((u64x2)other[i & (SIZE / 16 - 1)])[1]);
    }
    return checksum;
}
