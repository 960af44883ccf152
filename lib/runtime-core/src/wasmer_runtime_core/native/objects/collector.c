/* When a heap is collected; what it keeps, and whose it is.
 *
 * Python's objects, and instances whose functions an object refers to, cannot be counted: code stores a reference without telling anyone.
 * Whatever comes into a store that has a heap is kept (`kept`), until a collection while nothing runs has found no object that refers to it. */

#define MANY_KEPT 1024         /* foreign objects that are kept before it is looked which of them are needed */

/* Of what is kept, that which was seen stays at the front, each object once; returns how many. */
static size_t
divide_kept(PyObject **kept, size_t count, const PointerSet *seen)
{
    PointerSet once = {NULL, 0, 0, 0};
    size_t needed = 0;
    for (size_t i = 0; i < count; i++) {
        PyObject *object = kept[i];
        if (!pointer_is_in(seen, object) || (!once.failed && pointer_is_in(&once, object)))
            continue;
        pointer_add(&once, object);
        kept[i] = kept[needed];
        kept[needed++] = object;
    }
    free(once.slots);
    return needed;
}

/* Find out what is alive at once; all else is free. Whether it was done. The GIL is held, and this thread runs in the store, or nobody.
 * `prune`: foreign objects that nothing refers to are let go of, which may run Python code; only while no code runs in the store. */
static int
heap_collect(Heap *heap, int prune)
{
    Thread *thread = this_thread;
    PointerSet seen = {NULL, 0, 0, 0};
    Marking marking;
    uint64_t start = now_nanoseconds();
    steps_end(heap);
    if (is_hidden(heap, thread) || marking_begin(&marking, heap, prune ? &seen : NULL) < 0)
        return 0;
    mark_roots(&marking, thread);
    mark_all(&marking);
    marking_end(&marking, heap);
    note_pause(heap, start);
    if (prune && !seen.failed) {
        size_t count = heap->n_kept, needed = divide_kept(heap->kept, count, &seen);
        PyObject **dropped = needed < count ? malloc((count - needed) * sizeof *dropped) : NULL;
        if (dropped) {
            memcpy(dropped, heap->kept + needed, (count - needed) * sizeof *dropped);
            heap->n_kept = needed;
        }
        heap->prune_at = 2 * heap->n_kept > MANY_KEPT ? 2 * heap->n_kept : MANY_KEPT;
        for (size_t i = needed; dropped && i < count; i++)  /* any Python code may run */
            Py_DECREF(dropped[i - needed]);
        free(dropped);
    }
    free(seen.slots);
    return 1;
}

/* --- allocation ------------------------------------------------------------------------------------------------- */

static int stress;             /* collect at each allocation: tests set it */

/* So much is kept that it is time to look what of it is needed. Any Python code may run. */
static void
heap_prune(Heap *heap)
{
    if (LIKELY(heap->n_kept < heap->prune_at) || heap->cleared || (heap->store && heap->store->depth))
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Py_INCREF(heap);
    heap_collect(heap, 1);
    Py_DECREF(heap);
    PyErr_Restore(type, value, traceback);
}

#define BLOCKS_SWEPT_AT_ONCE 32

/* Before marking begins all has to be swept: some more of it. Whether that was all. */
static int
sweep_some(Heap *heap)
{
    int left = BLOCKS_SWEPT_AT_ONCE;
    for (unsigned class = 0; class < N_CLASSES; class++) {
        Block *block;
        while ((block = heap->unswept[class])) {
            if (!left--)
                return 0;
            heap->unswept[class] = block->next;
            sweep_block(heap, block, 1);
        }
    }
    return 1;
}

/* So much was allocated that it is time to look for what is free: at once in a small heap, in steps in another. */
static void
collect_some(Heap *heap)
{
    Thread *thread = this_thread;
    uint64_t start = now_nanoseconds();
    if (!heap->marking && !sweep_some(heap))
        ;
    else if (heap->marking)
        steps_go_on(heap, thread, heap->allocated - heap->before > MOST_STEPS_BEHIND * heap->threshold);
    else if (steps_begin(heap, thread) < 0) {
        if (!heap_collect(heap, 0))
            heap->threshold = heap->allocated + LEAST_COLLECTED;  /* it grows until it may not */
        return;
    }
    note_pause(heap, start);
}

static void **
take_slot(Heap *heap, uint64_t bytes)
{
    if (bytes > MOST_SMALL_BYTES)
        return heap_take_large(heap, bytes);
    unsigned class = class_of_bytes(bytes);
    return heap->free[class] ? heap->free[class] : heap_grow(heap, class);
}

/* There is no room: all is collected at once, and blocks that have become empty are there for any size. */
static void **
take_slot_of_last_resort(Heap *heap, uint64_t bytes)
{
    heap_collect(heap, 0);
    heap_sweep_all(heap);
    while (bytes > MOST_SMALL_BYTES && heap->spare) {
        Block *block = heap->spare;
        heap->spare = block->next;
        heap->n_spare--;
        heap_give_block(heap, block);
    }
    return take_slot(heap, bytes);
}

/* Room for an object of so many bytes, its first word 0; of a large one all bytes are. NULL: the heap is exhausted. */
static NOINLINE void **
heap_find(Heap *heap, uint64_t bytes)
{
    int large = bytes > MOST_SMALL_BYTES;
    unsigned class = large ? 0 : class_of_bytes(bytes);
    void **slot = NULL;
    if (bytes > MOST_HEAP_BYTES)
        return NULL;
    if (UNLIKELY(stress))
        heap_collect(heap, 0);
    if (!large)
        slot = heap_refill(heap, class);
    heap_trim(heap);
    if (UNLIKELY(heap->guards))
        heap->guards = !guard_some(heap, &heap->guard_at, 0);
    if (!slot && (heap->marking || heap->allocated >= heap->threshold || small_steps))
        collect_some(heap);
    if (!slot && !large)
        slot = heap_refill(heap, class);
    if (!slot && !(slot = take_slot(heap, bytes)) && !(slot = take_slot_of_last_resort(heap, bytes)))
        return NULL;
    if (!large)
        heap->free[class] = UNLIKELY(stress) ? NULL : slot[1];
    return slot;
}

static inline void **
heap_allocate(Heap *heap, uint64_t bytes)
{
    if (LIKELY(bytes <= MOST_SMALL_BYTES)) {
        unsigned class = class_of_bytes(bytes);
        void **slot = heap->free[class];
        if (LIKELY(slot != NULL)) {
            heap->free[class] = slot[1];
            return slot;
        }
    }
    return NULL;
}

/* --- what a heap keeps ---------------------------------------------------------------------------------------------- */

/* Keep a foreign object (the reference is stolen) as long as an object may refer to it. */
static void
heap_keep(Heap *heap, PyObject *object)
{
    if (heap->n_kept && heap->kept[heap->n_kept - 1] == object) {
        Py_DECREF(object);  /* never the last reference */
        return;
    }
    if (heap->n_kept == heap->kept_room) {
        size_t room = heap->kept_room ? 2 * heap->kept_room : 16;
        PyObject **grown = realloc(heap->kept, room * sizeof *grown);
        if (!grown)
            return;  /* as in store_keep: it is never let go */
        heap->kept = grown;
        heap->kept_room = room;
    }
    heap->kept[heap->n_kept++] = object;
}

/* Hold a type as long as there are objects of it. */
static void
heap_hold_type(Heap *heap, Signature *type)
{
    if (type->held_by == heap)
        return;
    for (size_t i = 0; type->held_by && i < heap->n_types; i++)
        if (heap->types[i] == type)
            return;
    if (heap->n_types == heap->types_room) {
        size_t room = heap->types_room ? 2 * heap->types_room : 16;
        Signature **grown = realloc(heap->types, room * sizeof *grown);
        if (!grown) {
            signature_hold(type);  /* for ever */
            return;
        }
        heap->types = grown;
        heap->types_room = room;
    }
    signature_hold(type);
    type->held_by = heap;
    heap->types[heap->n_types++] = type;
}


/* --- a heap and its store ------------------------------------------------------------------------------------------------ */

/* What an instance put into objects may be needed when nobody else needs the instance, so the heap owns it. An instance that has the
 * heap for itself need not be: they go together, and Python's references keep it. */
static void
heap_own(Heap *heap, Member *member)
{
    InstanceObject *instance = member_instance(member);
    if (!instance || instance->owned_by_heap)
        return;
    if (heap->n_owned == heap->owned_room) {
        size_t room = heap->owned_room ? 2 * heap->owned_room : 4;
        PyObject **grown = realloc(heap->owned, room * sizeof *grown);
        if (grown) {
            heap->owned = grown;
            heap->owned_room = room;
        }
    }
    instance->owned_by_heap = 1;
    Py_INCREF(instance);  /* for ever, if it cannot be noted */
    if (heap->n_owned < heap->owned_room)
        heap->owned[heap->n_owned++] = (PyObject *)instance;
}

/* Whether there is more than one member that may outlive the others is looked at anew. */
static void
heap_count_users(Heap *heap)
{
    size_t lasting = 0;
    for (Member *member = heap->store->members; member && lasting < 2; member = member->next)
        lasting += member->kind->lasting;
    if (lasting < 2)
        return;
    heap->owns = 1;
    for (Member *member = heap->store->members; member; member = member->next)
        heap_own(heap, member);
}

static void
heap_add_member(Store *store, Member *member)
{
    Heap *heap = store->heap, *before = member->heap;
    if (before == heap)
        return;
    member->heap = (Heap *)Py_NewRef((PyObject *)heap);
    if (heap->owns)
        heap_own(heap, member);
    else
        heap_count_users(heap);
    Py_XDECREF(before);
}

/* An instance goes; if there may be objects of its types it leaves them to the heap. */
static void
heap_lose_member(Member *member)
{
    Heap *heap = member->heap;
    InstanceObject *instance = member_instance(member);
    member->heap = NULL;
    if (!instance || Py_REFCNT(heap) == 1)
        return;
    for (uint32_t i = 0; i < instance->plan->n_types; i++)
        if (instance->plan->signatures[i]->object_bytes)
            heap_hold_type(heap, instance->plan->signatures[i]);
}

/* The last member has gone; Python may still have objects. */
static void
heap_lose_store(Heap *heap)
{
    Store *store = heap->store;
    for (size_t i = 0; i < store->n_keep; i++)
        heap_keep(heap, store->keep[i]);
    store->n_keep = 0;
    heap->store = NULL;
}

/* At the outermost exit: what was kept for code that ran is kept for objects. Now and then it is looked what of it they need. */
static void
heap_settle_kept(Store *store, PyObject **keep, size_t count)
{
    Heap *heap = store->heap;
    size_t exceptions = 0;
    for (size_t i = 0; i < count; i++)
        if (!exception_fields && Py_IS_TYPE(keep[i], ExceptionType))
            keep[exceptions++] = keep[i];
        else
            heap_keep(heap, keep[i]);
    heap_prune(heap);
    for (size_t i = 0; i < exceptions; i++)  /* any Python code may run, in the collection already */
        Py_DECREF(keep[i]);
}

/* One heap takes over what another one has, and whoever refers to that. */
static void
heap_take_all(Heap *to, Heap *from)
{
    steps_end(to);
    steps_end(from);
    heap_take_over(to, from);
    Root **lists[] = {&from->references, &from->exceptions}, **targets[] = {&to->references, &to->exceptions};
    for (int i = 0; i < 2; i++)
        for (Root *root; (root = *lists[i]);) {
            root_remove(root);
            root_add(targets[i], root);
            root->heap = (Heap *)Py_NewRef((PyObject *)to);
            Py_DECREF(from);  /* the caller has one, too */
        }
    for (size_t i = 0; i < from->n_kept; i++)
        heap_keep(to, from->kept[i]);
    from->n_kept = 0;
    for (size_t i = 0; i < from->n_types; i++) {
        from->types[i]->held_by = NULL;
        heap_hold_type(to, from->types[i]);
        signature_release(from->types[i]);
    }
    from->n_types = 0;
}

/* The store gets the heap: it had none. */
static void
heap_give_to(Store *store, Heap *heap)
{
    store->heap = heap;
    heap->store = store;
    for (Member *member = store->members; member; member = member->next)
        if (!member->heap)
            member->heap = (Heap *)Py_NewRef((PyObject *)heap);
    heap_count_users(heap);
}

/* Before the members of `from`, which has a heap, become members of `to`: its heap becomes that of `to`, or a part of it. */
static void
heap_join(Store *to, Store *from)
{
    Heap *heap = (Heap *)Py_NewRef((PyObject *)from->heap);
    from->heap = NULL;
    if (!to->heap)
        heap_give_to(to, heap);
    else {
        Heap *target = to->heap;
        heap_take_all(target, heap);
        heap->store = NULL;
        for (size_t i = 0; i < heap->n_owned; i++) {
            InstanceObject *instance = (InstanceObject *)heap->owned[i];
            instance->owned_by_heap = 0;
            heap_own(target, &instance->member);
        }
        target->owns |= heap->owns;
        size_t n_owned = heap->n_owned;
        heap->n_owned = 0;
        for (size_t i = 0; i < n_owned; i++)
            Py_DECREF(heap->owned[i]);  /* never the last reference */
    }
    Py_DECREF(heap);
}

/* --- the type -------------------------------------------------------------------------------------------------------------- */

static Heap *
heap_new(void)
{
    Heap *heap = (Heap *)HeapType->tp_alloc(HeapType, 0);
    if (heap) {
        heap->threshold = LEAST_COLLECTED;
        heap->prune_at = MANY_KEPT;
    }
    return heap;
}

/* The heap of a store, made if it has none; NULL with MemoryError. Making it may run Python code. */
static Heap *
store_heap(Store *store)
{
    if (store->heap)
        return store->heap;
    Heap *heap = heap_new();
    if (!heap)
        return NULL;
    if (!store->heap)
        heap_give_to(store, heap);
    Py_DECREF(heap);  /* the members have it */
    return store->heap;
}

/* For initializers, whose operands lie where no collection looks: so there is none. A new object, all zero; 0: there is no room. */
static uint64_t
heap_new_object(Store *store, Signature *type, uint64_t bytes)
{
    Heap *heap = store_heap(store);
    if (!heap) {
        PyErr_Clear();
        return 0;
    }
    frozen++;
    uint64_t *object = (uint64_t *)heap_find(heap, bytes);
    frozen--;
    if (!object)
        return 0;
    if (bytes <= MOST_SMALL_BYTES)
        memset(object, 0, bytes);
    object[0] = (uint64_t)type;
    return (uint64_t)object;
}

static uint64_t
heap_new_struct(Store *store, Signature *type)
{
    return heap_new_object(store, type, type->object_bytes);
}

static uint64_t
heap_new_array(Store *store, Signature *type, uint32_t length)
{
    uint64_t array = heap_new_object(store, type, OBJECT_ELEMENTS + (uint64_t)length * type->element_bytes);
    if (array)
        *(uint32_t *)(array + OBJECT_LENGTH) = length;
    return array;
}

/* Write a field or an element, the low bytes of a value. */
static void
heap_store(uint64_t at, ValueType storage, const Bits128 *value)
{
    memcpy((void *)at, value, storage_bytes(storage));
}

static int
heap_traverse(PyObject *object, visitproc visit, void *arg)
{
    Heap *self = (Heap *)object;
    for (size_t i = 0; i < self->n_kept; i++)
        Py_VISIT(self->kept[i]);
    for (size_t i = 0; i < self->n_owned; i++)
        Py_VISIT(self->owned[i]);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

/* Nobody has it any more but what it has itself: what is kept goes. Objects stay where they are until all is over. */
static int
heap_clear(PyObject *object)
{
    Heap *self = (Heap *)object;
    self->cleared = 1;
    while (self->n_kept) {
        PyObject *kept = self->kept[--self->n_kept];
        Py_DECREF(kept);
    }
    while (self->n_owned) {
        PyObject *owned = self->owned[--self->n_owned];
        Py_DECREF(owned);
    }
    return 0;
}

static void
heap_dealloc(PyObject *object)
{
    Heap *self = (Heap *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, heap_dealloc)
    heap_clear(object);
    steps_end(self);
    for (unsigned class = 0; class < N_CLASSES; class++) {
        give_list(self->blocks[class]);
        give_list(self->unswept[class]);
    }
    give_list(self->large);
    give_list(self->spare);
    for (size_t i = 0; i < self->n_types; i++) {
        self->types[i]->held_by = NULL;
        signature_release(self->types[i]);
    }
    free(self->types);
    free(self->kept);
    free(self->owned);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* collect() -> whether it was done: not while its store runs in another thread, nor while a greenlet may have put code aside. */
static PyObject *
heap_method_collect(PyObject *object, PyObject *Py_UNUSED(none))
{
    Heap *self = (Heap *)object;
    if (self->cleared || (self->store && self->store->owner && self->store->owner != (uintptr_t)this_thread))
        Py_RETURN_FALSE;
    Py_INCREF(self);
    int done = heap_collect(self, !self->store || !self->store->depth);
    Py_DECREF(self);
    return PyBool_FromLong(done);
}

static PyObject *
native_heap_stress(PyObject *Py_UNUSED(module), PyObject *on)
{
    long how = PyLong_AsLong(on);
    if (how == -1 && PyErr_Occurred())
        return NULL;
    stress = how == 1;
    small_steps = how == 2;
    Py_RETURN_NONE;
}

static PyMethodDef heap_methods[] = {
    {"collect", heap_method_collect, METH_NOARGS,
     "collect() -> whether it was done: not while its instances run in another thread, nor, where there are greenlets, at all while they run"},
    {NULL, NULL, 0, NULL}};
static PyMemberDef heap_members[] = {
    {"bytes", T_ULONGLONG, offsetof(Heap, bytes), READONLY, "of address space that is in use, in whole blocks and pages"},
    {"live_bytes", T_ULONGLONG, offsetof(Heap, live), READONLY, "of objects that the last collection found"},
    {"allocated_bytes", T_ULONGLONG, offsetof(Heap, allocated), READONLY, "of slots that were given out since then"},
    {"collections", T_ULONGLONG, offsetof(Heap, collections), READONLY, "since it was made"},
    {"collection_nanoseconds", T_ULONGLONG, offsetof(Heap, nanoseconds), READONLY, "that these took"},
    {"longest_pause_nanoseconds", T_ULONGLONG, offsetof(Heap, longest), READONLY, "that one of these took"},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot heap_slots[] = {{Py_tp_dealloc, heap_dealloc}, {Py_tp_traverse, heap_traverse},
                                   {Py_tp_clear, heap_clear}, {Py_tp_members, heap_members},
                                   {Py_tp_methods, heap_methods},
                                   {Py_tp_doc, "Where the objects of WebAssembly of linked instances lie."}, {0, NULL}};
static PyType_Spec heap_spec = {"wasmer_runtime_core.native.machine.Heap", sizeof(Heap), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, heap_slots};
