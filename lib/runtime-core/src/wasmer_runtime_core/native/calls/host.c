/* Imported functions that are Python callables: calls to Python.
 *
 * The stub has spilled the argument registers in the order of a CallFrame. The arguments are
 * boxed by signature, the callable is called, and its result unboxed into the place of rax
 * and xmm0, or into the result buffer. An exception unwinds to the entry and is raised there
 * again, the same object. */

#define SMALL_CALL 8

/* A value that is a reference, its bits given: it has to be of the whole type, and the store owns it from now on. Returns
 * 0 or -1. */
static NOINLINE int
host_reference(HostRecord *record, PyObject *value, ValueType whole, uint32_t number, uint64_t bits)
{
    uint8_t type = (uint8_t)whole;
    if (whole != type && !reference_fits(whole, bits))
        return reference_failed(whole, value, record->signature, "%U.%U() result %u", record->namespace_, record->name,
                                number + 1);
    if (!bits)
        return 0;
    if (!may_reach(type, bits) || reach(record->home, type, bits) < 0)
        return -1;
    PyObject *owner = reference_owner(type, bits);
    if (owner && store_may_keep(record->store) < 0)
        return -1;
    if (owner)
        store_keep(record->store, Py_NewRef(owner));
    return 0;
}

/* Convert a value that a host function gives to WebAssembly, one of its results as a rule. Returns 0 or -1. What is not
 * written behind 8 bytes is no part of the value. */
HOT static inline int
host_value(HostRecord *record, PyObject *value, ValueType whole, uint32_t number, Bits128 *out)
{
    uint8_t type = (uint8_t)whole;
    Bits128 bits = {0, 0};
    int code = convert(type, value, &bits);
    if (UNLIKELY(code != CONVERTED))
        return conversion_failed(code, type, value, record->signature, "%U.%U() result %u", record->namespace_,
                                 record->name, number + 1);
    if (UNLIKELY(BELOW_VECTORS(type)) && host_reference(record, value, whole, number, bits.low) < 0)
        return -1;
    out->low = bits.low;
    if (UNLIKELY(type == V128))
        out->high = bits.high;
    return 0;
}

/* What a host function raised, as something that WebAssembly may catch: then it is no longer set. NULL: it passes, or
 * another exception does that was raised meanwhile. What may be caught is Python's business (`hook_thrown`): it gives
 * None, or the tag, or None, and the values. */
static NOINLINE ExceptionObject *
exception_of_host(HostRecord *record)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    Fetched raised;
    PyObject *value = fetch_exception(&raised);
    PyObject *hook = configured(&hook_thrown, "wasmer_runtime_core.running.objects.tags");
    PyObject *answer = hook ? PyObject_CallOneArg(hook, value) : NULL, *tag, *values;
    ExceptionObject *exception = NULL;
    if (!answer || answer == Py_None || !PyArg_ParseTuple(answer, "OO!", &tag, &PyTuple_Type, &values)) {
        restore_noted(&raised, answer == Py_None ? Py_NewRef(answer) : NULL);
        Py_XDECREF(answer);
        return NULL;
    }
    Signature *signature = tag == Py_None || !PyObject_TypeCheck(tag, TagType) ? NULL : ((TagObject *)tag)->signature;
    Py_ssize_t count = signature ? (Py_ssize_t)signature->n_params : 0;
    Bits128 *bits = calloc((size_t)count + 1, sizeof *bits);
    int failed = !bits || (!signature && tag != Py_None) || PyTuple_GET_SIZE(values) != count ||
                 (signature && !may_link_all(signature->params, (uint32_t)count, ((PyTupleObject *)values)->ob_item));
    for (Py_ssize_t i = 0; !failed && i < count; i++)
        failed = host_value(record, PyTuple_GET_ITEM(values, i), whole_param(signature, (uint32_t)i), (uint32_t)i, &bits[i]) < 0;
    InstanceObject *instance = (InstanceObject *)((char *)record->home - offsetof(InstanceObject, member));
    uint64_t units = exception_units((uint64_t)count) + raised_units(value);
    int refused = !failed && account_take(this_thread, instance, units) < 0;
    if (!failed && !refused && (exception = exception_new(signature ? (TagObject *)tag : NULL, bits, instance)))
        account_put(instance, exception, units);
    free(bits);
    Py_DECREF(answer);
    if (refused)
        restore_newer(&raised);
    else if (!exception)
        restore_noted(&raised, NULL);
    if (!exception)
        return NULL;
    exception->object = raised.value;
    Py_XDECREF(raised.type);
    Py_XDECREF(raised.traceback);
    if (!PyObject_GC_IsTracked((PyObject *)exception))
        PyObject_GC_Track(exception);
    return exception;
}

/* A host function raised an exception. Somebody among the callers may catch it: then it is pending, and `host_call`,
 * whose frame this is, returns to where it is thrown, instead of into its stub. So a call that raises nothing asks nothing.
 * Returns 0 then, or -1: it passes. */
static NOINLINE int
host_raised(HostRecord *record, Thread *thread, Activation *activation, uintptr_t *frame)
{
    if (is_handled(thread, activation, (uintptr_t)frame)) {
        ExceptionObject *exception = exception_of_host(record);
        thread->activation = activation;
        if (exception) {
            record->store->pending_exception = (uint64_t)exception;
            thread->n_frames = 0;
            frame[1] = (uintptr_t)wasm_host_threw;
            return 0;
        }
    }
    thread->trap_pc = 0;
    capture_frames(thread, activation, 0, (uintptr_t)frame, 0);
    return -1;
}

static NOINLINE int
host_results(HostRecord *record, PyObject *result, CallFrame *registers, Bits128 *buffer)
{
    Signature *signature = record->signature;
    if (!PyTuple_Check(result) && !PyList_Check(result)) {
        raise_line(PyExc_TypeError, "%U.%U() must return a tuple of %u values, not '%s' (signature %U)",
                   record->namespace_, record->name, signature->n_results, Py_TYPE(result)->tp_name, signature_text(signature));
        return -1;
    }
    PyObject *values = PySequence_Tuple(result);
    if (!values)
        return -1;
    int failed = 0;
    if (PyTuple_GET_SIZE(values) != signature->n_results) {
        raise_line(PyExc_TypeError, "%U.%U() must return %u values, not %zd (signature %U)", record->namespace_,
                   record->name, signature->n_results, PyTuple_GET_SIZE(values), signature_text(signature));
        failed = -1;
    }
    else if (!may_link_all(signature->results, signature->n_results, ((PyTupleObject *)values)->ob_item))
        failed = -1;
    for (uint32_t i = 0; !failed && i < signature->n_results; i++) {
        void *out = result_place(signature, i, registers, buffer);
        failed = host_value(record, PyTuple_GET_ITEM(values, i), whole_result(signature, i), i, out);
    }
    Py_DECREF(values);
    return failed;
}

static inline __attribute__((always_inline)) int
host_call_with(HostRecord *record, CallFrame *registers, const char *stack, PyObject **room)
{
    Signature *signature = record->signature;
    Bits128 *buffer = (Bits128 *)registers->integer[1];
    PyObject **arguments = room + 1, **end = arguments, *result = NULL;  /* PY_VECTORCALL_ARGUMENTS_OFFSET */
    if (record->context)
        *end++ = record->context;
    PyObject **boxed = end;
    for (uint32_t i = 0; i < signature->n_params; i++, end++) {
        uint32_t place = signature->places[i];
        const void *bits = place < FRAME_BYTES ? (const char *)registers + place : stack + (place - FRAME_BYTES);
        *end = box(signature->params[i], bits);
        if (UNLIKELY(!*end))
            goto done;
    }
    result = PyObject_Vectorcall(record->callable, arguments,
                                 (size_t)(end - arguments) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
done:
    while (end != boxed)
        Py_DECREF(*--end);
    if (UNLIKELY(!result))
        return -1;
    int failed = 0;
    if (LIKELY(signature->n_results == 1))
        failed = host_value(record, result, whole_result(signature, 0), 0, result_place(signature, 0, registers, buffer));
    else if (signature->n_results)
        failed = host_results(record, result, registers, buffer);
    Py_DECREF(result);
    return failed;
}

static NOINLINE int
host_call_large(HostRecord *record, CallFrame *registers, const char *stack)
{
    PyObject **arguments = PyMem_Malloc((record->signature->n_params + 2) * sizeof *arguments);
    if (!arguments) {
        PyErr_NoMemory();
        return -1;
    }
    int failed = host_call_with(record, registers, stack, arguments);
    PyMem_Free(arguments);
    return failed;
}

/* Called by the stubs. */
__attribute__((used)) HOT static void
host_call(HostRecord *record, CallFrame *registers, const char *stack)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    PyThreadState *released = activation->released;
    if (UNLIKELY(released != NULL))
        PyEval_RestoreThread(released);
    int failed;
    if (LIKELY(record->signature->n_params <= SMALL_CALL)) {
        PyObject *arguments[SMALL_CALL + 2];
        failed = host_call_with(record, registers, stack, arguments);
    }
    else
        failed = host_call_large(record, registers, stack);
    thread->activation = activation;
    if (UNLIKELY(failed))
        failed = host_raised(record, thread, activation, __builtin_frame_address(0));
    if (UNLIKELY(released != NULL))
        activation->released = PyEval_SaveThread();
    else
        gil_runner = thread->id;  /* others may have been inside meanwhile */
    if (UNLIKELY(failed))
        unwind(thread, activation, OUTCOME_EXCEPTION);
    if (UNLIKELY(thread->attention))
        attend(thread);
}

/* --- the type of a callable that is given as an import ------------------------------------- */

static PyObject *
host_function_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"callable", "type", "namespace", "name", "wants_ctx", NULL};
    PyObject *callable, *function_type, *namespace_, *name;
    int wants_context = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOUU|p:HostFunction", names, &callable, &function_type, &namespace_,
                                     &name, &wants_context))
        return NULL;
    if (!PyCallable_Check(callable)) {
        raise_line(PyExc_TypeError, "%U.%U: %R cannot be called", namespace_, name, callable);
        return NULL;
    }
    Signature *signature = signature_take(function_type);
    if (!signature)
        return NULL;
    HostFunctionObject *self = (HostFunctionObject *)type->tp_alloc(type, 0);
    if (!self) {
        signature_release(signature);
        return NULL;
    }
    self->callable = Py_NewRef(callable);
    self->signature = signature;
    self->namespace_ = Py_NewRef(namespace_);
    self->name = Py_NewRef(name);
    self->wants_context = (char)wants_context;
    return (PyObject *)self;
}

static int
host_function_traverse(PyObject *object, visitproc visit, void *arg)
{
    HostFunctionObject *self = (HostFunctionObject *)object;
    Py_VISIT(self->callable);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static void
host_function_dealloc(PyObject *object)
{
    HostFunctionObject *self = (HostFunctionObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_XDECREF(self->callable);
    signature_release(self->signature);
    Py_XDECREF(self->namespace_);
    Py_XDECREF(self->name);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *
host_function_repr(PyObject *object)
{
    HostFunctionObject *self = (HostFunctionObject *)object;
    return printable_line("<host function %U.%U: %U>", self->namespace_, self->name, signature_text(self->signature));
}

static PyObject *
host_function_type(PyObject *object, void *Py_UNUSED(closure))
{
    Signature *signature = ((HostFunctionObject *)object)->signature;
    if (signature->group)
        return defined_type(signature);
    return Py_NewRef(((HostFunctionObject *)object)->signature->type);
}

static PyGetSetDef host_function_getset[] = {{"core_type", host_function_type, NULL, "its FunctionType", NULL},
                                          {"type", function_describe, NULL, "its FuncSig", (void *)"type"},
                                             {NULL, NULL, NULL, NULL, NULL}};
static PyMemberDef host_function_members[] = {
    {"callable", T_OBJECT_EX, offsetof(HostFunctionObject, callable), READONLY, "what is called"},
    {"namespace", T_OBJECT_EX, offsetof(HostFunctionObject, namespace_), READONLY, "of the import"},
    {"name", T_OBJECT_EX, offsetof(HostFunctionObject, name), READONLY, "of the import"},
    {"wants_ctx", T_BOOL, offsetof(HostFunctionObject, wants_context), READONLY, "whether it takes the context first"},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot host_function_slots[] = {{Py_tp_new, host_function_new},
                                            {Py_tp_dealloc, host_function_dealloc},
                                            {Py_tp_traverse, host_function_traverse},
                                            {Py_tp_repr, host_function_repr},
                                            {Py_tp_members, host_function_members},
                                            {Py_tp_getset, host_function_getset},
                                            {Py_tp_doc, "A Python callable as an import of a certain type."},
                                            {0, NULL}};
static PyType_Spec host_function_spec = {"wasmer_runtime_core.native.machine.HostFunction", sizeof(HostFunctionObject),
                                         0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, host_function_slots};
