/* The ChaCha20 block function: sixteen words of state at once, more than there are registers. */
#include "kernel.h"

enum { BLOCKS = 64 };

static u32 stream[BLOCKS * 16];

static inline u32 rotate(u32 x, i32 bits) { return x << bits | x >> (32 - bits); }

#define QUARTER(a, b, c, d)                                                  \
    a += b, d = rotate(d ^ a, 16), c += d, b = rotate(b ^ c, 12),            \
    a += b, d = rotate(d ^ a, 8), c += d, b = rotate(b ^ c, 7)

static NOINLINE void block(const u32 *state, u32 *out) {
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];
    u32 i = state[8], j = state[9], k = state[10], l = state[11];
    u32 m = state[12], n = state[13], o = state[14], p = state[15];
    for (i32 round = 0; round < 10; round++) {
        QUARTER(a, e, i, m);
        QUARTER(b, f, j, n);
        QUARTER(c, g, k, o);
        QUARTER(d, h, l, p);
        QUARTER(a, f, k, p);
        QUARTER(b, g, l, m);
        QUARTER(c, h, i, n);
        QUARTER(d, e, j, o);
    }
    out[0] = a + state[0], out[1] = b + state[1], out[2] = c + state[2], out[3] = d + state[3];
    out[4] = e + state[4], out[5] = f + state[5], out[6] = g + state[6], out[7] = h + state[7];
    out[8] = i + state[8], out[9] = j + state[9], out[10] = k + state[10], out[11] = l + state[11];
    out[12] = m + state[12], out[13] = n + state[13], out[14] = o + state[14], out[15] = p + state[15];
}

EXPORT i64 run(i64 n) {
    u32 state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    u32 random = 733173u;
    for (i32 i = 4; i < 16; i++) state[i] = next_random(&random);
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < BLOCKS; k++) {
            state[12]++;
            block(state, stream + 16 * k);
        }
        checksum = mix(mix(checksum, stream[i & 1023]), stream[(i * 7 + 3) & 1023]);
    }
    return checksum;
}
