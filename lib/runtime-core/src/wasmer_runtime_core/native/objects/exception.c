/* Tags, and what is thrown: objects of Python's, whose addresses code has.
 *
 * An exnref is the address of an object, which Python can hold, too. Values that are references have their owners in it.
 * Like any reference that code may hold, it is on the store's keep list; but programs that throw again and again make new ones all
 * the time, so now and then those go to which no word of the stack points. */

/* A tag of a type; the hold on that is taken over. */
static TagObject *
tag_of(PyTypeObject *type, Signature *signature)
{
    TagObject *self = (TagObject *)type->tp_alloc(type, 0);
    if (self)
        self->signature = signature;
    else
        signature_release(signature);
    return self;
}

static TagObject *
tag_new(PyTypeObject *type, PyObject *function_type)
{
    Signature *signature = signature_take(function_type);
    if (!signature)
        return NULL;
    if (signature->record.form != FORM_FUNCTION || signature->n_results) {
        PyErr_SetString(PyExc_ValueError, "an exception has no results");
        signature_release(signature);
        return NULL;
    }
    return tag_of(type, signature);
}

/* is_of(type): whether that is its type. */
static PyObject *
tag_is_of(PyObject *self, PyObject *type)
{
    Signature *signature = signature_take(type);
    if (!signature)
        return NULL;
    int same = ((TagObject *)self)->signature == signature;
    signature_release(signature);
    return PyBool_FromLong(same);
}

static PyObject *
tag_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"type", NULL};
    PyObject *function_type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Tag", names, &function_type))
        return NULL;
    return (PyObject *)tag_new(type, function_type);
}

/* check(values): see that an exception of this tag can carry these: a tuple. */
static PyObject *
tag_check(PyObject *self, PyObject *values)
{
    Signature *signature = ((TagObject *)self)->signature;
    if (!PyTuple_Check(values) || PyTuple_GET_SIZE(values) != signature->n_params)
        return PyErr_Format(PyExc_TypeError, "this tag takes a tuple of %u values", signature->n_params);
    for (uint32_t i = 0; i < signature->n_params; i++) {
        PyObject *value = PyTuple_GET_ITEM(values, i);
        ValueType whole = whole_param(signature, i);
        Bits128 bits = {0, 0};
        int code = convert((uint8_t)whole, value, &bits);
        if (code != CONVERTED) {
            conversion_failed(code, (uint8_t)whole, value, NULL, "value %u of an exception", i + 1);
            return NULL;
        }
        if (whole != (uint8_t)whole && !reference_fits(whole, bits.low)) {
            reference_failed(whole, value, NULL, "value %u of an exception", i + 1);
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static void
tag_dealloc(PyObject *object)
{
    TagObject *self = (TagObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    signature_release(self->signature);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *
tag_get_core_type(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((TagObject *)self)->signature->type);
}

static PyMemberDef tag_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TagObject, weakrefs), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};
static PyGetSetDef tag_getset[] = {{"core_type", tag_get_core_type, NULL, "its FunctionType, without results", NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef tag_methods[] = {
    {"is_of", tag_is_of, METH_O, "is_of(type): whether that is its type"},
    {"check", tag_check, METH_O, "check(values): TypeError if an exception of this tag cannot carry them"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot tag_slots[] = {{Py_tp_new, tag_tp_new}, {Py_tp_methods, tag_methods},   {Py_tp_dealloc, tag_dealloc}, {Py_tp_members, tag_members},
                                  {Py_tp_getset, tag_getset}, {Py_tp_doc, "What exceptions are told apart by."}, {0, NULL}};
static PyType_Spec tag_spec = {"wasmer_runtime_core.native.machine.Tag", sizeof(TagObject), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, tag_slots};

/* --- what is thrown --------------------------------------------------------------------------- */

static void
account_release(ExceptionAccount *account)
{
    if (account && !--account->holders)
        free(account);
}

#define UNIT_BYTES 64
#define RAISED_UNITS 8  /* of an exception of Python's, and of each frame that its traceback keeps */

/* What an exception of so many values counts for. */
static inline uint64_t
exception_units(uint64_t count)
{
    return 1 + (count + 3) / 4;
}

/* What an exception counts for besides that a host function raised. */
static uint64_t
raised_units(PyObject *exception)
{
    uint64_t units = RAISED_UNITS;
    PyObject *traceback = PyException_GetTraceback(exception);
    for (PyTracebackObject *each = (PyTracebackObject *)traceback; each; each = each->tb_next)
        units += RAISED_UNITS;
    Py_XDECREF(traceback);
    return units < UINT32_MAX ? units : UINT32_MAX;
}

/* An exception counts for so many units more. */
static inline void
account_add(ExceptionObject *exception, uint64_t units)
{
    exception->units += (uint32_t)units;
    exception->account->units += units;
}

/* Whether a reference is one to an object of a heap. */
static inline int
is_object(uint8_t kind, uint64_t bits)
{
    return (kind == ANYREF || kind == EXTERNREF) && bits && !(bits & REFERENCE_MASK);
}

static void
root_add_exception(Heap *heap, Root *root)
{
    root->heap = (Heap *)Py_NewRef((PyObject *)heap);
    root_add(&heap->exceptions, root);
}

/* With these values, of the tag's types, which `home` has; without a tag there are none. NULL with MemoryError. The cycle
 * collector may run, and with it Python code. */
static ExceptionObject *
exception_new(TagObject *tag, const Bits128 *values, InstanceObject *home)
{
    Signature *signature = tag ? tag->signature : NULL;
    uint32_t count = signature ? signature->n_params : 0;
    ExceptionObject *self = PyObject_GC_NewVar(ExceptionObject, ExceptionType, count);
    if (!self)
        return NULL;
    self->tag = (TagObject *)Py_XNewRef((PyObject *)tag);
    self->object = NULL;
    self->frames = NULL;
    self->n_frames = 0;
    self->units = 0;
    self->account = NULL;
    self->root = (Root){NULL, NULL, NULL};
    self->home = NULL;
    if (count)
        memcpy(self->values, values, count * sizeof *values);
    if (count && signature->references) {
        self->home = Py_NewRef((PyObject *)home);
        for (uint32_t i = 0; i < count; i++) {
            Py_XINCREF(reference_owner(signature->params[i], values[i].low));
            if (!self->root.link && is_object(signature->params[i], values[i].low))
                root_add_exception(heap_of(values[i].low), &self->root);
            else if (!self->root.link && signature->params[i] == EXNREF && values[i].low &&
                     ((ExceptionObject *)values[i].low)->root.heap)  /* who has this one can get at what that one has */
                root_add_exception(((ExceptionObject *)values[i].low)->root.heap, &self->root);
        }
        PyObject_GC_Track(self);
    }
    return self;
}

static int
exception_traverse(PyObject *object, visitproc visit, void *arg)
{
    ExceptionObject *self = (ExceptionObject *)object;
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
        Py_VISIT(reference_owner(self->tag->signature->params[i], self->values[i].low));
    Py_VISIT(self->tag);
    Py_VISIT(self->object);
    Py_VISIT(self->root.heap);
    Py_VISIT(self->home);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

/* Its values stay: code may still have it. What they refer to goes with their last owner, so they become null. */
static int
exception_clear(PyObject *object)
{
    ExceptionObject *self = (ExceptionObject *)object;
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        PyObject *owner = reference_owner(self->tag->signature->params[i], self->values[i].low);
        if (owner) {
            self->values[i].low = 0;
            Py_DECREF(owner);
        }
    }
    Py_CLEAR(self->object);
    Py_CLEAR(self->home);
    return 0;
}

static void
exception_dealloc(PyObject *object)
{
    ExceptionObject *self = (ExceptionObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, exception_dealloc)  /* one may carry another, and so on */
    if (Py_SIZE(self) && self->tag->signature->references)
        exception_clear(object);
    root_remove(&self->root);
    Py_CLEAR(self->root.heap);
    Py_XDECREF(self->object);
    free(self->frames);
    if (self->account) {
        self->account->units -= self->units;
        account_release(self->account);
    }
    Py_XDECREF(self->tag);
    PyObject_GC_Del(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* What Python gets to see of it: a WasmException, or what a host function raised. A new reference. */
static PyObject *
exception_object(ExceptionObject *self)
{
    if (self->object)
        return Py_NewRef(self->object);
    PyObject *hook = configured(&hook_make_exception, "wasmer_runtime_core.running.objects.tags");
    PyObject *values = hook ? PyTuple_New(Py_SIZE(self)) : NULL;
    for (Py_ssize_t i = 0; values && i < Py_SIZE(self); i++) {
        PyObject *value = box(self->tag->signature->params[i], &self->values[i]);
        if (value)
            PyTuple_SET_ITEM(values, i, value);
        else
            Py_CLEAR(values);
    }
    PyObject *object = values ? PyObject_CallFunctionObjArgs(hook, (PyObject *)self->tag, values, NULL) : NULL;
    Py_XDECREF(values);
    if (object && !self->object) {
        self->object = Py_NewRef(object);
        if (!PyObject_GC_IsTracked((PyObject *)self))
            PyObject_GC_Track(self);
    }
    return object;
}

static PyObject *
exception_get_exception(PyObject *self, void *Py_UNUSED(closure))
{
    return exception_object((ExceptionObject *)self);
}

static PyGetSetDef exception_getset[] = {
    {"exception", exception_get_exception, NULL, "what Python raises for it: a WasmException, or what was raised", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot exception_slots[] = {{Py_tp_dealloc, exception_dealloc}, {Py_tp_traverse, exception_traverse},
                                        {Py_tp_clear, exception_clear},     {Py_tp_getset, exception_getset},
                                        {Py_tp_doc, "An exnref: an exception that WebAssembly caught and may throw again."},
                                        {0, NULL}};
static PyType_Spec exception_spec = {"wasmer_runtime_core.native.machine.ExceptionReference", sizeof(ExceptionObject),
                                     sizeof(Bits128),
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                     exception_slots};

/* --- letting go of what was caught ------------------------------------------------------------------ */

/* How many exceptions are kept before it is looked which ones nobody can have any more. */
#define MANY_EXCEPTIONS 1024

/* The object at `word`, or that it points into, among `n` ascending ones: an index. */
static inline size_t
object_at(PyObject **objects, size_t n, uintptr_t word)
{
    size_t low = 0, high = n;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if ((uintptr_t)objects[middle] <= word)
            low = middle;
        else
            high = middle;
    }
    return low;
}

enum { FREE, REACHED };

/* Mark an exception and all that it carries; `others` is room for the marked ones whose values are still to be looked at. */
static void
mark_exception(PyObject **objects, size_t n, uint8_t *marks, size_t *others, size_t at)
{
    size_t waiting = 0;
    marks[at] = REACHED;
    others[waiting++] = at;
    while (waiting) {
        ExceptionObject *exception = (ExceptionObject *)objects[others[--waiting]];
        for (Py_ssize_t i = 0; i < Py_SIZE(exception); i++) {
            if (exception->tag->signature->params[i] != EXNREF || !exception->values[i].low)
                continue;
            size_t inner = object_at(objects, n, exception->values[i].low);
            if ((uintptr_t)objects[inner] == exception->values[i].low && marks[inner] == FREE) {
                marks[inner] = REACHED;
                others[waiting++] = inner;
            }
        }
    }
}

/* Let go of kept exceptions that nobody has: to which no word of this stack points, or into which none does, that nobody else owns,
 * and that are carried by no others but such. What is in registers is on the stack, too: those that callees preserve are spilled
 * here, those of code that was interrupted lie at its safepoint. Cells of globals own what they hold once they are settled. Greenlets put
 * stacks where this does not look, so where one may have put code aside, or on a stack of some library's, all are kept until the
 * outermost call ends. */
__attribute__((no_sanitize_address)) static NOINLINE void
drop_exceptions(Thread *thread, Store *store)
{
    uintptr_t stack_pointer;
    __builtin_unwind_init();  /* writes the registers that callees preserve into this frame */
    __asm__ volatile("mov %%rsp, %0" : "=r"(stack_pointer));
    store->drop_exceptions_at = 2 * store->n_exceptions > MANY_EXCEPTIONS ? 2 * store->n_exceptions : MANY_EXCEPTIONS;
    PyObject *greenlet = thread->n_activations > 1 ? PyImport_GetModule(exceptions_greenlet) : NULL;
    int hidden = greenlet || (store->heap && exception_fields) || PyErr_Occurred() || stack_pointer < thread->stack_low || stack_pointer >= thread->stack_end;
    PyErr_Clear();
    Py_XDECREF(greenlet);
    store_settle(store);
    store_deduplicate(store);  /* ascending from here on */
    size_t n = store->n_keep, kept = 0, dropped = 0, exceptions = 0;
    if (hidden || !n)
        return;
    PyObject **objects = store->keep;
    uint8_t *marks = calloc(n, 1);
    size_t *room = malloc(n * sizeof *room);
    Py_ssize_t *owners = malloc(n * sizeof *owners);  /* of exceptions: who are not this list, nor exceptions in it */
    PyObject **drop = (PyObject **)room;
    if (marks && room && owners) {
        uintptr_t lowest = (uintptr_t)objects[0], highest = (uintptr_t)objects[n - 1] + (1 << 16);
        for (size_t i = 0; i < n; i++)
            owners[i] = Py_IS_TYPE(objects[i], ExceptionType) ? Py_REFCNT(objects[i]) - 1 : 0;
        for (size_t i = 0; i < n; i++) {
            ExceptionObject *exception = (ExceptionObject *)objects[i];
            if (!Py_IS_TYPE(objects[i], ExceptionType))
                continue;
            for (Py_ssize_t k = 0; k < Py_SIZE(exception); k++) {
                if (exception->tag->signature->params[k] != EXNREF)
                    continue;
                size_t inner = object_at(objects, n, exception->values[k].low);
                if ((uintptr_t)objects[inner] == exception->values[k].low)
                    owners[inner]--;
            }
        }
        for (uintptr_t at = stack_pointer & ~(uintptr_t)7; at < thread->stack_end; at += 8) {
            uintptr_t word = *(uintptr_t *)at;
            if (word < lowest || word > highest)
                continue;
            size_t found = object_at(objects, n, word);
            if (marks[found] == FREE && Py_IS_TYPE(objects[found], ExceptionType))
                mark_exception(objects, n, marks, room, found);
        }
        for (size_t i = 0; i < n; i++)
            if (owners[i] > 0 && marks[i] == FREE)
                mark_exception(objects, n, marks, room, i);
        for (size_t i = 0; i < n; i++) {
            PyObject *object = objects[i];
            int is_exception = Py_IS_TYPE(object, ExceptionType);
            if (is_exception && marks[i] == FREE)
                drop[dropped++] = object;
            else {
                objects[kept++] = object;
                exceptions += is_exception;
            }
        }
        store->n_keep = kept;
        store->keep_dedupe_at = 2 * kept;
        store->n_exceptions = exceptions;
        store->drop_exceptions_at = exceptions * 2 > MANY_EXCEPTIONS ? exceptions * 2 : MANY_EXCEPTIONS;
        for (size_t i = 0; i < dropped; i++)  /* any Python code may run */
            Py_DECREF(drop[i]);
    }
    free(marks);
    free(room);
    free(owners);
}

/* An exception of so many units may be thrown by an instance: 0, or -1 with an exception. */
static int
account_take(Thread *thread, InstanceObject *instance, uint64_t units)
{
    ExceptionAccount *account = instance->thrown;
    if (UNLIKELY(!account)) {
        if (!(account = calloc(1, sizeof *account))) {
            PyErr_NoMemory();
            return -1;
        }
        account->holders = 1;
        instance->thrown = account;
    }
    Store *store = instance->vmctx->store;
    uint64_t most = most_kept(store);
    if (UNLIKELY(account->units + units > most)) {
        drop_exceptions(thread, store);
        if (account->units + units > most) {
            raise_error("RuntimeError", "an instance has thrown exceptions of %zu bytes that are not gone, and may have %zu "
                        "(64 times Limits: references)", (size_t)account->units * UNIT_BYTES, (size_t)most * UNIT_BYTES);
            return -1;
        }
    }
    return 0;
}

/* It was thrown by an instance, whose account has room. */
static inline void
account_put(InstanceObject *instance, ExceptionObject *exception, uint64_t units)
{
    exception->account = instance->thrown;
    exception->account->holders++;
    account_add(exception, units);
}
