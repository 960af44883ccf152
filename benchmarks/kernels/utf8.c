/* UTF-8 to code points and back, checked on the way: bytes, masks, branches on ranges. */
#include "kernel.h"

enum { POINTS = 4096 };

static u32 points[POINTS];
static u8 bytes[POINTS * 4];

static NOINLINE i32 encode(const u32 *in, i32 count, u8 *out) {
    u8 *at = out;
    for (i32 i = 0; i < count; i++) {
        u32 c = in[i];
        if (c < 0x80) {
            *at++ = (u8)c;
        } else if (c < 0x800) {
            *at++ = (u8)(0xc0 | c >> 6);
            *at++ = (u8)(0x80 | (c & 63));
        } else if (c < 0x10000) {
            *at++ = (u8)(0xe0 | c >> 12);
            *at++ = (u8)(0x80 | (c >> 6 & 63));
            *at++ = (u8)(0x80 | (c & 63));
        } else {
            *at++ = (u8)(0xf0 | c >> 18);
            *at++ = (u8)(0x80 | (c >> 12 & 63));
            *at++ = (u8)(0x80 | (c >> 6 & 63));
            *at++ = (u8)(0x80 | (c & 63));
        }
    }
    return (i32)(at - out);
}

/* The number of code points, or minus the position of the first wrong byte, minus one. */
static NOINLINE i32 decode(const u8 *in, i32 length, u32 *out) {
    i32 count = 0;
    for (i32 at = 0; at < length;) {
        u32 c = in[at];
        i32 more = c < 0x80 ? 0 : c < 0xc2 ? -1 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : -1;
        if (more < 0 || at + more >= length) return -at - 1;
        if (more) c &= 0x3f >> more;
        for (i32 i = 1; i <= more; i++) {
            u32 next = in[at + i];
            if ((next & 0xc0) != 0x80) return -at - 1;
            c = c << 6 | (next & 63);
        }
        if ((more == 2 && (c < 0x800 || c - 0xd800 < 0x800)) || (more == 3 && c - 0x10000 >= 0x100000)) return -at - 1;
        out[count++] = c;
        at += more + 1;
    }
    return count;
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    u32 random = 1013904223u;
    for (i32 i = 0; i < POINTS; i++) {
        u32 kind = next_random(&random) & 7, value = next_random(&random);
        points[i] = kind < 5 ? value & 0x7f : kind < 6 ? 0x80 + value % 0x700 : kind < 7 ? 0x800 + value % 0xc000 : 0x10000 + value % 0x90000;
    }
    for (i64 i = 0; i < n; i++) {
        points[i & (POINTS - 1)] ^= 1;
        i32 length = encode(points, POINTS, bytes);
        u8 kept = bytes[length / 2];
        if ((i & 15) == 15) bytes[length / 2] = 0xff;
        checksum = mix(checksum, (u32)decode(bytes, length, points));
        bytes[length / 2] = kept;
        checksum = mix(checksum, points[(i * 7) & (POINTS - 1)]);
    }
    return checksum;
}
