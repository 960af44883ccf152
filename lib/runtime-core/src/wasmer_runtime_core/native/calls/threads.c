/* For calls on other threads: functions that let go of the GIL. */

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
