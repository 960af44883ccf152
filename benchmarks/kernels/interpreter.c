/* A bytecode interpreter with a stack: one large switch (br_table) in a loop. */
#include "kernel.h"

enum {
    HALT, PUSH, LOAD, STORE, ADD, SUBTRACT, MULTIPLY, AND, SHIFT, LESS, EQUAL, JUMP, JUMP_IF_ZERO, DUPLICATE, SWAP, DROP,
};

/* locals: 0 counter, 1 limit, 2 accumulator, 3 scratch */
static const u8 program[] = {
    PUSH, 0, STORE, 0, PUSH, 1, STORE, 2,
    /* 8: while counter < limit */
    LOAD, 0, LOAD, 1, LESS, JUMP_IF_ZERO, 58,
    /* 15: accumulator = accumulator * 31 + (counter & 7) */
    LOAD, 2, PUSH, 31, MULTIPLY, LOAD, 0, PUSH, 7, AND, ADD, STORE, 2,
    /* 28: if ((accumulator & 3) == 1) accumulator -= accumulator >> 5 */
    LOAD, 2, PUSH, 3, AND, PUSH, 1, EQUAL, JUMP_IF_ZERO, 49,
    LOAD, 2, DUPLICATE, PUSH, 5, SHIFT, SUBTRACT, STORE, 2, DUPLICATE, DROP,
    /* 49 */
    LOAD, 0, PUSH, 1, ADD, STORE, 0, JUMP, 8,
    /* 58 */
    LOAD, 2, LOAD, 0, SWAP, SUBTRACT, HALT,
};

static NOINLINE u32 interpret(const u8 *code, u32 limit) {
    u32 stack[16], locals[4] = {0, limit, 0, 0};
    stack[0] = 0;
    u32 *top = stack;
    const u8 *at = code;
    for (;;) {
        switch (*at++) {
        case HALT: return *top;
        case PUSH: *++top = *at++; break;
        case LOAD: *++top = locals[*at++ & 3]; break;
        case STORE: locals[*at++ & 3] = *top--; break;
        case ADD: top--; top[0] += top[1]; break;
        case SUBTRACT: top--; top[0] -= top[1]; break;
        case MULTIPLY: top--; top[0] *= top[1]; break;
        case AND: top--; top[0] &= top[1]; break;
        case SHIFT: top--; top[0] >>= top[1] & 31; break;
        case LESS: top--; top[0] = top[0] < top[1]; break;
        case EQUAL: top--; top[0] = top[0] == top[1]; break;
        case JUMP: at = code + *at; break;
        case JUMP_IF_ZERO: at = *top-- ? at + 1 : code + *at; break;
        case DUPLICATE: top[1] = top[0]; top++; break;
        case SWAP: { u32 kept = top[0]; top[0] = top[-1]; top[-1] = kept; break; }
        case DROP: top--; break;
        default: return 0xdeadbeef;
        }
    }
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) checksum = mix(checksum, interpret(program, 1000 + (u32)(i & 7)));
    return checksum;
}
