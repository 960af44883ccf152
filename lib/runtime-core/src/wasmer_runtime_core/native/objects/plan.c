/* Plans: all that instances of one module have in common, made once.
 *
 * A plan holds an image of the vmctx with everything filled in that does not depend
 * on the instance: type records, constant globals, code addresses of function
 * records. Making an instance copies it and fixes what points into the block itself.
 *
 * Long for one idea: each part of a module has its reader, which believes nothing of what it is given. */

typedef struct {
    int kind;                  /* INIT_… */
    Bits128 value;             /* the bits; the index of the global; the position of the record; or the position of
                                  the first step (low), and how many there are (high) */
    ValueType type;            /* of what is computed */
} Initializer;

/* Of an initializer that is computed: a program for a stack. */
typedef struct {
    int kind;                  /* STEP_… */
    uint32_t type;             /* of an object: the index of its type */
    Bits128 value;             /* the bits; the index of the global; the position of the record; the number of elements */
} Step;

typedef struct {
    int mode;
    uint32_t table;
    Initializer offset;
    uint8_t type;
    uint32_t length;
    int64_t *items;            /* position of a function record; -1: null; -2 - n: global n */
    Initializer *computed;     /* of each item, where some are computed; else NULL */
} ElementSegment;

typedef struct {
    int mode;
    uint32_t memory;
    Initializer offset;
    const uint8_t *bytes;
    uint64_t length;
} DataSegment;

typedef struct { uint8_t kind; uint32_t type; } PlanImport;
typedef struct { Sizes sizes; uint8_t flags, element; ValueType type; } PlanLimits;  /* flags: MEMORY_…, TABLE_… */
typedef struct { uint32_t table; Initializer value; } TableInitializer;

#define PLAN_NUMBER(name) uint32_t name;
typedef struct { PLAN_NUMBERS(PLAN_NUMBER) } PlanNumbers;

struct PlanObject {
    PyObject_HEAD
    CodeObject *code;
    PyObject *label;
    PyObject *constants;       /* tuple: keeps what segments and names point into */
    const MappedFileObject *file;  /* that bytes of data segments lie in, or NULL */
    PyObject *field_names;     /* DefinedType -> tuple of names, or None: of those that somebody asked for; or NULL */
    PyObject *imports_tuple;   /* (kind, namespace, name, type) rows, for messages */
    union {                    /* the rows of vmctx.PLAN */
        PlanNumbers numbers;
        struct { PLAN_NUMBERS(PLAN_NUMBER) };
    };
    uint8_t *image;
    uint32_t n_types, n_functions;
    Signature **signatures;    /* held, by type index */
    uint32_t *function_types;
    uint32_t n_imports;
    PlanImport *imports;
    uint32_t n_memories, n_tables, n_globals;
    PlanLimits *memories, *tables;
    uint8_t *globals;          /* pairs (kind, mutable) */
    ValueType *whole_globals;  /* their whole types; NULL where each is its kind */
    int subtypes;              /* some function type is more than kinds, so what is imported as one may be below it */
    uint32_t n_table_initializers;
    TableInitializer *table_initializers;
    int has_reference_globals, has_mutable_references;  /* among own globals */
    Initializer *initializers; /* of own globals */
    Step *steps;               /* of all initializers that are computed, one behind the other */
    uint64_t n_steps, room_for_steps;
    Bits128 *operands;         /* their stack, as deep as the deepest needs; who has the GIL owns it */
    int has_computed_items;    /* some element segment */
    uint64_t n_operands;
    uint32_t n_escaping;
    uint32_t *escaping;
    uint32_t n_tags;
    uint32_t *tag_types;       /* indices of types */
    uint32_t n_elements, n_data;
    ElementSegment *elements;
    DataSegment *data;
};

/* The whole type of a global. */
static inline ValueType
plan_global_type(PlanObject *plan, uint32_t index)
{
    return plan->whole_globals ? plan->whole_globals[index] : plan->globals[2 * index];
}

static int64_t
plan_record_of(PlanObject *plan, uint32_t function)
{
    uint32_t low = 0, high = plan->n_escaping;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (plan->escaping[middle] < function)
            low = middle + 1;
        else
            high = middle;
    }
    return low < plan->n_escaping && plan->escaping[low] == function ? (int64_t)low : -1;
}

/* The name of a record's function: str, or None. New reference. */
static PyObject *
plan_function_name(PlanObject *plan, uint32_t record)
{
    if (!hook_function_name)
        Py_RETURN_NONE;
    return PyObject_CallFunction(hook_function_name, "OI", plan->label, plan->escaping[record]);
}

static int
bad_plan(const char *what)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "the plan's %s do not fit together", what);
    return -1;
}

/* Between the rows of long lists: signal handlers run, and a deadline ends the work. 0, or -1 with an exception. */
static inline int
plan_checkpoint(uint64_t row)
{
    if (LIKELY(row % 0x4000))
        return 0;
    Thread *thread = current_thread();
    return thread ? attend_to(thread, "while a module was prepared") : -1;
}

/* Room for more steps: doubled, so that all steps cost what one does, times their number. */
static int
room_for_steps(PlanObject *plan, uint64_t count)
{
    uint64_t needed = plan->n_steps + count, room = plan->room_for_steps * 2;
    if (needed <= plan->room_for_steps)
        return 0;
    if (room < needed)
        room = needed;
    Step *steps = realloc(plan->steps, room * sizeof *steps);
    if (!steps) {
        PyErr_NoMemory();
        return -1;
    }
    plan->steps = steps;
    plan->room_for_steps = room;
    return 0;
}

/* The types of what the steps before left, while an initializer is proven. */
typedef struct {
    ValueType *types;
    uint64_t depth, deepest;
} Proof;

static int
proof_take(Proof *proof, ValueType wanted)
{
    return proof->depth && type_matches(proof->types[--proof->depth], wanted);
}

/* What code gives for a field. */
static inline ValueType
unpacked(ValueType storage)
{
    return storage == KIND_OF_I8 || storage == KIND_OF_I16 ? I32 : storage;
}

/* The operands of a step that makes an object; 0 if they do not fit, or the object does not. */
static int
prove_object(PlanObject *plan, const Step *step, Proof *proof)
{
    if (step->type >= plan->n_types)
        return 0;
    const Signature *type = plan->signatures[step->type];
    int is_struct = step->kind == STEP_STRUCT_NEW || step->kind == STEP_STRUCT_NEW_DEFAULT;
    if (type->record.form != (is_struct ? FORM_STRUCT : FORM_ARRAY))
        return 0;
    if (step->kind == STEP_ARRAY_NEW || step->kind == STEP_ARRAY_NEW_DEFAULT)
        if (!proof_take(proof, I32))
            return 0;
    switch (step->kind) {
    case STEP_STRUCT_NEW_DEFAULT: case STEP_ARRAY_NEW_DEFAULT:
        for (uint32_t i = 0; i < type->n_fields; i++)
            if (type->fields[i].storage & TYPE_NON_NULL)
                return 0;
        return 1;
    case STEP_ARRAY_NEW:
        return proof_take(proof, unpacked(type->fields[0].storage));
    case STEP_ARRAY_NEW_FIXED:
        for (uint64_t i = 0; i < step->value.low; i++)
            if (!proof_take(proof, unpacked(type->fields[0].storage)))
                return 0;
        return step->value.low <= UINT32_MAX;
    }
    for (uint32_t i = type->n_fields; i-- > 0;)
        if (!proof_take(proof, unpacked(type->fields[i].storage)))
            return 0;
    return 1;
}

/* One step: the type that it gives, or 0. */
static ValueType
prove_step(PlanObject *plan, Step *step, long long type, Proof *proof)
{
    uint8_t kind = (uint8_t)type;
    switch (step->kind) {
    case STEP_CONSTANT:
        return type == kind && is_value_type(kind) && !is_reference(kind) ? kind : 0;
    case STEP_GLOBAL:
        return step->value.low < plan->n_globals ? plan_global_type(plan, (uint32_t)step->value.low) : 0;
    case STEP_REF_NULL:
        step->value = (Bits128){0, 0};
        return type == kind && is_reference(kind) ? kind | (ValueType)TYPE_HEAP_NONE << TYPE_HEAP_SHIFT : 0;
    case STEP_REF_FUNC: {
        int64_t record = step->value.low < plan->n_functions ? plan_record_of(plan, (uint32_t)step->value.low) : -1;
        if (record < 0)
            return 0;
        const Signature *signature = plan->signatures[plan->function_types[step->value.low]];
        step->value.low = (uint64_t)record;
        return FUNCREF | TYPE_NON_NULL | ((ValueType)signature->number + TYPE_FIRST_TYPE) << TYPE_HEAP_SHIFT;
    }
    case STEP_I32_ADD: case STEP_I32_SUB: case STEP_I32_MUL:
        return proof_take(proof, I32) && proof_take(proof, I32) ? I32 : 0;
    case STEP_I64_ADD: case STEP_I64_SUB: case STEP_I64_MUL:
        return proof_take(proof, I64) && proof_take(proof, I64) ? I64 : 0;
    case STEP_REF_I31:
        return proof_take(proof, I32) ? ANYREF | TYPE_NON_NULL | (ValueType)TYPE_HEAP_I31 << TYPE_HEAP_SHIFT : 0;
    case STEP_ANY_CONVERT_EXTERN: case STEP_EXTERN_CONVERT_ANY: {
        ValueType null = proof->depth ? proof->types[proof->depth - 1] & TYPE_NON_NULL : 0;
        int to_any = step->kind == STEP_ANY_CONVERT_EXTERN;
        return proof_take(proof, to_any ? EXTERNREF : ANYREF) ? (to_any ? ANYREF : EXTERNREF) | null : 0;
    }
    }
    if (step->kind < STEP_STRUCT_NEW || step->kind > STEP_ARRAY_NEW_FIXED || type < 0 || type > UINT32_MAX)
        return 0;
    step->type = (uint32_t)type;
    if (!prove_object(plan, step, proof))
        return 0;
    return ANYREF | TYPE_NON_NULL |
           ((ValueType)plan->signatures[step->type]->number + TYPE_FIRST_TYPE) << TYPE_HEAP_SHIFT;
}

/* An initializer that is computed. Its steps are proven here to find what they take, of the types that they take. */
static int
parse_steps(PlanObject *plan, PyObject *rows, Initializer *out)
{
    uint64_t count = (uint64_t)PyTuple_GET_SIZE(rows);
    if (room_for_steps(plan, count) < 0)
        return -1;
    Proof proof = {calloc(count + 1, sizeof *proof.types), 0, 0};
    if (!proof.types)
        return PyErr_NoMemory(), -1;
    int failed = 0;
    for (uint64_t i = 0; !failed && i < count; i++) {
        Step *step = &plan->steps[plan->n_steps + i];
        PyObject *row = PyTuple_GET_ITEM(rows, i), *value;
        long long type;
        failed = plan_checkpoint(i + 1) < 0 || !PyTuple_Check(row) ||
                 !PyArg_ParseTuple(row, "iO!L", &step->kind, &PyLong_Type, &value, &type) ||
                 unbox_v128(value, &step->value) != CONVERTED;
        ValueType given = failed ? 0 : prove_step(plan, step, type, &proof);
        failed |= !given;
        proof.types[proof.depth++] = given;
        if (proof.depth > proof.deepest)
            proof.deepest = proof.depth;
    }
    out->type = proof.types[0];
    free(proof.types);
    if (failed || proof.depth != 1)
        return bad_plan("initializers");
    if (proof.deepest > plan->n_operands) {
        Bits128 *operands = realloc(plan->operands, proof.deepest * sizeof *operands);
        if (!operands) {
            PyErr_NoMemory();
            return -1;
        }
        plan->operands = operands;
        plan->n_operands = proof.deepest;
    }
    out->value = (Bits128){plan->n_steps, count};
    plan->n_steps += count;
    return 0;
}

static int
parse_initializer(PlanObject *plan, PyObject *pair, Initializer *out)
{
    PyObject *value;
    if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "iO", &out->kind, &value))
        return bad_plan("initializers");
    if (out->kind == INIT_COMPUTED)
        return PyTuple_Check(value) ? parse_steps(plan, value, out) : bad_plan("initializers");
    if (!PyLong_Check(value) || unbox_v128(value, &out->value) != CONVERTED)
        return bad_plan("initializers");
    if (out->kind == INIT_FUNCTION) {
        int64_t record = plan_record_of(plan, (uint32_t)out->value.low);
        if (record < 0)
            return bad_plan("references to functions");
        out->value.low = (uint64_t)record;
    }
    else if (out->kind == INIT_GLOBAL && out->value.low >= plan->n_globals)
        return bad_plan("references to globals");
    else if (out->kind < INIT_CONSTANT || out->kind > INIT_FUNCTION)
        return bad_plan("initializers");
    return 0;
}

/* Whether an initializer gives what a place of this kind holds: references count as objects, so a number is none. What is
 * made of a module that was validated always does. */
static int
initializer_fits(PlanObject *plan, const Initializer *initializer, uint8_t kind)
{
    switch (initializer->kind) {
    case INIT_GLOBAL: return plan->globals[2 * initializer->value.low] == kind;
    case INIT_NULL: return is_reference(kind);
    case INIT_FUNCTION: return kind == KIND_OF_FUNCREF;
    case INIT_COMPUTED: return (uint8_t)initializer->type == kind;
    default: return !is_reference(kind);
    }
}

static void *
copy_bytes(PyObject *bytes, size_t unit, uint32_t *count)
{
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    void *copy = malloc(size + unit);
    if (!copy) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(copy, PyBytes_AS_STRING(bytes), size);
    *count = (uint32_t)(size / unit);
    return copy;
}

static int
parse_limits(PyObject *rows, uint32_t count, PlanLimits *out)
{
    for (uint32_t i = 0; i < count; i++) {
        PyObject *minimum, *maximum;
        unsigned long long type;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(rows, i), "OObK", &minimum, &maximum, &out[i].flags, &type) ||
            parse_sizes(minimum, maximum, &out[i].sizes) < 0)
            return -1;
        out[i].type = type;
        out[i].element = (uint8_t)type;
        if (type >> TYPE_HEAP_SHIFT >= TYPE_FIRST_TYPE && !named_type(type))
            return bad_plan("types of tables");
    }
    return 0;
}

/* The initializers of all items of a segment, some of which are computed. */
static int
parse_computed_items(PlanObject *plan, ElementSegment *segment, PyObject *rows)
{
    if ((size_t)PyTuple_GET_SIZE(rows) != segment->length)
        return bad_plan("items of element segments");
    segment->computed = calloc(segment->length, sizeof *segment->computed);
    if (!segment->computed)
        return PyErr_NoMemory(), -1;
    plan->has_computed_items = 1;
    for (uint32_t i = 0; i < segment->length; i++) {
        if (plan_checkpoint(i + 1) < 0 || parse_initializer(plan, PyTuple_GET_ITEM(rows, i), &segment->computed[i]) < 0)
            return -1;
        if (!initializer_fits(plan, &segment->computed[i], segment->type))
            return bad_plan("items of element segments and their types");
    }
    return 0;
}

static int
parse_elements(PlanObject *plan, PyObject *rows)
{
    for (uint32_t i = 0; i < plan->n_elements; i++) {
        ElementSegment *segment = &plan->elements[i];
        PyObject *offset, *items, *computed;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(rows, i), "iIObSO!", &segment->mode, &segment->table, &offset,
                              &segment->type, &items, &PyTuple_Type, &computed))
            return -1;
        if (segment->mode == ACTIVE && (segment->table >= plan->n_tables ||
                                        plan->tables[segment->table].element != segment->type))
            return bad_plan("element segments and tables");
        if (segment->mode == ACTIVE && parse_initializer(plan, offset, &segment->offset) < 0)
            return -1;
        if (!(segment->items = copy_bytes(items, 8, &segment->length)))
            return -1;
        for (uint32_t at = 0; at < segment->length; at++) {
            if (plan_checkpoint(at + 1) < 0)
                return -1;
            int64_t item = segment->items[at];
            if (item >= 0 && (segment->items[at] = plan_record_of(plan, (uint32_t)item)) < 0)
                return bad_plan("element segments and functions");
            if (item >= 0 && segment->type != KIND_OF_FUNCREF)
                return bad_plan("element segments and their types");
            uint64_t global = (uint64_t)(-2 - item);
            if (item < -1 && (global >= plan->n_globals || plan->globals[2 * global] != segment->type))
                return bad_plan("element segments and globals");
        }
        if (PyTuple_GET_SIZE(computed) && parse_computed_items(plan, segment, computed) < 0)
            return -1;
    }
    return 0;
}

/* How data segments may be given, too, where no offset is computed: packed rows, and the bytes of all of them behind one
 * another. An artifact has them so, for a module may have very many. */
typedef struct { uint32_t mode, memory, kind, unused; uint64_t value, length; } PackedData;
_Static_assert(sizeof(PackedData) == PACKED_DATA_BYTES, "as running.plan packs them");

static int
is_packed(PyObject *data)
{
    return PyTuple_GET_SIZE(data) == 2 && PyBytes_Check(PyTuple_GET_ITEM(data, 0));
}

static uint32_t
count_data(PyObject *data)
{
    return (uint32_t)(is_packed(data) ? (size_t)PyBytes_GET_SIZE(PyTuple_GET_ITEM(data, 0)) / sizeof(PackedData)
                                      : (size_t)PyTuple_GET_SIZE(data));
}

static int
parse_packed_data(PlanObject *plan, PyObject *packed)
{
    Part contents;
    const PackedData *rows = (const PackedData *)PyBytes_AS_STRING(PyTuple_GET_ITEM(packed, 0));
    if (!part_take(PyTuple_GET_ITEM(packed, 1), &contents))
        return -1;
    plan->file = contents.file;
    uint64_t at = 0;
    for (uint32_t i = 0; i < plan->n_data; i++) {
        DataSegment *segment = &plan->data[i];
        if (plan_checkpoint(i + 1) < 0)
            return -1;
        segment->mode = (int)rows[i].mode;
        segment->memory = rows[i].memory;
        segment->offset = (Initializer){(int)rows[i].kind, {rows[i].value, 0}, 0};
        segment->bytes = contents.bytes + at;
        segment->length = rows[i].length;
        if (segment->length > contents.length - at)
            return bad_plan("data segments and their bytes");
        at += segment->length;
        if (segment->mode == ACTIVE && segment->memory >= plan->n_memories)
            return bad_plan("data segments and memories");
        if (segment->mode == ACTIVE && segment->offset.kind != INIT_CONSTANT &&
            (segment->offset.kind != INIT_GLOBAL || rows[i].value >= plan->n_globals))
            return bad_plan("initializers");
    }
    return 0;
}

static int
parse_table_initializers(PlanObject *plan, PyObject *rows)
{
    plan->n_table_initializers = (uint32_t)PyTuple_GET_SIZE(rows);
    plan->table_initializers = calloc(plan->n_table_initializers + 1, sizeof *plan->table_initializers);
    if (!plan->table_initializers)
        return PyErr_NoMemory(), -1;
    for (uint32_t i = 0; i < plan->n_table_initializers; i++) {
        PyObject *initializer;
        TableInitializer *out = &plan->table_initializers[i];
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(rows, i), "IO", &out->table, &initializer) ||
            parse_initializer(plan, initializer, &out->value) < 0)
            return -1;
        if (out->table < plan->n_imported_tables || out->table >= plan->n_tables ||
            !initializer_fits(plan, &out->value, plan->tables[out->table].element))
            return bad_plan("initializers of tables");
    }
    return 0;
}

static int
parse_data(PlanObject *plan, PyObject *rows)
{
    if (is_packed(rows))
        return parse_packed_data(plan, rows);
    for (uint32_t i = 0; i < plan->n_data; i++) {
        DataSegment *segment = &plan->data[i];
        PyObject *offset;
        Part bytes;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(rows, i), "iIOO&", &segment->mode, &segment->memory, &offset, part_take,
                              &bytes))
            return -1;
        if (segment->mode == ACTIVE && segment->memory >= plan->n_memories)
            return bad_plan("data segments and memories");
        if (segment->mode == ACTIVE && parse_initializer(plan, offset, &segment->offset) < 0)
            return -1;
        segment->bytes = bytes.bytes;
        segment->length = bytes.length;
    }
    return 0;
}

static int
parse_imports(PlanObject *plan, PyObject *rows)
{
    uint32_t counts[5] = {0, 0, 0, 0, 0};
    for (uint32_t i = 0; i < plan->n_imports; i++) {
        PyObject *row = PyTuple_GET_ITEM(rows, i), *namespace_, *name;
        if (!PyArg_ParseTuple(row, "bUU", &plan->imports[i].kind, &namespace_, &name))
            return -1;
        if (plan->imports[i].kind > KIND_TAG)
            return bad_plan("imports");
        plan->imports[i].type = counts[plan->imports[i].kind]++;
    }
    if (counts[KIND_FUNCTION] != plan->n_imported_functions || counts[KIND_TABLE] != plan->n_imported_tables ||
        counts[KIND_MEMORY] != plan->n_imported_memories || counts[KIND_GLOBAL] != plan->n_imported_globals ||
        counts[KIND_TAG] != plan->n_imported_tags)
        return bad_plan("imports");
    return 0;
}

/* The rows of vmctx.PLAN, in their order. */
static int
take_numbers(PlanNumbers *numbers, PyObject *tuple)
{
    uint32_t *out = (uint32_t *)numbers;
    size_t count = sizeof *numbers / sizeof *out;
    if ((size_t)PyTuple_GET_SIZE(tuple) != count)
        return bad_plan("numbers");
    for (size_t i = 0; i < count; i++) {
        unsigned long value = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(tuple, i));
        if (value > UINT32_MAX)  /* as is what stands for an exception */
            return bad_plan("numbers");
        out[i] = (uint32_t)value;
    }
    return 0;
}

/* Whether the arrays of a vmctx lie behind one another in its block, each with room for its entries. */
static int
arrays_fit(const PlanObject *plan)
{
    const struct { uint64_t at, bytes; } arrays[] = {
        {plan->memories_at, 8 * (uint64_t)plan->n_memories},
        {plan->tables_at, 8 * (uint64_t)plan->n_tables},
        {plan->imported_globals_at, 8 * (uint64_t)plan->n_imported_globals},
        {plan->tags_at, 8 * (uint64_t)plan->n_tags},
        {plan->types_at, 8 * (uint64_t)plan->n_types},
        {plan->imports_at, IMPORT_RECORD_BYTES * (uint64_t)plan->n_imported_functions},
        {plan->globals_at, GLOBAL_BYTES * (uint64_t)(plan->n_globals - plan->n_imported_globals)},
        {plan->records_at, FUNCTION_RECORD_BYTES * (uint64_t)plan->n_escaping},
    };
    uint64_t end = VMCTX_BYTES;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (arrays[i].at < end || arrays[i].at % 8)
            return 0;
        end = arrays[i].at + arrays[i].bytes;
    }
    return end == plan->block_bytes && plan->globals_at % 16 == 0 && plan->records_at % 16 == 0;
}

/* What is the same in every instance's vmctx. */
static int
make_image(PlanObject *plan)
{
    if (!arrays_fit(plan))
        return bad_plan("offsets");
    plan->image = calloc(1, plan->block_bytes);
    if (!plan->image) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < plan->n_types; i++)
        ((Signature **)(plan->image + plan->types_at))[i] = plan->signatures[i];
    for (uint32_t i = 0; i < plan->n_globals - plan->n_imported_globals; i++)
        if (plan->initializers[i].kind == INIT_CONSTANT)
            memcpy(plan->image + plan->globals_at + GLOBAL_BYTES * i, &plan->initializers[i].value, 16);
    FunctionRecord *records = (FunctionRecord *)(plan->image + plan->records_at);
    for (uint32_t i = 0; i < plan->n_escaping; i++) {
        uint32_t function = plan->escaping[i];
        if (function >= plan->n_functions)
            return bad_plan("escaping functions");
        records[i].signature = plan->signatures[plan->function_types[function]];
        if (function >= plan->n_imported_functions)
            records[i].code = code_entry(plan->code, function - plan->n_imported_functions);
    }
    return 0;
}

static PyObject *
plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"code",   "label",   "numbers",      "types",    "functions", "imports", "memories",
                            "tables", "globals", "initializers", "escaping", "elements",  "whole_globals",
                            "table_initializers", "tags", "data", NULL};
    PyObject *code, *label, *numbers, *types, *functions, *imports, *memories, *tables, *globals, *initializers;
    PyObject *escaping, *elements, *data, *whole_globals, *table_initializers, *tags;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OO!O!SO!O!O!SO!SO!SO!SO!:Plan", names, CodeType, &code, &label,
                                     &PyTuple_Type, &numbers, &PyTuple_Type, &types, &functions, &PyTuple_Type, &imports,
                                     &PyTuple_Type, &memories, &PyTuple_Type, &tables, &globals, &PyTuple_Type,
                                     &initializers, &escaping, &PyTuple_Type, &elements, &whole_globals,
                                     &PyTuple_Type, &table_initializers, &tags, &PyTuple_Type, &data))
        return NULL;
    PlanObject *plan = (PlanObject *)type->tp_alloc(type, 0);
    if (!plan)
        return NULL;
    PyObject_GC_UnTrack(plan);  /* signal handlers run before it is whole */
    plan->code = (CodeObject *)Py_NewRef(code);
    plan->label = Py_NewRef(label);
    plan->constants = Py_NewRef(data);
    plan->imports_tuple = Py_NewRef(imports);
    if (take_numbers(&plan->numbers, numbers) < 0)
        goto failed;
    plan->n_types = (uint32_t)PyTuple_GET_SIZE(types);
    plan->n_imports = (uint32_t)PyTuple_GET_SIZE(imports);
    plan->n_memories = (uint32_t)PyTuple_GET_SIZE(memories);
    plan->n_tables = (uint32_t)PyTuple_GET_SIZE(tables);
    plan->n_elements = (uint32_t)PyTuple_GET_SIZE(elements);
    plan->n_data = count_data(data);
    if (plan->n_imported_memories > plan->n_memories || plan->n_imported_tables > plan->n_tables) {
        bad_plan("memories and tables");
        goto failed;
    }
    uint32_t own_globals = (uint32_t)PyTuple_GET_SIZE(initializers);
    plan->signatures = calloc(plan->n_types + 1, sizeof *plan->signatures);
    plan->imports = calloc(plan->n_imports + 1, sizeof *plan->imports);
    plan->memories = calloc(plan->n_memories + 1, sizeof *plan->memories);
    plan->tables = calloc(plan->n_tables + 1, sizeof *plan->tables);
    plan->elements = calloc(plan->n_elements + 1, sizeof *plan->elements);
    plan->data = calloc(plan->n_data + 1, sizeof *plan->data);
    plan->initializers = calloc(own_globals + 1, sizeof *plan->initializers);
    if (!plan->signatures || !plan->imports || !plan->memories || !plan->tables || !plan->elements || !plan->data ||
        !plan->initializers) {
        PyErr_NoMemory();
        goto failed;
    }
    for (uint32_t i = 0; i < plan->n_types; i++) {
        if (plan_checkpoint(i + 1) < 0 || !(plan->signatures[i] = signature_take(PyTuple_GET_ITEM(types, i))))
            goto failed;
        plan->subtypes |= plan->signatures[i]->group != NULL;
    }
    if (!(plan->function_types = copy_bytes(functions, 4, &plan->n_functions)) ||
        !(plan->escaping = copy_bytes(escaping, 4, &plan->n_escaping)) ||
        !(plan->globals = copy_bytes(globals, 2, &plan->n_globals)) ||
        !(plan->tag_types = copy_bytes(tags, 4, &plan->n_tags)))
        goto failed;
    if (plan->n_imported_tags > plan->n_tags) {
        bad_plan("tags");
        goto failed;
    }
    for (uint32_t i = 0; i < plan->n_tags; i++)
        if (plan->tag_types[i] >= plan->n_types ||
            plan->signatures[plan->tag_types[i]]->record.form != FORM_FUNCTION ||
            plan->signatures[plan->tag_types[i]]->n_results) {
            bad_plan("types of tags");
            goto failed;
        }
    if (plan->n_functions != (uint64_t)plan->n_imported_functions + plan->code->n_functions) {
        bad_plan("functions and code");
        goto failed;
    }
    if (plan->n_globals != (uint64_t)plan->n_imported_globals + own_globals) {
        bad_plan("globals");
        goto failed;
    }
    for (uint32_t i = 0; i < plan->n_functions; i++)
        if (plan->function_types[i] >= plan->n_types ||
            plan->signatures[plan->function_types[i]]->record.form != FORM_FUNCTION) {
            bad_plan("function types");
            goto failed;
        }
    if (PyBytes_GET_SIZE(whole_globals)) {
        uint32_t n_whole = 0;
        if (!(plan->whole_globals = copy_bytes(whole_globals, sizeof *plan->whole_globals, &n_whole)))
            goto failed;
        for (uint32_t i = 0; i < n_whole; i++)
            if (plan->whole_globals[i] >> TYPE_HEAP_SHIFT >= TYPE_FIRST_TYPE && !named_type(plan->whole_globals[i]))
                n_whole = UINT32_MAX - 1;
        if (n_whole != plan->n_globals) {
            bad_plan("types of globals");
            goto failed;
        }
    }
    for (uint32_t i = plan->n_imported_globals; i < plan->n_globals; i++) {
        if (is_reference(plan->globals[2 * i])) {
            plan->has_reference_globals = 1;
            plan->has_mutable_references |= plan->globals[2 * i + 1];
        }
    }
    if (parse_imports(plan, imports) < 0 ||
        parse_limits(memories, plan->n_memories, plan->memories) < 0 ||
        parse_limits(tables, plan->n_tables, plan->tables) < 0)
        goto failed;
    for (uint32_t i = 0; i < own_globals; i++)
        if (parse_initializer(plan, PyTuple_GET_ITEM(initializers, i), &plan->initializers[i]) < 0)
            goto failed;
        else if (!initializer_fits(plan, &plan->initializers[i], plan->globals[2 * (plan->n_imported_globals + i)])) {
            bad_plan("initializers and types of globals");
            goto failed;
        }
    if (parse_table_initializers(plan, table_initializers) < 0)
        goto failed;
    if (parse_elements(plan, elements) < 0 || parse_data(plan, data) < 0 || make_image(plan) < 0)
        goto failed;
    if (plan->start != NO_FUNCTION && plan->start >= plan->n_functions) {
        bad_plan("start function and functions");
        goto failed;
    }
    PyObject_GC_Track(plan);
    return (PyObject *)plan;
failed:
    Py_DECREF(plan);
    return NULL;
}

static int
plan_traverse(PyObject *object, visitproc visit, void *arg)
{
    PlanObject *plan = (PlanObject *)object;
    Py_VISIT(plan->code);
    Py_VISIT(plan->label);
    Py_VISIT(plan->constants);
    Py_VISIT(plan->imports_tuple);
    Py_VISIT(plan->field_names);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static void
plan_dealloc(PyObject *object)
{
    PlanObject *plan = (PlanObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (plan->elements)
        for (uint32_t i = 0; i < plan->n_elements; i++) {
            free(plan->elements[i].items);
            free(plan->elements[i].computed);
        }
    if (plan->signatures)
        for (uint32_t i = 0; i < plan->n_types; i++)
            signature_release(plan->signatures[i]);
    void *owned[] = {plan->image,  plan->signatures, plan->function_types, plan->imports, plan->memories,
                     plan->tables, plan->globals,    plan->initializers,   plan->escaping, plan->elements,
                     plan->data,   plan->steps,      plan->operands,
                     plan->whole_globals, plan->table_initializers, plan->tag_types};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    Py_XDECREF(plan->code);
    Py_XDECREF(plan->label);
    Py_XDECREF(plan->constants);
    Py_XDECREF(plan->imports_tuple);
    Py_XDECREF(plan->field_names);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMemberDef plan_members[] = {
    {"code", T_OBJECT_EX, offsetof(PlanObject, code), READONLY, "the published Code"},
    {"label", T_OBJECT_EX, offsetof(PlanObject, label), READONLY, "what names the functions"},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot plan_slots[] = {{Py_tp_new, plan_new},           {Py_tp_dealloc, plan_dealloc},
                                   {Py_tp_traverse, plan_traverse}, {Py_tp_members, plan_members},
                                   {Py_tp_doc, "What all instances of one module have in common."}, {0, NULL}};
static PyType_Spec plan_spec = {"wasmer_runtime_core.native.machine.Plan", sizeof(PlanObject), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, plan_slots};
