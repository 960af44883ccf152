/* Limits (limits.py): how far what an instance made may grow, alone and with all else; how deep its code may call. */

/* A memory comes under limits: none of its own for `pages` < 0, none together with others for NULL. */
static int
memory_restrict(MemoryObject *memory, long long pages, BudgetObject *budget)
{
    lock_growth();
    uint64_t now = memory->definition.length / WASM_PAGE_BYTES;
    int fits = !budget || (!memory->budget && budget_take(budget, BUDGET_PAGES, now));
    if (fits && budget)
        memory->budget = (BudgetObject *)Py_NewRef((PyObject *)budget);
    if (fits && pages >= 0 && (uint64_t)pages < memory->maximum)
        memory->maximum = (uint64_t)pages > now ? (uint64_t)pages : now;
    unlock_growth();
    if (!fits)
        raise_error("UnableToCreateMemory", "no memory of %llu pages: all memories under these limits have %llu, and "
                    "may have %llu", (unsigned long long)now, (unsigned long long)budget->used[BUDGET_PAGES],
                    (unsigned long long)budget->most[BUDGET_PAGES]);
    return fits ? 0 : -1;
}

static int
table_restrict(TableObject *table, long long elements, BudgetObject *budget)
{
    uint64_t now = table->definition.length;
    if (budget && (table->budget || !budget_take(budget, BUDGET_ELEMENTS, now))) {
        raise_error("UnableToCreateTable", "no table of %llu elements: all tables under these limits have %llu, and "
                    "may have %llu", (unsigned long long)now, (unsigned long long)budget->used[BUDGET_ELEMENTS],
                    (unsigned long long)budget->most[BUDGET_ELEMENTS]);
        return -1;
    }
    if (budget)
        table->budget = (BudgetObject *)Py_NewRef((PyObject *)budget);
    if (elements >= 0 && (uint64_t)elements < table->maximum)
        table->maximum = (uint64_t)elements > now ? (uint64_t)elements : now;
    return 0;
}

static int
instance_restrict(InstanceObject *self, long long pages, long long elements, long long stack, long long references,
                  long long heap, BudgetObject *budget)
{
    PlanObject *plan = self->plan;
    if (!is_usable(self))
        return -1;
    if (budget && !self->budget) {
        if (!budget_take(budget, BUDGET_INSTANCES, 1)) {
            raise_error("TooManyInstances", "%llu instances are alive; there may be %llu",
                        (unsigned long long)budget->used[BUDGET_INSTANCES],
                        (unsigned long long)budget->most[BUDGET_INSTANCES]);
            return -1;
        }
        self->budget = (BudgetObject *)Py_NewRef((PyObject *)budget);
    }
    for (uint32_t i = plan->n_imported_memories; i < plan->n_memories; i++)
        if (memory_restrict(self->memories[i], pages, budget) < 0)
            return -1;
    for (uint32_t i = plan->n_imported_tables; i < plan->n_tables; i++)
        if (table_restrict(self->tables[i], elements, budget) < 0)
            return -1;
    if (stack < 0 && references < 0 && heap < 0)
        return 0;
    StoreLimits *limits = limits_of(self->member.store);
    if (!limits)
        return -1;
    if (stack >= 0)
        limit_to(&limits->stack_bytes, stack ? (uint64_t)stack : 1);
    if (references >= 0)
        limit_to(&limits->most_kept, references ? (uint64_t)references : 1);
    if (heap >= 0)
        limit_to(&limits->heap_bytes, heap ? (uint64_t)heap : 1);
    return 0;
}

/* restrict(instance, memory or table, pages, elements, stack bytes, references, heap bytes, budget): -1 for none. An instance's before `initialize`. */
static PyObject *
native_restrict(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *object;
    BudgetObject *budget;
    long long pages, elements, stack, references, heap;
    int failed = -1;
    if (!PyArg_ParseTuple(args, "OLLLLLO!:restrict", &object, &pages, &elements, &stack, &references, &heap, BudgetType,
                          &budget))
        return NULL;
    if (PyObject_TypeCheck(object, InstanceType))
        failed = instance_restrict((InstanceObject *)object, pages, elements, stack, references, heap, budget);
    else if (PyObject_TypeCheck(object, MemoryType))
        failed = memory_restrict((MemoryObject *)object, pages, budget);
    else if (PyObject_TypeCheck(object, TableType))
        failed = table_restrict((TableObject *)object, elements, budget);
    else
        PyErr_SetString(PyExc_TypeError, "an instance, a memory or a table comes under limits");
    return failed ? NULL : Py_NewRef(Py_None);
}
