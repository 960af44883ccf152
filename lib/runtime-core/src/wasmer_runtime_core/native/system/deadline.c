/* What ends the code of a thread: deadlines, and cancellation by other threads; and how a host function waits for
 * anything without outliving them.
 *
 * A thread has any number of deadlines: those of its calls and of its `with timeout` blocks, which begin and end in any
 * order (greenlets, tasks). The earliest counts. A cancellation is a count of its own, as asyncio's: `cancel` raises it,
 * from any thread, and only the call it was meant for takes it back. So neither can be lost in the other, and
 * whoever catches Timeout or Cancelled has changed nothing. */

/* Seconds as nanoseconds from now; UINT64_MAX: never. Returns 0, or -1 with an exception. */
static int
parse_timeout(PyObject *argument, uint64_t *out)
{
    *out = UINT64_MAX;
    if (argument == Py_None)
        return 0;
    double seconds = PyFloat_AsDouble(argument);
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    if (!(seconds >= 0)) {
        PyErr_Format(PyExc_ValueError, "a timeout of %R seconds: it cannot be negative", argument);
        return -1;
    }
    if (seconds < 1e9)
        *out = (uint64_t)(seconds * 1e9) + 1;
    return 0;
}

/* One deadline more, `nanoseconds` from now. Returns it, for `remove_deadline`; 0 with an exception. */
static uint64_t
add_deadline(Thread *thread, uint64_t nanoseconds)
{
    uint64_t deadline = now_nanoseconds() + nanoseconds;
    unblock_signals();
    ensure_timer(thread);
    if (!thread->has_timer) {
        PyErr_SetFromErrno(PyExc_OSError);
        return 0;
    }
    if (thread->n_deadlines == thread->deadline_room) {
        size_t room = 2 * thread->deadline_room + 8;
        uint64_t *grown = realloc(thread->deadlines, room * sizeof *grown);
        if (!grown) {
            PyErr_NoMemory();
            return 0;
        }
        thread->deadlines = grown;
        thread->deadline_room = room;
    }
    thread->deadlines[thread->n_deadlines++] = deadline;
    if (!thread->deadline || deadline < thread->deadline) {
        thread->deadline = deadline;
        watch_deadline(thread);
    }
    return deadline;
}

static void
remove_deadline(Thread *thread, uint64_t deadline)
{
    size_t at = thread->n_deadlines;
    while (at && thread->deadlines[at - 1] != deadline)
        at--;
    if (!at)
        return;  /* the block was entered in another thread */
    thread->deadlines[at - 1] = thread->deadlines[--thread->n_deadlines];
    if (deadline != thread->deadline)
        return;
    uint64_t earliest = 0;
    for (size_t i = 0; i < thread->n_deadlines; i++)
        if (!earliest || thread->deadlines[i] < earliest)
            earliest = thread->deadlines[i];
    thread->deadline = earliest;
    watch_deadline(thread);
}

/* The base of `with timeout(seconds)`. Entered and left in C: a handler of a signal may raise between any two steps of
 * Python code, and a deadline that was added and is never removed would end everything that its thread runs later. */
typedef struct {
    PyObject_HEAD
    uint64_t deadline;         /* 0: none */
} DeadlineBlockObject;

/* `seconds`, an attribute, says when it passes. */
static PyObject *
deadline_block_enter(PyObject *object, PyObject *Py_UNUSED(none))
{
    PyObject *seconds = PyObject_GetAttrString(object, "seconds");
    Thread *thread = seconds ? current_thread() : NULL;
    uint64_t nanoseconds, deadline = 0;
    int failed = !thread || parse_timeout(seconds, &nanoseconds) < 0 ||
                 (nanoseconds != UINT64_MAX && !(deadline = add_deadline(thread, nanoseconds)));
    Py_XDECREF(seconds);
    if (failed)
        return NULL;
    ((DeadlineBlockObject *)object)->deadline = deadline;
    return Py_NewRef(object);
}

static PyObject *
deadline_block_exit(PyObject *object, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(n))
{
    DeadlineBlockObject *self = (DeadlineBlockObject *)object;
    if (this_thread && self->deadline)
        remove_deadline(this_thread, self->deadline);
    Py_RETURN_NONE;
}

static void
deadline_block_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef deadline_block_methods[] = {
    {"__enter__", deadline_block_enter, METH_NOARGS, "the deadline begins"},
    {"__exit__", (PyCFunction)(void (*)(void))deadline_block_exit, METH_FASTCALL, "the deadline is taken back"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot deadline_block_slots[] = {{Py_tp_new, PyType_GenericNew},
                                             {Py_tp_dealloc, deadline_block_dealloc},
                                             {Py_tp_methods, deadline_block_methods},
                                             {Py_tp_doc, "A block of code with a deadline."},
                                             {0, NULL}};
static PyType_Spec deadline_block_spec = {"wasmer_runtime_core.native.machine.DeadlineBlock",
                                          sizeof(DeadlineBlockObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                          deadline_block_slots};

/* this_thread_handle() -> int for `cancel`; good as long as the thread lives */
static PyObject *
native_this_thread_handle(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    Thread *thread = current_thread();
    if (!thread)
        return NULL;
    unblock_signals();
    ensure_timer(thread);
    return PyLong_FromVoidPtr(thread);
}

/* cancel(handle): that thread's code ends with Cancelled, until the thread says `uncancel` */
static PyObject *
native_cancel(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Thread *thread = PyLong_AsVoidPtr(argument);
    if (!thread) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "0 is no thread");
        return NULL;
    }
    __atomic_add_fetch(&thread->cancelled, 1, __ATOMIC_SEQ_CST);
    thread->attention = 1;
    set_timer(thread, 1);  /* the other thread's: its signal is never lost, as one that is sent can be */
    if (!thread->has_timer)
        syscall(SYS_tgkill, getpid(), thread->id, private_signal);
    Py_RETURN_NONE;
}

/* uncancel(): the call of this thread that `cancel` was meant for has ended */
static PyObject *
native_uncancel(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    Thread *thread = this_thread;
    if (thread && thread->cancelled) {
        __atomic_sub_fetch(&thread->cancelled, 1, __ATOMIC_SEQ_CST);
        watch_deadline(thread);
    }
    Py_RETURN_NONE;
}

/* --- waiting ------------------------------------------------------------------------------ */

/* seconds_left() -> float, or None where there is no deadline */
static PyObject *
native_seconds_left(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    Thread *thread = this_thread;
    if (thread && thread->cancelled)
        return PyFloat_FromDouble(0.0);
    if (!thread || !thread->deadline)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(((double)thread->deadline - (double)now_nanoseconds()) / 1e9);
}

#define IN_HOST_FUNCTION "while a host function was running"

/* check_interrupts() */
static PyObject *
native_check_interrupts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    Thread *thread = this_thread;
    int looks = thread && (thread->attention || is_over(thread)) && !thread->noting;
    int failed = looks ? attend_to(thread, IN_HOST_FUNCTION) : PyErr_CheckSignals();
    if (failed < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* poll(2) without the GIL until `end`, unless something wants attention. Signals are blocked between the look at
 * the mark and the call, so that none is missed: what comes then ends the call. Returns what poll does, errno set. */
static int
poll_until(Thread *thread, struct pollfd *files, nfds_t n, uint64_t end)
{
    sigset_t all, before, during;
    int found = -1, error = EINTR;
    sigfillset(&all);
    PyThreadState *state = PyEval_SaveThread();
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!thread->attention) {
        uint64_t now = now_nanoseconds(), left = end > now ? end - now : 0;
        struct timespec time = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        during = before;
        sigdelset(&during, private_signal);
        found = ppoll(files, n, end == UINT64_MAX ? NULL : &time, &during);
        error = errno;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    PyEval_RestoreThread(state);
    errno = error;
    return found;
}

/* The files that are ready, as pairs; NULL with an exception. */
static PyObject *
ready_files(const struct pollfd *files, Py_ssize_t n)
{
    PyObject *ready = PyList_New(0);
    for (Py_ssize_t i = 0; ready && i < n; i++) {
        if (!files[i].revents)
            continue;
        PyObject *pair = Py_BuildValue("ii", files[i].fd, (int)(unsigned short)files[i].revents);
        if (!pair || PyList_Append(ready, pair) < 0)
            Py_CLEAR(ready);
        Py_XDECREF(pair);
    }
    return ready;
}

/* wait(files, seconds or None) -> the pairs (file, events) that are ready; none: the time is over */
static PyObject *
native_wait(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n_args)
{
    Thread *thread = current_thread();
    uint64_t nanoseconds;
    if (n_args != 2) {
        PyErr_SetString(PyExc_TypeError, "wait(files, seconds) takes two arguments");
        return NULL;
    }
    if (!thread || parse_timeout(args[1], &nanoseconds) < 0)
        return NULL;
    uint64_t mine = nanoseconds == UINT64_MAX ? UINT64_MAX : now_nanoseconds() + nanoseconds;
    PyObject *pairs = PySequence_Tuple(args[0]), *result = NULL;
    if (!pairs)
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(pairs);
    struct pollfd *files = PyMem_Calloc((size_t)n + 1, sizeof *files);
    if (!files) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *file, *pair = PyTuple_GET_ITEM(pairs, i);
        unsigned short events;
        if (!PyTuple_Check(pair)) {
            PyErr_Format(PyExc_TypeError, "what is waited for are pairs (file, events), not %R", pair);
            goto done;
        }
        if (!PyArg_ParseTuple(pair, "OH;what is waited for are pairs (file, events)", &file, &events) ||
            (files[i].fd = PyObject_AsFileDescriptor(file)) < 0)
            goto done;
        files[i].events = (short)events;
    }
    while (!result) {
        if (attend_to(thread, IN_HOST_FUNCTION) < 0)
            goto done;
        int found = poll_until(thread, files, (nfds_t)n, thread->deadline && thread->deadline < mine ? thread->deadline : mine);
        if (found < 0 && errno != EINTR) {
            PyErr_SetFromErrno(PyExc_OSError);
            goto done;
        }
        if (found > 0 || (found == 0 && now_nanoseconds() >= mine && attend_to(thread, IN_HOST_FUNCTION) == 0))
            result = ready_files(files, n);
        if (PyErr_Occurred())
            goto done;
    }
done:
    PyMem_Free(files);
    Py_DECREF(pairs);
    return result;
}
