/* Files whose bytes are used where they lie: artifacts.
 *
 * As with a shared library, such a file must not be written to in place while it is mapped. Who replaces an artifact writes
 * another file and renames it; whoever has the old one keeps it. A file that is made shorter all the same does not end the
 * process: touching a page that it no longer has is a fault (SIGBUS), for which the handler puts zeros in its place and notes
 * that the file is lost. Whoever has read from a file asks afterwards whether it is, and believes nothing if so. */

/* What the handler, which takes no lock, finds mappings by: never freed, used again. */
typedef struct Mapping {
    struct Mapping *next;
    uint8_t *base;
    size_t bytes;              /* 0: it is free */
    int lost;                  /* touched where the file has no bytes any more */
} Mapping;

static Mapping *mappings;

typedef struct MappedFileObject {
    PyObject_HEAD
    Mapping *mapping;          /* NULL for an empty file */
    const uint8_t *base;
    size_t bytes;
    int file;                  /* its descriptor, until its code is mapped; then -1 */
} MappedFileObject;

/* Under the GIL. NULL: no memory. */
static Mapping *
mapping_add(uint8_t *base, size_t bytes)
{
    Mapping *mapping = mappings;
    while (mapping && mapping->bytes)
        mapping = mapping->next;
    int is_new = !mapping;
    if (is_new && !(mapping = calloc(1, sizeof *mapping)))
        return NULL;
    mapping->base = base;
    mapping->lost = 0;
    __atomic_store_n(&mapping->bytes, bytes, __ATOMIC_RELEASE);
    if (is_new) {
        mapping->next = mappings;
        __atomic_store_n(&mappings, mapping, __ATOMIC_RELEASE);
    }
    return mapping;
}

/* In the signal handler: zeros from that page on, if it is one of a file. */
static int
mapping_lost(uintptr_t address)
{
    for (Mapping *mapping = __atomic_load_n(&mappings, __ATOMIC_ACQUIRE); mapping; mapping = mapping->next) {
        size_t bytes = __atomic_load_n(&mapping->bytes, __ATOMIC_ACQUIRE);
        uintptr_t base = (uintptr_t)mapping->base, end = base + bytes, page = address & ~(uintptr_t)4095;
        if (address - base >= bytes)
            continue;
        __atomic_store_n(&mapping->lost, 1, __ATOMIC_RELEASE);
        return mmap((void *)page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    }
    return 0;
}

static inline int
is_lost(const MappedFileObject *file)
{
    return file && file->mapping && __atomic_load_n(&file->mapping->lost, __ATOMIC_ACQUIRE);
}

static void
raise_lost(void)
{
    PyObject *module = PyImport_ImportModule("wasmer_runtime_core.errors");
    PyObject *class = module ? PyObject_GetAttrString(module, "CacheError") : NULL;
    PyObject *arguments = class ? Py_BuildValue("(ss)", "the file of a compiled module was made shorter while the module was "
                                                        "used; to replace one, write another and rename it", "truncated")
                                : NULL;
    if (arguments)
        PyErr_SetObject(class, arguments);
    Py_XDECREF(arguments);
    Py_XDECREF(class);
    Py_XDECREF(module);
}

/* --- the checksum ----------------------------------------------------------------------- */

/* Four CRC-32C over the 8-byte words of the bytes in turn, so that none waits for the one before; then one of these four
 * and of the bytes that are left. It finds damage. It is no proof of who wrote something. */

#define LANES 4
#define BLOCK (8 * LANES)  /* bytes */
typedef struct { uint32_t lanes[LANES]; uint64_t length; } Checksum;

static uint32_t crc_table[256];

static uint32_t
crc_slowly(uint32_t crc, const uint8_t *bytes, size_t count)
{
    if (!crc_table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t row = i;
            for (int bit = 0; bit < 8; bit++)
                row = row >> 1 ^ (row & 1 ? 0x82F63B78u : 0);  /* the polynomial of Castagnoli, reflected */
            crc_table[i] = row;
        }
    for (size_t i = 0; i < count; i++)
        crc = crc >> 8 ^ crc_table[(crc ^ bytes[i]) & 0xFF];
    return crc;
}

/* Whole blocks. */
static void
lanes_slowly(Checksum *sum, const uint8_t *bytes, size_t count)
{
    for (size_t at = 0; at < count; at += 8)
        sum->lanes[at / 8 % LANES] = crc_slowly(sum->lanes[at / 8 % LANES], bytes + at, 8);
}

__attribute__((target("sse4.2"))) static void
lanes_by_instruction(Checksum *sum, const uint8_t *bytes, size_t count)
{
    uint64_t a = sum->lanes[0], b = sum->lanes[1], c = sum->lanes[2], d = sum->lanes[3], words[LANES];
    for (size_t at = 0; at < count; at += sizeof words) {
        memcpy(words, bytes + at, sizeof words);
        a = __builtin_ia32_crc32di(a, words[0]);
        b = __builtin_ia32_crc32di(b, words[1]);
        c = __builtin_ia32_crc32di(c, words[2]);
        d = __builtin_ia32_crc32di(d, words[3]);
    }
    sum->lanes[0] = (uint32_t)a;
    sum->lanes[1] = (uint32_t)b;
    sum->lanes[2] = (uint32_t)c;
    sum->lanes[3] = (uint32_t)d;
}

/* More bytes, whole blocks; `checksum_end` takes the rest. */
static void
checksum_blocks(Checksum *sum, const uint8_t *bytes, size_t count)
{
    if (__builtin_cpu_supports("sse4.2"))
        lanes_by_instruction(sum, bytes, count);
    else
        lanes_slowly(sum, bytes, count);
    sum->length += count;
}

static uint32_t
checksum_end(Checksum *sum, const uint8_t *rest, size_t count)
{
    sum->length += count;
    uint32_t crc = crc_slowly(~0u, (const uint8_t *)sum->lanes, sizeof sum->lanes);
    crc = crc_slowly(crc, (const uint8_t *)&sum->length, sizeof sum->length);
    return ~crc_slowly(crc, rest, count);
}

static PyObject *
native_checksum(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    Checksum sum = {{0}, 0};
    size_t rest = (size_t)view.len % BLOCK, whole = (size_t)view.len - rest;
    checksum_blocks(&sum, view.buf, whole);
    uint32_t result = checksum_end(&sum, (const uint8_t *)view.buf + whole, rest);
    PyBuffer_Release(&view);
    return PyLong_FromUnsignedLong(result);
}

/* --- the type --------------------------------------------------------------------------- */

static PyObject *
mapped_file_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", NULL};
    PyObject *path, *encoded;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:MappedFile", names, &path) ||
        !PyUnicode_FSConverter(path, &encoded))
        return NULL;
    MappedFileObject *self = (MappedFileObject *)type->tp_alloc(type, 0);
    if (!self) {
        Py_DECREF(encoded);
        return NULL;
    }
    self->file = -1;
    struct stat status = {0};
    Py_BEGIN_ALLOW_THREADS
    /* not to be waited for: a pipe of that name has no writer */
    self->file = open(PyBytes_AS_STRING(encoded), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (self->file < 0 || fstat(self->file, &status) < 0)
        status.st_mode = 0;
    Py_END_ALLOW_THREADS
    Py_DECREF(encoded);
    if (!status.st_mode)
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    else if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    }
    else {
        self->bytes = (size_t)status.st_size;
        void *base = self->bytes ? mmap(NULL, self->bytes, PROT_READ, MAP_PRIVATE, self->file, 0) : NULL;
        if (!base)
            return (PyObject *)self;
        if (base == MAP_FAILED)
            PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
        else if (!(self->mapping = mapping_add(base, self->bytes))) {
            munmap(base, self->bytes);
            PyErr_NoMemory();
        }
        else {
            self->base = base;
            return (PyObject *)self;
        }
    }
    Py_DECREF(self);
    return NULL;
}

static void
mapped_file_dealloc(PyObject *object)
{
    MappedFileObject *self = (MappedFileObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->mapping) {
        uint8_t *base = self->mapping->base;
        __atomic_store_n(&self->mapping->bytes, 0, __ATOMIC_RELEASE);
        munmap(base, self->bytes);
    }
    if (self->file >= 0)
        close(self->file);
    type->tp_free(object);
    Py_DECREF(type);
}

static int
is_range(Py_ssize_t offset, Py_ssize_t length, size_t bytes)
{
    if (offset >= 0 && length >= 0 && (size_t)offset <= bytes && (size_t)length <= bytes - (size_t)offset)
        return 1;
    PyErr_SetString(PyExc_ValueError, "this is not a range of the file");
    return 0;
}

static PyObject *
mapped_file_read(PyObject *object, PyObject *args)
{
    MappedFileObject *self = (MappedFileObject *)object;
    Py_ssize_t offset, length;
    if (!PyArg_ParseTuple(args, "nn:read", &offset, &length) || !is_range(offset, length, self->bytes))
        return NULL;
    PyObject *bytes = PyBytes_FromStringAndSize(length ? (const char *)self->base + offset : NULL, length);
    if (bytes && is_lost(self)) {
        raise_lost();
        Py_CLEAR(bytes);
    }
    return bytes;
}

#define LARGE_BYTES ((size_t)4 << 20)  /* of which a process has no pages but those that it comes to need */
#define STRETCH_BYTES ((size_t)16 << 20)  /* between two looks for signals and deadlines; whole blocks */

static PyObject *
mapped_file_checksum(PyObject *object, PyObject *args)
{
    MappedFileObject *self = (MappedFileObject *)object;
    Py_ssize_t offset, length;
    if (!PyArg_ParseTuple(args, "nn:checksum", &offset, &length) || !is_range(offset, length, self->bytes))
        return NULL;
    Checksum sum = {{0}, 0};
    const uint8_t *bytes = self->base + offset;
    size_t rest = (size_t)length % BLOCK, whole = (size_t)length - rest;
    crc_slowly(0, bytes, 0);  /* makes the table */
    for (size_t at = 0; at < whole;) {
        size_t count = whole - at < STRETCH_BYTES ? whole - at : STRETCH_BYTES;
        PyObject *looked = native_check_interrupts(NULL, NULL);
        if (!looked)
            return NULL;
        Py_DECREF(looked);
        Py_BEGIN_ALLOW_THREADS
        checksum_blocks(&sum, bytes + at, count);
        Py_END_ALLOW_THREADS
        at += count;
    }
    uint32_t result = checksum_end(&sum, bytes + whole, rest);
    if (is_lost(self)) {
        raise_lost();
        return NULL;
    }
    if (whole >= LARGE_BYTES)
        madvise((void *)self->base, self->bytes, MADV_DONTNEED);
    return PyLong_FromUnsignedLong(result);
}

static PyMemberDef mapped_file_members[] = {{"size", T_PYSSIZET, offsetof(MappedFileObject, bytes), READONLY, "bytes"},
                                            {NULL, 0, 0, 0, NULL}};
static PyMethodDef mapped_file_methods[] = {
    {"read", mapped_file_read, METH_VARARGS, "read(offset, length) -> bytes"},
    {"checksum", mapped_file_checksum, METH_VARARGS, "checksum(offset, length) -> int, of these bytes"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot mapped_file_slots[] = {{Py_tp_new, mapped_file_new},         {Py_tp_dealloc, mapped_file_dealloc},
                                          {Py_tp_members, mapped_file_members}, {Py_tp_methods, mapped_file_methods},
                                          {Py_tp_doc, "A file of which code and tables are used where they lie."},
                                          {0, NULL}};
static PyType_Spec mapped_file_spec = {"wasmer_runtime_core.native.machine.MappedFile", sizeof(MappedFileObject), 0,
                                       Py_TPFLAGS_DEFAULT, mapped_file_slots};
