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

/* The method of a class that no code can change, or NULL. */
static PyObject *method_of(PyTypeObject *type, const char *name) {
    PyObject *method = srp_is_fixed(type) ? PyObject_GetAttrString((PyObject *)type, name) : NULL;
    if (method && !Py_IS_TYPE(method, &PyMethodDescr_Type)) Py_CLEAR(method);
    return method;
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

bool srp_is_plain_time(PyObject *value) { return PyDateTimeAPI && PyDateTime_CheckExact(value); }
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

int srp_put_time_at(srp_buffer *out, sr_style style, PyObject *value, int offset_minutes) {
    sr_time time = {
        .year = PyDateTime_GET_YEAR(value),
        .month = PyDateTime_GET_MONTH(value),
        .day = PyDateTime_GET_DAY(value),
        .hour = PyDateTime_DATE_GET_HOUR(value),
        .minute = PyDateTime_DATE_GET_MINUTE(value),
        .second = PyDateTime_DATE_GET_SECOND(value),
        .microsecond = PyDateTime_DATE_GET_MICROSECOND(value),
        .offset_minutes = offset_minutes,
    };
    uint8_t *at = srp_open(out, style, SR_NUMBER_ROOM);
    return at ? srp_close(out, style, at + sr_put_time(&time, at)) : SRP_NO_MEMORY;
}

int srp_put_time(srp_buffer *out, sr_style style, PyObject *value) {
    if (!srp_is_time(value)) return SRP_SLOW;
    int year = PyDateTime_GET_YEAR(value), minutes;
    /* A Timestamp of pandas outside the calendar is a datetime of one of these years. */
    if (!PyDateTime_CheckExact(value) && (year == 1970 || year == 1972)) return SRP_SLOW;
    return get_offset(value, &minutes) ? srp_put_time_at(out, style, value, minutes) : SRP_SLOW;
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
