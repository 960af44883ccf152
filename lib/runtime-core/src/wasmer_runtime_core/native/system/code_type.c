/* `Code`: a module's published code, as Python has it: made, read, and told where better code is. */

static void *const vmcall_table[N_VMCALLS];
#define ROUTINE_ADDRESS(name) (void *)wasm_##name,
static void *const routines[N_ROUTINES] = {ROUTINE_NAMES(ROUTINE_ADDRESS)};

static PyObject *
code_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"code", "function_offsets", "sites", "first_function", "label", "release_gil",
                            "inlined", "handlers", "saved", "packed", "compile", "tick", NULL};
    PyObject *label, *compile = Py_None, *tick = Py_None;
    Part code;
    CodeTables tables = {0};
    unsigned int first_function;
    int release_gil;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&SO&IOp|O&SSpOO:Code", names, part_take, &code, &tables.offsets,
                                     part_take, &tables.sites, &first_function, &label, &release_gil, part_take,
                                     &tables.inlined, &tables.handlers, &tables.saved, &tables.packed, &compile, &tick) ||
        tables_check(&tables, code.length) < 0)
        return NULL;
    if (code.file && code.file->file < 0) {
        PyErr_SetString(PyExc_ValueError, "the file's code was mapped before");
        return NULL;
    }
    int has_stubs = compile != Py_None || tick != Py_None;
    size_t size = code.length, n_functions = (size_t)PyBytes_GET_SIZE(tables.offsets) / 4 - 1;
    size_t table_bytes = 8 * (n_functions + N_VMCALLS + N_ROUTINES + (has_stubs ? ENTRIES_OF_STUBS : 0));
    size_t table_pages = (table_bytes + PAGE - 1) / PAGE, code_pages = (size + PAGE - 1) / PAGE;
    size_t stub_pages = has_stubs ? (stubs_bytes(n_functions) + PAGE - 1) / PAGE : 0;
    if (!code_pages && !stub_pages)
        code_pages = 1;
    if ((table_pages + code_pages + stub_pages) * PAGE > INT32_MAX && has_stubs)
        return PyErr_NoMemory();  /* the stubs would not reach the table */
    CodeObject *self = (CodeObject *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    uint8_t *mapping = pages_take(table_pages + code_pages + stub_pages, NULL);
    if (!mapping || mprotect(mapping, table_pages * PAGE, PROT_READ | PROT_WRITE)) {
        if (mapping)
            pages_give(mapping, table_pages + code_pages + stub_pages);
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->mapping = mapping;
    self->mapping_bytes = (table_pages + code_pages + stub_pages) * PAGE;
    self->base = mapping + table_pages * PAGE;
    self->code_bytes = size;
    if (code_place(self->base, code_pages * PAGE, &code) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (tables_keep(self, &tables) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    uint64_t *table = code_table(self);
    for (size_t i = 0; i < n_functions; i++)
        table[i] = (uint64_t)(self->base + self->function_offsets[i]);
    for (size_t i = 0; i < N_VMCALLS; i++)
        table[n_functions + i] = (uint64_t)vmcall_table[i];
    for (size_t i = 0; i < N_ROUTINES; i++)
        *(table - 1 - i) = (uint64_t)routines[i];
    if (has_stubs &&
        stubs_place(self, self->base + code_pages * PAGE, stub_pages * PAGE, compile != Py_None) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    self->first_function = first_function;
    self->label = Py_NewRef(label);
    self->release_gil = release_gil;
    self->compile = compile != Py_None ? Py_NewRef(compile) : NULL;
    self->tick = tick != Py_None ? Py_NewRef(tick) : NULL;
    pages_own(self);
    if (self->tick && ticks_begin(self) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (code.file) {
        self->file = (MappedFileObject *)Py_NewRef(code.owner);
        close(code.file->file);  /* a module takes no descriptor */
        code.file->file = -1;
    }
    return (PyObject *)self;
}

static int
code_traverse(PyObject *object, visitproc visit, void *arg)
{
    CodeObject *self = (CodeObject *)object;
    Py_VISIT(self->label);
    Py_VISIT(self->compile);
    Py_VISIT(self->tick);
    for (size_t i = 0; i < self->n_parts; i++)
        Py_VISIT(self->parts[i]);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static void
code_dealloc(PyObject *object)
{
    CodeObject *self = (CodeObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->mapping)
        pages_give(self->mapping, self->mapping_bytes / PAGE);
    Py_XDECREF(self->offsets_bytes);
    Py_XDECREF(self->sites_bytes);
    Py_XDECREF(self->inlined_bytes);
    Py_XDECREF(self->handlers_bytes);
    Py_XDECREF(self->saved_bytes);
    Py_XDECREF(self->label);
    Py_XDECREF(self->file);
    Py_XDECREF(self->compile);
    ticks_end(self);
    loops_end(self);
    Py_XDECREF(self->tick);
    for (size_t i = 0; i < self->n_parts; i++)
        Py_DECREF(self->parts[i]);
    free(self->parts);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *
code_locate(PyObject *object, PyObject *argument)
{
    CodeObject *self = (CodeObject *)object;
    unsigned long long address = PyLong_AsUnsignedLongLong(argument);
    if (address == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    if (address - (uintptr_t)self->base >= self->code_bytes)
        Py_RETURN_NONE;
    uint32_t function, wasm_offset;
    locate(self, (uint32_t)(address - (uintptr_t)self->base), 0, &function, &wasm_offset);
    const InlinedRow *row = inlined_at(self, (uint32_t)(address - (uintptr_t)self->base), 0);
    if (row)
        function = row->function;
    return Py_BuildValue("(II)", function, wasm_offset);
}

static PyObject *
code_read(PyObject *object, PyObject *Py_UNUSED(none))
{
    CodeObject *self = (CodeObject *)object;
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)self->base, (Py_ssize_t)self->code_bytes);
    if (bytes)
        loops_unwritten(self, (uint8_t *)PyBytes_AS_STRING(bytes), 0, self->code_bytes);
    if (bytes && is_lost(self->file)) {
        raise_lost();
        Py_CLEAR(bytes);
    }
    return bytes;
}

static PyObject *
code_read_sites(PyObject *object, PyObject *Py_UNUSED(none))
{
    CodeObject *self = (CodeObject *)object;
    PyObject *rows = self->sites ? unpack_sites(self->sites) : PyBytes_FromStringAndSize(NULL, 0);
    if (rows && is_lost(self->file)) {
        raise_lost();
        Py_CLEAR(rows);
    }
    return rows;
}

static PyObject *
code_get_address(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromVoidPtr(((CodeObject *)self)->base);
}

static PyMemberDef code_members[] = {
    {"code_bytes", T_PYSSIZET, offsetof(CodeObject, code_bytes), READONLY, "bytes of machine code"},
    {"parts_bytes", T_PYSSIZET, offsetof(CodeObject, parts_bytes), READONLY, "bytes of machine code that came later"},
    {"label", T_OBJECT_EX, offsetof(CodeObject, label), READONLY, "what names the functions"},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef code_getset[] = {{"address", code_get_address, NULL, "address of the first byte of code", NULL},
                                    {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef code_methods[] = {
    {"read", code_read, METH_NOARGS, "read() -> bytes of machine code"},
    {"read_sites", code_read_sites, METH_NOARGS, "read_sites() -> bytes: the rows of its table of sites"},
    {"locate", code_locate, METH_O, "locate(address) -> (function index, wasm offset), or None outside of this code"},
    {"add", code_add, METH_VARARGS,
     "add(function, code, sites, inlined, handlers, saved, relocations) -> whether it had no code yet, and has this now"},
    {"replace", code_replace, METH_VARARGS,
     "replace(function, code, sites, inlined, handlers, saved, relocations): whoever calls it from now on calls this"},
    {"overtake", code_overtake, METH_O, "overtake(other): whoever calls a function from now on calls the other code's"},
    {"enter_at_loop", code_enter_at_loop, METH_VARARGS,
     "enter_at_loop(function, offset, code, offsets, sites, inlined, handlers, saved, relocations, moves, stack bytes) -> whether "
     "calls that come to the head of that loop did not already go on in other code"},
    {"read_function", code_read_function, METH_O, "read_function(function) -> bytes of its machine code"},
    {"hits", code_hits, METH_NOARGS,
     "hits() -> [(function, ticks that found it running, where in code that is called no more, or -1)], since the last time"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot code_slots[] = {{Py_tp_new, code_new},         {Py_tp_dealloc, code_dealloc},
                                   {Py_tp_traverse, code_traverse}, {Py_tp_members, code_members},
                                   {Py_tp_getset, code_getset},   {Py_tp_methods, code_methods},
                                   {Py_tp_doc, "Published machine code of one module."}, {0, NULL}};
static PyType_Spec code_spec = {"wasmer_runtime_core.native.machine.Code", sizeof(CodeObject), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, code_slots};
