/* What helpers that work on much at once have in common: they trap, look for signals, and go in pieces. */

static inline InstanceObject *
instance_of(VMContext *vmctx)
{
    return (InstanceObject *)vmctx->instance;
}

#define CHECK(condition, kind)           \
    do {                                 \
        if (UNLIKELY(!(condition)))      \
            trap_from_helper(kind);      \
    } while (0)
/* Loops that spend their time in helpers end in time too. */
#define ATTEND()                         \
    do {                                 \
        if (UNLIKELY(this_thread->attention)) \
            attend(this_thread);         \
    } while (0)

#define PIECE_BYTES ((uint64_t)1 << 20)
#define PIECE_ELEMENTS ((uint64_t)1 << 16)

/* Bytes or elements of the next piece. */
static inline uint64_t
piece(uint64_t count, uint64_t most)
{
    return LIKELY(count <= most) ? count : most;
}

