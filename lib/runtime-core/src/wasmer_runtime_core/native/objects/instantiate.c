/* Instances are made (specification, section 4.5.4): the vmctx filled and bound.
 *
 * In two steps, so that Python can let host functions know the instance before any of
 * them runs: `Instance(plan, externs, context)` binds imports and makes memories, tables and
 * globals; `initialize()` applies active segments in order and runs the start function. If
 * that traps, what was written stays, and so does this object where a shared table refers
 * to it. */

static const char *const kind_names[] = {"function", "table", "memory", "global", "tag"};

static void
instance_moved(Member *member)
{
    InstanceObject *self = (InstanceObject *)((char *)member - offsetof(InstanceObject, member));
    self->vmctx->store = member->store;
    for (uint32_t i = 0; i < self->n_hosts; i++)
        self->hosts[i].store = member->store;
}

/* Where the Global of an own global is noted, once there is one. */
static GlobalObject **
instance_own_global(InstanceObject *self, uint32_t index)
{
    return &self->globals[self->plan->n_imported_globals + index];
}

/* Owners of the references in own global cells; the instance does not own itself. */
static void
instance_settle(Member *member)
{
    InstanceObject *self = (InstanceObject *)((char *)member - offsetof(InstanceObject, member));
    PlanObject *plan = self->plan;
    for (uint32_t i = plan->n_imported_globals; i < plan->n_globals; i++) {
        uint8_t type = plan->globals[2 * i];
        uint32_t own = i - plan->n_imported_globals;
        if (is_reference(type))
            settle_cell(member->store, reference_owner(type, own_cell(self, own)->low), (PyObject *)self,
                        &self->shadows[own]);
    }
}

/* Cells of own globals (others are traced where they belong), and what element segments hold until they are dropped. */
static void
instance_trace(Member *member, struct Marking *marking)
{
    InstanceObject *self = member_instance(member);
    PlanObject *plan = self->plan;
    for (uint32_t i = plan->n_imported_globals; plan->has_reference_globals && i < plan->n_globals; i++)
        mark_words(marking, plan->globals[2 * i], &own_cell(self, i - plan->n_imported_globals)->low, 1);
    for (uint32_t i = 0; self->element_values && i < plan->n_elements; i++)
        if (self->element_values[i] && !self->dropped[i])
            mark_words(marking, plan->elements[i].type, self->element_values[i], plan->elements[i].length);
}

static const MemberKind host_function = {.moved = instance_moved},
                        instance_with_code = {.moved = instance_moved, .trace = instance_trace, .lasting = 1, .has_code = 1},
                        instance_to_settle = {.moved = instance_moved, .settle = instance_settle, .trace = instance_trace,
                                              .lasting = 1, .has_code = 1};

/* The home of one host function that no import asked for: a callable made into a funcref. */
static PyObject *
instance_for_host(PyObject *callable, PyObject *function_type, PyObject *namespace_, PyObject *name, PyObject *context)
{
    Signature *signature = signature_take(function_type);
    if (!signature)
        return NULL;
    InstanceObject *self = (InstanceObject *)InstanceType->tp_alloc(InstanceType, 0);
    if (!self) {
        signature_release(signature);
        return NULL;
    }
    self->vmctx = aligned_alloc(16, sizeof(VMContext) + sizeof(FunctionRecord) + 16);
    self->hosts = calloc(1, sizeof *self->hosts);
    if (!self->hosts)
        signature_release(signature);
    else
        self->hosts[0].signature = signature;
    if (!self->vmctx || !self->hosts) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    memset(self->vmctx, 0, sizeof(VMContext));
    self->n_hosts = 1;
    self->hosts[0] = (HostRecord){NULL, signature, Py_NewRef(callable), Py_XNewRef(context), Py_NewRef(namespace_),
                                  Py_NewRef(name), &self->member};
    self->vmctx->instance = (PyObject *)self;
    self->vmctx->points_at = &self->vmctx->points_used;
    self->records = (FunctionRecord *)(self->vmctx + 1);
    self->n_records = 1;
    self->records[0] = (FunctionRecord){signature->host_stub, &self->hosts[0], signature, (PyObject *)self};
    self->member.kind = &host_function;
    if (!store_of(&self->member)) {
        Py_DECREF(self);
        return NULL;
    }
    PyObject *function = function_from_record(&self->records[0]);
    Py_DECREF(self);
    return function;
}

static int
wrong_import(PlanObject *plan, uint32_t number, const char *what, PyObject *found)
{
    PyObject *row = PyTuple_GET_ITEM(plan->imports_tuple, number);
    raise_line(PyExc_TypeError, "import %U.%U must be a %s%s, not %R", PyTuple_GET_ITEM(row, 1),
               PyTuple_GET_ITEM(row, 2), kind_names[plan->imports[number].kind], what, found);
    return -1;
}

/* Whether an import is satisfied by what was given for it. `reached`: what it makes its importer able to reach, so that
 * the two take turns; memories, numbers and Python's functions are shared without. Runs no Python code, nor does binding:
 * nobody comes between. */
static int
check_import(PlanObject *plan, uint32_t number, PyObject *extern_, Member **reached)
{
    uint32_t index = plan->imports[number].type;
    switch (plan->imports[number].kind) {
    case KIND_FUNCTION: {
        Signature *signature;
        if (Py_IS_TYPE(extern_, FunctionType)) {
            signature = ((FunctionObject *)extern_)->signature;
            *reached = &((InstanceObject *)((FunctionObject *)extern_)->owner)->member;
        }
        else if (Py_IS_TYPE(extern_, HostFunctionType))
            signature = ((HostFunctionObject *)extern_)->signature;
        else
            return wrong_import(plan, number, " or a HostFunction", extern_);
        return type_below(signature, plan->signatures[plan->function_types[index]])
                   ? 0
                   : wrong_import(plan, number, " of another signature", extern_);
    }
    case KIND_MEMORY:
        if (!PyObject_TypeCheck(extern_, MemoryType))
            return wrong_import(plan, number, "", extern_);
        if (!((MemoryObject *)extern_)->wide != !(plan->memories[index].flags & MEMORY_WIDE))
            return wrong_import(plan, number, " with an index of another type", extern_);
        if (plan->memories[index].flags & MEMORY_GUARDED && !((MemoryObject *)extern_)->reserved)
            return wrong_import(plan, number, " with reserved address space (or compile with bounds checks)", extern_);
        return 0;
    case KIND_TABLE:
        if (!PyObject_TypeCheck(extern_, TableType))
            return wrong_import(plan, number, "", extern_);
        if (((TableObject *)extern_)->type != plan->tables[index].type)
            return wrong_import(plan, number, " of another element type", extern_);
        if (!((TableObject *)extern_)->wide != !(plan->tables[index].flags & TABLE_WIDE))
            return wrong_import(plan, number, " with an index of another type", extern_);
        if (((TableObject *)extern_)->home && !is_alive(((TableObject *)extern_)->home))
            return wrong_import(plan, number, " of an instance that is not being freed", extern_);
        *reached = &((TableObject *)extern_)->member;
        return 0;
    case KIND_TAG:
        if (!PyObject_TypeCheck(extern_, TagType))
            return wrong_import(plan, number, "", extern_);
        return ((TagObject *)extern_)->signature == plan->signatures[plan->tag_types[index]]
                   ? 0
                   : wrong_import(plan, number, " of another type", extern_);
    default: {
        GlobalObject *global = (GlobalObject *)extern_;
        if (!PyObject_TypeCheck(extern_, GlobalType))
            return wrong_import(plan, number, "", extern_);
        ValueType wanted = plan_global_type(plan, index);
        int fits = global->mutable ? global->whole == wanted : type_matches(global->whole, wanted);
        if (!fits || !global->mutable != !plan->globals[2 * index + 1])
            return wrong_import(plan, number, " of another type", extern_);
        if (is_reference(global->type))
            *reached = global->home;
        return 0;
    }
    }
}

static void
bind_function(InstanceObject *self, uint32_t index, PyObject *extern_)
{
    ImportRecord *record = (ImportRecord *)((char *)self->vmctx + self->plan->imports_at) + index;
    if (Py_IS_TYPE(extern_, FunctionType)) {
        FunctionObject *function = (FunctionObject *)extern_;
        *record = (ImportRecord){function->code, function->vmctx};
        return;
    }
    HostFunctionObject *given = (HostFunctionObject *)extern_;
    Signature *signature = self->plan->signatures[self->plan->function_types[index]];
    HostRecord *host = &self->hosts[self->n_hosts++];
    *host = (HostRecord){self->member.store,
                         signature,
                         Py_NewRef(given->callable),
                         given->wants_context ? Py_NewRef(self->context) : NULL,
                         Py_NewRef(given->namespace_),
                         Py_NewRef(given->name),
                         &self->member};
    *record = (ImportRecord){signature->host_stub, host};
}

static void
bind_import(InstanceObject *self, const PlanImport *import, PyObject *extern_)
{
    switch (import->kind) {
    case KIND_FUNCTION: bind_function(self, import->type, extern_); break;
    case KIND_MEMORY: {
        MemoryObject *memory = (MemoryObject *)Py_NewRef(extern_);
        self->memories[import->type] = memory;
        memory->imported = 1;
        break;
    }
    case KIND_TABLE: self->tables[import->type] = (TableObject *)Py_NewRef(extern_); break;
    case KIND_TAG: self->tags[import->type] = (TagObject *)Py_NewRef(extern_); break;
    default: {
        GlobalObject *global = (GlobalObject *)Py_NewRef(extern_);
        self->globals[import->type] = global;
        ((Bits128 **)((char *)self->vmctx + self->plan->imported_globals_at))[import->type] = global->cell;
    }
    }
}

/* Bind all imports: nothing is linked before all of them fit, and may be linked. */
static int
bind_imports(InstanceObject *self, PyObject *const *externs)
{
    PlanObject *plan = self->plan;
    Member *reached = NULL;
    int links = 0;
    for (uint32_t i = 0; i < plan->n_imports; i++, reached = NULL) {
        if (check_import(plan, i, externs[i], &reached) < 0 || (reached && !may_link(reached)))
            return -1;
        links |= reached != NULL;
    }
    for (uint32_t i = 0; links && i < plan->n_imports; i++, reached = NULL)
        if (check_import(plan, i, externs[i], &reached) < 0 || (reached && store_merge(&self->member, reached) < 0))
            return -1;
    for (uint32_t i = 0; i < plan->n_imports; i++) {
        self->imports[i] = Py_NewRef(externs[i]);
        bind_import(self, &plan->imports[i], externs[i]);
    }
    self->n_imports = plan->n_imports;
    return 0;
}

/* One block for the arrays of pointers behind it. */
static int
allocate_arrays(InstanceObject *self, PlanObject *plan)
{
    size_t hosts = plan->n_imported_functions, own_globals = plan->n_globals - plan->n_imported_globals;
    size_t bytes = hosts * sizeof(HostRecord) + 8 * ((size_t)plan->n_memories + plan->n_tables + plan->n_globals) +
                   (plan->has_reference_globals ? 8 * own_globals : 0) + plan->n_elements + plan->n_data;
    char *at = calloc(1, bytes + 8);
    if (!at)
        return -1;
    self->hosts = (HostRecord *)at;
    at += hosts * sizeof(HostRecord);
    self->memories = (MemoryObject **)at;
    at += 8 * (size_t)plan->n_memories;
    self->tables = (TableObject **)at;
    at += 8 * (size_t)plan->n_tables;
    self->globals = (GlobalObject **)at;
    at += 8 * (size_t)plan->n_globals;
    if (plan->has_reference_globals) {
        self->shadows = (PyObject **)at;
        at += 8 * own_globals;
    }
    self->dropped = (uint8_t *)at;
    return 0;
}

/* Its own memories and tables. Finding their classes runs Python code, so it is done before anything is linked. */
static int
make_memories(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    for (uint32_t i = plan->n_imported_memories; i < plan->n_memories; i++) {
        PlanLimits *limits = &plan->memories[i];
        int guarded = limits->flags & MEMORY_GUARDED;
        PyObject *class = configured(&memory_class, "wasmer_runtime_core.running.objects.memory");
        if (!class)
            return -1;
        self->memories[i] = memory_new((PyTypeObject *)class, &limits->sizes, limits->flags,
                                       guarded ? RESERVE_BY_ALL_MEANS : RESERVE_IF_FREE);
        if (!self->memories[i])
            return -1;
        if (guarded && !self->memories[i]->reserved) {
            raise_no_slot(limits->sizes.minimum);
            return -1;
        }
    }
    return 0;
}

static int
make_tables(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    uint64_t elements = 0;  /* together: nobody touches them yet, but the cycle collector looks at each */
    for (uint32_t i = plan->n_imported_tables; i < plan->n_tables; i++) {
        PlanLimits *limits = &plan->tables[i];
        elements = limits->sizes.minimum > MAX_TABLE ? limits->sizes.minimum : elements + limits->sizes.minimum;
        if (elements > MAX_TABLE) {
            raise_error("UnableToCreateTable", "tables of %llu elements together are too large; there can be %u",
                        (unsigned long long)elements, MAX_TABLE);
            return -1;
        }
        PyObject *class = configured(&table_class, "wasmer_runtime_core.running.objects.table");
        if (!class)
            return -1;
        self->tables[i] = table_new((PyTypeObject *)class, limits->type, limits->flags & TABLE_WIDE, &limits->sizes,
                                    (PyObject *)self);
        if (!self->tables[i] || store_merge(&self->member, &self->tables[i]->member) < 0)
            return -1;
    }
    return 0;
}

static int
make_tags(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    for (uint32_t i = plan->n_imported_tags; i < plan->n_tags; i++) {
        PyObject *class = configured(&tag_class, "wasmer_runtime_core.running.objects.tags");
        if (!class)
            return -1;
        Signature *signature = plan->signatures[plan->tag_types[i]];
        signature_hold(signature);
        if (!(self->tags[i] = tag_of((PyTypeObject *)class, signature)))
            return -1;
    }
    return 0;
}

/* What of the vmctx depends on imports and on what was made; -1 with the trap if there is no room for an object. */
static int
fill_block(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    VMContext *vmctx = self->vmctx;
    char *block = (char *)vmctx;
    for (uint32_t i = 0; i < plan->n_memories; i++)
        ((MemoryDefinition **)(block + plan->memories_at))[i] = &self->memories[i]->definition;
    if (plan->n_memories)
        vmctx->memory_base = self->memories[0]->definition.base;
    for (uint32_t i = 0; i < plan->n_tables; i++)
        ((TableDefinition **)(block + plan->tables_at))[i] = &self->tables[i]->definition;
    for (uint32_t i = 0; i < plan->n_escaping; i++) {
        uint32_t function = plan->escaping[i];
        self->records[i].owner = (PyObject *)self;
        if (function < plan->n_imported_functions) {
            ImportRecord *record = (ImportRecord *)(block + plan->imports_at) + function;
            self->records[i].code = record->code;
            self->records[i].vmctx = record->vmctx;
        }
        else
            self->records[i].vmctx = vmctx;
    }
    for (uint32_t i = 0; plan->subtypes && i < plan->n_imports; i++) {
        if (plan->imports[i].kind != KIND_FUNCTION || !Py_IS_TYPE(self->imports[i], FunctionType))
            continue;  /* a function of another instance may be of a type below the one it is imported as */
        int64_t record = plan_record_of(plan, plan->imports[i].type);
        if (record >= 0)
            self->records[record].signature = ((FunctionObject *)self->imports[i])->signature;
    }
    for (uint32_t i = 0; i < plan->n_globals - plan->n_imported_globals; i++)
        if (plan->initializers[i].kind != INIT_CONSTANT && evaluate(self, &plan->initializers[i], own_cell(self, i)) < 0)
            return -1;
    for (uint32_t i = 0; i < plan->n_table_initializers; i++) {
        TableInitializer *row = &plan->table_initializers[i];
        TableObject *table = self->tables[row->table];
        Bits128 value;
        if (evaluate(self, &row->value, &value) < 0)
            return -1;
        table_overwrite(table, 0, value.low, table->definition.length, self->member.store);
    }
    if (plan->has_reference_globals)
        instance_settle(&self->member);
    return compute_items(self);
}

static PyObject *
instance_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"plan", "externs", "context", "module", NULL};
    PyObject *plan_object, *externs, *context = Py_None, *module = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O|OO:Instance", names, PlanType, &plan_object, &externs, &context,
                                     &module))
        return NULL;
    PlanObject *plan = (PlanObject *)plan_object;
    PyObject *fast = PySequence_Tuple(externs);
    if (!fast)
        return NULL;
    if (PyTuple_GET_SIZE(fast) != plan->n_imports) {
        PyErr_Format(PyExc_ValueError, "the module has %u imports, but %zd were given", plan->n_imports,
                     PyTuple_GET_SIZE(fast));
        Py_DECREF(fast);
        return NULL;
    }
    assert_handlers();
    InstanceObject *self = (InstanceObject *)type->tp_alloc(type, 0);
    if (!self) {
        Py_DECREF(fast);
        return NULL;
    }
    PyObject_GC_UnTrack(self);  /* the collector's functions show Python what is tracked: this when it is whole */
    self->plan = (PlanObject *)Py_NewRef(plan);
    self->context = Py_NewRef(context);
    self->module = Py_NewRef(module);
    self->vmctx = aligned_alloc(16, ((size_t)plan->block_bytes + 15) & ~(size_t)15);
    self->imports = calloc(plan->n_imports + 1, sizeof *self->imports);
    if (!self->vmctx || !self->imports || allocate_arrays(self, plan) < 0) {
        PyErr_NoMemory();
        goto failed;
    }
    memcpy(self->vmctx, plan->image, plan->block_bytes);
    self->vmctx->instance = (PyObject *)self;
    self->vmctx->points_at = &self->vmctx->points_used;
    self->records = (FunctionRecord *)((char *)self->vmctx + plan->records_at);
    self->n_records = plan->n_escaping;
    self->tags = (TagObject **)((char *)self->vmctx + plan->tags_at);
    self->member.kind = plan->has_mutable_references ? &instance_to_settle : &instance_with_code;
    if (!store_of(&self->member))
        goto failed;
    if (make_memories(self) < 0 || make_tags(self) < 0 || make_tables(self) < 0 ||
        bind_imports(self, ((PyTupleObject *)fast)->ob_item) < 0)
        goto failed;
    if (fill_block(self) < 0)
        goto failed;
    PyObject_GC_Track(self);
    Py_DECREF(fast);
    return (PyObject *)self;
failed:
    Py_DECREF(fast);
    Py_DECREF(self);
    return NULL;
}

/* --- initialization ----------------------------------------------------------------------- */

/* Write items [from, from + count) of an element segment; bounds were checked. */
static void
table_write_segment(InstanceObject *self, TableObject *table, uint64_t to, const ElementSegment *segment, uint64_t from,
                    uint64_t count)
{
    uint32_t element = (uint32_t)(segment - self->plan->elements);
    for (uint64_t i = 0; i < count; i++)
        table_overwrite(table, to + i, segment_item(self, element, from + i), 1, self->member.store);
}

static int
write_elements(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    for (uint32_t i = 0; i < plan->n_elements; i++) {
        ElementSegment *segment = &plan->elements[i];
        if (segment->mode == ACTIVE) {
            TableObject *table = self->tables[segment->table];
            Bits128 offset;
            if (evaluate(self, &segment->offset, &offset) < 0)
                return -1;
            uint64_t at = as_index(offset.low, table->wide);
            if (!in_bounds(at, segment->length, table->definition.length)) {
                raise_trap(TRAP_TABLE_OUT_OF_BOUNDS);
                return -1;
            }
            table_write_segment(self, table, at, segment, 0, segment->length);
        }
        if (segment->mode != PASSIVE)
            self->dropped[i] = 1;
    }
    return 0;
}

static int
write_data(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    for (uint32_t i = 0; i < plan->n_data; i++) {
        DataSegment *segment = &plan->data[i];
        if (segment->mode != ACTIVE)
            continue;
        MemoryObject *memory = self->memories[segment->memory];
        MemoryDefinition *definition = &memory->definition;
        Bits128 offset;
        if (evaluate(self, &segment->offset, &offset) < 0)
            return -1;
        uint64_t at = as_index(offset.low, memory->wide);
        if (!in_bounds(at, segment->length, memory_bytes(definition))) {
            raise_trap(TRAP_MEMORY_OUT_OF_BOUNDS);
            return -1;
        }
        if (segment->length)
            memcpy(definition->base + at, segment->bytes, segment->length);
        self->dropped[plan->n_elements + i] = 1;
    }
    if (is_lost(plan->file)) {
        raise_lost();
        return -1;
    }
    return 0;
}

/* Run the start function; the store has been entered. */
static int
run_start(InstanceObject *self, Thread *thread)
{
    PlanObject *plan = self->plan;
    uint32_t function = plan->start;
    Signature *signature = plan->signatures[plan->function_types[function]];
    void *code, *vmctx = self->vmctx;
    if (function < plan->n_imported_functions) {
        ImportRecord *record = (ImportRecord *)((char *)self->vmctx + plan->imports_at) + function;
        code = record->code;
        vmctx = record->vmctx;
    }
    else
        code = code_entry(plan->code, function - plan->n_imported_functions);
    if (signature->n_params || signature->n_results) {
        PyErr_SetString(PyExc_ValueError, "a start function has neither parameters nor results");
        return -1;
    }
    CallFrame frame;
    return run(thread, signature, code, vmctx, &frame, plan->code->release_gil);
}

static PyObject *
instance_initialize(PyObject *object, PyObject *Py_UNUSED(none))
{
    InstanceObject *self = (InstanceObject *)object;
    PlanObject *plan = self->plan;
    if (!plan || self->cleared) {
        raise_error("RuntimeError", "the instance is gone: it was garbage-collected");
        return NULL;
    }
    if (self->initialized) {
        PyErr_SetString(PyExc_ValueError, "the instance is initialized already");
        return NULL;
    }
    /* tables and functions are this thread's alone until all is done */
    int claims = plan->n_elements || plan->start != NO_FUNCTION;
    Thread *thread = claims ? current_thread() : NULL;
    if (claims && (!thread || enter_store(self->vmctx->store, thread) < 0))
        return NULL;
    self->initialized = 1;
    int failed = write_elements(self) < 0 || write_data(self) < 0 || (plan->start != NO_FUNCTION && run_start(self, thread) < 0);
    if (claims)
        leave_store(self->vmctx);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}
