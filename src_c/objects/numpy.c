/* Scalars of numpy that Python has no type for. Neither numpy nor its headers are needed: the classes are looked up
 * once numpy is loaded. numpy's public headers say that the value of a scalar lies behind the head of the object; a
 * class is taken note of only if that is where a value is found. Without that, Python's own conversion is asked.
 */
#include "srp.h"
#include "str_layout.h"

static const struct {
    const char *name;
    size_t size;
    bool natural; /* has no sign */
} INTEGERS[] = {
    {"int64", 8, false},    {"int32", 4, false},    {"int16", 2, false}, {"int8", 1, false},
    {"uint64", 8, true},    {"uint32", 4, true},    {"uint16", 2, true}, {"uint8", 1, true},
    {"longlong", 8, false}, {"ulonglong", 8, true}, {"intc", 4, false},  {"uintc", 4, true},
};
#define N_INTEGERS (sizeof INTEGERS / sizeof *INTEGERS)

static PyTypeObject *SRP_SHARED float32; /* NULL until all are known; so are these: */
static PyTypeObject *SRP_SHARED float16, *SRP_SHARED moment, *SRP_SHARED integers[N_INTEGERS];
static PyObject *SRP_SHARED yes, *SRP_SHARED no;

/* The value of a datetime64: so many times `count` units since 1970. */
typedef struct {
    int64_t number;
    int32_t unit, count;
} ticks;

enum { UNIT_W = 2, UNIT_D = 4, UNIT_H, UNIT_M, UNIT_S, UNIT_MS, UNIT_US, UNIT_NS, UNITS }; /* as numpy numbers them */

static ticks ticks_of(PyObject *value) {
    ticks found;
    memcpy(&found, (const char *)value + sizeof(PyObject), sizeof found);
    return found;
}

/* The value of an integer of class number i; *large: it has 64 bits without a sign, and is too large. */
static int64_t integer_of(PyObject *value, size_t i, bool *large) {
    size_t size = INTEGERS[i].size;
    bool natural = INTEGERS[i].natural;
    int64_t bits = 0; /* in big-endian order the probe of a class tells that this does not hold */
    memcpy(&bits, (const char *)value + sizeof(PyObject), size);
    *large = size == 8 && natural && bits < 0;
    if (size == 1) return natural ? (uint8_t)bits : (int8_t)bits;
    if (size == 2) return natural ? (uint16_t)bits : (int16_t)bits;
    if (size == 4) return natural ? (int64_t)(uint32_t)bits : (int64_t)(int32_t)bits;
    return bits;
}

static PyObject *only_of(PyTypeObject *type, const char *name) {
    PyObject *value = srp_loaded("numpy", name);
    if (!type || (value && !Py_IS_TYPE(value, type))) Py_CLEAR(value);
    return value;
}

/* NULL unless the object of a scalar has at least `size` bytes after its head, and layouts may be used at all. */
static PyTypeObject *scalar_class(const char *name, size_t size) {
    if (!srp_layout) return NULL; /* Python's own conversion it is */
    PyTypeObject *type = srp_fixed_class("numpy", name);
    if (type && (size_t)type->tp_basicsize >= sizeof(PyObject) + size && type->tp_itemsize == 0) return type;
    Py_XDECREF(type);
    return NULL;
}

static PyTypeObject *integer_class(size_t i) {
    PyTypeObject *type = scalar_class(INTEGERS[i].name, INTEGERS[i].size);
    long long wanted = 0x7102030405060708 >> (64 - 8 * INTEGERS[i].size);
    if (!INTEGERS[i].natural) wanted = -wanted;
    PyObject *probe = type ? PyObject_CallFunction((PyObject *)type, "L", wanted) : NULL;
    bool large, known = probe && Py_IS_TYPE(probe, type) && integer_of(probe, i, &large) == wanted;
    Py_XDECREF(probe);
    PyErr_Clear();
    if (!known) Py_CLEAR(type);
    return type;
}

static PyTypeObject *time_class(void) {
    PyTypeObject *type = scalar_class("datetime64", sizeof(ticks));
    PyObject *probe = type ? PyObject_CallFunction((PyObject *)type, "L(si)", 1234567890123LL, "ms", 7) : NULL;
    ticks found = probe && Py_IS_TYPE(probe, type) ? ticks_of(probe) : (ticks){0};
    Py_XDECREF(probe);
    PyErr_Clear();
    if (found.number != 1234567890123 || found.unit != UNIT_MS || found.count != 7) Py_CLEAR(type);
    return type;
}

bool srp_learn_numpy(PyObject *value) {
    if (float32 || strncmp(Py_TYPE(value)->tp_name, "numpy.", 6) != 0) return false;
    PyTypeObject *flags = srp_fixed_class("numpy", "bool_"); /* its values are two, as those of bool are */
    yes = only_of(flags, "True_");
    no = only_of(flags, "False_");
    Py_XDECREF(flags);
    for (size_t i = 0; i < N_INTEGERS; i++) integers[i] = integer_class(i);
    moment = time_class();
    float16 = srp_fixed_class("numpy", "float16");
    float32 = srp_fixed_class("numpy", "float32");
    PyErr_Clear(); /* then the slow way it is */
    return float32 != NULL;
}

bool srp_is_small_float(PyObject *value) { return float32 && (Py_TYPE(value) == float32 || Py_TYPE(value) == float16); }

bool srp_is_numpy_bool(PyObject *value) { return yes && (value == yes || value == no); }

/* The number of the class of an integer, or N_INTEGERS. */
static size_t integer_at(PyObject *value) {
    size_t i = 0;
    while (i < N_INTEGERS && Py_TYPE(value) != integers[i]) i++;
    return i;
}

bool srp_is_numpy_int(PyObject *value) { return float32 && integer_at(value) < N_INTEGERS; }

static int put_integer(srp_buffer *out, sr_style style, PyObject *value, size_t i) {
    bool large;
    int64_t number = integer_of(value, i, &large);
    if (large) return SRP_SLOW;
    uint8_t *at = srp_open(out, style, SR_NUMBER_ROOM);
    return at ? srp_close(out, style, at + sr_put_int(number, at)) : SRP_NO_MEMORY;
}

static int put_moment(srp_buffer *out, sr_style style, PyObject *value) {
    static const int64_t MILLIS[UNITS] = {
        [UNIT_W] = 604800000, [UNIT_D] = 86400000, [UNIT_H] = 3600000, [UNIT_M] = 60000,
        [UNIT_S] = 1000,      [UNIT_MS] = 1,       [UNIT_US] = 1,      [UNIT_NS] = 1};
    ticks found = ticks_of(value);
    if (found.count != 1 || found.unit < 0 || found.unit >= UNITS || !MILLIS[found.unit]) return SRP_SLOW;
    int64_t most = (1ll << 48) / MILLIS[found.unit], parts = found.unit == UNIT_NS   ? 1000000
                                                             : found.unit == UNIT_US ? 1000
                                                                                     : 1;
    int64_t number = found.number / parts - (found.number % parts < 0); /* rounds down */
    sr_time time;
    if (number > most || number < -most || !sr_time_at(number * MILLIS[found.unit], &time)) return SRP_SLOW;
    uint8_t *at = srp_open(out, style, SR_NUMBER_ROOM);
    return at ? srp_close(out, style, at + sr_put_time(&time, at)) : SRP_NO_MEMORY;
}

static int put_small_float(srp_buffer *out, sr_style style, PyObject *value) {
    PyObject *whole = PyNumber_Float(value);
    if (!whole) PyErr_Clear();
    double number = whole ? PyFloat_AS_DOUBLE(whole) : Py_HUGE_VAL;
    Py_XDECREF(whole);
    if (!(number - number == 0)) return SRP_SLOW; /* inf and nan */
    uint8_t *at = srp_open(out, style, SR_NUMBER_ROOM);
    if (!at) return SRP_NO_MEMORY;
    at +=
        Py_TYPE(value) == float32 ? sr_put_small_float(number, 24, -149, at) : sr_put_small_float(number, 11, -24, at);
    return srp_close(out, style, at);
}

int srp_put_numpy(srp_buffer *out, sr_style style, PyObject *value) {
    if (!float32) return SRP_SLOW;
    size_t i = integer_at(value);
    if (i < N_INTEGERS) return put_integer(out, style, value, i);
    if (srp_is_small_float(value)) return put_small_float(out, style, value);
    if (srp_is_numpy_bool(value)) return srp_put_number(out, style, value == yes ? Py_True : Py_False);
    return Py_TYPE(value) == moment ? put_moment(out, style, value) : SRP_SLOW;
}
