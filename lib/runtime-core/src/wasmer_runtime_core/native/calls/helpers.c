/* The helpers that generated code calls, one per row of contract/helpers.py.
 *
 * Each checks its bounds before it writes anything, and traps by unwinding. What counts
 * references runs under the GIL, taken back if this activation released it.
 *
 * The bulk operators go in pieces, and look between two of them whether anything wants attention. Then a handler of
 * Python may run, or the call end with part of the bytes written. A handler may close what is written to, so bounds are
 * checked for each piece; where nothing of the kind happens that comes to the same as checking once. */

static uint64_t
vmcall_memory_grow(VMContext *vmctx, uint64_t delta, uint32_t memory)
{
    int64_t before;
    MemoryObject *object = instance_of(vmctx)->memories[memory];
    Activation *activation = this_thread->activation;
    if (stays(object))
        before = memory_grow(object, delta);
    else {  /* it may move: under the GIL, so that no other code begins meanwhile */
        take_gil(activation);
        before = memory_grow(object, delta);
        give_gil(activation);
    }
    ATTEND();
    return as_index(before < 0 ? UINT64_MAX : (uint64_t)before, object->wide);
}

static void
vmcall_memory_fill(VMContext *vmctx, uint64_t at, uint32_t value, uint64_t count, uint32_t memory)
{
    MemoryDefinition *definition = &instance_of(vmctx)->memories[memory]->definition;
    uint64_t now;
    do {
        CHECK(in_bounds(at, count, memory_bytes(definition)), TRAP_MEMORY_OUT_OF_BOUNDS);
        now = piece(count, PIECE_BYTES);
        memset(definition->base + at, (int)(value & 0xFF), now);
        ATTEND();
        at += now;
    } while (UNLIKELY((count -= now) != 0));
}

/* Backwards where the target lies behind the source, so that no piece overwrites what another has still to read. */
static void
vmcall_memory_copy(VMContext *vmctx, uint64_t to, uint64_t from, uint64_t count, uint32_t to_memory,
                   uint32_t from_memory)
{
    MemoryDefinition *target = &instance_of(vmctx)->memories[to_memory]->definition;
    MemoryDefinition *source = &instance_of(vmctx)->memories[from_memory]->definition;
    uint64_t now;
    do {
        CHECK(in_bounds(to, count, memory_bytes(target)) && in_bounds(from, count, memory_bytes(source)),
              TRAP_MEMORY_OUT_OF_BOUNDS);
        now = piece(count, PIECE_BYTES);
        uint64_t ahead = to <= from ? 0 : count - now;
        memmove(target->base + to + ahead, source->base + from + ahead, now);
        ATTEND();
        if (to <= from) {
            to += now;
            from += now;
        }
    } while (UNLIKELY((count -= now) != 0));
}

static void
vmcall_memory_init(VMContext *vmctx, uint64_t to, uint32_t from, uint32_t count, uint32_t data, uint32_t memory)
{
    InstanceObject *instance = instance_of(vmctx);
    MemoryDefinition *definition = &instance->memories[memory]->definition;
    DataSegment *segment = &instance->plan->data[data];
    uint64_t length = instance->dropped[instance->plan->n_elements + data] ? 0 : segment->length;
    uint64_t now;
    do {
        CHECK(in_bounds(to, count, memory_bytes(definition)) && in_bounds(from, count, length),
              TRAP_MEMORY_OUT_OF_BOUNDS);
        now = piece(count, PIECE_BYTES);
        if (now)
            memcpy(definition->base + to, segment->bytes + from, now);
        CHECK(!is_lost(instance->plan->file), OUTCOME_LOST);
        ATTEND();
        to += now;
        from += now;
    } while (UNLIKELY((count -= now) != 0));
}

/* Where an atomic access of `size` bytes is, or a trap; `offset` and `place` are the words of its record. */
static uint8_t *
atomic_place(VMContext *vmctx, uint64_t at, uint32_t offset, uint32_t place, uint64_t size, MemoryObject **memory)
{
    *memory = instance_of(vmctx)->memories[place & 0xFFFF];
    uint64_t behind = offset | (uint64_t)(place >> 16) << 32;
    CHECK(((at + behind) & (size - 1)) == 0, TRAP_MISALIGNED_ATOMIC_ACCESS);
    CHECK(in_bounds(at, behind + size, memory_bytes(&(*memory)->definition)), TRAP_MEMORY_OUT_OF_BOUNDS);
    return (*memory)->definition.base + at + behind;
}

static uint32_t
vmcall_memory_atomic_notify(VMContext *vmctx, uint64_t at, uint32_t count, uint32_t offset, uint32_t place)
{
    MemoryObject *memory;
    uint8_t *address = atomic_place(vmctx, at, offset, place, 4, &memory);
    uint32_t woken = memory->shared ? (uint32_t)notify_waiters(address, count) : 0;
    ATTEND();
    return woken;
}

static uint32_t
wait_in_code(VMContext *vmctx, uint64_t at, uint64_t expected, int64_t timeout, uint32_t offset, uint32_t place,
             uint64_t size)
{
    MemoryObject *memory;
    uint8_t *address = atomic_place(vmctx, at, offset, place, size, &memory);
    CHECK(memory->shared, TRAP_EXPECTED_SHARED_MEMORY);
    int how = wait_from_code(this_thread, address, expected, size == 8, timeout < 0 ? UINT64_MAX : (uint64_t)timeout);
    ATTEND();
    return (uint32_t)how;
}

static uint32_t
vmcall_memory_atomic_wait32(VMContext *vmctx, uint64_t at, uint32_t expected, int64_t timeout, uint32_t offset, uint32_t place)
{
    return wait_in_code(vmctx, at, expected, timeout, offset, place, 4);
}

static uint32_t
vmcall_memory_atomic_wait64(VMContext *vmctx, uint64_t at, uint64_t expected, int64_t timeout, uint32_t offset, uint32_t place)
{
    return wait_in_code(vmctx, at, expected, timeout, offset, place, 8);
}

static void
vmcall_data_drop(VMContext *vmctx, uint32_t data)
{
    InstanceObject *instance = instance_of(vmctx);
    instance->dropped[instance->plan->n_elements + data] = 1;
}

static uint64_t
vmcall_table_get(VMContext *vmctx, uint64_t at, uint32_t table)
{
    TableDefinition *definition = &instance_of(vmctx)->tables[table]->definition;
    CHECK(at < definition->length, TRAP_TABLE_OUT_OF_BOUNDS);
    return definition->base[at];
}

static void
vmcall_table_set(VMContext *vmctx, uint64_t at, uint64_t value, uint32_t table)
{
    TableObject *object = instance_of(vmctx)->tables[table];
    CHECK(at < object->definition.length, TRAP_TABLE_OUT_OF_BOUNDS);
    Activation *activation = this_thread->activation;
    take_gil(activation);
    table_overwrite(object, at, value, 1, vmctx->store);
    give_gil(activation);
    ATTEND();
}

static uint64_t
vmcall_table_grow(VMContext *vmctx, uint64_t value, uint64_t delta, uint32_t table)
{
    TableObject *object = instance_of(vmctx)->tables[table];
    Activation *activation = this_thread->activation;
    take_gil(activation);
    int64_t before = table_grow(object, delta, value);
    give_gil(activation);
    ATTEND();
    return as_index(before < 0 ? UINT64_MAX : (uint64_t)before, object->wide);
}

static void
vmcall_table_fill(VMContext *vmctx, uint64_t at, uint64_t value, uint64_t count, uint32_t table)
{
    TableObject *object = instance_of(vmctx)->tables[table];
    Activation *activation = this_thread->activation;
    uint64_t now;
    do {
        CHECK(in_bounds(at, count, object->definition.length), TRAP_TABLE_OUT_OF_BOUNDS);
        now = piece(count, PIECE_ELEMENTS);
        take_gil(activation);
        table_overwrite(object, at, value, now, vmctx->store);
        give_gil(activation);
        ATTEND();
        at += now;
    } while (UNLIKELY((count -= now) != 0));
}

static void
vmcall_table_copy(VMContext *vmctx, uint64_t to, uint64_t from, uint64_t count, uint32_t to_table, uint32_t from_table)
{
    TableObject *target = instance_of(vmctx)->tables[to_table], *source = instance_of(vmctx)->tables[from_table];
    Activation *activation = this_thread->activation;
    uint64_t now;
    do {
        CHECK(in_bounds(to, count, target->definition.length) && in_bounds(from, count, source->definition.length),
              TRAP_TABLE_OUT_OF_BOUNDS);
        now = piece(count, PIECE_ELEMENTS);
        take_gil(activation);
        if (to <= from)
            for (uint64_t i = 0; i < now; i++)
                table_overwrite(target, to++, source->definition.base[from++], 1, vmctx->store);
        else
            for (uint64_t i = count; i-- > count - now;)
                table_overwrite(target, to + i, source->definition.base[from + i], 1, vmctx->store);
        give_gil(activation);
        ATTEND();
    } while (UNLIKELY((count -= now) != 0));
}

static void
vmcall_table_init(VMContext *vmctx, uint64_t to, uint32_t from, uint32_t count, uint32_t element, uint32_t table)
{
    InstanceObject *instance = instance_of(vmctx);
    TableObject *object = instance->tables[table];
    Activation *activation = this_thread->activation;
    uint64_t now;
    do {
        CHECK(in_bounds(to, count, object->definition.length) && in_bounds(from, count, segment_length(instance, element)),
              TRAP_TABLE_OUT_OF_BOUNDS);
        now = piece(count, PIECE_ELEMENTS);
        take_gil(activation);
        table_write_segment(instance, object, to, &instance->plan->elements[element], from, now);
        give_gil(activation);
        ATTEND();
        to += now;
        from += now;
    } while (UNLIKELY((count -= now) != 0));
}

static void
vmcall_elem_drop(VMContext *vmctx, uint32_t element)
{
    instance_of(vmctx)->dropped[element] = 1;
}

/* A middleware wants to say what runs: Python writes the line. */
static void
vmcall_trace(VMContext *vmctx, uint32_t event, uint32_t a, uint32_t b, uint32_t offset)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    take_gil(activation);
    PyObject *result =
        hook_trace ? PyObject_CallFunction(hook_trace, "OIIII", vmctx->instance, event, a, b, offset) : Py_NewRef(Py_None);
    int failed = result == NULL;
    Py_XDECREF(result);
    thread->activation = activation;
    if (UNLIKELY(failed)) {
        thread->trap_pc = 0;
        capture_frames(thread, activation, 0, (uintptr_t)__builtin_frame_address(0), 0);
    }
    give_gil(activation);
    if (UNLIKELY(failed))
        unwind(thread, activation, OUTCOME_EXCEPTION);
    ATTEND();
}

#define VMCALL_ADDRESS(name) (void *)vmcall_##name,
static void *const vmcall_table[N_VMCALLS] = {VMCALL_NAMES(VMCALL_ADDRESS)};
