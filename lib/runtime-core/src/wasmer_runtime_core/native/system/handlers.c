/* How our handlers of signals get on with those of others: Python, faulthandler, libraries in C, and with masks.
 *
 * The system keeps one handler for a signal. Ours stands in front and passes on what is not for it, as long as nobody
 * takes its place. Nothing tells of that, and to ask at each entry would cost more than the call. So whatever Python
 * can do to a handler or a mask is followed by a call of a function here (interrupts.py), and each instance that is made
 * looks once more.
 *
 * faulthandler puts back what it found when it is disabled. That may be what was there before us; or it is our handler, which
 * then must not pass faults on to faulthandler any more but to whom it knew before. */

static struct sigaction beneath[65];           /* of fault signals: who was passed to before faulthandler came */
static void (*fault_dumper)(int);              /* faulthandler's handler, once it was seen */
static void (*left_alone[65])(int);            /* handlers that came in front of ours and call it themselves */

static int
is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) &&
           (action->sa_sigaction == fault_handler || action->sa_sigaction == interrupt_handler ||
            action->sa_sigaction == watch_handler);
}

/* A fault whose signal is blocked ends the process, and a blocked private_signal no call. Threads often inherit a mask
 * that blocks all, to keep signals for another. */
static void
unblock_signals(void)
{
    sigset_t needed;
    sigemptyset(&needed);
    for (int i = 0; i < N_FAULT_SIGNALS; i++)
        sigaddset(&needed, fault_signals[i]);
    sigaddset(&needed, private_signal);
    pthread_sigmask(SIG_UNBLOCK, &needed, NULL);
}

static void
take_fault_signal(int signal)
{
    struct sigaction old;
    install_handler(signal, &old);
    if (!is_ours(&old))
        previous_actions[signal] = old;
}

/* Wrap Python's handlers, where there are any that are not wrapped yet. */
static void
assert_interrupt_handlers(void)
{
    for (int i = 0; i < n_watched; i++) {
        int signal = watched_signals[i];
        struct sigaction current;
        if (sigaction(signal, NULL, &current) || is_ours(&current))
            continue;
        if (!(current.sa_flags & SA_SIGINFO) && (current.sa_handler == SIG_DFL || current.sa_handler == SIG_IGN ||
                                                 current.sa_handler == left_alone[signal]))
            continue;
        python_actions[signal] = current;
        struct sigaction action = current;
        action.sa_sigaction = interrupt_handler;
        action.sa_flags |= SA_SIGINFO | SA_ONSTACK;
        sigaction(signal, &action, NULL);
    }
}

/* Take the signals, unless they are ours already. Four system calls in the common case. */
static void
assert_handlers(void)
{
    struct sigaction current;
    assert_interrupt_handlers();
    if (sigaction(SIGSEGV, NULL, &current) == 0 && is_ours(&current))
        return;
    for (int i = 0; i < N_FAULT_SIGNALS; i++)
        take_fault_signal(fault_signals[i]);
    mprotect(NULL, OBJECT_NULL_PAGE_BYTES, PROT_NONE);  /* nobody has it, but where a personality maps it: null must fault */
}

/* --- what Python did ------------------------------------------------------------------------ */

static int
is_fault_signal(long number)
{
    for (int i = 0; i < N_FAULT_SIGNALS; i++)
        if (number == fault_signals[i])
            return 1;
    return 0;
}

/* The number of a signal, or -1 with ValueError. */
static int
signal_number(PyObject *argument)
{
    long number = PyLong_AsLong(argument);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number < 1 || number > 64) {
        PyErr_Format(PyExc_ValueError, "%ld is not the number of a signal", number);
        return -1;
    }
    return (int)number;
}

/* watch_signal(number): something in Python was set for it. If that is a handler it stops wasm code from now on; if it
 * is one of the signals of faults, wasm code's own come here first again. */
static PyObject *
native_watch_signal(PyObject *Py_UNUSED(module), PyObject *argument)
{
    int number = signal_number(argument);
    if (number < 0)
        return NULL;
    if (is_fault_signal(number)) {
        take_fault_signal(number);
        Py_RETURN_NONE;
    }
    int known = number == private_signal;
    for (int i = 0; i < n_watched; i++)
        known |= watched_signals[i] == number;
    if (!known)
        watched_signals[n_watched++] = number;
    assert_interrupt_handlers();
    Py_RETURN_NONE;
}

/* leave_signal(number): faulthandler was registered for it. Where our handler was there before, faulthandler calls it or
 * is not meant to, and is not called by it. */
static PyObject *
native_leave_signal(PyObject *Py_UNUSED(module), PyObject *argument)
{
    struct sigaction current;
    int number = signal_number(argument);
    if (number < 0)
        return NULL;
    if (python_actions[number].sa_handler != SIG_DFL && sigaction(number, NULL, &current) == 0 && !is_ours(&current))
        left_alone[number] = current.sa_handler;
    Py_RETURN_NONE;
}

/* faults_taken(whether faulthandler is enabled): it was enabled or disabled */
static PyObject *
native_faults_taken(PyObject *Py_UNUSED(module), PyObject *argument)
{
    int enabled = PyObject_IsTrue(argument);
    if (enabled < 0)
        return NULL;
    for (int i = 0; i < N_FAULT_SIGNALS; i++) {
        int signal = fault_signals[i];
        struct sigaction current;
        if (sigaction(signal, NULL, &current))
            continue;
        if (!is_ours(&current)) {
            beneath[signal] = previous_actions[signal];
            take_fault_signal(signal);
            if (enabled)
                fault_dumper = current.sa_handler;
        }
        else if (!enabled && fault_dumper && previous_actions[signal].sa_handler == fault_dumper)
            previous_actions[signal] = beneath[signal];
    }
    Py_RETURN_NONE;
}

/* unblock_signals(): the mask of this thread was changed */
static PyObject *
native_unblock_signals(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    if (this_thread)  /* one that has not run code yet gets them when it does */
        unblock_signals();
    Py_RETURN_NONE;
}

static PyObject *
native_assert_handlers(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    assert_handlers();
    Py_RETURN_NONE;
}
