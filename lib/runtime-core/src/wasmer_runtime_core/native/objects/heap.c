/* The collected heap: where structs and arrays lie, how room for one is found, and how it becomes free again.
 *
 * All heaps take *blocks* of 64 KiB out of one range of addresses, so that from any word it is known at once whether it points into a
 * heap, and into which block. A block has slots of one size; what is larger than half a block has blocks of its own. A slot is
 * free while its first word is 0: an object has the address of its type's record there. What is known of a block, and the marks of its
 * objects, one bit for 16 bytes, lie elsewhere, one behind the other: in front of each block they would all fall into
 * the same lines of the cache.
 *
 * There is one heap for a store, made when the first object is. Who runs in the store allocates from lists of free slots without a
 * lock. A list that is empty is filled from the next block that has not been swept since the last collection (`collector.c`), then from a
 * new block: that needs the GIL. Objects never move, so when stores join, one heap takes over the blocks of the other. A heap outlives its
 * store as long as Python holds an object of it. */

#define BLOCK_SHIFT 16
#define BLOCK_BYTES ((size_t)1 << BLOCK_SHIFT)
#define GRANULE_SHIFT 4
#define MARK_WORDS (BLOCK_BYTES >> GRANULE_SHIFT >> 6)
#define MOST_REGION_BYTES ((size_t)256 << 30)
#define LEAST_REGION_BYTES ((size_t)64 << 20)
#define REGION_STEP ((size_t)512)         /* blocks that are made accessible at once */
#define MOST_HEAP_BYTES ((uint64_t)4 << 30)
#define LEAST_COLLECTED ((uint64_t)4 << 20)  /* bytes that are allocated before a collection is worth its while */
#define BLOCKS_UNGUARDED_AT_ONCE 32
#define BLOCKS_GIVEN_AT_ONCE 8
#define PAGE_MASK ((size_t)4095)

enum { BLOCK_FREE, BLOCK_SMALL, BLOCK_LARGE, BLOCK_BEHIND };

typedef struct Block {
    Heap *heap;                /* NULL: nobody's */
    struct Block *next;        /* in a list of its heap */
    uint64_t bytes;            /* of a slot; or of a large object, in whole pages */
    uint32_t count;            /* of slots; or of the blocks of a large object */
    uint32_t inverse;          /* of `bytes`: 2^32 divided by it, and one more */
    uint32_t behind;           /* BLOCK_BEHIND: so many blocks behind the first one of a large object */
    uint8_t kind, class;
    volatile uint8_t guarded, dirty;  /* while marking goes in steps: not to be written; written since it was looked at (steps.c) */
    uint8_t fresh;             /* got its objects meanwhile */
} Block;

/* Sizes of slots: in steps of 16 bytes up to 512, then in eight steps for each power of two up to half a block. */
#define FINE_CLASSES 32
#define MOST_FINE_BYTES (FINE_CLASSES << GRANULE_SHIFT)
#define MOST_SMALL_BYTES (BLOCK_BYTES / 2)

static inline unsigned
class_of_bytes(size_t bytes)
{
    if (LIKELY(bytes <= MOST_FINE_BYTES))
        return (unsigned)((bytes - 1) >> GRANULE_SHIFT);
    unsigned power = 63 - (unsigned)__builtin_clzll(bytes - 1);  /* 9: 513 to 1024 */
    return FINE_CLASSES + (power - 9) * 8 + (unsigned)((bytes - 1) >> (power - 3) & 7);
}

static inline size_t
class_bytes(unsigned class)
{
    if (class < FINE_CLASSES)
        return (size_t)(class + 1) << GRANULE_SHIFT;
    class -= FINE_CLASSES;
    return (size_t)(9 + class % 8) << (class / 8 + 6);
}

/* --- blocks, for all heaps ----------------------------------------------------------------------------- */

static struct {
    uint8_t *base;             /* of block 0; NULL: no heap has been made yet */
    size_t bytes;              /* of blocks that were given out at some time: they are in front */
    size_t room;               /* blocks that there is address space for */
    size_t accessible;         /* of them */
    Block *blocks;
    uint64_t *marks;           /* MARK_WORDS for each block */
    struct { size_t start, count; } *runs;  /* blocks that were given back: ascending, none next to another */
    size_t n_runs, runs_room;
} region;

static void *
reserve_range(size_t bytes)
{
    void *range = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return range == MAP_FAILED ? NULL : range;
}

/* Address space for all heaps. Where that of the process is limited, an eighth of it: memories need theirs. */
static int
region_make(void)
{
    size_t most = MOST_REGION_BYTES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        while (most > limit.rlim_cur / 8)
            most /= 2;
    for (; most >= LEAST_REGION_BYTES; most /= 2) {
        size_t room = most / BLOCK_BYTES;
        uint8_t *base = reserve_range(most + BLOCK_BYTES);
        Block *blocks = reserve_range(room * sizeof *blocks);
        uint64_t *marks = reserve_range(room * MARK_WORDS * sizeof *marks);
        if (base && blocks && marks) {
            region.blocks = blocks;
            region.marks = marks;
            region.room = room;
            region.base = (uint8_t *)(((uintptr_t)base + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1));
            return 0;
        }
        if (base)
            munmap(base, most + BLOCK_BYTES);
        if (blocks)
            munmap(blocks, room * sizeof *blocks);
        if (marks)
            munmap(marks, room * MARK_WORDS * sizeof *marks);
    }
    return -1;
}

static int
make_accessible(void *base, size_t unit, size_t from, size_t to)
{
    uintptr_t start = ((uintptr_t)base + unit * from) & ~(uintptr_t)PAGE_MASK;
    uintptr_t end = ((uintptr_t)base + unit * to + PAGE_MASK) & ~(uintptr_t)PAGE_MASK;
    return mprotect((void *)start, end - start, PROT_READ | PROT_WRITE);
}

/* Blocks that nobody ever had. 0, or -1 if there are none. */
static int
region_extend(size_t count)
{
    if (!region.base && region_make() < 0)
        return -1;
    size_t needed = region.bytes / BLOCK_BYTES + count;
    if (needed > region.room)
        return -1;
    if (needed > region.accessible) {
        size_t wanted = (needed + REGION_STEP - 1) / REGION_STEP * REGION_STEP;
        if (wanted > region.room)
            wanted = region.room;
        if (make_accessible(region.base, BLOCK_BYTES, region.accessible, wanted) ||
            make_accessible(region.blocks, sizeof *region.blocks, region.accessible, wanted) ||
            make_accessible(region.marks, MARK_WORDS * sizeof *region.marks, region.accessible, wanted))
            return -1;
        region.accessible = wanted;
    }
    region.bytes += count * BLOCK_BYTES;
    return 0;
}

/* `count` neighbouring blocks, all bytes zero, or NULL. */
static Block *
blocks_take(Heap *heap, size_t count)
{
    lock_growth();
    size_t at = 0, start = SIZE_MAX;
    while (at < region.n_runs && region.runs[at].count < count)
        at++;
    if (at < region.n_runs) {
        start = region.runs[at].start;
        region.runs[at].start += count;
        region.runs[at].count -= count;
        if (!region.runs[at].count) {
            region.n_runs--;
            memmove(&region.runs[at], &region.runs[at + 1], (region.n_runs - at) * sizeof *region.runs);
        }
    }
    else if (region_extend(count) == 0)
        start = region.bytes / BLOCK_BYTES - count;
    Block *block = start == SIZE_MAX ? NULL : &region.blocks[start];
    for (size_t i = 0; block && i < count; i++)
        block[i] = (Block){.heap = heap, .kind = BLOCK_BEHIND, .behind = (uint32_t)i};
    unlock_growth();
    return block;
}

static inline uint8_t *
block_base(const Block *block)
{
    return region.base + ((size_t)(block - region.blocks) << BLOCK_SHIFT);
}

static inline uint64_t *
block_marks(const Block *block)
{
    return region.marks + (size_t)(block - region.blocks) * MARK_WORDS;
}

/* Their pages go back to the system. If there is no room to note the blocks they stay unused. */
static void
blocks_give(Block *block, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (block[i].guarded) {
            mprotect(block_base(block), count * BLOCK_BYTES, PROT_READ | PROT_WRITE);
            break;
        }
    madvise(block_base(block), count * BLOCK_BYTES, MADV_DONTNEED);
    lock_growth();
    for (size_t i = 0; i < count; i++)
        block[i] = (Block){.kind = BLOCK_FREE};
    size_t start = (size_t)(block - region.blocks), low = 0, high = region.n_runs;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (region.runs[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    int before = low && region.runs[low - 1].start + region.runs[low - 1].count == start;
    int after = low < region.n_runs && start + count == region.runs[low].start;
    if (before && after) {
        region.runs[low - 1].count += count + region.runs[low].count;
        region.n_runs--;
        memmove(&region.runs[low], &region.runs[low + 1], (region.n_runs - low) * sizeof *region.runs);
    }
    else if (before)
        region.runs[low - 1].count += count;
    else if (after) {
        region.runs[low].start = start;
        region.runs[low].count += count;
    }
    else {
        if (region.n_runs == region.runs_room) {
            size_t room = region.runs_room ? 2 * region.runs_room : 64;
            void *grown = realloc(region.runs, room * sizeof *region.runs);
            if (grown) {
                region.runs = grown;
                region.runs_room = room;
            }
        }
        if (region.n_runs < region.runs_room) {
            memmove(&region.runs[low + 1], &region.runs[low], (region.n_runs - low) * sizeof *region.runs);
            region.runs[low].start = start;
            region.runs[low].count = count;
            region.n_runs++;
        }
    }
    unlock_growth();
}

/* The block that a word points into, if there is one at all. */
static inline Block *
block_at(uintptr_t word)
{
    uintptr_t distance = word - (uintptr_t)region.base;
    return distance < region.bytes ? &region.blocks[distance >> BLOCK_SHIFT] : NULL;
}

/* The heap of an object. */
static inline Heap *
heap_of(uint64_t object)
{
    return region.blocks[(object - (uintptr_t)region.base) >> BLOCK_SHIFT].heap;
}

/* The number of the slot that an offset in a block lies in. */
static inline uint32_t
slot_number(const Block *block, uint32_t offset)
{
    return (uint32_t)((uint64_t)offset * block->inverse >> 32);
}

static inline int
is_marked(const uint64_t *marks, uint32_t offset)
{
    return marks[offset >> GRANULE_SHIFT >> 6] >> (offset >> GRANULE_SHIFT & 63) & 1;
}

static uint32_t
count_marked(const Block *block)
{
    uint32_t marked = 0;
    for (size_t i = 0; i < MARK_WORDS; i++)
        marked += (uint32_t)__builtin_popcountll(block_marks(block)[i]);
    return marked;
}

/* --- a heap's blocks --------------------------------------------------------------------------------------- */

/* May the heap take so many bytes more? */
static int
heap_may_take(const Heap *heap, uint64_t bytes)
{
    const StoreLimits *limits = heap->store ? heap->store->limits : NULL;
    uint64_t most = limits && limits->heap_bytes ? limits->heap_bytes : MOST_HEAP_BYTES;
    return in_bounds(heap->bytes, bytes, most);
}

static void
heap_give_block(Heap *heap, Block *block)
{
    heap->bytes -= BLOCK_BYTES;
    heap->n_blocks--;
    blocks_give(block, 1);
}

/* A block is about to be written: it and its neighbours are guarded no more. */
static void
unguard(Block *block)
{
    Block *end = region.blocks + (region.bytes >> BLOCK_SHIFT);
    uint32_t count = 0;
    while (count < BLOCKS_UNGUARDED_AT_ONCE && block + count < end && block[count].guarded && block[count].heap == block->heap)
        count++;
    if (!count || mprotect(block_base(block), count * BLOCK_BYTES, PROT_READ | PROT_WRITE))
        return;  /* else a write faults, and the handler sees to it */
    for (uint32_t i = 0; i < count; i++)
        block[i].guarded = 0;
}

/* An empty block, for slots of a class: one that the heap has, or a new one; or NULL. */
static Block *
heap_take_block(Heap *heap, unsigned class)
{
    Block *block = heap->spare;
    if (block) {
        heap->spare = block->next;
        heap->n_spare--;
    }
    else {
        if (!heap_may_take(heap, BLOCK_BYTES) || !(block = blocks_take(heap, 1)))
            return NULL;
        heap->bytes += BLOCK_BYTES;
        heap->n_blocks++;
    }
    unguard(block);
    size_t bytes = class_bytes(class);
    block->kind = BLOCK_SMALL;
    block->class = (uint8_t)class;
    block->bytes = bytes;
    block->count = (uint32_t)(BLOCK_BYTES / bytes);
    block->inverse = (uint32_t)(((uint64_t)1 << 32) / bytes) + 1;
    block->fresh = block->dirty = heap->marking != NULL;
    memset(block_marks(block), 0, MARK_WORDS * sizeof(uint64_t));
    return block;
}

static void
make_spare(Heap *heap, Block *block)
{
    block->kind = BLOCK_FREE;
    block->fresh = block->dirty = 0;
    block->next = heap->spare;
    heap->spare = block;
    heap->n_spare++;
}

/* Its free slots, those that are not marked, become the free list of its class. Whether there are any. One that has nothing else is
 * spare, if nobody is about to use it. A marked slot that has no object stays away from the list: code that was stopped amid
 * an allocation may have it. */
static int
sweep_block(Heap *heap, Block *block, int may_be_spare)
{
    const uint64_t *marks = block_marks(block);
    uint32_t marked = count_marked(block);
    unguard(block);
    if (!marked && may_be_spare) {
        make_spare(heap, block);
        return 0;
    }
    unsigned class = block->class;
    block->next = heap->blocks[class];
    heap->blocks[class] = block;
    if (marked == block->count)
        return 0;
    uint8_t *base = block_base(block);
    void **list = heap->free[class];
    uint32_t bytes = (uint32_t)block->bytes;
    for (uint32_t offset = bytes * block->count; offset;) {
        offset -= bytes;
        if (is_marked(marks, offset))
            continue;
        void **slot = (void **)(base + offset);
        slot[0] = NULL;
        slot[1] = list;
        list = slot;
    }
    heap->free[class] = list;
    heap->allocated += (uint64_t)bytes * (block->count - marked);
    return 1;
}

/* Sweep what has not been swept since the last collection. Free lists are as good as before. */
static void
heap_sweep_all(Heap *heap)
{
    for (unsigned class = 0; class < N_CLASSES; class++) {
        uint64_t allocated = heap->allocated;
        Block *block;
        while ((block = heap->unswept[class])) {
            heap->unswept[class] = block->next;
            sweep_block(heap, block, 1);
        }
        heap->allocated = allocated;  /* the slots are free, nobody has them */
    }
}

/* A free slot of a class whose list is empty, from what is still to be swept; or NULL. */
static void **
heap_refill(Heap *heap, unsigned class)
{
    Block *block;
    while (!heap->free[class] && (block = heap->unswept[class])) {
        heap->unswept[class] = block->next;
        sweep_block(heap, block, 0);
    }
    return heap->free[class];
}

/* The same from a new block. */
static void **
heap_grow(Heap *heap, unsigned class)
{
    Block *block = heap_take_block(heap, class);
    if (block)
        sweep_block(heap, block, 0);
    return heap->free[class];
}

/* Pages of their own for an object, all zero; or NULL. */
static void **
heap_take_large(Heap *heap, uint64_t bytes)
{
    uint64_t pages = (bytes + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
    size_t count = (size_t)((pages + BLOCK_BYTES - 1) / BLOCK_BYTES);
    if (!heap_may_take(heap, pages))
        return NULL;
    Block *block = blocks_take(heap, count);
    if (!block)
        return NULL;
    block->kind = BLOCK_LARGE;
    block->bytes = pages;
    block->count = (uint32_t)count;
    block_marks(block)[0] = heap->marking != NULL;
    for (size_t i = 0; heap->marking && i < count; i++)
        block[i].fresh = block[i].dirty = 1;
    block->next = heap->large;
    heap->large = block;
    heap->bytes += pages;
    heap->n_blocks += count;
    heap->allocated += pages;
    return (void **)block_base(block);
}

/* Large objects that are not marked go: their blocks are spare, for to give many back at once takes long. */
static void
heap_sweep_large(Heap *heap)
{
    Block **link = &heap->large, *block;
    while ((block = *link)) {
        if (block_marks(block)[0] & 1) {
            link = &block->next;
            continue;
        }
        *link = block->next;
        uint32_t count = block->count;
        heap->bytes += (uint64_t)count * BLOCK_BYTES - block->bytes;
        for (uint32_t i = count; i-- > 0;)
            make_spare(heap, &block[i]);
    }
}

/* Empty blocks beyond an eighth of what is in use go back, some at a time. */
static void
heap_trim(Heap *heap)
{
    for (int i = 0; i < BLOCKS_GIVEN_AT_ONCE && heap->n_spare > 16 + heap->n_blocks / 8; i++) {
        Block *block = heap->spare;
        heap->spare = block->next;
        heap->n_spare--;
        heap_give_block(heap, block);
    }
}

static void
give_list(Block *block)
{
    while (block) {
        Block *next = block->next;
        blocks_give(block, block->kind == BLOCK_LARGE ? block->count : 1);
        block = next;
    }
}

/* All blocks of `from` become blocks of `to`. */
static void
take_over_list(Heap *to, Block **from, Block **list)
{
    Block **link = from;
    for (; *link; link = &(*link)->next)
        for (uint32_t i = 0; i < ((*link)->kind == BLOCK_LARGE ? (*link)->count : 1); i++)
            (*link)[i].heap = to;
    *link = *list;
    *list = *from;
    *from = NULL;
}

static void
heap_take_over(Heap *to, Heap *from)
{
    for (unsigned class = 0; class < N_CLASSES; class++) {
        take_over_list(to, &from->unswept[class], &to->unswept[class]);
        take_over_list(to, &from->blocks[class], &to->blocks[class]);
        void **slot = from->free[class];
        while (slot) {
            void **next = slot[1];
            slot[1] = to->free[class];
            to->free[class] = slot;
            slot = next;
        }
        from->free[class] = NULL;
    }
    take_over_list(to, &from->large, &to->large);
    take_over_list(to, &from->spare, &to->spare);
    to->bytes += from->bytes;
    to->n_blocks += from->n_blocks;
    to->n_spare += from->n_spare;
    to->allocated += from->allocated;
    to->live += from->live;
    to->collections += from->collections;
    if (to->threshold < from->threshold)
        to->threshold = from->threshold;
    from->bytes = from->n_blocks = from->n_spare = from->allocated = from->live = 0;
}

/* --- who has references ---------------------------------------------------------------------------------- */

static void
root_add(Root **list, Root *root)
{
    root->next = *list;
    root->link = list;
    if (*list)
        (*list)->link = &root->next;
    *list = root;
}

static void
root_remove(Root *root)
{
    if (!root->link)
        return;
    Heap *heap = root->heap;
    for (int i = 0; i < 2; i++) {
        if (UNLIKELY(heap->unmarked[i] == root))
            heap->unmarked[i] = root->next;
        if (UNLIKELY(heap->marked[i] == root))
            heap->marked[i] = root->next;
    }
    *root->link = root->next;
    if (root->next)
        root->next->link = root->link;
    root->link = NULL;
}
