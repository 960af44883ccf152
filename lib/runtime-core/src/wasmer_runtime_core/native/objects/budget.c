/* Budgets: what all memories, tables and instances made under one Limits take, together.
 *
 * Whoever has a part of one holds the budget and gives the part back when it is freed. Memories grow without the GIL,
 * so the counts are atomic: a part is taken whole or not at all, and never more than there is. */

enum { BUDGET_PAGES, BUDGET_ELEMENTS, BUDGET_INSTANCES, BUDGET_KINDS };

struct BudgetObject {
    PyObject_HEAD
    uint64_t used[BUDGET_KINDS];
    uint64_t most[BUDGET_KINDS];
};

/* Take `count` more; 0: there are not as many left. NULL has no end. */
static int
budget_take(BudgetObject *budget, int kind, uint64_t count)
{
    if (LIKELY(!budget))
        return 1;
    uint64_t used = __atomic_load_n(&budget->used[kind], __ATOMIC_RELAXED);
    do {
        if (count > budget->most[kind] || used > budget->most[kind] - count)
            return 0;
    } while (!__atomic_compare_exchange_n(&budget->used[kind], &used, used + count, 1, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return 1;
}

static void
budget_give(BudgetObject *budget, int kind, uint64_t count)
{
    if (budget)
        __atomic_fetch_sub(&budget->used[kind], count, __ATOMIC_RELAXED);
}

/* Budget(pages, elements, instances): -1 for no end. */
static PyObject *
budget_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    long long most[BUDGET_KINDS];
    if (!PyArg_ParseTuple(args, "LLL:Budget", &most[BUDGET_PAGES], &most[BUDGET_ELEMENTS], &most[BUDGET_INSTANCES]))
        return NULL;
    BudgetObject *self = (BudgetObject *)type->tp_alloc(type, 0);
    for (int kind = 0; self && kind < BUDGET_KINDS; kind++)
        self->most[kind] = most[kind] < 0 ? UINT64_MAX : (uint64_t)most[kind];
    return (PyObject *)self;
}

static void
budget_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMemberDef budget_members[] = {
    {"pages", T_ULONGLONG, offsetof(BudgetObject, used[BUDGET_PAGES]), READONLY, "of all memories"},
    {"elements", T_ULONGLONG, offsetof(BudgetObject, used[BUDGET_ELEMENTS]), READONLY, "of all tables"},
    {"instances", T_ULONGLONG, offsetof(BudgetObject, used[BUDGET_INSTANCES]), READONLY, "that are alive"},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot budget_slots[] = {{Py_tp_new, budget_new},
                                     {Py_tp_dealloc, budget_dealloc},
                                     {Py_tp_members, budget_members},
                                     {Py_tp_doc, "What all that is made under one Limits takes."},
                                     {0, NULL}};
static PyType_Spec budget_spec = {"wasmer_runtime_core.native.machine.Budget", sizeof(BudgetObject), 0,
                                  Py_TPFLAGS_DEFAULT, budget_slots};
