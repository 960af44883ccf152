/* The table of sites: which trap an instruction may run into, and of which operator it came.
 *
 * Compilers give rows of three words: an offset in the code, a kind, an offset in the module. There is one for each memory
 * access and call, so that the rows take half as much as the code. They are kept packed:
 *
 *     [n_rows, n_bytes][a block for each SITES_OF_BLOCK rows][n_bytes of rows]
 *
 * A block says where its rows lie, and the offsets that their differences count from. A row is three numbers (LEB128): how
 * much further its offset is, doubled, plus 1 if its kind is another one than the last one's; then that kind; how much
 * further its offset in the module is, signed. That makes three to four bytes of twelve. What finds a row looks through
 * the blocks, then goes from row to row. The signal handler does, and a stranger may have written them: nothing is
 * allocated, and no byte is read that is not there. */

#define SITES_OF_BLOCK 32
#define LEAST_ROW_BYTES 2

typedef struct { uint32_t offset, kind, wasm_offset; } SiteRow;

typedef struct {
    uint32_t offset, wasm_offset;  /* of its first row */
    uint32_t at;               /* where that lies, among the bytes of rows */
} SiteBlock;

typedef struct SiteTable {
    uint32_t n_rows, n_bytes;
    SiteBlock blocks[];
} SiteTable;

static inline size_t
site_blocks(const SiteTable *table)
{
    return ((size_t)table->n_rows + SITES_OF_BLOCK - 1) / SITES_OF_BLOCK;
}

static inline const uint8_t *
site_bytes(const SiteTable *table)
{
    return (const uint8_t *)(table->blocks + site_blocks(table));
}

/* The table in these bytes; NULL: they are none. */
static const SiteTable *
site_table(const void *bytes, size_t length)
{
    const SiteTable *table = bytes;
    if (length < sizeof *table || (uintptr_t)bytes % sizeof(uint32_t) || table->n_rows > table->n_bytes / LEAST_ROW_BYTES ||
        length != sizeof *table + site_blocks(table) * sizeof(SiteBlock) + table->n_bytes)
        return NULL;
    return table;
}

/* --- reading ---------------------------------------------------------------------------- */

typedef struct {
    const SiteTable *table;
    const uint8_t *at, *end;
    uint32_t next;             /* number of the row that comes next */
    SiteRow row;               /* where the walk is */
} SiteWalk;

static inline SiteWalk
site_walk(const SiteTable *table, size_t block)
{
    const uint8_t *end = site_bytes(table) + table->n_bytes;
    return (SiteWalk){table, end, end, (uint32_t)(block * SITES_OF_BLOCK), {0, 0, 0}};
}

static inline uint64_t
site_number(SiteWalk *walk)
{
    uint64_t number = 0;
    for (int shift = 0; walk->at < walk->end && shift < 35; shift += 7) {
        uint8_t byte = *walk->at++;
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            break;
    }
    return number;
}

/* On to the next row; 0: there is none. */
static inline int
site_next(SiteWalk *walk)
{
    const SiteTable *table = walk->table;
    if (walk->next == table->n_rows)
        return 0;
    if (walk->next % SITES_OF_BLOCK == 0) {
        const SiteBlock *block = &table->blocks[walk->next / SITES_OF_BLOCK];
        walk->row = (SiteRow){block->offset, 0, block->wasm_offset};
        walk->at = walk->end - (block->at <= table->n_bytes ? table->n_bytes - block->at : 0);
    }
    walk->next++;
    uint64_t further = site_number(walk);
    walk->row.offset += (uint32_t)(further >> 1);
    if (further & 1)
        walk->row.kind = (uint32_t)site_number(walk);
    uint64_t moved = site_number(walk);
    walk->row.wasm_offset += (uint32_t)(moved >> 1) ^ -(uint32_t)(moved & 1);
    return 1;
}

/* The last row in front of an offset, and the first at or behind it. */
typedef struct {
    int is_before, is_behind;  /* whether there are such */
    SiteRow before;
    SiteWalk behind;           /* stands there, and may go on */
} SitePlace;

static SitePlace
site_find(const SiteTable *table, uint32_t offset)
{
    size_t low = 0, high = site_blocks(table);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table->blocks[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    SitePlace place = {0, 0, {0, 0, 0}, site_walk(table, low ? low - 1 : 0)};
    while ((place.is_behind = site_next(&place.behind)) && place.behind.row.offset < offset) {
        place.is_before = 1;
        place.before = place.behind.row;
    }
    return place;
}

/* --- writing and unpacking, for Python ----------------------------------------------------- */

static inline size_t
put_number(uint8_t *out, uint64_t number)
{
    size_t count = 0;
    for (; number >= 0x80; number >>= 7, count++)
        if (out)
            out[count] = (uint8_t)(number | 0x80);
    if (out)
        out[count] = (uint8_t)number;
    return count + 1;
}

/* How many bytes the rows take; they are written if there is a table. Or -1 with an exception, for it takes a while. */
static int64_t
pack_rows(const SiteRow *rows, size_t count, SiteTable *table)
{
    uint8_t *out = table ? (uint8_t *)site_bytes(table) : NULL;
    size_t at = 0;
    SiteRow last = {0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        if (i % 0x40000 == 0x3FFFF) {
            PyObject *looked = native_check_interrupts(NULL, NULL);
            if (!looked)
                return -1;
            Py_DECREF(looked);
        }
        if (i % SITES_OF_BLOCK == 0) {
            last = (SiteRow){rows[i].offset, 0, rows[i].wasm_offset};
            if (table)
                table->blocks[i / SITES_OF_BLOCK] = (SiteBlock){last.offset, last.wasm_offset, (uint32_t)at};
        }
        int other = rows[i].kind != last.kind;
        int32_t moved = (int32_t)(rows[i].wasm_offset - last.wasm_offset);
        at += put_number(out ? out + at : NULL, (uint64_t)(rows[i].offset - last.offset) << 1 | (unsigned)other);
        if (other)
            at += put_number(out ? out + at : NULL, rows[i].kind);
        at += put_number(out ? out + at : NULL, (uint32_t)moved << 1 ^ -(uint32_t)(moved < 0));
        last = rows[i];
    }
    return (int64_t)at;
}

/* bytes: rows packed. */
static PyObject *
pack_sites(const void *bytes, size_t length)
{
    size_t count = length / sizeof(SiteRow);
    const SiteRow *rows = bytes;
    if (length % sizeof(SiteRow) || (uintptr_t)bytes % sizeof(uint32_t)) {
        PyErr_SetString(PyExc_ValueError, "the tables of the compiled module are damaged");
        return NULL;
    }
    int64_t size = pack_rows(rows, count, NULL);
    if (size < 0)
        return NULL;
    if (count > UINT32_MAX || size > UINT32_MAX)
        return PyErr_NoMemory();
    SiteTable head = {(uint32_t)count, (uint32_t)size};
    size_t whole = sizeof head + site_blocks(&head) * sizeof(SiteBlock) + (size_t)size;
    PyObject *packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)whole);
    if (!packed)
        return NULL;
    SiteTable *table = (SiteTable *)PyBytes_AS_STRING(packed);
    *table = head;
    if (pack_rows(rows, count, table) < 0)
        Py_CLEAR(packed);
    return packed;
}

/* bytes: the rows of a table, as compilers give them. */
static PyObject *
unpack_sites(const SiteTable *table)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(table->n_rows * sizeof(SiteRow)));
    if (!bytes)
        return NULL;
    SiteRow *rows = (SiteRow *)PyBytes_AS_STRING(bytes);
    for (SiteWalk walk = site_walk(table, 0); site_next(&walk);)
        *rows++ = walk.row;
    return bytes;
}

static PyObject *
native_pack_sites(PyObject *Py_UNUSED(module), PyObject *argument)
{
    if (!PyBytes_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "pack_sites(rows) takes bytes");
        return NULL;
    }
    return pack_sites(PyBytes_AS_STRING(argument), (size_t)PyBytes_GET_SIZE(argument));
}

static PyObject *
native_unpack_sites(PyObject *Py_UNUSED(module), PyObject *argument)
{
    const SiteTable *table = NULL;
    if (PyBytes_Check(argument))
        table = site_table(PyBytes_AS_STRING(argument), (size_t)PyBytes_GET_SIZE(argument));
    if (!table) {
        PyErr_SetString(PyExc_ValueError, "this is no table of sites");
        return NULL;
    }
    return unpack_sites(table);
}
