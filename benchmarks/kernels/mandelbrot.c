/* The Mandelbrot set: a chain of f64 multiplications kept in registers, branches on compares. */
#include "kernel.h"

enum { SIZE = 64, LIMIT = 200 };

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        f64 shift = (f64)(i & 15) * 0.001;
        for (i32 row = 0; row < SIZE; row++) {
            for (i32 column = 0; column < SIZE; column++) {
                f64 cr = 2.5 * column / SIZE - 1.9 + shift, ci = 2.2 * row / SIZE - 1.1;
                f64 zr = 0, zi = 0, rr = 0, ii = 0;
                i32 steps = 0;
                while (steps < LIMIT && rr + ii <= 4.0) {
                    zi = 2.0 * zr * zi + ci;
                    zr = rr - ii + cr;
                    rr = zr * zr;
                    ii = zi * zi;
                    steps++;
                }
                checksum = mix(checksum, steps);
            }
        }
    }
    return checksum;
}
