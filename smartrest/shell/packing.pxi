# Rows into the fewest payloads.

@cython.final
cdef class Packer:
    """Packs rows that come one by one, as from a queue, into the payloads that `pack` of the same rows gives.

    `limit`: bytes of one payload, `final_newline` included. Options as of `encode`. Threads that share a packer must
    take turns.
    """
    cdef Workspace engine
    cdef sr_style style
    cdef srp_buffer out        # the payload that is being filled
    cdef Py_ssize_t limit, n_rows
    cdef bint newline, running

    @cython.critical_section
    def __init__(self, *, limit=16_000, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow"):
        cdef sr_style style
        if self.running:
            raise ValueError("this packer is already taking a row")
        style_of(&style, dialect, quote, on_trailing_backslash)
        self.limit = limit_of(limit)
        self.newline = truth(final_newline)
        self.style = style
        self.reset(default_engine)

    cdef int reset(self, Workspace engine) except -1:
        self.engine = engine
        self.n_rows = 0
        self.out.len = 0
        if self.out.data == NULL and srp_reserve(&self.out, SMALL):
            raise MemoryError
        return 0

    def __dealloc__(self):
        PyMem_Free(self.out.data)

    def __repr__(self):
        return f"<Packer of {self.rows} rows, {self.size} bytes>"

    def __reduce__(self):
        raise TypeError("cannot pickle a packer: flush it first")

    @property
    def rows(self):
        """The number of rows that wait."""
        return self.n_rows

    @property
    def size(self):
        """The bytes of the payload that `flush` would give; 0 where no row waits."""
        return <Py_ssize_t>self.out.len + self.newline if self.n_rows else 0

    cdef int enter(self) except -1:
        if self.engine is None:
            raise TypeError("a packer is made by smartrest.Packer()")
        if self.running:
            raise ValueError("this packer is already taking a row")
        return 0

    @cython.critical_section
    def add(self, row):
        """Takes a row. Returns the payload of the rows before it where it does not fit into that any more.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` for a row that is over the
        limit by itself; `row` is 0. What waits then stays as it was. `ValueError` where a field value calls back into
        this packer. Rules E1 to E7 and L2 of docs/format.md.
        """
        cdef size_t before, start
        cdef bint done = False
        self.enter()
        before = self.out.len
        payload = None
        self.running = True
        try:
            if self.n_rows:
                put_byte(&self.out, SR_ROW_END)
            start = self.out.len
            put_row(self.engine, &self.out, self.style, row, 0)
            if <Py_ssize_t>(self.out.len - start) + self.newline > self.limit:
                raise too_large_error(self.limit, 0, <Py_ssize_t>(self.out.len - start) + self.newline)
            if <Py_ssize_t>self.out.len + self.newline > self.limit:
                payload = self.cut(before)
            self.n_rows += 1
            done = True
        finally:
            self.running = False
            if not done:
                self.out.len = before
        return payload

    @cython.critical_section
    def flush(self):
        """The payload of the rows that wait, which then wait no more; `None` where there are none."""
        self.enter()
        return self.rest()

    cdef rest(self):
        """The waiting rows as a payload, or None."""
        if not self.n_rows:
            return None
        payload = self.payload(self.out.len)
        self.n_rows = 0
        self.out.len = 0
        return payload

    cdef cut(self, size_t before):
        """The payload without its last row, which begins the next one."""
        payload = self.payload(before)
        self.n_rows = 0
        self.out.len -= before + 1
        memmove(self.out.data, self.out.data + before + 1, self.out.len)
        return payload

    cdef payload(self, size_t size):
        cdef bytes payload = PyBytes_FromStringAndSize(NULL, size + self.newline)
        memcpy(PyBytes_AS_STRING(payload), self.out.data, size)
        if self.newline:
            PyBytes_AS_STRING(payload)[size] = SR_ROW_END
        return payload


ctypedef int (*PutItem)(object writer, srp_buffer *out, tuple item, Py_ssize_t row) except -1


cdef int fill_packing(PyObject *packing, PyObject *_, void *__) except -1:
    (<Packing>packing).given = (<Packing>packing).fill((<Packing>packing).packer)
    return 0


cdef int put_packing(PyObject *packing, PyObject *item, void *_) except -1:
    return (<Packing>packing).put(<object>item)


cdef stopped(cause):
    """The error that a generator raises for a StopIteration."""
    error = RuntimeError("generator raised StopIteration")
    error.__cause__ = error.__context__ = cause
    return error


cdef Packing new_packing(Workspace engine, final_newline, limit):
    cdef Packer packer = Packer.__new__(Packer)
    cdef Packing packing = Packing.__new__(Packing)
    packer.limit = limit_of(limit)
    packer.newline = truth(final_newline)
    packer.reset(engine)
    packing.packer = packer
    return packing


@cython.final
@cython.trashcan(True)   # packings may nest to any depth
cdef class Packing:
    """The iterator of `pack` and `Encoder.pack`."""
    cdef Packer packer
    cdef object writer         # of items, by `put_item`; None: they are rows
    cdef PutItem put_item
    cdef object items          # None: exhausted
    cdef object rows           # the same as a list or tuple of rows, read in place from `index` on; or None
    cdef object on_error
    cdef object given          # the result of `fill`
    cdef object error          # raised by the next call
    cdef list parts            # of a row that was split, still to be packed, last first
    cdef dict options          # of encoding, for a row that is split
    cdef Py_ssize_t index
    cdef bint split_groups, running

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.pack")

    cdef open(self, object writer, PutItem put_item, items, on_error):
        _limits.check_on_error(on_error)
        self.writer = writer
        self.put_item = put_item
        self.on_error = on_error
        self.items = iter(items)
        if writer is None and (type(items) is list or type(items) is tuple):
            self.rows = items
        self.parts = []

    def __iter__(self):
        return self

    def __reduce__(self):
        raise TypeError("cannot pickle an iterator of payloads")

    def __next__(self):
        if self.packer is None:
            raise StopIteration
        payload = self.take_turn()
        if payload is None:
            raise StopIteration
        return payload

    cdef take_turn(self):
        with cython.critical_section(self):
            if self.running:
                raise ValueError("pack is already running")
            Py_EnterRecursiveCall(b" in pack")   # the rows may come from another pack
            self.running = True
            try:
                return self.next_payload()
            finally:
                Py_LeaveRecursiveCall()
                self.running = False

    cdef next_payload(self):
        """The next payload, or None. An error that ends packing waits until the rows before it have been yielded."""
        cdef Packer packer = self.packer
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if srp_fails(fill_packing, <PyObject *>self, NULL, NULL):
            error = srp_caught(BaseException)
            if isinstance(error, StopIteration):   # would look like the end of the payloads
                error = stopped(error)
            self.items = None
            self.parts = []
            payload = packer.rest()
            if payload is None:
                raise error
            self.error = error
            return payload
        payload, self.given = self.given, None
        return packer.rest() if payload is None else payload

    cdef fill(self, Packer packer):
        """The next full payload, or None at the end of the items."""
        cdef size_t before
        cdef PyObject *found
        while self.items is not None:
            before = packer.out.len
            item = None
            if self.rows is not None and not self.parts:
                self.index = packer.engine.layer.put_rows(&packer.out, packer.engine.k, packer.style, self.rows, self.index,
                                                          packer.limit - packer.newline)
                packer.n_rows += packer.out.len > before   # any count but 0 will do
                if self.index >= len(self.rows):
                    self.items = None
                    break
                before = packer.out.len
                item = row_at(self.rows, self.index)
                if item is END:
                    self.items = None
                    break
                self.index += 1
                if self.put_plain(item, before):
                    if <Py_ssize_t>packer.out.len + packer.newline > packer.limit:
                        return self.cut(before)
                    continue   # memory was short for a moment
            elif not self.parts:
                found = PyIter_Next(self.items)
                if found == NULL:
                    self.items = None
                    break
                item = <object>found
                Py_DECREF(item)   # PyIter_Next returned a new reference, and the assignment took another
                self.index += 1
                if self.put_plain(item, before):
                    if <Py_ssize_t>packer.out.len + packer.newline > packer.limit:
                        return self.cut(before)
                    continue
            if srp_fails(put_packing, <PyObject *>self, <PyObject *>item, NULL):
                packer.out.len = before
                error = srp_caught(EncodeError)
                if self.on_error is None:
                    raise error
                self.on_error(error)
                continue
            packer.n_rows += 1
            if <Py_ssize_t>packer.out.len + packer.newline > packer.limit:   # the row alone fits: put checks that
                return self.cut(before)
        return None

    cdef cut(self, size_t before):
        payload = self.packer.cut(before)
        self.packer.n_rows = 1
        return payload

    cdef inline bint put_plain(self, item, size_t before) except -1:
        """`put` for a row without errors; False leaves everything unchanged."""
        cdef Packer packer = self.packer
        cdef Py_ssize_t field
        if self.writer is not None:
            return False
        if before:
            put_byte(&packer.out, SR_ROW_END)
        cdef size_t start = packer.out.len
        if packer.engine.layer.put_row(&packer.out, packer.engine.k, packer.style, item, &field) == SR_OK:
            if <Py_ssize_t>(packer.out.len - start) + packer.newline <= packer.limit:
                packer.n_rows += 1
                return True
        packer.out.len = before
        return False

    cdef int put(self, item) except -1:
        """Appends an item, or the next part of a split row, after a row end unless it is the first."""
        cdef Packer packer = self.packer
        cdef size_t start
        cdef Py_ssize_t row = self.index - 1
        if packer.out.len:
            put_byte(&packer.out, SR_ROW_END)
        start = packer.out.len
        if self.parts:
            put_bytes(&packer.out, self.parts.pop())
            return 0
        if self.writer is not None:
            self.put_item(self.writer, &packer.out, tuple(item), row)
        else:
            if self.split_groups:
                fields = fields_of(item, row)
                settled = []
                for i, value in enumerate(fields):
                    settled.append(_values.settled(value, row, i))
                item = tuple(settled)
            put_row(packer.engine, &packer.out, packer.style, item, row)
        if <Py_ssize_t>(packer.out.len - start) + packer.newline > packer.limit:
            if not self.split_groups:
                raise too_large_error(packer.limit, row, <Py_ssize_t>(packer.out.len - start) + packer.newline)
            packer.out.len = start
            self.split(item, packer.limit - <Py_ssize_t>start)
            put_bytes(&packer.out, self.parts.pop())
        return 0

    cdef split(self, tuple row, Py_ssize_t room):
        """Splits a row over the limit into several; the first fits into the rest of the current payload."""
        cdef Workspace engine = self.packer.engine
        cdef srp_buffer out
        cdef Py_ssize_t number = self.index - 1
        pieces = _door.divided(row, number, self.packer.limit, room, final_newline=bool(self.packer.newline), **self.options)
        parts = []
        engine.take(&out)
        try:
            for piece in pieces:
                out.len = 0
                put_row(engine, &out, self.packer.style, piece, number)
                parts.append(PyBytes_FromStringAndSize(<const char *>out.data, out.len))
        finally:
            engine.give(&out)
        parts.reverse()
        self.parts = parts
