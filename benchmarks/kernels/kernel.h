/* What every kernel shares: exact integer types, the exported entry, a checksum step.
 *
 * A kernel is one function, `run(n)`: it does its work n times and returns a checksum that
 * depends on all of it. The same file becomes a WebAssembly module and a native shared
 * library, so nothing here or in a kernel may depend on the size of `long` or of a pointer,
 * on a C library, or on the rounding of fused operations.
 */
#ifndef KERNEL_H
#define KERNEL_H

typedef signed char i8;
typedef unsigned char u8;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;

#define EXPORT __attribute__((visibility("default")))
#define NOINLINE __attribute__((noinline))

/* One step of FNV-1a over a whole word: order and value both count. */
static inline u64 mix(u64 checksum, u64 value) {
    return (checksum ^ value) * 0x100000001b3ull;
}

static inline u64 mix_f64(u64 checksum, f64 value) {
    union { f64 number; u64 bits; } both = {value};
    return mix(checksum, both.bits);
}

/* A pseudo-random sequence (xorshift) that is the same everywhere. */
static inline u32 next_random(u32 *state) {
    u32 x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}

#endif
