# Typed rows.

@cython.final
cdef class Schema:
    """The types of fields by template ID: `Schema({"211": [float], "201": [str, datetime, (str, str, float, str)]})`.

    The list names the types of the fields after the ID: `int`, `float`, `bool`, `datetime`, `str`. A tuple of types at
    the end repeats to the end of the row. Fields beyond the list and rows of other IDs stay `str`. An empty field is
    `None`, or `""` if its type is `str`.

    Texts: `int` `[+-]?[0-9]+`, at most 4,300 digits; `float` decimal or exponent form, finite; `bool` `true` or
    `false`; `datetime` ISO 8601 (`T` and `Z` in either case, seconds optional) with `Z`, `+hh:mm`, `+hhmm` or `+hh`,
    digits past microseconds are dropped.

    Raises `TypeError` for an ID that is not a `str` and for any other type, `ValueError` for an ID given twice and
    for a tuple that is empty or not at the end.
    """
    cdef Workspace engine
    cdef dict types
    cdef dict plan_of          # template ID -> index of its plan
    cdef bint texts            # some ID is not a small number
    cdef list memory           # owns the bytes that the plans point into
    cdef srp_plan *plans
    cdef srp_plans table

    def __cinit__(self):
        self.engine = default_engine
        self.types = {}
        self.plan_of = {}
        self.memory = []
        memset(&self.table, 0, sizeof(self.table))

    def __init__(self, types):
        with cython.critical_section(self):
            self.open(types)

    cdef open(self, types):
        cdef Py_ssize_t index = 0
        if self.plans != NULL:
            raise TypeError("a schema cannot be initialized twice")
        self.types = dict(types)
        plans = _values.kinds_of(self.types)
        self.plans = <srp_plan *>PyMem_Malloc(sizeof(srp_plan) * (len(plans) + 1))
        if self.plans == NULL:
            raise MemoryError
        for id, (fixed, cycle) in plans.items():
            if _values.DATETIME in fixed or _values.DATETIME in cycle:
                srp_times_init()
            self.add(index, id, fixed, cycle)
            index += 1

    cdef add(self, Py_ssize_t index, str id, bytes fixed, bytes cycle):
        cdef bytes name = str.encode(id, "utf-8", "surrogatepass")
        cdef int number = sr_template_number(<const uint8_t *>PyBytes_AS_STRING(name), len(name))
        self.memory += (fixed, cycle)
        self.plans[index].fixed = <const uint8_t *>PyBytes_AS_STRING(fixed)
        self.plans[index].n_fixed = len(fixed)
        self.plans[index].cycle = <const uint8_t *>PyBytes_AS_STRING(cycle)
        self.plans[index].n_cycle = len(cycle)
        self.plan_of[id] = index
        if number >= 0:
            self.table.of[number] = &self.plans[index]
        else:
            self.texts = True

    def __dealloc__(self):
        PyMem_Free(self.plans)

    def __repr__(self):
        return f"Schema({self.types!r})"

    def __reduce__(self):
        return Schema, (self.types,)

    cdef inline const srp_plan *plan(self, const srp_payload *p, size_t r) except? NULL:
        cdef const sr_row *row = &p.tape.rows[r]
        cdef int number = sr_row_number(p.src, p.len, p.tape, row)
        if number >= 0:
            return self.table.of[number]
        if not self.texts and sr_has_plain_id(p.src, p.len, p.tape, row):
            return NULL
        found = self.plan_of.get(self.engine.layer.field(p, row.first, row))
        return NULL if found is None else &self.plans[<Py_ssize_t>found]

    cdef inline only_row(self, Work *work, bytes data):
        cdef const srp_plan *plan = self.plan(&work.p, 0)
        cdef size_t bad = 0
        if plan == NULL:
            return work.layer.row(&work.p, 0, NULL)
        values = work.layer.typed_row(&work.p, 0, plan, &bad)
        if values is None:
            raise bad_value(&work.p, work.base, 0, bad, [], data)
        return values

    cdef inline single_row(self, bytes data, sr_ends ends):
        """A single row; None if its ID is not a small number of this schema, or a field does not fit."""
        cdef const uint8_t *src = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef int number = sr_single_number(src, ends)
        if number < 0 or self.table.of[number] == NULL:
            return None
        return self.engine.layer.single_typed_row(&self.engine.kept().strings, self.engine.k, src, ends, self.table.of[number])

    def decode(self, payload, *, strict=False, limit=None):
        """As `smartrest.decode`, with typed fields.

        Raises `DecodeError` as `decode` does; else with reason `bad_value` for the first field whose text does not fit
        its type, with the typed rows before it in `rows`.
        """
        cdef bytes data = <bytes>payload if type(payload) is bytes else bytes_of(payload)
        cdef Work *work
        if limit is not None:
            check_size(data, limit)
        work = self.engine.begin(data)
        try:
            self.engine.read(work, data, truth(strict))
            return self.typed_rows(work, data)
        finally:
            self.engine.end(work)

    cdef typed_rows(self, Work *work, bytes data):
        """All rows. Until the list is complete the collector does not track it, and no Python code runs."""
        cdef size_t r, bad = 0, n = work.tape.n_rows
        cdef list rows = PyList_New(n)
        cdef bint paused = n >= PAUSE and srp_pause_gc()
        PyObject_GC_UnTrack(rows)
        try:
            r = self.fill(work, rows, &bad)
        finally:
            srp_resume_gc(paused)
        PyObject_GC_Track(rows)
        if r < n:
            raise bad_value(&work.p, work.base, r, bad, rows[:r], data)
        return rows

    cdef size_t fill(self, Work *work, list rows, size_t *bad) except? <size_t>-1:
        """Fills in the rows before the first that does not fit, the others with None; *bad is its bad field."""
        cdef const srp_plan *plan
        cdef size_t r = work.layer.typed_rows(&work.p, 0, &self.table, rows), i
        while r < work.tape.n_rows:
            plan = self.plan(&work.p, r)
            row = work.layer.row(&work.p, r, NULL) if plan == NULL else work.layer.typed_row(&work.p, r, plan, bad)
            if row is None:
                for i in range(r, work.tape.n_rows):
                    Py_INCREF(None)
                    PyList_SET_ITEM(rows, i, None)
                return r
            PyObject_GC_UnTrack(row)
            Py_INCREF(row)
            PyList_SET_ITEM(rows, r, row)
            r = work.layer.typed_rows(&work.p, r + 1, &self.table, rows)
        return r

    def decode_row(self, payload, *, strict=False):
        """As `smartrest.decode_row`, with typed fields. Raises `DecodeError` as `decode` of this schema does."""
        cdef bytes data = <bytes>payload if type(payload) is bytes else bytes_of(payload)
        cdef bint exact = truth(strict)
        cdef sr_ends ends = self.engine.single(data)
        cdef Work *work
        if ends.low | ends.high:
            row = self.single_row(data, ends)
            if row is not None:
                return row
        work = self.engine.begin(data)
        try:
            self.engine.read(work, data, exact)
            if work.tape.n_rows != 1:
                raise not_one_row(work, data, rows_of(work))
            return self.only_row(work, data)
        finally:
            self.engine.end(work)
