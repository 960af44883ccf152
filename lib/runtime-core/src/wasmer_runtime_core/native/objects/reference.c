/* Structs and arrays as Python has them: StructRef and ArrayRef.
 *
 * Each is a root of its heap: what it refers to lives as long as it does. Two that refer to one object are equal. Python reads and writes
 * fields and elements as code does, by the types that they have; what it writes is reached by the store from then on, as if code had been
 * called with it. An object of a store that another thread runs in is that thread's alone. */

static PyObject *hook_field_names;  /* (ModuleInfo, DefinedType) -> names of its fields, or None */

static inline Signature *
reference_type(const ReferenceObject *self)
{
    return *(Signature **)self->word;
}

/* The only instance with code in a heap's store, or NULL. */
static InstanceObject *
only_instance(const Heap *heap)
{
    for (Member *member = heap->store && !heap->owns ? heap->store->members : NULL; member; member = member->next)
        if (member->kind->has_code)
            return member_instance(member);
    return NULL;
}

/* What Python has for an object. */
static PyObject *
reference_object(uint64_t word)
{
    PyTypeObject *type = (*(Signature **)word)->record.form == FORM_ARRAY ? ArrayRefType : StructRefType;
    int collects = PyGC_Disable();  /* until it is a root, another thread that ran meanwhile could let the heap free the object */
    ReferenceObject *self = (ReferenceObject *)type->tp_alloc(type, 0);
    if (collects)
        PyGC_Enable();
    if (!self)
        return NULL;
    self->word = word;
    self->root.heap = (Heap *)Py_NewRef((PyObject *)heap_of(word));
    root_add(&self->root.heap->references, &self->root);
    PyObject *home = (PyObject *)only_instance(self->root.heap);
    self->home = home && is_alive(home) ? Py_NewRef(home) : NULL;
    return (PyObject *)self;
}

static int
is_reference_object(PyObject *value)
{
    return Py_IS_TYPE(value, StructRefType) || Py_IS_TYPE(value, ArrayRefType);
}

/* The word of a value of the hierarchies of any and extern, borrowed. An int is an i31 in that of any if it fits. */
static int
convert_word(uint8_t kind, PyObject *value, Bits128 *out)
{
    int64_t small;
    if (value == Py_None)
        out->low = 0;
    else if (is_reference_object(value))
        out->low = ((ReferenceObject *)value)->word;
    else if (kind == ANYREF && PyLong_CheckExact(value)) {
        int overflow = 0;
        if (!small_int(value, &small))
            small = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow || small < -((int64_t)1 << 30) || small >= (int64_t)1 << 31)
            return OUT_OF_RANGE;
        out->low = (uint32_t)small << 1 | REFERENCE_I31;
    }
    else
        out->low = object_word(value);
    return CONVERTED;
}

/* The same the other way. */
static PyObject *
box_word(uint64_t word)
{
    if (!word)
        Py_RETURN_NONE;
    if (word & REFERENCE_I31)
        return PyLong_FromLong((int32_t)(uint32_t)word >> 1);
    return word & REFERENCE_MASK ? Py_NewRef(word_object(word)) : reference_object(word);
}

/* Whether a word is of the hierarchy of any, and there of the type. */
static int
word_fits(ValueType type, uint64_t word)
{
    uint64_t heap = type >> TYPE_HEAP_SHIFT;
    if (heap == TYPE_HEAP_NONE)
        return 0;
    if (word & REFERENCE_I31)
        return heap == TYPE_HEAP_EQ || heap == TYPE_HEAP_I31;
    if (word & REFERENCE_MASK || heap == TYPE_HEAP_I31)
        return 0;
    Signature *found = *(Signature **)word;
    if (heap >= TYPE_FIRST_TYPE) {
        Signature *wanted = named_type(type);
        return wanted && type_below(found, wanted);
    }
    return heap == TYPE_HEAP_EQ || (heap == TYPE_HEAP_ARRAY) == (found->record.form == FORM_ARRAY);
}

/* --- fields and elements --------------------------------------------------------------------------------- */

static PyObject *
box_storage(ValueType storage, uint64_t at)
{
    switch ((uint8_t)storage) {
    case KIND_OF_I8: return PyLong_FromLong(*(uint8_t *)at);
    case KIND_OF_I16: return PyLong_FromLong(*(uint16_t *)at);
    }
    return box((uint8_t)storage, (void *)at);
}

/* The bits of a value for a field. `what`, `number`: for messages. 0, or -1. */
static int
convert_storage(ValueType storage, PyObject *value, Bits128 *out, const char *what, uint64_t number)
{
    uint8_t kind = (uint8_t)storage;
    int packed = kind == KIND_OF_I8 || kind == KIND_OF_I16, code;
    *out = (Bits128){0, 0};
    code = convert(packed ? I32 : kind, value, out);
    if (code != CONVERTED)
        return conversion_failed(code, packed ? I32 : kind, value, NULL, "%s %llu", what, (unsigned long long)number);
    if (packed) {
        int32_t bits = kind == KIND_OF_I8 ? 8 : 16, given = (int32_t)out->low;
        if (given < -(1 << (bits - 1)) || given >= 1 << bits) {
            PyErr_Format(PyExc_OverflowError, "%s %llu: %d does not fit i%d", what, (unsigned long long)number, given, bits);
            return -1;
        }
    }
    else if (storage != kind && !reference_fits(storage, out->low))
        return reference_failed(storage, value, NULL, "%s %llu", what, (unsigned long long)number);
    return 0;
}

static int
write_storage(ReferenceObject *self, const Field *field, uint64_t at, PyObject *value, const char *what, uint64_t number)
{
    Bits128 bits;
    if (!value) {
        PyErr_Format(PyExc_TypeError, "a %s cannot be deleted", what);
        return -1;
    }
    if (!field->is_mutable) {
        PyErr_Format(PyExc_TypeError, "%s %llu is immutable", what, (unsigned long long)number);
        return -1;
    }
    if (convert_storage(field->storage, value, &bits, what, number) < 0 || !object_is_free(self))
        return -1;
    if (is_reference((uint8_t)field->storage) &&
        (!may_reach((uint8_t)field->storage, bits.low) || object_reach(self, (uint8_t)field->storage, bits.low) < 0))
        return -1;
    heap_store(at, field->storage, &bits);
    heap_prune(self->root.heap);
    return 0;
}

/* What a module calls the fields of a struct: a tuple of str and None, borrowed; None if it names none; NULL with an exception. A type is
 * every module's that has an equal one, and a name its module's alone: so the plan has it, not the type. */
static PyObject *
names_in_plan(PlanObject *plan, const Signature *type, PyObject *defined)
{
    uint32_t at = 0;
    while (at < plan->n_types && plan->signatures[at] != type)
        at++;
    if (at == plan->n_types)
        return Py_None;
    PyObject *hook = configured(&hook_field_names, "wasmer_runtime_core.running.process_types");
    if (!hook || (!plan->field_names && !(plan->field_names = PyDict_New())))
        return NULL;
    PyObject *names = PyDict_GetItemWithError(plan->field_names, defined);
    if (names || PyErr_Occurred())
        return names;
    names = PyObject_CallFunctionObjArgs(hook, plan->label, defined, NULL);
    if (names && names != Py_None && (!PyTuple_Check(names) || (uint64_t)PyTuple_GET_SIZE(names) != type->n_fields))
        Py_SETREF(names, Py_NewRef(Py_None));
    int failed = !names || PyDict_SetItem(plan->field_names, defined, names) < 0;
    Py_XDECREF(names);  /* the dictionary has it */
    return failed ? NULL : names;
}

/* Names of a struct's fields, as above: those that the instance which it comes from has for them, or another one that the heap serves.
 * A new reference. */
static PyObject *
field_names(ReferenceObject *self)
{
    Signature *type = reference_type(self);
    PyObject *defined = defined_type(type), *plans = defined ? PyList_New(0) : NULL, *names = NULL;
    Heap *heap = self->root.heap;
    int failed = !plans || (self->home && PyList_Append(plans, (PyObject *)((InstanceObject *)self->home)->plan) < 0);
    for (Member *member = heap->store ? heap->store->members : NULL; member && !failed; member = member->next)
        if (member->kind->has_code && (PyObject *)member_instance(member) != self->home)
            failed = PyList_Append(plans, (PyObject *)member_instance(member)->plan) < 0;
    for (Py_ssize_t i = 0; !failed && (!names || names == Py_None) && i < PyList_GET_SIZE(plans); i++)
        failed = !(names = names_in_plan((PlanObject *)PyList_GET_ITEM(plans, i), type, defined));
    names = failed ? NULL : Py_NewRef(names ? names : Py_None);
    Py_XDECREF(plans);
    Py_XDECREF(defined);
    return names;
}

/* The field that an index or a name means. */
static const Field *
struct_field(ReferenceObject *self, PyObject *which, uint64_t *number)
{
    Signature *type = reference_type(self);
    if (PyUnicode_Check(which)) {
        PyObject *names = field_names(self);
        if (!names)
            return NULL;
        uint32_t at = 0, count = names == Py_None ? 0 : type->n_fields;
        while (at < count && (!PyUnicode_Check(PyTuple_GET_ITEM(names, at)) || PyUnicode_Compare(PyTuple_GET_ITEM(names, at), which)))
            at++;
        Py_DECREF(names);
        *number = at;
        if (at < count)
            return &type->fields[at];
        PyErr_Format(PyExc_KeyError, "no field is called %R", which);
        return NULL;
    }
    Py_ssize_t index = PyNumber_AsSsize_t(which, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred())
        return NULL;
    if (index < 0)
        index += (Py_ssize_t)type->n_fields;
    if (index < 0 || (uint64_t)index >= type->n_fields) {
        PyErr_Format(PyExc_IndexError, "there is no field %R; the struct has %u", which, type->n_fields);
        return NULL;
    }
    *number = (uint64_t)index;
    return &type->fields[index];
}

static Py_ssize_t
struct_length(PyObject *object)
{
    return (Py_ssize_t)reference_type((ReferenceObject *)object)->n_fields;
}

static PyObject *
struct_subscript(PyObject *object, PyObject *which)
{
    ReferenceObject *self = (ReferenceObject *)object;
    uint64_t number;
    const Field *field = struct_field(self, which, &number);
    return field && object_is_free(self) ? box_storage(field->storage, self->word + field->offset) : NULL;
}

static PyObject *
struct_item(PyObject *object, Py_ssize_t at)
{
    ReferenceObject *self = (ReferenceObject *)object;
    Signature *type = reference_type(self);
    if (at < 0 || (uint64_t)at >= type->n_fields) {
        PyErr_SetString(PyExc_IndexError, "there is no such field");
        return NULL;
    }
    return object_is_free(self) ? box_storage(type->fields[at].storage, self->word + type->fields[at].offset) : NULL;
}

static int
struct_assign(PyObject *object, PyObject *which, PyObject *value)
{
    ReferenceObject *self = (ReferenceObject *)object;
    uint64_t number;
    const Field *field = struct_field(self, which, &number);
    return field ? write_storage(self, field, self->word + field->offset, value, "field", number) : -1;
}

static Py_ssize_t
array_length(PyObject *object)
{
    return (Py_ssize_t)*(uint32_t *)(((ReferenceObject *)object)->word + OBJECT_LENGTH);
}

static inline uint64_t
array_place(const ReferenceObject *self, uint64_t at)
{
    return self->word + OBJECT_ELEMENTS + at * reference_type(self)->element_bytes;
}

static PyObject *
array_item(PyObject *object, Py_ssize_t at)
{
    ReferenceObject *self = (ReferenceObject *)object;
    if (at < 0 || at >= array_length(object)) {
        PyErr_SetString(PyExc_IndexError, "index is outside of the array");
        return NULL;
    }
    return object_is_free(self) ? box_storage(reference_type(self)->fields[0].storage, array_place(self, (uint64_t)at)) : NULL;
}

static int
array_index(PyObject *object, PyObject *which, Py_ssize_t *out)
{
    Py_ssize_t length = array_length(object), index = PyNumber_AsSsize_t(which, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred())
        return -1;
    if (index < 0)
        index += length;
    if (index < 0 || index >= length) {
        PyErr_Format(PyExc_IndexError, "index %R is outside of the array, which has %zd elements", which, length);
        return -1;
    }
    *out = index;
    return 0;
}

static PyObject *
array_subscript(PyObject *object, PyObject *which)
{
    Py_ssize_t at, stop, step;
    if (!PySlice_Check(which))
        return array_index(object, which, &at) < 0 ? NULL : array_item(object, at);
    if (PySlice_Unpack(which, &at, &stop, &step) < 0)
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(array_length(object), &at, &stop, step);
    PyObject *items = PyList_New(count);
    for (Py_ssize_t i = 0; items && i < count; i++, at += step) {
        PyObject *item = array_item(object, at);
        if (!item)
            Py_CLEAR(items);
        else
            PyList_SET_ITEM(items, i, item);
    }
    return items;
}

static int
array_assign(PyObject *object, PyObject *which, PyObject *value)
{
    ReferenceObject *self = (ReferenceObject *)object;
    Py_ssize_t at;
    if (array_index(object, which, &at) < 0)
        return -1;
    return write_storage(self, &reference_type(self)->fields[0], array_place(self, (uint64_t)at), value, "element",
                         (uint64_t)at);
}

/* --- making ---------------------------------------------------------------------------------------------- */

/* new_object(instance, DefinedType, values): a struct with these fields, an array with these elements. */
static PyObject *
native_new_object(PyObject *Py_UNUSED(module), PyObject *args)
{
    InstanceObject *instance;
    DefinedTypeObject *defined;
    PyObject *values;
    if (!PyArg_ParseTuple(args, "O!O!O!:new_object", InstanceType, &instance, DefinedType, &defined, &PyTuple_Type, &values))
        return NULL;
    Signature *type = defined->signature;
    int is_array = type->record.form == FORM_ARRAY;
    uint64_t count = (uint64_t)PyTuple_GET_SIZE(values);
    const char *what = is_array ? "element" : "field";
    if (!is_usable(instance))
        return NULL;
    if (!type->object_bytes || (!is_array && count != type->n_fields) || count > UINT32_MAX) {
        PyErr_Format(PyExc_TypeError, type->object_bytes ? "the struct has %u fields, not %zd" : "a function type makes no objects",
                     type->n_fields, PyTuple_GET_SIZE(values));
        return NULL;
    }
    Thread *thread = current_thread();
    Bits128 *bits = thread ? calloc(count + 1, sizeof *bits) : NULL;
    PyObject *object = NULL;
    if (!bits)
        return thread ? PyErr_NoMemory() : NULL;
    for (uint64_t i = 0; i < count; i++)
        if (convert_storage(type->fields[is_array ? 0 : i].storage, PyTuple_GET_ITEM(values, i), &bits[i], what, i) < 0)
            goto done;
    Member *member = &instance->member;
    if (!may_link(member))
        goto done;
    for (uint64_t i = 0; i < count; i++)
        if (is_reference((uint8_t)type->fields[is_array ? 0 : i].storage) &&
            (!may_reach((uint8_t)type->fields[is_array ? 0 : i].storage, bits[i].low) ||
             reach(member, (uint8_t)type->fields[is_array ? 0 : i].storage, bits[i].low) < 0))
            goto done;
    Heap *heap = store_heap(member->store);
    uint64_t bytes = type->object_bytes + (is_array ? count * type->element_bytes : 0);
    uint64_t *made = heap ? (uint64_t *)heap_find(heap, bytes) : NULL;
    if (!made) {
        if (heap)
            raise_trap(TRAP_HEAP_EXHAUSTED);
        goto done;
    }
    if (bytes <= MOST_SMALL_BYTES)
        memset(made, 0, bytes);
    made[0] = (uint64_t)type;
    if (is_array)
        *(uint32_t *)((uint64_t)made + OBJECT_LENGTH) = (uint32_t)count;
    heap_hold_type(heap, type);
    for (uint64_t i = 0; i < count; i++) {
        const Field *field = &type->fields[is_array ? 0 : i];
        heap_store((uint64_t)made + field->offset + (is_array ? i * type->element_bytes : 0), field->storage, &bits[i]);
        PyObject *owner = is_reference((uint8_t)field->storage) ? reference_owner((uint8_t)field->storage, bits[i].low) : NULL;
        if (owner)
            heap_keep(heap, Py_NewRef(owner));
    }
    object = reference_object((uint64_t)made);
done:
    free(bits);
    return object;
}

/* --- the types -------------------------------------------------------------------------------------------- */

static int
reference_traverse(PyObject *object, visitproc visit, void *arg)
{
    ReferenceObject *self = (ReferenceObject *)object;
    Py_VISIT(self->root.heap);
    Py_VISIT(self->home);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static void
reference_dealloc(PyObject *object)
{
    ReferenceObject *self = (ReferenceObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    root_remove(&self->root);
    Heap *heap = self->root.heap;
    PyObject *home = self->home;
    type->tp_free(object);
    Py_XDECREF(heap);
    Py_XDECREF(home);
    Py_DECREF(type);
}

static PyObject *
reference_compare(PyObject *a, PyObject *b, int operator)
{
    if ((operator != Py_EQ && operator != Py_NE) || !is_reference_object(a) || !is_reference_object(b))
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((((ReferenceObject *)a)->word == ((ReferenceObject *)b)->word) == (operator == Py_EQ));
}

static Py_hash_t
reference_hash(PyObject *object)
{
    return (Py_hash_t)(((ReferenceObject *)object)->word >> GRANULE_SHIFT);
}

static PyObject *
struct_repr(PyObject *object)
{
    return PyUnicode_FromFormat("<wasm struct of %zd fields>", struct_length(object));
}

static PyObject *
array_repr(PyObject *object)
{
    return PyUnicode_FromFormat("<wasm array of %zd elements>", array_length(object));
}

static PyObject *
reference_get_defined_type(PyObject *object, void *Py_UNUSED(closure))
{
    return defined_type(reference_type((ReferenceObject *)object));
}

static PyObject *
reference_get_type(PyObject *object, void *Py_UNUSED(closure))
{
    PyObject *composite = reference_type((ReferenceObject *)object)->composite;
    return Py_NewRef(composite ? composite : Py_None);
}

static PyObject *
struct_get_names(PyObject *object, void *Py_UNUSED(closure))
{
    PyObject *names = field_names((ReferenceObject *)object);
    if (!names || names != Py_None)
        return names;
    Py_DECREF(names);
    uint32_t count = reference_type((ReferenceObject *)object)->n_fields;
    PyObject *none = PyTuple_New(count);
    for (uint32_t i = 0; none && i < count; i++)
        PyTuple_SET_ITEM(none, i, Py_NewRef(Py_None));
    return none;
}

static PyMemberDef reference_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ReferenceObject, weakrefs), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};
static PyGetSetDef struct_getset[] = {
    {"type", reference_get_type, NULL, "its StructType, in this process's numbers", NULL},
    {"core_type", reference_get_defined_type, NULL, "its DefinedType", NULL},
    {"names", struct_get_names, NULL, "of its fields, as a module's name section has them: a tuple of str and None", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyGetSetDef array_getset[] = {
    {"type", reference_get_type, NULL, "its ArrayType, in this process's numbers", NULL},
    {"core_type", reference_get_defined_type, NULL, "its DefinedType", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
#define REFERENCE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_SEQUENCE)
static PyType_Slot struct_slots[] = {{Py_tp_dealloc, reference_dealloc}, {Py_tp_traverse, reference_traverse},
                                     {Py_tp_members, reference_members}, {Py_tp_getset, struct_getset},
                                     {Py_tp_richcompare, reference_compare}, {Py_tp_hash, reference_hash},
                                     {Py_tp_repr, struct_repr}, {Py_mp_length, struct_length},
                                     {Py_mp_subscript, struct_subscript}, {Py_mp_ass_subscript, struct_assign},
                                     {Py_sq_length, struct_length}, {Py_sq_item, struct_item},
                                     {Py_tp_doc, "A struct of WebAssembly: its fields by index, or by name."}, {0, NULL}};
static PyType_Spec struct_spec = {"wasmer_runtime_core.native.machine.StructRef", sizeof(ReferenceObject), 0,
                                  REFERENCE_FLAGS, struct_slots};
static PyType_Slot array_slots[] = {{Py_tp_dealloc, reference_dealloc}, {Py_tp_traverse, reference_traverse},
                                    {Py_tp_members, reference_members}, {Py_tp_getset, array_getset},
                                    {Py_tp_richcompare, reference_compare}, {Py_tp_hash, reference_hash},
                                    {Py_tp_repr, array_repr}, {Py_mp_length, array_length},
                                    {Py_mp_subscript, array_subscript}, {Py_mp_ass_subscript, array_assign},
                                    {Py_sq_length, array_length}, {Py_sq_item, array_item},
                                    {Py_tp_doc, "An array of WebAssembly: a sequence of its elements."}, {0, NULL}};
static PyType_Spec array_spec = {"wasmer_runtime_core.native.machine.ArrayRef", sizeof(ReferenceObject), 0,
                                 REFERENCE_FLAGS, array_slots};
