/* A scalar function over arrays: the loop runs inside one entry into wasm.
 *
 * The entry code is given the loop as the "function" to call, so a trap or an exception
 * unwinds from the middle of it to the entry, as from any wasm code; the loop owns nothing
 * that would be lost. Which element it was stands in the state.
 *
 * Integer and float arguments are counted apart by the C ABI. So one C call with all the
 * integers first and then all the floats puts them where the function looks for them,
 * whatever their order is: a few shapes have a loop of their own, the others share one. */

#define MAX_OPERANDS 16
#define MAX_DIMENSIONS 32
#define MAX_INTEGERS 5
#define MAX_FLOATS 8

typedef struct VectorState VectorState;
typedef void (*VectorRow)(VectorState *state, uint64_t count);

struct VectorState {
    void *code, *vmctx;
    VectorRow row;
    int n_params, n_dimensions;
    uint8_t types[MAX_OPERANDS + 1];           /* the last is the result's */
    char *at[MAX_OPERANDS + 1];                /* the row's first element, of each operand */
    Py_ssize_t strides[MAX_OPERANDS + 1][MAX_DIMENSIONS];
    uint64_t shape[MAX_DIMENSIONS];
    volatile uint64_t index[MAX_DIMENSIONS];   /* of the element at hand */
};

#define ROW_BEGIN(name)                                                       \
    static void name(VectorState *s, uint64_t count)                          \
    {                                                                         \
        void *vmctx = s->vmctx;                                               \
        int last = s->n_dimensions - 1;                                       \
        volatile uint64_t *index = &s->index[last];                           \
        char *out = s->at[s->n_params];                                       \
        Py_ssize_t step = s->strides[s->n_params][last];
#define INPUT(n) char *in##n = s->at[n]; Py_ssize_t step##n = s->strides[n][last];
#define ROW_1(name, type, passed)                                                                        \
    ROW_BEGIN(name) INPUT(0)                                                                             \
        passed (*call)(void *, passed) = (passed (*)(void *, passed))s->code;                            \
        for (uint64_t i = 0; i < count; i++, in0 += step0, out += step) {                                \
            *index = i;                                                                                  \
            *(type *)out = (type)call(vmctx, (passed)*(type *)in0);                                      \
        }                                                                                                \
    }
#define ROW_2(name, type, passed)                                                                        \
    ROW_BEGIN(name) INPUT(0) INPUT(1)                                                                    \
        passed (*call)(void *, passed, passed) = (passed (*)(void *, passed, passed))s->code;            \
        for (uint64_t i = 0; i < count; i++, in0 += step0, in1 += step1, out += step) {                  \
            *index = i;                                                                                  \
            *(type *)out = (type)call(vmctx, (passed)*(type *)in0, (passed)*(type *)in1);                \
        }                                                                                                \
    }
#define ROW_3(name, type, passed)                                                                        \
    ROW_BEGIN(name) INPUT(0) INPUT(1) INPUT(2)                                                           \
        passed (*call)(void *, passed, passed, passed) =                                                 \
            (passed (*)(void *, passed, passed, passed))s->code;                                         \
        for (uint64_t i = 0; i < count; i++, in0 += step0, in1 += step1, in2 += step2, out += step) {    \
            *index = i;                                                                                  \
            *(type *)out = (type)call(vmctx, (passed)*(type *)in0, (passed)*(type *)in1, (passed)*(type *)in2); \
        }                                                                                                \
    }
#define ROWS(suffix, type, passed) \
    ROW_1(row_1_##suffix, type, passed) ROW_2(row_2_##suffix, type, passed) ROW_3(row_3_##suffix, type, passed)

ROWS(f64, double, double)
ROWS(f32, float, float)
ROWS(i32, uint32_t, uint64_t)
ROWS(i64, uint64_t, uint64_t)

/* Any types, any number. A float32 is passed as the low half of a register: so as any double with those bits. */
static void
row_any(VectorState *s, uint64_t count)
{
    typedef uint64_t (*Integer)(void *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, double, double, double, double,
                                double, double, double, double);
    typedef double (*Float)(void *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, double, double, double, double,
                            double, double, double, double);
    int last = s->n_dimensions - 1, result = s->types[s->n_params];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t integers[MAX_INTEGERS] = {0};
        union { double value; uint64_t bits; } floats[MAX_FLOATS], returned;
        int n_integers = 0, n_floats = 0;
        memset(floats, 0, sizeof floats);
        s->index[last] = i;
        for (int p = 0; p < s->n_params; p++) {
            const char *in = s->at[p] + (Py_ssize_t)i * s->strides[p][last];
            switch (s->types[p]) {
            case I32: integers[n_integers++] = *(uint32_t *)in; break;
            case I64: integers[n_integers++] = *(uint64_t *)in; break;
            case F32: floats[n_floats++].bits = *(uint32_t *)in; break;
            default: floats[n_floats++].bits = *(uint64_t *)in; break;
            }
        }
#define ARGUMENTS                                                                                                  \
    s->vmctx, integers[0], integers[1], integers[2], integers[3], integers[4], floats[0].value, floats[1].value, \
        floats[2].value, floats[3].value, floats[4].value, floats[5].value, floats[6].value, floats[7].value
        if (result == I32 || result == I64)
            returned.bits = ((Integer)s->code)(ARGUMENTS);
        else
            returned.value = ((Float)s->code)(ARGUMENTS);
        char *out = s->at[s->n_params] + (Py_ssize_t)i * s->strides[s->n_params][last];
        if (result == I32 || result == F32)
            *(uint32_t *)out = (uint32_t)returned.bits;
        else
            *(uint64_t *)out = returned.bits;
    }
}

/* What the entry code calls: row after row, the last dimension innermost. */
static void
vector_loop(VectorState *s)
{
    int last = s->n_dimensions - 1;
    for (;;) {
        s->row(s, s->shape[last]);
        int d = last - 1;
        for (; d >= 0; d--) {
            for (int p = 0; p <= s->n_params; p++)
                s->at[p] += s->strides[p][d];
            if (++s->index[d] < s->shape[d])
                break;
            for (int p = 0; p <= s->n_params; p++)
                s->at[p] -= s->strides[p][d] * (Py_ssize_t)s->shape[d];
            s->index[d] = 0;
        }
        if (d < 0)
            return;
    }
}

static VectorRow
row_for(const VectorState *s)
{
    static const VectorRow rows[4][3] = {{row_1_i32, row_2_i32, row_3_i32}, {row_1_i64, row_2_i64, row_3_i64},
                                         {row_1_f32, row_2_f32, row_3_f32}, {row_1_f64, row_2_f64, row_3_f64}};
    uint8_t type = s->types[s->n_params];
    if (s->n_params > 3)
        return row_any;
    for (int p = 0; p < s->n_params; p++)
        if (s->types[p] != type)
            return row_any;
    return rows[I32 - type][s->n_params - 1];
}

/* Are the buffer's elements what a value of this type looks like in memory? */
static int
format_fits(const Py_buffer *view, uint8_t type)
{
    const char *format = view->format ? view->format : "B";
    if (*format == '@' || *format == '=' || *format == '<')
        format++;
    if (!*format || format[1] || view->itemsize != (type == I32 || type == F32 ? 4 : 8))
        return 0;
    return type == F64 ? *format == 'd' : type == F32 ? *format == 'f' : strchr("iIlLqQnN", *format) != NULL;
}

/* Lay an operand along the dimensions of the result. */
static int
broadcast(VectorState *s, int operand, const Py_buffer *view, const Py_buffer *out)
{
    int missing = out->ndim - view->ndim;
    s->at[operand] = view->buf;
    for (int d = 0; d < s->n_dimensions; d++) {
        Py_ssize_t own = d - missing < 0 || !view->ndim ? 1 : view->shape[d - missing];
        if (missing < 0 || (own != 1 && own != (Py_ssize_t)s->shape[d])) {
            PyErr_Format(PyExc_ValueError, "operand %d does not have the result's shape", operand);
            return -1;
        }
        s->strides[operand][d] = own == 1 ? 0 : view->strides[d - missing];
    }
    return 0;
}

/* Dimensions that lie one behind the other in every operand become one; where[] keeps the shape that was. */
static void
join_dimensions(VectorState *s)
{
    int kept = 0;
    for (int d = 1; d < s->n_dimensions; d++) {
        int joins = 1;
        for (int p = 0; p <= s->n_params; p++)
            joins &= s->strides[p][kept] == s->strides[p][d] * (Py_ssize_t)s->shape[d];
        if (joins)
            s->shape[kept] *= s->shape[d];
        else
            s->shape[++kept] = s->shape[d];
        for (int p = 0; p <= s->n_params; p++)
            s->strides[p][kept] = s->strides[p][d];
    }
    s->n_dimensions = kept + 1;
}

/* Add "at element …" to the exception that is set. */
static void
name_element(const VectorState *s, const Py_buffer *out)
{
    Fetched exception;
    PyObject *value = fetch_exception(&exception);
    uint64_t flat = 0;
    for (int d = 0; d < s->n_dimensions; d++)
        flat = flat * s->shape[d] + s->index[d];
    PyObject *index = PyTuple_New(out->ndim);
    for (int d = out->ndim - 1; index && d >= 0; d--) {
        PyTuple_SET_ITEM(index, d, PyLong_FromUnsignedLongLong(flat % (uint64_t)out->shape[d]));
        flat /= (uint64_t)out->shape[d];
    }
    PyObject *shown = index && out->ndim == 1 ? Py_NewRef(PyTuple_GET_ITEM(index, 0)) : Py_XNewRef(index);
    PyObject *note = shown && out->ndim ? PyUnicode_FromFormat("at element %S", shown) : NULL;
    restore_noted(&exception, note ? PyObject_CallMethod(value, "add_note", "O", note) : NULL);
    Py_XDECREF(note);
    Py_XDECREF(shown);
    Py_XDECREF(index);
}

static int
vector_shape(VectorState *s, FunctionObject *function, Py_ssize_t n_inputs)
{
    Signature *signature = function->signature;
    int integers = 0, floats = 0;
    for (uint32_t i = 0; i <= signature->n_params; i++) {
        uint8_t type = i < signature->n_params ? signature->params[i] : signature->n_results ? signature->results[0] : 0;
        if (type > I32 || type < F64 || i >= MAX_OPERANDS)
            goto refused;
        s->types[i] = type;
        if (i < signature->n_params) {
            integers += type == I32 || type == I64;
            floats += type == F32 || type == F64;
        }
    }
    if (!signature->n_params || signature->n_results != 1 || integers > MAX_INTEGERS || floats > MAX_FLOATS)
        goto refused;
    if (n_inputs != signature->n_params) {
        wrong_count(function, n_inputs);
        return -1;
    }
    s->n_params = (int)signature->n_params;
    s->code = function->code;
    s->vmctx = function->vmctx;
    return 0;
refused:
    raise_line(PyExc_TypeError,
               "%s%U cannot be applied to arrays: it must take 1 to %d integers and %d floats and return one number",
               function_label(function), signature_text(signature), MAX_INTEGERS, MAX_FLOATS);
    return -1;
}

/* map_elements(function, inputs, out): out[i] = function(*(input[i] for input in inputs)), with broadcasting */
static PyObject *
native_map_elements(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *object, *inputs, *output;
    if (!PyArg_ParseTuple(args, "O!O!O:map_elements", FunctionType, &object, &PyTuple_Type, &inputs, &output))
        return NULL;
    FunctionObject *function = (FunctionObject *)object;
    VectorState state;
    if (((InstanceObject *)function->owner)->closed)
        return function_closed(object, NULL, 0, NULL);
    if (vector_shape(&state, function, PyTuple_GET_SIZE(inputs)) < 0)
        return NULL;
    Py_buffer views[MAX_OPERANDS + 1];
    int n_views = 0, failed = -1;
    for (; n_views <= state.n_params; n_views++) {
        int is_output = n_views == state.n_params;
        PyObject *operand = is_output ? output : PyTuple_GET_ITEM(inputs, n_views);
        if (PyObject_GetBuffer(operand, &views[n_views], is_output ? PyBUF_RECORDS : PyBUF_RECORDS_RO) < 0)
            goto done;
        if (!format_fits(&views[n_views], state.types[n_views])) {
            raise_line(PyExc_TypeError, "operand %d has elements of format %s, but %s%U wants %s there", n_views,
                       views[n_views].format ? views[n_views].format : "B", function_label(function),
                       signature_text(function->signature), type_name(state.types[n_views]));
            n_views++;
            goto done;
        }
    }
    Py_buffer *out = &views[state.n_params];
    if (out->ndim > MAX_DIMENSIONS) {
        PyErr_Format(PyExc_ValueError, "an array of %d dimensions; at most %d can be handled", out->ndim, MAX_DIMENSIONS);
        goto done;
    }
    state.n_dimensions = out->ndim ? out->ndim : 1;
    uint64_t size = 1;
    for (int d = 0; d < state.n_dimensions; d++) {
        state.shape[d] = out->ndim ? (uint64_t)out->shape[d] : 1;
        state.index[d] = 0;
        size *= state.shape[d];
    }
    for (int p = 0; p <= state.n_params; p++)
        if (broadcast(&state, p, &views[p], out) < 0)
            goto done;
    if (!size) {
        failed = 0;
        goto done;
    }
    join_dimensions(&state);
    state.row = row_for(&state);
    Thread *thread = current_thread();
    if (!thread || enter_store(*(Store **)function->vmctx, thread) < 0)
        goto done;
    CallFrame frame;
    frame.integer[0] = (uint64_t)&state;
    failed = run_frame(thread, wasm_enter_integers, (void *)vector_loop, function->vmctx, &frame, 0, function->release_gil);
    leave_store(function->vmctx);
    if (failed)
        name_element(&state, out);
done:
    for (int i = 0; i < n_views; i++)
        PyBuffer_Release(&views[i]);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}
