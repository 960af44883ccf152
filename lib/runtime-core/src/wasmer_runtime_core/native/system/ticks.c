/* Which functions run: looked at now and then, by the processor time that a thread takes.
 *
 * Code counts nothing. A timer of the thread's processor time sends the private signal every TICK_NANOSECONDS; it stands still while the
 * thread sleeps, so it cuts no system call short that waits. Where the signal finds code of a module that wants to know, by the
 * page that the pc is in, it adds one to the function's hits. When there are enough, the code is made to call the stub that
 * serves other signals (interrupt.c), and Python is told there. */

#define TICK_NANOSECONDS 10000000
#define TICK 0x7469636B        /* what such a signal carries */

static int private_signal;     /* set once */
static int n_ticking;          /* modules that want to know */

static void
set_ticker(Thread *thread, long nanoseconds)
{
    struct itimerspec setting = {{0, nanoseconds}, {0, nanoseconds}};
    timer_settime(thread->ticker, 0, &setting, NULL);
}

/* Let this thread tick, if anybody wants to know. */
static void
ensure_ticker(Thread *thread)
{
    struct sigevent event;
    if (!n_ticking)
        return;
    if (thread->has_ticker) {
        set_ticker(thread, TICK_NANOSECONDS);
        return;
    }
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = private_signal;
    event.sigev_value.sival_int = TICK;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    thread->has_ticker = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &thread->ticker) == 0;
    if (thread->has_ticker)
        set_ticker(thread, TICK_NANOSECONDS);
}

/* 0, or -1 with an exception. */
static int
ticks_begin(CodeObject *code)
{
    Thread *thread = current_thread();
    code->hits = thread ? calloc(2 * ((size_t)code->n_functions + 1), sizeof *code->hits) : NULL;
    if (!code->hits) {
        if (thread)
            PyErr_NoMemory();
        return -1;
    }
    code->stuck = code->hits + code->n_functions + 1;
    n_ticking++;
    ensure_ticker(thread);
    return 0;
}

static void
ticks_end(CodeObject *code)
{
    if (!code->hits)
        return;
    free(code->hits);
    code->hits = NULL;
    n_ticking--;
}

/* A tick found this pc. Whether the code there is to call the stub. Signal-safe. */
static int
tick(Thread *thread, uintptr_t pc)
{
    CodeObject *code = thread->activation ? code_at(pc) : NULL;
    if (!n_ticking)
        set_ticker(thread, 0);
    if (!code)
        return 0;
    CodeObject *whole = code->whole ? code->whole : code;
    if (!whole->hits)
        return 0;
    uint32_t function, wasm_offset;
    locate(code, (uint32_t)(pc - (uintptr_t)code->base), 0, &function, &wasm_offset);
    uint32_t number = function - whole->first_function;
    __atomic_fetch_add(&whole->hits[number], 1, __ATOMIC_RELAXED);
    const uint8_t *old = whole->base + whole->function_offsets[number];
    if (code == whole && number < whole->n_functions && code_table(whole)[number] != (uint64_t)old &&
        pc - (uintptr_t)old < whole->function_offsets[number + 1] - whole->function_offsets[number])
        __atomic_store_n(&whole->stuck[number], (uint32_t)(pc - (uintptr_t)old) + 1, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&whole->ticks, 1, __ATOMIC_RELAXED) < whole->next_tick)
        return 0;
    thread->due = whole;
    return 1;
}

/* Between two instructions of code whose `tick` is due: it gives the number of ticks until it wants to be called again. 0, or
 * -1 with an exception. */
static int
call_tick(CodeObject *code)
{
    Py_INCREF(code);
    code->next_tick = UINT64_MAX;  /* not again meanwhile */
    PyObject *answer = PyObject_CallOneArg(code->tick, (PyObject *)code);
    unsigned long long ticks = answer ? PyLong_AsUnsignedLongLong(answer) : 0;
    int failed = !answer || (ticks == (unsigned long long)-1 && PyErr_Occurred());
    Py_XDECREF(answer);
    code->next_tick = code->ticks + (ticks ? ticks : 1);
    Py_DECREF(code);
    return -failed;
}

static PyObject *
code_hits(PyObject *object, PyObject *Py_UNUSED(none))
{
    CodeObject *self = (CodeObject *)object;
    PyObject *found = PyList_New(0);
    for (uint32_t i = 0; found && self->hits && i < self->n_functions; i++) {
        uint32_t hits = self->hits[i] ? __atomic_exchange_n(&self->hits[i], 0, __ATOMIC_RELAXED) : 0;
        uint32_t stuck = hits ? __atomic_exchange_n(&self->stuck[i], 0, __ATOMIC_RELAXED) : 0;
        PyObject *row = hits ? Py_BuildValue("(IIi)", i, hits, (int)stuck - 1) : NULL;
        if (hits && (!row || PyList_Append(found, row) < 0))
            Py_CLEAR(found);
        Py_XDECREF(row);
    }
    return found;
}
