/* Which wasm functions ran, and exceptions that say so.
 *
 * Every wasm function keeps a frame pointer, so a backtrace is a walk from frame to frame,
 * bounded by the stack pointer at the entry. Return addresses that are not in wasm code
 * (helpers, host stubs) are passed over. Making the exception out of that is Python's
 * part (trap.py): it gets (label, function index, wasm offset) for each function. */

/* Called from the signal handler too: touches nothing but the stack, the page maps and the sites. `pc` and `sp`
 * are those of wasm code that was stopped, or 0. A function that was left by a tail call has no frame any more. */
static void
capture_frames(Thread *thread, Activation *activation, uintptr_t pc, uintptr_t fp, uintptr_t sp)
{
    int n = 0;
    uintptr_t end = activation->entry_sp;
    CodeObject *code = pc ? code_at(pc) : NULL;
    if (pc)
        thread->frames[n++] = pc;
    if (code && site_frameless(code, (uint32_t)(pc - (uintptr_t)code->base)) && sp < end && sp >= thread->stack_low &&
        !(sp & 7) && code_at(*return_place((uintptr_t *)sp)))
        thread->frames[n++] = *return_place((uintptr_t *)sp);
    while (n < MAX_FRAMES && fp < end && fp >= thread->stack_low && !(fp & 7)) {
        uintptr_t next = *(uintptr_t *)fp, back = *return_place((uintptr_t *)fp + 1);
        CodeObject *caller = code_at(back);
        if (caller && !is_continued(caller, back))
            thread->frames[n++] = back;
        if (next <= fp)
            break;
        fp = next;
    }
    thread->n_frames = n;
}

static int
add_frame(PyObject *frames, PyObject *label, uint32_t function, uint32_t wasm_offset)
{
    if (PyList_GET_SIZE(frames) == MAX_FRAMES)
        return 0;
    PyObject *frame = Py_BuildValue("(OII)", label, function, wasm_offset);
    int failed = frame ? PyList_Append(frames, frame) : -1;
    Py_XDECREF(frame);
    return failed;
}

/* A row per function that ran: for inlined ones too, which have no frame of their own. Objects are made meanwhile, so
 * finalizers may run code that ends in a trap, too, and writes the thread's record anew. */
static PyObject *
frames_tuple(Thread *thread, int first_is_pc)
{
    uintptr_t places[MAX_FRAMES];
    int n = thread->n_frames;
    memcpy(places, thread->frames, (size_t)n * sizeof *places);
    PyObject *frames = PyList_New(0);
    for (int i = 0; frames && i < n; i++) {
        CodeObject *code = code_at(places[i]);
        uint32_t function = 0, wasm_offset = 0;
        int failed = 0;
        if (code) {
            uint32_t offset = (uint32_t)(places[i] - (uintptr_t)code->base);
            int returns = i || !first_is_pc;
            locate(code, offset, returns, &function, &wasm_offset);
            const InlinedRow *row = inlined_at(code, offset, returns);
            for (; row && !failed; row = inlined_around(code, row)) {
                failed = add_frame(frames, code->label, row->function, wasm_offset);
                wasm_offset = row->call;
            }
        }
        if (failed || add_frame(frames, code ? code->label : Py_None, function, wasm_offset) < 0)
            Py_CLEAR(frames);
    }
    PyObject *tuple = frames ? PyList_AsTuple(frames) : NULL;
    Py_XDECREF(frames);
    return tuple;
}

/* A line for people: names that a module chose are made printable (printable.py). Takes the
 * reference; NULL with an exception. */
static PyObject *
printable(PyObject *line)
{
    PyObject *module = line ? PyImport_ImportModule("wasmer_runtime_core.support.printable") : NULL;
    PyObject *shown = module ? PyObject_CallMethod(module, "printable", "O", line) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(line);
    return shown;
}

/* A printable line, for a repr. */
static PyObject *
printable_line(const char *format, ...)
{
    if (PyErr_Occurred())  /* one of the arguments could not be made */
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    PyObject *line = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    return printable(line);
}

/* PyErr_Format for messages that name an import or a function. */
static void
raise_line(PyObject *class, const char *format, ...)
{
    if (PyErr_Occurred())  /* one of the arguments could not be made: that is raised */
        return;
    va_list arguments;
    va_start(arguments, format);
    PyObject *line = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    line = printable(line);
    if (line)
        PyErr_SetObject(class, line);
    Py_XDECREF(line);
}

/* Raise a class of errors.py. */
static void
raise_error(const char *class_name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *message = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyObject *module = message ? PyImport_ImportModule("wasmer_runtime_core.errors") : NULL;
    PyObject *class = module ? PyObject_GetAttrString(module, class_name) : NULL;
    if (class)
        PyErr_SetObject(class, message);
    Py_XDECREF(class);
    Py_XDECREF(module);
    Py_XDECREF(message);
}

/* Let Python make the exception of `kind` (0: a fault that no table lists). Takes the frames
 * reference. */
static void
raise_made(uint32_t kind, PyObject *frames, PyObject *detail)
{
    if (frames && detail) {
        PyObject *exception = PyObject_CallFunction(hook_make_trap, "IOO", kind, frames, detail);
        if (exception) {
            PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
            Py_DECREF(exception);
        }
    }
    Py_XDECREF(frames);
    Py_XDECREF(detail);
}

/* A trap that needs no unwinding: raised before wasm was entered, or by instantiation. */
static void
raise_trap(uint32_t kind)
{
    raise_made(kind, PyTuple_New(0), Py_NewRef(Py_None));
}

/* The exception that is set, taken from where it is set and made whole: its object, borrowed. */
static PyObject *
fetch_exception(Fetched *out)
{
    PyErr_Fetch(&out->type, &out->value, &out->traceback);
    PyErr_NormalizeException(&out->type, &out->value, &out->traceback);
    if (out->traceback)
        PyException_SetTraceback(out->value, out->traceback);
    return out->value;
}

static void
restore_exception(Fetched *fetched)
{
    PyErr_Restore(fetched->type, fetched->value, fetched->traceback);
}

/* Whether the exception that is set must reach whoever made the call, whatever else failed: a handler of a signal raised
 * it, which Python lets it do wherever its code runs. */
static int
must_be_raised(void)
{
    if (!PyErr_Occurred())
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return 1;
    Fetched failure;
    fetch_exception(&failure);
    PyObject *module = PyImport_ImportModule("wasmer_runtime_core.support.handlers");
    PyObject *answer = module ? PyObject_CallMethod(module, "raised_by_a_handler", "O", failure.value) : NULL;
    int raised = !answer || PyObject_IsTrue(answer);
    Py_XDECREF(module);
    Py_XDECREF(answer);
    PyErr_Clear();
    restore_exception(&failure);
    return raised;
}

/* Raise the exception that is set now, with the one that was fetched as its context. */
static void
restore_newer(Fetched *older)
{
    Fetched newer;
    if (fetch_exception(&newer) != older->value)
        PyException_SetContext(newer.value, Py_NewRef(older->value));
    Py_XDECREF(older->type);
    Py_XDECREF(older->value);
    Py_XDECREF(older->traceback);
    restore_exception(&newer);
}

/* Raise the exception that was fetched, after a note was added to it (`done`), or could not be: which is not worth losing
 * the exception for. But what a handler of a signal raised meanwhile is raised in its place, and has it as its context. */
static void
restore_noted(Fetched *fetched, PyObject *done)
{
    if (done || !must_be_raised()) {
        Py_XDECREF(done);
        PyErr_Clear();
        restore_exception(fetched);
    }
    else
        restore_newer(fetched);
}

/* After the landing: the Python exception for why the activation was unwound. What says so in the records of the thread and the
 * store is taken before an object is made or let go of: finalizers may run code that ends in a trap, too, or throws. */
static NOINLINE void
raise_outcome(Thread *thread, Activation *activation)
{
    uint32_t outcome = activation->outcome;
    uintptr_t pc = thread->trap_pc, address = thread->trap_address;
    int signal = thread->trap_signal, is_noted = thread->n_frames || outcome == OUTCOME_THROWN;
    FRAMES_ARE_LEFT();  /* also by the signal handler, which has no other place to say it */
    Fetched exception;
    PyErr_Fetch(&exception.type, &exception.value, &exception.traceback);
    ExceptionObject *pending = take_pending(activation);
    PyObject *frames = frames_tuple(thread, pc != 0);
    if (outcome == OUTCOME_THROWN) {
        PyErr_Clear();
        raise_thrown(pending);
    }
    else {
        Py_XDECREF(pending);  /* nobody will catch it: the activation ends in another way */
        if (outcome == OUTCOME_EXCEPTION)
            PyErr_Restore(exception.type, exception.value, exception.traceback);
        else if (outcome == OUTCOME_LOST)
            raise_lost();
        else if (outcome == OUTCOME_INTERNAL) {
            CodeObject *code = pc ? code_at(pc) : NULL;
            PyObject *detail = PyUnicode_FromFormat(
                "signal %d at code offset 0x%x, address %p, is no trap that the table of sites lists", signal,
                code ? (unsigned)(pc - (uintptr_t)code->base) : 0, (void *)address);
            raise_made(0, Py_XNewRef(frames), detail);
        }
        else
            raise_made(outcome, Py_XNewRef(frames), Py_NewRef(Py_None));
    }
    if (is_noted && (outcome == OUTCOME_EXCEPTION || outcome == OUTCOME_THROWN)) {
        PyObject *value = fetch_exception(&exception);
        thread->noting++;  /* the module's names may be read for it, with looks for signals */
        restore_noted(&exception, frames ? PyObject_CallFunctionObjArgs(hook_annotate, value, frames, NULL) : NULL);
        thread->noting--;
    }
    Py_XDECREF(frames);
}

/* A helper that wasm code called traps. The GIL must be as it was when wasm was entered. */
__attribute__((noreturn)) static NOINLINE void
trap_from_helper(uint32_t kind)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    thread->trap_pc = 0;
    capture_frames(thread, activation, 0, (uintptr_t)__builtin_frame_address(0), 0);
    unwind(thread, activation, kind);
}
