/* Checks once whether a str has the layout that str_layout.h assumes, by comparing with the results of documented
   functions. */
#include "str_layout.h"

int srp_layout;

#if defined(SRP_KNOWS_LAYOUT)
PyASCIIObject srp_head;

static bool copies_head(void) {
    char expected[] = "0123456789abcdefghijklmnopqrstuv";
    bool same = true;
    for (size_t n = 2; same && n < sizeof expected; n += 5) {
        uint8_t *data = NULL;
        PyObject *mine = srp_new_ascii(n, &data), *other = PyUnicode_FromStringAndSize(expected, (Py_ssize_t)n);
        same = mine && other && data == PyUnicode_DATA(mine);
        if (same) {
            memcpy(data, expected, n);
            same = PyUnicode_IS_ASCII(mine) && PyUnicode_IS_COMPACT(mine) && PyUnicode_Compare(mine, other) == 0 &&
                   PyObject_Hash(mine) == PyObject_Hash(other) && memcmp(data, PyUnicode_DATA(other), n + 1) == 0;
        }
        Py_XDECREF(mine);
        Py_XDECREF(other);
    }
    return same;
}

static bool keeps_utf8(void) {
    static const Py_UCS4 FIRST[] = {0xE9, 0x3A9, 0x1F600}; /* one of each width */
    bool same = true;
    for (size_t i = 0; same && i < 3; i++) {
        PyObject *text = PyUnicode_New(3, FIRST[i]);
        size_t len = 0;
        Py_ssize_t wanted;
        same = text && PyUnicode_Fill(text, 0, 3, FIRST[i]) == 3 && !srp_kept_utf8(text, &len);
        const char *utf8 = same ? PyUnicode_AsUTF8AndSize(text, &wanted) : NULL;
        same = utf8 && srp_kept_utf8(text, &len) == (const uint8_t *)utf8 && (Py_ssize_t)len == wanted;
        Py_XDECREF(text);
    }
    return same;
}

void srp_layout_init(void) {
    PyObject *text = PyUnicode_New(2, 127);
    if (text) {
        srp_head = *(PyASCIIObject *)text;
        Py_DECREF(text);
        srp_layout = 1; /* so that the checks below take the layout's way */
        srp_layout = copies_head() && keeps_utf8();
    }
    PyErr_Clear();
}
#else
void srp_layout_init(void) {}
#endif
