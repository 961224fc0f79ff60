# Payloads to tables: memory for src_c/columns/decode.h, and batches of what it has filled.

cdef dict KINDS = {"float": SRD_FLOAT, "int": SRD_INT, "time": SRD_TIME, "bool": SRD_BOOL, "text": SRD_UTF8,
                   "dictionary": SRD_DICTIONARY, "utf8": SRD_UTF8, "view": SRD_VIEW}
cdef dict FORMATS = {"float": "g", "int": "l", "time": "tsm:UTC", "bool": "b", "text": "u", "utf8": "u", "view": "vu"}
cdef tuple REASONS = _constants.REASONS

cdef enum:
    ROWS = 65536   # of an output batch, where the payloads do not hold more at once


cdef int long_float(const uint8_t *src, size_t length, double *value) noexcept with gil:
    """The rare float that the core leaves to Python's own reader."""
    try:
        value[0] = float(src[:length])
    except (ValueError, MemoryError):
        return False
    return value[0] - value[0] == 0


cdef void *resized(void *memory, size_t size) except NULL:
    cdef void *made = realloc(memory, size + 1)
    if made == NULL:
        raise MemoryError
    return made


cdef size_t size_of(srd_kind kind) noexcept:
    return 16 if kind == SRD_VIEW else 4 if kind == SRD_DICTIONARY or kind == SRD_UTF8 else 1 if kind == SRD_BOOL else 8


cdef int open_texts(Column column, srd_texts *texts, str name) except -1:
    """The texts of a column as the core reads them."""
    cdef const ArrowArray *array = column.array
    memset(texts, 0, sizeof(srd_texts))
    texts.rows, texts.offset, texts.valid = column.length, column.offset, column.valid
    if column.format in (b"u", b"z", b"U", b"Z"):
        texts.layout = SRD_OFFSETS if column.format in (b"u", b"z") else SRD_LARGE_OFFSETS
        texts.data = <const uint8_t *>array.buffers[2]
    elif column.format in (b"vu", b"vz"):
        texts.layout = SRD_VIEWS
        texts.n_buffers = array.n_buffers - 3
        texts.buffers = <const uint8_t *const *>array.buffers + 2
        texts.sizes = <const uint8_t *>array.buffers[array.n_buffers - 1]
    else:
        raise TypeError(f"column {name!r} has Arrow type {<bytes>column.format!r}: payloads are texts or binary")
    texts.values = <const uint8_t *>array.buffers[1]
    return 0


cdef int open_source(Column column, srd_source *source, str name) except -1:
    memset(source, 0, sizeof(srd_source))
    if column.dictionary is not None:
        open_texts(column.dictionary, &source.texts, name)
        source.indices = <const uint8_t *>column.array.buffers[1]
        source.index_width = 1 << b"csil".index((<bytes>column.format).lower())
        source.offset, source.valid = column.offset, column.valid
    elif column.format != b"n":
        open_texts(column, &source.texts, name)
    else:   # nothing but nulls
        return 0
    source.rows = column.length
    return 0


@cython.final
cdef class Reader:
    """Decodes payloads by plans, each (template ID, columns), a column being (name, kind, field, step, group).

    Field 0 is the template ID. A step that is not 0 makes a list of `field` and each step-th field after it, for each
    group of `step` fields from field `group` on. The ID `None` takes any row. Not for two threads at once.
    """
    cdef srd_reader d
    cdef srd_decode decode
    cdef list plans
    cdef list memory            # the IDs as bytes
    cdef str payload
    cdef tuple keep
    cdef bint general
    cdef Shape source           # the shape that the ones below go with
    cdef list shapes
    cdef Shape errors
    cdef size_t usual           # rows of the last batch that had any

    def __cinit__(self, Kernel kernel, plans, str payload, keep):
        cdef srd_plan *plan
        cdef size_t i
        self.d.kernel = kernel.k
        self.decode = srd_decode_of(kernel.k)
        self.d.long_float = long_float
        self.d.pause = ROWS
        self.plans, self.payload, self.keep, self.memory = list(plans), payload, tuple(keep), []
        self.errors = shape_of(_columns.ERRORS)
        memset(self.d.plan_of, 0xFF, sizeof(self.d.plan_of))
        self.d.plans = <srd_plan *>calloc(len(self.plans) + 1, sizeof(srd_plan))
        if self.d.plans == NULL:
            raise MemoryError
        for i in range(len(self.plans)):
            plan = &self.d.plans[i]
            self.d.n_plans = i + 1
            self.open_plan(plan, i, self.plans[i][0], self.plans[i][1])
        self.grow_tape(16384)

    cdef open_plan(self, srd_plan *plan, size_t i, id, columns):
        cdef bytes name, seed
        cdef srd_column *column
        cdef int number
        cdef size_t f = 0
        if id is None:
            self.general = True
        else:
            name = id.encode()
            self.memory.append(name)
            plan.id, plan.id_len = <const uint8_t *>PyBytes_AS_STRING(name), len(name)
            number = sr_template_number(plan.id, plan.id_len)
            if number >= 0:
                self.d.plan_of[number] = <int16_t>i
            else:
                self.d.by_text = True
        plan.columns = <srd_column *>calloc(len(columns) + 1, sizeof(srd_column))
        if plan.columns == NULL:
            raise MemoryError
        plan.n_columns = len(columns)
        for _, kind, field, step, group in columns:
            column = &plan.columns[f]
            column.kind = KINDS[kind]
            column.field, column.step, column.group, column.size = field, step, group, size_of(column.kind)
            seed = urandom(16)
            memcpy(column.words.seed, PyBytes_AS_STRING(seed), 16)
            if column.kind == SRD_DICTIONARY:
                grow_words(&column.words, 4096)
            f += 1

    def __dealloc__(self):
        cdef size_t i, f
        cdef srd_column *c
        for i in range(self.d.n_plans):
            for f in range(self.d.plans[i].n_columns):
                c = &self.d.plans[i].columns[f]
                free(c.valid)
                free(c.values)
                free(c.lists)
                free(c.words.words)
                free(c.words.ends)
                free(c.words.slots)
                free(c.words.data)
            free(self.d.plans[i].columns)
            free(self.d.plans[i].payloads)
            free(self.d.plans[i].rows)
            free(self.d.plans[i].reasons)
            free(self.d.plans[i].picked)
        free(self.d.plans)
        free(self.d.tape.ends)
        free(self.d.tape.rows)
        free(self.d.scratch)
        free(self.d.bad)
        free(self.d.errors)

    # -- shapes

    def open(self, Shape source):
        """The shapes of the tables, and that of the errors, for payloads in a table of this shape."""
        if self.source is not None and not self.keep and self.source.names == source.names:
            return self.shapes, self.errors   # nothing else of the source goes into them
        if self.source is not source:
            if self.payload not in source.names:
                raise KeyError(f"the source has no column {self.payload!r}, only {', '.join(source.names)}: name the "
                               "one that holds the payloads with payload=")
            self.shapes = []   # by appending: tests/codec/property/test_nomemory.py says why
            for _, columns in self.plans:
                self.shapes.append(self.shape(source, columns))
            self.source = source
        return self.shapes, self.errors

    cdef Shape shape(self, Shape source, columns):
        cdef Shape shape = Shape.__new__(Shape)
        cdef int64_t i = 0, k
        new_schema(&shape.schema, b"+s", NULL, 0, len(self.keep) + len(columns) + 3 * self.general)
        for name in self.keep:
            if name not in source.names:
                raise KeyError(f"the source has no column {name!r} to keep, only {', '.join(source.names)}")
            k = source.names.index(name)
            if not can_take(source.schema.children[k]):
                raise TypeError(f"cannot keep column {name!r} of Arrow type {source.formats[k]!r}: cast it before")
            copy_schema(source.schema.children[k], new_child(&shape.schema.children[i]))
            i += 1
        described = [("payload_index", "l"), ("row", "i")] if self.general else []
        for name, kind, _, step, _ in columns:
            described.append((name,) + column_format(kind, step))
        if self.general:
            described.append(("reason", "i", "u"))
        for column in described:
            describe_child(new_child(&shape.schema.children[i]), column)
            i += 1
        shape.describe()
        if len(set(shape.names)) < len(shape.names):
            raise ValueError(f"a column to keep has the name of another: {', '.join(shape.names)}")
        return shape

    # -- reading

    def read(self, Batch batch, int64_t first):
        """The tables of a batch in pieces: (table of each plan or None, errors or None, rows in, rows out, skipped).

        `first` is the number of payloads before the batch.
        """
        cdef srd_source source
        cdef int64_t next = 0
        cdef srd_status status = SRD_PAUSE
        cdef size_t i
        cdef list done = []
        self.open(batch.shape)
        open_source(batch.column(batch.shape.names.index(self.payload)), &source, self.payload)
        while status != SRD_DONE:
            with nogil:
                status = self.decode(&self.d, &source, &next)
            if status == SRD_BAD_SOURCE:
                self.forget()
                raise ValueError(f"an offset of column {self.payload!r} is out of range in row {first + next}")
            if status == SRD_DONE or status == SRD_PAUSE:
                done.append(self.take(batch, &source, first))
            else:
                self.make_room(status)
        return done

    cdef forget(self):
        cdef size_t i, f
        for i in range(self.d.n_plans):
            self.d.plans[i].n = 0
            for f in range(self.d.plans[i].n_columns):
                srd_clear(&self.d.plans[i].columns[f].words)
                if self.d.plans[i].columns[f].kind != SRD_DICTIONARY:
                    self.d.plans[i].columns[f].words.n_data = 0
        self.d.n_errors = self.d.rows_in = self.d.rows_out = self.d.skipped = 0

    cdef take(self, Batch batch, const srd_source *source, int64_t first):
        """What has been read since the last time."""
        cdef size_t i
        tables = []
        for i in range(self.d.n_plans):
            tables.append(self.table(batch, i, first) if self.d.plans[i].n else None)
        errors = self.error_batch(source, first) if self.d.n_errors else None
        result = tables, errors, self.d.rows_in, self.d.rows_out, self.d.skipped
        self.forget()
        return result

    cdef Batch table(self, Batch source, size_t i, int64_t first):
        cdef srd_plan *plan = &self.d.plans[i]
        cdef Batch made = new_batch(self.shapes[i], plan.n)
        cdef ArrowArray **arrays = made.tree.array.children
        cdef size_t f, j
        cdef int64_t at = 0
        for name in self.keep:
            take_column(source.column(source.shape.names.index(name)), source.tree, plan.payloads, plan.n, arrays[at], name)
            at += 1
        if self.general:
            for j in range(plan.n):
                plan.payloads[j] += first
            take_memory(arrays[at], plan.n, &plan.payloads, 8)
            take_memory(arrays[at + 1], plan.n, &plan.rows, 4)
            at += 2
        for f in range(plan.n_columns):
            take_cells(arrays[at], &plan.columns[f], plan.n)
            at += 1
        if self.general:
            take_reasons(arrays[at], plan)
        plan.room = 0   # the arrays have gone
        self.usual = plan.n + plan.n // 64
        return made

    cdef Batch error_batch(self, const srd_source *source, int64_t first):
        cdef size_t n = self.d.n_errors, i
        cdef Batch made = new_batch(self.errors, n)
        cdef ArrowArray **arrays = made.tree.array.children
        cdef int64_t *numbers[4]
        cdef uint8_t *flags
        cdef srd_error *error
        cdef const uint8_t *payload
        cdef size_t length
        cdef list reasons = [], texts = []
        for i in range(4):
            new_array(arrays[i], n, 0, 2, 0)
            numbers[i] = <int64_t *>taken(8 * n)
            own_buffer(arrays[i], 1, numbers[i])
        flags = <uint8_t *>taken(n)
        try:
            for i in range(n):
                error = &self.d.errors[i]
                numbers[0][i] = first + error.payload
                numbers[1][i], numbers[2][i], numbers[3][i] = error.row, error.field, error.position
                flags[i] = error.status != SR_TOO_LARGE
                srd_payload(source, error.payload, &payload, &length)
                length = min(error.position + _constants.EXCERPT, length)
                reasons.append(REASONS[error.status].encode())
                texts.append(excerpt(<bytes>(payload + error.position)[:length - error.position]).encode())
            for i in range(1, 3):
                take_flags(arrays[i], flags, n)
        finally:
            free(flags)
        put_texts(arrays[4], reasons)
        put_texts(arrays[5], texts)
        return made

    # -- memory

    cdef int make_room(self, srd_status status) except -1:
        cdef srd_plan *plan = &self.d.plans[self.d.full_plan]
        cdef srd_column *c = &plan.columns[self.d.full_column]
        cdef size_t more = self.d.needed, room
        if status == SRD_FULL_TAPE:
            self.grow_tape(more)
        elif status == SRD_FULL_ROWS:
            room = self.usual if plan.n == 0 else 2 * plan.n
            self.grow_rows(plan, max(room, plan.n + more, <size_t>256))
        elif status == SRD_FULL_CELLS:
            room = c.lists[plan.n]
            grow_cells(c, max(2 * room, room + more))
        elif status == SRD_FULL_WORDS:
            grow_words(&c.words, max(c.words.n_data + more, 2 * c.words.data_room))
        elif status == SRD_FULL_DATA:
            room = max(c.words.n_data + more, 2 * c.words.n_data)
            c.words.data = <uint8_t *>resized(c.words.data, room + SR_SLACK)
            c.words.data_room = room
        elif status == SRD_FULL_ERRORS:
            room = max(self.d.n_errors + more, 2 * self.d.errors_room)
            self.d.errors = <srd_error *>resized(self.d.errors, room * sizeof(srd_error))
            self.d.errors_room = room
        return 0

    cdef int grow_tape(self, size_t room) except -1:
        cdef size_t rows = room + SR_ROW_SLACK + 2, i
        room += room // 4
        rows += room // 4
        self.d.tape_room = 0
        self.d.tape.ends = <uint32_t *>resized(self.d.tape.ends, (room + SR_SLACK + 2) * sizeof(uint32_t))
        self.d.tape.rows = <sr_row *>resized(self.d.tape.rows, rows * sizeof(sr_row))
        self.d.scratch = <uint8_t *>resized(self.d.scratch, room + 2 * SR_SLACK)
        self.d.bad = <uint32_t *>resized(self.d.bad, rows * sizeof(uint32_t))
        for i in range(self.d.n_plans):
            self.d.plans[i].picked = <uint32_t *>resized(self.d.plans[i].picked, rows * sizeof(uint32_t))
        self.d.tape_room = room
        return 0

    cdef int grow_rows(self, srd_plan *plan, size_t room) except -1:
        cdef size_t f
        cdef srd_column *c
        plan.room = 0   # until all arrays have it
        if self.keep or self.general:
            plan.payloads = <int64_t *>resized(plan.payloads, room * sizeof(int64_t))
        if self.general:
            plan.rows = <int32_t *>resized(plan.rows, room * sizeof(int32_t))
            plan.reasons = <uint8_t *>resized(plan.reasons, room)
        for f in range(plan.n_columns):
            c = &plan.columns[f]
            if c.step:
                c.lists = <int32_t *>resized(c.lists, (room + 1) * sizeof(int32_t))
                c.lists[0] = 0
            else:
                grow_cells(c, room)
        plan.room = room
        return 0


cdef int grow_cells(srd_column *c, size_t room) except -1:
    c.room = 0
    c.valid = <uint8_t *>resized(c.valid, room)
    c.values = resized(c.values, (room + 1) * c.size)
    if c.kind == SRD_UTF8:
        (<int32_t *>c.values)[0] = 0
    c.room = room
    return 0


cdef int grow_words(srd_words *w, size_t data) except -1:
    """Room for twice as many words, and for `data` bytes of them."""
    cdef uint32_t room = max(2 * w.room, <uint32_t>256)
    cdef uint64_t *slots
    w.data = <uint8_t *>resized(w.data, data + SR_SLACK)
    w.data_room = data + SR_SLACK
    w.words = <srd_word *>resized(w.words, room * sizeof(srd_word))
    w.ends = <int32_t *>resized(w.ends, (room + <size_t>1) * sizeof(int32_t))
    w.ends[0] = 0
    slots = <uint64_t *>calloc(4 * <size_t>room, sizeof(uint64_t))
    if slots == NULL:
        raise MemoryError
    free(w.slots)
    w.slots, w.n_slots, w.room = slots, 4 * <size_t>room, room
    srd_rehash(w)
    return 0

# ---- from filled arrays to Arrow -------------------------------------------------------------------------------------

cdef column_format(kind, step):
    """The formats of describe_child."""
    if step:
        return "+l", FORMATS[kind]
    return ("i", "u") if kind == "dictionary" else (FORMATS[kind],)


cdef int take_memory(ArrowArray *to, size_t n, void *place, size_t width) except -1:
    """Gives the memory that *place points to, of n values, to a new array without nulls."""
    cdef void **memory = <void **>place
    new_array(to, n, 0, 2, 0)
    own_buffer(to, 1, memory[0])
    memory[0] = NULL
    return 0


cdef int take_flags(ArrowArray *to, const uint8_t *flags, size_t n) except -1:
    """The validity of a new array from a byte for each value."""
    cdef uint8_t *bits
    if n and memchr(flags, 0, n) != NULL:
        bits = <uint8_t *>taken((n + 7) // 8)
        own_buffer(to, 0, bits)
        to.null_count = srd_pack_bits(flags, n, bits)
    return 0


cdef int take_cells(ArrowArray *to, srd_column *c, size_t rows) except -1:
    """A new array of the cells; the column is empty then."""
    cdef size_t n = rows
    if c.step:
        n = c.lists[rows]
        new_array(to, rows, 0, 2, 1)
        own_buffer(to, 1, c.lists)
        c.lists = NULL
        to = to.children[0]
        if n == 0 and c.values == NULL:
            grow_cells(c, 1)
    new_array(to, n, 0, 3 if c.kind == SRD_UTF8 else 4 if c.kind == SRD_VIEW else 2, 0)
    take_flags(to, c.valid, n)
    if c.kind == SRD_BOOL:
        own_buffer(to, 1, taken((n + 7) // 8))
        srd_pack_bits(<uint8_t *>c.values, n, <uint8_t *>to.buffers[1])
    else:
        own_buffer(to, 1, resized(c.values, (n + 1) * c.size))
        c.values = NULL
        c.room = 0
    if c.kind == SRD_DICTIONARY:
        take_words(new_array_at(&to.dictionary), &c.words)
    elif c.kind == SRD_UTF8 or c.kind == SRD_VIEW:
        own_buffer(to, 2, resized(c.words.data, c.words.n_data))
        c.words.data = NULL
        c.words.data_room = 0
        if c.kind == SRD_VIEW:
            own_buffer(to, 3, taken(8))
            (<int64_t *>to.buffers[3])[0] = c.words.n_data
    return 0


cdef int take_words(ArrowArray *to, srd_words *w) except -1:
    """A new array of the words so far."""
    cdef int32_t *ends
    new_array(to, w.n, 0, 3, 0)
    ends = <int32_t *>taken((w.n + <size_t>1) * sizeof(int32_t))
    own_buffer(to, 1, ends)
    ends[0] = 0
    own_buffer(to, 2, taken(w.n_data))
    if w.n:
        memcpy(ends, w.ends, (w.n + <size_t>1) * sizeof(int32_t))
        memcpy(<void *>to.buffers[2], w.data, w.n_data)
    return 0


cdef int take_reasons(ArrowArray *to, srd_plan *plan) except -1:
    """A dictionary of all reasons, and for each row its fault."""
    cdef int32_t *codes = <int32_t *>taken(4 * plan.n)
    cdef size_t i
    new_array(to, plan.n, 0, 2, 0)
    own_buffer(to, 1, codes)
    for i in range(plan.n):
        codes[i] = plan.reasons[i]
        plan.reasons[i] = plan.reasons[i] != 0
    take_flags(to, plan.reasons, plan.n)
    put_texts(new_array_at(&to.dictionary), list(map(str.encode, REASONS)))
    return 0


cdef int put_texts(ArrowArray *to, list texts) except -1:
    """A new array of texts."""
    cdef bytes data = b"".join(texts)
    cdef int32_t *ends = <int32_t *>taken(4 * (len(texts) + 1))
    cdef size_t i = 0
    cdef void *memory
    new_array(to, len(texts), 0, 3, 0)
    own_buffer(to, 1, ends)
    ends[0] = 0
    for text in texts:
        ends[i + 1] = ends[i] + <int32_t>len(text)
        i += 1
    memory = taken(len(data))
    own_buffer(to, 2, memory)
    memcpy(memory, PyBytes_AS_STRING(data), len(data))
    return 0

# ---- columns to keep -------------------------------------------------------------------------------------------------

cdef bint can_take(const ArrowSchema *schema) noexcept:
    cdef const char *f = schema.format
    return f[0] in b"nbuUzZvcCsSiIlLefgdtw" and width_of(f) >= 0


cdef int width_of(const char *f) noexcept:
    """The bytes of a value; 0 for those of no fixed size, -1 for a type that is not known here."""
    if f[0] in b"nbuUzZ" or (f[0] == b"v" and (f[1] == b"u" or f[1] == b"z")):
        return 0
    if f[0] in b"cC":
        return 1
    if f[0] in b"sSe":
        return 2
    if f[0] in b"iIf":
        return 4
    if f[0] in b"lLg":
        return 8
    if f[0] == b"d":   # d:precision,scale[,bits]
        parts = (<bytes>f).split(b",")
        return 16 if len(parts) < 3 else int(parts[2]) // 8
    if f[0] == b"w":
        return int((<bytes>f)[2:])
    if f[0] == b"t":
        return 4 if (<bytes>f) in (b"tdD", b"tts", b"ttm") else 8 if f[1] != b"i" else -1
    return -1


cdef int take_column(Column column, Tree *tree, const int64_t *rows, size_t n, ArrowArray *to, str name) except -1:
    """A new array: for each row the value beside its payload."""
    cdef const ArrowArray *array = column.array
    cdef size_t width = width_of(column.format), size
    cdef srd_texts texts
    cdef int64_t i
    if column.format == b"n":
        return new_array(to, n, n, 0, 0)
    new_array(to, n, 0, array.n_buffers, 0)
    if column.valid != NULL:
        own_buffer(to, 0, taken((n + 7) // 8))
        to.null_count = srd_take_bits(column.valid, column.offset, rows, n, <uint8_t *>to.buffers[0])
    if column.format == b"b":
        own_buffer(to, 1, taken((n + 7) // 8))
        srd_take_bits(<const uint8_t *>array.buffers[1], column.offset, rows, n, <uint8_t *>to.buffers[1])
    elif column.format[0] in b"uUzZ":
        open_texts(column, &texts, name)
        size = srd_take_size(&texts, rows, n)
        if size == <size_t>-1 or (texts.layout == SRD_OFFSETS and size > <size_t>0x7FFFFFFF):
            raise ValueError(f"column {name!r} to keep has an offset out of range, or more text than its type holds")
        own_buffer(to, 1, taken((n + 1) * (4 if texts.layout == SRD_OFFSETS else 8)))
        own_buffer(to, 2, taken(size))
        srd_take_texts(&texts, rows, n, <uint8_t *>to.buffers[1], <uint8_t *>to.buffers[2])
    else:
        if width == 0:   # views, into buffers that stay
            width = 16
            share(to, tree)
            for i in range(2, array.n_buffers):
                to.buffers[i] = array.buffers[i]
        own_buffer(to, 1, taken(n * width))
        srd_take(<const uint8_t *>array.buffers[1], width, column.offset, rows, n, <uint8_t *>to.buffers[1])
    if array.dictionary != NULL:
        share_array(array.dictionary, tree, new_array_at(&to.dictionary))
    return 0
