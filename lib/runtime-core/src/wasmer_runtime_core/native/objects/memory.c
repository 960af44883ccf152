/* Linear memories.
 *
 * The address space that they lie in, and what that promises, is in slots.c. Where a memory has none, it is an ordinary
 * mapping that may move when it grows; only code with bounds checks may use it.
 *
 * Instances that share a memory may run at once without the GIL, and all of them may grow it.
 * Lengths and maxima therefore change under a lock of their own, never while anybody who has it waits
 * for the GIL. A length only grows, until the memory is closed; whoever reads it needs no lock. */

static pthread_mutex_t growth = PTHREAD_MUTEX_INITIALIZER;

static void
lock_growth(void)
{
    pthread_mutex_lock(&growth);
}

static void
unlock_growth(void)
{
    pthread_mutex_unlock(&growth);
}

/* Let a forked child find the lock open, and every memory whole. */
static void
install_growth_lock(void)
{
    pthread_atfork(lock_growth, unlock_growth, unlock_growth);
}

/* 0, or -1: no size lies between these. */
static int
contradict(const char *what, const Sizes *sizes, const char *units)
{
    if (!sizes->has_maximum || sizes->maximum >= sizes->minimum)
        return 0;
    raise_error("InvalidDescriptor", "a %s cannot have %llu %s at first and at most %llu", what,
                (unsigned long long)sizes->minimum, units, (unsigned long long)sizes->maximum);
    return -1;
}

static MemoryObject *
memory_new(PyTypeObject *type, const Sizes *sizes, int flags, int reserve)
{
    uint64_t most = flags & MEMORY_WIDE ? WASM_MOST_WIDE_PAGES : WASM_MAX_PAGES, minimum = sizes->minimum;
    if (contradict("memory", sizes, "pages") < 0)
        return NULL;
    if (sizes->has_maximum && sizes->maximum > WASM_MAX_WIDE_PAGES) {
        raise_error("InvalidDescriptor", "a memory cannot have at most %llu pages: none can be declared with more than %llu",
                    (unsigned long long)sizes->maximum, (unsigned long long)WASM_MAX_WIDE_PAGES);
        return NULL;
    }
    if (minimum > most) {
        raise_error(flags & MEMORY_WIDE ? "UnableToCreateMemory" : "InvalidDescriptor",
                    "a memory cannot have %llu pages of 64 KiB; there can be %llu", (unsigned long long)minimum,
                    (unsigned long long)most);
        return NULL;
    }
    if (flags & MEMORY_SHARED && !sizes->has_maximum) {
        raise_error("InvalidDescriptor", "a shared memory needs a maximum");
        return NULL;
    }
    size_t bytes = minimum * WASM_PAGE_BYTES, room = 0;
    Slot slot = {NULL, 0};
    int reserved = reserve && !(flags & MEMORY_WIDE) && slot_take(bytes, reserve, &slot) == 0;
    if (!reserved) {
        uint8_t *base;
        if (flags & MEMORY_SHARED)
            room = room_reserve(bytes, sizes->maximum, &base);
        else
            base = mmap(NULL, bytes ? bytes : WASM_PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (flags & MEMORY_SHARED ? !room : base == MAP_FAILED) {
            raise_error("UnableToCreateMemory", "the system refused a memory of %llu pages of 64 KiB: %s",
                        (unsigned long long)minimum, strerror(errno));
            return NULL;
        }
        slot = (Slot){base, bytes || room ? bytes : WASM_PAGE_BYTES};
    }
    MemoryObject *self = (MemoryObject *)type->tp_alloc(type, 0);
    if (!self) {
        if (!reserved)
            munmap(slot.base, room ? room : slot.accessible);
        else
            slot_give(slot);
        return NULL;
    }
    self->definition = (MemoryDefinition){slot.base, bytes};
    self->minimum = minimum;
    self->maximum = sizes->has_maximum && sizes->maximum < most ? sizes->maximum : most;
    self->has_maximum = sizes->has_maximum;
    self->declared_maximum = sizes->maximum;
    self->shared = (flags & MEMORY_SHARED) != 0;
    self->wide = (flags & MEMORY_WIDE) != 0;
    self->reserved = reserved;
    self->accessible = self->touchable = slot.accessible;
    self->room = room;
    return self;
}

static void
memory_dealloc(PyObject *object)
{
    MemoryObject *self = (MemoryObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    uint8_t *base = self->definition.base;
    budget_give(self->budget, BUDGET_PAGES, self->definition.length / WASM_PAGE_BYTES);
    Py_XDECREF(self->budget);
    if (base && !self->reserved)
        munmap(base, self->room ? self->room : self->accessible);
    else if (base)
        slot_return((Slot){base, self->accessible}, self->touchable);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Whether it grows in place, without the GIL. */
static inline int
stays(const MemoryObject *self)
{
    return self->reserved || self->room;
}

/* More of the slot or the room, under the lock. A refusal may come when a part is accessible already. */
static int
slot_extend(MemoryObject *self, size_t wanted)
{
    uint8_t *end = self->definition.base + self->definition.length;
    size_t bytes = wanted - self->definition.length;
    if (self->room && wanted > self->room)
        return -1;
    if (wanted > self->touchable)
        self->touchable = wanted;
    if (mprotect(end, bytes, PROT_READ | PROT_WRITE)) {
        mprotect(end, bytes, PROT_NONE);
        return -1;
    }
    return 0;
}

/* A larger mapping, under the lock and the GIL. It moves where nobody can have the base in a register. */
static int
mapping_extend(MemoryObject *self, size_t wanted)
{
    int in_place = self->views || n_safepoints || released_elsewhere();
    void *moved = mremap(self->definition.base, self->accessible, wanted, in_place ? 0 : MREMAP_MAYMOVE);
    if (moved == MAP_FAILED)
        return -1;
    self->definition.base = moved;
    self->touchable = wanted;
    return 0;
}

/* Pages before, or REFUSED, NOT_TO_BE_HAD. Touches no Python state: where the memory stays, generated code calls it without the GIL. */
static int64_t
memory_grow(MemoryObject *self, uint64_t delta)
{
    if (!delta)
        return (int64_t)(memory_bytes(&self->definition) / WASM_PAGE_BYTES);
    lock_growth();
    uint64_t pages = self->definition.length / WASM_PAGE_BYTES;
    int64_t before = REFUSED;
    if (delta <= self->maximum - pages && budget_take(self->budget, BUDGET_PAGES, delta)) {
        size_t wanted = (pages + delta) * WASM_PAGE_BYTES;
        if ((stays(self) ? slot_extend(self, wanted) : mapping_extend(self, wanted)) == 0) {
            self->accessible = wanted;
            __atomic_store_n(&self->definition.length, wanted, __ATOMIC_RELEASE);
            before = (int64_t)pages;
        }
        else {
            budget_give(self->budget, BUDGET_PAGES, delta);
            before = NOT_TO_BE_HAD;
        }
    }
    unlock_growth();
    return before;
}

/* --- the type --------------------------------------------------------------------------- */

static int
parse_size(PyObject *size, const char *what, uint64_t *out)
{
    PyObject *index = PyNumber_Index(size);
    if (!index)
        return -1;
    *out = PyLong_AsUnsignedLongLong(index);
    Py_DECREF(index);
    if (*out != UINT64_MAX || !PyErr_Occurred())
        return 0;
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        raise_error("InvalidDescriptor", "a %s cannot be negative, nor have more than 64 bits", what);
    }
    return -1;
}

/* `maximum` may be NULL, or None. 0, or -1 with an exception. */
static int
parse_sizes(PyObject *minimum, PyObject *maximum, Sizes *out)
{
    *out = (Sizes){0, 0, maximum && maximum != Py_None};
    if (parse_size(minimum, "minimum", &out->minimum) < 0)
        return -1;
    return out->has_maximum ? parse_size(maximum, "maximum", &out->maximum) : 0;
}

static PyObject *
memory_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"minimum", "maximum", "shared", "reserve", "wide", NULL};
    PyObject *minimum, *maximum = NULL;
    int shared = 0, reserve = 1, wide = 0;
    Sizes sizes;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|Oppp:Memory", names, &minimum, &maximum, &shared, &reserve,
                                     &wide) ||
        parse_sizes(minimum, maximum, &sizes) < 0)
        return NULL;
    return (PyObject *)memory_new(type, &sizes, (shared ? MEMORY_SHARED : 0) | (wide ? MEMORY_WIDE : 0),
                                  reserve ? RESERVE_BY_ALL_MEANS : RESERVE_NOT);
}

/* 0, or -1 with ValueError. */
static int
memory_open(MemoryObject *self)
{
    if (LIKELY(!self->closed))
        return 0;
    PyErr_SetString(PyExc_ValueError, "the memory is closed");
    return -1;
}

static PyObject *
memory_method_grow(PyObject *object, PyObject *argument)
{
    MemoryObject *self = (MemoryObject *)object;
    if (memory_open(self) < 0)
        return NULL;
    PyObject *index = PyNumber_Index(argument);
    if (!index)
        return NULL;
    int overflow;
    long long delta = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (delta == -1 && !overflow && PyErr_Occurred())
        return NULL;
    if (overflow < 0 || (!overflow && delta < 0)) {
        PyErr_SetString(PyExc_ValueError, "a memory cannot shrink: the pages to add must not be negative");
        return NULL;
    }
    int64_t before = overflow ? REFUSED : memory_grow(self, (uint64_t)delta);
    if (before == NOT_TO_BE_HAD) {
        raise_error("MemoryGrowError", "a memory of %llu pages cannot grow by %R: the system has no room for it",
                    (unsigned long long)(self->definition.length / WASM_PAGE_BYTES), argument);
        return NULL;
    }
    if (before < 0) {
        raise_error("MemoryGrowError", "a memory of %llu pages cannot grow by %R: it may have at most %llu%s",
                    (unsigned long long)(self->definition.length / WASM_PAGE_BYTES), argument,
                    (unsigned long long)self->maximum, self->budget ? ", and with all others under its limits" : "");
        return NULL;
    }
    return PyLong_FromLongLong(before);
}

/* can_reserve() -> whether there is address space for one more memory on guard pages; it takes none */
static PyObject *
native_can_reserve(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < 4 * SLOT_BYTES)
        Py_RETURN_FALSE;
    if (n_free_slots)
        Py_RETURN_TRUE;
    size_t bytes = SLOT_BYTES + ((size_t)2 << 20);
    void *base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        Py_RETURN_FALSE;
    munmap(base, bytes);
    Py_RETURN_TRUE;
}

static int
memory_may_close(MemoryObject *self)
{
    if (!self->views)
        return 0;
    PyErr_Format(PyExc_BufferError, "the memory cannot be closed: %zd view%s of it exist%s", self->views,
                 self->views == 1 ? "" : "s", self->views == 1 ? "s" : "");
    return -1;
}

/* Give the pages back. The addresses stay taken while the object lives, so that code which still refers to them
 * traps. While code of another thread runs, or is stopped between two instructions, perhaps amid a copy, the pages
 * stay too, and go with the object: unless the caller knows that it is `unused` by any code that runs. */
static void
memory_close(MemoryObject *self, int unused)
{
    if (self->closed)
        return;
    self->closed = 1;
    lock_growth();
    budget_give(self->budget, BUDGET_PAGES, self->definition.length / WASM_PAGE_BYTES);
    __atomic_store_n(&self->definition.length, 0, __ATOMIC_RELEASE);
    self->maximum = 0;
    unlock_growth();
    if (!unused && (n_safepoints || released_elsewhere()))
        return;
    /* not renewed: should that fail half-way, others could come to lie where code still looks */
    int clean = !self->touchable || madvise(self->definition.base, self->touchable, MADV_DONTNEED) == 0;
    if (self->touchable && mprotect(self->definition.base, self->touchable, PROT_NONE))
        clean = 0;
    if (self->reserved) {
        self->accessible = 0;
        self->touchable = clean ? 0 : self->touchable;
    }
}

static PyObject *
memory_method_close(PyObject *object, PyObject *Py_UNUSED(none))
{
    if (memory_may_close((MemoryObject *)object) < 0)
        return NULL;
    memory_close((MemoryObject *)object, 0);
    Py_RETURN_NONE;
}

/* Whether [offset, offset + length) lies in the memory; otherwise IndexError. */
static int
memory_range(MemoryObject *self, unsigned long long offset, unsigned long long length)
{
    if (offset <= self->definition.length && length <= self->definition.length - offset)
        return memory_open(self) == 0;
    if (memory_open(self) < 0)
        return 0;
    PyErr_Format(PyExc_IndexError, "%llu bytes at %llu are outside of the memory, which has %llu bytes", length, offset,
                 (unsigned long long)self->definition.length);
    return 0;
}

static PyObject *
memory_method_read(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    MemoryObject *self = (MemoryObject *)object;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "read(offset, length) takes two arguments");
        return NULL;
    }
    Py_ssize_t offset = PyNumber_AsSsize_t(args[0], PyExc_IndexError);
    if (offset == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t length = PyNumber_AsSsize_t(args[1], PyExc_IndexError);
    if (length == -1 && PyErr_Occurred())
        return NULL;
    if (offset < 0 || length < 0) {
        PyErr_SetString(PyExc_IndexError, "offset and length must not be negative");
        return NULL;
    }
    if (!memory_range(self, (unsigned long long)offset, (unsigned long long)length))
        return NULL;
    return PyBytes_FromStringAndSize((const char *)self->definition.base + offset, length);
}

static PyObject *
memory_method_write(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    MemoryObject *self = (MemoryObject *)object;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "write(offset, data) takes two arguments");
        return NULL;
    }
    Py_ssize_t offset = PyNumber_AsSsize_t(args[0], PyExc_IndexError);
    if (offset == -1 && PyErr_Occurred())
        return NULL;
    Py_buffer data;
    if (PyObject_GetBuffer(args[1], &data, PyBUF_SIMPLE) < 0)
        return NULL;
    if (offset < 0)
        PyErr_SetString(PyExc_IndexError, "the offset must not be negative");
    else if (memory_range(self, (unsigned long long)offset, (unsigned long long)data.len))
        memmove(self->definition.base + offset, data.buf, (size_t)data.len);
    PyBuffer_Release(&data);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static int
memory_getbuffer(PyObject *object, Py_buffer *view, int flags)
{
    MemoryObject *self = (MemoryObject *)object;
    if (memory_open(self) < 0) {
        view->obj = NULL;
        return -1;
    }
    if (PyBuffer_FillInfo(view, object, self->definition.base, (Py_ssize_t)self->definition.length, 0, flags) < 0)
        return -1;
    self->views++;
    return 0;
}

static void
memory_releasebuffer(PyObject *object, Py_buffer *Py_UNUSED(view))
{
    ((MemoryObject *)object)->views--;
}

static Py_ssize_t
memory_length(PyObject *object)
{
    return (Py_ssize_t)((MemoryObject *)object)->definition.length;
}

static PyObject *
memory_get_pages(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((MemoryObject *)object)->definition.length / WASM_PAGE_BYTES);
}

static PyObject *
memory_get_maximum(PyObject *object, void *Py_UNUSED(closure))
{
    MemoryObject *self = (MemoryObject *)object;
    if (!self->has_maximum)
        Py_RETURN_NONE;
    /* limits may have lowered it; no process has what a 64-bit memory may be declared with */
    return PyLong_FromUnsignedLongLong(self->maximum == WASM_MOST_WIDE_PAGES ? self->declared_maximum : self->maximum);
}

static PyObject *
memory_get_address(PyObject *object, void *Py_UNUSED(closure))
{
    return PyLong_FromVoidPtr(((MemoryObject *)object)->definition.base);
}

/* A place in it for `size` bytes, aligned; NULL with an exception. */
static uint8_t *
memory_place(MemoryObject *self, PyObject *argument, uint64_t size)
{
    Py_ssize_t address = PyNumber_AsSsize_t(argument, PyExc_IndexError);
    if (address == -1 && PyErr_Occurred())
        return NULL;
    if (address < 0)
        PyErr_SetString(PyExc_IndexError, "the address must not be negative");
    else if ((uint64_t)address & (size - 1))
        PyErr_Format(PyExc_ValueError, "the address %zd is not aligned: it must be a multiple of %llu", address,
                     (unsigned long long)size);
    else if (memory_range(self, (unsigned long long)address, size))
        return self->definition.base + address;
    return NULL;
}

static PyObject *
memory_method_notify(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    MemoryObject *self = (MemoryObject *)object;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "notify_at(address, count) takes two arguments");
        return NULL;
    }
    uint8_t *place = memory_place(self, args[0], 4);
    Py_ssize_t count = place ? PyNumber_AsSsize_t(args[1], NULL) : -1;
    if (!place || (count == -1 && PyErr_Occurred()))
        return NULL;
    if (count < 0) {
        PyErr_SetString(PyExc_ValueError, "a number of threads cannot be negative");
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(notify_waiters(place, (uint64_t)count));
}

static PyObject *
memory_method_wait(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    MemoryObject *self = (MemoryObject *)object;
    uint64_t nanoseconds;
    if (n != 4) {
        PyErr_SetString(PyExc_TypeError, "wait_at(address, expected, seconds, size) takes four arguments");
        return NULL;
    }
    Thread *thread = current_thread();
    uint64_t size = thread ? PyLong_AsUnsignedLongLong(args[3]) : 0;
    if (!thread || PyErr_Occurred() || parse_timeout(args[2], &nanoseconds) < 0)
        return NULL;
    uint8_t *place = memory_place(self, args[0], size == 8 ? 8 : 4);
    uint64_t expected = place ? PyLong_AsUnsignedLongLongMask(args[1]) : 0;
    if (!place || PyErr_Occurred())
        return NULL;
    if (!self->shared) {
        PyErr_SetString(PyExc_ValueError, "the memory is not shared: nobody else could notify who waits");
        return NULL;
    }
    int how = wait_from_python(thread, place, expected, size == 8, nanoseconds);
    return how < 0 ? NULL : PyLong_FromLong(how);
}

static PyMemberDef memory_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(MemoryObject, weakrefs), READONLY, NULL},
    {"minimum", T_ULONGLONG, offsetof(MemoryObject, minimum), READONLY, "pages it was made with"},
    {"shared", T_UBYTE, offsetof(MemoryObject, shared), READONLY, "1 if threads share it"},
    {"wide", T_UBYTE, offsetof(MemoryObject, wide), READONLY, "1 if its index has 64 bits"},
    {"closed", T_UBYTE, offsetof(MemoryObject, closed), READONLY, "1 once it is closed"},
    {"views", T_PYSSIZET, offsetof(MemoryObject, views), READONLY, "views of it that exist: it cannot be closed"},
    {"reserved", T_UBYTE, offsetof(MemoryObject, reserved), READONLY, "1 if the base never moves"},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef memory_getset[] = {{"pages", memory_get_pages, NULL, "pages of 64 KiB now", NULL},
                                      {"maximum", memory_get_maximum, NULL, "pages it may have, or None", NULL},
                                      {"address", memory_get_address, NULL, "address of byte 0", NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef memory_methods[] = {
    {"grow", memory_method_grow, METH_O, "grow(pages) -> pages before; raises MemoryGrowError"},
    {"read", (PyCFunction)(void (*)(void))memory_method_read, METH_FASTCALL, "read(offset, length) -> bytes"},
    {"close", memory_method_close, METH_NOARGS, "give its pages back; BufferError while views of it exist"},
    {"wait_at", (PyCFunction)(void (*)(void))memory_method_wait, METH_FASTCALL,
     "wait_at(address, expected, seconds or None, 4 or 8) -> 0: notified, 1: another value, 2: the time is over"},
    {"notify_at", (PyCFunction)(void (*)(void))memory_method_notify, METH_FASTCALL, "notify_at(address, count) -> how many"},
    {"write", (PyCFunction)(void (*)(void))memory_method_write, METH_FASTCALL, "write(offset, data)"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot memory_slots[] = {{Py_tp_new, memory_tp_new},
                                     {Py_tp_dealloc, memory_dealloc},
                                     {Py_tp_members, memory_members},
                                     {Py_tp_getset, memory_getset},
                                     {Py_tp_methods, memory_methods},
                                     {Py_sq_length, memory_length},
                                     {Py_bf_getbuffer, memory_getbuffer},
                                     {Py_bf_releasebuffer, memory_releasebuffer},
                                     {Py_tp_doc, "A linear memory: a writable buffer."},
                                     {0, NULL}};
static PyType_Spec memory_spec = {"wasmer_runtime_core.native.machine.Memory", sizeof(MemoryObject), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, memory_slots};
