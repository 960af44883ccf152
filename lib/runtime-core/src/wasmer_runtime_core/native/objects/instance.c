/* Instances as Python sees them: their exports by index, their end, and what keeps what alive. */

static int
index_argument(PyObject *argument, uint32_t count, const char *what, uint32_t *out)
{
    unsigned long index = PyLong_AsUnsignedLong(argument);
    if (index == (unsigned long)-1 && PyErr_Occurred())
        return -1;
    if (index >= count) {
        PyErr_Format(PyExc_IndexError, "there is no %s %lu; the module has %u", what, index, count);
        return -1;
    }
    *out = (uint32_t)index;
    return 0;
}

static int
is_usable(InstanceObject *self)
{
    if (self->closed) {
        PyErr_SetString(PyExc_ValueError, "the instance is closed");
        return 0;
    }
    if (self->plan && !self->cleared)
        return 1;
    raise_error("RuntimeError", "the instance is gone: it was garbage-collected");
    return 0;
}

static PyObject *
function_of(InstanceObject *self, PyObject *argument, PyObject *name)
{
    uint32_t index;
    if (!is_usable(self) || index_argument(argument, self->plan->n_functions, "function", &index) < 0)
        return NULL;
    int64_t record = plan_record_of(self->plan, index);
    if (record < 0) {
        PyErr_Format(PyExc_ValueError, "function %u is private: neither exported nor referred to", index);
        return NULL;
    }
    return function_named(&self->records[record], name);
}

static PyObject *
instance_function(PyObject *object, PyObject *argument)
{
    return function_of((InstanceObject *)object, argument, NULL);
}

/* The same for an export. Under two names a function keeps the one that it was asked for first. */
static PyObject *
instance_exported(PyObject *object, PyObject *const *args, Py_ssize_t n)
{
    if (n != 2 || !PyUnicode_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "exported(index, name) takes an int and a str");
        return NULL;
    }
    PyObject *function = function_of((InstanceObject *)object, args[0], args[1]);
    if (function && !((FunctionObject *)function)->named) {
        ((FunctionObject *)function)->named = 1;
        Py_XSETREF(((FunctionObject *)function)->name, Py_NewRef(args[1]));
    }
    return function;
}

static PyObject *
instance_memory(PyObject *object, PyObject *argument)
{
    InstanceObject *self = (InstanceObject *)object;
    uint32_t index;
    if (!is_usable(self) || index_argument(argument, self->plan->n_memories, "memory", &index) < 0)
        return NULL;
    return Py_NewRef((PyObject *)self->memories[index]);
}

static PyObject *
instance_table(PyObject *object, PyObject *argument)
{
    InstanceObject *self = (InstanceObject *)object;
    uint32_t index;
    if (!is_usable(self) || index_argument(argument, self->plan->n_tables, "table", &index) < 0)
        return NULL;
    return table_expose(self->tables[index]);
}

static PyObject *
instance_tag(PyObject *object, PyObject *argument)
{
    InstanceObject *self = (InstanceObject *)object;
    uint32_t index;
    if (!is_usable(self) || index_argument(argument, self->plan->n_tags, "tag", &index) < 0)
        return NULL;
    return Py_NewRef((PyObject *)self->tags[index]);
}

static PyObject *
instance_global(PyObject *object, PyObject *argument)
{
    InstanceObject *self = (InstanceObject *)object;
    uint32_t index;
    if (!is_usable(self) || index_argument(argument, self->plan->n_globals, "global", &index) < 0)
        return NULL;
    if (is_alive((PyObject *)self->globals[index]))
        return Py_NewRef((PyObject *)self->globals[index]);
    uint32_t own = index - self->plan->n_imported_globals;
    PyObject *class = configured(&global_class, "wasmer_runtime_core.running.objects.globals");
    if (!class)
        return NULL;
    PyObject *global = (PyObject *)global_new((PyTypeObject *)class, plan_global_type(self->plan, index),
                                              self->plan->globals[2 * index + 1], self, own, own_cell(self, own));
    if (global && is_alive((PyObject *)self->globals[index]))  /* Python code ran meanwhile and made it */
        Py_SETREF(global, Py_NewRef((PyObject *)self->globals[index]));
    else if (global)
        self->globals[index] = (GlobalObject *)global;
    return global;
}

static int
is_running(InstanceObject *self)
{
    return self->member.store && self->member.store->owner;
}

/* 0, or -1 with RuntimeError. */
static int
instance_may_end(InstanceObject *self)
{
    if (!is_running(self))
        return 0;
    raise_error("RuntimeError", "the instance cannot be closed while it, or one linked to it, is running");
    return -1;
}

/* Python calls it no more. Code of other instances that still refers to its functions finds them. */
static void
instance_end_calls(InstanceObject *self)
{
    self->closed = 1;
    for (uint32_t i = 0; self->functions && i < self->n_records; i++)
        if (self->functions[i])
            self->functions[i]->vectorcall = function_closed;
}

/* end(*others): none of them is called any more, all or none; their memories are not given back until `close`.
 * So whoever has put views of a memory somewhere can take them away in between, and nothing makes new ones. */
static PyObject *
instance_end(PyObject *object, PyObject *const *others, Py_ssize_t n)
{
    PyTypeObject *type = Py_TYPE(object);
    for (Py_ssize_t i = -1; i < n; i++) {
        PyObject *each = i < 0 ? object : others[i];
        if (!PyObject_TypeCheck(each, type)) {
            PyErr_SetString(PyExc_TypeError, "end(*others) takes instances");
            return NULL;
        }
        if (!((InstanceObject *)each)->closed && instance_may_end((InstanceObject *)each) < 0)
            return NULL;
    }
    for (Py_ssize_t i = -1; i < n; i++)
        instance_end_calls((InstanceObject *)(i < 0 ? object : others[i]));
    Py_RETURN_NONE;
}

static int
owns_open_memory(InstanceObject *self)
{
    if (!self->plan)
        return 0;
    for (uint32_t i = self->plan->n_imported_memories; i < self->plan->n_memories; i++)
        if (!self->memories[i]->closed)
            return 1;
    return 0;
}

/* Its own memories are given back, and Python calls it no more. Code of other instances that still refers to its
 * functions traps where they touch a memory. */
static PyObject *
instance_close(PyObject *object, PyObject *Py_UNUSED(none))
{
    InstanceObject *self = (InstanceObject *)object;
    if (self->closed && (self->cleared || !owns_open_memory(self)))
        Py_RETURN_NONE;
    if ((!self->closed && !is_usable(self)) || instance_may_end(self) < 0)
        return NULL;
    for (uint32_t i = self->plan->n_imported_memories; i < self->plan->n_memories; i++)
        if (memory_may_close(self->memories[i]) < 0)
            return NULL;
    if (!self->closed)
        instance_end_calls(self);
    for (uint32_t i = self->plan->n_imported_memories; i < self->plan->n_memories; i++)
        memory_close(self->memories[i], !self->memories[i]->imported);
    Py_RETURN_NONE;
}

static PyObject *
instance_get_running(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(is_running((InstanceObject *)self));
}

static PyObject *
instance_get_vmctx(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromVoidPtr(((InstanceObject *)self)->vmctx);
}

static PyObject *
instance_get_points_used(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(*((InstanceObject *)self)->vmctx->points_at);
}

static int
instance_set_points_used(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (!value || !PyLong_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "points_used must be an int");
        return -1;
    }
    unsigned long long points = PyLong_AsUnsignedLongLong(value);
    if (points == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    *((InstanceObject *)self)->vmctx->points_at = points;
    return 0;
}

/* use_points_of(owner): shared points are counted in the owner's from here on; those of this one count no more. */
static PyObject *
instance_use_points_of(PyObject *object, PyObject *argument)
{
    InstanceObject *self = (InstanceObject *)object, *owner = (InstanceObject *)argument;
    if (!PyObject_TypeCheck(argument, Py_TYPE(object))) {
        PyErr_SetString(PyExc_TypeError, "use_points_of(owner) takes an instance");
        return NULL;
    }
    while (owner->points_owner)
        owner = (InstanceObject *)owner->points_owner;
    if (!is_usable(self) || !is_usable(owner))
        return NULL;
    if (self->points_owner || owner == self) {
        PyErr_SetString(PyExc_ValueError, "whose points an instance uses is said once, of another instance");
        return NULL;
    }
    if (store_merge(&self->member, &owner->member) < 0)  /* code of both counts, but never at once */
        return NULL;
    self->vmctx->points_at = &owner->vmctx->points_used;
    self->points_owner = Py_NewRef((PyObject *)owner);
    Py_RETURN_NONE;
}

static int
instance_traverse(PyObject *object, visitproc visit, void *arg)
{
    InstanceObject *self = (InstanceObject *)object;
    Py_VISIT(self->plan);
    Py_VISIT(self->context);
    Py_VISIT(self->module);
    Py_VISIT(self->points_owner);
    Py_VISIT(self->member.heap);
    for (uint32_t i = 0; i < self->n_imports; i++)
        Py_VISIT(self->imports[i]);
    for (uint32_t i = 0; i < self->n_hosts; i++) {
        Py_VISIT(self->hosts[i].callable);
        Py_VISIT(self->hosts[i].context);
    }
    PlanObject *plan = self->plan;
    if (plan && self->memories && !self->cleared) {
        for (uint32_t i = 0; i < plan->n_memories; i++)
            Py_VISIT(self->memories[i]);
        for (uint32_t i = 0; i < plan->n_tables; i++)
            Py_VISIT(self->tables[i]);
        for (uint32_t i = 0; i < plan->n_imported_globals; i++)
            Py_VISIT(self->globals[i]);
        if (self->shadows)
            for (uint32_t i = 0; i < plan->n_globals - plan->n_imported_globals; i++)
                Py_VISIT(self->shadows[i]);
    }
    Py_VISIT(Py_TYPE(object));
    return 0;
}

/* Let go of everything else. Nobody can enter afterwards: the store is the dead one. */
static int
instance_clear(PyObject *object)
{
    InstanceObject *self = (InstanceObject *)object;
    if (self->cleared)
        return 0;
    self->cleared = 1;
    member_leave(&self->member);
    self->member.store = &dead_store;
    if (self->vmctx) {
        instance_moved(&self->member);
        self->vmctx->points_at = &self->vmctx->points_used;
    }
    Py_CLEAR(self->points_owner);
    PlanObject *plan = self->plan;
    if (plan && self->memories) {
        for (uint32_t i = 0; i < plan->n_memories; i++)
            Py_CLEAR(self->memories[i]);
        for (uint32_t i = 0; i < plan->n_tables; i++) {
            if (i >= plan->n_imported_tables && self->tables[i])
                table_leave_home(self->tables[i]);
            Py_CLEAR(self->tables[i]);
        }
        for (uint32_t i = 0; i < plan->n_imported_globals; i++)
            Py_CLEAR(self->globals[i]);
        for (uint32_t i = 0; self->tags && i < plan->n_tags; i++)
            Py_CLEAR(self->tags[i]);
        if (self->shadows)
            for (uint32_t i = 0; i < plan->n_globals - plan->n_imported_globals; i++)
                Py_CLEAR(self->shadows[i]);
    }
    for (uint32_t i = 0; i < self->n_hosts; i++) {
        Py_CLEAR(self->hosts[i].callable);
        Py_CLEAR(self->hosts[i].context);
        Py_CLEAR(self->hosts[i].namespace_);
        Py_CLEAR(self->hosts[i].name);
    }
    for (uint32_t i = 0; i < self->n_imports; i++)
        Py_CLEAR(self->imports[i]);
    Py_CLEAR(self->context);
    Py_CLEAR(self->module);
    return 0;
}

static void
instance_dealloc(PyObject *object)
{
    InstanceObject *self = (InstanceObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, instance_dealloc)
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    instance_clear(object);
    if (!self->plan && self->hosts)
        signature_release(self->hosts[0].signature);
    for (uint32_t i = 0; self->element_values && i < self->plan->n_elements; i++)
        free(self->element_values[i]);
    free(self->element_values);
    free(self->imports);
    free(self->hosts);
    free(self->functions);
    free(self->vmctx);
    budget_give(self->budget, BUDGET_INSTANCES, 1);
    Py_XDECREF(self->budget);
    account_release(self->thrown);
    Py_XDECREF(self->plan);  /* after everything that its signatures could be compared with */
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMemberDef instance_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(InstanceObject, weakrefs), READONLY, NULL},
    {"plan", T_OBJECT, offsetof(InstanceObject, plan), READONLY, "its Plan; None for the home of one host function"},
    {"context", T_OBJECT, offsetof(InstanceObject, context), READONLY, "what host functions get as first argument"},
    {"closed", T_UBYTE, offsetof(InstanceObject, closed), READONLY, "1 once it is closed"},
    {"module", T_OBJECT, offsetof(InstanceObject, module), READONLY, "what it was made with"},
    {NULL, 0, 0, 0, NULL}};
static PyObject *
instance_get_heap(PyObject *self, void *Py_UNUSED(closure))
{
    Heap *heap = ((InstanceObject *)self)->member.heap;
    return Py_NewRef(heap ? (PyObject *)heap : Py_None);
}

static PyGetSetDef instance_getset[] = {{"vmctx", instance_get_vmctx, NULL, "address of the vmctx", NULL},
                                        {"points_used", instance_get_points_used, instance_set_points_used,
                                         "metering: points executed", NULL},
                                        {"heap", instance_get_heap, NULL, "its Heap, or None if no object was made", NULL},
                                        {"running", instance_get_running, NULL,
                                         "whether it, or one linked to it, is running: it cannot be closed", NULL},
                                        {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef instance_methods[] = {
    {"initialize", instance_initialize, METH_NOARGS, "apply active segments and run the start function"},
    {"function", instance_function, METH_O, "function(index) -> Function"},
    {"exported", (PyCFunction)(void (*)(void))instance_exported, METH_FASTCALL,
     "exported(index, name) -> Function, called by that name if it has been exported by no other"},
    {"memory", instance_memory, METH_O, "memory(index) -> Memory"},
    {"table", instance_table, METH_O, "table(index) -> Table"},
    {"global_", instance_global, METH_O, "global_(index) -> Global"},
    {"use_points_of", instance_use_points_of, METH_O,
     "use_points_of(owner): count shared points in those of another instance; before its code runs"},
    {"tag", instance_tag, METH_O, "tag(index) -> Tag"},
    {"end", (PyCFunction)(void (*)(void))instance_end, METH_FASTCALL,
     "end(*others): nothing of them can be called afterwards, all or none; `close` gives memories back"},
    {"close", instance_close, METH_NOARGS, "give its memories back; nothing of it can be called afterwards"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot instance_slots[] = {{Py_tp_new, instance_new},
                                       {Py_tp_dealloc, instance_dealloc},
                                       {Py_tp_traverse, instance_traverse},
                                       {Py_tp_clear, instance_clear},
                                       {Py_tp_members, instance_members},
                                       {Py_tp_getset, instance_getset},
                                       {Py_tp_methods, instance_methods},
                                       {Py_tp_doc, "The machine's side of an instance."},
                                       {0, NULL}};
static PyType_Spec instance_spec = {"wasmer_runtime_core.native.machine.Instance", sizeof(InstanceObject), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, instance_slots};
