/* The helpers that make structs and arrays, and those that work on many elements of an array.
 *
 * Lengths and indices are what the guest gave, 32 bits, and are checked in 64. What may take long goes in pieces, as in helpers.c. The
 * address of an object stays in a variable until it has its type and its length: so it is on the stack, and no collection frees it. */

static inline Signature *
type_of_instance(VMContext *vmctx, uint32_t type)
{
    return instance_of(vmctx)->plan->signatures[type];
}

/* A slot for an object when no list has one at hand. It traps if there is none to be had. */
static NOINLINE void **
find_slot(VMContext *vmctx, uint64_t bytes)
{
    Thread *thread = this_thread;
    Activation *activation = thread->activation;
    take_gil(activation);
    Heap *heap = store_heap(vmctx->store);
    void **slot = NULL;
    if (LIKELY(heap != NULL)) {
        heap->asked_by_code = 1;
        slot = heap_find(heap, bytes);
        heap->asked_by_code = 0;
    }
    if (UNLIKELY(!heap))
        PyErr_Clear();
    thread->activation = activation;
    give_gil(activation);
    CHECK(slot, TRAP_HEAP_EXHAUSTED);
    return slot;
}

/* A new object of a type, all zero but for its first word. */
static inline uint64_t *
new_object(VMContext *vmctx, Signature *type, uint64_t bytes)
{
    Heap *heap = vmctx->store->heap;
    uint64_t **slot = LIKELY(heap != NULL) ? (uint64_t **)heap_allocate(heap, bytes) : NULL;
    if (UNLIKELY(!slot))
        slot = (uint64_t **)find_slot(vmctx, bytes);
    uint64_t *object = (uint64_t *)slot;
    if (LIKELY(bytes <= MOST_SMALL_BYTES))
        for (uint64_t i = 1; i < (bytes + 7) / 8; i++)
            object[i] = 0;
    *(Signature *volatile *)object = type;
    return object;
}

static uint64_t
vmcall_struct_new_default(VMContext *vmctx, uint32_t type)
{
    Signature *signature = type_of_instance(vmctx, type);
    uint64_t *object = new_object(vmctx, signature, signature->object_bytes);
    ATTEND();
    return (uint64_t)object;
}

static inline uint64_t *
new_array(VMContext *vmctx, Signature *type, uint32_t length)
{
    uint64_t *array = new_object(vmctx, type, OBJECT_ELEMENTS + (uint64_t)length * type->element_bytes);
    array[1] = length;
    return array;
}

static uint64_t
vmcall_array_new_default(VMContext *vmctx, uint32_t length, uint32_t type)
{
    uint64_t *array = new_array(vmctx, type_of_instance(vmctx, type), length);
    ATTEND();
    return (uint64_t)array;
}

/* --- elements ------------------------------------------------------------------------------------------ */

static inline uint8_t *
elements_at(uint64_t array, uint64_t at)
{
    return (uint8_t *)array + OBJECT_ELEMENTS + at * (*(Signature **)array)->element_bytes;
}

/* The null and bounds checks of what touches elements [at, at + length). */
static inline void
check_elements(uint64_t array, uint32_t at, uint32_t length)
{
    CHECK(array, TRAP_NULL_ARRAY);
    CHECK(in_bounds(at, length, *(uint32_t *)(array + OBJECT_LENGTH)), TRAP_ARRAY_OUT_OF_BOUNDS);
}

/* Of a data segment what [from, from + bytes) are; traps if it has not as many. */
static const uint8_t *
segment_bytes(InstanceObject *instance, uint32_t data, uint64_t from, uint64_t bytes)
{
    DataSegment *segment = &instance->plan->data[data];
    uint64_t length = instance->dropped[instance->plan->n_elements + data] ? 0 : segment->length;
    CHECK(in_bounds(from, bytes, length), TRAP_MEMORY_OUT_OF_BOUNDS);
    return segment->bytes + from;
}

static void
copy_segment(InstanceObject *instance, uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    while (bytes) {
        uint64_t now = piece(bytes, PIECE_BYTES);
        memcpy(to, from, now);
        CHECK(!is_lost(instance->plan->file), OUTCOME_LOST);
        ATTEND();
        to += now;
        from += now;
        bytes -= now;
    }
}

static uint64_t
vmcall_array_new_data(VMContext *vmctx, uint32_t from, uint32_t length, uint32_t type, uint32_t data)
{
    InstanceObject *instance = instance_of(vmctx);
    Signature *signature = type_of_instance(vmctx, type);
    uint64_t bytes = (uint64_t)length * signature->element_bytes;
    const uint8_t *source = segment_bytes(instance, data, from, bytes);
    uint64_t *array = new_array(vmctx, signature, length);
    copy_segment(instance, (uint8_t *)array + OBJECT_ELEMENTS, source, bytes);
    return (uint64_t)array;
}

static void
vmcall_array_init_data(VMContext *vmctx, uint64_t array, uint32_t at, uint32_t from, uint32_t length, uint32_t data)
{
    InstanceObject *instance = instance_of(vmctx);
    check_elements(array, at, length);
    uint64_t bytes = (uint64_t)length * (*(Signature **)array)->element_bytes;
    const uint8_t *source = segment_bytes(instance, data, from, bytes);
    copy_segment(instance, elements_at(array, at), source, bytes);
}

static void
check_items(InstanceObject *instance, uint32_t element, uint64_t from, uint64_t count)
{
    CHECK(in_bounds(from, count, segment_length(instance, element)), TRAP_TABLE_OUT_OF_BOUNDS);
}

/* Items of an element segment; traps if it has not as many. */
static void
copy_items(InstanceObject *instance, uint64_t *to, uint32_t element, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        to[i] = segment_item(instance, element, from + i);
        if (UNLIKELY(i % PIECE_ELEMENTS == PIECE_ELEMENTS - 1)) {
            ATTEND();
            check_items(instance, element, from + i + 1, count - i - 1);  /* else a collection may have freed them */
        }
    }
}

static uint64_t
vmcall_array_new_elem(VMContext *vmctx, uint32_t from, uint32_t length, uint32_t type, uint32_t element)
{
    InstanceObject *instance = instance_of(vmctx);
    check_items(instance, element, from, length);
    uint64_t *array = new_array(vmctx, type_of_instance(vmctx, type), length);
    copy_items(instance, array + OBJECT_ELEMENTS / 8, element, from, length);
    ATTEND();
    return (uint64_t)array;
}

static void
vmcall_array_init_elem(VMContext *vmctx, uint64_t array, uint32_t at, uint32_t from, uint32_t length, uint32_t element)
{
    InstanceObject *instance = instance_of(vmctx);
    check_elements(array, at, length);
    check_items(instance, element, from, length);
    copy_items(instance, (uint64_t *)elements_at(array, at), element, from, length);
    ATTEND();
}

/* Backwards where the target lies behind the source, as in memory.copy. */
static void
vmcall_array_copy(VMContext *Py_UNUSED(vmctx), uint64_t to, uint32_t at, uint64_t from, uint32_t from_at, uint32_t length)
{
    check_elements(to, at, length);
    check_elements(from, from_at, length);
    uint8_t *target = elements_at(to, at), *source = elements_at(from, from_at);
    uint64_t bytes = (uint64_t)length * (*(Signature **)to)->element_bytes;
    while (bytes) {
        uint64_t now = piece(bytes, PIECE_BYTES), ahead = target <= source ? 0 : bytes - now;
        memmove(target + ahead, source + ahead, now);
        ATTEND();
        if (target <= source) {
            target += now;
            source += now;
        }
        bytes -= now;
    }
}

/* `length` copies of what the first bytes are: what is there is doubled. */
static void
repeat_first(uint8_t *at, uint64_t size, uint64_t bytes)
{
    for (uint64_t there = size; there < bytes;) {
        uint64_t now = there < bytes - there ? there : bytes - there;
        now = now > PIECE_BYTES ? PIECE_BYTES : now;
        memcpy(at + there, at, now);
        ATTEND();
        there += now;
    }
}

static void
vmcall_array_fill(VMContext *Py_UNUSED(vmctx), uint64_t array, uint32_t at, uint64_t value, uint32_t length)
{
    check_elements(array, at, length);
    uint64_t size = (*(Signature **)array)->element_bytes;
    if (!length)
        return;
    memcpy(elements_at(array, at), &value, size);
    repeat_first(elements_at(array, at), size, length * size);
}

static void
vmcall_array_fill_vector(VMContext *Py_UNUSED(vmctx), uint64_t array, uint32_t at, uint64_t low, uint64_t high, uint32_t length)
{
    check_elements(array, at, length);
    if (!length)
        return;
    Bits128 value = {low, high};
    memcpy(elements_at(array, at), &value, sizeof value);
    repeat_first(elements_at(array, at), sizeof value, length * (uint64_t)sizeof value);
}
