/* Globals. A cell of 16 bytes lies in the vmctx of the instance that defines it, or
 * beside a Global that was made alone; generated code writes it without telling anyone. Who
 * owns the reference in it is therefore settled when nothing runs (`store_sweep`). */

static void
global_settle(Member *member)
{
    GlobalObject *self = (GlobalObject *)((char *)member - offsetof(GlobalObject, member));
    settle_cell(member->store, reference_owner(self->type, self->cell->low), (PyObject *)self, &self->shadow);
}

static void
global_trace(Member *member, struct Marking *marking)
{
    GlobalObject *self = (GlobalObject *)((char *)member - offsetof(GlobalObject, member));
    mark_words(marking, self->type, &self->cell->low, 1);
}

static const MemberKind global_of_numbers = {.lasting = 0}, global_of_references = {.trace = global_trace, .lasting = 1},
                        global_to_settle = {.settle = global_settle, .trace = global_trace, .lasting = 1};

/* A Global for the cell of `instance`, or with a cell of its own if that is NULL. */
static GlobalObject *
global_new(PyTypeObject *type, ValueType whole, int mutable, InstanceObject *instance, uint32_t index, Bits128 *cell)
{
    uint8_t value_type = (uint8_t)whole;
    if (type_hold(whole) < 0)
        return NULL;
    GlobalObject *self = (GlobalObject *)type->tp_alloc(type, 0);
    if (!self) {
        type_release(whole);
        return NULL;
    }
    self->type = value_type;
    self->whole = whole;
    self->mutable = (uint8_t)mutable;
    if (instance) {
        self->cell = cell;
        self->index = index;
        self->instance = Py_NewRef((PyObject *)instance);
        self->home = &instance->member;
        self->owner = instance->shadows ? &instance->shadows[index] : NULL;
        return self;
    }
    self->storage = aligned_alloc(16, 16);
    if (!self->storage) {
        Py_DECREF(self);
        PyErr_NoMemory();
        return NULL;
    }
    *self->storage = (Bits128){0, 0};
    self->cell = self->storage;
    self->home = &self->member;
    self->owner = &self->shadow;
    self->member.kind = !is_reference(value_type) ? &global_of_numbers : mutable ? &global_to_settle : &global_of_references;
    return self;
}

static int
global_traverse(PyObject *object, visitproc visit, void *arg)
{
    GlobalObject *self = (GlobalObject *)object;
    Py_VISIT(self->instance);
    Py_VISIT(self->shadow);
    Py_VISIT(self->member.heap);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static int
global_clear(PyObject *object)
{
    GlobalObject *self = (GlobalObject *)object;
    if (self->storage && is_reference(self->type))
        *self->storage = (Bits128){0, 0};
    Py_CLEAR(self->shadow);
    return 0;
}

static void
global_dealloc(PyObject *object)
{
    GlobalObject *self = (GlobalObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    InstanceObject *instance = (InstanceObject *)self->instance;
    if (instance && *instance_own_global(instance, self->index) == self)
        *instance_own_global(instance, self->index) = NULL;
    global_clear(object);
    member_leave(&self->member);
    Py_XDECREF(self->instance);
    free(self->storage);
    type_release(self->whole);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Write a Python value to the cell. Returns 0 or -1. */
static int
global_write(GlobalObject *self, PyObject *value, int raw)
{
    Bits128 bits = {0, 0};
    int code = raw ? convert_bits(self->type, value, &bits) : convert(self->type, value, &bits);
    if (code != CONVERTED)
        return conversion_failed(code, self->type, value, NULL, "value of a global");
    if (self->whole != self->type && !reference_fits(self->whole, bits.low))
        return reference_failed(self->whole, value, NULL, "value of a global");
    if (!is_reference(self->type)) {
        *self->cell = bits;
        return 0;
    }
    if (!may_reach(self->type, bits.low) || reach(self->home, self->type, bits.low) < 0)
        return -1;
    PyObject *owner = reference_owner(self->type, bits.low), *old = *self->owner;
    if (owner == self->instance)
        owner = NULL;
    Py_XINCREF(owner);
    *self->cell = bits;
    *self->owner = owner;
    if (old)
        drop_owner(self->home->store, old);
    if (UNLIKELY(self->home->heap != NULL))
        heap_prune(self->home->heap);
    return 0;
}

/* --- the type --------------------------------------------------------------------------- */

static PyObject *
global_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"type", "value", "mutable", "bits", NULL};
    unsigned long long value_type;
    PyObject *value;
    int mutable = 0, raw = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "KO|pp:Global", names, &value_type, &value, &mutable, &raw))
        return NULL;
    if (!is_value_type((uint8_t)value_type) || (value_type > 0xFF && !is_reference((uint8_t)value_type))) {
        PyErr_Format(PyExc_ValueError, "0x%llx is not a value type", value_type);
        return NULL;
    }
    GlobalObject *self = global_new(type, value_type, mutable, NULL, 0, NULL);
    if (self && global_write(self, value, raw) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *
global_method_get(PyObject *object, PyObject *Py_UNUSED(none))
{
    GlobalObject *self = (GlobalObject *)object;
    return box(self->type, self->cell);
}

static PyObject *
global_method_get_bits(PyObject *object, PyObject *Py_UNUSED(none))
{
    GlobalObject *self = (GlobalObject *)object;
    return box_bits(self->type, self->cell);
}

static int
global_assign(GlobalObject *self, PyObject *value, int raw)
{
    if (!self->mutable) {
        PyErr_Format(PyExc_AttributeError, "this global (%s) is immutable", type_name(self->type));
        return -1;
    }
    return global_write(self, value, raw);
}

static PyObject *
global_method_set(PyObject *object, PyObject *value)
{
    if (global_assign((GlobalObject *)object, value, 0) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
global_method_set_bits(PyObject *object, PyObject *value)
{
    if (global_assign((GlobalObject *)object, value, 1) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
global_get_value(PyObject *object, void *Py_UNUSED(closure))
{
    return global_method_get(object, NULL);
}

static int
global_set_value(PyObject *object, PyObject *value, void *Py_UNUSED(closure))
{
    if (!value) {
        PyErr_SetString(PyExc_TypeError, "the value of a global cannot be deleted");
        return -1;
    }
    return global_assign((GlobalObject *)object, value, 0);
}

static PyMemberDef global_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(GlobalObject, weakrefs), READONLY, NULL},
    {"value_type", T_ULONGLONG, offsetof(GlobalObject, whole), READONLY, "its value type"},
    {"mutable", T_BOOL, offsetof(GlobalObject, mutable), READONLY, "whether it may be set"},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef global_getset[] = {{"value", global_get_value, global_set_value, "the value as Python has it", NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef global_methods[] = {
    {"get", global_method_get, METH_NOARGS, "get() -> the value as Python has it"},
    {"set", global_method_set, METH_O, "set(value); raises AttributeError if immutable"},
    {"get_bits", global_method_get_bits, METH_NOARGS, "get_bits() -> the bits as an int; a reference as it is"},
    {"set_bits", global_method_set_bits, METH_O, "set_bits(bits)"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot global_slots[] = {{Py_tp_new, global_tp_new},
                                     {Py_tp_dealloc, global_dealloc},
                                     {Py_tp_traverse, global_traverse},
                                     {Py_tp_clear, global_clear},
                                     {Py_tp_members, global_members},
                                     {Py_tp_getset, global_getset},
                                     {Py_tp_methods, global_methods},
                                     {Py_tp_doc, "A global variable."},
                                     {0, NULL}};
static PyType_Spec global_spec = {"wasmer_runtime_core.native.machine.Global", sizeof(GlobalObject), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, global_slots};
