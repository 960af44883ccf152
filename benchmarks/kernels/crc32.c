/* CRC-32 by table, a byte at a time: a chain of dependent loads. */
#include "kernel.h"

static u32 table[256];
static u8 data[8192];

EXPORT i64 run(i64 n) {
    for (u32 i = 0; i < 256; i++) {
        u32 value = i;
        for (i32 bit = 0; bit < 8; bit++) value = value >> 1 ^ (0xedb88320u & -(value & 1));
        table[i] = value;
    }
    u32 random = 123456789u;
    for (u32 i = 0; i < sizeof data; i++) data[i] = (u8)next_random(&random);
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        u32 crc = 0xffffffffu ^ (u32)i;
        for (u32 k = 0; k < sizeof data; k++) crc = table[(crc ^ data[k]) & 255] ^ crc >> 8;
        checksum = mix(checksum, crc);
    }
    return checksum;
}
