/* Tables.
 *
 * An element is 8 bytes: the address of a function record, or a reference word, or 0. A
 * slot owns whoever keeps that alive: the record's instance, the object itself. What leaves
 * a slot while wasm runs may still be held by a local there, so it goes on the store's keep
 * list instead of being dropped. */

#define MAX_TABLE 10000000u

/* Whom a reference of this type keeps alive, borrowed; NULL for null and for numbers. */
static PyObject *
reference_owner(uint8_t type, uint64_t bits)
{
    if (!bits || !is_reference(type))
        return NULL;
    if (type == FUNCREF)
        return ((FunctionRecord *)bits)->owner;
    if (type == EXNREF)
        return (PyObject *)bits;
    return (bits & REFERENCE_MASK) == REFERENCE_OBJECT ? word_object(bits) : NULL;
}

/* Whom a slot owns. Functions of the instance that made the table are not counted, or no
 * instance with a table could go without the garbage collector; instead the table, once
 * Python can see it, owns that instance (`table_expose`). */
static inline PyObject *
slot_owner(TableObject *self, uint64_t bits)
{
    PyObject *owner = reference_owner(self->element, bits);
    return owner == self->home ? NULL : owner;
}

static PyObject *
table_expose(TableObject *self)
{
    if (self->home && !self->exposed) {
        self->exposed = 1;
        Py_INCREF(self->home);
    }
    return Py_NewRef((PyObject *)self);
}

/* Let go of an owner that a slot had. */
static void
drop_owner(Store *running, PyObject *owner)
{
    if (running && running->depth)
        store_keep(running, owner);
    else if (running && running->heap)  /* an object may refer to it, too */
        heap_keep(running->heap, owner);
    else
        Py_DECREF(owner);
}

/* Write `value` to `count` slots. Bounds are the caller's business. */
static void
table_overwrite(TableObject *self, uint64_t at, uint64_t value, uint64_t count, Store *running)
{
    PyObject *owner = slot_owner(self, value);
    for (uint64_t i = at; i < at + count; i++) {
        PyObject *old = slot_owner(self, self->definition.base[i]);
        Py_XINCREF(owner);
        self->definition.base[i] = value;
        if (old)
            drop_owner(running, old);
    }
}

/* Elements before, or REFUSED, NOT_TO_BE_HAD. */
static int64_t
table_grow(TableObject *self, uint64_t delta, uint64_t value)
{
    uint64_t length = self->definition.length;
    if (delta > self->maximum - length || !budget_take(self->budget, BUDGET_ELEMENTS, delta))
        return REFUSED;
    uint64_t wanted = length + delta;
    if (wanted > self->room) {
        uint64_t room = wanted + wanted / 4 + 8, *grown = NULL;
        if (!this_thread || !this_thread->safepoints)  /* code that was stopped may hold the base in a register */
            grown = realloc(self->definition.base, room * sizeof *grown);
        if (!grown) {
            budget_give(self->budget, BUDGET_ELEMENTS, delta);
            return NOT_TO_BE_HAD;
        }
        self->definition.base = grown;
        self->room = room;
    }
    PyObject *owner = slot_owner(self, value);
    for (uint64_t i = length; i < wanted; i++) {
        Py_XINCREF(owner);
        self->definition.base[i] = value;
    }
    self->definition.length = wanted;
    return (int64_t)length;
}

static void
table_trace(Member *member, struct Marking *marking)
{
    TableObject *self = (TableObject *)((char *)member - offsetof(TableObject, member));
    if (self->element != FUNCREF)
        mark_words(marking, self->element, self->definition.base, self->definition.length);
}

static const MemberKind table_of_an_instance = {.trace = table_trace}, table_alone = {.trace = table_trace, .lasting = 1};

static TableObject *
table_new(PyTypeObject *type, ValueType whole, int wide, const Sizes *sizes, PyObject *home)
{
    uint8_t element = (uint8_t)whole;
    uint64_t minimum = sizes->minimum;
    if (!is_reference(element)) {
        PyErr_Format(PyExc_ValueError, "a table holds funcref or externref, not 0x%x", element);
        return NULL;
    }
    if (contradict("table", sizes, "elements") < 0 || type_hold(whole) < 0)
        return NULL;
    uint64_t *base = minimum > MAX_TABLE ? NULL : calloc(minimum ? minimum : 1, sizeof *base);
    if (!base) {
        type_release(whole);
        raise_error("UnableToCreateTable", "a table of %llu elements is too large; there can be %u",
                    (unsigned long long)minimum, MAX_TABLE);
        return NULL;
    }
    TableObject *self = (TableObject *)type->tp_alloc(type, 0);
    if (!self) {
        type_release(whole);
        free(base);
        return NULL;
    }
    self->definition = (TableDefinition){base, minimum};
    self->room = minimum;
    self->minimum = minimum;
    self->has_maximum = sizes->has_maximum;
    self->maximum = sizes->has_maximum && sizes->maximum < MAX_TABLE ? sizes->maximum : MAX_TABLE;
    self->declared_maximum = sizes->maximum;
    self->element = element;
    self->type = whole;
    self->wide = wide != 0;
    self->home = home;
    self->member.kind = home ? &table_of_an_instance : &table_alone;
    return self;
}

static int
table_traverse(PyObject *object, visitproc visit, void *arg)
{
    TableObject *self = (TableObject *)object;
    for (uint64_t i = 0; i < self->definition.length; i++)
        Py_VISIT(slot_owner(self, self->definition.base[i]));
    if (self->exposed)
        Py_VISIT(self->home);
    Py_VISIT(self->member.heap);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static int
table_clear(PyObject *object)
{
    TableObject *self = (TableObject *)object;
    for (uint64_t i = 0; i < self->definition.length; i++) {
        if (!self->definition.base[i])
            continue;  /* perhaps a page that nobody has touched */
        PyObject *owner = slot_owner(self, self->definition.base[i]);
        self->definition.base[i] = 0;
        Py_XDECREF(owner);
    }
    PyObject *home = self->exposed ? self->home : NULL;
    self->exposed = 0;
    self->home = NULL;
    Py_XDECREF(home);
    return 0;
}

/* The instance that made a table goes. Nobody else has the table as a rule; but the cycle collector's functions hand it
 * to Python without `table_expose`, and then it stays, without functions of an instance that is no more. */
static void
table_leave_home(TableObject *self)
{
    if (Py_REFCNT(self) == 1 || self->exposed)
        return;
    for (uint64_t i = 0; i < self->definition.length; i++)
        if (reference_owner(self->element, self->definition.base[i]) == self->home)
            self->definition.base[i] = 0;
    self->home = NULL;
}

static void
table_dealloc(PyObject *object)
{
    TableObject *self = (TableObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    table_clear(object);
    budget_give(self->budget, BUDGET_ELEMENTS, self->definition.length);
    Py_XDECREF(self->budget);
    member_leave(&self->member);
    free(self->definition.base);
    type_release(self->type);
    type->tp_free(object);
    Py_DECREF(type);
}

/* --- the type --------------------------------------------------------------------------- */

static PyObject *
table_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"element", "minimum", "maximum", "wide", NULL};
    unsigned long long element;
    PyObject *minimum, *maximum = NULL;
    int wide = 0;
    Sizes sizes;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "KO|Op:Table", names, &element, &minimum, &maximum, &wide) ||
        parse_sizes(minimum, maximum, &sizes) < 0)
        return NULL;
    return (PyObject *)table_new(type, element, wide, &sizes, NULL);
}

/* Bits of a Python value for this table, which is free, and the stores joined. Returns 0 or -1. */
static int
table_value(TableObject *self, PyObject *value, uint64_t *out)
{
    Bits128 bits = {0, 0};
    int code = convert(self->element, value, &bits);
    if (code != CONVERTED)
        return conversion_failed(code, self->element, value, NULL, "table element");
    if (self->type != self->element && !reference_fits(self->type, bits.low))
        return reference_failed(self->type, value, NULL, "table element");
    if (!may_reach(self->element, bits.low) || reach(&self->member, self->element, bits.low) < 0)
        return -1;
    *out = bits.low;
    return 0;
}

/* Python may not change a table while another thread runs in its store. Asked last: to convert a value may run Python code, and
 * that let another thread begin. */
static int
table_is_free(TableObject *self)
{
    Store *store = self->member.store;
    if (!store || !store->owner || store == &dead_store || store->owner == (uintptr_t)this_thread)
        return 1;
    raise_error("RuntimeError", "another thread is running an instance that uses this table");
    return 0;
}

static int
table_index(TableObject *self, PyObject *argument, uint64_t *out)
{
    Py_ssize_t index = PyNumber_AsSsize_t(argument, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred())
        return -1;
    if (index < 0 || (uint64_t)index >= self->definition.length) {
        PyErr_Format(PyExc_IndexError, "index %zd is outside of the table, which has %llu elements", index,
                     (unsigned long long)self->definition.length);
        return -1;
    }
    *out = (uint64_t)index;
    return 0;
}

static PyObject *
table_method_get(PyObject *object, PyObject *argument)
{
    TableObject *self = (TableObject *)object;
    uint64_t at;
    if (table_index(self, argument, &at) < 0)
        return NULL;
    return box(self->element, &self->definition.base[at]);
}

static PyObject *
table_item(PyObject *object, Py_ssize_t at)
{
    TableObject *self = (TableObject *)object;
    if (at < 0 || (uint64_t)at >= self->definition.length) {
        PyErr_SetString(PyExc_IndexError, "index is outside of the table");
        return NULL;
    }
    return box(self->element, &self->definition.base[at]);
}

static int
table_assign(TableObject *self, PyObject *index, PyObject *value)
{
    uint64_t at, bits;
    if (table_index(self, index, &at) < 0 || table_value(self, value, &bits) < 0 || !table_is_free(self))
        return -1;
    if (at >= self->definition.length) {
        PyErr_SetString(PyExc_IndexError, "index is outside of the table");
        return -1;
    }
    table_overwrite(self, at, bits, 1, self->member.store);
    if (UNLIKELY(self->member.heap != NULL))
        heap_prune(self->member.heap);
    return 0;
}

static int
table_assign_subscript(PyObject *object, PyObject *index, PyObject *value)
{
    if (!value) {
        PyErr_SetString(PyExc_TypeError, "elements of a table cannot be deleted; set them to None");
        return -1;
    }
    return table_assign((TableObject *)object, index, value);
}

static PyObject *
table_method_set(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "set(index, value) takes two arguments");
        return NULL;
    }
    if (table_assign((TableObject *)object, args[0], args[1]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
table_method_grow(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    TableObject *self = (TableObject *)object;
    if (n != 1 && n != 2) {
        PyErr_SetString(PyExc_TypeError, "grow(delta, value=None) takes one or two arguments");
        return NULL;
    }
    uint64_t bits = 0;
    Py_ssize_t delta = PyNumber_AsSsize_t(args[0], NULL);
    if (delta == -1 && PyErr_Occurred())
        return NULL;
    if (delta < 0) {
        PyErr_SetString(PyExc_ValueError, "a table cannot shrink: the elements to add must not be negative");
        return NULL;
    }
    if (table_value(self, n == 2 ? args[1] : Py_None, &bits) < 0 || !table_is_free(self))
        return NULL;
    int64_t before = table_grow(self, (uint64_t)delta, bits);
    if (before == NOT_TO_BE_HAD) {
        raise_error("TableGrowError", "a table of %llu elements cannot grow by %zd: there is no room for it now",
                    (unsigned long long)self->definition.length, delta);
        return NULL;
    }
    if (before < 0) {
        raise_error("TableGrowError", "a table of %llu elements cannot grow by %zd: it may have at most %llu%s",
                    (unsigned long long)self->definition.length, delta, (unsigned long long)self->maximum,
                    self->budget ? ", and with all others under its limits" : "");
        return NULL;
    }
    return PyLong_FromLongLong(before);
}

/* empty(start, stop): null to all elements between the two that there are. */
static PyObject *
table_method_empty(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    TableObject *self = (TableObject *)object;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "empty(start, stop) takes two arguments");
        return NULL;
    }
    Py_ssize_t start = PyNumber_AsSsize_t(args[0], NULL);
    if (start == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t stop = PyNumber_AsSsize_t(args[1], NULL);
    if (stop == -1 && PyErr_Occurred())
        return NULL;
    if (!table_is_free(self))
        return NULL;
    if (stop > (Py_ssize_t)self->definition.length)
        stop = (Py_ssize_t)self->definition.length;
    if (self->type & TYPE_NON_NULL && start < stop) {
        PyErr_SetString(PyExc_TypeError, "the elements of this table cannot be null");
        return NULL;
    }
    if (start >= 0 && start < stop)
        table_overwrite(self, (uint64_t)start, 0, (uint64_t)(stop - start), self->member.store);
    Py_RETURN_NONE;
}

static Py_ssize_t
table_length(PyObject *object)
{
    return (Py_ssize_t)((TableObject *)object)->definition.length;
}

static PyObject *
table_get_maximum(PyObject *object, void *Py_UNUSED(closure))
{
    TableObject *self = (TableObject *)object;
    if (!self->has_maximum)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(self->declared_maximum);
}

static PyMemberDef table_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TableObject, weakrefs), READONLY, NULL},
    {"minimum", T_ULONGLONG, offsetof(TableObject, minimum), READONLY, "elements it was made with"},
    {"wide", T_UBYTE, offsetof(TableObject, wide), READONLY, "1 if its index has 64 bits"},
    {"element", T_ULONGLONG, offsetof(TableObject, type), READONLY, "value type of the elements"},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef table_getset[] = {{"maximum", table_get_maximum, NULL, "elements it may have, or None", NULL},
                                     {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef table_methods[] = {
    {"get", table_method_get, METH_O, "get(index) -> a function, an object, or None"},
    {"set", (PyCFunction)(void (*)(void))table_method_set, METH_FASTCALL, "set(index, value)"},
    {"empty", (PyCFunction)(void (*)(void))table_method_empty, METH_FASTCALL,
     "empty(start, stop): null to all elements between the two that there are"},
    {"grow", (PyCFunction)(void (*)(void))table_method_grow, METH_FASTCALL,
     "grow(delta, value=None) -> elements before; raises TableGrowError"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot table_slots[] = {{Py_tp_new, table_tp_new},
                                    {Py_tp_dealloc, table_dealloc},
                                    {Py_tp_traverse, table_traverse},
                                    {Py_tp_clear, table_clear},
                                    {Py_tp_members, table_members},
                                    {Py_tp_getset, table_getset},
                                    {Py_tp_methods, table_methods},
                                    {Py_mp_length, table_length},
                                    {Py_mp_subscript, table_method_get},
                                    {Py_mp_ass_subscript, table_assign_subscript},
                                    {Py_sq_length, table_length},
                                    {Py_sq_item, table_item},
                                    {Py_tp_doc, "A table of functions or objects."},
                                    {0, NULL}};
static PyType_Spec table_spec = {"wasmer_runtime_core.native.machine.Table", sizeof(TableObject), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, table_slots};
