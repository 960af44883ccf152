/* Limits of one instance (limits.py): how far what it made may grow, how deep its code may call. */

/* restrict(instance, pages, elements, stack bytes): -1 for none. Before `initialize`. */
static PyObject *
native_restrict(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *object;
    long long pages, elements, stack;
    if (!PyArg_ParseTuple(args, "O!LLL:restrict", InstanceType, &object, &pages, &elements, &stack))
        return NULL;
    InstanceObject *self = (InstanceObject *)object;
    PlanObject *plan = self->plan;
    if (!is_usable(self))
        return NULL;
    for (uint32_t i = plan->n_imported_memories; pages >= 0 && i < plan->n_memories; i++) {
        MemoryObject *memory = self->memories[i];
        uint64_t now = memory->definition.length / WASM_PAGE, most = (uint64_t)pages > now ? (uint64_t)pages : now;
        if (most < memory->maximum)
            memory->maximum = most;
    }
    for (uint32_t i = plan->n_imported_tables; elements >= 0 && i < plan->n_tables; i++) {
        TableObject *table = self->tables[i];
        uint64_t now = table->definition.length, most = (uint64_t)elements > now ? (uint64_t)elements : now;
        if (most < table->maximum)
            table->maximum = most;
    }
    Store *store = self->member.store;
    if (stack >= 0 && (!store->stack_bytes || (uint64_t)stack < store->stack_bytes))
        store->stack_bytes = stack ? (uint64_t)stack : 1;
    Py_RETURN_NONE;
}
