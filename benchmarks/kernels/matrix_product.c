/* The product of f64 matrices, three plain loops over rows and columns. */
#include "kernel.h"

enum { SIZE = 64 };

static f64 a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static NOINLINE void multiply(void) {
    for (i32 i = 0; i < SIZE; i++) {
        for (i32 j = 0; j < SIZE; j++) {
            f64 sum = 0;
            for (i32 k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    }
}

EXPORT i64 run(i64 n) {
    for (i32 i = 0; i < SIZE; i++) {
        for (i32 j = 0; j < SIZE; j++) {
            a[i][j] = (f64)(i * 3 + j) / 64.0;
            b[i][j] = (f64)(i - j * 2) / 32.0;
        }
    }
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        a[i & (SIZE - 1)][(i * 5) & (SIZE - 1)] += 0.25;
        multiply();
        for (i32 k = 0; k < SIZE; k++) checksum = mix_f64(checksum, c[k][(k + i) & (SIZE - 1)]);
    }
    return checksum;
}
