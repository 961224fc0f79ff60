/* Python's datetime, both ways. A file of its own because datetime.h brings state: the engine never imports datetime,
 * and knows its classes, and those of zoneinfo, once they are loaded.
 *
 * The offset of a UTC, of a `timezone` and of a ZoneInfo written in C can be had without running Python code. All
 * other zones return SRP_SLOW, and so does every value that has to be refused: smartrest/_values.py writes or refuses
 * them. Offsets are not kept: a zone may change within an hour, and asking takes no longer than finding what was kept.
 */
#include "srp.h"

#include <datetime.h>

static PyObject *SRP_SHARED ask_timezone, *SRP_SHARED ask_zoneinfo; /* their methods `utcoffset`, NULL until known */
static PyTypeObject *SRP_SHARED zoneinfo;                           /* set after its method */

bool srp_is_fixed(PyTypeObject *type) {
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
}

/* The method of such a class, or NULL. */
static PyObject *method_of(PyTypeObject *type, const char *name) {
    PyObject *method = srp_is_fixed(type) ? PyObject_GetAttrString((PyObject *)type, name) : NULL;
    if (method && !Py_IS_TYPE(method, &PyMethodDescr_Type)) Py_CLEAR(method);
    return method;
}

PyObject *srp_loaded(const char *module, const char *name) {
    PyObject *key = PyUnicode_FromString(module), *found = key ? PyImport_GetModule(key) : NULL;
    PyObject *value = found ? PyObject_GetAttrString(found, name) : NULL;
    if (!value) PyErr_Clear();
    Py_XDECREF(key);
    Py_XDECREF(found);
    return value;
}

int srp_times_init(void) {
    if (!PyDateTimeAPI) PyDateTime_IMPORT;
    return PyDateTimeAPI ? 0 : -1;
}

bool srp_learn_times(PyObject *value) {
    bool learned = false;
    PyObject *found = NULL;
    if (ask_timezone && (zoneinfo || !PyDateTime_Check(value))) return false;
    if (!PyDateTimeAPI && (found = srp_loaded("_datetime", "datetime_CAPI"))) srp_times_init();
    Py_CLEAR(found);
    if (PyDateTimeAPI && !ask_timezone) {
        PyObject *method = method_of(Py_TYPE(PyDateTime_TimeZone_UTC), "utcoffset");
        if (method) ask_timezone = method;
        learned = method != NULL;
    }
    if (ask_timezone && !zoneinfo && (found = srp_loaded("_zoneinfo", "ZoneInfo"))) {
        PyObject *method = PyType_Check(found) ? method_of((PyTypeObject *)found, "utcoffset") : NULL;
        if (method) {
            ask_zoneinfo = method; /* threads that learn it at once leave one reference too many */
            zoneinfo = (PyTypeObject *)found;
            found = NULL;
            learned = true;
        }
        Py_CLEAR(found);
    }
    PyErr_Clear(); /* then the slow way it is */
    return learned;
}

bool srp_is_time(PyObject *value) { return PyDateTimeAPI && PyDateTime_Check(value); }

/* A value of a subclass as a datetime: a ZoneInfo calls the methods of a subclass. */
static PyObject *plain(PyObject *moment) {
    return PyDateTimeAPI->DateTime_FromDateAndTimeAndFold(
        PyDateTime_GET_YEAR(moment), PyDateTime_GET_MONTH(moment), PyDateTime_GET_DAY(moment),
        PyDateTime_DATE_GET_HOUR(moment), PyDateTime_DATE_GET_MINUTE(moment), PyDateTime_DATE_GET_SECOND(moment),
        PyDateTime_DATE_GET_MICROSECOND(moment), PyDateTime_DATE_GET_TZINFO(moment), PyDateTime_DATE_GET_FOLD(moment),
        PyDateTimeAPI->DateTimeType);
}

/* The offset as a timedelta; NULL, without an exception: the slow way. */
static PyObject *offset_of(PyObject *moment, PyObject *zone) {
    PyObject *arguments[2] = {zone, Py_None}, *copy = NULL, *offset = NULL;
    if (Py_TYPE(zone) == Py_TYPE(PyDateTime_TimeZone_UTC)) {
        if (ask_timezone) offset = PyObject_Vectorcall(ask_timezone, arguments, 2, NULL);
    } else if (Py_TYPE(zone) == zoneinfo) {
        if (!PyDateTime_CheckExact(moment)) moment = copy = plain(moment);
        arguments[1] = moment;
        if (moment) offset = PyObject_Vectorcall(ask_zoneinfo, arguments, 2, NULL);
        Py_XDECREF(copy);
    }
    if (!offset) PyErr_Clear();
    return offset;
}

static bool get_offset(PyObject *moment, int *minutes) {
    PyObject *zone = PyDateTime_DATE_GET_TZINFO(moment);
    *minutes = 0;
    if (zone == PyDateTime_TimeZone_UTC) return true;
    PyObject *offset = offset_of(moment, zone);
    if (!offset) return false;
    int seconds = -86400; /* not an offset */
    if (PyDelta_CheckExact(offset) && PyDateTime_DELTA_GET_MICROSECONDS(offset) == 0 &&
        (PyDateTime_DELTA_GET_DAYS(offset) == 0 || PyDateTime_DELTA_GET_DAYS(offset) == -1)) {
        seconds = PyDateTime_DELTA_GET_DAYS(offset) * 86400 + PyDateTime_DELTA_GET_SECONDS(offset);
    }
    Py_DECREF(offset);
    *minutes = seconds / 60;
    return seconds > -86400 && seconds % 60 == 0;
}

int srp_put_time(srp_buffer *out, sr_style style, PyObject *value) {
    sr_time time;
    if (!srp_is_time(value)) return SRP_SLOW;
    time.year = PyDateTime_GET_YEAR(value);
    /* A Timestamp of pandas outside the calendar is a datetime of one of these years. */
    if (!PyDateTime_CheckExact(value) && (time.year == 1970 || time.year == 1972)) return SRP_SLOW;
    if (!get_offset(value, &time.offset_minutes)) return SRP_SLOW;
    time.month = PyDateTime_GET_MONTH(value);
    time.day = PyDateTime_GET_DAY(value);
    time.hour = PyDateTime_DATE_GET_HOUR(value);
    time.minute = PyDateTime_DATE_GET_MINUTE(value);
    time.second = PyDateTime_DATE_GET_SECOND(value);
    time.microsecond = PyDateTime_DATE_GET_MICROSECOND(value);
    if (srp_reserve(out, SR_NUMBER_ROOM + 2)) return SRP_NO_MEMORY;
    uint8_t *dst = out->data + out->len;
    if (style.all) *dst++ = SR_QUOTE;
    dst += sr_put_time(&time, dst);
    if (style.all) *dst++ = SR_QUOTE;
    out->len = (size_t)(dst - out->data);
    return SR_OK;
}

PyObject *srp_new_time(const sr_time *t) {
    PyObject *zone = PyDateTime_TimeZone_UTC, *own = NULL;
    if (t->offset_minutes) {
        PyObject *offset = PyDelta_FromDSU(0, t->offset_minutes * 60, 0);
        if (!offset) return NULL;
        own = zone = PyTimeZone_FromOffset(offset);
        Py_DECREF(offset);
        if (!zone) return NULL;
    }
    PyObject *time = PyDateTimeAPI->DateTime_FromDateAndTime(t->year, t->month, t->day, t->hour, t->minute, t->second,
                                                             t->microsecond, zone, PyDateTimeAPI->DateTimeType);
    Py_XDECREF(own);
    return time;
}
