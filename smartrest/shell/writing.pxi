# Rows and fields into a buffer: the loops are C, and Python code here handles the values that they leave.

cdef inline int put_byte(srp_buffer *out, uint8_t byte) except -1:
    if out.len == out.size and srp_reserve(out, 1):
        raise MemoryError
    out.data[out.len] = byte
    out.len += 1
    return 0


cdef inline int put_bytes(srp_buffer *out, bytes text) except -1:
    if srp_put_bytes(out, text):
        raise MemoryError
    return 0


cdef inline int put_row(Workspace engine, srp_buffer *out, sr_style style, row, Py_ssize_t index) except -1:
    cdef Py_ssize_t field
    cdef int status
    if type(row) is LazyRow and not style.all and put_raw(out, <LazyRow>row):
        return 0
    status = engine.layer.put_row(out, engine.k, style, row, &field)
    if status != SR_OK:
        if status == SRP_NO_MEMORY:
            raise MemoryError
        put_copy(engine, out, style, fields_of(row, index), index)   # finds the error again if there is one
    return 0


cdef bint put_raw(srp_buffer *out, LazyRow row) except -1:
    """Copies the bytes of a scanned row if writing its fields would give the same."""
    cdef LazyRows rows = row.rows
    cdef size_t start, end
    if rows is None:
        return False
    start, end = rows.tape.rows[row.r].start, row_end(&rows.p, row.r)
    if not sr_is_as_written(rows.p.src, &rows.tape, &rows.tape.rows[row.r], end):
        return False
    if srp_reserve(out, end - start):
        raise MemoryError
    memcpy(out.data + out.len, rows.p.src + start, end - start)
    out.len += end - start
    return True


cdef int put_next(Workspace engine, srp_buffer *out, sr_style style, row, Py_ssize_t index, Py_ssize_t most, bint newline) except -1:
    """Appends a row; the payload may then have at most `most` bytes."""
    if index:
        put_byte(out, SR_ROW_END)
    put_row(engine, out, style, row, index)
    if <Py_ssize_t>out.len + newline > most:
        raise too_large_error(most, index, out.len + newline)
    return 0


cdef int put_copy(Workspace engine, srp_buffer *out, sr_style style, tuple fields, Py_ssize_t index) except -1:
    """Writes a row with values whose text takes Python code. That could change the row, so `fields` is a copy."""
    cdef size_t start = out.len
    cdef Py_ssize_t i = 0
    for value in fields:
        if i:
            put_byte(out, SR_SEPARATOR)
        put_field(engine, out, style, value, index, i)
        i += 1
    if out.len == start and srp_put_empty_row(out):
        raise MemoryError
    return 0


cdef int put_field(Workspace engine, srp_buffer *out, sr_style style, value, index, field) except -1:
    cdef int status = engine.layer.put_value(out, engine.k, style, value)
    if status == SRP_SLOW and srp_learn(value):
        status = engine.layer.put_value(out, engine.k, style, value)
    if status == SRP_SLOW and srp_is_time(value):
        status = srp_put_time_at(out, style, value, srp_call(_values.offset_minutes, value, index, <PyObject *>field))
    if status == SRP_SLOW:
        value = srp_call(_values.text_of, value, index, <PyObject *>field)
        status = engine.layer.put_value(out, engine.k, style, value)
    if status != SR_OK:
        refuse(status, value, index, field)
    return 0


cdef int refuse(int status, value, index, field) except -1:
    if status == SRP_NO_MEMORY:
        raise MemoryError
    if status == SR_EMPTY_ROW:
        raise encode_error("empty_row", index, None)
    raise encode_error(REASONS[status], index, field, excerpt(str.__str__(value)))


cdef object END = object()


cdef inline row_at(rows, Py_ssize_t index):
    """An item of a list or tuple, or END where another thread has made the list shorter meanwhile."""
    return srp_item_or(<list>rows, index, END) if type(rows) is list else rows[index]


cdef tuple fields_of(row, index):
    """A copy of the fields of a row, safe from later changes."""
    cdef tuple fields
    if PyTuple_Check(row):
        fields = PyTuple_GetSlice(row, 0, PyTuple_GET_SIZE(row))
    elif PyList_Check(row):
        fields = PyList_AsTuple(row)
    elif type(row) is LazyRow:
        fields = (<LazyRow>row).fields
    elif issubclass(type(row), _Sequence) and not PyUnicode_Check(row) and not PyObject_CheckBuffer(row):
        fields = tuple(row)
    else:
        raise encode_error("bad_row", index, None, _values.row_refusal(row))
    if not fields:
        raise encode_error("empty_row", index, None)
    return fields


cdef bytes utf8(text, index, field):
    cdef bytes data = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")
    if sr_utf8_valid(<const uint8_t *>PyBytes_AS_STRING(data), len(data)) < <size_t>len(data):
        raise encode_error("lone_surrogate", index, field, excerpt(str.__str__(text)))
    return data
