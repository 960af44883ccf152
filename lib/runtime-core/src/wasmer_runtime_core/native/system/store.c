/* Threads, stores, activations: who may run, and what is kept alive meanwhile. */

static Store dead_store = {.owner = UINTPTR_MAX};  /* of collected instances: nobody can enter */
static pthread_key_t thread_key;

/* --- threads ---------------------------------------------------------------------------- */

static void
thread_free(void *pointer)
{
    Thread *thread = pointer;
    if (thread->signal_stack) {
        stack_t none = {.ss_flags = SS_DISABLE}, current;
        sigaltstack(NULL, &current);
        if (current.ss_sp == thread->signal_stack)
            sigaltstack(&none, NULL);
        munmap(thread->signal_stack, SIGNAL_STACK_BYTES);
    }
    this_thread = NULL;
    if (thread->has_timer && thread->timer_process == getpid())
        timer_delete(thread->timer);
    if (thread->has_ticker && thread->timer_process == getpid())
        timer_delete(thread->ticker);
    free(thread->deadlines);
    /* if greenlets were left in wasm, their code goes on no more; but their stores are nobody's, not the next thread's */
    count_stopped(thread, -thread->safepoints);
    count_released(thread, -thread->n_released);
    if (!thread->n_activations)
        free(thread);
}

/* What of a thread's stack is wasm's, from its upper end, and what is kept below that for host functions: Python's
 * limit of recursion is made for a stack of 8 MiB, of which it takes up to 5 (docs/rationale.md). Nothing that runs
 * here relies on a guard page: every frame is compared with the limit before it is entered, but for those of up to
 * UNCHECKED_FRAME_BYTES of functions that call nothing. Those, what a signal makes the code call, and the frames
 * of helpers lie in what is kept. */
#define HOST_STACK_BYTES ((size_t)6 << 20)
#define LEAST_STACK_BYTES ((size_t)128 << 10)
#define MOST_STACK_BYTES ((size_t)256 << 20)      /* a recursion has an end */
#define MOST_MAIN_STACK_BYTES ((size_t)64 << 20)  /* it grows on demand, and Linux keeps 128 MiB free of mappings */

/* Divide a stack. Nothing of it is wasm's if it is too small, or lies so low in the address space that a stack
 * pointer less a frame could be negative. */
static void
divide_stack(Thread *thread, uintptr_t low, size_t size)
{
    size_t kept = size / 4 * 3;
    if (kept > HOST_STACK_BYTES)
        kept = HOST_STACK_BYTES;
    if (size < LEAST_STACK_BYTES || low < MOST_FRAME_BYTES)
        kept = size;
    thread->stack_low = low;
    thread->stack_end = low + size;
    thread->stack_limit = low + kept;
    thread->stack_span = size - kept;
}

/* The record of this thread; NULL with an exception. */
static NOINLINE Thread *
thread_create(void)
{
    Thread *thread = calloc(1, sizeof *thread);
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    if (!thread) {
        PyErr_NoMemory();
        return NULL;
    }
    if ((errno = pthread_getattr_np(pthread_self(), &attributes))) {  /* it reads a file */
        PyErr_SetFromErrno(PyExc_OSError);
        free(thread);
        return NULL;
    }
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    thread->id = (pid_t)syscall(SYS_gettid);
    size_t most = thread->id == getpid() ? MOST_MAIN_STACK_BYTES : MOST_STACK_BYTES;
    if (size > most) {
        low = (char *)low + (size - most);
        size = most;
    }
    divide_stack(thread, (uintptr_t)low, size);
    ensure_signal_stack(thread);
    unblock_signals();
    ensure_timer(thread);
    ensure_ticker(thread);
    thread->attention = 1;  /* a signal that came meanwhile found no thread to tell */
    pthread_setspecific(thread_key, thread);
    this_thread = thread;
    return thread;
}

static inline Thread *
current_thread(void)
{
    Thread *thread = this_thread;
    return LIKELY(thread != NULL) ? thread : thread_create();
}

/* --- stores ----------------------------------------------------------------------------- */

static void
store_add(Store *store, Member *member)
{
    member->store = store;
    member->next = store->members;
    member->link = &store->members;
    if (store->members)
        store->members->link = &member->next;
    store->members = member;
    store->n_members++;
    store->n_tasks += member->kind->settle != NULL;
    if (member->kind->moved)
        member->kind->moved(member);
    if (UNLIKELY(store->heap != NULL))
        heap_add_member(store, member);
}

/* The member's store, made if it has none; NULL with MemoryError. */
static Store *
store_of(Member *member)
{
    if (member->store)
        return member->store;
    Store *store = calloc(1, sizeof *store);
    if (!store) {
        PyErr_NoMemory();
        return NULL;
    }
    store_add(store, member);
    return store;
}

/* The limits of a store, made if it has none; NULL with MemoryError. */
static StoreLimits *
limits_of(Store *store)
{
    if (!store->limits && !(store->limits = calloc(1, sizeof *store->limits)))
        PyErr_NoMemory();
    return store->limits;
}

/* A limit is this, unless it is less already. 0: there is none. */
static void
limit_to(uint64_t *limit, uint64_t wanted)
{
    if (wanted && (!*limit || wanted < *limit))
        *limit = wanted;
}

/* Free the stores that were retired into this one: no code runs that could have the address of one. */
static void
free_retired(Store *store)
{
    Store *retired = store->retired;
    if (retired)
        store->n_tasks--;
    store->retired = NULL;
    while (retired) {
        Store *next = retired->retired;
        free(retired);
        retired = next;
    }
}

static void
store_free(Store *store)
{
    for (size_t i = 0; i < store->n_keep; i++)
        Py_DECREF(store->keep[i]);
    free(store->keep);
    free(store->limits);
    free_retired(store);
    free(store);
}

/* `from` has become a part of `to`. Code that runs may have read its address just before and its stack limit not yet;
 * so it stays as it is until the last activation of the instances it stood for has ended. Its limit was set for that
 * activation, or for one around it, and holds. */
static void
store_retire(Store *from, Store *to)
{
    free(from->keep);
    free(from->limits);
    from->limits = NULL;
    if (!from->depth) {
        free(from);
        return;
    }
    Store *last = from;
    while (last->retired)
        last = last->retired;
    last->retired = to->retired;
    if (!to->retired)
        to->n_tasks++;
    to->retired = from;
}

static void
member_leave(Member *member)
{
    Store *store = member->store;
    if (!store || store == &dead_store)
        return;
    *member->link = member->next;
    if (member->next)
        member->next->link = member->link;
    member->store = NULL;
    store->n_tasks -= member->kind->settle != NULL;
    Heap *heap = member->heap;
    if (UNLIKELY(heap != NULL))
        heap_lose_member(member);
    if (--store->n_members == 0) {
        if (UNLIKELY(heap != NULL))
            heap_lose_store(heap);
        store_free(store);
    }
    Py_XDECREF(heap);
}

/* Whether this thread may join the member's store with another: not while another thread runs in it, whose code would
 * lose its turn amid a call. With an exception if not. Before anything is changed. */
static int
may_link(Member *member)
{
    Store *store = member->store;
    if (!store || !store->owner || store->owner == (uintptr_t)this_thread)
        return 1;
    raise_error("RuntimeError", store == &dead_store ? "the instance is gone: it was garbage-collected"
                                                     : "cannot link an instance that another thread is running");
    return 0;
}

/* Join the stores of two members; all or nothing. */
static int
store_merge(Member *a, Member *b)
{
    if (a->store && a->store == b->store)
        return 0;
    if (!may_link(a) || !may_link(b))
        return -1;
    if (!a->store && b->store) {
        store_add(b->store, a);
        return 0;
    }
    Store *to = store_of(a), *from = b->store;
    if (!to || (from && from->limits && !limits_of(to)))
        return -1;
    if (!from) {
        store_add(to, b);
        return 0;
    }
    if (from->n_members > to->n_members) {
        if (to->limits && !limits_of(from))
            return -1;
        Store *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < from->n_keep; i++)
        store_keep(to, from->keep[i]);
    to->n_exceptions += from->n_exceptions;
    if (from->owner) {
        if (!to->owner || from->stack_limit > to->stack_limit)
            to->stack_limit = from->stack_limit;
        to->owner = from->owner;
    }
    to->depth += from->depth;
    if (from->limits) {
        limit_to(&to->limits->stack_bytes, from->limits->stack_bytes);
        limit_to(&to->limits->most_kept, from->limits->most_kept);
        limit_to(&to->limits->heap_bytes, from->limits->heap_bytes);
    }
    if (UNLIKELY(from->heap != NULL))
        heap_join(to, from);
    Member *member = from->members;
    while (member) {
        Member *next = member->next;
        store_add(to, member);
        member = next;
    }
    store_retire(from, to);
    return 0;
}

static int
compare_pointers(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

/* Drop duplicates from what is kept. */
static NOINLINE void
store_deduplicate(Store *store)
{
    if (!store->n_keep)
        return;
    qsort(store->keep, store->n_keep, sizeof *store->keep, compare_pointers);
    size_t kept = 1;
    for (size_t i = 1; i < store->n_keep; i++) {
        if (store->keep[kept - 1] == store->keep[i])
            Py_DECREF(store->keep[i]);  /* never the last reference */
        else
            store->keep[kept++] = store->keep[i];
    }
    store->n_keep = kept;
    store->keep_dedupe_at = 2 * kept;
}

static inline size_t
most_kept(const Store *store)
{
    return store->limits && store->limits->most_kept ? store->limits->most_kept : MOST_KEPT;
}

/* Whether a host function may hand wasm one more reference: what is kept for one outermost call has a limit. Counted
 * when there are twice as many, duplicates among them. 0, or -1 with an exception. */
static inline int
store_may_keep(Store *store)
{
    size_t most = most_kept(store);
    if (LIKELY(store->n_keep / 2 < most))
        return 0;
    store_deduplicate(store);
    if (store->n_keep <= most)
        return 0;
    raise_error("RuntimeError", "host functions handed WebAssembly code %zu objects during one call, and it may hold %zu "
                "(Limits: references)", store->n_keep, most);
    return -1;
}

/* Keep an object (the reference is stolen) until nothing runs in the store. Long calls that
 * move the same objects about must not fill memory: now and then duplicates are dropped. */
static void
store_keep(Store *store, PyObject *object)
{
    if (store->n_keep && store->keep[store->n_keep - 1] == object) {
        Py_DECREF(object);  /* never the last reference */
        return;
    }
    if (store->n_keep == store->keep_room) {
        if (store->n_keep >= 4096 && store->n_keep >= store->keep_dedupe_at)
            store_deduplicate(store);
        if (store->n_keep >= store->keep_room / 2) {
            size_t room = store->keep_room ? 2 * store->keep_room : 16;
            PyObject **grown = realloc(store->keep, room * sizeof *grown);
            if (!grown)
                return;  /* it is never let go: code may have it, and a process outlives a loss of memory */
            store->keep = grown;
            store->keep_room = room;
        }
    }
    store->keep[store->n_keep++] = object;
}

/* Global cells become owners of what they hold. */
static NOINLINE void
store_settle(Store *store)
{
    for (Member *member = store->members; member; member = member->next)
        if (member->kind->settle)
            member->kind->settle(member);
}

/* At the outermost exit: global cells become owners of what they hold, then the list goes, and retired stores.
 * Dropping may run any Python code, even calls into this store; so the list is taken first. */
static NOINLINE void
store_sweep(Store *store)
{
    free_retired(store);
    store_settle(store);
    PyObject **keep = store->keep;
    size_t n_keep = store->n_keep;
    if (!n_keep)
        return;
    store->keep = NULL;
    store->n_keep = store->keep_room = store->n_exceptions = 0;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (UNLIKELY(store->heap != NULL))
        heap_settle_kept(store, keep, n_keep);
    else
        for (size_t i = 0; i < n_keep; i++)
            Py_DECREF(keep[i]);
    free(keep);
    PyErr_Restore(type, value, traceback);
}

/* The owner of the reference in a cell changes; `self` is not owned by what it owns. */
static void
settle_cell(Store *store, PyObject *owner, PyObject *self, PyObject **place)
{
    PyObject *old = *place;
    if (owner == self)
        owner = NULL;
    if (owner == old)
        return;
    Py_XINCREF(owner);
    *place = owner;
    if (old)
        store_keep(store, old);
}

/* --- activations ------------------------------------------------------------------------ */

/* Whether a stack pointer is in wasm's part of the thread's stack: not below it, and not on a stack of its own
 * that some library switched to. */
static inline int
on_wasm_stack(Thread *thread, uintptr_t sp)
{
    return sp - thread->stack_limit < thread->stack_span;
}

/* Trap: wasm's part of the stack has ended, or there is none. */
static NOINLINE void
raise_stack_overflow(Thread *thread)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    size_t bytes = thread->stack_end - thread->stack_low;
    raise_trap(TRAP_STACK_OVERFLOW);
    PyObject *note = NULL;
    Fetched trap;
    PyObject *value = fetch_exception(&trap);
    if (here < thread->stack_low || here >= thread->stack_end)
        note = PyUnicode_FromString("the code that calls it does not run on the stack of its thread");
    else if (!thread->stack_span)
        note = PyUnicode_FromFormat("this thread has a stack of %zu KiB, and WebAssembly needs %zu", bytes >> 10,
                                    LEAST_STACK_BYTES >> 10);
    restore_noted(&trap, note ? PyObject_CallMethod(value, "add_note", "O", note) : NULL);
    Py_XDECREF(note);
}

/* Whether the stack has room for `bytes` before wasm's part of it ends. Returns 0, or -1 with Trap. */
static NOINLINE int
stack_room(Thread *thread, size_t bytes)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (on_wasm_stack(thread, here) && here - thread->stack_limit >= bytes)
        return 0;
    raise_stack_overflow(thread);
    return -1;
}

static NOINLINE int
enter_refused(Store *store, Thread *thread)
{
    if (store == &dead_store)
        raise_error("RuntimeError", "the instance is gone: it was garbage-collected");
    else if (store->owner && store->owner != (uintptr_t)thread)
        raise_error("RuntimeError", "another thread is running this instance, or one linked to it; "
                                    "calls from several threads must take turns");
    else
        raise_stack_overflow(thread);
    return -1;
}

/* Claim the store for this thread. Returns 0, or -1 with an exception. */
static inline int
enter_store(Store *store, Thread *thread)
{
    uintptr_t owner = store->owner;
    if (LIKELY(owner == 0)) {
        store->owner = (uintptr_t)thread;
        store->stack_limit = thread->stack_limit;
        if (UNLIKELY(store->limits != NULL) && store->limits->stack_bytes) {
            uintptr_t here = (uintptr_t)__builtin_frame_address(0);
            if (here > thread->stack_limit && here - thread->stack_limit > store->limits->stack_bytes)
                store->stack_limit = here - store->limits->stack_bytes;
        }
    }
    else if (owner != (uintptr_t)thread)
        return enter_refused(store, thread);
    if (UNLIKELY(!on_wasm_stack(thread, (uintptr_t)__builtin_frame_address(0)))) {
        if (owner == 0)
            store->owner = 0;
        raise_stack_overflow(thread);
        return -1;
    }
    store->depth++;
    return 0;
}

/* The store may have been merged into another meanwhile, so it is read anew from the vmctx. Cells are settled at each exit:
 * behind an inner one, Python may let go of the instance that ran, and of all that only it had. */
static inline void
leave_store(void *vmctx)
{
    Store *store = *(Store **)vmctx;
    if (--store->depth == 0) {
        if (UNLIKELY((store->n_keep | store->n_tasks) != 0)) {
            store_sweep(store);
            store = *(Store **)vmctx;
        }
        if (LIKELY(store->depth == 0))
            store->owner = 0;
    }
    else if (UNLIKELY(store->n_tasks))
        store_settle(store);
}

/* Greenlets take stacks away and put others in their place, so the chain of activations need not be the order in
 * which they end: `previous` is good for restoring, not for reading; whatever comes back from Python to wasm code
 * sets `Thread.activation` to its own again; and the last one to end leaves none behind. A store counts its
 * entries, in any order. */
static inline void
end_activation(Thread *thread, Activation *activation)
{
    thread->activation = --thread->n_activations ? activation->previous : NULL;
}

/* Around what counts references in a helper. */
static inline void
take_gil(Activation *activation)
{
    if (UNLIKELY(activation->released != NULL))
        PyEval_RestoreThread(activation->released);
}

static inline void
give_gil(Activation *activation)
{
    if (UNLIKELY(activation->released != NULL))
        activation->released = PyEval_SaveThread();
    else
        gil_runner = this_thread->id;  /* as after a host function: to make an object may let finalizers run */
}

/* Run `code` with the arguments in `frame`, all of them. The store has been entered; the caller leaves it
 * after it has boxed the results. Returns 0, or -1 with an exception. */
static inline int
run_frame(Thread *thread, EnterFunction enter, void *code, void *vmctx, CallFrame *frame, uint64_t stack_words,
          int release_gil)
{
    Activation activation;
    activation.previous = thread->activation;
    activation.vmctx = vmctx;
    activation.released = NULL;
    activation.outcome = 0;
    thread->activation = &activation;
    thread->n_activations++;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (UNLIKELY(thread->attention) && attend_before(thread, &activation) < 0) {
        end_activation(thread, &activation);
        return -1;
    }
    if (UNLIKELY(release_gil)) {
        count_released(thread, 1);
        activation.released = PyEval_SaveThread();
    }
    else
        gil_runner = thread->id;
    int failed = -enter(code, frame, &activation, stack_words);
    if (UNLIKELY(release_gil)) {
        PyEval_RestoreThread(activation.released);
        activation.released = NULL;
        count_released(thread, -1);
    }
    if (UNLIKELY(failed))
        raise_outcome(thread, &activation);
    end_activation(thread, &activation);  /* only now: what is over asks for the GIL until its exception is made */
    return failed;
}

/* The same for a function with this signature; the vmctx becomes its first argument. */
static inline int
run(Thread *thread, Signature *signature, void *code, void *vmctx, CallFrame *frame, int release_gil)
{
    frame->integer[0] = (uint64_t)vmctx;
    return run_frame(thread, signature->enter, code, vmctx, frame, signature->stack_words, release_gil);
}
