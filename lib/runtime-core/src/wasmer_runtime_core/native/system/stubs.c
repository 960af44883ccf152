/* Where functions are entered whose code comes later.
 *
 * Calls inside of a module go through its table of code addresses. Everybody else has an address of the function that must
 * stay what it is: function records, import records of other instances, Functions. So each function gets a stub,
 *
 *     enter:   jmp [rip + entry]      as the table says now
 *     first:   mov eax, number        what the table says as long as there is no code
 *              jmp ask                jmp [rip + entry of wasm_first_call], behind the last stub
 *
 * and code is published by one store of its address into the table. Stubs lie behind the code, in pages that are never
 * written again. */

#define ENTRIES_OF_STUBS 1     /* in front of those of the routines: wasm_first_call */
#define STUB_FIRST 6
#define ENTRY_STUB_BYTES 16

/* Where a function is called by whoever does not go through the table: it stays the same. */
static inline uint8_t *
code_entry(const CodeObject *code, uint32_t function)
{
    return code->stubs ? code->stubs + ENTRY_STUB_BYTES * (size_t)function : code->base + code->function_offsets[function];
}

extern char wasm_first_call[] __attribute__((visibility("hidden")));

static size_t
stubs_bytes(size_t n_functions)
{
    return ENTRY_STUB_BYTES * (n_functions + 1);
}

/* What the table says of a function that has no code yet. */
static inline uint64_t
stub_first(const CodeObject *code, uint32_t function)
{
    return (uint64_t)(code->stubs + ENTRY_STUB_BYTES * (size_t)function + STUB_FIRST);
}

/* Four bytes: the distance to `target` from behind them. */
static uint8_t *
put_distance(uint8_t *place, const void *target)
{
    int32_t distance = (int32_t)((const uint8_t *)target - (place + 4));
    memcpy(place, &distance, 4);
    return place + 4;
}

static uint8_t *
put_jump_through(uint8_t *place, const uint64_t *entry)
{
    *place++ = 0xFF;
    *place++ = 0x25;
    return put_distance(place, entry);
}

/* Write the stubs into pages that nobody can touch yet. `all_later`: no function has code. 0, or -1 with an exception. */
static int
stubs_place(CodeObject *code, uint8_t *pages, size_t bytes, int all_later)
{
    if (mprotect(pages, bytes, PROT_READ | PROT_WRITE)) {
        PyErr_NoMemory();
        return -1;
    }
    memset(pages, 0xCC, bytes);
    uint64_t *table = code_table(code), *ask = table - 1 - N_ROUTINES;
    uint8_t *last = pages + ENTRY_STUB_BYTES * (size_t)code->n_functions;
    code->stubs = pages;
    *ask = (uint64_t)wasm_first_call;
    for (uint32_t i = 0; i < code->n_functions; i++) {
        uint8_t *place = put_jump_through(pages + ENTRY_STUB_BYTES * (size_t)i, &table[i]);
        *place++ = 0xB8;
        memcpy(place, &i, 4);
        place[4] = 0xE9;
        put_distance(place + 5, last);
        if (all_later)
            table[i] = stub_first(code, i);
    }
    put_jump_through(last, ask);
    if (mprotect(pages, bytes, PROT_READ | PROT_EXEC)) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}
