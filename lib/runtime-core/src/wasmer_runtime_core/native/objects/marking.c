/* Which objects of a heap are alive: marking, from what surely or perhaps refers to them.
 *
 * What surely does: cells of globals, tables, values of element segments, exceptions, Python's references. What perhaps does: each word of
 * this thread's stack that is the address of an object or lies in one; the compilers keep no list of what is where, and the contract
 * says that what is alive is in a register or in such a word. Registers that callees preserve are written to the stack first, those
 * of code that was stopped lie at its safepoint. Greenlets put stacks where this does not look, so where one may have put code of the
 * store aside nothing is collected.
 *
 * Objects in the heap are looked at precisely, by the list of references in their type. What is still to be looked at is on a list of its own,
 * not on the stack: a chain may be as long as the heap. */

#define ARRAY_STRETCH 512      /* elements that are looked at before others get their turn */

typedef struct Marking {
    Heap *heap;
    uint64_t *top;             /* of the list: addresses of objects; one of an array with bit 0, below it the next element */
    uint64_t *list;
    size_t list_bytes;
    uint64_t live;             /* bytes of objects that were looked at */
    uint32_t cycle;            /* the number of this collection in the process: types that it met have it */
    int begun;                 /* in steps: all is guarded, and roots are marked */
    int rooting;               /* until then: the first pass over roots has begun */
    uint64_t rooted;           /* and so many words of cells, tables and segments are */
    uint64_t passed, left;     /* of this pass over them: still to be passed over, to be marked */
    struct PointerSet *seen;   /* foreign objects that objects refer to; NULL: nobody wants to know */
} Marking;

/* A set of addresses. */
typedef struct PointerSet {
    uintptr_t *slots;          /* 0: none */
    size_t room, count;        /* room: a power of two */
    int failed;                /* there was no memory: it may lack some */
} PointerSet;

static inline size_t
pointer_slot(const PointerSet *set, uintptr_t pointer)
{
    size_t at = (size_t)((pointer >> 4) * 0x9E3779B97F4A7C15u) >> 20 & (set->room - 1);
    while (set->slots[at] && set->slots[at] != pointer)
        at = (at + 1) & (set->room - 1);
    return at;
}

static int
pointer_is_in(const PointerSet *set, const void *pointer)
{
    return set->room && set->slots[pointer_slot(set, (uintptr_t)pointer)] != 0;
}

static void
pointer_add(PointerSet *set, const void *pointer)
{
    if (2 * set->count >= set->room) {
        PointerSet grown = {NULL, set->room ? 2 * set->room : 64, set->count, set->failed};
        if (!(grown.slots = calloc(grown.room, sizeof *grown.slots))) {
            set->failed = 1;
            return;
        }
        for (size_t i = 0; i < set->room; i++)
            if (set->slots[i])
                grown.slots[pointer_slot(&grown, set->slots[i])] = set->slots[i];
        free(set->slots);
        *set = grown;
    }
    size_t at = pointer_slot(set, (uintptr_t)pointer);
    set->count += set->slots[at] == 0;
    set->slots[at] = (uintptr_t)pointer;
}

/* --- marking --------------------------------------------------------------------------------------------- */

/* An object that is alive: it is looked at once. */
static inline void
mark_object(Marking *marking, uint64_t object)
{
    uintptr_t distance = object - (uintptr_t)region.base;
    uint64_t *word = &region.marks[distance >> GRANULE_SHIFT >> 6], bit = (uint64_t)1 << (distance >> GRANULE_SHIFT & 63);
    if (*word & bit)
        return;
    *word |= bit;
    *marking->top++ = object;
}

/* A word of the hierarchies of any and extern. */
static inline void
mark_word(Marking *marking, uint64_t word)
{
    if (!word)
        return;
    if (LIKELY(!(word & REFERENCE_MASK)))
        mark_object(marking, word);
    else if (marking->seen && (word & REFERENCE_MASK) == REFERENCE_OBJECT)
        pointer_add(marking->seen, word_object(word));
}

/* A reference of some kind. */
static inline void
mark_reference(Marking *marking, uint8_t kind, uint64_t bits)
{
    if (kind == ANYREF || kind == EXTERNREF)
        mark_word(marking, bits);
    else if (bits && marking->seen && kind == FUNCREF)
        pointer_add(marking->seen, ((FunctionRecord *)bits)->owner);
    else if (bits && marking->seen && kind == EXNREF)
        pointer_add(marking->seen, (void *)bits);
}

#define WORDS_AHEAD 16         /* marks of objects anywhere in a large heap are misses of the cache */

/* What cells, tables or segments have: words of one kind. In the pass that goes in pieces those that an earlier piece had are passed over. */
static void
mark_words(Marking *marking, uint8_t kind, const uint64_t *words, uint64_t count)
{
    uint64_t from = marking->passed < count ? marking->passed : count;
    uint64_t to = marking->left < count - from ? from + marking->left : count;
    marking->passed -= from;
    marking->left -= to - from;
    for (uint64_t i = from; i < to; i++) {
        if (i + WORDS_AHEAD < to)
            __builtin_prefetch((void *)((uintptr_t)region.marks + (words[i + WORDS_AHEAD] - (uintptr_t)region.base) / 128 / 8 * 8));
        mark_reference(marking, kind, words[i]);
    }
}

static inline void
look_at_array(Marking *marking, uint64_t array, const Signature *type, uint64_t from)
{
    uint64_t length = *(uint32_t *)(array + OBJECT_LENGTH);
    uint8_t kind = (uint8_t)type->fields[0].storage;
    if (!is_reference(kind))
        return;
    const uint64_t *elements = (const uint64_t *)(array + OBJECT_ELEMENTS);
    uint64_t to = length - from > ARRAY_STRETCH ? from + ARRAY_STRETCH : length;
    if (to < length) {
        *marking->top++ = to;
        *marking->top++ = array | 1;
    }
    for (uint64_t i = from; i < to; i++)
        mark_reference(marking, kind, elements[i]);
}

/* What an object refers to is alive. Of an array the first stretch is looked at, and the rest is on the list. */
static inline void
look_at_references(Marking *marking, uint64_t object)
{
    Signature *type = *(Signature **)object;
    if (UNLIKELY(!type))
        return;  /* a slot that has no object, and that code may have */
    type->cycle = marking->cycle;
    if (type->record.form == FORM_ARRAY) {
        look_at_array(marking, object, type, 0);
        return;
    }
    const uint64_t *fields = (const uint64_t *)(object + OBJECT_FIELDS);
    for (uint32_t i = 0; i < type->leading; i++)
        mark_word(marking, fields[i]);
    for (uint32_t i = 0; i < type->n_others; i++) {
        const Field *field = &type->fields[type->others[i]];
        mark_reference(marking, (uint8_t)field->storage, *(uint64_t *)(object + field->offset));
    }
}

/* How many bytes an object has. */
static inline uint64_t
object_bytes(uint64_t object)
{
    Signature *type = *(Signature **)object;
    if (UNLIKELY(!type))
        return 0;
    return type->object_bytes +
           (type->element_bytes ? (uint64_t)*(uint32_t *)(object + OBJECT_LENGTH) * type->element_bytes : 0);
}

static inline void
mark_next(Marking *marking)
{
    uint64_t object = *--marking->top;
    if (UNLIKELY(object & 1)) {
        uint64_t from = *--marking->top;
        look_at_array(marking, object & ~(uint64_t)1, *(Signature **)(object & ~(uint64_t)1), from);
        return;
    }
    marking->live += object_bytes(object);
    look_at_references(marking, object);
}

static void
mark_all(Marking *marking)
{
    while (marking->top > marking->list)
        mark_next(marking);
}

/* A word that may be, or lie in, an object of the heap. Its end counts: what walks along an array may have no more than that. */
static inline void
mark_perhaps(Marking *marking, uintptr_t word)
{
    Block *block = block_at(word);
    if (!block)
        return;
    uint32_t offset = (uint32_t)(word & (BLOCK_BYTES - 1));
    if (UNLIKELY(!offset && word > (uintptr_t)region.base)) {  /* the end of a large object that fills its blocks */
        Block *before = block - 1;
        before -= before->kind == BLOCK_BEHIND ? before->behind : 0;
        if (before->kind == BLOCK_LARGE && before->heap == marking->heap)
            mark_object(marking, (uint64_t)block_base(before));
    }
    if (block->heap != marking->heap || block->kind == BLOCK_FREE)
        return;
    if (block->kind != BLOCK_SMALL) {
        mark_object(marking, (uint64_t)block_base(block - (block->kind == BLOCK_BEHIND ? block->behind : 0)));
        return;
    }
    uint32_t number = slot_number(block, offset);
    uint64_t base = (uint64_t)block_base(block);
    if (LIKELY(number < block->count))
        mark_object(marking, base + number * block->bytes);
    if (number && offset == number * block->bytes) {
        uint64_t before = base + (number - 1) * block->bytes;
        Signature *type = *(Signature **)before;
        if (type && type->record.form == FORM_ARRAY &&
            before + type->object_bytes + (uint64_t)*(uint32_t *)(before + OBJECT_LENGTH) * type->element_bytes == word)
            mark_object(marking, before);
    }
}

/* Where this thread's stack is used from, or 0: it runs on another one. */
static inline uintptr_t
stack_in_use(const Thread *thread)
{
    uintptr_t stack_pointer;
    __asm__ volatile("mov %%rsp, %0" : "=r"(stack_pointer));
    return thread && stack_pointer >= thread->stack_low && stack_pointer < thread->stack_end ? stack_pointer & ~(uintptr_t)7 : 0;
}

__attribute__((no_sanitize_address)) static NOINLINE void
mark_stack(Marking *marking, const Thread *thread)
{
    __builtin_unwind_init();  /* writes the registers that callees preserve into this frame */
    for (uintptr_t at = stack_in_use(thread); at && at < thread->stack_end; at += 8)
        mark_perhaps(marking, *(uintptr_t *)at);
}
