/* Quick sort of 32-bit numbers by a comparison function: calls, compares, swaps in memory. */
#include "kernel.h"

enum { SIZE = 4096 };

static i32 numbers[SIZE];

typedef i32 (*comparison)(i32 a, i32 b);

static i32 ascending(i32 a, i32 b) { return (a > b) - (a < b); }
static i32 by_low_bits(i32 a, i32 b) { return ascending(a & 0xffff, b & 0xffff); }

static NOINLINE void sort(i32 *low, i32 *high, comparison compare) {
    while (high - low > 12) {
        i32 pivot = low[(high - low) / 2], *left = low, *right = high;
        while (left <= right) {
            while (compare(*left, pivot) < 0) left++;
            while (compare(*right, pivot) > 0) right--;
            if (left <= right) {
                i32 kept = *left;
                *left++ = *right;
                *right-- = kept;
            }
        }
        if (right - low < high - left) {
            sort(low, right, compare);
            low = left;
        } else {
            sort(left, high, compare);
            high = right;
        }
    }
    for (i32 *end = low + 1; end <= high; end++) {
        i32 value = *end, *at = end;
        for (; at > low && compare(at[-1], value) > 0; at--) *at = at[-1];
        *at = value;
    }
}

static comparison comparisons[2] = {ascending, by_low_bits};

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    u32 random = 1812433253u;
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < SIZE; k++) numbers[k] = (i32)next_random(&random);
        sort(numbers, numbers + SIZE - 1, comparisons[i & 1]);
        for (i32 k = 0; k < SIZE; k += 64) checksum = mix(checksum, numbers[k] & 0xffff);
    }
    return checksum;
}
