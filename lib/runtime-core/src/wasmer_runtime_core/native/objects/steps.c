/* Marking in steps, so that no pause is long, whatever the size of the heap.
 *
 * Code that runs between two steps writes references where marking has been. It says nothing of that: the pages do. While marking is
 * under way blocks can only be read; the first write to one faults, and the handler makes it *dirty* and lets the code go on. A block that
 * was dirty is looked at again, and guarded again. That costs some microseconds for a block of 64 KiB that is written to, and
 * nothing else: code has no barriers, and what is not being marked is not slowed down.
 *
 * Objects that are made meanwhile lie in blocks of their own, *fresh* ones, which are dirty from the start; all of them count as alive. The last step looks at
 * the roots again, the stack among them, and at what is still dirty. If that leads to more than fits into one step it was not
 * the last: what was found is marked like all else. So the objects that are still white become fewer with every step. */

#define STEP_NANOSECONDS 3000000u
#define LEAST_STEPPED ((uint64_t)4 << 20)  /* bytes of a heap that is marked in steps; a smaller one is marked at once */
#define OBJECTS_BETWEEN_LOOKS 64  /* at the clock: each may be some misses of the cache, and an array some hundred */
#define BLOCKS_GUARDED_AT_ONCE 256
#define ROOTS_BETWEEN_LOOKS 16384
#define MOST_STEPS_BEHIND 2    /* times as many bytes as were alive are allocated while marking: then it is done at once */

static int small_steps;        /* of no length, and in heaps of any size: tests set it */

/* --- guarded blocks -------------------------------------------------------------------------------------- */

static int
protect_blocks(const Block *block, size_t count, int writable)
{
    return mprotect(block_base(block), count * BLOCK_BYTES, writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

/* A fault on an address: whether it was a write to a guarded block, which is dirty now. Signal-safe. Where the system can
 * divide its mappings no more, all blocks become writable, and dirty. */
static int
is_guarded_write(uintptr_t address)
{
    Block *block = block_at(address);
    if (!block || !block->guarded)
        return 0;
    if (LIKELY(protect_blocks(block, 1, 1) == 0)) {
        block->guarded = 0;
        block->dirty = 1;
        return 1;
    }
    size_t count = region.bytes >> BLOCK_SHIFT;
    for (size_t i = 0; i < count; i++)
        if (region.blocks[i].guarded) {
            region.blocks[i].guarded = 0;
            region.blocks[i].dirty = 1;
        }
    return protect_blocks(region.blocks, count, 1) == 0;
}

/* Guard the blocks of a heap that were there when marking began, some with each call; or let all be written again. Whether all are. Blocks
 * that the system will not guard are dirty for as long as marking goes on. */
static int
guard_some(Heap *heap, size_t *cursor, int guarded)
{
    size_t count = region.bytes >> BLOCK_SHIFT, from = *cursor, to, left = BLOCKS_GUARDED_AT_ONCE;
    for (; from < count && left; from = to + (to == from)) {
        for (to = from; to < count && left && region.blocks[to].heap == heap && region.blocks[to].kind != BLOCK_FREE &&
                        !region.blocks[to].fresh; to++, left--) {
            region.blocks[to].guarded = (uint8_t)guarded;
            region.blocks[to].dirty = 0;
        }
        if (to > from && protect_blocks(&region.blocks[from], to - from, !guarded))
            for (size_t i = from; i < to; i++) {
                region.blocks[i].guarded = 0;
                region.blocks[i].dirty = 1;
            }
    }
    *cursor = from;
    return from >= count;
}

/* --- dirty blocks ------------------------------------------------------------------------------------------- */

/* The objects of a block that are known to be alive, or of a large object what lies in the block. */
static void
look_at_block(Marking *marking, Block *block)
{
    if (block->kind == BLOCK_SMALL) {
        const uint64_t *marks = block_marks(block);
        uint64_t object = (uint64_t)block_base(block);
        for (uint32_t i = 0, offset = 0; i < block->count; i++, offset += (uint32_t)block->bytes)
            if (block->fresh || is_marked(marks, offset))
                look_at_references(marking, object + offset);
        return;
    }
    Block *first = block - (block->kind == BLOCK_BEHIND ? block->behind : 0);
    uint64_t object = (uint64_t)block_base(first);
    Signature *type = *(Signature **)object;
    if (!type || !(block_marks(first)[0] & 1))
        return;
    if (type->record.form != FORM_ARRAY) {
        look_at_references(marking, object);
        return;
    }
    type->cycle = marking->cycle;
    uint8_t kind = (uint8_t)type->fields[0].storage;
    uint64_t length = *(uint32_t *)(object + OBJECT_LENGTH), start = (uint64_t)block_base(block) - object;
    uint64_t from = start > OBJECT_ELEMENTS ? (start - OBJECT_ELEMENTS) / 8 : 0;
    uint64_t to = (start + BLOCK_BYTES - OBJECT_ELEMENTS) / 8;
    for (uint64_t i = from; is_reference(kind) && i < (to < length ? to : length); i++)
        mark_reference(marking, kind, ((uint64_t *)(object + OBJECT_ELEMENTS))[i]);
}

/* Mark what is on the list. Whether that was all before the time was over. */
static int
mark_until(Marking *marking, uint64_t end)
{
    while (marking->top > marking->list) {
        for (int i = small_steps ? 1 : OBJECTS_BETWEEN_LOOKS; i && marking->top > marking->list; i--)
            mark_next(marking);
        if (now_nanoseconds() >= end)
            return marking->top == marking->list;
    }
    return 1;
}

/* Objects are still made in this block. */
static inline int
is_in_use(const Heap *heap, const Block *block)
{
    return block->kind == BLOCK_SMALL && heap->free[block->class] && block_at((uintptr_t)heap->free[block->class]) == block;
}

/* Look at a dirty block. Until the last step it is guarded again, so that it is known whether it is written to later. */
static void
clean_block(Marking *marking, Block *block, int last)
{
    if (!last && protect_blocks(block, 1, 0) == 0) {
        block->dirty = 0;
        block->guarded = 1;
    }
    look_at_block(marking, block);
}

/* Look at dirty blocks, but for those where objects are being made; of the last step at these as well. Whether that was all. */
static int
clean_list(Marking *marking, Block *block, int last, uint64_t end)
{
    for (; block; block = block->next) {
        uint32_t count = block->kind == BLOCK_LARGE ? block->count : 1;
        for (uint32_t i = 0; i < count; i++) {
            if (!block[i].dirty || (!last && is_in_use(marking->heap, block)))
                continue;
            clean_block(marking, &block[i], last);
            if (!last && (!mark_until(marking, end) || now_nanoseconds() >= end))
                return 0;
        }
    }
    return 1;
}

static int
clean_heap(Marking *marking, int last, uint64_t end)
{
    for (unsigned class = 0; class < N_CLASSES; class++)
        if (!clean_list(marking, marking->heap->blocks[class], last, end))
            return 0;
    return clean_list(marking, marking->heap->large, last, end);
}

/* --- steps ----------------------------------------------------------------------------------------------------- */

static int
fits_list(const Marking *marking)
{
    return marking->list_bytes >= list_bytes_of(marking->heap);
}

/* The list is as long as it has to be for what was allocated meanwhile. 0, or -1. */
static int
lengthen_list(Marking *marking)
{
    size_t wanted = list_bytes_of(marking->heap) * 2;
    void *list = mremap(marking->list, marking->list_bytes, wanted, MREMAP_MAYMOVE);
    if (list == MAP_FAILED)
        return -1;
    marking->top = (uint64_t *)list + (marking->top - marking->list);
    marking->list = list;
    marking->list_bytes = wanted;
    return 0;
}

/* What was fresh is so no more, in a list of blocks. */
static void
forget_fresh(Block *block)
{
    for (; block; block = block->next)
        for (uint32_t i = 0; i < (block->kind == BLOCK_LARGE ? block->count : 1); i++)
            block[i].fresh = block[i].dirty = 0;
}

static void
forget_roots(Heap *heap)
{
    for (int i = 0; i < 2; i++)
        heap->unmarked[i] = heap->marked[i] = NULL;
}

/* Marking was in vain: nothing is known of what is alive. Blocks that are guarded can be written all the same. */
static void
steps_end(Heap *heap)
{
    Marking *marking = heap->marking;
    if (!marking)
        return;
    heap->marking = NULL;
    forget_roots(heap);
    heap->guards = 1;
    heap->guard_at = 0;
    for (unsigned class = 0; class < N_CLASSES; class++)
        forget_fresh(heap->blocks[class]);
    forget_fresh(heap->large);
    munmap(marking->list, marking->list_bytes);
    free(marking);
}

/* The first step. 0, or -1: it cannot be done, and nothing has changed. */
static int
steps_begin(Heap *heap, const Thread *thread)
{
    struct sigaction action;
    if ((heap->bytes < LEAST_STEPPED && !small_steps) || sigaction(SIGSEGV, NULL, &action) || !is_ours(&action) ||
        is_hidden(heap, thread))
        return -1;
    Marking *marking = malloc(sizeof *marking);
    if (!marking || marking_begin(marking, heap, NULL) < 0) {
        free(marking);
        return -1;
    }
    for (unsigned class = 0; class < N_CLASSES; class++)
        heap->free[class] = NULL;  /* new objects lie in fresh blocks; these slots are free again when marking is over */
    heap->marking = marking;
    heap->before = heap->allocated;
    heap->guards = 0;
    heap->guard_at = 0;
    return 0;
}

/* All is marked. Fresh blocks have nothing to be swept. */
static void
steps_finish(Heap *heap)
{
    Marking *marking = heap->marking;
    Block *fresh[N_CLASSES] = {NULL};
    for (unsigned class = 0; class < N_CLASSES; class++) {
        Block **link = &heap->blocks[class], *block;
        while ((block = *link)) {
            if (!block->fresh) {
                link = &block->next;
                continue;
            }
            block->fresh = block->dirty = 0;
            *link = block->next;
            block->next = fresh[class];
            fresh[class] = block;
            marking->live += block->bytes * (block->count - count_marked(block));  /* the others were counted */
        }
    }
    forget_fresh(heap->large);
    forget_roots(heap);
    heap->marking = NULL;
    heap->guards = 1;
    heap->guard_at = 0;
    void **free_slots[N_CLASSES];
    memcpy(free_slots, heap->free, sizeof free_slots);
    marking_end(marking, heap);
    memcpy(heap->free, free_slots, sizeof free_slots);
    memcpy(heap->blocks, fresh, sizeof fresh);
    free(marking);
}

/* Roots but for the stack, in pieces: there may be millions. Who comes or moves meanwhile is found by the last step, which looks
 * at all once more; by then hardly any of them leads to something new. Whether that was all before the time was over. */
static int
mark_some_roots(Marking *marking, uint64_t end)
{
    Heap *heap = marking->heap;
    uint64_t most = small_steps ? 3 : ROOTS_BETWEEN_LOOKS, found;
    if (!marking->rooting) {
        marking->rooting = 1;
        heap->unmarked[0] = heap->marked[0] = heap->references;
        heap->unmarked[1] = heap->marked[1] = heap->exceptions;
    }
    do {
        found = mark_members(marking, marking->rooted, most);
        marking->rooted += found;
        if (found == most && now_nanoseconds() >= end)
            return 0;
    } while (found == most);
    for (int i = 0; i < 2; i++)
        while (heap->unmarked[i]) {
            for (uint64_t left = most; left && heap->unmarked[i]; left--) {
                Root *root = heap->unmarked[i];
                heap->unmarked[i] = root->next;
                mark_root(marking, root, i);
            }
            if (now_nanoseconds() >= end)
                return 0;
        }
    return 1;
}

/* A step; the last one if `hurry`. The first ones guard blocks. Whether it was the last. */
static int
steps_go_on(Heap *heap, const Thread *thread, int hurry)
{
    Marking *marking = heap->marking;
    uint64_t end = hurry ? UINT64_MAX : now_nanoseconds() + (small_steps ? 0 : STEP_NANOSECONDS);
    if (!fits_list(marking) && lengthen_list(marking) < 0) {
        steps_end(heap);
        return 0;
    }
    if (!marking->begun) {
        while (!guard_some(heap, &heap->guard_at, 1))
            if (!hurry)
                return 0;
        if (!mark_some_roots(marking, end))
            return 0;
        marking->begun = 1;
    }
    if (!mark_until(marking, end) || !clean_heap(marking, 0, end) || is_hidden(heap, thread))
        return 0;
    mark_roots(marking, thread);
    clean_heap(marking, 1, end);
    if (!mark_until(marking, end))
        return 0;
    steps_finish(heap);
    return 1;
}
