/* Calls through a table of functions: a pipeline whose stages change with the data. */
#include "kernel.h"

typedef u32 (*stage)(u32 value, u32 key);

static u32 add(u32 value, u32 key) { return value + key; }
static u32 subtract(u32 value, u32 key) { return value - (key >> 3); }
static u32 exclusive(u32 value, u32 key) { return value ^ (key * 5); }
static u32 rotate(u32 value, u32 key) { return value << 7 | value >> 25 | (key & 1); }
static u32 scale(u32 value, u32 key) { return value * (key | 1); }
static u32 fold(u32 value, u32 key) { return (value >> 16) + (value & 0xffff) * 31 + key; }
static u32 larger(u32 value, u32 key) { return value > key ? value - key : key - value; }
static u32 reverse(u32 value, u32 key) { return ~value + key; }

static stage stages[8] = {add, subtract, exclusive, rotate, scale, fold, larger, reverse};

EXPORT i64 run(i64 n) {
    u32 random = 88172645u;
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        u32 value = next_random(&random);
        for (u32 step = 0; step < 64; step++) {
            value = stages[(step ^ (u32)i) & 7](value, step);
            value = stages[(step * 3) & 7](value, (u32)i);
        }
        checksum = mix(checksum, value);
    }
    return checksum;
}
