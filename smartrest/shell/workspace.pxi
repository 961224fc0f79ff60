# A kernel and the memory that its calls share: the tape of a payload, the output buffer, and the errors of reading.

cdef tuple REASONS = _constants.REASONS
cdef object LIMIT = 16_000   # the default of every `limit`, recognized by identity
cdef Py_ssize_t PAYLOAD_LIMIT = _constants.PAYLOAD_LIMIT
cdef str BACKSLASH = "backslash"
cdef str MINIMAL = "minimal"
cdef str ALLOW = "allow"

cdef enum:
    SMALL = 16384      # bytes of a payload whose tape fits the memory that an engine keeps
    PAUSE = 64         # a payload of this many rows or more pauses the garbage collector
    OUT = 65536        # bytes of the output buffer that an engine keeps
    INLINE_ENDS = 14   # fields and rows of a scan that fit the view itself
    INLINE_ROWS = 3


cdef inline int style_of(sr_style *style, dialect, quote, on_trailing_backslash) except -1:
    style.escape = SR_ESCAPE
    style.all = style.refuse_backslash = False
    if dialect is not BACKSLASH or quote is not MINIMAL or on_trailing_backslash is not ALLOW:
        other_style(style, dialect, quote, on_trailing_backslash)
    return 0


cdef int other_style(sr_style *style, dialect, quote, on_trailing_backslash) except -1:
    _limits.refuse_style(dialect, quote, on_trailing_backslash)
    if dialect == "double":
        style.escape = SR_QUOTE
    style.all = quote == "all"
    style.refuse_backslash = on_trailing_backslash == "error"
    return 0


cdef inline bint truth(value) except -1:
    return value is not False and PyObject_IsTrue(value)


cdef inline Py_ssize_t index_of(index, size_t count, str what) except -1:
    """`index`, counted from the end where it is negative, as an offset in a sequence of `count`."""
    cdef Py_ssize_t i
    if PyLong_CheckExact(index):
        i = PyLong_AsSsize_t(index)
        if i == -1:
            PyErr_Clear()   # -1 itself, or an overflow
            i = PyNumber_AsSsize_t(index, NULL)
    else:
        i = PyNumber_AsSsize_t(index, NULL)   # the nearest if it is out of range
    if i < 0:
        i += <Py_ssize_t>count
    if i < 0 or i >= <Py_ssize_t>count:
        raise IndexError(f"{what} index out of range")
    return i


cdef inline Py_ssize_t limit_of(limit) except? -2:
    """The limit as a number; without one, the largest size."""
    if limit is LIMIT:
        return PAYLOAD_LIMIT
    if limit is None:
        return PY_SSIZE_T_MAX
    number = _limits.limit_of(limit)
    return PY_SSIZE_T_MAX if number > PY_SSIZE_T_MAX else number


cdef struct Work:            # one block of memory: the tape of a payload of up to `room` bytes, and scratch for a field
    srp_payload p
    const srp_layer *layer
    sr_tape tape
    size_t base              # bytes of the BOM
    size_t room
    sr_fault opened          # a quote that is never closed; its row follows the whole rows


cdef struct Kept:            # what one call leaves for the next
    srp_strings strings
    Work *work               # NULL while a call uses it
    srp_buffer out           # likewise

cdef extern from *:
    """
    static SRP_THREAD_LOCAL void *kept_by_thread; /* a Kept; NULL before the first call */
    """
    void *kept_by_thread


cdef void free_kept(Kept *kept) noexcept:
    srp_strings_free(&kept.strings)
    PyMem_Free(kept.work)
    PyMem_Free(kept.out.data)


@cython.final
@cython.no_gc
cdef class ThreadMemory:
    """Where threads run at the same time, each has its own memory, whatever engines it uses: its dictionary owns it."""
    cdef Kept kept

    def __cinit__(self, *_, **__):
        if srp_strings_init(&self.kept.strings):
            raise MemoryError

    def __init__(self, *_, **__):
        raise TypeError("made by the engine")

    def __reduce__(self):
        raise TypeError("the memory of a thread is not pickled")

    def __dealloc__(self):
        global kept_by_thread
        if kept_by_thread == <void *>&self.kept:
            kept_by_thread = NULL
        free_kept(&self.kept)


cdef Kept *new_thread_memory() except NULL:
    global kept_by_thread
    cdef PyObject *found = PyThreadState_GetDict()
    if found == NULL:
        raise MemoryError
    cdef ThreadMemory made = ThreadMemory.__new__(ThreadMemory)
    (<dict><object>found)[ThreadMemory] = made
    kept_by_thread = &made.kept
    return &made.kept


cdef bytes bytes_of(payload):
    """The bytes of a payload: itself, its UTF-8, or a copy of its buffer."""
    if PyBytes_CheckExact(payload):
        return payload
    if PyBytes_Check(payload):
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
    if PyUnicode_Check(payload):
        return PyUnicode_AsEncodedString(payload, "utf-8", "surrogatepass")   # a lone surrogate is then bad UTF-8
    if not PyObject_CheckBuffer(payload):
        raise TypeError(f"expected bytes, str or a buffer, not {_values.type_name(payload)}")
    view = memoryview(payload)
    if not view.c_contiguous:
        view.release()
        raise BufferError("the buffer is not contiguous")
    data = view.tobytes()
    view.release()
    return data


@cython.no_gc
cdef class Workspace:
    """A kernel and the memory that its calls share. `Engine` adds the public functions; nothing else makes one."""
    cdef const sr_kernel *k
    cdef const srp_layer *layer   # of k
    cdef Kept own            # unused where threads run at the same time

    def __cinit__(self, str kernel="auto"):
        if not SRP_FREE_THREADED and srp_strings_init(&self.own.strings):
            raise MemoryError
        self.use(kernel)

    def __dealloc__(self):
        free_kept(&self.own)

    cdef inline Kept *kept(self) except NULL:
        if not SRP_FREE_THREADED:
            return &self.own
        if kept_by_thread == NULL:
            return new_thread_memory()
        return <Kept *>kept_by_thread

    cdef inline Kept *kept_now(self) noexcept:
        """At the end of a call: NULL if the thread is being taken down."""
        return <Kept *>kept_by_thread if SRP_FREE_THREADED else &self.own

    @cython.final
    cdef use(self, str kernel):
        cdef uint32_t cpu = sr_cpu()
        cdef const sr_kernel *k
        cdef size_t i = 0
        k = sr_kernel_best(cpu) if kernel == "auto" else sr_kernel_at(0)
        while kernel != "auto" and k != NULL and k.name.decode() != kernel:
            i += 1
            k = sr_kernel_at(i)
        if k == NULL:
            raise ValueError(f"unknown kernel {kernel!r}")
        if k.needs & cpu != k.needs:
            raise ValueError(f"this CPU does not support the kernel {kernel!r}")
        self.k = k
        self.layer = srp_layer_of(k)
        PyMem_Free(self.own.work)   # it holds the kernel it was made for
        self.own.work = NULL

    # -- reading: begin, read, end

    cdef inline Work *begin(self, bytes data) except NULL:
        cdef Kept *kept = self.kept()
        cdef Work *work = kept.work
        cdef size_t length = PyBytes_GET_SIZE(data)
        if length <= SMALL and work != NULL:
            kept.work = NULL
            if SRP_FREE_THREADED:   # another engine may have left it
                work.p.kernel = self.k
                work.layer = self.layer
        else:
            work = self.make_work(kept, data)
        work.base = sr_bom(<const uint8_t *>PyBytes_AS_STRING(data), length)
        work.opened.status = SR_OK
        work.p.src = <const uint8_t *>PyBytes_AS_STRING(data) + work.base
        work.p.len = length - work.base
        return work

    @cython.final
    cdef Work *make_work(self, Kept *kept, bytes data) except NULL:
        """Memory for the tape of a large payload, or of one that is read while another is."""
        cdef size_t length = PyBytes_GET_SIZE(data), ends = SMALL, rows = SMALL
        if length > SR_READ_LIMIT:
            raise decode_error(REASONS[SR_TOO_LARGE], SR_READ_LIMIT, None, None, [], data)
        if length > SMALL:
            ends = self.k.count(<const uint8_t *>PyBytes_AS_STRING(data), length, &rows)
        cdef size_t room = max(length, <size_t>SMALL)
        cdef size_t size = (sizeof(Work) + (rows + SR_ROW_SLACK) * sizeof(sr_row) + (ends + SR_SLACK + 1) * sizeof(uint32_t)
                            + room + SR_SLACK)
        cdef Work *work = <Work *>PyMem_Malloc(size)
        if work == NULL:
            raise MemoryError
        work.tape.rows = <sr_row *>(work + 1)
        work.tape.ends = <uint32_t *>(work.tape.rows + rows + SR_ROW_SLACK)
        work.p.scratch = <uint8_t *>(work.tape.ends + ends + SR_SLACK + 1)
        work.p.tape = &work.tape
        work.p.strings = &kept.strings
        work.p.kernel = self.k
        work.layer = self.layer
        work.room = room
        return work

    cdef inline void end(self, Work *work) noexcept:
        cdef Kept *kept = self.kept_now()
        if work.room == SMALL and kept != NULL and kept.work == NULL:
            kept.work = work
        else:
            PyMem_Free(work)

    cdef inline int read(self, Work *work, bytes data, bint strict) except -1:
        """Fills the tape; raises DecodeError for a bad payload."""
        cdef bint sure = sr_read(work.p.kernel, work.p.src, work.p.len, &work.tape)
        if not sure or work.tape.flags & SR_BAD_UTF8:
            self.read_exact(work, data, strict)
        return 0

    @cython.final
    cdef sr_fault exact(self, Work *work) noexcept:
        work.opened = sr_read_exact(work.p.kernel, work.p.src, work.p.len, &work.tape, work.p.scratch)
        return work.opened

    @cython.final
    cdef int read_exact(self, Work *work, bytes data, bint strict) except -1:
        """Reads a payload in which the fast scan found doubts or faults."""
        cdef sr_fault fault
        cdef sr_walk walk
        if work.tape.flags & SR_BAD_UTF8:
            self.fail(work, data, self.invalid_utf8(work, sr_utf8_valid(work.p.src, work.p.len)))
        fault = self.exact(work)
        if not fault.status and strict:
            memset(&walk, 0, sizeof(walk))
            fault = sr_next_fault(work.p.src, work.p.len, &work.tape, &walk)
        if fault.status:
            self.fail(work, data, fault)
        return 0

    @cython.final
    cdef sr_fault invalid_utf8(self, Work *work, size_t valid) except *:
        """The valid text before the bad bytes, read alone, says where the error is; the tape holds that text."""
        cdef sr_fault fault
        cdef const sr_row *row
        memset(&fault, 0, sizeof(fault))
        work.p.len = valid
        if not sr_read(self.k, work.p.src, valid, &work.tape):
            fault = self.exact(work)
        if not fault.status:
            fault.row = work.tape.n_rows
            if work.tape.rows[fault.row].start > valid:   # the last row has no row end
                fault.row -= 1
                row = &work.tape.rows[fault.row]
                fault.field = row[1].first - row.first - 1
        fault.status = SR_INVALID_UTF8
        fault.pos = valid
        return fault

    @cython.final
    cdef int fail(self, Work *work, bytes data, sr_fault fault) except -1:
        rows = work.layer.rows(&work.p, fault.row)
        raise decode_error(REASONS[fault.status], fault.pos + work.base, fault.row, fault.field, rows, data)

    cdef inline sr_ends single(self, bytes data) noexcept:   # C alone, cannot raise
        return self.k.single(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef inline single_row(self, bytes data, sr_ends ends):
        return self.layer.single_row(&self.kept().strings, self.k, <const uint8_t *>PyBytes_AS_STRING(data), ends, NULL)

    # -- writing: take, give

    cdef inline int take(self, srp_buffer *out) except -1:
        cdef Kept *kept = self.kept()
        out[0] = kept.out
        out.len = 0
        if out.data == NULL:
            out.size = OUT
            out.data = <uint8_t *>PyMem_Malloc(OUT)
            if out.data == NULL:
                raise MemoryError
        kept.out.data = NULL
        return 0

    cdef inline void give(self, srp_buffer *out) noexcept:
        cdef Kept *kept = self.kept_now()
        if kept != NULL and kept.out.data == NULL:
            kept.out = out[0]
            shrink(&kept.out)
        else:
            PyMem_Free(out.data)


cdef inline void shrink(srp_buffer *out) noexcept:
    """Frees a buffer that has grown for one long payload."""
    if out.size > 4 * OUT:
        PyMem_Free(out.data)
        out.data = NULL


cdef Workspace default_engine   # for objects made without one; set at the end of core.pyx
