/* Types that are more than a function of kinds: recursive groups, subtypes, structs and arrays.
 *
 * A group is written down as bytes that say just what it is (`wasm.subtyping.TypeGroupKey`), with this process's numbers
 * for the types of other groups; so equal groups of different modules are one. Whoever holds a type holds its
 * group, and a group holds those that it names: a number in a key is not given out again while the key is known. Groups
 * are freed one after another, however many hang on one. */

typedef struct TypeGroup {
    Py_ssize_t holders;
    PyObject *key;             /* bytes */
    struct TypeGroup *next;    /* of those that wait to be freed */
    uint32_t n_members, n_needs;
    Signature **needs;         /* held: the types of other groups that it names */
    Signature *members[];
} TypeGroup;

static PyObject *type_groups;  /* key -> address of its TypeGroup */
static TypeGroup *dying_groups;
static int groups_die;

static void
group_free(TypeGroup *group)
{
    for (uint32_t i = 0; i < group->n_needs; i++)
        signature_release(group->needs[i]);
    for (uint32_t i = 0; i < group->n_members; i++) {
        Signature *member = group->members[i];
        if (!member)
            continue;
        if (member->record.supertypes != &member->itself)
            free((void *)member->record.supertypes);
        if (member->number < n_numbers && numbered[member->number] == member)
            number_release(member);
        Py_XDECREF(member->type);
        Py_XDECREF(member->text);
        free((void *)member->params);
        free((void *)member->whole);
        Py_XDECREF(member->composite);
        free(member->fields);
        free(member->others);
        free(member);
    }
    Py_XDECREF(group->key);
    free(group->needs);
    free(group);
}

static void
group_release(TypeGroup *group)
{
    if (--group->holders)
        return;
    group->next = dying_groups;
    dying_groups = group;
    if (groups_die)
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    groups_die = 1;
    while (dying_groups) {
        TypeGroup *next = dying_groups;
        dying_groups = next->next;
        if (PyDict_DelItem(type_groups, next->key) < 0)
            PyErr_WriteUnraisable(next->key);
        group_free(next);
    }
    groups_die = 0;
    PyErr_Restore(type, value, traceback);
}

static void
signature_hold(Signature *signature)
{
    if (signature->group)
        signature->group->holders++;
    else
        signature->holders++;
}

/* The type that a value type names, or NULL. */
static Signature *
named_type(ValueType type)
{
    uint64_t heap = type >> TYPE_HEAP_SHIFT;
    return heap >= TYPE_FIRST_TYPE && heap - TYPE_FIRST_TYPE < n_numbers ? numbered[heap - TYPE_FIRST_TYPE] : NULL;
}

static int
type_hold(ValueType type)
{
    Signature *named = named_type(type);
    if (named)
        signature_hold(named);
    else if (type >> TYPE_HEAP_SHIFT >= TYPE_FIRST_TYPE) {
        PyErr_SetString(PyExc_ValueError, "a value type names a type that is not there");
        return -1;
    }
    return 0;
}

static void
type_release(ValueType type)
{
    if (type >> TYPE_HEAP_SHIFT)
        signature_release(named_type(type));
}

static int
type_below(const Signature *found, const Signature *wanted)
{
    uint32_t depth = wanted->record.depth;
    return found == wanted || (found->record.depth > depth && found->record.supertypes[depth] == &wanted->record);
}

/* As `TypeSpace.matches`. */
static int
type_matches(ValueType found, ValueType wanted)
{
    if (found == wanted)
        return 1;
    if ((uint8_t)found != (uint8_t)wanted || (found & TYPE_NON_NULL) < (wanted & TYPE_NON_NULL))
        return 0;
    uint64_t heap = found >> TYPE_HEAP_SHIFT, above = wanted >> TYPE_HEAP_SHIFT;
    if (heap == above || !above || heap == TYPE_HEAP_NONE)
        return 1;
    if (heap < TYPE_FIRST_TYPE)
        return above == TYPE_HEAP_EQ && heap;
    Signature *type = named_type(found);
    if (above >= TYPE_FIRST_TYPE)
        return type && named_type(wanted) && type_below(type, named_type(wanted));
    if (!type || type->record.form == FORM_FUNCTION)
        return 0;
    return above == TYPE_HEAP_EQ || above == (type->record.form == FORM_STRUCT ? TYPE_HEAP_STRUCT : TYPE_HEAP_ARRAY);
}

/* Whether a reference of the type's kind is of the type. */
static int
reference_fits(ValueType type, uint64_t bits)
{
    if (!bits)
        return !(type & TYPE_NON_NULL);
    uint64_t heap = type >> TYPE_HEAP_SHIFT;
    if (!heap)
        return 1;
    if ((uint8_t)type == ANYREF)
        return word_fits(type, bits);
    Signature *named = named_type(type);
    return (uint8_t)type == FUNCREF && named && type_below(((FunctionRecord *)bits)->signature, named);
}

/* As messages have it: a new reference, or NULL. */
static PyObject *
value_type_text(ValueType type)
{
    PyObject *hook = configured(&hook_type_name, "wasmer_runtime_core.running.process_types");
    return hook ? PyObject_CallFunction(hook, "K", (unsigned long long)type) : NULL;
}

/* --- DefinedType: what Python has of one ------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    Signature *signature;      /* held */
} DefinedTypeObject;

static Signature *
signature_of_defined(PyObject *defined)
{
    Signature *signature = ((DefinedTypeObject *)defined)->signature;
    signature_hold(signature);
    return signature;
}

static PyObject *
defined_type(Signature *signature)
{
    DefinedTypeObject *self = (DefinedTypeObject *)DefinedType->tp_alloc(DefinedType, 0);
    if (self) {
        signature_hold(signature);
        self->signature = signature;
    }
    return (PyObject *)self;
}

/* DefinedType(function_type): of a plain one. */
static PyObject *
defined_type_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"type", NULL};
    PyObject *function_type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:DefinedType", names, &function_type))
        return NULL;
    Signature *signature = signature_take(function_type);
    if (!signature)
        return NULL;
    PyObject *self = defined_type(signature);
    signature_release(signature);
    return self;
}

static void
defined_type_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    signature_release(((DefinedTypeObject *)object)->signature);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *
defined_type_compare(PyObject *a, PyObject *b, int operator)
{
    if ((operator != Py_EQ && operator != Py_NE) || !Py_IS_TYPE(b, DefinedType))
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((((DefinedTypeObject *)a)->signature == ((DefinedTypeObject *)b)->signature) ==
                           (operator == Py_EQ));
}

static Py_hash_t
defined_type_hash(PyObject *object)
{
    return (Py_hash_t)((uintptr_t)((DefinedTypeObject *)object)->signature >> 4) & PY_SSIZE_T_MAX;
}

static PyObject *
defined_type_str(PyObject *object)
{
    return Py_NewRef(signature_text(((DefinedTypeObject *)object)->signature));
}

static PyObject *
defined_type_get_number(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((DefinedTypeObject *)object)->signature->number);
}

static PyObject *
defined_type_get_form(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((DefinedTypeObject *)object)->signature->record.form);
}

static PyObject *
defined_type_get_function_type(PyObject *object, void *Py_UNUSED(closure))
{
    PyObject *type = ((DefinedTypeObject *)object)->signature->type;
    return Py_NewRef(type ? type : Py_None);
}

static PyObject *
defined_type_get_of(PyObject *object, void *name)
{
    PyObject *type = ((DefinedTypeObject *)object)->signature->type;
    return PyObject_GetAttrString(type ? type : Py_None, name);
}

static PyObject *
defined_type_is_below(PyObject *object, PyObject *other)
{
    if (!Py_IS_TYPE(other, DefinedType))
        Py_RETURN_FALSE;
    return PyBool_FromLong(
        type_below(((DefinedTypeObject *)object)->signature, ((DefinedTypeObject *)other)->signature));
}

/* describe(function_type, text, composite): what its FunctionType is, in this process's numbers, and how messages show it. Once. */
static PyObject *
defined_type_describe(PyObject *object, PyObject *args)
{
    Signature *signature = ((DefinedTypeObject *)object)->signature;
    PyObject *type, *text, *composite = NULL;
    if (!PyArg_ParseTuple(args, "OU|O:describe", &type, &text, &composite))
        return NULL;
    if (!signature->composite)
        signature->composite = Py_XNewRef(composite);
    if (!signature->type)
        signature->type = Py_NewRef(type);
    if (!signature->text)
        signature->text = Py_NewRef(text);
    Py_RETURN_NONE;
}

static PyGetSetDef defined_type_getset[] = {
    {"number", defined_type_get_number, NULL, "of the type in this process", NULL},
    {"form", defined_type_get_form, NULL, "what it describes, of vmctx.TYPE_FORMS", NULL},
    {"function_type", defined_type_get_function_type, NULL, "its FunctionType, in this process's numbers, or None", NULL},
    {"params", defined_type_get_of, NULL, "of its FunctionType", "params"},
    {"results", defined_type_get_of, NULL, "of its FunctionType", "results"},
    {"param_kinds", defined_type_get_of, NULL, "of its FunctionType", "param_kinds"},
    {"result_kinds", defined_type_get_of, NULL, "of its FunctionType", "result_kinds"},
    {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef defined_type_methods[] = {
    {"is_below", defined_type_is_below, METH_O, "is_below(other) -> whether it is, or is declared to be below, that type"},
    {"describe", defined_type_describe, METH_VARARGS, "describe(function_type, text, composite of a struct or array)"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot defined_type_slots[] = {{Py_tp_new, defined_type_new},
                                           {Py_tp_dealloc, defined_type_dealloc},
                                           {Py_tp_richcompare, defined_type_compare},
                                           {Py_tp_hash, defined_type_hash},
                                           {Py_tp_str, defined_type_str},
                                           {Py_tp_repr, defined_type_str},
                                           {Py_tp_getset, defined_type_getset},
                                           {Py_tp_methods, defined_type_methods},
                                           {Py_tp_doc, "A type of this process, the same for all modules that define it."},
                                           {0, NULL}};
static PyType_Spec defined_type_spec = {"wasmer_runtime_core.native.machine.DefinedType", sizeof(DefinedTypeObject), 0,
                                        Py_TPFLAGS_DEFAULT, defined_type_slots};

#define MOST_STRUCT_BYTES (2u << 20)  /* the ceiling of implementation_limits, in the largest fields there are */

/* --- groups are made --------------------------------------------------------------------------- */

static int
bad_group(void)
{
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a group of types contradicts itself");
    return -1;
}

/* A value type of a row: negative if it names a member of the group, by its place. */
static int
member_type(TypeGroup *group, PyObject *number, ValueType *out)
{
    long long value = PyLong_AsLongLong(number);
    if (value == -1 && PyErr_Occurred())
        return -1;
    if (value >= 0) {
        *out = (ValueType)value;
        return *out >> TYPE_HEAP_SHIFT >= TYPE_FIRST_TYPE && !named_type(*out) ? bad_group() : 0;
    }
    ValueType named = (ValueType)-value;
    uint64_t place = (named >> TYPE_HEAP_SHIFT) - TYPE_FIRST_TYPE;
    if (named >> TYPE_HEAP_SHIFT < TYPE_FIRST_TYPE || place >= group->n_members)
        return bad_group();
    *out = (named & (TYPE_NON_NULL | 0xFF)) | ((ValueType)group->members[place]->number + TYPE_FIRST_TYPE) << TYPE_HEAP_SHIFT;
    return 0;
}

static int exception_fields;   /* some struct or array has exnrefs: kept exceptions may be in one */

static uint32_t
storage_bytes(ValueType storage)
{
    switch ((uint8_t)storage) {
    case KIND_OF_I8: return 1;
    case KIND_OF_I16: return 2;
    case I32: case F32: return 4;
    case V128: return 16;
    }
    return 8;
}

/* Of a struct: which fields a collection looks at. Those that lie next to one another from the start are counted, as far as they are
 * no functions and exceptions; the others are listed. */
static int
find_references(Signature *self)
{
    uint64_t words = self->object_bytes / 8;
    uint8_t *kinds = calloc(words, 1);  /* what lies at each word: a kind of references, or 0 */
    if (!kinds)
        return PyErr_NoMemory(), -1;
    for (uint32_t i = 0; i < self->n_fields; i++)
        if (is_reference((uint8_t)self->fields[i].storage))
            kinds[self->fields[i].offset / 8] = (uint8_t)self->fields[i].storage;
    while (self->leading < words - 1 && (kinds[self->leading + 1] == ANYREF || kinds[self->leading + 1] == EXTERNREF))
        self->leading++;
    free(kinds);
    for (uint32_t i = 0; i < self->n_fields; i++)
        if (is_reference((uint8_t)self->fields[i].storage) &&
            (self->fields[i].offset - OBJECT_FIELDS) / 8 >= self->leading)
            self->others[self->n_others++] = i;
    return 0;
}

/* What objects of a struct or array are like: (bytes, rows (offset, storage, mutable)), of an array one row. */
static int
fill_object(TypeGroup *group, Signature *self, PyObject *layout)
{
    PyObject *rows;
    if (!PyTuple_Check(layout) || !PyArg_ParseTuple(layout, "IO!", &self->object_bytes, &PyTuple_Type, &rows))
        return bad_group();
    uint64_t count = (uint64_t)PyTuple_GET_SIZE(rows);
    self->fields = calloc(count + 1, sizeof *self->fields);
    self->others = calloc(count + 1, sizeof *self->others);
    if (!self->fields || !self->others)
        return PyErr_NoMemory(), -1;
    for (uint64_t i = 0; i < count; i++, self->n_fields++) {
        Field *field = &self->fields[i];
        PyObject *row = PyTuple_GET_ITEM(rows, i), *storage;
        int is_mutable;
        if (!PyTuple_Check(row) || !PyArg_ParseTuple(row, "IO!p", &field->offset, &PyLong_Type, &storage, &is_mutable) ||
            member_type(group, storage, &field->storage) < 0)
            return bad_group();
        field->is_mutable = (uint32_t)is_mutable;
        uint8_t kind = (uint8_t)field->storage;
        uint32_t bytes = storage_bytes(kind);
        if ((!is_value_type(kind) && kind != KIND_OF_I8 && kind != KIND_OF_I16) || field->offset % bytes ||
            field->offset < OBJECT_FIELDS)
            return bad_group();
        if (kind == EXNREF)
            exception_fields = 1;
        if (self->record.form == FORM_ARRAY)
            self->element_bytes = bytes;
        else if (!in_bounds(field->offset, bytes, self->object_bytes))
            return bad_group();
    }
    if (self->object_bytes > MOST_STRUCT_BYTES || self->object_bytes % 16 || self->object_bytes < 16 ||
        (self->record.form == FORM_ARRAY && (count != 1 || self->fields[0].offset != OBJECT_ELEMENTS)))
        return bad_group();
    return self->record.form == FORM_ARRAY ? 0 : find_references(self);
}

/* A member: (form, final, supertype, kinds of parameters, of results, whole types or None). The supertype is a number, -1, or
 * -2 less a place in the group. Of a struct or an array what `fill_object` takes stands in place of the whole types. */
static int
fill_member(TypeGroup *group, uint32_t at, PyObject *row)
{
    Signature *self = group->members[at];
    PyObject *params, *results, *whole;
    long long supertype;
    if (!PyArg_ParseTuple(row, "IpLSSO", &self->record.form, &self->is_final, &supertype, &params, &results, &whole))
        return -1;
    Py_ssize_t n_params = PyBytes_GET_SIZE(params), n_results = PyBytes_GET_SIZE(results);
    Signature *above = NULL;
    if (supertype >= 0)
        above = named_type((ValueType)(supertype + TYPE_FIRST_TYPE) << TYPE_HEAP_SHIFT);
    else if (supertype < -1 && -2 - supertype < at)
        above = group->members[-2 - supertype];
    if ((supertype != -1 && !above) || n_params + n_results > 2 * MAX_ARITY)
        return bad_group();
    uint32_t depth = above ? above->record.depth + 1 : 0;
    self->itself = &self->record;
    self->record.depth = depth;
    self->record.supertypes = &self->itself;
    if (depth) {
        const TypeRecord **display = malloc((depth + 1) * sizeof *display);
        if (!display)
            return PyErr_NoMemory(), -1;
        memcpy(display, above->record.supertypes, depth * sizeof *display);
        display[depth] = &self->record;
        self->record.supertypes = display;
    }
    uint8_t *kinds = malloc((size_t)(n_params + n_results) + 1);
    if (!kinds)
        return PyErr_NoMemory(), -1;
    memcpy(kinds, PyBytes_AS_STRING(params), (size_t)n_params);
    memcpy(kinds + n_params, PyBytes_AS_STRING(results), (size_t)n_results);
    self->params = kinds;
    self->results = kinds + n_params;
    self->n_params = (uint32_t)n_params;
    self->n_results = (uint32_t)n_results;
    for (Py_ssize_t i = 0; i < n_params + n_results; i++)
        if (!is_value_type(kinds[i]))
            return bad_group();
    if (self->record.form != FORM_FUNCTION)
        return n_params + n_results ? bad_group() : fill_object(group, self, whole);
    if (whole != Py_None) {
        if (!PyTuple_Check(whole) || PyTuple_GET_SIZE(whole) != n_params + n_results)
            return bad_group();
        ValueType *types = malloc((size_t)(n_params + n_results + 1) * sizeof *types);
        if (!types)
            return PyErr_NoMemory(), -1;
        self->whole = types;
        for (Py_ssize_t i = 0; i < n_params + n_results; i++)
            if (member_type(group, PyTuple_GET_ITEM(whole, i), &types[i]) < 0)
                return -1;
    }
    place_parameters(self);
    return 0;
}

static TypeGroup *
group_new(PyObject *key, PyObject *members, PyObject *needs)
{
    size_t count = (size_t)PyTuple_GET_SIZE(members);
    TypeGroup *group = calloc(1, sizeof *group + count * sizeof *group->members);
    if (!group) {
        PyErr_NoMemory();
        return NULL;
    }
    group->n_members = (uint32_t)count;
    group->needs = calloc((size_t)PyTuple_GET_SIZE(needs) + 1, sizeof *group->needs);
    for (uint32_t i = 0; group->needs && i < count; i++) {
        PyObject *row = PyTuple_GET_ITEM(members, i);
        PyObject *params = PyTuple_Check(row) && PyTuple_GET_SIZE(row) == 6 ? PyTuple_GET_ITEM(row, 3) : NULL;
        if (!params || !PyBytes_Check(params) || PyBytes_GET_SIZE(params) > MAX_ARITY) {
            bad_group();
            goto failed;
        }
        Signature *member = calloc(1, sizeof *member + ((size_t)PyBytes_GET_SIZE(params) + 1) * sizeof *member->places);
        if (!member || number_take(member) < 0) {
            free(member);
            PyErr_NoMemory();
            goto failed;
        }
        member->itself = &member->record;
        member->record.supertypes = &member->itself;
        member->group = group;
        group->members[i] = member;
    }
    if (!group->needs) {
        PyErr_NoMemory();
        goto failed;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(needs); i++) {
        unsigned long number = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(needs, i));
        if (number >= n_numbers || !numbered[number] || numbered[number]->group == group) {
            bad_group();
            goto failed;
        }
        signature_hold(numbered[number]);
        group->needs[group->n_needs++] = numbered[number];
    }
    for (uint32_t i = 0; i < count; i++)
        if (fill_member(group, i, PyTuple_GET_ITEM(members, i)) < 0)
            goto failed;
    group->key = Py_NewRef(key);
    return group;
failed:
    group_free(group);
    return NULL;
}

static PyObject *
group_types(TypeGroup *group)
{
    PyObject *types = PyTuple_New(group->n_members);
    for (uint32_t i = 0; types && i < group->n_members; i++) {
        PyObject *type = defined_type(group->members[i]);
        if (!type)
            Py_CLEAR(types);
        else
            PyTuple_SET_ITEM(types, i, type);
    }
    return types;
}

static PyObject *
native_known_types(PyObject *Py_UNUSED(module), PyObject *key)
{
    PyObject *known = PyDict_GetItemWithError(type_groups, key);
    if (!known) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    return group_types(PyLong_AsVoidPtr(known));
}

static PyObject *
native_define_types(PyObject *module, PyObject *args)
{
    PyObject *key, *members, *needs;
    if (!PyArg_ParseTuple(args, "SO!O!:define_types", &key, &PyTuple_Type, &members, &PyTuple_Type, &needs))
        return NULL;
    int there = PyDict_Contains(type_groups, key);
    if (there)
        return there < 0 ? NULL : native_known_types(module, key);
    TypeGroup *group = group_new(key, members, needs);
    if (!group)
        return NULL;
    PyObject *address = PyLong_FromVoidPtr(group);
    if (!address || PyDict_SetItem(type_groups, key, address) < 0) {
        Py_XDECREF(address);
        group_free(group);
        return NULL;
    }
    Py_DECREF(address);
    group->holders = 1;
    PyObject *types = group_types(group);
    group_release(group);
    return types;
}

static PyObject *
native_numbered_type(PyObject *Py_UNUSED(module), PyObject *number)
{
    unsigned long at = PyLong_AsUnsignedLong(number);
    if (at == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (at >= n_numbers || !numbered[at])
        Py_RETURN_NONE;
    return defined_type(numbered[at]);
}

static PyObject *
native_type_matches(PyObject *Py_UNUSED(module), PyObject *args)
{
    unsigned long long found, wanted;
    if (!PyArg_ParseTuple(args, "KK:type_matches", &found, &wanted))
        return NULL;
    return PyBool_FromLong(type_matches(found, wanted));
}
