/* Tail calls that pass more on the stack than their function got: the room is made when the function is entered.
 *
 * A function that jumps to another one writes the arguments where its own were, above its return address: there its
 * caller, whoever that is, left as much room as this function's parameters take. One that needs more begins with
 *
 *     mov r10d, words of room | own << 16        both in units of 16 bytes
 *     call [make_room]
 *
 * before its frame is there. That puts an area of `room` units between the function and its caller, with the
 * function's own arguments at its lower end, and has the function return to a *return stub* that takes the area
 * away again:
 *
 *     before:  S      return address            after:  S - 16 room - 16   return address: the stub for `room`
 *              S + 8  arguments, own units              …             - 8  arguments: room units
 *                                                       S - 8              8 bytes that keep the stack aligned
 *                                                       S                  the return address of before
 *
 * A function that is jumped to returns to the same stub. If it needs room itself it finds the stub in its return
 * address: with as much or more there is nothing to do, else the area grows downwards and the larger stub takes the
 * place of the smaller one. So there is never more than one area for a call, as large as the greatest need on the way,
 * and a loop of tail calls takes as much stack as one round. Nothing is kept outside of the stack, where a handler of
 * a signal, which may run the same code, would find it.
 *
 * The stack is compared with its limit behind the call: what is kept below the limit has room for the largest area.
 * Whoever walks the stack asks `return_place` where the address lies to which a frame returns in the end. */

#define STUB_BYTES 8
#define AREA_BYTES(room) (16 * (room) + 16)
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

__asm__(
    ".intel_syntax noprefix\n.text\n"
    ".p2align 6\n" FUNCTION(wasm_return_stubs)
    ".set room, 0\n"
    ".rept " TEXT(MOST_TAIL_ROOM) " + 1\n  .p2align 3\n  add rsp, 16*room + 8\n  ret\n  .set room, room + 1\n.endr\n"
    ".p2align 3\n"

    ".p2align 5\n" FUNCTION(wasm_make_room)  /* may write r10, r11, rax, xmm15 and the flags */
    "  lea rax, [rip+wasm_return_stubs]\n"
    "  mov r11, [rsp+8]\n  sub r11, rax\n  movzx eax, r10w\n"
    "  cmp r11, 8*(" TEXT(MOST_TAIL_ROOM) " + 1)\n  jae 1f\n"
    "  shr r11d, 3\n  sub eax, r11d\n  jbe 3f\n"   /* there is as much; else the difference */
    "  shl eax, 4\n  jmp 2f\n"
    "1: shl eax, 4\n  add eax, 16\n"
    "2: sub rsp, rax\n"                            /* by so many bytes all moves down: to here, and own arguments */
    "  mov r11, [rsp+rax]\n  mov [rsp], r11\n"
    "  movzx r11d, r10w\n  push rcx\n"
    "  lea rcx, [rip+wasm_return_stubs]\n  lea r11, [rcx+r11*8]\n  mov [rsp+16], r11\n  pop rcx\n"
    "  shr r10d, 16\n  lea r11, [rsp+16]\n  jmp 4f\n"
    "5: movups xmm15, [r11+rax]\n  movups [r11], xmm15\n  add r11, 16\n  dec r10d\n"
    "4: test r10d, r10d\n  jnz 5b\n"
    "3: ret\n"
    ".att_syntax\n");
extern char wasm_return_stubs[] __attribute__((visibility("hidden")));
extern char wasm_make_room[] __attribute__((visibility("hidden")));

/* Where the address lies that a function returns to in the end, given where it returns to first. */
static inline uintptr_t *
return_place(uintptr_t *place)
{
    uintptr_t distance = *place - (uintptr_t)wasm_return_stubs;
    return distance < (MOST_TAIL_ROOM + 1) * STUB_BYTES ? place + AREA_BYTES(distance / STUB_BYTES) / 8 : place;
}
