/* The largest singular value of an infinite matrix, cut off: f64 with conversions and divisions. */
#include "kernel.h"

enum { SIZE = 96 };

static f64 element(i32 row, i32 column) {
    return 1.0 / (f64)((row + column) * (row + column + 1) / 2 + row + 1);
}

static NOINLINE void multiply(const f64 *in, f64 *out, i32 transposed) {
    for (i32 i = 0; i < SIZE; i++) {
        f64 sum = 0;
        for (i32 j = 0; j < SIZE; j++) sum += (transposed ? element(j, i) : element(i, j)) * in[j];
        out[i] = sum;
    }
}

EXPORT i64 run(i64 n) {
    static f64 u[SIZE], v[SIZE], between[SIZE];
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < SIZE; k++) u[k] = 1.0 + (f64)(i & 7);
        for (i32 round = 0; round < 2; round++) {
            multiply(u, between, 0);
            multiply(between, v, 1);
            multiply(v, between, 0);
            multiply(between, u, 1);
        }
        f64 uv = 0, vv = 0;
        for (i32 k = 0; k < SIZE; k++) uv += u[k] * v[k], vv += v[k] * v[k];
        checksum = mix_f64(checksum, __builtin_sqrt(uv / vv));
    }
    return checksum;
}
