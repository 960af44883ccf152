/* Code of single functions, which comes later than the module that they are of.
 *
 * A part has pages and tables of its own, and lives as long as the module's code, for frames may return into it. Of the
 * module's code it uses the table of code addresses: displacements to that, its relocations, are filled in when its place is
 * known. One store of its address publishes it. */

typedef struct { uint32_t offset, kind; int32_t symbol, addend; } RelocationRow;

/* 0, or -1 with an exception. */
static int
relocate(const CodeObject *whole, uint8_t *place, size_t size, const RelocationRow *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        const RelocationRow *row = &rows[i];
        if (row->kind != RELOCATION_TABLE || row->offset > size || size - row->offset < 4 || row->symbol < -N_ROUTINES ||
            row->symbol >= (int64_t)whole->n_functions + N_VMCALLS) {
            PyErr_SetString(PyExc_ValueError, "a relocation of compiled code makes no sense");
            return -1;
        }
        const uint8_t *entry = (const uint8_t *)(code_table(whole) + row->symbol);
        int32_t distance = (int32_t)(entry + row->addend - (place + row->offset));
        memcpy(place + row->offset, &distance, 4);
    }
    return 0;
}

/* Pages with this code, and with int3 behind it. NULL with an exception. */
static CodeObject *
part_make(CodeObject *whole, const Part *code, const CodeTables *tables, const RelocationRow *rows, size_t n_rows)
{
    CodeObject *part = (CodeObject *)CodeType->tp_alloc(CodeType, 0);
    size_t count = (code->length + PAGE - 1) / PAGE, bytes = count * PAGE;
    uint8_t *pages = part ? pages_take(count, whole) : NULL;
    if (!pages) {
        Py_XDECREF(part);
        PyErr_NoMemory();
        return NULL;
    }
    part->mapping = part->base = pages;
    part->mapping_bytes = bytes;
    part->code_bytes = code->length;
    if (mprotect(pages, bytes, PROT_READ | PROT_WRITE)) {
        Py_DECREF(part);
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(pages, code->bytes, code->length);
    memset(pages + code->length, 0xCC, bytes - code->length);
    if (relocate(whole, pages, code->length, rows, n_rows) < 0 || tables_keep(part, tables) < 0) {
        Py_DECREF(part);
        return NULL;
    }
    if (mprotect(pages, bytes, PROT_READ | PROT_EXEC)) {
        Py_DECREF(part);
        PyErr_SetFromErrno(PyExc_OSError);
        return NULL;
    }
    part->whole = whole;
    part->label = Py_NewRef(whole->label);
    part->release_gil = whole->release_gil;
    pages_own(part);
    return part;
}

/* Code of the module that came later lives as long as it does. 0, or -1 with an exception. */
static int
parts_keep(CodeObject *whole, CodeObject *part)
{
    if (!(whole->n_parts & (whole->n_parts - 1))) {  /* none, or a power of two: there is no more room */
        CodeObject **parts = realloc(whole->parts, (whole->n_parts ? 2 * whole->n_parts : 1) * sizeof *parts);
        if (!parts) {
            PyErr_NoMemory();
            return -1;
        }
        whole->parts = parts;
    }
    whole->parts[whole->n_parts++] = (CodeObject *)Py_NewRef(part);
    whole->parts_bytes += part->code_bytes;
    return 0;
}

/* Code of a function; if it `is_first`, of one that has none: whoever comes first is taken, the others made the same. */
static PyObject *
publish_part(CodeObject *self, PyObject *args, int is_first)
{
    unsigned int function;
    Part code;
    CodeTables tables = {0};
    PyObject *relocations;
    if (!PyArg_ParseTuple(args, "IO&SO&O&SSS", &function, part_take, &code, &tables.offsets, part_take, &tables.sites,
                          part_take, &tables.inlined, &tables.handlers, &tables.saved, &relocations) ||
        tables_check(&tables, code.length) < 0)
        return NULL;
    if (!self->stubs || function >= self->n_functions || !code.length || PyBytes_GET_SIZE(tables.offsets) != 8 ||
        PyBytes_GET_SIZE(relocations) % (Py_ssize_t)sizeof(RelocationRow)) {
        PyErr_SetString(PyExc_ValueError, "this is no code of one of the module's functions");
        return NULL;
    }
    const uint64_t first = stub_first(self, function);
    uint64_t *entry = code_table(self) + function;
    if (is_first && *entry != first)
        Py_RETURN_FALSE;
    CodeObject *part = part_make(self, &code, &tables, (const RelocationRow *)PyBytes_AS_STRING(relocations),
                                 (size_t)PyBytes_GET_SIZE(relocations) / sizeof(RelocationRow));
    if (!part)
        return NULL;
    part->first_function = self->first_function + function;
    if (is_first && *entry != first) {  /* to make an object may let finalizers run, and they call functions, too */
        Py_DECREF(part);
        Py_RETURN_FALSE;
    }
    int failed = parts_keep(self, part);
    Py_DECREF(part);
    if (failed)
        return NULL;
    __atomic_store_n(entry, (uint64_t)(part->base + part->function_offsets[0]), __ATOMIC_RELEASE);
    Py_RETURN_TRUE;
}

static PyObject *
code_add(PyObject *object, PyObject *args)
{
    return publish_part((CodeObject *)object, args, 1);
}

/* All functions in other code, which has a table of its own: its functions call each other there. What is called through this
 * code's table and stubs is called there from now on. A function without code there is one that all its callers there have inlined:
 * who runs here still calls it here. */
static PyObject *
code_overtake(PyObject *object, PyObject *argument)
{
    CodeObject *self = (CodeObject *)object, *other = (CodeObject *)argument;
    if (!Py_IS_TYPE(argument, CodeType)) {
        PyErr_SetString(PyExc_TypeError, "Code is expected");
        return NULL;
    }
    if (!self->stubs || other->stubs || other->whole || other->n_functions != self->n_functions ||
        other->first_function != self->first_function || other->release_gil != self->release_gil) {
        PyErr_SetString(PyExc_ValueError, "this is no other code of the module");
        return NULL;
    }
    if (parts_keep(self, other) < 0)
        return NULL;
    other->whole = self;
    for (uint32_t i = 0; i < self->n_functions; i++)
        if (other->function_offsets[i] < other->function_offsets[i + 1])
            __atomic_store_n(code_table(self) + i, (uint64_t)(other->base + other->function_offsets[i]), __ATOMIC_RELEASE);
    Py_RETURN_NONE;
}

/* What ran in the old code goes on there. */
static PyObject *
code_replace(PyObject *object, PyObject *args)
{
    return publish_part((CodeObject *)object, args, 0);
}
