/* Exported functions, and every function that is held as a funcref: calls from Python.
 *
 * A Function is a record (code, vmctx, signature) and a strong reference to the instance
 * that the record lies in. Calling it checks and converts the arguments by signature into a
 * CallFrame, claims the store, enters, and boxes what comes back. */

#define SMALL_STACK 16

/* "add" or "function"; borrowed text for messages */
static const char *
function_label(FunctionObject *self)
{
    const char *text = self->name ? PyUnicode_AsUTF8(self->name) : NULL;
    if (!text) {
        PyErr_Clear();
        return "function";
    }
    return text;
}

static NOINLINE PyObject *
wrong_count(FunctionObject *self, Py_ssize_t found)
{
    raise_line(PyExc_TypeError, "%s() takes %u argument%s but %zd %s given (signature %U)", function_label(self),
               self->signature->n_params, self->signature->n_params == 1 ? "" : "s", found,
               found == 1 ? "was" : "were", signature_text(self->signature));
    return NULL;
}

/* Whether every function among these values may be linked: asked before the first one is. */
static int
may_link_all(const uint8_t *types, uint32_t count, PyObject *const *values)
{
    for (uint32_t i = 0; i < count; i++)
        if (types[i] == FUNCREF && Py_IS_TYPE(values[i], FunctionType) &&
            !may_link(&((InstanceObject *)((FunctionObject *)values[i])->owner)->member))
            return 0;
        else if (is_reference(types[i]) && types[i] != FUNCREF) {
            Bits128 bits = {0, 0};
            if (convert(types[i], values[i], &bits) == CONVERTED && !may_reach(types[i], bits.low))
                return 0;
        }
    return 1;
}

/* Join stores and keep objects that references among the arguments point to. */
static NOINLINE int
hold_references(InstanceObject *owner, const uint8_t *types, uint32_t count, PyObject *const *values)
{
    if (!may_link_all(types, count, values))
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        PyObject *value = values[i];
        if (!is_reference(types[i]) || value == Py_None)
            continue;
        Bits128 bits = {0, 0};
        if (convert(types[i], value, &bits) != CONVERTED || reach(&owner->member, types[i], bits.low) < 0)
            return -1;
        PyObject *kept = reference_owner(types[i], bits.low);
        if (kept)
            store_keep(owner->member.store, Py_NewRef(kept));
    }
    return 0;
}

/* See that references among the arguments are of types that are more than their kinds. */
static NOINLINE int
check_references(FunctionObject *self, Signature *signature, PyObject *const *values)
{
    for (uint32_t i = 0; i < signature->n_params; i++) {
        Bits128 bits = {0, 0};
        if (signature->whole[i] != signature->params[i] && convert(signature->params[i], values[i], &bits) == CONVERTED &&
            !reference_fits(signature->whole[i], bits.low))
            return reference_failed(signature->whole[i], values[i], signature, "%s() argument %u", function_label(self), i + 1);
    }
    return 0;
}

/* The results of a call as a Python value: None, a scalar or a tuple; or a list of bits. */
static NOINLINE PyObject *
box_many(Signature *signature, CallFrame *frame, Bits128 *buffer, int raw)
{
    uint32_t count = signature->n_results;
    frozen += signature->references;  /* the frame may lie on no stack, and Python code may run */
    PyObject *results = raw ? PyList_New(count) : PyTuple_New(count);
    for (uint32_t i = 0; results && i < count; i++) {
        uint8_t type = signature->results[i];
        const void *bits = result_place(signature, i, frame, buffer);
        PyObject *value = raw ? box_bits(type, bits) : box(type, bits);
        if (!value)
            Py_CLEAR(results);
        else if (raw)
            PyList_SET_ITEM(results, i, value);
        else
            PyTuple_SET_ITEM(results, i, value);
    }
    frozen -= signature->references;
    return results;
}

HOT static inline PyObject *
call_with_frame(FunctionObject *self, PyObject *const *args, CallFrame *frame, Bits128 *buffer, int raw)
{
    Signature *signature = self->signature;
    uint32_t count = signature->n_params;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t type = signature->params[i];
        Bits128 *place = (Bits128 *)((char *)frame + signature->places[i]);
        int code;
        if (type == V128 || UNLIKELY(raw)) {
            Bits128 bits = {0, 0};
            code = raw ? convert_bits(type, args[i], &bits) : convert(type, args[i], &bits);
            memcpy(place, &bits, type == V128 ? 16 : 8);
        }
        else {
            Bits128 bits;
            code = convert(type, args[i], &bits);
            place->low = bits.low;
        }
        if (UNLIKELY(code != CONVERTED)) {
            conversion_failed(code, type, args[i], signature, "%s() argument %u", function_label(self), i + 1);
            return NULL;
        }
    }
    Thread *thread = current_thread();
    if (UNLIKELY(!thread))
        return NULL;
    if (UNLIKELY(enter_store(*(Store **)self->vmctx, thread) < 0))
        return NULL;
    PyObject *result = NULL;
    if (UNLIKELY(signature->references) && signature->whole && check_references(self, signature, args) < 0)
        goto leave;
    if (UNLIKELY(signature->references) &&
        hold_references((InstanceObject *)self->owner, signature->params, count, args) < 0)
        goto leave;
    if (signature->n_results > 1)
        frame->integer[1] = (uint64_t)buffer;
    if (LIKELY(run(thread, signature, self->code, self->vmctx, frame, self->release_gil) == 0)) {
        if (UNLIKELY(raw) || signature->n_results > 1)
            result = box_many(signature, frame, buffer, raw);
        else if (signature->n_results == 0)
            result = Py_NewRef(Py_None);
        else
            result = box(signature->results[0], result_place(signature, 0, frame, buffer));
    }
leave:
    leave_store(self->vmctx);
    return result;
}

/* Frames too large for the fixed one. */
static NOINLINE PyObject *
call_large(FunctionObject *self, PyObject *const *args, int raw)
{
    Signature *signature = self->signature;
    Thread *thread = current_thread();
    if (!thread || stack_room(thread, 8 * (size_t)signature->stack_words) < 0)
        return NULL;
    size_t frame_bytes = FRAME_BYTES + 8 * (size_t)signature->stack_words + 8;
    size_t results = signature->n_results ? signature->n_results : 1;
    CallFrame *frame = malloc((frame_bytes + 15) / 16 * 16 + 16 * results);
    if (!frame)
        return PyErr_NoMemory();
    Bits128 *buffer = (Bits128 *)((char *)frame + (frame_bytes + 15) / 16 * 16);
    PyObject *result = call_with_frame(self, args, frame, buffer, raw);
    free(frame);
    return result;
}

static PyObject *function_vectorcall(PyObject *, PyObject *const *, size_t, PyObject *);

/* f(1, 2, timeout=0.5): the same with a deadline. */
static NOINLINE PyObject *
call_with_keywords(PyObject *object, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    FunctionObject *self = (FunctionObject *)object;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++)
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "timeout")) {
            raise_line(PyExc_TypeError, "%s() takes no keyword arguments but timeout, and got %R (signature %U)",
                       function_label(self), PyTuple_GET_ITEM(names, i), signature_text(self->signature));
            return NULL;
        }
    Thread *thread = current_thread();
    uint64_t nanoseconds, deadline;
    if (!thread || parse_timeout(args[n], &nanoseconds) < 0)
        return NULL;
    if (nanoseconds == UINT64_MAX)
        return function_vectorcall(object, args, (size_t)n, NULL);
    if (!(deadline = add_deadline(thread, nanoseconds)))
        return NULL;
    PyObject *result = function_vectorcall(object, args, (size_t)n, NULL);
    remove_deadline(thread, deadline);
    return result;
}

/* What a call does once the instance is closed. */
static PyObject *
function_closed(PyObject *object, PyObject *const *Py_UNUSED(args), size_t Py_UNUSED(n), PyObject *Py_UNUSED(names))
{
    raise_line(PyExc_ValueError, "%s() cannot be called: its instance is closed",
               function_label((FunctionObject *)object));
    return NULL;
}

HOT static PyObject *
function_vectorcall(PyObject *object, PyObject *const *args, size_t n_and_flag, PyObject *kwnames)
{
    FunctionObject *self = (FunctionObject *)object;
    Py_ssize_t n = PyVectorcall_NARGS(n_and_flag);
    Signature *signature = self->signature;
    if (UNLIKELY(kwnames && PyTuple_GET_SIZE(kwnames)))
        return call_with_keywords(object, args, n, kwnames);
    if (UNLIKELY(n != signature->n_params))
        return wrong_count(self, n);
    if (UNLIKELY(signature->stack_words > SMALL_STACK || signature->n_results > 9))
        return call_large(self, args, 0);
    struct {
        CallFrame frame;
        uint64_t stack[SMALL_STACK + 1];
    } space;
    Bits128 buffer[8];
    return call_with_frame(self, args, &space.frame, buffer, 0);
}

/* call_bits(ints) -> list of ints: bit patterns in and out, references as they are. */
static PyObject *
function_call_bits(PyObject *object, PyObject *argument)
{
    FunctionObject *self = (FunctionObject *)object;
    PyObject *sequence = PySequence_Tuple(argument);  /* a list could change while its items are converted */
    if (!sequence)
        return NULL;
    PyObject *result;
    if (((InstanceObject *)self->owner)->closed)
        result = function_closed(object, NULL, 0, NULL);
    else if (PyTuple_GET_SIZE(sequence) != self->signature->n_params)
        result = wrong_count(self, PyTuple_GET_SIZE(sequence));
    else
        result = call_large(self, ((PyTupleObject *)sequence)->ob_item, 1);
    Py_DECREF(sequence);
    return result;
}

/* --- making ------------------------------------------------------------------------------- */

static PyObject *
function_new(FunctionRecord *record, PyObject *name)
{
    FunctionObject *self = PyObject_GC_New(FunctionObject, FunctionType);
    if (!self)
        return NULL;
    self->vectorcall = ((InstanceObject *)record->owner)->closed ? function_closed : function_vectorcall;
    self->code = record->code;
    self->vmctx = record->vmctx;
    self->signature = record->signature;
    self->record = record;
    self->owner = Py_NewRef(record->owner);
    self->name = Py_XNewRef(name);
    self->dict = NULL;
    self->weakrefs = NULL;
    CodeObject *code = code_at((uintptr_t)record->code);
    self->release_gil = code ? code->release_gil : 0;
    self->named = 0;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* Whether a borrowed reference may be taken. One that is being deallocated must not come back: its
 * weak references call Python, or it waits for its turn (the trashcan). */
static inline int
is_alive(PyObject *borrowed)
{
    return borrowed && Py_REFCNT(borrowed) > 0;
}

static PyObject *
find_or_make_function(InstanceObject *instance, FunctionRecord *record, PyObject *given)
{
    size_t at = (size_t)(record - instance->records);
    if (!instance->functions) {
        instance->functions = calloc(instance->n_records, sizeof *instance->functions);
        if (!instance->functions)
            return PyErr_NoMemory();
    }
    if (is_alive((PyObject *)instance->functions[at]))
        return Py_NewRef((PyObject *)instance->functions[at]);
    PyObject *name = Py_XNewRef(given);
    if (name)
        ;  /* the module's own names, which may be many, are not read */
    else if (instance->plan) {
        name = plan_function_name(instance->plan, (uint32_t)at);
        if (!name)
            return NULL;
    }
    else if (instance->n_hosts)
        name = Py_NewRef(instance->hosts[0].name);
    PyObject *function = function_new(record, name == Py_None ? NULL : name);
    Py_XDECREF(name);
    if (function && is_alive((PyObject *)instance->functions[at]))  /* Python code ran meanwhile and made it */
        Py_SETREF(function, Py_NewRef((PyObject *)instance->functions[at]));
    else if (function)
        instance->functions[at] = (FunctionObject *)function;
    return function;
}

/* The Function of a record; the one that exists if it does, else one that is called by this name; NULL: by what its module
 * calls it. Whoever owns the instance, such as the slot of a table that
 * the record was read from, may let go of it while Python code runs. A table of an instance that is being freed still
 * holds its functions: they are gone, should the cycle collector's functions show Python that table just then. */
static PyObject *
function_named(FunctionRecord *record, PyObject *name)
{
    if (UNLIKELY(!is_alive(record->owner))) {
        raise_error("RuntimeError", "the instance of this function is being freed");
        return NULL;
    }
    PyObject *instance = Py_NewRef(record->owner);
    PyObject *function = find_or_make_function((InstanceObject *)instance, record, name);
    Py_DECREF(instance);
    return function;
}

static PyObject *
function_from_record(FunctionRecord *record)
{
    return function_named(record, NULL);
}

/* What a module in Python tells by `configure`; it is imported when that is first wanted. NULL with an exception. */
static PyObject *
configured(PyObject **place, const char *module)
{
    if (!*place) {
        PyObject *imported = PyImport_ImportModule(module);
        Py_XDECREF(imported);
        if (imported && !*place)
            PyErr_Format(PyExc_ImportError, "%s is being imported", module);
    }
    return *place;
}

/* Function(signature, callable): what the arguments may be is Python's business. */
static PyObject *
function_tp_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    PyObject *hook = configured(&hook_make_function, "wasmer_runtime_core.running.objects.functions");
    return hook ? PyObject_Call(hook, args, kwargs) : NULL;
}

static int
function_traverse(PyObject *object, visitproc visit, void *arg)
{
    FunctionObject *self = (FunctionObject *)object;
    Py_VISIT(self->owner);
    Py_VISIT(self->dict);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static int
function_clear(PyObject *object)
{
    Py_CLEAR(((FunctionObject *)object)->dict);
    return 0;
}

static void
function_dealloc(PyObject *object)
{
    FunctionObject *self = (FunctionObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, function_dealloc)  /* instances may be linked in long chains */
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    InstanceObject *instance = (InstanceObject *)self->owner;
    if (instance->functions && instance->functions[self->record - instance->records] == self)
        instance->functions[self->record - instance->records] = NULL;
    Py_XDECREF(self->dict);
    Py_XDECREF(self->name);
    Py_DECREF(self->owner);
    PyObject_GC_Del(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyObject *
function_get_core_type(PyObject *self, void *Py_UNUSED(closure))
{
    Signature *signature = ((FunctionObject *)self)->signature;
    if (signature->group)
        return defined_type(signature);
    return Py_NewRef(((FunctionObject *)self)->signature->type);
}

static PyObject *
function_get_name(PyObject *object, void *Py_UNUSED(closure))
{
    FunctionObject *self = (FunctionObject *)object;
    return self->name ? Py_NewRef(self->name) : PyUnicode_FromString("function");
}

static int
function_set_name(PyObject *object, PyObject *name, void *Py_UNUSED(closure))
{
    FunctionObject *self = (FunctionObject *)object;
    if (!name || !PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "__name__ must be a str");
        return -1;
    }
    Py_XSETREF(self->name, Py_NewRef(name));
    return 0;
}

/* Made by Python when asked for: `type`, __signature__, __doc__ and what makes calls of other kinds. */
static PyObject *
function_describe(PyObject *self, void *what)
{
    PyObject *hook = configured(&hook_describe, "wasmer_runtime_core.running.objects.functions");
    return hook ? PyObject_CallFunction(hook, "Os", self, (const char *)what) : NULL;
}

static PyObject *
function_get_address(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromVoidPtr(((FunctionObject *)self)->code);
}

static PyObject *
function_repr(PyObject *object)
{
    FunctionObject *self = (FunctionObject *)object;
    if (!self->name)
        return printable_line("<wasm function %U>", signature_text(self->signature));
    return printable_line("<wasm function %U: %U>", self->name, signature_text(self->signature));
}

/* Two Functions are equal if a call would run the same code in the same instance. */
static PyObject *
function_compare(PyObject *a, PyObject *b, int operator)
{
    if ((operator != Py_EQ && operator != Py_NE) || !Py_IS_TYPE(b, FunctionType))
        Py_RETURN_NOTIMPLEMENTED;
    FunctionObject *x = (FunctionObject *)a, *y = (FunctionObject *)b;
    int equal = x->code == y->code && x->vmctx == y->vmctx;
    return PyBool_FromLong(equal == (operator == Py_EQ));
}

static Py_hash_t
function_hash(PyObject *object)
{
    FunctionObject *self = (FunctionObject *)object;
    return (Py_hash_t)(((uintptr_t)self->code >> 4) ^ ((uintptr_t)self->vmctx >> 4)) & PY_SSIZE_T_MAX;
}

static PyMemberDef function_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(FunctionObject, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(FunctionObject, weakrefs), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(FunctionObject, dict), READONLY, NULL},
    {"owner", T_OBJECT_EX, offsetof(FunctionObject, owner), READONLY, "the machine instance it runs in"},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef function_getset[] = {
    {"core_type", function_get_core_type, NULL, "its FunctionType, or its DefinedType where it is more", NULL},
    {"type", function_describe, NULL, "its FuncSig", (void *)"type"},
    {"__name__", function_get_name, function_set_name, "name of the export, or of the name section", NULL},
    {"__qualname__", function_get_name, NULL, "the same", NULL},
    {"__signature__", function_describe, NULL, "an inspect.Signature", (void *)"signature"},
    {"__doc__", function_describe, NULL, NULL, (void *)"doc"},
    {"call_async", function_describe, NULL, "call_async(*arguments): a coroutine; see calls_async.py", (void *)"call_async"},
    {"released", function_describe, NULL, "the same function; its calls release the GIL", (void *)"released"},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"address", function_get_address, NULL, "address of its machine code", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef function_methods[] = {
    {"call_bits", function_call_bits, METH_O,
     "call_bits(arguments) -> list: bit patterns as ints (v128: 128 bits), references as they are"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot function_slots[] = {{Py_tp_new, function_tp_new},
                                       {Py_tp_dealloc, function_dealloc},
                                       {Py_tp_traverse, function_traverse},
                                       {Py_tp_clear, function_clear},
                                       {Py_tp_call, PyVectorcall_Call},
                                       {Py_tp_repr, function_repr},
                                       {Py_tp_richcompare, function_compare},
                                       {Py_tp_hash, function_hash},
                                       {Py_tp_members, function_members},
                                       {Py_tp_getset, function_getset},
                                       {Py_tp_methods, function_methods},
                                       {0, NULL}};
static PyType_Spec function_spec = {
    "wasmer_runtime_core.native.machine.Function", sizeof(FunctionObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    function_slots};
