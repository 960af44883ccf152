/* Heap sort of 64-bit numbers: index arithmetic, scattered loads and stores. */
#include "kernel.h"

enum { SIZE = 4096 };

static u64 heap[SIZE];

static NOINLINE void sift(i32 at, i32 size) {
    u64 value = heap[at];
    for (i32 child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && heap[child + 1] > heap[child]) child++;
        if (heap[child] <= value) break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    u32 random = 69069u;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < SIZE; k++) heap[k] = (u64)next_random(&random) << 20 ^ next_random(&random);
        for (i32 k = SIZE / 2; k-- > 0;) sift(k, SIZE);
        for (i32 end = SIZE - 1; end > 0; end--) {
            u64 largest = heap[0];
            heap[0] = heap[end];
            heap[end] = largest;
            sift(0, end);
        }
        for (i32 k = 0; k < SIZE; k += 64) checksum = mix(checksum, heap[k]);
    }
    return checksum;
}
