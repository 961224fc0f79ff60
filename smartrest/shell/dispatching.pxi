# Rows to handlers.

cdef int read_payload(PyObject *dispatcher, PyObject *data, void *work) except -1:
    return (<Dispatcher>dispatcher).engine.read_exact(<Work *>work, <bytes>data, (<Dispatcher>dispatcher).strict)


@cython.final
@cython.no_gc_clear   # its handlers stay until it is freed
cdef class Handlers:
    """A snapshot of the handlers of a dispatcher, by template ID."""
    cdef tuple kept            # owns those of the table
    cdef dict by_text
    cdef bint texts            # some ID is not a small number
    cdef PyObject *by_number[SR_ID_TABLE]

    def __cinit__(self, *_, **__):
        memset(self.by_number, 0, sizeof(self.by_number))
        self.by_text = {}

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.Dispatcher")

    def __reduce__(self):
        raise TypeError("handlers are not pickled")

    cdef inline PyObject *of(self, Workspace engine, const srp_payload *p, size_t r, fallback) except NULL:
        """The handler of a row, or `fallback`; borrowed from this object or from the caller."""
        cdef const sr_row *row = &p.tape.rows[r]
        cdef int number = sr_row_number(p.src, p.len, p.tape, row)
        if number >= 0:
            return self.by_number[number] if self.by_number[number] != NULL else <PyObject *>fallback
        if self.texts or not sr_has_plain_id(p.src, p.len, p.tape, row):
            found = self.by_text.get(engine.layer.field(p, row.first, row), fallback)
            return <PyObject *>found
        return <PyObject *>fallback


cdef Handlers handlers_of(dict handlers):
    cdef Handlers made = Handlers.__new__(Handlers)
    cdef bytes name
    cdef int number
    made.by_text = dict(handlers)
    made.kept = tuple(made.by_text.values())
    for id, handler in made.by_text.items():
        name = str.encode(id, "utf-8", "surrogatepass")
        number = sr_template_number(<const uint8_t *>PyBytes_AS_STRING(name), len(name))
        if number >= 0:
            made.by_number[number] = <PyObject *>handler
        else:
            made.texts = True
    return made


cdef enum:
    KNOWN      # the snapshot for the last payload
    FALLBACK   # the default handler, or None


@cython.final
@cython.no_gc_clear   # a handler may still run
cdef class Dispatcher:
    """Calls a handler for each row of a payload by its template ID.

    A handler gets the row as `decode` returns it. Rows without a handler go to the default handler; without one they
    are skipped, and counted in `skipped`. IDs are text: `"511"` and `"0511"` differ. `strict=True` refuses payloads as
    `decode(strict=True)` does, for commands that must not run on a guess. A handler registered while a payload is
    dispatched takes effect with the next one.
    """
    cdef Workspace engine
    cdef dict handlers
    cdef list now              # what registering replaces while other threads dispatch: see the enum
    cdef list coroutines       # handlers that are coroutine functions
    cdef bint falls_back, awaits   # there is a fallback; it is a coroutine function
    cdef bint strict, made
    cdef list spare            # see `list_of_none`
    cdef srp_spare_rows rows
    cdef long long n_skipped
    cdef object __weakref__

    def __cinit__(self, *_, **__):
        self.engine = default_engine
        self.handlers = {}
        self.now = [None, None]
        self.coroutines = []
        self.spare = [None]

    def __dealloc__(self):
        srp_forget_rows(&self.rows)

    def __init__(self, *, strict=False):
        if self.made:
            raise TypeError("a dispatcher cannot be initialized twice")
        self.strict = truth(strict)
        self.made = True

    def __reduce__(self):
        raise TypeError("cannot pickle a dispatcher: register its handlers again")

    def on(self, *ids):
        """A decorator that registers a handler for the rows of these template IDs and returns it unchanged.

        Raises `TypeError` for an ID that is not a `str`, `ValueError` for one that already has a handler.
        """
        return _dispatch.register(self.handlers, self.coroutines, ids)

    def default(self, handler):
        """Registers the handler for all other rows, replacing an earlier one, and returns it unchanged."""
        _dispatch.check_handler(handler)
        awaits = _dispatch.is_coroutine_handler(handler)
        self.now[FALLBACK] = handler
        self.falls_back = True
        self.awaits = awaits
        return handler

    @property
    def skipped(self):
        return self.n_skipped

    @skipped.setter
    def skipped(self, count):
        self.n_skipped = count

    cdef inline Handlers current(self):
        cdef Handlers known = <Handlers>srp_item_or(self.now, KNOWN, None)
        if known is None or PyTuple_GET_SIZE(known.kept) != PyDict_GET_SIZE(self.handlers):
            known = handlers_of(self.handlers)
            self.now[KNOWN] = known
        return known

    def dispatch(self, payload):
        """Calls the handlers and returns their results in row order.

        If a handler raises, or `decode` refuses the payload, the other rows still run before `DispatchError` is raised.
        Raises `TypeError` before anything runs if a handler is a coroutine function.
        """
        cdef bytes data = <bytes>payload if type(payload) is bytes else bytes_of(payload)
        cdef const uint8_t *src
        cdef sr_ends ends
        cdef int number
        cdef Handlers handlers = self.current()
        if self.coroutines or self.awaits:
            _dispatch.refuse_coroutines(self.coroutines, self.fallback())
        ends = self.engine.single(data)
        if ends.low | ends.high:
            src = <const uint8_t *>PyBytes_AS_STRING(data)
            number = sr_single_number(src, ends)
            if number >= 0 and handlers.by_number[number] != NULL:
                row = self.engine.layer.single_row(&self.engine.kept().strings, self.engine.k, src, ends, &self.rows)
                return self.call_one(<object>handlers.by_number[number], row)
            if number >= 0 and not self.falls_back:
                srp_count(&self.n_skipped, 1)
                return []
        return self.call_all(data, handlers)

    cdef inline fallback(self):
        return srp_item_or(self.now, FALLBACK, None) if self.falls_back else None

    cdef inline call_one(self, handler, row):
        cdef PyObject *result = srp_try1(handler, row)
        if result == NULL:
            failure = srp_caught(Exception)   # before any other code runs
            return srp_call(_dispatch.finish, [], [(0, row, failure)], <PyObject *>None)
        value = <object>result
        Py_DECREF(value)
        results = self.list_of_none() if value is None else [value]   # most handlers return None
        srp_let_go(&self.rows, row)
        return results

    cdef inline list list_of_none(self):
        """`[None]`: reuses the last one when nothing else refers to it."""
        if SRP_FREE_THREADED:
            return [None]
        if not srp_alone(<PyObject *>self.spare) or PyList_GET_SIZE(self.spare) != 1 or self.spare[0] is not None:
            self.spare = [None]
        return self.spare

    cdef call_all(self, bytes data, Handlers handlers):
        cdef Work *work
        cdef size_t r, skipped = 0
        cdef Py_ssize_t nones = 0   # results so far while all are None and there is no list yet
        cdef PyObject *handler
        cdef PyObject *result
        cdef list results = None, failures = None
        fallback = self.fallback()   # kept: a handler may replace it
        work = self.engine.begin(data)
        try:
            if not sr_read(work.p.kernel, work.p.src, work.p.len, &work.tape) or work.tape.flags & SR_BAD_UTF8:
                cut = self.refused(work, data)
                if cut is not None:
                    return srp_call(_dispatch.run, _dispatch.calls(self, cut.rows, handlers.by_text, fallback), cut, NULL)
            for r in range(work.tape.n_rows):
                handler = handlers.of(self.engine, &work.p, r, fallback)
                if handler == <PyObject *>None:
                    skipped += 1
                    continue
                if skipped:   # a handler may read it
                    srp_count(&self.n_skipped, skipped)
                    skipped = 0
                row = work.layer.row(&work.p, r, &self.rows)
                result = srp_try1(<object>handler, row)
                if result == NULL:
                    error = srp_caught(Exception)   # the other rows still run
                    failure = r, row, error
                    if failures is None:
                        failures = [failure]
                    else:
                        failures.append(failure)
                    continue
                value = <object>result
                Py_DECREF(value)
                if results is None and value is None:
                    nones += 1
                else:
                    if results is None:
                        results = [None] * nones
                    results.append(value)
                srp_let_go(&self.rows, row)
        finally:
            self.engine.end(work)
        if skipped:
            srp_count(&self.n_skipped, skipped)
        if results is None:
            results = [None] * nones
        if failures is None:
            return results
        return srp_call(_dispatch.finish, results, failures, <PyObject *>None)

    cdef refused(self, Work *work, bytes data):
        """Reads a payload that the fast scan is unsure of; returns its error, or None."""
        if srp_fails(read_payload, <PyObject *>self, <PyObject *>data, work):
            return srp_caught(DecodeError)
        return None

    @property
    def dispatch_async(self):
        """As `dispatch`, awaiting coroutine handlers one after another."""
        return _dispatch.dispatch_async.__get__(self)

    def _calls(self, payload):
        """The arguments of `dispatch.run`: the calls, made one by one, and the error that ended reading."""
        cdef Workspace engine = self.engine
        read = lambda payload, strict: decode_bytes(engine, bytes_of(payload), strict)
        rows, error = _dispatch.rows_of(read, payload, bool(self.strict))
        return _dispatch.calls(self, rows, self.current().by_text, self.fallback()), error
