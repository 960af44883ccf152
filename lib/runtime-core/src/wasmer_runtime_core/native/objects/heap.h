/* What files before `heap.c` know of a collected heap. */

/* A part of a list in a heap: somebody, of Python's objects, who has references to objects in it. */
typedef struct Root {
    struct Root *next, **link; /* link: NULL if it is in none */
    Heap *heap;                /* owned */
} Root;

#define N_CLASSES 80           /* sizes of slots: heap.c */

/* Where the objects of a store lie. */
struct Heap {
    PyObject_HEAD
    void **free[N_CLASSES];    /* free slots: the first word is 0, the second the next one */
    struct Block *blocks[N_CLASSES], *unswept[N_CLASSES];
    struct Block *large, *spare;
    uint64_t bytes;            /* of all its blocks; of large objects whole pages */
    uint64_t n_blocks, n_spare;
    uint64_t live;             /* bytes of objects that the last collection found */
    uint64_t allocated, threshold;  /* bytes that were given out since then; so many ask for a collection */
    uint64_t collections, nanoseconds, longest;
    struct Marking *marking;   /* under way in steps, or NULL */
    int guards;                /* blocks may be guarded, though nothing is being marked */
    size_t guard_at;           /* so far blocks are guarded, or are no longer */
    uint64_t before;           /* what was allocated when it began */
    Store *store;              /* NULL: it is gone, but Python still has objects */
    Root *references, *exceptions;
    Root *unmarked[2];         /* of these two lists: where the first pass of marking in steps goes on */
    Root *marked[2];           /* meanwhile: from here on that pass has marked all, or will */
    PyObject **kept;           /* owned: what objects may refer to that lies elsewhere */
    size_t n_kept, kept_room, prune_at;
    PyObject **owned;          /* owned: instances whose functions they may refer to */
    size_t n_owned, owned_room;
    int owns;                  /* it has more than one user, so it owns all instances */
    int cleared;
    int asked_by_code;         /* to find room: the frames of the innermost call lie on this stack */
    Signature **types;         /* held: of objects whose instance has gone */
    size_t n_types, types_room;
};

/* An object of WebAssembly's as Python has it: StructRef, ArrayRef. */
typedef struct {
    PyObject_HEAD
    Root root;
    uint64_t word;             /* its address */
    PyObject *home;            /* owned: the only instance of its store, if there was just one */
    PyObject *weakrefs;
} ReferenceObject;

/* collector.c */
static void heap_add_member(Store *store, Member *member);
static void heap_lose_member(Member *member);
static void heap_lose_store(Heap *heap);
static void heap_join(Store *to, Store *from);
static void heap_settle_kept(Store *store, PyObject **keep, size_t count);
static void heap_keep(Heap *heap, PyObject *object_stolen);
static void heap_prune(Heap *heap);
static __thread unsigned frozen __attribute__((tls_model("initial-exec")));  /* this thread has references where no collection looks */
static int is_guarded_write(uintptr_t address);
/* reach.c, reference.c */
static int convert_word(uint8_t kind, PyObject *value, Bits128 *out);
static PyObject *box_word(uint64_t word);
static int word_fits(ValueType type, uint64_t word);
static int may_reach(uint8_t kind, uint64_t bits);
static int reach(Member *member, uint8_t kind, uint64_t bits);
