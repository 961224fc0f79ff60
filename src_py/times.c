/* From a time to a datetime. Apart from the rest because its header brings state: Python's datetime module is imported only
 * where somebody asks for datetimes.
 */
#include "srp.h"

#include <datetime.h>

int srp_times_init(void) {
    if (!PyDateTimeAPI) PyDateTime_IMPORT;
    return PyDateTimeAPI ? 0 : -1;
}

PyObject *srp_time(const sr_time *t) {
    PyObject *zone = PyDateTime_TimeZone_UTC;
    PyObject *own = NULL;
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
