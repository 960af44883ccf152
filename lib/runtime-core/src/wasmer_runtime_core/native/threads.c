/* For calls on other threads: functions that let go of the GIL, and ending a call from outside. */

/* The instance knows only the Function it made, so this one looks itself whether it is closed. */
static PyObject *
released_vectorcall(PyObject *object, PyObject *const *args, size_t n_and_flag, PyObject *kwnames)
{
    if (UNLIKELY(((InstanceObject *)((FunctionObject *)object)->owner)->closed))
        return function_closed(object, args, n_and_flag, kwnames);
    return function_vectorcall(object, args, n_and_flag, kwnames);
}

/* released(function) -> the same function; calls of this object release the GIL */
static PyObject *
native_released(PyObject *Py_UNUSED(module), PyObject *object)
{
    if (!Py_IS_TYPE(object, FunctionType)) {
        PyErr_Format(PyExc_TypeError, "%R is not a WebAssembly function", object);
        return NULL;
    }
    FunctionObject *function = (FunctionObject *)object;
    PyObject *other = function_new(function->record, function->name);
    if (other) {
        ((FunctionObject *)other)->release_gil = 1;
        ((FunctionObject *)other)->vectorcall = released_vectorcall;
    }
    return other;
}

/* this_thread_handle() -> int for `end_call`; good as long as the thread lives */
static PyObject *
native_this_thread_handle(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    Thread *thread = current_thread();
    if (!thread)
        return NULL;
    ensure_timer(thread);
    return PyLong_FromVoidPtr(thread);
}

/* end_call(handle): the deadline of that thread's wasm code has passed */
static PyObject *
native_end_call(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Thread *thread = PyLong_AsVoidPtr(argument);
    if (!thread) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "0 is no thread");
        return NULL;
    }
    __atomic_store_n(&thread->deadline, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_tgkill, getpid(), thread->id, WATCH_SIGNAL);
    Py_RETURN_NONE;
}
