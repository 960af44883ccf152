/* Tags and exceptions, as all files have them. */

/* A tag: its address is its identity. */
typedef struct {
    PyObject_HEAD
    Signature *signature;      /* held: its parameters are the values that an exception carries */
    PyObject *weakrefs;
} TagObject;

/* An exception that WebAssembly may catch. Generated code reads the rows of vmctx.EXCEPTION, and the values. */
typedef struct {
    PyObject_VAR_HEAD          /* so many values */
    TagObject *tag;            /* owned; NULL: a Python exception that carries none */
    PyObject *object;          /* owned: the Python exception, once there is one */
    uintptr_t *frames;         /* where it was thrown, if it was caught since; or NULL */
    uint32_t n_frames;
    uint32_t units;            /* that it counts for */
    struct ExceptionAccount *account;  /* held, or NULL: of the instance that threw it */
    Root root;                 /* if values refer to objects of a heap */
    PyObject *home;            /* owned, if values are references: the instance that threw it, which could reach them */
    Bits128 values[];          /* whose references have an owner here */
} ExceptionObject;

/* What the exceptions that an instance threw, and which are not gone, take together. They may outlive it. */
typedef struct ExceptionAccount {
    uint64_t units;            /* of UNIT_BYTES */
    uint64_t holders;
} ExceptionAccount;
_Static_assert(offsetof(ExceptionObject, tag) == EXCEPTION_TAG, "exception");
_Static_assert(offsetof(ExceptionObject, values) == EXCEPTION_VALUES, "exception");
