/* Memory streams: fill, copy, scale-and-add and sum over arrays larger than the first cache. */
#include "kernel.h"

enum { SIZE = 1 << 15 };

static u32 a[SIZE], b[SIZE];
static f64 x[SIZE / 2], y[SIZE / 2];

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i32 k = 0; k < SIZE / 2; k++) y[k] = k;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < SIZE; k++) a[k] = (u32)i;
        for (i32 k = 0; k < SIZE; k += 5) a[k] += k;
        for (i32 k = 0; k < SIZE; k++) b[k] = a[k];
        u32 sum = 0;
        for (i32 k = 0; k < SIZE; k++) sum += b[k];
        for (i32 k = 0; k < SIZE / 2; k++) x[k] = y[k] + 3.0 * (f64)(i & 3);
        for (i32 k = 0; k < SIZE / 2; k++) y[k] = x[k] * 0.5;
        checksum = mix(checksum, sum);
        checksum = mix_f64(checksum, y[i & (SIZE / 2 - 1)]);
    }
    return checksum;
}
