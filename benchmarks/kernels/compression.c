/* A small LZ77 compressor and its inverse: hashing, match search, overlapping copies. */
#include "kernel.h"

enum { SIZE = 1 << 14, WINDOW_BITS = 12 };

static u8 text[SIZE], packed[SIZE * 2], unpacked[SIZE];
static i32 heads[1 << WINDOW_BITS];

static u32 key(const u8 *at) {
    u32 bytes = (u32)at[0] | (u32)at[1] << 8 | (u32)at[2] << 16;
    return bytes * 2654435761u >> (32 - WINDOW_BITS);
}

/* Tokens: 0..127 literals follow (count - 1), or 128 + length - 3 and a distance of two bytes. */
static NOINLINE i32 pack(void) {
    i32 out = 0, literals = 0, at = 0;
    for (i32 i = 0; i < 1 << WINDOW_BITS; i++) heads[i] = -1;
    while (at < SIZE) {
        i32 length = 0, candidate = -1;
        if (at + 3 < SIZE) {
            u32 slot = key(text + at);
            candidate = heads[slot];
            heads[slot] = at;
            if (candidate >= 0 && at - candidate < 65536) {
                while (length < 130 && at + length < SIZE && text[candidate + length] == text[at + length]) length++;
            }
        }
        if (length >= 3) {
            packed[out++] = (u8)(128 + length - 3);
            packed[out++] = (u8)(at - candidate);
            packed[out++] = (u8)((at - candidate) >> 8);
            at += length;
            literals = 0;
        } else {
            if (literals == 0 || literals == 128) {
                packed[out++] = 0;
                literals = 0;
            } else {
                packed[out - literals - 1]++;
            }
            packed[out++] = text[at++];
            literals++;
        }
    }
    return out;
}

static NOINLINE i32 unpack(i32 length) {
    i32 out = 0;
    for (i32 at = 0; at < length;) {
        u32 token = packed[at++];
        if (token < 128) {
            for (u32 i = 0; i <= token; i++) unpacked[out++] = packed[at++];
        } else {
            i32 distance = packed[at] | packed[at + 1] << 8;
            at += 2;
            for (u32 i = 0; i < token - 128 + 3; i++, out++) unpacked[out] = unpacked[out - distance];
        }
    }
    return out;
}

EXPORT i64 run(i64 n) {
    u32 random = 987654321u;
    for (i32 i = 0; i < SIZE;) {
        u32 value = next_random(&random);
        i32 from = i > 256 ? (i32)(value % (u32)(i - 64)) : 0;
        i32 length = i > 256 && value >> 31 ? 4 + (i32)(value >> 8 & 31) : 0;
        for (i32 k = 0; k < length && i < SIZE; k++) text[i++] = text[from + k];
        for (i32 k = 0; k < 5 && i < SIZE; k++) text[i++] = (u8)('a' + (next_random(&random) & 15));
    }
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        text[next_random(&random) & (SIZE - 1)] ^= 1;
        i32 length = pack();
        checksum = mix(checksum, length);
        checksum = mix(checksum, unpack(length));
        for (i32 k = 0; k < SIZE; k += 61) checksum = mix(checksum, unpacked[k]);
    }
    return checksum;
}
