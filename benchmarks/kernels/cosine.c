/* Discrete cosine transforms of 8 by 8 blocks in f32, there and back: many floats live at once. */
#include "kernel.h"

enum { BLOCKS = 16 };

static f32 blocks[BLOCKS][64];

/* The eight-point transform in Loeffler's form, scaled so that the inverse below undoes it. */
static inline void forward(f32 *v, i32 step) {
    f32 s0 = v[0] + v[7 * step], d0 = v[0] - v[7 * step];
    f32 s1 = v[step] + v[6 * step], d1 = v[step] - v[6 * step];
    f32 s2 = v[2 * step] + v[5 * step], d2 = v[2 * step] - v[5 * step];
    f32 s3 = v[3 * step] + v[4 * step], d3 = v[3 * step] - v[4 * step];
    f32 a = s0 + s3, b = s1 + s2, c = s1 - s2, d = s0 - s3;
    v[0] = (a + b) * 0.35355339f;
    v[4 * step] = (a - b) * 0.35355339f;
    v[2 * step] = d * 0.46193977f + c * 0.19134172f;
    v[6 * step] = d * 0.19134172f - c * 0.46193977f;
    v[step] = d0 * 0.49039264f + d1 * 0.41573481f + d2 * 0.27778512f + d3 * 0.09754516f;
    v[3 * step] = d0 * 0.41573481f - d1 * 0.09754516f - d2 * 0.49039264f - d3 * 0.27778512f;
    v[5 * step] = d0 * 0.27778512f - d1 * 0.49039264f + d2 * 0.09754516f + d3 * 0.41573481f;
    v[7 * step] = d0 * 0.09754516f - d1 * 0.27778512f + d2 * 0.41573481f - d3 * 0.49039264f;
}

static inline void backward(f32 *v, i32 step) {
    f32 a = (v[0] + v[4 * step]) * 0.35355339f, b = (v[0] - v[4 * step]) * 0.35355339f;
    f32 c = v[2 * step] * 0.46193977f + v[6 * step] * 0.19134172f;
    f32 d = v[2 * step] * 0.19134172f - v[6 * step] * 0.46193977f;
    f32 s0 = a + c, s1 = b + d, s2 = b - d, s3 = a - c;
    f32 p = v[step], q = v[3 * step], r = v[5 * step], s = v[7 * step];
    f32 d0 = p * 0.49039264f + q * 0.41573481f + r * 0.27778512f + s * 0.09754516f;
    f32 d1 = p * 0.41573481f - q * 0.09754516f - r * 0.49039264f - s * 0.27778512f;
    f32 d2 = p * 0.27778512f - q * 0.49039264f + r * 0.09754516f + s * 0.41573481f;
    f32 d3 = p * 0.09754516f - q * 0.27778512f + r * 0.41573481f - s * 0.49039264f;
    v[0] = s0 + d0, v[7 * step] = s0 - d0;
    v[step] = s1 + d1, v[6 * step] = s1 - d1;
    v[2 * step] = s2 + d2, v[5 * step] = s2 - d2;
    v[3 * step] = s3 + d3, v[4 * step] = s3 - d3;
}

static NOINLINE void there(f32 *block) {
    for (i32 i = 0; i < 8; i++) forward(block + 8 * i, 1);
    for (i32 i = 0; i < 8; i++) forward(block + i, 8);
}

/* Rounded to steps of 1/4 on the way, as a codec would. */
static NOINLINE void back(f32 *block) {
    for (i32 i = 0; i < 64; i++) block[i] = (f32)(i32)(block[i] * 4.0f) * 0.25f;
    for (i32 i = 0; i < 8; i++) backward(block + i, 8);
    for (i32 i = 0; i < 8; i++) backward(block + 8 * i, 1);
}

EXPORT i64 run(i64 n) {
    u32 random = 57885161u;
    for (i32 i = 0; i < BLOCKS * 64; i++) blocks[i / 64][i & 63] = (f32)(next_random(&random) & 255) - 128.0f;
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < BLOCKS; k++) {
            blocks[k][(i + k) & 63] += 1.0f;
            there(blocks[k]);
            back(blocks[k]);
        }
        checksum = mix_f64(checksum, blocks[i & (BLOCKS - 1)][(i * 5) & 63]);
    }
    return checksum;
}
