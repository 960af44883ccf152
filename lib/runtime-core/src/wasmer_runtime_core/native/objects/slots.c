/* Address space for memories.
 *
 * A reserved memory has a slot: 8 GiB of address space and a tail, of which only the pages
 * it has can be touched. Wasm adds a 32-bit index to a 32-bit offset, so no access can leave
 * the slot, and generated code compares nothing. Growing makes more of the slot accessible;
 * the base never moves, so views stay valid, at the length they were made with.
 *
 * Slots are carved from slabs of many and go back to a list: reserving costs a system call
 * for the slab, then one per memory, and none if the slot before had the same size. What goes back is zero,
 * whatever of it was ever accessible.
 *
 * Slots may not be had (RLIMIT_AS). A memory that is declared as shared does not move in any case: without a slot it
 * has a room, address space for all it may become. */

#define SLOT_BYTES (((size_t)8 << 30) + ((size_t)2 << 20))
#define SLAB_SLOTS 64
#define KEEP_ACCESSIBLE ((size_t)16 << 20)

typedef struct { uint8_t *base; size_t accessible; } Slot;

static Slot *free_slots;       /* nothing of them is anything but zero, nothing behind `accessible` can be touched */
static size_t n_slots, n_free_slots, free_slots_room;

/* Where slots lie: the handler of faults asks. Slabs are never given back. */
#define MOST_SLABS 4096
static struct { uintptr_t base, end; } slabs[MOST_SLABS];
static volatile int n_slabs;

static int
in_memory_slot(uintptr_t address)
{
    for (int i = 0; i < n_slabs; i++)
        if (address >= slabs[i].base && address < slabs[i].end)
            return 1;
    return 0;
}

static int
slot_give(Slot slot)
{
    if (n_free_slots == free_slots_room) {
        size_t room = free_slots_room ? 2 * free_slots_room : 256;
        Slot *grown = realloc(free_slots, room * sizeof *grown);
        if (!grown)
            return -1;
        free_slots = grown;
        free_slots_room = room;
    }
    free_slots[n_free_slots++] = slot;
    return 0;
}

static int
slots_reserve(void)
{
    for (size_t count = n_slabs < MOST_SLABS ? SLAB_SLOTS : 0; count; count /= 4) {
        uint8_t *slab = mmap(NULL, count * SLOT_BYTES + ((size_t)2 << 20), PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (slab == MAP_FAILED)
            continue;
        slab = (uint8_t *)(((uintptr_t)slab + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
        slabs[n_slabs].base = (uintptr_t)slab;
        slabs[n_slabs].end = (uintptr_t)slab + count * SLOT_BYTES;
        __atomic_store_n(&n_slabs, n_slabs + 1, __ATOMIC_RELEASE);
        for (; count; count--, n_slots++)
            if (slot_give((Slot){slab + (count - 1) * SLOT_BYTES, 0}) < 0)
                return n_free_slots ? 0 : -1;
        return 0;
    }
    return -1;
}

/* Why a memory that needs a slot did not get one. */
static void
raise_no_slot(uint64_t pages)
{
    struct rlimit limit;
    if (n_free_slots) {
        raise_error("UnableToCreateMemory", "the system refused a memory of %llu pages of 64 KiB: %s",
                    (unsigned long long)pages, strerror(ENOMEM));
        return;
    }
    int limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    PyObject *why = limited ? PyUnicode_FromFormat("it is limited to %llu MiB in all (ulimit -v)",
                                                   (unsigned long long)limit.rlim_cur >> 20)
                            : PyUnicode_FromString("there is no more");
    if (why)
        raise_error("UnableToCreateMemory",
                    "8 GiB of address space cannot be reserved for a memory: %zu memories of this process have theirs, "
                    "and %U. Let go of instances (closing them is not enough), or compile the module again with "
                    "memory_bound_check_mode=\"enable\"", n_slots - n_free_slots, why);
    Py_XDECREF(why);
}

/* A slot with `bytes` accessible and zero. Returns 0, or -1. */
static int
slot_take(size_t bytes, int how, Slot *out)
{
    if (!n_free_slots && slots_reserve() < 0) {
        if (how == RESERVE_BY_ALL_MEANS)
            PyGC_Collect();  /* dead instances in cycles may hold some */
        if (!n_free_slots)
            return -1;
    }
    size_t at = n_free_slots - 1;
    for (size_t i = 0; i < 8 && i < n_free_slots; i++)
        if (free_slots[n_free_slots - 1 - i].accessible == bytes) {
            at = n_free_slots - 1 - i;
            break;
        }
    Slot slot = free_slots[at];
    int failed = 0;
    if (slot.accessible < bytes)
        failed = mprotect(slot.base + slot.accessible, bytes - slot.accessible, PROT_READ | PROT_WRITE);
    else if (slot.accessible > bytes)
        failed = mprotect(slot.base + bytes, slot.accessible - bytes, PROT_NONE);
    if (failed) {  /* having done a part of it, perhaps */
        if (pages_renew(slot.base, slot.accessible > bytes ? slot.accessible : bytes) == 0)
            free_slots[at].accessible = 0;
        else
            free_slots[at] = free_slots[--n_free_slots];  /* nobody gets it any more */
        return -1;
    }
    free_slots[at] = free_slots[--n_free_slots];
    slot.accessible = bytes;
    *out = slot;
    return 0;
}

/* Back to the list, zero: of what could ever be touched, not only of what the memory has now. What cannot be made
 * sure of is not given to anybody. */
static void
slot_return(Slot slot, size_t touchable)
{
    int as_it_is = touchable == slot.accessible && slot.accessible <= KEEP_ACCESSIBLE;
    /* the system refuses that for pages that are locked into memory */
    if (!(as_it_is && (!slot.accessible || madvise(slot.base, slot.accessible, MADV_DONTNEED) == 0))) {
        if (pages_renew(slot.base, touchable) < 0)
            return;
        slot.accessible = 0;
    }
    slot_give(slot);
}

#define MOST_ROOM ((size_t)1 << 40)

/* Address space for a shared memory without a slot: for its maximum, or for as much as there is, so that it grows less
 * far. `bytes` of it are accessible. Returns the room, or 0. */
static size_t
room_reserve(size_t bytes, uint64_t most, uint8_t **base)
{
    size_t room = most > MOST_ROOM / WASM_PAGE_BYTES ? MOST_ROOM : (size_t)most * WASM_PAGE_BYTES;
    if (room < bytes)
        room = bytes;
    for (room += !room * WASM_PAGE_BYTES;; room = room / 2 > bytes ? room / 2 / WASM_PAGE_BYTES * WASM_PAGE_BYTES : bytes) {
        *base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (*base != MAP_FAILED)
            break;
        if (room <= bytes || room <= WASM_PAGE_BYTES)
            return 0;
    }
    if (!bytes || mprotect(*base, bytes, PROT_READ | PROT_WRITE) == 0)
        return room;
    munmap(*base, room);
    errno = ENOMEM;
    return 0;
}
