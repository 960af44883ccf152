/* What an instance offers, as an object with attributes: the base of `running.exports.Exports`.
 *
 * The attributes are a module's names, so the object has none of its own: `exports_core` reaches the instance. Its
 * dictionary is made when it is first asked for, once. Making one may run the cycle collector, and finalizers that ask
 * for the same: what Python does by itself would then make two. */

typedef struct {
    PyObject_HEAD
    PyObject *core;            /* the InstanceObject */
    PyObject *dict;            /* of the attributes, or NULL */
    PyObject *weakrefs;
} ExportsObject;

static PyTypeObject *ExportsType;

static PyObject *
exports_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (kwargs || PyTuple_GET_SIZE(args) != 1 || !Py_IS_TYPE(PyTuple_GET_ITEM(args, 0), InstanceType)) {
        PyErr_SetString(PyExc_TypeError, "exports are made of one machine.Instance");
        return NULL;
    }
    ExportsObject *self = (ExportsObject *)type->tp_alloc(type, 0);
    if (self)
        self->core = Py_NewRef(PyTuple_GET_ITEM(args, 0));
    return (PyObject *)self;
}

/* Borrowed, or NULL with an exception. */
static PyObject *
exports_dict(ExportsObject *self)
{
    if (!self->dict) {
        PyObject *made = PyDict_New();
        if (self->dict)  /* a finalizer asked for it */
            Py_XDECREF(made);
        else
            self->dict = made;
    }
    return self->dict;
}

static PyObject *
exports_get_dict(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_XNewRef(exports_dict((ExportsObject *)self));
}

static int
exports_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    return exports_dict((ExportsObject *)self) ? PyObject_GenericSetAttr(self, name, value) : -1;
}

static int
exports_traverse(PyObject *object, visitproc visit, void *arg)
{
    ExportsObject *self = (ExportsObject *)object;
    Py_VISIT(self->core);
    Py_VISIT(self->dict);
    Py_VISIT(Py_TYPE(object));
    return 0;
}

/* The instance stays: who finds the object amid a collection may still ask what it is of. */
static int
exports_clear(PyObject *object)
{
    Py_CLEAR(((ExportsObject *)object)->dict);
    return 0;
}

static void
exports_dealloc(PyObject *object)
{
    ExportsObject *self = (ExportsObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    Py_XDECREF(self->dict);
    Py_XDECREF(self->core);
    type->tp_free(object);
    Py_DECREF(type);
}

/* exports_core(exports) -> the instance that they are of */
static PyObject *
native_exports_core(PyObject *Py_UNUSED(module), PyObject *exports)
{
    if (PyObject_TypeCheck(exports, ExportsType))
        return Py_NewRef(((ExportsObject *)exports)->core);
    PyErr_Format(PyExc_TypeError, "expected the exports of an instance, not %R", exports);
    return NULL;
}

static PyMemberDef exports_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(ExportsObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ExportsObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef exports_getset[] = {{"__dict__", exports_get_dict, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot exports_slots[] = {{Py_tp_new, exports_new},           {Py_tp_dealloc, exports_dealloc},
                                      {Py_tp_traverse, exports_traverse}, {Py_tp_clear, exports_clear},
                                      {Py_tp_setattro, exports_setattro}, {Py_tp_members, exports_members},
                                      {Py_tp_getset, exports_getset},     {0, NULL}};
static PyType_Spec exports_spec = {"wasmer_runtime_core.native.machine.Exports", sizeof(ExportsObject), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, exports_slots};
