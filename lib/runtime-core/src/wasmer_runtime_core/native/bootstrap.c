/* The types made, and what Python may call: a module filled with them. */

static PyObject *
native_configure(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"make_trap", "annotate", "function_name", "describe", "memory", "table", "global_",
                            "trace", "make_function", "type_name", "tag", "make_exception", "thrown", "field_names", NULL};
    PyObject *trap = NULL, *annotate = NULL, *name = NULL, *describe = NULL, *trace = NULL, *function = NULL, *type_name = NULL;
    PyObject *memory = NULL, *table = NULL, *global = NULL, *tag = NULL, *exception = NULL, *thrown = NULL, *names_hook = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOOO!O!O!OOOO!OOO:configure", names, &trap, &annotate, &name,
                                     &describe, &PyType_Type, &memory, &PyType_Type, &table, &PyType_Type, &global,
                                     &trace, &function, &type_name, &PyType_Type, &tag, &exception, &thrown, &names_hook))
        return NULL;
    struct { PyObject *given, **place; PyTypeObject *base; } classes[] = {
        {memory, &memory_class, MemoryType}, {table, &table_class, TableType}, {global, &global_class, GlobalType},
        {tag, &tag_class, TagType}};
    for (int i = 0; i < 4; i++) {
        if (!classes[i].given)
            continue;
        if (!PyType_IsSubtype((PyTypeObject *)classes[i].given, classes[i].base)) {
            PyErr_Format(PyExc_TypeError, "%R is not a subclass of %R", classes[i].given, classes[i].base);
            return NULL;
        }
        Py_XSETREF(*classes[i].place, Py_NewRef(classes[i].given));
    }
    if (trap)
        Py_XSETREF(hook_make_trap, Py_NewRef(trap));
    if (annotate)
        Py_XSETREF(hook_annotate, Py_NewRef(annotate));
    if (name)
        Py_XSETREF(hook_function_name, Py_NewRef(name));
    if (trace)
        Py_XSETREF(hook_trace, Py_NewRef(trace));
    if (describe)
        Py_XSETREF(hook_describe, Py_NewRef(describe));
    if (type_name)
        Py_XSETREF(hook_type_name, Py_NewRef(type_name));
    if (exception)
        Py_XSETREF(hook_make_exception, Py_NewRef(exception));
    if (thrown)
        Py_XSETREF(hook_thrown, Py_NewRef(thrown));
    if (names_hook)
        Py_XSETREF(hook_field_names, Py_NewRef(names_hook));
    if (function)
        Py_XSETREF(hook_make_function, Py_NewRef(function));
    Py_RETURN_NONE;
}

static PyObject *
native_make_host_function(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *callable, *type, *namespace_, *name, *context = NULL;
    if (!PyArg_ParseTuple(args, "OOUU|O:make_host_function", &callable, &type, &namespace_, &name, &context))
        return NULL;
    if (!PyCallable_Check(callable)) {
        PyErr_Format(PyExc_TypeError, "%R is not callable", callable);
        return NULL;
    }
    return instance_for_host(callable, type, namespace_, name, context == Py_None ? NULL : context);
}

static PyObject *
native_statistics(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    size_t free_pages = 0, pages = 0;
    for (int i = 0; i < n_regions; i++) {
        pages += regions[i].n_pages;
        for (size_t at = 0; at < regions[i].n_free; at++)
            free_pages += regions[i].free[at].count;
    }
    size_t heap_blocks = region.bytes / BLOCK_BYTES;
    for (size_t at = 0; at < region.n_runs; at++)
        heap_blocks -= region.runs[at].count;
    return Py_BuildValue("{s:n,s:n,s:n,s:n,s:n,s:n}", "heap_blocks", (Py_ssize_t)heap_blocks, "code_pages", (Py_ssize_t)(pages - free_pages), "memory_slots",
                         (Py_ssize_t)n_slots, "free_memory_slots", (Py_ssize_t)n_free_slots, "signatures",
                         PyDict_GET_SIZE(signatures), "waiters", (Py_ssize_t)n_waiters);
}

/* The C library keeps what is freed between two things that are not. */
static PyObject *
native_trim_heap(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
#ifdef __GLIBC__
    Py_BEGIN_ALLOW_THREADS
    malloc_trim(0);
    Py_END_ALLOW_THREADS
#endif
    Py_RETURN_NONE;
}

static PyMethodDef native_functions[] = {
    {"configure", (PyCFunction)(void (*)(void))native_configure, METH_VARARGS | METH_KEYWORDS,
     "configure(*, make_trap, annotate, function_name, describe, memory, table, global_): hooks and classes of Python"},
    {"make_host_function", native_make_host_function, METH_VARARGS,
     "make_host_function(callable, type, namespace, name, context=None) -> Function"},
    {"exports_core", native_exports_core, METH_O, "exports_core(exports) -> the Instance they are of"},
    {"released", native_released, METH_O, "released(function) -> the same function, whose calls release the GIL"},
    {"this_thread_handle", native_this_thread_handle, METH_NOARGS, "this_thread_handle() -> int, for end_call"},
    {"cancel", native_cancel, METH_O, "cancel(handle): that thread's code ends with Cancelled, until it says `uncancel`"},
    {"uncancel", native_uncancel, METH_NOARGS, "uncancel(): the call of this thread that was cancelled has ended"},
    {"seconds_left", native_seconds_left, METH_NOARGS, "seconds_left() -> float, or None: until this thread's deadline"},
    {"check_interrupts", native_check_interrupts, METH_NOARGS,
     "check_interrupts(): handlers of signals run; Timeout or Cancelled is raised if this thread's code must end"},
    {"wait", (PyCFunction)(void (*)(void))native_wait, METH_FASTCALL,
     "wait(files, seconds or None) -> pairs (descriptor, events) that are ready, of pairs (file, events)"},
    {"restrict", native_restrict, METH_VARARGS,
     "restrict(instance, memory or table, pages, elements, stack_bytes, references, heap_bytes, budget): -1 for none"},
    {"map_elements", native_map_elements, METH_VARARGS,
     "map_elements(function, inputs, out): apply a scalar function to buffers, with broadcasting"},
    {"checksum", native_checksum, METH_O, "checksum(bytes) -> int: what `MappedFile.checksum` gives for these"},
    {"is_plain", native_is_plain, METH_O, "is_plain(bytes) -> whether `marshal` reads plain values from them, and all of them"},
    {"known_types", native_known_types, METH_O, "known_types(key) -> DefinedTypes of a group that is there, or None"},
    {"define_types", native_define_types, METH_VARARGS, "define_types(key, members, needs) -> their DefinedTypes"},
    {"numbered_type", native_numbered_type, METH_O, "numbered_type(number) -> DefinedType, or None"},
    {"type_matches", native_type_matches, METH_VARARGS, "type_matches(found, wanted) -> whether values of the one are of the other"},
    {"new_object", native_new_object, METH_VARARGS, "new_object(instance, type, values) -> StructRef or ArrayRef"},
    {"heap_stress", native_heap_stress, METH_O, "heap_stress(how): for tests: 1: collect at each allocation, 2: in the smallest steps, 0: as always"},
    {"pack_sites", native_pack_sites, METH_O, "pack_sites(rows) -> bytes: a table of sites as artifacts have it"},
    {"unpack_sites", native_unpack_sites, METH_O, "unpack_sites(table) -> bytes: its rows"},
    {"trim_heap", native_trim_heap, METH_NOARGS, "trim_heap(): what was freed goes back to the system"},
    {"statistics", native_statistics, METH_NOARGS, "statistics() -> dict: pages and slots in use"},
    {"can_reserve", native_can_reserve, METH_NOARGS, "can_reserve() -> whether one more memory gets its address space"},
    {"assert_handlers", native_assert_handlers, METH_NOARGS, "take the fault signals again"},
    {"watch_signal", native_watch_signal, METH_O, "watch_signal(number): a handler in Python was set for it, or taken away"},
    {"leave_signal", native_leave_signal, METH_O, "leave_signal(number): faulthandler was registered for it"},
    {"faults_taken", native_faults_taken, METH_O, "faults_taken(enabled): faulthandler was enabled or disabled"},
    {"unblock_signals", native_unblock_signals, METH_NOARGS, "unblock_signals(): this thread's mask was changed"},
    {NULL, NULL, 0, NULL}};

static int
add_type(PyObject *target, PyType_Spec *spec, PyTypeObject **place)
{
    *place = (PyTypeObject *)PyType_FromSpec(spec);
    return *place ? PyDict_SetItemString(target, strrchr(spec->name, '.') + 1, (PyObject *)*place) : -1;
}

static int
fill(PyObject *target)
{
    if (CodeType) {
        PyErr_SetString(PyExc_ImportError, "the machine exists once in a process: it is loaded already");
        return -1;
    }
    if (pthread_key_create(&thread_key, thread_free) || !(signatures = PyDict_New()) || !(type_groups = PyDict_New()) ||
        !(no_text = PyUnicode_FromString("?")) || !(exceptions_greenlet = PyUnicode_FromString("greenlet")))
        return -1;
    if (add_type(target, &mapped_file_spec, &MappedFileType) || add_type(target, &code_spec, &CodeType) ||
        add_type(target, &memory_spec, &MemoryType) ||
        add_type(target, &table_spec, &TableType) || add_type(target, &global_spec, &GlobalType) ||
        add_type(target, &tag_spec, &TagType) || add_type(target, &exception_spec, &ExceptionType) ||
        add_type(target, &defined_type_spec, &DefinedType) || add_type(target, &function_spec, &FunctionType) ||
        add_type(target, &host_function_spec, &HostFunctionType) || add_type(target, &plan_spec, &PlanType) ||
        add_type(target, &instance_spec, &InstanceType) || add_type(target, &exports_spec, &ExportsType) ||
        add_type(target, &budget_spec, &BudgetType) || add_type(target, &heap_spec, &HeapType) ||
        add_type(target, &struct_spec, &StructRefType) || add_type(target, &array_spec, &ArrayRefType) ||
        add_type(target, &deadline_block_spec, &DeadlineBlockType))
        return -1;
    for (PyMethodDef *method = native_functions; method->ml_name; method++) {
        PyObject *function = PyCFunction_New(method, NULL);
        if (!function || PyDict_SetItemString(target, method->ml_name, function) < 0) {
            Py_XDECREF(function);
            return -1;
        }
        Py_DECREF(function);
    }
    PyObject *checksum = PyLong_FromUnsignedLong(CONTRACT_CHECKSUM);
    if (!checksum || PyDict_SetItemString(target, "contract_checksum", checksum) < 0)
        return -1;
    Py_DECREF(checksum);
    const char *wanted = getenv("WASMER_HEAP_STRESS");
    stress = wanted && *wanted && strcmp(wanted, "0");
    install_watch();
    PyObject *number = PyLong_FromLong(private_signal);
    if (!number || PyDict_SetItemString(target, "private_signal", number) < 0)
        return -1;
    Py_DECREF(number);
    install_growth_lock();
    install_waiting();
    assert_handlers();
    return 0;
}

/* In a sub-interpreter this raises: signal handlers, pages of code and free slots are the process's, and the end of that
 * interpreter would clear what the main one uses. It says so in its own words, where Python would refuse it in others. */
static int
native_exec(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "wasmer-runtime-core works in the main interpreter only, this is a sub-interpreter; "
                        "use threads (calls can release the GIL) or processes");
        return -1;
    }
    return fill(PyModule_GetDict(module));
}

static PyModuleDef_Slot native_slots[] = {
    {Py_mod_exec, native_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL}};
static struct PyModuleDef native_module = {PyModuleDef_HEAD_INIT, "wasmer_runtime_core.native._native",
                                           "The C part: see `machine`.", 0, NULL, native_slots, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__native(void)
{
    return PyModuleDef_Init(&native_module);
}
