/* Who gets hold of what when a reference goes somewhere: stores and heaps join. */

static int
heap_is_there(const Heap *heap)
{
    if (!heap->cleared)
        return 1;
    raise_error("RuntimeError", "the instance is gone: it was garbage-collected");
    return 0;
}

/* The heap that comes with a reference, or NULL. */
static Heap *
heap_with(uint8_t kind, uint64_t bits)
{
    if (!bits || kind == FUNCREF)
        return NULL;
    if (kind == EXNREF)
        return ((ExceptionObject *)bits)->root.heap;
    return bits & REFERENCE_MASK ? NULL : heap_of(bits);
}

/* What can be reached by a reference that is no object of a heap: the instance of a function, or, for what an exception
 * carries, that which threw it. NULL: nothing. */
static Member *
instance_with(uint8_t kind, uint64_t bits)
{
    PyObject *instance = !bits             ? NULL
                         : kind == FUNCREF ? ((FunctionRecord *)bits)->owner
                         : kind == EXNREF  ? ((ExceptionObject *)bits)->home
                                           : NULL;
    return instance ? &((InstanceObject *)instance)->member : NULL;
}

/* Whether a member's store may take over what comes with a reference. With an exception if not. */
static int
may_reach(uint8_t kind, uint64_t bits)
{
    Member *instance = instance_with(kind, bits);
    if (instance && !may_link(instance))
        return 0;
    Heap *heap = heap_with(kind, bits);
    return !heap || (heap_is_there(heap) && (!heap->store || may_link(heap->store->members)));
}

/* A member's store gets hold of an object of some heap: from here on it is one heap. */
static int
reach_heap(Member *member, Heap *heap)
{
    if (member->store && member->store->heap == heap)
        return 0;
    if (!heap_is_there(heap))
        return -1;
    if (heap->store)
        return store_merge(member, heap->store->members);
    if (!may_link(member))
        return -1;
    Store *store = store_of(member);
    if (!store)
        return -1;
    if (!store->heap)
        heap_give_to(store, heap);
    else {
        Py_INCREF(heap);
        heap_take_all(store->heap, heap);
        Py_DECREF(heap);
    }
    return 0;
}

/* A member's store gets hold of a reference: stores and heaps are joined. Who owns what else is the caller's business. */
static int
reach(Member *member, uint8_t kind, uint64_t bits)
{
    Member *instance = instance_with(kind, bits);
    if (instance && store_merge(member, instance) < 0)
        return -1;
    Heap *heap = heap_with(kind, bits);
    return heap ? reach_heap(member, heap) : 0;
}

/* The same for an object: what is put into it becomes its heap's. */
static int
object_reach(ReferenceObject *self, uint8_t kind, uint64_t bits)
{
    Member *instance = instance_with(kind, bits);
    int failed = instance ? reach_heap(instance, self->root.heap) : 0;
    Heap *heap = self->root.heap, *other = failed ? NULL : heap_with(kind, bits);
    if (other && other != heap) {
        if (heap->store)
            failed = reach_heap(heap->store->members, other);
        else if (other->store)
            failed = reach_heap(other->store->members, heap);
        else {
            Py_INCREF(other);
            heap_take_all(heap, other);
            Py_DECREF(other);
        }
    }
    PyObject *owner = failed ? NULL : reference_owner(kind, bits);
    if (owner)
        heap_keep(self->root.heap, Py_NewRef(owner));
    return failed;
}

/* Python may not touch what another thread's code uses. */
static int
object_is_free(const ReferenceObject *self)
{
    Heap *heap = self->root.heap;
    if (!heap_is_there(heap))
        return 0;
    if (!heap->store || !heap->store->owner || heap->store->owner == (uintptr_t)this_thread)
        return 1;
    raise_error("RuntimeError", "another thread is running an instance that uses this object");
    return 0;
}
