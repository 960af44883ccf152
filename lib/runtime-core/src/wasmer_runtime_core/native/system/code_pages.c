/* Pages of code, and the maps from a pc to its meaning.
 *
 * Code lives in a few large reservations of address space (regions). A region has one
 * pointer for each page, which the signal handler can read without a lock: is this pc ours,
 * and whose? A publication takes whole pages that nothing else uses:
 *
 *     [table of code addresses, writable, ends at the code][code, read and execute only]
 *
 * Pages are written before they become executable and never become writable again before
 * they are given back. All of this happens under the GIL. */

#define PAGE 4096
#define MAX_REGIONS 64
#define REGION_BYTES ((size_t)1 << 30)
#define SMALL_REGION_BYTES ((size_t)32 << 20)  /* where address space is limited */

typedef struct { size_t page, count; } Extent;

typedef struct {
    uint8_t *base;
    size_t n_pages;
    CodeObject **owners;       /* of each page, NULL where free */
    Extent *free;              /* ascending */
    size_t n_free, room;
} Region;

static Region regions[MAX_REGIONS];
static volatile int n_regions;

static CodeObject *
code_at(uintptr_t pc)
{
    for (int i = 0; i < n_regions; i++) {
        uintptr_t distance = pc - (uintptr_t)regions[i].base;
        if (distance < regions[i].n_pages * PAGE) {
            CodeObject *code = regions[i].owners[distance / PAGE];
            return code && pc >= (uintptr_t)code->base ? code : NULL;
        }
    }
    return NULL;
}

/* Whether code in these pages reaches the table of code addresses of other code, by displacements of 32 bits. */
static inline int
in_reach(const uint8_t *pages, size_t count, const CodeObject *whole)
{
    return !whole || (pages + count * PAGE - whole->mapping < INT32_MAX && whole->base - pages < INT32_MAX);
}

static Region *
region_create(size_t pages_needed, const CodeObject *whole)
{
    if (n_regions == MAX_REGIONS)
        return NULL;
    struct rlimit limit;
    int limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    for (size_t bytes = limited ? SMALL_REGION_BYTES : REGION_BYTES;; bytes /= 4) {
        if (bytes < pages_needed * PAGE)
            bytes = pages_needed * PAGE;
        void *wish = whole ? whole->mapping - bytes : NULL;
        void *base = mmap(wish, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base != MAP_FAILED && !in_reach(base, pages_needed, whole)) {
            munmap(base, bytes);
            return NULL;
        }
        if (base == MAP_FAILED) {
            if (bytes == pages_needed * PAGE || bytes < 64 * PAGE)
                return NULL;
            continue;
        }
        size_t n_pages = bytes / PAGE;
        void *owners = mmap(NULL, n_pages * sizeof(void *), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        Extent *free_extents = malloc(16 * sizeof(Extent));
        if (owners == MAP_FAILED || !free_extents) {
            munmap(base, bytes);
            if (owners != MAP_FAILED)
                munmap(owners, n_pages * sizeof(void *));
            free(free_extents);
            return NULL;
        }
        Region *region = &regions[n_regions];
        region->base = base;
        region->n_pages = n_pages;
        region->owners = owners;
        region->free = free_extents;
        region->free[0] = (Extent){0, n_pages};
        region->n_free = 1;
        region->room = 16;
        __atomic_store_n(&n_regions, n_regions + 1, __ATOMIC_RELEASE);
        return region;
    }
}

/* First fit, in reach of the table of `whole` if that is given. Returns NULL when there is no room. */
static uint8_t *
pages_take(size_t count, const CodeObject *whole)
{
    for (int i = 0;; i++) {
        if (i == n_regions && !region_create(count, whole))
            return NULL;
        Region *region = &regions[i];
        for (size_t at = 0; at < region->n_free; at++) {
            Extent *extent = &region->free[at];
            uint8_t *pages = region->base + extent->page * PAGE;
            if (extent->count < count || !in_reach(pages, count, whole))
                continue;
            extent->page += count;
            extent->count -= count;
            if (extent->count == 0)
                memmove(extent, extent + 1, (--region->n_free - at) * sizeof *extent);
            return pages;
        }
    }
}

/* New pages in place of those at `base`: zero, and nobody can touch them. It works where MADV_DONTNEED is refused, for
 * pages that are locked into memory. Returns 0, or -1: then nothing is promised, not even that pages are there. */
static int
pages_renew(uint8_t *base, size_t bytes)
{
    return !bytes || mmap(base, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == base
               ? 0
               : -1;
}

static void
pages_give(uint8_t *pages, size_t count)
{
    int renewed = pages_renew(pages, count * PAGE) == 0;
    for (int i = 0; i < n_regions; i++) {
        Region *region = &regions[i];
        if (pages < region->base || pages >= region->base + region->n_pages * PAGE)
            continue;
        size_t page = (size_t)(pages - region->base) / PAGE, low = 0, high = region->n_free;
        memset(region->owners + page, 0, count * sizeof(void *));
        if (!renewed)
            return;  /* the pages stay unused */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (region->free[middle].page < page)
                low = middle + 1;
            else
                high = middle;
        }
        int joins_before = low && region->free[low - 1].page + region->free[low - 1].count == page;
        int joins_behind = low < region->n_free && page + count == region->free[low].page;
        if (joins_before && joins_behind) {
            region->free[low - 1].count += count + region->free[low].count;
            memmove(region->free + low, region->free + low + 1, (--region->n_free - low) * sizeof(Extent));
        }
        else if (joins_before)
            region->free[low - 1].count += count;
        else if (joins_behind) {
            region->free[low].page = page;
            region->free[low].count += count;
        }
        else {
            if (region->n_free == region->room) {
                Extent *grown = realloc(region->free, 2 * region->room * sizeof(Extent));
                if (!grown)
                    return;  /* the pages stay unused */
                region->free = grown;
                region->room *= 2;
            }
            memmove(region->free + low + 1, region->free + low, (region->n_free++ - low) * sizeof(Extent));
            region->free[low] = (Extent){page, count};
        }
        return;
    }
}

/* --- what sites say --------------------------------------------------------------------- */

/* The trap kind of an instruction, 0 if the table does not list it. */
static uint32_t
site_trap(CodeObject *code, uint32_t offset)
{
    SitePlace place = site_find(code->sites, offset);
    for (; place.is_behind && place.behind.row.offset == offset; place.is_behind = site_next(&place.behind)) {
        uint32_t kind = place.behind.row.kind;
        if ((kind & 0xFF) != TRAP_CALL_SITE && !(kind & SITE_RANGE))
            return kind & 0xFF;
    }
    return 0;
}

/* The trap kind of a memory access in code whose rows hold for ranges, 0 if there is no such row. */
static uint32_t
site_range_trap(CodeObject *code, uint32_t offset)
{
    SitePlace place = site_find(code->sites, offset + 1);
    return place.is_before && (place.before.kind & SITE_RANGE) ? place.before.kind & 0xFF : 0;
}

/* Whether the stack pointer is at the return address there. */
static int
site_frameless(CodeObject *code, uint32_t offset)
{
    SitePlace place = site_find(code->sites, offset + 1);
    return place.is_before && (place.before.kind & SITE_FRAMELESS);
}

/* Function (in the module's index space) whose code holds a pc, or a call that returns there, and the
 * wasm offset: of an operator of that function, or of one that was inlined into it. */
static void
locate(CodeObject *code, uint32_t offset, int returns, uint32_t *function, uint32_t *wasm_offset)
{
    uint32_t inside = returns && offset ? offset - 1 : offset;
    uint32_t low = 0, high = code->n_functions;
    while (low + 1 < high) {
        uint32_t middle = (low + high) / 2;
        if (code->function_offsets[middle] <= inside)
            low = middle;
        else
            high = middle;
    }
    if (code->stubs && offset >= code->stubs - code->base) {
        low = (uint32_t)((offset - (size_t)(code->stubs - code->base)) / ENTRY_STUB_BYTES);
        low = low < code->n_functions ? low : code->n_functions - 1;
    }
    *function = code->first_function + (code->is_entered_at_loop ? 0 : low);
    *wasm_offset = 0;
    size_t start = code->n_functions ? code->function_offsets[low] : 0;
    SitePlace place = site_find(code->sites, offset);
    for (; place.is_behind && place.behind.row.offset == offset; place.is_behind = site_next(&place.behind))
        if ((place.behind.row.kind & 0xFF) == TRAP_CALL_SITE ? returns : !returns) {
            *wasm_offset = place.behind.row.wasm_offset;
            return;
        }
    if (place.is_before && place.before.offset >= start)
        *wasm_offset = place.before.wasm_offset;
}

/* The row around another one, or NULL. */
static const InlinedRow *
inlined_around(CodeObject *code, const InlinedRow *row)
{
    return row->up && row->up <= (size_t)(row - code->inlined) ? row - row->up : NULL;
}

/* The innermost inlined call whose code a pc lies in, or a call that returns there; NULL: none. */
static const InlinedRow *
inlined_at(CodeObject *code, uint32_t offset, int returns)
{
    uint32_t inside = returns && offset ? offset - 1 : offset;
    size_t low = 0, high = code->n_inlined;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code->inlined[middle].start <= inside)
            low = middle + 1;
        else
            high = middle;
    }
    /* what holds the pc and began before the last row that began in front of it lies around that row */
    const InlinedRow *row = low ? &code->inlined[low - 1] : NULL;
    while (row && row->end <= inside)
        row = inlined_around(code, row);
    return row;
}

/* --- code and its tables, as they are given ---------------------------------------------- */

#define HLT 0xF4  /* not allowed to programs: the instruction that traps */

/* Bytes that a compiled module is given with: a bytes object, or a tuple (MappedFile or bytes, offset, length). A format
 * for `PyArg_ParseTuple`: O&. */
typedef struct { PyObject *owner; const uint8_t *bytes; size_t length, offset; MappedFileObject *file; } Part;

static int
part_take(PyObject *value, void *out)
{
    Part *part = out;
    if (PyBytes_Check(value)) {
        *part = (Part){value, (const uint8_t *)PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value), 0, NULL};
        return 1;
    }
    PyObject *owner;
    Py_ssize_t offset, length;
    if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 3) {
        PyErr_SetString(PyExc_TypeError, "bytes, or (MappedFile or bytes, offset, length)");
        return 0;
    }
    if (!PyArg_ParseTuple(value, "Onn", &owner, &offset, &length))
        return 0;
    if (PyBytes_Check(owner)) {
        if (!is_range(offset, length, (size_t)PyBytes_GET_SIZE(owner)))
            return 0;
        *part = (Part){owner, (const uint8_t *)PyBytes_AS_STRING(owner) + offset, (size_t)length, (size_t)offset, NULL};
        return 1;
    }
    if (!Py_IS_TYPE(owner, MappedFileType)) {
        PyErr_SetString(PyExc_TypeError, "bytes, or (MappedFile or bytes, offset, length)");
        return 0;
    }
    MappedFileObject *mapped = (MappedFileObject *)owner;
    if (!is_range(offset, length, mapped->bytes))
        return 0;
    *part = (Part){owner, mapped->base + offset, (size_t)length, (size_t)offset, mapped};
    return 1;
}

/* The code at `place`, where pages are reserved: mapped from its file if that can be, else copied, as from a file system
 * that is mounted noexec. Returns 0, or -1 with an exception. */
static int
code_place(uint8_t *place, size_t bytes, const Part *code)
{
    MappedFileObject *file = code->file;
    if (file && code->offset % PAGE == 0 && bytes <= file->bytes - code->offset &&  /* who wrote it filled the last page */
        mmap(place, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file->file, (off_t)code->offset) == place)
        return 0;
    if (pages_renew(place, bytes) || mprotect(place, bytes, PROT_READ | PROT_WRITE)) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(place, code->bytes, code->length);
    memset(place + code->length, 0xCC, bytes - code->length);
    if (is_lost(file)) {
        raise_lost();
        return -1;
    }
    if (mprotect(place, bytes, PROT_READ | PROT_EXEC)) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

/* The tables that compiled code is given with. */
typedef struct {
    Part sites, inlined;
    int packed;                /* whether that of sites is */
    PyObject *offsets, *handlers, *saved;  /* bytes; the last two NULL: none */
} CodeTables;

/* Whether they fit together, and code of this size. 0, or -1 with ValueError. */
static int
tables_check(const CodeTables *tables, size_t size)
{
    size_t n_offsets = (size_t)PyBytes_GET_SIZE(tables->offsets) / 4;
    size_t handlers_bytes = tables->handlers ? (size_t)PyBytes_GET_SIZE(tables->handlers) : 0;
    size_t saved_bytes = tables->saved ? (size_t)PyBytes_GET_SIZE(tables->saved) : 0;
    const uint32_t *function_offsets = (const uint32_t *)PyBytes_AS_STRING(tables->offsets);
    if (n_offsets < 1 || PyBytes_GET_SIZE(tables->offsets) % 4 ||
        (tables->packed && !site_table(tables->sites.bytes, tables->sites.length)) ||
        tables->inlined.length % sizeof(InlinedRow) || handlers_bytes % sizeof(HandlerRow) ||
        (saved_bytes && saved_bytes != n_offsets - 1) || (uintptr_t)tables->inlined.bytes % 4 || size >= UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "the tables of the compiled module are damaged");
        return -1;
    }
    for (size_t i = 0; i < n_offsets; i++)
        if (function_offsets[i] > size || (i && function_offsets[i] < function_offsets[i - 1])) {
            PyErr_SetString(PyExc_ValueError, "function offsets of the compiled module are out of order");
            return -1;
        }
    const HandlerRow *handler = tables->handlers ? (const HandlerRow *)PyBytes_AS_STRING(tables->handlers) : NULL;
    for (size_t i = 0; i < handlers_bytes / sizeof *handler; i++)
        if (handler[i].start >= handler[i].end || handler[i].end > size || handler[i].landing >= size ||
            (i && handler[i].start < handler[i - 1].end)) {
            PyErr_SetString(PyExc_ValueError, "the handlers of the compiled module are out of order");
            return -1;
        }
    return 0;
}

/* The code has these, which were checked. 0, or -1 with an exception: there is no memory to pack them, or it has to end. */
static int
tables_keep(CodeObject *self, const CodeTables *tables)
{
    const Part *sites = &tables->sites;
    self->sites_bytes = tables->packed ? Py_NewRef(sites->owner) : pack_sites(sites->bytes, sites->length);
    if (!self->sites_bytes)
        return -1;
    self->sites = tables->packed ? (const void *)sites->bytes : (const void *)PyBytes_AS_STRING(self->sites_bytes);
    size_t saved_bytes = tables->saved ? (size_t)PyBytes_GET_SIZE(tables->saved) : 0;
    self->function_offsets = (const uint32_t *)PyBytes_AS_STRING(tables->offsets);
    self->n_functions = (uint32_t)(PyBytes_GET_SIZE(tables->offsets) / 4 - 1);
    self->inlined = (const InlinedRow *)tables->inlined.bytes;
    self->n_inlined = tables->inlined.length / sizeof(InlinedRow);
    self->inlined_bytes = Py_XNewRef(tables->inlined.owner);
    self->handlers = tables->handlers ? (const HandlerRow *)PyBytes_AS_STRING(tables->handlers) : NULL;
    self->n_handlers = tables->handlers ? (size_t)PyBytes_GET_SIZE(tables->handlers) / sizeof(HandlerRow) : 0;
    self->handlers_bytes = Py_XNewRef(tables->handlers);
    self->saved = saved_bytes ? (const uint8_t *)PyBytes_AS_STRING(tables->saved) : NULL;
    self->saved_bytes = Py_XNewRef(tables->saved);
    self->offsets_bytes = Py_NewRef(tables->offsets);
    return 0;
}

/* From here on a pc in these pages is of this code. */
static void
pages_own(CodeObject *self)
{
    for (int i = 0; i < n_regions; i++)
        if (self->mapping >= regions[i].base && self->mapping < regions[i].base + regions[i].n_pages * PAGE)
            for (size_t page = 0; page < self->mapping_bytes / PAGE; page++)
                regions[i].owners[(size_t)(self->mapping - regions[i].base) / PAGE + page] = self;
}
