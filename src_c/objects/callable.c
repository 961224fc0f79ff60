/* Types whose objects are called by PEP 590, without a tuple of arguments. Cython cannot declare them, and the fields
 * of a ready type must not be written. So the type is a subtype, made here from a spec as the C API documents, that
 * adds nothing else to Cython's type.
 */
#include "srp.h"

#include <structmember.h>

PyObject *srp_callable(const char *name, PyObject *base, Py_ssize_t offset) {
    PyObject *doc = PyObject_GetAttrString(base, "__doc__");
    const char *text = doc ? PyUnicode_AsUTF8(doc) : NULL;
    PyObject *bases = text ? PyTuple_Pack(1, base) : NULL, *type = NULL;
    if (bases) {
        PyMemberDef members[] = {{"__vectorcalloffset__", T_PYSSIZET, offset, READONLY, NULL}, {NULL, 0, 0, 0, NULL}};
        PyType_Slot slots[] = {
            {Py_tp_call, (void *)(uintptr_t)PyVectorcall_Call},
            {Py_tp_doc, (void *)(uintptr_t)text},
            {Py_tp_members, members},
            {0, NULL},
        };
        PyType_Spec spec = {name, 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
                            slots};
        type = PyType_FromSpecWithBases(&spec, bases);
    }
    Py_XDECREF(bases);
    Py_XDECREF(doc);
    return type;
}
