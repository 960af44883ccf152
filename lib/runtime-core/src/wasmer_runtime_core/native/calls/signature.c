/* Signatures, where their values lie, and Python values to bits and back.
 *
 * The convention is the platform's C ABI: the callee's vmctx in rdi; with more than one
 * result, a pointer to 16-byte slots for results 1, 2, … in rsi; then the parameters. */

static PyObject *signatures;  /* FunctionType -> address of its Signature */
static PyObject *no_text;      /* "?" */

#define MAX_ARITY 2000         /* the ceiling of implementation_limits: places are offsets of 16 bits */

static int
is_integer_class(uint8_t type)
{
    return type > F32 || BELOW_VECTORS(type);
}

static int
is_value_type(uint8_t type)
{
    return (type >= V128 && type <= I32) || is_reference(type);
}

/* The whole type of a parameter, of a result. */
static inline ValueType
whole_param(const Signature *signature, uint32_t number)
{
    return UNLIKELY(signature->whole != NULL) ? signature->whole[number] : signature->params[number];
}

static inline ValueType
whole_result(const Signature *signature, uint32_t number)
{
    return UNLIKELY(signature->whole != NULL) ? signature->whole[signature->n_params + number] : signature->results[number];
}

/* Where result `number` of a call lies: in the place of rax or xmm0, the others in the buffer. */
static inline Bits128 *
result_place(const Signature *signature, uint32_t number, CallFrame *frame, Bits128 *buffer)
{
    if (number)
        return &buffer[number - 1];
    return is_integer_class(signature->results[0]) ? (Bits128 *)frame->integer : frame->vector;
}

static const char *
type_name(uint8_t type)
{
    switch (type) {
    case I32: return "i32";
    case I64: return "i64";
    case F32: return "f32";
    case F64: return "f64";
    case V128: return "v128";
    case FUNCREF: return "funcref";
    case EXTERNREF: return "externref";
    case ANYREF: return "anyref";
    case EXNREF: return "exnref";
    }
    return "?";
}

/* Where each parameter lies in a CallFrame: as contract/convention.py places arguments. */
static void
place_parameters(Signature *signature)
{
    unsigned integers = signature->n_results > 1 ? 2 : 1, vectors = 0;
    uint32_t stack = 0;
    signature->references = 0;
    for (uint32_t i = 0; i < signature->n_params; i++) {
        uint8_t type = signature->params[i];
        if (is_reference(type))
            signature->references = 1;
        if (is_integer_class(type) && integers < INTEGER_ARGUMENTS)
            signature->places[i] = (uint16_t)(8 * integers++);
        else if (!is_integer_class(type) && vectors < VECTOR_ARGUMENTS)
            signature->places[i] = (uint16_t)(offsetof(CallFrame, vector) + 16 * vectors++);
        else {
            if (type == V128)
                stack = (stack + 1) & ~1u;
            signature->places[i] = (uint16_t)(FRAME_BYTES + 8 * stack);
            stack += type == V128 ? 2 : 1;
        }
    }
    for (uint32_t i = 0; i < signature->n_results; i++)
        if (is_reference(signature->results[i]))
            signature->references = 1;
    signature->stack_words = (stack + 1) & ~1u;
    int vector_result = signature->n_results && !is_integer_class(signature->results[0]);
    signature->enter = vectors || stack ? wasm_enter_general : wasm_enter_integers;
    signature->host_stub = vectors || vector_result ? wasm_host_general : wasm_host_integers;
}

/* Types have numbers, by which value types name them. A number is given out again when its type has gone. */
static Signature **numbered;
static uint32_t *unused_numbers;
static uint32_t n_numbers, n_unused, room_for_numbers;

static int
number_take(Signature *signature)
{
    if (n_unused) {
        signature->number = unused_numbers[--n_unused];
        numbered[signature->number] = signature;
        return 0;
    }
    if (n_numbers == room_for_numbers) {
        uint32_t room = room_for_numbers * 2 + 64;
        Signature **types = realloc(numbered, room * sizeof *types);
        if (types)
            numbered = types;
        uint32_t *unused = realloc(unused_numbers, room * sizeof *unused);
        if (unused)
            unused_numbers = unused;
        if (!types || !unused) {
            PyErr_NoMemory();
            return -1;
        }
        room_for_numbers = room;
    }
    signature->number = n_numbers;
    numbered[n_numbers++] = signature;
    return 0;
}

static void
number_release(Signature *signature)
{
    numbered[signature->number] = NULL;
    unused_numbers[n_unused++] = signature->number;
}

/* The one Signature of a type, held: `signature_release` lets go of it. A plain function type is given as a FunctionType,
 * any as a DefinedType. NULL with an exception if it is neither. No code of Python's runs between looking for it and
 * adding it. */
static Signature *
signature_take(PyObject *function_type)
{
    if (Py_IS_TYPE(function_type, DefinedType))
        return signature_of_defined(function_type);
    PyObject *known = PyDict_GetItemWithError(signatures, function_type);
    if (known) {
        Signature *signature = PyLong_AsVoidPtr(known);
        signature->holders++;
        return signature;
    }
    if (PyErr_Occurred())
        return NULL;
    if (!PyTuple_Check(function_type) || PyTuple_GET_SIZE(function_type) != 2 ||
        !PyBytes_Check(PyTuple_GET_ITEM(function_type, 0)) || !PyBytes_Check(PyTuple_GET_ITEM(function_type, 1))) {
        PyErr_Format(PyExc_TypeError, "expected a FunctionType, not %R", function_type);
        return NULL;
    }
    PyObject *params = PyTuple_GET_ITEM(function_type, 0), *results = PyTuple_GET_ITEM(function_type, 1);
    Py_ssize_t n_params = PyBytes_GET_SIZE(params), n_results = PyBytes_GET_SIZE(results);
    if (n_params > MAX_ARITY || n_results > MAX_ARITY) {
        PyErr_Format(PyExc_ValueError, "a function has at most %d parameters and %d results here", MAX_ARITY, MAX_ARITY);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n_params + n_results; i++) {
        const char *codes = PyBytes_AS_STRING(i < n_params ? params : results);
        uint8_t code = (uint8_t)codes[i < n_params ? i : i - n_params];
        if (!is_value_type(code)) {
            PyErr_Format(PyExc_ValueError, "0x%x is not a value type", code);
            return NULL;
        }
    }
    Signature *signature = calloc(1, sizeof *signature + ((size_t)n_params + 1) * sizeof *signature->places);
    if (!signature) {
        PyErr_NoMemory();
        return NULL;
    }
    PyObject *address = PyLong_FromVoidPtr(signature);
    if (!address || number_take(signature) < 0) {
        Py_XDECREF(address);
        free(signature);
        return NULL;
    }
    if (PyDict_SetItem(signatures, function_type, address) < 0) {
        Py_DECREF(address);
        number_release(signature);
        free(signature);
        return NULL;
    }
    Py_DECREF(address);
    signature->itself = &signature->record;
    signature->record = (TypeRecord){&signature->itself, 0, FORM_FUNCTION};
    signature->holders = 1;
    signature->is_final = 1;
    signature->type = Py_NewRef(function_type);
    signature->n_params = (uint32_t)n_params;
    signature->n_results = (uint32_t)n_results;
    signature->params = (const uint8_t *)PyBytes_AS_STRING(params);
    signature->results = (const uint8_t *)PyBytes_AS_STRING(results);
    place_parameters(signature);
    return signature;
}

/* Let go of a signature; NULL is none. */
static void
signature_release(Signature *signature)
{
    if (!signature)
        return;
    if (UNLIKELY(signature->group != NULL)) {
        group_release(signature->group);
        return;
    }
    if (--signature->holders)
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);  /* its holder may have died of an exception */
    if (PyDict_DelItem(signatures, signature->type) < 0)
        PyErr_WriteUnraisable(signature->type);
    PyErr_Restore(type, value, traceback);
    number_release(signature);
    Py_DECREF(signature->type);
    Py_XDECREF(signature->text);
    free(signature);
}

/* "[i32, i32] -> [i32]", for messages, of a signature that the caller knows to be held. Borrowed; "?" where it
 * cannot be made, with the exception that kept it from being: no message is raised over that. */
static PyObject *
signature_text(Signature *signature)
{
    if (!signature->text && signature->type) {
        PyObject *text = PyObject_Str(signature->type);
        if (signature->text)  /* another thread was faster */
            Py_XDECREF(text);
        else
            signature->text = text;
    }
    return signature->text ? signature->text : no_text;
}

/* --- values ----------------------------------------------------------------------------- */

enum { CONVERTED = 0, RAISED = -1, WRONG_TYPE = -2, OUT_OF_RANGE = -3, WRONG_LENGTH = -4 };

/* The value of an exact int of one digit, the common case; 0 if it is longer. */
static inline int
small_int(PyObject *value, int64_t *out)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)value))
        return 0;
    *out = PyUnstable_Long_CompactValue((PyLongObject *)value);
    return 1;
#else
    Py_ssize_t size = Py_SIZE(value);
    if (size < -1 || size > 1)
        return 0;
    *out = (int64_t)size * (int64_t)((PyLongObject *)value)->ob_digit[0];
    return 1;
#endif
}

/* It has no __index__, unlike Python's own, and unlike numpy's integers. */
static int
is_numpy_bool(PyObject *value)
{
    const char *name = Py_TYPE(value)->tp_name;
    return !strcmp(name, "numpy.bool") || !strcmp(name, "numpy.bool_");
}

/* An integer of 32 or 64 bits: what fits the signed or the unsigned range. */
static NOINLINE int
unbox_integer(uint8_t type, PyObject *value, Bits128 *out)
{
    PyObject *integer;
    if (PyLong_Check(value))
        integer = Py_NewRef(value);
    else if (is_numpy_bool(value)) {
        int truth = PyObject_IsTrue(value);
        if (truth < 0 || !(integer = PyLong_FromLong(truth)))
            return RAISED;
    }
    else if (PyFloat_Check(value) || !PyIndex_Check(value))
        return WRONG_TYPE;
    else if (!(integer = PyNumber_Index(value)))
        return RAISED;
    int overflow, result = CONVERTED;
    long long number = PyLong_AsLongLongAndOverflow(integer, &overflow);
    if (overflow > 0 && type == I64) {
        unsigned long long large = PyLong_AsUnsignedLongLong(integer);
        if (large == (unsigned long long)-1 && PyErr_Occurred()) {
            PyErr_Clear();
            result = OUT_OF_RANGE;
        }
        out->low = large;
    }
    else if (overflow || (type == I32 && (number < INT32_MIN || number > UINT32_MAX)))
        result = OUT_OF_RANGE;
    else
        out->low = type == I32 ? (uint32_t)number : (uint64_t)number;
    Py_DECREF(integer);
    return result;
}

static NOINLINE int
unbox_float(uint8_t type, PyObject *value, Bits128 *out)
{
    if (!PyFloat_Check(value) && !PyLong_Check(value)) {
        PyNumberMethods *methods = Py_TYPE(value)->tp_as_number;
        if (!methods || (!methods->nb_float && !methods->nb_index))
            return WRONG_TYPE;
    }
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return RAISED;
        PyErr_Clear();
        return OUT_OF_RANGE;
    }
    out->low = out->high = 0;
    if (type == F32) {
        float single = (float)number;
        memcpy(&out->low, &single, 4);
    }
    else
        memcpy(&out->low, &number, 8);
    return CONVERTED;
}

/* 16 bytes, or an int of 128 bits (signed or unsigned). */
static NOINLINE int
unbox_v128(PyObject *value, Bits128 *out)
{
    if (PyLong_Check(value)) {
        int negative = Py_IS_TYPE(value, &PyBool_Type) ? 0 : PyObject_RichCompareBool(value, Py_False, Py_LT);
        if (negative < 0)
            return RAISED;
#if PY_VERSION_HEX >= 0x030D0000
        int flags = Py_ASNATIVEBYTES_LITTLE_ENDIAN | (negative ? 0 : Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
        Py_ssize_t size = PyLong_AsNativeBytes(value, out, 16, flags);
        int failed = size < 0 || size > 16;
#else
        int failed = _PyLong_AsByteArray((PyLongObject *)value, (unsigned char *)out, 16, 1, negative);
#endif
        if (!failed)
            return CONVERTED;
        PyErr_Clear();
        return OUT_OF_RANGE;
    }
    if (!PyObject_CheckBuffer(value))
        return WRONG_TYPE;
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0)
        return RAISED;
    int result = view.len == 16 ? CONVERTED : WRONG_LENGTH;
    if (result == CONVERTED)
        memcpy(out, view.buf, 16);
    PyBuffer_Release(&view);
    return result;
}

HOT static NOINLINE int
convert_other(uint8_t type, PyObject *value, Bits128 *out)
{
    int64_t small;
    switch (type) {
    case I64:
        if (LIKELY(PyLong_CheckExact(value)) && LIKELY(small_int(value, &small))) {
            out->low = (uint64_t)small;
            return CONVERTED;
        }
        return unbox_integer(I64, value, out);
    case F64:
        if (LIKELY(PyFloat_CheckExact(value))) {
            double number = PyFloat_AS_DOUBLE(value);
            memcpy(&out->low, &number, 8);
            return CONVERTED;
        }
        return unbox_float(F64, value, out);
    case F32:
        return unbox_float(F32, value, out);
    case V128:
        return unbox_v128(value, out);
    case FUNCREF:
        if (value == Py_None)
            out->low = 0;
        else if (Py_IS_TYPE(value, FunctionType) || PyObject_TypeCheck(value, FunctionType))
            out->low = (uint64_t)((FunctionObject *)value)->record;
        else
            return WRONG_TYPE;
        return CONVERTED;
    case EXTERNREF: case ANYREF:
        return convert_word(type, value, out);
    case EXNREF:
        out->low = value == Py_None ? 0 : (uint64_t)value;
        return value == Py_None || Py_IS_TYPE(value, ExceptionType) ? CONVERTED : WRONG_TYPE;
    }
    return WRONG_TYPE;
}

/* The bits of a Python value. References come back borrowed. Returns one of the codes above.
 *
 * i32 goes ahead, here and in `box`: most values have that type, and a switch is a jump whose target has to be
 * predicted, together with all those of the interpreter. */
static inline int
convert(uint8_t type, PyObject *value, Bits128 *out)
{
    int64_t small;
    if (UNLIKELY(type != I32))
        return convert_other(type, value, out);
    if (UNLIKELY(!PyLong_CheckExact(value)) || UNLIKELY(!small_int(value, &small)))
        return unbox_integer(I32, value, out);
    if (UNLIKELY(small != (int32_t)small && small != (uint32_t)small))
        return OUT_OF_RANGE;
    out->low = (uint32_t)small;
    return CONVERTED;
}

/* Raw bits from an int, for the bit-exact path; references as in `convert`. */
static int
convert_bits(uint8_t type, PyObject *value, Bits128 *out)
{
    if (is_reference(type) || type == V128)
        return convert(type, value, out);
    return unbox_integer(type == I32 || type == F32 ? I32 : I64, value, out);
}

static Py_ssize_t
buffer_bytes(PyObject *value)
{
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
        if (!must_be_raised())
            PyErr_Clear();
        return 0;
    }
    Py_ssize_t length = view.len;
    PyBuffer_Release(&view);
    return length;
}

/* Say why a value could not be converted. `what`: "add: argument 1". Returns -1. */
static int
conversion_failed(int code, uint8_t type, PyObject *value, Signature *signature, const char *format, ...)
{
    if (code == RAISED)
        return -1;
    va_list arguments;
    va_start(arguments, format);
    PyObject *what = printable(PyUnicode_FromFormatV(format, arguments));
    va_end(arguments);
    if (!what)
        return -1;
    PyObject *of = signature ? PyUnicode_FromFormat(" (signature %U)", signature_text(signature)) : PyUnicode_FromString("");
    if (of && !PyErr_Occurred()) {
        const char *wanted = type == I32 || type == I64 ? "an int"
                             : type == F32 || type == F64 ? "a float"
                             : type == V128 ? "16 bytes or an int"
                             : type == FUNCREF ? "a Function or None"
                             : type == EXNREF ? "an ExceptionReference or None" : "an object";
        Py_ssize_t bytes = code == WRONG_LENGTH ? buffer_bytes(value) : 0;
        if (PyErr_Occurred())
            ;  /* a handler of a signal raised it */
        else if (code == WRONG_LENGTH)
            PyErr_Format(PyExc_TypeError, "%U: v128 takes 16 bytes or an int of 128 bits, not %s of %zd bytes%U", what,
                         Py_TYPE(value)->tp_name, bytes, of);
        else if (code == OUT_OF_RANGE && type == V128)
            PyErr_Format(PyExc_OverflowError, "%U: v128 takes 16 bytes or an int of 128 bits%U", what, of);
        else if (code == OUT_OF_RANGE) {
            PyObject *shown = PyObject_Repr(value);  /* an int of 5000 digits has none */
            if (!shown && !must_be_raised()) {
                PyErr_Clear();
                shown = PyUnicode_FromFormat("this %s", Py_TYPE(value)->tp_name);
            }
            if (shown)
                PyErr_Format(PyExc_OverflowError, "%U: %U does not fit %s%U", what, shown, type_name(type), of);
            Py_XDECREF(shown);
        }
        else {
            int callable = type == FUNCREF && PyCallable_Check(value);
            PyErr_Format(PyExc_TypeError, "%U: %s takes %s, not '%s'%s%U", what, type_name(type), wanted,
                         Py_TYPE(value)->tp_name, callable ? "; make it one: Function(signature, callable)" : "", of);
        }
    }
    Py_XDECREF(of);
    Py_DECREF(what);
    return -1;
}

HOT static NOINLINE PyObject *
box_other(uint8_t type, const void *bits)
{
    switch (type) {
    case I64: return PyLong_FromLongLong(*(const int64_t *)bits);
    case F32: return PyFloat_FromDouble((double)*(const float *)bits);
    case F64: return PyFloat_FromDouble(*(const double *)bits);
    case V128: return PyBytes_FromStringAndSize(bits, 16);
    case FUNCREF: {
        FunctionRecord *record = *(FunctionRecord *const *)bits;
        if (!record)
            Py_RETURN_NONE;
        return function_from_record(record);
    }
    case EXNREF: {
        PyObject *exception = *(PyObject *const *)bits;
        return Py_NewRef(exception ? exception : Py_None);
    }
    default: return box_word(*(const uint64_t *)bits);
    }
}

static inline PyObject *
box(uint8_t type, const void *bits)
{
    return LIKELY(type == I32) ? PyLong_FromLong(*(const int32_t *)bits) : box_other(type, bits);
}

static PyObject *
box_bits(uint8_t type, const void *bits)
{
    switch (type) {
    case I32: case F32: return PyLong_FromUnsignedLong(*(const uint32_t *)bits);
    case I64: case F64: return PyLong_FromUnsignedLongLong(*(const uint64_t *)bits);
#if PY_VERSION_HEX >= 0x030D0000
    case V128: return PyLong_FromUnsignedNativeBytes(bits, 16, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    case V128: return _PyLong_FromByteArray(bits, 16, 1, 0);
#endif
    }
    return box(type, bits);
}

/* The same for a reference that is of the right kind, and not of the type that is wanted. Returns -1. */
static int
reference_failed(ValueType type, PyObject *value, Signature *signature, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *what = printable(PyUnicode_FromFormatV(format, arguments));
    va_end(arguments);
    PyObject *wanted = what ? value_type_text(type) : NULL;
    PyObject *found = NULL;
    if (wanted && Py_IS_TYPE(value, FunctionType))
        found = PyUnicode_FromFormat("a Function of type %U", signature_text(((FunctionObject *)value)->signature));
    else if (wanted)
        found = PyUnicode_FromString(value == Py_None ? "None" : Py_TYPE(value)->tp_name);
    if (found && !PyErr_Occurred()) {
        PyObject *of = signature ? PyUnicode_FromFormat(" (signature %U)", signature_text(signature)) : PyUnicode_FromString("");
        if (of && !PyErr_Occurred())
            PyErr_Format(PyExc_TypeError, "%U: expected %U, not %U%U", what, wanted, found, of);
        Py_XDECREF(of);
    }
    Py_XDECREF(what);
    Py_XDECREF(wanted);
    Py_XDECREF(found);
    return -1;
}
