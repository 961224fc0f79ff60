# Lazy rows: offsets now, text when it is asked for.

@cython.final
@cython.no_gc
@cython.freelist(16)
@cython.collection_type("sequence")
cdef class LazyRows:
    """The rows of a payload, as `scan` returns them: a sequence of `LazyRow`; a slice is a list of them."""
    cdef Workspace engine
    cdef bytes data
    cdef srp_payload p
    cdef sr_tape tape
    cdef size_t base
    cdef bytes memory          # holds the tape if it does not fit here
    cdef uint32_t ends[INLINE_ENDS]
    cdef sr_row rows[INLINE_ROWS]

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.scan")

    def __len__(self):
        return self.tape.n_rows

    def __getitem__(self, index):
        if isinstance(index, slice):
            found = []
            for j in range(*index.indices(self.tape.n_rows)):
                found.append(lazy_row(self, j))
            return found
        return lazy_row(self, index_of(index, self.tape.n_rows, "row"))

    def __iter__(self):
        cdef LazyIterator iterator = LazyIterator.__new__(LazyIterator)
        iterator.rows = self
        return iterator

    def __contains__(self, value):
        return any(row is value or row == value for row in self)

    def __reversed__(self):
        return reversed(self[:])

    def index(self, value, start=0, stop=None):
        return self[:].index(value, start, len(self) if stop is None else stop)

    def count(self, value):
        return self[:].count(value)

    def __repr__(self):
        return f"<LazyRows of {self.tape.n_rows} rows>"

    def __reduce__(self):
        raise TypeError("cannot pickle a lazy view: pickle its payload")

    cdef tuple row(self, size_t r):
        return self.with_scratch(r, 0, True)

    cdef uint8_t *scratch(self, size_t r) except? NULL:
        """Room for the longest field of a row if a field may have to be unescaped, else NULL; PyMem_Free it."""
        cdef uint8_t *room = NULL
        if self.tape.flags & SR_HAS_QUOTE:
            room = <uint8_t *>PyMem_Malloc(row_end(&self.p, r) - self.tape.rows[r].start + SR_SLACK)
            if room == NULL:
                raise MemoryError
        return room

    cdef with_scratch(self, size_t r, size_t f, bint whole):
        """A row or a field of it as str."""
        cdef srp_payload p = self.p
        cdef uint8_t *scratch = self.scratch(r)
        p.scratch = scratch
        p.tape = &self.tape
        if SRP_FREE_THREADED:   # another thread may have scanned the payload
            p.strings = &self.engine.kept().strings
        try:
            if whole:
                return self.engine.layer.row(&p, r, NULL)
            return self.engine.layer.field(&p, f, &self.tape.rows[r])
        finally:
            PyMem_Free(scratch)


@cython.final
@cython.no_gc
@cython.freelist(4)
@cython.auto_pickle(False)
cdef class LazyIterator:
    cdef LazyRows rows
    cdef size_t next

    def __init__(self, *_, **__):
        raise TypeError("iterate over what smartrest.scan returns")

    def __iter__(self):
        return self

    def __next__(self):
        cdef size_t r = self.next
        if self.rows is None or r >= self.rows.tape.n_rows:
            raise StopIteration
        self.next = r + 1
        return lazy_row(self.rows, r)


cdef inline LazyRows new_lazy_rows(Workspace engine, bytes data):
    """Unread rows, with an inline tape for a few of them."""
    cdef LazyRows rows = LazyRows.__new__(LazyRows)
    rows.engine = engine
    rows.data = data
    rows.p.strings = &engine.own.strings
    rows.p.kernel = engine.k
    rows.p.src = <const uint8_t *>PyBytes_AS_STRING(data)
    rows.p.len = PyBytes_GET_SIZE(data)
    rows.p.tape = &rows.tape
    rows.tape.ends = rows.ends
    rows.tape.rows = rows.rows
    return rows


cdef LazyRows _spare   # of the default engine, for a short payload: reused when nothing else refers to it

cdef inline LazyRows spare_rows(Workspace engine, bytes data):
    if engine is not default_engine or not srp_alone(<PyObject *>_spare):
        return new_lazy_rows(engine, data)
    _spare.data = data
    _spare.p.kernel = engine.k
    _spare.p.src = <const uint8_t *>PyBytes_AS_STRING(data)
    _spare.p.len = PyBytes_GET_SIZE(data)
    return _spare


cdef LazyRows lazy_rows(LazyRows rows, Work *work):
    """Copies the rows that `work` has read."""
    cdef size_t n_ends = work.tape.n_ends, n_rows = work.tape.n_rows + 1
    cdef sr_tape here = rows.tape
    rows.p.src = work.p.src
    rows.p.len = work.p.len
    rows.base = work.base
    rows.tape = work.tape
    rows.tape.ends = here.ends
    rows.tape.rows = here.rows
    if n_ends > INLINE_ENDS or n_rows > INLINE_ROWS:
        rows.memory = PyBytes_FromStringAndSize(NULL, n_ends * sizeof(uint32_t) + n_rows * sizeof(sr_row))
        rows.tape.rows = <sr_row *>PyBytes_AS_STRING(rows.memory)
        rows.tape.ends = <uint32_t *>(rows.tape.rows + n_rows)
    memcpy(rows.tape.rows, work.tape.rows, n_rows * sizeof(sr_row))
    memcpy(rows.tape.ends, work.tape.ends, n_ends * sizeof(uint32_t))
    return rows


cdef scan_bytes(Workspace engine, bytes data, bint strict):
    cdef sr_ends ends = engine.single(data)
    cdef LazyRows rows
    cdef Work *work
    if ends.low | ends.high:
        rows = spare_rows(engine, data)
        if sr_single_tape(ends, INLINE_ENDS, &rows.tape):
            return rows
    work = engine.begin(data)
    try:
        engine.read(work, data, strict)
        return lazy_rows(new_lazy_rows(engine, data), work)
    finally:
        engine.end(work)


cdef inline LazyRow lazy_row(LazyRows rows, size_t r):
    cdef LazyRow row = LazyRow.__new__(LazyRow)
    row.rows = rows
    row.r = r
    return row


@cython.final
@cython.no_gc
@cython.freelist(64)
@cython.collection_type("sequence")
cdef class LazyRow:
    """A row of a scanned payload: a sequence of `str`; a slice is a tuple of them. Compares and hashes as its tuple.

    Access raises only `IndexError`, and `DecodeError` with reason `bad_value` from `float` and `int`.
    """
    cdef LazyRows rows
    cdef size_t r

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.scan")

    def __len__(self):
        cdef const sr_row *row = &self.rows.tape.rows[self.r]
        return row[1].first - row.first

    cdef inline size_t at(self, k) except? 0:
        """The index in the tape of field k."""
        cdef const sr_row *row = &self.rows.tape.rows[self.r]
        return row.first + <size_t>index_of(k, row[1].first - row.first, "field")

    def __getitem__(self, k):
        if isinstance(k, slice):
            return self.rows.row(self.r)[k]
        return self.text(self.at(k))

    cdef inline text(self, size_t f):
        if SRP_FREE_THREADED or self.rows.tape.flags & SR_HAS_QUOTE:
            return self.rows.with_scratch(self.r, f, False)
        return self.rows.engine.layer.field(&self.rows.p, f, &self.rows.tape.rows[self.r])

    def __iter__(self):
        return iter(self.rows.row(self.r))

    def __contains__(self, value):
        return value in self.rows.row(self.r)

    def __reversed__(self):
        return reversed(self.rows.row(self.r))

    def index(self, value, start=0, stop=None):
        return self.rows.row(self.r).index(value, start, len(self) if stop is None else stop)

    def count(self, value):
        return self.rows.row(self.r).count(value)

    def __eq__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) == fields

    def __lt__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) < fields

    def __le__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) <= fields

    def __gt__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) > fields

    def __ge__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) >= fields

    def __hash__(self):
        return hash(self.rows.row(self.r))

    def __repr__(self):
        return f"LazyRow({self.rows.row(self.r)!r})"

    def __reduce__(self):
        raise TypeError("cannot pickle a lazy view: pickle its fields")

    @property
    def id(self):
        """The template ID: the first field."""
        return self.text(self.rows.tape.rows[self.r].first)

    @property
    def fields(self):
        """All fields, as `decode` returns them."""
        return self.rows.row(self.r)

    @property
    def raw(self):
        """The row in wire form, without its row end."""
        return raw_row(&self.rows.p, self.r)

    @property
    def start(self):
        """Offset of the row's first byte in the payload."""
        return self.rows.base + self.rows.tape.rows[self.r].start

    @property
    def end(self):
        """Offset just past the row's last byte in the payload, before the row end."""
        return self.rows.base + row_end(&self.rows.p, self.r)

    def float(self, k):
        """Field `k` as a `float`, decimal or exponent form; `None` if it is empty.

        Raises `DecodeError` with reason `bad_value` for any other text, `IndexError` for a field that does not exist.
        """
        return self.typed(self.at(k), SRP_FLOAT)

    def int(self, k):
        """Field `k` as an `int` of at most 4,300 digits; `None` if it is empty.

        Raises `DecodeError` with reason `bad_value` for any other text, `IndexError` for a field that does not exist.
        """
        return self.typed(self.at(k), SRP_INT)

    cdef typed(self, size_t f, uint8_t kind):
        cdef bint fits
        cdef const uint8_t *src
        cdef size_t length
        cdef LazyRows rows = self.rows
        cdef uint8_t *scratch
        cdef srp_payload p
        if rows.tape.flags & SR_HAS_QUOTE:
            p = rows.p
            p.scratch = scratch = rows.scratch(self.r)
            try:
                src = srp_field_bytes(&p, f, &rows.tape.rows[self.r], &length)
                value = srp_typed(src, length, kind, &fits)
            finally:
                PyMem_Free(scratch)
        else:
            src = srp_field_bytes(&rows.p, f, &rows.tape.rows[self.r], &length)
            value = srp_typed(src, length, kind, &fits)
        if fits:
            return value
        raise bad_value(&rows.p, rows.base, self.r, f, rows_before(rows, self.r), rows.data)


cdef rows_before(LazyRows rows, size_t r):
    """A function that makes the rows before row r."""
    def make():
        cdef size_t i
        found = []
        for i in range(r):
            found.append(rows.row(i))
        return found

    return make


cdef inline fields_to_compare(other):
    """The other side of a comparison, or None if it cannot be compared; a subclass of tuple decides, as with any tuple."""
    if type(other) is LazyRow:
        return (<LazyRow>other).rows.row((<LazyRow>other).r)
    return other if PyTuple_Check(other) else None


cdef span_of(Work *work, sr_fault fault):
    return REASONS[fault.status], fault.pos + work.base, fault.end + work.base, fault.row, fault.field


cdef field_span(LazyRows rows, size_t r, field):
    """The byte span of a field, or of the row where `field` is None."""
    cdef LazyRow row = lazy_row(rows, r)
    cdef size_t f, start
    if field is None:
        return row.start, row.end
    f = row.at(field)
    start = sr_field_start(&rows.tape, f, &rows.tape.rows[r])
    return rows.base + start, rows.base + sr_field_end(rows.p.src, rows.p.len, &rows.tape, f, start)
