/* A function that is not compiled yet is called.
 *
 * Its stub comes here with the number of the function in eax and everything else as the caller left it: arguments in
 * registers and on the stack, the return address on top. All registers that carry arguments are saved, whoever compiles
 * is called as a host function would be, and the code that there is then is jumped to. So the function finds what it would have
 * found had it been there, tail calls and their areas included.
 *
 * It may fail, end by a deadline or a handler of a signal, or call the same function again: nothing is half done, for code is
 * published by one store. Who calls the function next begins anew. */

__asm__(
    ".intel_syntax noprefix\n.text\n.p2align 5\n" FUNCTION(wasm_first_call)
    SPILL_INTEGERS SPILL_VECTORS
    "  mov esi, eax\n  call first_call\n  mov r11, rax\n  mov r10, rsp\n"
    ENTRY_INTEGERS ENTRY_VECTORS
    "  leave\n  jmp r11\n"
    ".att_syntax\n");

/* Called by the routine: the function's code. It may not return, but unwind. */
__attribute__((used)) static uint64_t
first_call(VMContext *vmctx, uint32_t function)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    PyThreadState *released = activation->released;
    if (released)
        PyEval_RestoreThread(released);
    CodeObject *code = ((InstanceObject *)vmctx->instance)->plan->code;
    const uint64_t *entry = code_table(code) + function;
    int failed = 0;
    if (*entry == stub_first(code, function)) {  /* else another thread compiled it meanwhile */
        Py_INCREF(code);
        PyObject *done = PyObject_CallFunction(code->compile, "OI", code, function);
        Py_XDECREF(done);
        failed = !done;
        if (done && *entry == stub_first(code, function)) {
            raise_error("InternalError", "function %u was to be compiled, and has no code", code->first_function + function);
            failed = 1;
        }
        Py_DECREF(code);
    }
    thread->activation = activation;
    if (failed) {
        thread->trap_pc = 0;
        capture_frames(thread, activation, 0, (uintptr_t)__builtin_frame_address(0), 0);
    }
    if (released)
        activation->released = PyEval_SaveThread();
    else
        gil_runner = thread->id;  /* as after a host function */
    if (failed)
        unwind(thread, activation, OUTCOME_EXCEPTION);
    if (UNLIKELY(thread->attention))
        attend(thread);
    return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}
