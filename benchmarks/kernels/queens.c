/* Eleven queens: backtracking with bit masks, recursion with four arguments. */
#include "kernel.h"

static NOINLINE u32 place(u32 free_columns, u32 left, u32 right, u32 board) {
    if (!free_columns) return 1;
    u32 found = 0;
    u32 candidates = free_columns & ~(left | right) & board;
    while (candidates) {
        u32 queen = candidates & -candidates;
        candidates ^= queen;
        found += place(free_columns & ~queen, (left | queen) << 1, (right | queen) >> 1, board);
    }
    return found;
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        u32 board = (1u << (8 + (i & 3))) - 1;
        checksum = mix(checksum, place(board, 0, 0, board));
    }
    return checksum;
}
