/* Bodies under gravity: f64 arithmetic, square roots and divisions on small arrays. */
#include "kernel.h"

enum { BODIES = 6 };

typedef struct { f64 x, y, z, vx, vy, vz, mass; } body;

static body bodies[BODIES];

static void scatter(void) {
    u32 random = 2463534242u;
    for (i32 i = 0; i < BODIES; i++) {
        f64 *fields = &bodies[i].x;
        for (i32 k = 0; k < 6; k++) fields[k] = (f64)(i32)next_random(&random) / (k < 3 ? 1e8 : 1e9);
        bodies[i].mass = i ? 0.01 * i : 40.0;
    }
}

static NOINLINE void advance(f64 step) {
    for (i32 i = 0; i < BODIES; i++) {
        body *a = &bodies[i];
        for (i32 j = i + 1; j < BODIES; j++) {
            body *b = &bodies[j];
            f64 dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            f64 square = dx * dx + dy * dy + dz * dz + 1e-3;
            f64 magnitude = step / (square * __builtin_sqrt(square));
            a->vx -= dx * b->mass * magnitude;
            a->vy -= dy * b->mass * magnitude;
            a->vz -= dz * b->mass * magnitude;
            b->vx += dx * a->mass * magnitude;
            b->vy += dy * a->mass * magnitude;
            b->vz += dz * a->mass * magnitude;
        }
    }
    for (i32 i = 0; i < BODIES; i++) {
        bodies[i].x += step * bodies[i].vx;
        bodies[i].y += step * bodies[i].vy;
        bodies[i].z += step * bodies[i].vz;
    }
}

EXPORT i64 run(i64 n) {
    scatter();
    for (i64 i = 0; i < n * 100; i++) advance(0.001);
    u64 checksum = 0;
    for (i32 i = 0; i < BODIES; i++) checksum = mix_f64(mix_f64(checksum, bodies[i].x), bodies[i].vy);
    return checksum;
}
