/* What the C files share.
 *
 * Three kinds of memory meet here. The *vmctx* of an instance is laid out by
 * contract/vmctx.py and read by generated code. Python objects own everything and take part in
 * garbage collection. A *store* joins the instances that can reach each other, so that one
 * thread at a time runs in them.
 *
 * Ownership: an instance owns its code, its imports, memories, tables and globals. A table's
 * slot owns whoever keeps the referenced function (or object) alive. A reference that wasm
 * code holds only in a local or a global cell has no owner that could be counted; so whatever
 * enters wasm, or leaves a table while wasm runs, is put on the store's keep list, and
 * `store_sweep` drops that list at the outermost exit. Global cells become owners at each exit,
 * for what they hold may be of an instance that nobody needs from then on. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>
#include <structmember.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "contract.h"

#if !defined(__x86_64__) || !defined(__linux__)
#error "wasmer-runtime-core: this platform is not supported yet; x86-64 Linux is"
#endif

#ifdef Py_GIL_DISABLED
#error "wasmer-runtime-core: Python without a GIL is not supported; its lock is what guards everything here"
#endif

/* In a build by `nox -s sanitize`: frames that are left by jumping give back what AddressSanitizer marked in them. */
#ifdef __SANITIZE_ADDRESS__
void __asan_handle_no_return(void);
#define FRAMES_ARE_LEFT() __asan_handle_no_return()
#else
#define FRAMES_ARE_LEFT() ((void)0)
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE __attribute__((noinline))
#define HOT __attribute__((hot))  /* on the way of each call: these lie together, so that nothing else moves them apart */

/* Kinds of value types: their bytes in the binary format. */
enum {
    I32 = KIND_OF_I32, I64 = KIND_OF_I64, F32 = KIND_OF_F32, F64 = KIND_OF_F64, V128 = KIND_OF_V128,
    FUNCREF = KIND_OF_FUNCREF, EXTERNREF = KIND_OF_EXTERNREF, ANYREF = KIND_OF_ANYREF, EXNREF = KIND_OF_EXNREF
};

/* Whether values of this kind are references, which somebody has to own. */
static inline int
is_reference(uint8_t type)
{
    return type == FUNCREF || type == EXTERNREF || type == ANYREF || type == EXNREF;
}
/* On the ways of calls one comparison says it, of a kind that is known to be one. */
#define BELOW_VECTORS(type) ((type) < V128)
_Static_assert(V128 + 1 == F64 && F64 + 1 == F32 && F32 + 1 == I64 && I64 + 1 == I32, "numbers are the highest kinds");

/* A value type: its kind, and above it what `wasm.types` says; types are numbered in the process (`types.c`). */
typedef uint64_t ValueType;

typedef struct { uint64_t low, high; } Bits128;

/* --- signatures ------------------------------------------------------------------------ */

/* Where one value lies: an offset in a CallFrame. Behind the registers come stack words. */
typedef struct {
    uint64_t integer[INTEGER_ARGUMENTS];  /* rdi rsi rdx rcx r8 r9; integer[0] is rax afterwards */
    Bits128 vector[VECTOR_ARGUMENTS];     /* xmm0 to xmm7; vector[0] is xmm0 afterwards */
    uint64_t stack[];
} CallFrame;
#define FRAME_BYTES 176
_Static_assert(sizeof(Bits128) == RESULT_SLOT_BYTES, "results behind the first lie in slots of this size");

struct Activation;
typedef int (*EnterFunction)(void *code, CallFrame *frame, struct Activation *activation, uint64_t stack_words);

/* What every type in the process has, whatever it describes: the rows of vmctx.TYPE_RECORD. */
typedef struct TypeRecord {
    const struct TypeRecord *const *supertypes;
    uint32_t depth, form;
} TypeRecord;

/* A field of a struct, or the elements of an array. */
typedef struct {
    uint32_t offset;
    uint32_t is_mutable;
    ValueType storage;         /* or KIND_OF_I8, KIND_OF_I16 */
} Field;

/* One per distinct type in the process, mostly a function's; what is no function's has no parameters and results, for as long as someone holds it: its address is its identity.
 *
 * Holders are the plans of modules that declare the type, host functions, and the homes of host functions that
 * became references. Whoever can compare an identity is an instance, and holds its plan; what it is compared with
 * lies in a function record, in another instance. So the address is not given out again while it can be found. */
typedef struct Signature {
    TypeRecord record;         /* first, so that its address is the signature's */
    const TypeRecord *itself;  /* the one entry of its `supertypes` */
    Py_ssize_t holders;
    uint32_t n_params, n_results;
    uint32_t stack_words;      /* of arguments, even */
    uint32_t references;       /* 1: some parameter or result is a reference */
    EnterFunction enter;
    void *host_stub;
    PyObject *type;            /* FunctionType */
    PyObject *text;            /* of `signature_text`, once asked for */
    const uint8_t *params, *results;
    const ValueType *whole;    /* of parameters, then of results, where some are more than their kinds; else NULL */
    struct TypeGroup *group;   /* that it belongs to; NULL: a function type of kinds alone, final, below none */
    uint32_t number;           /* of the type, in this process */
    uint32_t is_final;
    uint32_t object_bytes;     /* of a struct; of an array without elements; 0: a function's */
    uint32_t element_bytes;    /* of an array */
    uint32_t leading;          /* references in a struct, next to one another from its start, which are no functions */
    uint32_t n_others, n_fields;
    uint32_t *others;          /* its other fields that are references */
    Field *fields;             /* of an array one: its elements */
    struct Heap *held_by;      /* a heap that holds the type for its objects */
    uint32_t cycle;            /* of the last collection that found an object of it */
    PyObject *composite;       /* StructType, ArrayType; NULL until Python describes it */
    uint16_t places[];         /* of the parameters */
} Signature;

/* --- machine contract ------------------------------------------------------------------ */

typedef struct FunctionRecord {
    void *code;
    void *vmctx;
    Signature *signature;      /* generated code: the type record */
    PyObject *owner;           /* borrowed: the InstanceObject */
} FunctionRecord;

typedef struct { void *code; void *vmctx; } ImportRecord;

typedef struct { uint8_t *base; uint64_t length; } MemoryDefinition;  /* the length grows at any time: memory_bytes */
typedef struct { uint64_t *base; uint64_t length; } TableDefinition;

/* The reference word of a Python object, and the object of such a word, which is not null. */
static inline uint64_t
object_word(PyObject *object)
{
    return (uint64_t)object | REFERENCE_OBJECT;
}

static inline PyObject *
word_object(uint64_t word)
{
    return (PyObject *)(word & ~(uint64_t)REFERENCE_MASK);
}

typedef struct Member Member;
typedef struct Heap Heap;
struct Marking;

#include "system/store.h"
#include "objects/heap.h"

typedef struct {               /* the head of a vmctx: the rows of vmctx.VMCTX */
    Store *store;
    uint8_t *memory_base;
    PyObject *instance;
    uint64_t points_used;      /* metering */
    uint64_t *points_at;       /* where shared points are counted: there, or in the points_owner's */
    uint64_t reserved[3];
} VMContext;

_Static_assert(sizeof(VMContext) == VMCTX_BYTES, "vmctx");
_Static_assert(offsetof(VMContext, memory_base) == VMCTX_MEMORY_BASE, "vmctx");
_Static_assert(offsetof(VMContext, instance) == VMCTX_INSTANCE, "vmctx");
_Static_assert(offsetof(VMContext, points_used) == VMCTX_POINTS_USED, "vmctx");
_Static_assert(offsetof(VMContext, points_at) == VMCTX_POINTS_AT, "vmctx");
_Static_assert(offsetof(Store, stack_limit) == STORE_STACK_LIMIT, "store");
_Static_assert(offsetof(Store, owner) == STORE_OWNER, "store");
_Static_assert(offsetof(Store, pending_exception) == STORE_PENDING_EXCEPTION, "store");
_Static_assert(sizeof(FunctionRecord) == FUNCTION_RECORD_BYTES, "function record");
_Static_assert(offsetof(FunctionRecord, vmctx) == FUNCTION_RECORD_VMCTX, "function record");
_Static_assert(offsetof(FunctionRecord, signature) == FUNCTION_RECORD_TYPE, "function record");
_Static_assert(offsetof(Signature, record) == 0, "signature");
_Static_assert(offsetof(TypeRecord, supertypes) == TYPE_RECORD_SUPERTYPES, "type record");
_Static_assert(offsetof(TypeRecord, depth) == TYPE_RECORD_DEPTH, "type record");
_Static_assert(offsetof(TypeRecord, form) == TYPE_RECORD_FORM, "type record");
_Static_assert(sizeof(ImportRecord) == IMPORT_RECORD_BYTES, "import record");
_Static_assert(offsetof(MemoryDefinition, length) == MEMORY_DEFINITION_LENGTH, "memory definition");
_Static_assert(offsetof(TableDefinition, length) == TABLE_DEFINITION_LENGTH, "table definition");

/* The length now, read once: another thread may grow the memory meanwhile. */
static inline uint64_t
memory_bytes(const MemoryDefinition *definition)
{
    return __atomic_load_n(&definition->length, __ATOMIC_ACQUIRE);
}

/* Whether [at, at + count) lies in something of this length; without a sum that could be more than 64 bits. */
static inline int
in_bounds(uint64_t at, uint64_t count, uint64_t length)
{
    return count <= length && at <= length - count;
}

/* An index, or a number of what is indexed, that code left in 64 bits: those that count. */
static inline uint64_t
as_index(uint64_t bits, int wide)
{
    return wide ? bits : (uint32_t)bits;
}

/* --- running --------------------------------------------------------------------------- */

/* One entry from Python into wasm. Lies on the C stack of the thread that entered. */
typedef struct Activation {
    uintptr_t entry_sp;        /* written by the entry code; the landing restores it */
    struct Activation *previous;
    void *vmctx;
    PyThreadState *released;   /* not NULL: the GIL is released while wasm runs */
    uint32_t outcome;          /* why it was unwound: below */
} Activation;

enum {  /* or a trap kind */
    OUTCOME_EXCEPTION = 0x100,
    OUTCOME_INTERNAL,
    OUTCOME_THROWN,            /* an exception of WebAssembly, which is pending */
    OUTCOME_LOST               /* the file of the module has no bytes there any more */
};

#define MAX_FRAMES 64
#define SIGNAL_STACK_BYTES (64 * 1024)

/* One per thread that ever entered wasm. */
typedef struct Thread {
    Activation *activation;    /* innermost */
    uint64_t n_activations;    /* of this thread, also on stacks that a greenlet put aside */
    uintptr_t stack_limit, stack_low, stack_end;
    size_t stack_span;         /* bytes from stack_limit to stack_end: what wasm may use of the stack */
    uintptr_t trap_pc, trap_address;
    int trap_signal;
    int n_frames;
    uintptr_t frames[MAX_FRAMES];
    void *signal_stack;
    timer_t timer;             /* sends private_signal to this thread */
    int has_timer;
    pid_t timer_process;
    timer_t ticker;            /* the same signal, by the processor time of this thread (ticks.c) */
    int has_ticker;
    struct CodeObject *due;    /* whose `tick` is to be called, or NULL */
    uint64_t deadline;         /* the earliest of `deadlines`, or 0 */
    uint64_t *deadlines;       /* of every call and block that has one: CLOCK_MONOTONIC nanoseconds, in any order */
    size_t n_deadlines, deadline_room;
    int cancelled;             /* calls that other threads want to end; `uncancel` counts them down */
    pid_t id;                  /* as the kernel numbers threads */
    volatile int attention;    /* a signal or the timer found the thread elsewhere than in wasm code */
    int safepoints;            /* activations of this thread that are stopped between two instructions */
    int n_released;            /* activations of this thread that let go of the GIL */
    uint32_t bell;             /* counts what a waiter has to look at: notifications, signals (waiting.c) */
    int noting;                /* Python is told which functions an exception has passed through, whatever has ended them */
} Thread;

/* initial-exec: the signal handler reads it, and lazily allocated thread storage is not safe there */
static __thread Thread *this_thread __attribute__((tls_model("initial-exec")));

static int n_safepoints;       /* activations of all threads that are stopped between two instructions, and */
static int n_released;         /* those that let go of the GIL; both change under it, but where a thread ends */

/* More activations of this thread, or fewer, are `stopped` or `released`. */
static inline void
count_stopped(Thread *thread, int more)
{
    thread->safepoints += more;
    __atomic_fetch_add(&n_safepoints, more, __ATOMIC_RELAXED);
}

static inline void
count_released(Thread *thread, int more)
{
    thread->n_released += more;
    __atomic_fetch_add(&n_released, more, __ATOMIC_RELAXED);
}

/* Whether code of another thread may run this very moment. Asked with the GIL: code of this thread then waits. */
static inline int
released_elsewhere(void)
{
    return n_released > (this_thread ? this_thread->n_released : 0);
}

/* --- Python objects -------------------------------------------------------------------- */

typedef struct BudgetObject BudgetObject;

typedef struct {               /* a row of CompiledModule.inlined */
    uint32_t start, end, function, call, up;
} InlinedRow;

typedef struct {               /* a row of CompiledModule.handlers */
    uint32_t start, end, landing;
} HandlerRow;

typedef struct CodeObject {
    PyObject_HEAD
    uint8_t *base;             /* first byte of code, page-aligned */
    size_t code_bytes;
    uint8_t *mapping;          /* of the table of code addresses */
    size_t mapping_bytes;
    const uint32_t *function_offsets;  /* n_functions + 1 */
    uint32_t n_functions;
    uint32_t first_function;   /* index of the first one in the module's index space */
    const struct SiteTable *sites;
    const InlinedRow *inlined;
    size_t n_inlined;
    const HandlerRow *handlers;
    size_t n_handlers;
    const uint8_t *saved;      /* of each function the registers that it saves; NULL: none saves any */
    PyObject *offsets_bytes, *sites_bytes, *inlined_bytes;  /* what the pointers point into: bytes, or the file */
    PyObject *handlers_bytes, *saved_bytes;  /* bytes */
    PyObject *label;           /* whatever names the functions: a ModuleInfo */
    struct MappedFileObject *file;  /* that the code lies in, or was copied from, or NULL */
    uint8_t *stubs;            /* where each function is entered, if its code may come later or change (stubs.c); or NULL */
    PyObject *compile;         /* who is asked for a function's code at its first call, or NULL */
    struct CodeObject *whole;  /* of a part: the module's code, which owns it; else NULL */
    struct CodeObject **parts; /* owned: code that came later, of one function each */
    size_t n_parts, parts_bytes;
    PyObject *tick;            /* who is told how often functions were found running, or NULL (ticks.c) */
    uint32_t *hits;            /* for each function, ticks that found it running; NULL: nobody is told */
    uint32_t *stuck;           /* likewise 1 + where in its old code a tick found it, although others call new code; 0: nowhere */
    struct LoopHead *loops;    /* where calls go on in other code, or NULL (loops.c) */
    int is_entered_at_loop;    /* a part: it is entered at a loop's head, and ends the call of the code that was left there */
    uint64_t ticks, next_tick; /* so many there were; at so many `tick` is called */
    int release_gil;
} CodeObject;

/* The table of code addresses: its entry for the first function. Helpers follow, routines lie in front. */
static inline uint64_t *
code_table(const CodeObject *code)
{
    return (uint64_t *)code->base - (code->n_functions + N_VMCALLS);
}

/* What a memory or table is declared with: pages or elements. */
typedef struct { uint64_t minimum, maximum; uint8_t has_maximum; } Sizes;

typedef struct {
    PyObject_HEAD
    MemoryDefinition definition;
    uint64_t minimum;          /* pages it was declared with */
    uint64_t maximum;          /* pages, at most WASM_MAX_PAGES, or WASM_MOST_WIDE_PAGES */
    uint64_t declared_maximum;
    uint8_t has_maximum, shared;
    uint8_t wide;              /* its index has 64 bits */
    uint8_t reserved;          /* it has a slot: the base never moves, and guard pages lie behind */
    uint8_t imported;          /* instances that did not make it have it, too */
    uint8_t closed;            /* has no pages any more; code that touches it traps */
    size_t accessible;         /* bytes that can be touched, or of the allocation */
    size_t touchable;          /* bytes that could ever be touched, also by a growth that failed half-way */
    size_t room;               /* bytes of address space that a mapping has which does not move either; 0: it may */
    Py_ssize_t views;          /* buffers handed out */
    BudgetObject *budget;      /* whose pages it has, or NULL */
    PyObject *weakrefs;
} MemoryObject;

typedef struct {
    PyObject_HEAD
    TableDefinition definition;
    Member member;
    uint64_t room;             /* elements allocated */
    uint64_t minimum, maximum; /* the latter as far as this implementation goes */
    uint64_t declared_maximum;
    uint8_t has_maximum;
    uint8_t wide;              /* its index has 64 bits */
    uint8_t element;           /* kind of its elements */
    ValueType type;            /* of these; the type that it names is held */
    uint8_t exposed;           /* Python has seen it: `home` is owned */
    PyObject *home;            /* the instance that made it, or NULL */
    BudgetObject *budget;      /* whose elements it has, or NULL */
    PyObject *weakrefs;
} TableObject;

typedef struct {
    PyObject_HEAD
    Bits128 *cell;             /* in an instance's vmctx, or `storage` */
    Member member;             /* of a global that stands alone */
    Member *home;              /* that, or the instance's */
    PyObject *instance;        /* whose vmctx the cell lies in, or NULL */
    PyObject *shadow;          /* owner of the reference in a cell that stands alone */
    PyObject **owner;          /* where the owner of the reference is kept: there, or in the instance */
    Bits128 *storage;
    uint32_t index;            /* of a module's own global, among its own ones */
    uint8_t type, mutable;
    ValueType whole;           /* the whole type; what it names is held */
    PyObject *weakrefs;
} GlobalObject;

#include "objects/exception.h"

/* An import that is satisfied by a Python callable. Generated code sees it as a vmctx. */
typedef struct HostRecord {
    Store *store;
    Signature *signature;      /* held by the instance, or its plan */
    PyObject *callable;        /* owned */
    PyObject *context;         /* owned; first argument, or NULL */
    PyObject *namespace_, *name;  /* owned */
    Member *home;              /* the instance's */
} HostRecord;

/* A Python callable given as an import. Plain data until an instance binds it. */
typedef struct {
    PyObject_HEAD
    PyObject *callable, *namespace_, *name;
    Signature *signature;      /* held */
    char wants_context;
} HostFunctionObject;

typedef struct PlanObject PlanObject;

/* There may be tens of thousands: each word counts. */
typedef struct InstanceObject {
    PyObject_HEAD
    VMContext *vmctx;          /* the vmctx */
    Member member;
    PlanObject *plan;          /* NULL: only the home of one host function, whose signature it holds */
    uint32_t n_imports, n_hosts, n_records;
    uint8_t cleared, initialized, closed, owned_by_heap;
    PyObject **imports;        /* owned: what each import was satisfied with */
    HostRecord *hosts;
    MemoryObject **memories;   /* owned */
    TableObject **tables;      /* owned */
    GlobalObject **globals;    /* owned where imported; own ones are made when asked for, borrowed */
    TagObject **tags;          /* owned; in the vmctx */
    ExceptionAccount *thrown;  /* held; NULL: it never threw */
    PyObject **shadows;        /* owners of references in own global cells; NULL: none are references */
    FunctionRecord *records;   /* in the vmctx */
    struct FunctionObject **functions;  /* borrowed: the Function of each record, once made */
    uint64_t **element_values; /* of element segments whose items are computed; NULL: none are */
    uint8_t *dropped;          /* flags: element segments, then data segments */
    PyObject *context;         /* what host functions get */
    PyObject *module;          /* whatever Python wants to find here */
    PyObject *points_owner;    /* InstanceObject whose points it uses, or NULL: its own */
    BudgetObject *budget;      /* that counts it, or NULL */
    PyObject *weakrefs;
} InstanceObject;

/* The instance with code that a member is, or NULL. */
static inline InstanceObject *
member_instance(Member *member)
{
    return member->kind->has_code ? (InstanceObject *)((char *)member - offsetof(InstanceObject, member)) : NULL;
}

typedef struct FunctionObject {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    void *code;
    void *vmctx;
    Signature *signature;
    FunctionRecord *record;
    PyObject *owner;           /* InstanceObject */
    PyObject *name;            /* str or NULL */
    PyObject *dict;
    PyObject *weakrefs;
    int release_gil;
    int named;                 /* by an export that it was asked for as */
} FunctionObject;

static PyTypeObject *MappedFileType, *CodeType, *MemoryType, *TableType, *GlobalType, *DefinedType, *TagType, *ExceptionType, *FunctionType,
    *HostFunctionType, *PlanType, *InstanceType, *BudgetType, *DeadlineBlockType, *HeapType,
    *StructRefType, *ArrayRefType;

/* Python's part tells these by `configure` in bootstrap.c: the subclasses that instances make for what they own, */
static PyObject *memory_class, *table_class, *global_class, *tag_class;
/* and hooks. Those of modules that are not always needed are taken with `configured`. */
static PyObject *hook_make_trap, *hook_annotate, *hook_function_name, *hook_describe, *hook_trace,
    *hook_make_function, *hook_type_name, *hook_make_exception, *hook_thrown;
static PyObject *exceptions_greenlet;  /* the str "greenlet" */

/* signature.c */
static Signature *signature_take(PyObject *function_type);
static void signature_release(Signature *signature);
static PyObject *signature_text(Signature *signature);
static PyObject *box(uint8_t type, const void *bits);
/* types.c */
static int type_hold(ValueType type);
static void type_release(ValueType type);
static int type_below(const Signature *found, const Signature *wanted);
static int type_matches(ValueType found, ValueType wanted);
static int reference_fits(ValueType type, uint64_t bits);
static PyObject *value_type_text(ValueType type);
static void group_release(struct TypeGroup *group);
static Signature *signature_of_defined(PyObject *defined);
static PyObject *defined_type(Signature *signature);
/* store.c */
static Store *store_of(Member *member);
static int store_merge(Member *a, Member *b);
static int may_link(Member *member);
static void store_keep(Store *store, PyObject *object_stolen);
static void member_leave(Member *member);
/* deadline.c */
static PyObject *native_check_interrupts(PyObject *module, PyObject *none);
/* code_pages.c */
static CodeObject *code_at(uintptr_t pc);
/* ticks.c */
static void ensure_ticker(Thread *thread);
/* backtrace.c */
typedef struct { PyObject *type, *value, *traceback; } Fetched;  /* an exception that was set, and will be again */
static void capture_frames(Thread *thread, Activation *activation, uintptr_t pc, uintptr_t fp, uintptr_t sp);
static void raise_outcome(Thread *thread, Activation *activation);
static PyObject *fetch_exception(Fetched *out);
static void restore_noted(Fetched *fetched, PyObject *done);
static int must_be_raised(void);
static PyObject *printable(PyObject *line);
static PyObject *printable_line(const char *format, ...);
static void raise_line(PyObject *class, const char *format, ...);
static void raise_error(const char *class_name, const char *format, ...);
static void raise_trap(uint32_t kind);
__attribute__((noreturn)) static void unwind(Thread *thread, Activation *activation, uint32_t outcome);
/* exceptions.c */
static ExceptionObject *take_pending(Activation *activation);
static void raise_thrown(ExceptionObject *exception_stolen);
static void account_release(ExceptionAccount *account);
static uint64_t wasm_catch_exception(VMContext *vmctx, uint32_t keep);
/* signals.c */
static void ensure_signal_stack(Thread *thread);
static void assert_handlers(void);
static void unblock_signals(void);
/* interrupt.c */
static void assert_interrupt_handlers(void);
static void ensure_timer(Thread *thread);
static int attend_before(Thread *thread, Activation *activation);
static volatile pid_t gil_runner;  /* id of the thread that last went to wasm code, or back to it, with the GIL held */
/* table.c, function.c */
static PyObject *configured(PyObject **place, const char *module);
static PyObject *function_from_record(FunctionRecord *record);
static PyObject *plan_function_name(PlanObject *plan, uint32_t record);
static GlobalObject **instance_own_global(InstanceObject *self, uint32_t index);
static PyObject *reference_owner(uint8_t type, uint64_t bits);
/* Why nothing grew: a maximum or limits; or the system, or code that must not see a table move. */
#define REFUSED (-1)
#define NOT_TO_BE_HAD (-2)
static int64_t table_grow(TableObject *table, uint64_t delta, uint64_t value);
static void table_overwrite(TableObject *table, uint64_t at, uint64_t value, uint64_t count, Store *running);
/* slots.c */
static int in_memory_slot(uintptr_t address);
/* memory.c */
static void lock_growth(void);
static void unlock_growth(void);
static int64_t memory_grow(MemoryObject *memory, uint64_t delta);
enum { RESERVE_NOT, RESERVE_IF_FREE, RESERVE_BY_ALL_MEANS };
static MemoryObject *memory_new(PyTypeObject *type, const Sizes *sizes, int flags, int reserve);
static TableObject *table_new(PyTypeObject *type, ValueType element, int wide, const Sizes *sizes,
                              PyObject *home);
