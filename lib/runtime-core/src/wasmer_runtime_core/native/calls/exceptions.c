/* The way of an exception from a throw to who catches it.
 *
 * A throw walks the frame pointers. The first frame whose call is in its module's table of handlers is entered at that call's
 * landing, with the stack pointer, rbp and the other registers that callees preserve as the call would have left them: a landing
 * is a second place where a call returns to. Each function that is left saved those registers that it writes, and its module
 * says which (`CompiledModule.saved`). So nothing is done in advance, neither where a try begins nor around its calls. A landing asks
 * for the tag of what was thrown, `Store.pending_exception`, and whoever has no arm for it sends it on (`resume`). Beyond the last
 * frame it becomes a Python exception. Only code can be between a throw and its catch, so there is one such exception in a store
 * at a time; handlers of signals, which may come between, find none. */

/* --- the walk ----------------------------------------------------------------------------------- */

/* Where code goes on if an exception leaves the call that returns to this address; 0: nowhere. */
static inline uintptr_t
landing_of(CodeObject *code, uint32_t offset)
{
    size_t low = 0, high = code->n_handlers;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code->handlers[middle].end < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < code->n_handlers && code->handlers[low].start < offset
               ? (uintptr_t)code->base + code->handlers[low].landing
               : 0;
}

/* A walk over the frames of an activation, from the frame of what wasm code called on. */
typedef struct {
    uintptr_t fp;              /* the frame that is looked at: what its caller called */
    uintptr_t *place;          /* where its return address lies */
    uintptr_t back;            /* that: where in the caller it returns to */
    CodeObject *code;          /* the code there; NULL: it is none of ours */
} Walk;

static inline int
walk_begin(Walk *walk, Thread *thread, Activation *activation, uintptr_t fp)
{
    if (fp >= activation->entry_sp || fp < thread->stack_low || fp & 7)
        return 0;
    walk->fp = fp;
    walk->place = return_place((uintptr_t *)fp + 1);
    walk->back = *walk->place;
    walk->code = code_at(walk->back);
    return 1;
}

static inline int
walk_on(Walk *walk, Thread *thread, Activation *activation)
{
    uintptr_t next = *(uintptr_t *)walk->fp;
    return next > walk->fp && walk_begin(walk, thread, activation, next);
}

static inline uintptr_t
walk_landing(Walk *walk)
{
    return walk->code && walk->code->n_handlers
               ? landing_of(walk->code, (uint32_t)(walk->back - (uintptr_t)walk->code->base))
               : 0;
}

/* Whether some frame of this activation would be entered by an exception from `fp` on. */
static int
is_handled(Thread *thread, Activation *activation, uintptr_t fp)
{
    Walk walk;
    for (int on = walk_begin(&walk, thread, activation, fp); on; on = walk_on(&walk, thread, activation))
        if (walk_landing(&walk))
            return 1;
    return 0;
}

/* A function is left: the registers that it saved, at its frame pointer, are what they were in its caller. */
static inline void
restore_saved(CodeObject *code, uintptr_t back, const uint64_t *fp, uint64_t *registers)
{
    if (!code->saved)
        return;
    uint32_t inside = (uint32_t)(back - (uintptr_t)code->base) - 1;  /* the call may be the last of its function */
    uint32_t low = 0, high = code->n_functions;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (code->function_offsets[middle] <= inside)
            low = middle;
        else
            high = middle;
    }
    uint8_t saved = code->saved[low];
    int number = saved & SAVED_DOWNWARDS ? N_PRESERVED - 1 : 0, step = saved & SAVED_DOWNWARDS ? -1 : 1;
    for (int i = 0; i < N_PRESERVED; i++, number += step)
        if (saved >> number & 1)
            registers[number] = *--fp;
}

typedef struct { uintptr_t landing, *place; } Landing;

/* Where the pending exception is caught, from the frame at `fp` on: the landing, and where the address lies that the call there
 * returns to. The registers are those at the call that made this frame, and become those at that landing, rbp behind them. Who is passed is noted behind the frames
 * that the thread has noted already; whoever called is among them already if `noted`. The GIL must be as it was when wasm was
 * entered. */
__attribute__((used)) HOT static Landing
exception_walk(uintptr_t fp, uint64_t *registers, int noted)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    int n = thread->n_frames;
    Walk walk;
    for (int on = walk_begin(&walk, thread, activation, fp); on; on = walk_on(&walk, thread, activation)) {
        if (!walk.code)
            continue;
        if (!noted && n < MAX_FRAMES && !is_continued(walk.code, walk.back))
            thread->frames[n++] = walk.back;
        noted = 0;
        uintptr_t landing = walk_landing(&walk);
        if (landing) {
            thread->n_frames = n;
            FRAMES_ARE_LEFT();
            registers[N_PRESERVED] = *(uintptr_t *)walk.fp;
            return (Landing){landing, walk.place};
        }
        restore_saved(walk.code, walk.back, *(uint64_t **)walk.fp, registers);
    }
    thread->n_frames = n;
    thread->trap_pc = 0;
    unwind(thread, activation, OUTCOME_THROWN);
}

/* A helper cannot go on: the exception that is set is raised where wasm was entered. The GIL is held. */
__attribute__((noreturn)) static NOINLINE void
fail_from_helper(Thread *thread, Activation *activation, uintptr_t fp)
{
    thread->activation = activation;
    thread->trap_pc = 0;
    capture_frames(thread, activation, 0, fp, 0);
    give_gil(activation);
    unwind(thread, activation, OUTCOME_EXCEPTION);
}

/* --- helpers --------------------------------------------------------------------------------------- */

/* Called by the stub of its name, like the next one: 0, as nobody is noted yet. */
__attribute__((used)) static int
exception_throw(VMContext *vmctx, TagObject *tag, const Bits128 *values)
{
    Thread *thread = this_thread;
    if (UNLIKELY(thread->attention))
        attend(thread);
    Activation *activation = thread->activation;
    take_gil(activation);
    InstanceObject *instance = (InstanceObject *)vmctx->instance;
    uint64_t units = exception_units(tag->signature->n_params);
    ExceptionObject *exception = account_take(thread, instance, units) < 0 ? NULL : exception_new(tag, values, instance);
    if (UNLIKELY(!exception))
        fail_from_helper(thread, activation, (uintptr_t)__builtin_frame_address(0));
    account_put(instance, exception, units);
    thread->activation = activation;
    give_gil(activation);
    vmctx->store->pending_exception = (uint64_t)exception;
    thread->n_frames = 0;
    return 0;
}

__attribute__((used)) static int
exception_throw_ref(VMContext *vmctx, ExceptionObject *exception)
{
    Thread *thread = this_thread;
    if (UNLIKELY(!exception))
        trap_from_helper(TRAP_NULL_REFERENCE);
    if (UNLIKELY(thread->attention))
        attend(thread);
    Activation *activation = thread->activation;
    take_gil(activation);
    Py_INCREF(exception);
    give_gil(activation);
    vmctx->store->pending_exception = (uint64_t)exception;
    thread->n_frames = (int)exception->n_frames;
    if (exception->frames)
        memcpy(thread->frames, exception->frames, exception->n_frames * sizeof *exception->frames);
    return 0;
}

/* Code has read the values of an exception. Of those that are references the exception was the owner, and it may be gone
 * before they are, so they are kept like all that enters wasm. */
static NOINLINE void
keep_values(Store *store, ExceptionObject *exception)
{
    const uint8_t *types = exception->tag->signature->params;
    for (Py_ssize_t i = 0; i < Py_SIZE(exception); i++) {
        PyObject *owner = reference_owner(types[i], exception->values[i].low);
        if (!owner)
            continue;
        store_keep(store, Py_NewRef(owner));
        store->n_exceptions += types[i] == EXNREF;
    }
}

/* An arm has read the values of the pending exception, and takes it: as an exnref (`keep`), or not at all. */
static uint64_t
wasm_catch_exception(VMContext *vmctx, uint32_t keep)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    Store *store = vmctx->store;
    ExceptionObject *exception = (ExceptionObject *)store->pending_exception;
    store->pending_exception = 0;
    take_gil(activation);
    if (Py_SIZE(exception) && UNLIKELY(exception->tag->signature->references))
        keep_values(store, exception);
    if (keep) {
        if (thread->n_frames && !exception->frames) {
            size_t bytes = (size_t)thread->n_frames * sizeof *exception->frames;
            if ((exception->frames = malloc(bytes))) {
                memcpy(exception->frames, thread->frames, bytes);
                exception->n_frames = (uint32_t)thread->n_frames;
                if (exception->account)
                    account_add(exception, (bytes + UNIT_BYTES - 1) / UNIT_BYTES);
            }
        }
        store_keep(store, (PyObject *)exception);
        if (UNLIKELY(++store->n_exceptions >= MANY_EXCEPTIONS && store->n_exceptions >= store->drop_exceptions_at))
            drop_exceptions(thread, store);
    }
    else
        Py_DECREF(exception);
    thread->activation = activation;
    give_gil(activation);
    if (UNLIKELY(thread->attention))
        attend(thread);
    return keep ? (uint64_t)exception : 0;
}

/* --- where wasm was entered --------------------------------------------------------------------------- */

/* What is pending is so no more: a new reference, or NULL. Before anything is made, for that may run finalizers, and with
 * them code that throws. */
static ExceptionObject *
take_pending(Activation *activation)
{
    Store *store = *(Store **)activation->vmctx;
    ExceptionObject *pending = (ExceptionObject *)store->pending_exception;
    store->pending_exception = 0;
    return pending;
}

/* Nobody caught it, so it is raised. The reference is taken. */
static void
raise_thrown(ExceptionObject *exception)
{
    PyObject *object = exception_object(exception);
    Py_DECREF(exception);
    if (object)
        PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(object)), object, PyException_GetTraceback(object));
}
