/* A store, and what belongs to one: what files before `store.c` know of it. */

#define MOST_KEPT 10000000u    /* references that host functions give during one outermost call */

/* What `Limits` say of a store; 0: nothing. */
typedef struct StoreLimits {
    uint64_t stack_bytes;      /* of an outermost call */
    uint64_t most_kept;        /* of `keep`, else MOST_KEPT */
    uint64_t heap_bytes;
} StoreLimits;

typedef struct Store {
    /* read by generated code: the rows of vmctx.STORE */
    uintptr_t stack_limit;
    struct Activation *activation;
    uintptr_t owner;           /* address of the Thread that runs, or 0 */
    uint64_t depth;
    uint64_t pending_exception;
    /* private */
    struct StoreLimits *limits;  /* owned; NULL: it has none of its own */
    Member *members;
    uint32_t n_members;
    uint32_t n_tasks;          /* of exits: members with mutable cells of references, retired stores */
    PyObject **keep;           /* owned references, see above */
    size_t n_keep, keep_room, keep_dedupe_at;
    uint32_t n_exceptions, drop_exceptions_at;  /* among them; exceptions.c */
    Heap *heap;                /* of the objects of WebAssembly, owned by each member; NULL: there have been none */
    struct Store *retired;     /* those that became a part of this one while code ran; of a retired one: the next */
} Store;

/* What all members of a kind do; NULL: nothing. */
typedef struct MemberKind {
    void (*moved)(Member *);   /* the store changed */
    void (*settle)(Member *);  /* global cells become owners of what they hold */
    void (*trace)(Member *, struct Marking *);  /* mark what it refers to; NULL: to no objects */
    uint8_t lasting;           /* it may outlive the others: it is no table of an instance's own, nor a host function */
    uint8_t has_code;          /* it is an instance, and of a module */
} MemberKind;

/* What belongs to a store: an instance, a table or a global. Part of each instance, so as small as can be. */
struct Member {
    Store *store;              /* NULL: none yet */
    Member *next, **link;
    const MemberKind *kind;
    Heap *heap;                /* owned: the store's */
};
