# Rows of a payload that has been read: all, one, or raw.

cdef inline rows_of(Work *work):
    """All rows. For a long payload the garbage collector pauses: it would only walk the rows being made."""
    cdef bint paused
    if work.tape.n_rows < PAUSE:
        return work.layer.rows(&work.p, work.tape.n_rows)
    paused = srp_pause_gc()
    try:
        return work.layer.rows(&work.p, work.tape.n_rows)
    finally:
        srp_resume_gc(paused)


cdef int check_size(bytes data, limit) except -1:
    cdef Py_ssize_t most = limit_of(limit)
    if PyBytes_GET_SIZE(data) > most:
        raise decode_error(REASONS[SR_TOO_LARGE], most, None, None, [], data)
    return 0


cdef not_one_row(Work *work, bytes data, rows):
    if not rows:
        return decode_error("not_one_row", len(data), 0, None, [], data)
    return decode_error("not_one_row", work.base + work.tape.rows[1].start, 1, None, rows[:1], data)


cdef decode_bytes(Workspace engine, bytes data, bint strict):
    cdef Work *work
    cdef sr_ends ends = engine.single(data)
    if ends.low | ends.high:
        row = engine.single_row(data, ends)
        PyObject_GC_UnTrack(row)
        return [row]
    if PyBytes_GET_SIZE(data) == 0:
        return []
    work = engine.begin(data)
    try:
        engine.read(work, data, strict)
        return rows_of(work)
    finally:
        engine.end(work)


cdef decode_one(Workspace engine, bytes data, bint strict):
    cdef Work *work
    cdef sr_ends ends = engine.single(data)
    if ends.low | ends.high:
        return engine.single_row(data, ends)
    work = engine.begin(data)
    try:
        engine.read(work, data, strict)
        if work.tape.n_rows != 1:
            raise not_one_row(work, data, rows_of(work))
        return work.layer.row(&work.p, 0, NULL)
    finally:
        engine.end(work)


cdef size_t row_end(const srp_payload *p, size_t r) noexcept:
    cdef const sr_row *row = &p.tape.rows[r]
    cdef size_t last = row[1].first - 1
    return sr_field_end(p.src, p.len, p.tape, last, sr_field_start(p.tape, last, row))


cdef bytes raw_row(const srp_payload *p, size_t r):
    cdef size_t start = p.tape.rows[r].start
    return PyBytes_FromStringAndSize(<const char *>p.src + start, row_end(p, r) - start)


cdef bad_value(const srp_payload *p, size_t base, size_t r, size_t f, rows, bytes data):
    cdef const sr_row *row = &p.tape.rows[r]
    return decode_error("bad_value", base + sr_field_start(p.tape, f, row), r, f - row.first, rows, data)
