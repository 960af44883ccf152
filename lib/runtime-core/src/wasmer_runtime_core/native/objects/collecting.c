/* What each collection does, at once or in steps: roots, where marking begins and what follows its end. */

/* --- a collection -------------------------------------------------------------------------------------------- */

static uint32_t collection_cycle;

static void
clear_marks(Block *block)
{
    for (; block; block = block->next)
        memset(block_marks(block), 0, block->kind == BLOCK_LARGE ? 8 : MARK_WORDS * sizeof(uint64_t));
}

/* Cells of globals, tables, values of segments: up to `most` words of them, but for the first ones. How many that were. */
static uint64_t
mark_members(Marking *marking, uint64_t passed, uint64_t most)
{
    Store *store = marking->heap->store;
    marking->passed = passed;
    marking->left = most;
    for (Member *member = store ? store->members : NULL; member && marking->left; member = member->next)
        if (member->kind->trace)
            member->kind->trace(member, marking);
    return most - marking->left;
}

/* What one of Python's objects refers to, which is the same as long as it lives. */
static void
mark_root(Marking *marking, Root *root, int is_exception)
{
    if (!is_exception) {
        mark_word(marking, ((ReferenceObject *)((char *)root - offsetof(ReferenceObject, root)))->word);
        return;
    }
    ExceptionObject *exception = (ExceptionObject *)((char *)root - offsetof(ExceptionObject, root));
    for (Py_ssize_t i = 0; i < Py_SIZE(exception); i++)
        mark_reference(marking, exception->tag->signature->params[i], exception->values[i].low);
}

/* All roots. New ones of Python's come to the front of their list, so in steps only these are left. */
static void
mark_roots(Marking *marking, const Thread *thread)
{
    Heap *heap = marking->heap;
    Root *lists[] = {heap->references, heap->exceptions};
    mark_members(marking, 0, UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        for (Root *root = lists[i]; root && root != heap->marked[i]; root = root->next)
            mark_root(marking, root, i);
        if (heap->marking)
            heap->marked[i] = lists[i];
    }
    mark_stack(marking, thread);
}

/* Whether some frame that runs in the store may lie where nobody looks: put aside by a greenlet. There may be one below the call that asks,
 * and where Python asks, in a greenlet that has no call, even the only one. */
static int
is_hidden(Heap *heap, const Thread *thread)
{
    if (frozen)
        return 1;
    if (!heap->store || !heap->store->depth)
        return 0;
    if (!stack_in_use(thread))
        return 1;
    if (heap->store->depth < 2 && heap->asked_by_code)
        return 0;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *greenlet = PyImport_GetModule(exceptions_greenlet);
    int hidden = greenlet || PyErr_Occurred();
    Py_XDECREF(greenlet);
    PyErr_Restore(type, value, traceback);
    return hidden;
}

/* Types that no object has any more. What holds them otherwise is a member's plan, or Python. */
static void
release_types(Heap *heap, uint32_t cycle)
{
    size_t needed = 0;
    for (size_t i = 0; i < heap->n_types; i++) {
        if (heap->types[i]->cycle == cycle)
            heap->types[needed++] = heap->types[i];
        else {
            heap->types[i]->held_by = NULL;
            signature_release(heap->types[i]);
        }
    }
    heap->n_types = needed;
}

/* Room for the list of what is to be looked at: each object may be on it, an array with two words. */
static inline size_t
list_bytes_of(const Heap *heap)
{
    return (heap->bytes + 2 * PAGE_MASK + 1) & ~PAGE_MASK;
}

/* Nothing is marked, nothing on the list. 0, or -1 if there is no room for that. */
static int
marking_begin(Marking *marking, Heap *heap, PointerSet *seen)
{
    size_t bytes = list_bytes_of(heap);
    void *list = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (list == MAP_FAILED)
        return -1;
    *marking = (Marking){.heap = heap, .top = list, .list = list, .list_bytes = bytes, .cycle = ++collection_cycle, .seen = seen};
    heap_sweep_all(heap);  /* marks are about to be of use again, and what is dead has no type from here on */
    for (unsigned class = 0; class < N_CLASSES; class++)
        clear_marks(heap->blocks[class]);
    clear_marks(heap->large);
    return 0;
}

/* All that is alive is marked, and what is not is free. */
static void
marking_end(Marking *marking, Heap *heap)
{
    munmap(marking->list, marking->list_bytes);
    for (unsigned class = 0; class < N_CLASSES; class++) {
        heap->unswept[class] = heap->blocks[class];
        heap->blocks[class] = NULL;
        heap->free[class] = NULL;
    }
    heap_sweep_large(heap);
    heap->live = marking->live;
    heap->allocated = 0;
    heap->threshold = marking->live > LEAST_COLLECTED ? marking->live : LEAST_COLLECTED;
    heap->collections++;
    release_types(heap, marking->cycle);
}

static void
note_pause(Heap *heap, uint64_t start)
{
    uint64_t nanoseconds = now_nanoseconds() - start;
    heap->nanoseconds += nanoseconds;
    if (nanoseconds > heap->longest)
        heap->longest = nanoseconds;
}

