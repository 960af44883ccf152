/* Into wasm, out of it, the stub of host functions, and the way of an exception to who catches it.
 *
 * `enter_*` save what the C caller expects to be kept, remember the stack pointer in the
 * activation and call. Unwinding, wherever it starts, sets rsp to that and goes to `landing`,
 * which restores the registers from the stack and returns 1 to the C caller. Stack, from
 * entry_sp up: frame, r15, r14, r13, r12, rbx, rbp, return address.
 *
 * A host stub spills the argument registers in the order of a CallFrame, so one list of
 * places serves both directions.
 *
 * The helpers that throw are stubs, too: each calls its C function, which makes an exception the store's pending one and
 * returns, so that registers are what they were in the wasm code. `exception_walk` (exceptions.c) gets them, in the order of
 * their numbers, finds who goes on, and makes them what they were there. `host_call` returns to `wasm_host_threw`, not to
 * its stub, when what a host function raised is thrown. */

#define FUNCTION(name) ".globl " #name "\n.hidden " #name "\n.type " #name ", @function\n" #name ":\n"
#define ENTRY_PROLOGUE \
    "  push rbp\n  mov rbp, rsp\n  push rbx\n  push r12\n  push r13\n  push r14\n  push r15\n" \
    "  push rsi\n  mov [rdx], rsp\n  mov rax, rdi\n  mov r10, rsi\n"
#define ENTRY_INTEGERS \
    "  mov rdi, [r10]\n  mov rsi, [r10+8]\n  mov rdx, [r10+16]\n  mov rcx, [r10+24]\n  mov r8, [r10+32]\n" \
    "  mov r9, [r10+40]\n"
#define ENTRY_VECTORS \
    "  movups xmm0, [r10+48]\n  movups xmm1, [r10+64]\n  movups xmm2, [r10+80]\n  movups xmm3, [r10+96]\n" \
    "  movups xmm4, [r10+112]\n  movups xmm5, [r10+128]\n  movups xmm6, [r10+144]\n  movups xmm7, [r10+160]\n"
#define SPILL_INTEGERS \
    "  push rbp\n  mov rbp, rsp\n  sub rsp, 176\n" \
    "  mov [rsp], rdi\n  mov [rsp+8], rsi\n  mov [rsp+16], rdx\n  mov [rsp+24], rcx\n  mov [rsp+32], r8\n" \
    "  mov [rsp+40], r9\n"
#define SPILL_VECTORS \
    "  movups [rsp+48], xmm0\n  movups [rsp+64], xmm1\n  movups [rsp+80], xmm2\n  movups [rsp+96], xmm3\n" \
    "  movups [rsp+112], xmm4\n  movups [rsp+128], xmm5\n  movups [rsp+144], xmm6\n  movups [rsp+160], xmm7\n"
#define CALL_HOST \
    "  mov rsi, rsp\n  lea rdx, [rbp+16]\n  call host_call\n"
#define THROWING_STUB(name, function) \
    ".p2align 4\n" FUNCTION(name) "  push rbp\n  mov rbp, rsp\n  call " #function "\n  jmp wasm_threw\n"

__asm__(
    ".intel_syntax noprefix\n.pushsection .text.hot, \"ax\", @progbits\n.p2align 5\n"
    FUNCTION(wasm_enter_integers)
    ENTRY_PROLOGUE ENTRY_INTEGERS
    "  call rax\n"
    "  pop rsi\n  mov [rsi], rax\n  movups [rsi+48], xmm0\n  xor eax, eax\n"
    "wasm_restore:\n"
    "  pop r15\n  pop r14\n  pop r13\n  pop r12\n  pop rbx\n  pop rbp\n  ret\n"

    ".p2align 5\n" FUNCTION(wasm_enter_general)
    ENTRY_PROLOGUE
    "  lea r11, [r10+rcx*8+176]\n"
    "1: test rcx, rcx\n  jz 2f\n  sub r11, 8\n  push qword ptr [r11]\n  dec rcx\n  jmp 1b\n"
    "2:\n" ENTRY_INTEGERS ENTRY_VECTORS
    "  call rax\n"
    "  lea rsp, [rbp-48]\n"
    "  pop rsi\n  mov [rsi], rax\n  movups [rsi+48], xmm0\n  xor eax, eax\n  jmp wasm_restore\n"

    FUNCTION(wasm_landing)
    "  cld\n  pop rsi\n  mov eax, 1\n  jmp wasm_restore\n"

    ".p2align 5\n" FUNCTION(wasm_host_integers)
    SPILL_INTEGERS CALL_HOST
    "  mov rax, [rsp]\n  leave\n  ret\n"

    ".p2align 5\n" FUNCTION(wasm_host_general)
    SPILL_INTEGERS SPILL_VECTORS CALL_HOST
    "  mov rax, [rsp]\n  movups xmm0, [rsp+48]\n  leave\n  ret\n"

    THROWING_STUB(wasm_throw, exception_throw)
    THROWING_STUB(wasm_throw_ref, exception_throw_ref)
    ".p2align 4\n" FUNCTION(wasm_resume)
    "  push rbp\n  mov rbp, rsp\n  mov eax, 1\n  jmp wasm_threw\n"
    FUNCTION(wasm_host_threw) "  xor eax, eax\n"
    "wasm_threw:\n"
    "  push rax\n  push r15\n  push r14\n  push r13\n  push r12\n  push rbx\n"
    "  mov rdi, rbp\n  mov rsi, rsp\n  mov edx, eax\n  call exception_walk\n"
    "  pop rbx\n  pop r12\n  pop r13\n  pop r14\n  pop r15\n  pop rbp\n"
    "  lea rsp, [rdx+8]\n  jmp rax\n"
    ".popsection\n.att_syntax\n");

extern int wasm_enter_integers(void *, CallFrame *, Activation *, uint64_t) __attribute__((visibility("hidden")));
extern int wasm_enter_general(void *, CallFrame *, Activation *, uint64_t) __attribute__((visibility("hidden")));
extern char wasm_landing[] __attribute__((visibility("hidden")));
extern char wasm_host_integers[] __attribute__((visibility("hidden")));
extern char wasm_host_general[] __attribute__((visibility("hidden")));
extern char wasm_host_threw[] __attribute__((visibility("hidden")));
extern char wasm_throw[] __attribute__((visibility("hidden")));
extern char wasm_throw_ref[] __attribute__((visibility("hidden")));
extern char wasm_resume[] __attribute__((visibility("hidden")));

/* Leave everything between here and the entry of `activation`. The GIL's state must be as
 * it was when wasm was entered. */
__attribute__((noreturn)) static void
unwind(Thread *thread, Activation *activation, uint32_t outcome)
{
    activation->outcome = outcome;
    thread->activation = activation;
    FRAMES_ARE_LEFT();
    __asm__ volatile("mov %0, %%rsp\n\tjmp wasm_landing" ::"r"(activation->entry_sp) : "memory");
    __builtin_unreachable();
}
