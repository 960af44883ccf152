/* Base64 there and back: byte loads and stores, shifts, small tables. */
#include "kernel.h"

enum { SIZE = 6144 };

static u8 data[SIZE], text[SIZE / 3 * 4], decoded[SIZE];
static u8 letters[64], values[256];

static void prepare(void) {
    for (i32 i = 0; i < 64; i++) {
        letters[i] = (u8)(i < 26 ? 'A' + i : i < 52 ? 'a' + i - 26 : i < 62 ? '0' + i - 52 : i == 62 ? '+' : '/');
    }
    for (i32 i = 0; i < 256; i++) values[i] = 255;
    for (i32 i = 0; i < 64; i++) values[letters[i]] = (u8)i;
    u32 random = 314159265u;
    for (i32 i = 0; i < SIZE; i++) data[i] = (u8)next_random(&random);
}

static NOINLINE void encode(void) {
    u8 *out = text;
    for (i32 i = 0; i < SIZE; i += 3) {
        u32 bits = (u32)data[i] << 16 | (u32)data[i + 1] << 8 | data[i + 2];
        *out++ = letters[bits >> 18];
        *out++ = letters[bits >> 12 & 63];
        *out++ = letters[bits >> 6 & 63];
        *out++ = letters[bits & 63];
    }
}

static NOINLINE u32 decode(void) {
    u8 *out = decoded;
    u32 wrong = 0;
    for (i32 i = 0; i < SIZE / 3 * 4; i += 4) {
        u32 a = values[text[i]], b = values[text[i + 1]], c = values[text[i + 2]], d = values[text[i + 3]];
        wrong |= (a | b | c | d) & 128;
        u32 bits = a << 18 | b << 12 | c << 6 | d;
        *out++ = (u8)(bits >> 16);
        *out++ = (u8)(bits >> 8);
        *out++ = (u8)bits;
    }
    return wrong;
}

EXPORT i64 run(i64 n) {
    prepare();
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        data[i % SIZE] += (u8)i;
        encode();
        checksum = mix(checksum, decode());
        for (i32 k = 0; k < SIZE; k += 97) checksum = mix(checksum, decoded[k]);
    }
    return checksum;
}
