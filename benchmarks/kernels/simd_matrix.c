/* The product of f32 matrices by vectors of four (needs SIMD). */
#include "kernel.h"

enum { SIZE = 64 };

typedef f32 f32x4 __attribute__((vector_size(16)));

static f32x4 a[SIZE][SIZE / 4], b[SIZE][SIZE / 4], c[SIZE][SIZE / 4];

static NOINLINE void multiply(void) {
    for (i32 i = 0; i < SIZE; i++) {
        for (i32 j = 0; j < SIZE / 4; j += 2) {
            f32x4 left = {0, 0, 0, 0}, right = {0, 0, 0, 0};
            for (i32 k = 0; k < SIZE / 4; k++) {
                f32x4 row = a[i][k];
                for (i32 lane = 0; lane < 4; lane++) {
                    f32x4 factor = {row[lane], row[lane], row[lane], row[lane]};
                    left += factor * b[4 * k + lane][j];
                    right += factor * b[4 * k + lane][j + 1];
                }
            }
            c[i][j] = left;
            c[i][j + 1] = right;
        }
    }
}

EXPORT i64 run(i64 n) {
    for (i32 i = 0; i < SIZE; i++) {
        for (i32 j = 0; j < SIZE; j++) {
            a[i][j / 4][j & 3] = (f32)(i * 3 + j) / 64.0f;
            b[i][j / 4][j & 3] = (f32)(i - j * 2) / 32.0f;
        }
    }
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        a[i & (SIZE - 1)][0][i & 3] += 0.25f;
        multiply();
        for (i32 k = 0; k < SIZE; k++) {
            f32x4 row = c[k][(k + i) & (SIZE / 4 - 1)];
            checksum = mix_f64(checksum, (f64)row[0] + (f64)row[3]);
        }
    }
    return checksum;
}
