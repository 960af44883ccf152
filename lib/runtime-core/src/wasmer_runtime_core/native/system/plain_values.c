/* What `marshal` may be given to read.
 *
 * Its reader believes the counts that it finds, keeps references to what is not whole yet, and makes code objects. So bytes
 * that come from a file are walked first: nothing but None, numbers, texts, bytes, tuples, lists and dictionaries with texts
 * as keys, each with as much behind it as it says (`running.artifacts.plain_values`). What is read then is no larger in
 * memory than some objects per byte. */

#define MOST_PLAIN_DEPTH 32

typedef struct { const uint8_t *at, *end; } PlainBytes;

/* A count, of which each needs `unit` bytes at least. -1: there are not so many. */
static int64_t
plain_count(PlainBytes *bytes, size_t unit)
{
    int32_t count;
    if (bytes->end - bytes->at < 4)
        return -1;
    memcpy(&count, bytes->at, 4);
    bytes->at += 4;
    return count >= 0 && (size_t)count * unit <= (size_t)(bytes->end - bytes->at) ? count : -1;
}

static int
plain_value(PlainBytes *bytes, int depth)
{
    if (bytes->at == bytes->end || depth > MOST_PLAIN_DEPTH)
        return 0;
    int64_t count;
    switch (*bytes->at++) {
    case 'N':
    case 'T':
    case 'F': return 1;
    case 'i':
        if (bytes->end - bytes->at < 4)
            return 0;
        bytes->at += 4;
        return 1;
    case 'l': {  /* the sign of the count is the number's */
        int32_t digits;
        if (bytes->end - bytes->at < 4)
            return 0;
        memcpy(&digits, bytes->at, 4);
        bytes->at += 4;
        uint64_t size = 2 * (uint64_t)(digits < 0 ? -(int64_t)digits : digits);
        if (size > (uint64_t)(bytes->end - bytes->at))
            return 0;
        bytes->at += size;
        return 1;
    }
    case 's':
    case 'u':
        if ((count = plain_count(bytes, 1)) < 0)
            return 0;
        bytes->at += count;
        return 1;
    case '(':
    case '[':
        if ((count = plain_count(bytes, 1)) < 0)
            return 0;
        while (count--)
            if (!plain_value(bytes, depth + 1))
                return 0;
        return 1;
    case '{':
        for (;;) {
            if (bytes->at == bytes->end)
                return 0;
            if (*bytes->at == '0') {
                bytes->at++;
                return 1;
            }
            if (*bytes->at != 'u' || !plain_value(bytes, depth + 1) || !plain_value(bytes, depth + 1))
                return 0;
        }
    default: return 0;
    }
}

static PyObject *
native_is_plain(PyObject *Py_UNUSED(module), PyObject *argument)
{
    char *start;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(argument, &start, &length) < 0)
        return NULL;
    PlainBytes bytes = {(const uint8_t *)start, (const uint8_t *)start + length};
    return PyBool_FromLong(plain_value(&bytes, 0) && bytes.at == bytes.end);
}
