# Rows with holes.

cdef class Encoder:
    """A row with holes, made by `compile`: `encoder(*values)` is the payload of the filled row.

    `row` is the row it was compiled from. Can be pickled, and shared by threads.
    """
    cdef Workspace engine
    cdef readonly tuple row
    cdef tuple options
    cdef tuple types           # of the holes
    cdef list memory           # owns the bytes that the holes point into
    cdef srp_hole *holes       # the last one takes no value: it is the constant text after all others
    cdef Py_ssize_t n_holes, limit
    cdef sr_style style
    cdef bint newline, one_field
    cdef vectorcallfunc vectorcall

    def __cinit__(self, *_, **__):
        self.memory = []
        self.vectorcall = <vectorcallfunc>encoder_call

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.compile")

    def __dealloc__(self):
        PyMem_Free(self.holes)

    @cython.final
    cdef set_before(self, Py_ssize_t n, srp_buffer *out):
        """Makes the bytes written so far the constant text before hole n."""
        cdef bytes before = PyBytes_FromStringAndSize(<const char *>out.data, out.len) + b"\0" * SRP_PADDING
        self.memory.append(before)
        self.holes[n].before = <const uint8_t *>PyBytes_AS_STRING(before)
        self.holes[n].n_before = out.len
        out.len = 0

    @cython.final
    cdef payload(self, tuple values):
        cdef srp_buffer out
        cdef Workspace engine = self.engine
        engine.take(&out)
        try:
            self.put(&out, values, 0)
            if self.newline:
                put_byte(&out, SR_ROW_END)
            if <Py_ssize_t>out.len > self.limit:
                raise too_large_error(self.limit, 0, out.len)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.len)
        finally:
            engine.give(&out)

    def pack(self, values, *, limit=16_000, on_error=None):
        """The fewest payloads of at most `limit` bytes that carry a row for each item of `values`, in order.

        Each item holds the values of one row (for columns: `zip(*columns)`). `values` is read lazily, as payloads are
        taken. Errors are handled as in `smartrest.pack`; a wrong number of values raises `TypeError` and ends packing.
        """
        cdef Packing packing
        self.check()
        packing = new_packing(self.engine, self.newline, limit)
        packing.open(self, put_values, values, on_error)
        return packing

    @cython.final
    cdef int check(self) except -1:
        if self.engine is None:
            raise TypeError("use smartrest.compile")
        return 0

    def __reduce__(self):
        self.check()
        return _rebuild_encoder, (self.row, self.options)

    def __repr__(self):
        return f"compile({self.row!r})"

    @cython.final
    cdef int put(self, srp_buffer *out, tuple values, Py_ssize_t index) except -1:
        cdef Py_ssize_t i
        cdef size_t start = out.len
        cdef int status
        cdef const srp_hole *hole
        if PyTuple_GET_SIZE(values) != self.n_holes:
            raise TypeError(f"expected {self.n_holes} values, one for each hole, not {len(values)}")
        for i in range(self.n_holes):
            hole = &self.holes[i]
            value = values[i]
            if srp_reserve(out, hole.n_before):
                raise MemoryError
            memcpy(out.data + out.len, hole.before, hole.n_before)
            out.len += hole.n_before
            if not srp_fits(hole.kind, value) and not _values.fits(self.types[i], value):
                raise encode_error("bad_type", index, hole.field, _values.misfit(self.types[i], value))
            status = self.engine.layer.put_value(out, self.engine.k, self.style, value)
            if status != SR_OK:
                put_field(self.engine, out, self.style, value, index, hole.field)
        hole = &self.holes[self.n_holes]
        if srp_reserve(out, hole.n_before):
            raise MemoryError
        memcpy(out.data + out.len, hole.before, hole.n_before)
        out.len += hole.n_before
        if self.one_field and out.len == start and srp_put_empty_row(out):
            raise MemoryError
        return 0


cdef int put_values(object encoder, srp_buffer *out, tuple values, Py_ssize_t row) except -1:
    return (<Encoder>encoder).put(out, values, row)


cdef object encoder_call(PyObject *callable, PyObject *const *values, size_t n, PyObject *names):
    """The vectorcall of an encoder."""
    cdef Encoder self = <Encoder>callable
    cdef srp_buffer *out
    cdef Py_ssize_t i
    self.check()
    out = &self.engine.kept().out
    n &= ~PY_VECTORCALL_ARGUMENTS_OFFSET
    if names == NULL and <Py_ssize_t>n == self.n_holes and out.data != NULL and not self.one_field and not self.newline:
        out.len = 0   # no other code runs meanwhile
        if (self.engine.layer.fill(out, self.engine.k, self.style, self.holes, n, values) == SR_OK
                and <Py_ssize_t>out.len <= self.limit):
            payload = PyBytes_FromStringAndSize(<const char *>out.data, out.len)
            shrink(out)
            return payload
    if names != NULL:
        raise TypeError("an encoder takes no keyword arguments")
    row = []
    for i in range(<Py_ssize_t>n):
        row.append(<object>values[i])
    return self.payload(tuple(row))


cdef callable_encoder():
    """The public type `Encoder`: the one above, made callable."""
    cdef Encoder one = Encoder.__new__(Encoder)
    return srp_callable("smartrest.core.Encoder", Encoder, <char *>&one.vectorcall - <char *><PyObject *>one)


cdef object _encoder = callable_encoder()
globals()["Encoder"] = _encoder


cdef dict HOLES = {
    object: SRP_HOLE_ANY, str: SRP_HOLE_STR, int: SRP_HOLE_INT, float: SRP_HOLE_FLOAT, bool: SRP_HOLE_BOOL,
}


cdef new_encoder(Workspace engine, row, tuple options):
    cdef Encoder encoder = _encoder.__new__(_encoder)
    cdef Py_ssize_t i = 0, n = 0
    cdef srp_buffer out
    dialect, quote, final_newline, on_trailing_backslash, limit = options
    style_of(&encoder.style, dialect, quote, on_trailing_backslash)
    encoder.limit = limit_of(limit)
    encoder.newline = truth(final_newline)
    encoder.options = options
    encoder.row = fields_of(row, 0)
    encoder.one_field = len(encoder.row) == 1
    holes, types = [], []
    for field in encoder.row:
        hole = _values.hole_of(field)
        holes.append(hole)
        if hole is not None:
            types.append(hole)
    encoder.types = tuple(types)
    encoder.n_holes = len(encoder.types)
    encoder.holes = <srp_hole *>PyMem_Malloc(sizeof(srp_hole) * (encoder.n_holes + 1))
    if encoder.holes == NULL:
        raise MemoryError
    engine.take(&out)
    try:
        for field, hole in zip(encoder.row, holes):
            if i:
                put_byte(&out, SR_SEPARATOR)
            if hole is not None:
                encoder.holes[n].kind = HOLES.get(hole, SRP_HOLE_TIME if hole.__name__ == "datetime" else SRP_HOLE_OTHER)
                encoder.holes[n].field = i
                encoder.set_before(n, &out)
                n += 1
            else:
                put_field(engine, &out, encoder.style, field, 0, i)
            i += 1
        encoder.set_before(n, &out)
    finally:
        engine.give(&out)
    encoder.engine = engine   # last: without it there is no encoder
    return encoder


def _rebuild_encoder(row, options):
    return new_encoder(default_engine, row, options)
