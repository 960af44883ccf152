/* A call that goes on in other code, at the head of a loop: the loop is never left, or not for long.
 *
 * The other code is a part (code_parts.c) that takes the function's locals as arguments and begins at that head. Code that runs is not
 * written to: the page of the head is exchanged for a copy of it, in one step, in which the head's first byte is `hlt`. So a call
 * stops there, before an instruction, and nowhere in one. The handler of that fault calls the other code in its name: it puts the values,
 * from where the old code has them, where arguments lie, and the other code returns to a copy of the old code's end, behind it in
 * the part. That ends the call, with the result that is there already: the old frame stays below until then, since what its caller wants
 * back is in it. It is no frame of its own, and backtraces pass over it. */

/* A row of the moves: where a value is, and where it goes. */
typedef struct { uint8_t from, to; uint16_t bytes; int32_t from_place, to_place; } Move;

typedef struct LoopHead {
    struct LoopHead *next;     /* written before the head is in the list, then never again */
    uintptr_t pc;
    uint8_t byte;              /* what stood there */
    uintptr_t entry, back;     /* of the other code, and of the end behind it */
    uint32_t stack_bytes, n_moves;
    Move moves[];
} LoopHead;

#define MOST_LOOPS 256         /* of a module: each is a page of its own, and a mapping */

/* Registers of a signal's context by their number in instructions. */
static const uint8_t general[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* A fault came at this pc. If it is such a head the call goes on in the other code. Signal-safe. */
static int
enter_at_loop(CodeObject *code, ucontext_t *context, uintptr_t pc)
{
    LoopHead *head = __atomic_load_n(&code->loops, __ATOMIC_ACQUIRE);
    while (head && head->pc != pc)
        head = head->next;
    if (!head)
        return 0;
    greg_t *registers = context->uc_mcontext.gregs;
    struct _libc_xmmreg *vectors = context->uc_mcontext.fpregs->_xmm;
    greg_t old[NGREG];
    struct _libc_xmmreg old_vectors[16];
    memcpy(old, registers, sizeof old);
    memcpy(old_vectors, vectors, sizeof old_vectors);
    uint8_t *sp = (uint8_t *)(((uintptr_t)old[REG_RSP] - head->stack_bytes) & ~(uintptr_t)15);
    stack_t current;
    if (UNLIKELY(sigaltstack(NULL, &current) || !(current.ss_flags & SS_ONSTACK)))
        return 0;  /* the handler has no stack of its own: it lies where the arguments would */
    for (const Move *move = head->moves, *end = move + head->n_moves; move < end; move++) {
        uint64_t value[2] = {0, 0};
        if (move->from == IN_INTEGER_REGISTER)
            value[0] = (uint64_t)old[general[move->from_place]];
        else if (move->from == IN_VECTOR_REGISTER)
            memcpy(value, &old_vectors[move->from_place], sizeof value);
        else
            memcpy(value, (uint8_t *)old[REG_RBP] + move->from_place, move->bytes);
        if (move->to == IN_INTEGER_REGISTER)
            registers[general[move->to_place]] = (greg_t)value[0];
        else if (move->to == IN_VECTOR_REGISTER)
            memcpy(&vectors[move->to_place], value, sizeof value);
        else
            memcpy(sp + move->to_place, value, move->bytes);
    }
    *(uintptr_t *)(sp - 8) = head->back;
    registers[REG_RSP] = (greg_t)(sp - 8);
    registers[REG_RIP] = (greg_t)head->entry;
    return 1;
}

/* Whether a return address is that of a call that was continued: the frame it leads to is the same call's. */
static int
is_continued(const CodeObject *code, uintptr_t back)
{
    return code->is_entered_at_loop && back == (uintptr_t)code->base + code->function_offsets[1] + 1;
}

/* Moves that make sense, for code that saves what is not an argument. */
static int
moves_check(const Move *moves, size_t n_moves, uint32_t stack_bytes)
{
    for (size_t i = 0; i < n_moves; i++) {
        const Move *move = &moves[i];
        int known = (move->from <= IN_VECTOR_REGISTER || move->from == IN_FRAME) && move->to <= ON_STACK;
        int from_register = move->from != IN_FRAME, to_register = move->to != ON_STACK;
        if (!known || (move->bytes != 8 && move->bytes != 16) || (from_register && (move->from_place & ~15)) ||
            (to_register && (move->to_place & ~15)) || (move->to == IN_INTEGER_REGISTER && (move->to_place & ~1) == 4) ||
            (!to_register && (move->to_place < 0 || (uint32_t)move->to_place + move->bytes > stack_bytes)))
            return -1;
    }
    return 0;
}

/* In place of the page of this code that has `pc` a copy, in which `byte` stands there. Whoever runs it sees the one or the other. */
static int
page_exchange(CodeObject *code, uintptr_t pc, uint8_t byte)
{
    uint8_t *page = (uint8_t *)(pc & ~(uintptr_t)(PAGE - 1));
    uint8_t *copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(copy, page, PAGE);
    copy[pc & (PAGE - 1)] = byte;
    if (is_lost(code->file)) {
        raise_lost();
        munmap(copy, PAGE);
        return -1;
    }
    if (mprotect(copy, PAGE, PROT_READ | PROT_EXEC) ||
        mremap(copy, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page) {
        PyErr_SetFromErrno(PyExc_OSError);
        munmap(copy, PAGE);
        return -1;
    }
    return 0;
}

/* Calls of a function that come to the head of a loop go on in this code. Whether that is new. */
static PyObject *
code_enter_at_loop(PyObject *object, PyObject *args)
{
    CodeObject *self = (CodeObject *)object;
    unsigned int function, offset, stack_bytes;
    Part code;
    CodeTables tables = {0};
    PyObject *relocations, *rows;
    if (!PyArg_ParseTuple(args, "IIO&SO&O&SSSSI", &function, &offset, part_take, &code, &tables.offsets, part_take, &tables.sites,
                          part_take, &tables.inlined, &tables.handlers, &tables.saved, &relocations, &rows, &stack_bytes) ||
        tables_check(&tables, code.length) < 0)
        return NULL;
    size_t n_moves = (size_t)PyBytes_GET_SIZE(rows) / sizeof(Move), n_heads = 0;
    const uint32_t *offsets = (const uint32_t *)PyBytes_AS_STRING(tables.offsets);
    if (!self->stubs || function >= self->n_functions || PyBytes_GET_SIZE(tables.offsets) != 12 || offsets[0] || !offsets[1] ||
        offsets[1] + 1 >= offsets[2] || offset >= self->function_offsets[function + 1] - self->function_offsets[function] ||
        PyBytes_GET_SIZE(relocations) % (Py_ssize_t)sizeof(RelocationRow) || PyBytes_GET_SIZE(rows) % (Py_ssize_t)sizeof(Move) ||
        stack_bytes > 16 * MOST_TAIL_ROOM || moves_check((const Move *)PyBytes_AS_STRING(rows), n_moves, stack_bytes) < 0) {
        PyErr_SetString(PyExc_ValueError, "this is no code that goes on at the head of a loop");
        return NULL;
    }
    uintptr_t pc = (uintptr_t)self->base + self->function_offsets[function] + offset;
    for (LoopHead *head = self->loops; head; head = head->next, n_heads++)
        if (head->pc == pc || n_heads == MOST_LOOPS)
            Py_RETURN_FALSE;
    LoopHead *head = malloc(sizeof *head + n_moves * sizeof(Move));
    if (!head)
        return PyErr_NoMemory();
    CodeObject *part = part_make(self, &code, &tables, (const RelocationRow *)PyBytes_AS_STRING(relocations),
                                 (size_t)PyBytes_GET_SIZE(relocations) / sizeof(RelocationRow));
    if (!part) {
        free(head);
        return NULL;
    }
    part->first_function = self->first_function + function;
    part->is_entered_at_loop = 1;
    int failed = parts_keep(self, part);
    Py_DECREF(part);
    if (failed) {
        free(head);
        return NULL;
    }
    *head = (LoopHead){self->loops, pc, *(uint8_t *)pc, (uintptr_t)part->base, (uintptr_t)part->base + offsets[1] + 1,
                       stack_bytes, (uint32_t)n_moves};
    memcpy(head->moves, PyBytes_AS_STRING(rows), n_moves * sizeof(Move));
    __atomic_store_n(&self->loops, head, __ATOMIC_RELEASE);
    if (page_exchange(self, pc, HLT) < 0)
        return NULL;
    Py_RETURN_TRUE;
}

/* A copy of code from there on, as it was compiled. */
static void
loops_unwritten(CodeObject *code, uint8_t *copy, size_t start, size_t size)
{
    for (LoopHead *head = code->loops; head; head = head->next) {
        size_t at = head->pc - (uintptr_t)code->base - start;
        if (at < size)
            copy[at] = head->byte;
    }
}

static void
loops_end(CodeObject *code)
{
    while (code->loops) {
        LoopHead *head = code->loops;
        code->loops = head->next;
        free(head);
    }
}

/* The code of one function, as it was compiled, with what pads it. */
static PyObject *
code_read_function(PyObject *object, PyObject *argument)
{
    CodeObject *self = (CodeObject *)object;
    unsigned long number = PyLong_AsUnsignedLong(argument);
    if (number == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (number >= self->n_functions) {
        PyErr_SetString(PyExc_IndexError, "there is no such function");
        return NULL;
    }
    size_t start = self->function_offsets[number], size = self->function_offsets[number + 1] - start;
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)self->base + start, (Py_ssize_t)size);
    if (bytes)
        loops_unwritten(self, (uint8_t *)PyBytes_AS_STRING(bytes), start, size);
    if (bytes && is_lost(self->file)) {
        raise_lost();
        Py_CLEAR(bytes);
    }
    return bytes;
}
