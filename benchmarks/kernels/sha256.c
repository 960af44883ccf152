/* SHA-256: rotations and additions over a message schedule in memory. */
#include "kernel.h"

static u32 round_constants[64];
static u32 initial_state[8];
static u8 message[4096];

/* The constants are the first 32 bits of the fractions of square and cube roots of primes
 * (FIPS 180-4); 53 bits of f64 hold them, so that no table need be written down. */
static u32 root_fraction(u32 prime, i32 cubic) {
    f64 root = __builtin_sqrt((f64)prime);
    if (cubic) {
        for (i32 i = 0; i < 40; i++) root -= (root * root * root - prime) / (3.0 * root * root);
    }
    return (u32)(u64)(root * 4294967296.0);
}

static void prepare(void) {
    i32 found = 0;
    for (u32 candidate = 2; found < 64; candidate++) {
        i32 prime = 1;
        for (u32 divisor = 2; divisor * divisor <= candidate; divisor++) prime &= candidate % divisor != 0;
        if (!prime) continue;
        if (found < 8) initial_state[found] = root_fraction(candidate, 0);
        round_constants[found++] = root_fraction(candidate, 1);
    }
    for (i32 i = 0; i < (i32)sizeof message; i++) message[i] = (u8)(i * 7 + (i >> 5));
}

static inline u32 rotate(u32 x, i32 bits) { return x >> bits | x << (32 - bits); }

static NOINLINE void digest_block(u32 *state, const u8 *block) {
    u32 w[64];
    for (i32 i = 0; i < 16; i++) {
        w[i] = (u32)block[4 * i] << 24 | (u32)block[4 * i + 1] << 16 | (u32)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (i32 i = 16; i < 64; i++) {
        u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];
    for (i32 i = 0; i < 64; i++) {
        u32 s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        u32 one = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
        u32 s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        u32 two = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

EXPORT i64 run(i64 n) {
    prepare();
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        u32 state[8];
        for (i32 k = 0; k < 8; k++) state[k] = initial_state[k];
        message[i & 4095]++;
        for (i32 at = 0; at < (i32)sizeof message; at += 64) digest_block(state, message + at);
        for (i32 k = 0; k < 8; k++) checksum = mix(checksum, state[k]);
    }
    return checksum;
}
