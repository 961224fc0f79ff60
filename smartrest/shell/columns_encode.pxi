# Tables to payloads: the columns of batches, the devices and the errors of src_c/columns/encode.h. Every loop over rows is
# there, and runs without the GIL.

cdef enum:
    ERRORS = 1024                # rows of errors until Python takes them
    SLICE = 4096                 # rows of a batch that are written before the next look at the memory
    ROW_BYTES = 12               # of each written row: its device and its place
    WINDOW = 1 << 18             # bytes of rows that are written before they are packed, at least
    WINDOW_OF_DEVICE = 32768     # for each device among them: two full payloads, so that few open ones are copied
    STORE = 1 << 20              # bytes of a block of open payloads
    FIRST_DEVICES = 1024
    DEVICE_BYTES = 44            # of each in the tables, without its ID



# ---- batches -------------------------------------------------------------------------------------------------------


cdef int look_at(sre_column *c, type_, Column column, int64_t first, int64_t rows) except -1:
    """The column from row `first` on, as C sees it."""
    cdef int64_t last = 0
    cdef const ArrowArray *array = column.array
    memset(c, 0, sizeof(sre_column))
    c.kind = <sre_kind><int>_columns.KINDS[type_.kind]
    c.width = type_.width
    c.scale = type_.scale
    c.rows = rows
    c.offset = column.offset + first
    if c.kind == SRE_NULL or rows == 0:
        return 0
    c.valid = column.valid
    c.values = <const uint8_t *>array.buffers[1]
    if c.kind == SRE_TEXT and c.width == 16:
        c.kind = SRE_VIEW
        c.n_buffers = array.n_buffers - 3
        c.buffers = <const uint8_t *const *>(array.buffers + 2)
        c.sizes = <const uint8_t *>array.buffers[array.n_buffers - 1]
    elif c.kind == SRE_TEXT:
        if c.width == 8:
            c.kind = SRE_LARGE_TEXT
        c.data = <const uint8_t *>array.buffers[2]
        memcpy(&last, c.values + <size_t>(c.offset + rows) * c.width, c.width)
        c.n_data = 0 if c.data == NULL else last if c.width == 8 else <int32_t>last
    return 0


@cython.final
cdef class Entries:
    """A dictionary of a batch: its values and, if they are not too many, the same as fields."""
    cdef sre_column values
    cdef Column column
    cdef Block text, entries
    cdef Block numbers           # of the devices that it names

    cdef int write(self, TableEncoder table) except -1:
        """Makes the fields, once for all rows."""
        cdef Block text = block(4096), larger
        cdef size_t length = 0, need = 0
        cdef int64_t at = 0
        cdef sre_entry *entries
        self.entries = block(self.values.rows * sizeof(sre_entry))
        entries = <sre_entry *>self.entries.data
        while True:
            with nogil:
                at = table.layer.entries(&table.plan, &self.values, at, text.data, text.size, &length, entries, &need)
            if at == self.values.rows:
                break
            larger = block(2 * text.size + need + SRE_PADDING)
            memcpy(larger.data, text.data, length)
            text = larger
        self.text = text
        return 0


cdef bint is_same(Column a, Column b) noexcept:
    """Whether two columns that still own their memory have the same."""
    cdef int64_t i
    if a.length != b.length or a.offset != b.offset or a.valid != b.valid or a.array.n_buffers != b.array.n_buffers:
        return False
    for i in range(a.array.n_buffers):
        if a.array.buffers[i] != b.array.buffers[i]:
            return False
    return True


# ---- the encoder ---------------------------------------------------------------------------------------------------


@cython.final
cdef class TableEncoder:
    """Packs the rows of batches of one table. `errors`: (row, field, reason, text) of rows that were left out.

    Rows are written one after the other, each with its device, until there are enough of them; then those of each
    device are copied into its payloads. What does not fill a payload waits in blocks of memory.
    """
    cdef object settings         # the Plan
    cdef sre_plan plan
    cdef const sre_layer *layer
    cdef list names, constants
    cdef readonly list errors
    cdef readonly int64_t rows_in, rows_out, evicted
    # The columns of the last batch, that of the devices last; `types` are those of the values of a dictionary
    cdef Shape shape
    cdef list places, types, indices, dictionaries
    cdef Block columns
    cdef int64_t first           # rows before the batch
    # Rows that are written
    cdef sre_text text
    cdef int32_t *numbers
    cdef uint64_t *spans
    cdef uint32_t *counts        # of each device
    cdef size_t waiting, room, met
    cdef sre_errors failed
    # Devices and their open payloads
    cdef sre_devices devices
    cdef sre_tail *tails
    cdef list blocks             # of open payloads; None where all have left
    cdef uint32_t *live          # how many are in each
    cdef size_t block_bytes, stored   # of all blocks, and of the last one
    cdef int64_t store           # the last one, or -1
    cdef bytes prefix
    cdef size_t memory
    cdef Output output

    def __cinit__(self, Kernel kernel, settings, Shape shape):
        cdef size_t i
        cdef sre_constant *constants
        self.settings = settings
        self.plan.kernel = kernel.k
        self.layer = sre_layer_of(kernel.k)
        self.plan.style.escape = SR_QUOTE if settings.dialect == "double" else SR_ESCAPE
        self.plan.style.all = settings.quote == "all"
        self.plan.style.refuse_backslash = settings.on_trailing_backslash == "error"
        self.plan.last = settings.final_newline
        self.plan.n_columns = len(settings.holes)
        self.constants = []
        for text in settings.constants:
            self.constants.append(text + b"\0" * SRE_PADDING)
        constants = <sre_constant *>taken(len(self.constants) * sizeof(sre_constant))
        self.plan.constants = constants
        for i in range(self.plan.n_columns + 1):
            constants[i].text = <const uint8_t *>PyBytes_AS_STRING(self.constants[i])
            constants[i].len = len(self.constants[i]) - SRE_PADDING
        sre_start(&self.plan)
        self.plan.limit = 0 if settings.limit is None else settings.limit
        self.memory = settings.memory
        self.failed.items = <sre_error *>taken(ERRORS * sizeof(sre_error))
        self.failed.slots = ERRORS
        self.errors, self.blocks = [], []
        self.store = -1
        self.output = Output(settings.batch_bytes)
        self.names = []
        for hole in settings.holes:
            self.names.append(hole.column)
        if settings.by is not None:
            self.names.append(settings.by)
        self.columns = block((len(self.names) + 1) * sizeof(sre_column))
        self.use(shape)
        self.set_topic()

    def __dealloc__(self):
        free(<void *>self.plan.constants)
        free(self.failed.items)
        free(self.text.data)
        free(self.numbers)
        free(self.spans)
        free(self.counts)
        free(self.devices.slots)
        free(self.devices.ids)
        free(self.devices.starts)
        free(self.tails)
        free(self.live)

    def use(self, Shape shape):
        """Finds the columns of the next batches. Raises `TypeError` or `ValueError`."""
        cdef ArrowSchema *child
        cdef Py_ssize_t place
        cdef list places = [], types = [], indices = []
        if shape is self.shape:
            return
        for name in self.names:
            if name not in shape.names:
                _columns.no_column(name, list(shape.names))
            place = shape.names.index(name)
            places.append(place)
            child = shape.schema.children[place]
            index = _columns.type_of((<bytes>child.format).decode(), name)
            if child.dictionary != NULL:
                types.append(_columns.type_of((<bytes>child.dictionary.format).decode(), name))
                indices.append(index)
            else:
                types.append(index)
                indices.append(None)
        for hole, type_ in zip(self.settings.holes, types):
            _columns.check_hole(hole, type_.kind)
        if self.settings.by is not None:
            _columns.check_by(self.settings.by, types[self.plan.n_columns].kind)
        self.shape, self.places, self.types, self.indices = shape, places, types, indices
        self.dictionaries = [None] * (len(self.names) + 1)

    cdef int set_topic(self) except -1:
        topic = self.settings.topic
        seed = urandom(16)
        memcpy(self.devices.seed, PyBytes_AS_STRING(seed), 16)
        self.resize_devices(FIRST_DEVICES, 16 * FIRST_DEVICES)
        self.prefix = topic.encode()
        if self.settings.by is None:
            self.plan.budget = self.settings.budget(topic)
            sre_add_device(&self.devices, NULL, 0)   # all rows are for one, which has no part in the topic
            return 0
        self.prefix += b"/"
        self.plan.budget = self.settings.budget(topic + "/d") + 1
        self.devices.most = min(self.plan.budget, _limits.STRING_LIMIT - len(self.prefix))
        return 0

    cdef int resize_devices(self, size_t room, size_t ids_size) except -1:
        """More room for devices and their IDs."""
        cdef size_t n_slots = 1
        cdef sre_devices *d = &self.devices
        if ids_size > UINT32_MAX or room >= 1 << 30:
            raise MemoryError("too many devices")
        if ids_size > d.ids_size:
            d.ids = <uint8_t *>resized(d.ids, ids_size)
            d.ids_size = ids_size
        if room <= d.room:
            return 0
        while n_slots <= 2 * room:
            n_slots *= 2
        d.slots = <uint64_t *>resized(d.slots, n_slots * 8)
        d.starts = <uint32_t *>resized(d.starts, (room + 1) * 4)
        self.tails = <sre_tail *>resized(self.tails, room * sizeof(sre_tail))
        self.counts = <uint32_t *>resized(self.counts, (room + 2) * 4)
        memset(&self.tails[d.room], 0, (room - d.room) * sizeof(sre_tail))
        if d.room == 0:
            d.starts[0] = 0
            memset(self.counts, 0, (room + 2) * 4)
        else:
            memset(&self.counts[d.room + 2], 0, (room - d.room) * 4)
        d.n_slots = n_slots
        d.room = room
        with nogil:
            sre_rehash(d)
        return 0

    # Rows in

    cdef int look_at_batch(self, Batch batch) except -1:
        cdef Column given
        cdef size_t i
        cdef int64_t rows = batch.tree.array.length
        cdef sre_column *column
        cdef Entries entries
        self.use(batch.shape)
        self.first = self.rows_in
        for i in range(len(self.places)):
            column = <sre_column *>self.columns.data + i
            given = batch.column(self.places[i])
            look_at(column, self.indices[i] or self.types[i], given, 0, rows)
            if given.dictionary is not None:
                entries = self.entries_of(i, given.dictionary)
                column.kind = SRE_INDEX
                column.dictionary = &entries.values
                column.n_dictionary = entries.values.rows
                if self.indices[i].kind == "int" and column.width < 8:
                    column.n_dictionary = min(column.n_dictionary, <int64_t>1 << (8 * column.width - 1))
                if i < self.plan.n_columns:
                    if entries.entries is None and entries.values.rows <= 2 * rows:
                        entries.write(self)
                    if entries.entries is not None:
                        column.kind = SRE_ENTRY
                        column.entries = <sre_entry *>entries.entries.data
                        column.data = entries.text.data
            if i < self.plan.n_columns:
                column.needed = self.settings.holes[i].needed
        return 0

    cdef Entries entries_of(self, size_t i, Column given):
        """The dictionary of a column: that of the last batch if it is the same memory."""
        cdef Entries last = self.dictionaries[i], made
        if last is not None and is_same(last.column, given):
            return last
        made = Entries()
        look_at(&made.values, self.types[i], given, 0, given.length)
        made.column = given
        self.dictionaries[i] = made
        return made

    cdef int find_devices(self, int64_t row, int64_t to) except -1:
        """The devices of rows of the batch."""
        cdef const sre_column *column = <sre_column *>self.columns.data + self.plan.n_columns
        cdef int32_t *map = NULL
        cdef int32_t *numbers = self.numbers + self.waiting - row   # of the row 0
        cdef Entries entries
        cdef int64_t i
        cdef sre_stop stop
        if self.settings.by is None:
            memset(self.numbers + self.waiting, 0, (to - row) * 4)
            return 0
        entries = self.dictionaries[self.plan.n_columns]
        if entries is not None and (entries.numbers is not None or entries.values.rows <= 2 * column.rows):
            if entries.numbers is None:
                entries.numbers = block(entries.values.rows * 4)
                for i in range(entries.values.rows):
                    (<int32_t *>entries.numbers.data)[i] = SRE_UNSEEN
            map = <int32_t *>entries.numbers.data
        while True:
            with nogil:
                stop = sre_find_devices(&self.devices, column, self.first, &row, to, map, numbers, &self.failed)
            if stop == SRE_DONE:
                return 0
            if stop == SRE_FULL_TABLE:
                self.resize_devices(2 * self.devices.room, 2 * self.devices.ids_size + self.devices.most)
            elif stop == SRE_FULL_ERRORS:
                self.take_errors()
            else:
                self.ask(column, map, numbers, &row)

    cdef int ask(self, const sre_column *column, int32_t *map, int32_t *numbers, int64_t *row) except -1:
        """A device with an ID beyond ASCII: adds it, or refuses it."""
        cdef const uint8_t *text
        cdef size_t length
        cdef int64_t index = 0
        sre_text_at(column, row[0], &text, &length)
        data = text[:length]
        try:
            self.settings.check_device(data.decode())
        except ValueError:
            if map != NULL:
                index = <int64_t>sre_index_at(column, row[0])
                map[index] = SRE_NO_DEVICE
            else:
                numbers[row[0]] = SRE_NO_DEVICE
                self.errors.append((self.first + row[0], None, "bad_identifier", _columns.device_detail(data)))
                row[0] += 1
            return 0
        sre_add_device(&self.devices, text, length)
        if map != NULL:
            map[<int64_t>sre_index_at(column, row[0])] = SRE_UNSEEN
        return 0

    def add(self, Batch batch):
        """Takes a batch; yields batches of payloads, and None where errors wait."""
        cdef int64_t row = 0, to, rows = batch.tree.array.length, reached
        cdef uint32_t met
        self.look_at_batch(batch)
        while row < rows:
            to = min(row + SLICE, rows)
            self.make_room(to - row)
            self.find_devices(row, to)
            self.rows_in += to - row
            while row < to:
                with nogil:
                    reached = self.layer.rows(&self.plan, <sre_column *>self.columns.data, self.first, row, to,
                                              &self.devices, self.numbers + self.waiting, self.spans + self.waiting,
                                              &self.text, &self.failed)
                    met = sre_count_rows(self.numbers + self.waiting, reached - row, self.counts)
                self.met += met
                self.waiting += reached - row
                row = reached
                if row < to and self.failed.n < ERRORS:   # no room
                    if 2 * self.text.size <= self.window() or self.text.len == 0:
                        self.text.data = <uint8_t *>resized(self.text.data, 2 * self.text.size + self.text.need)
                        self.text.size = 2 * self.text.size + self.text.need
                    else:
                        yield from self.pack_rows(False, to - row)
                if self.failed.n:
                    self.take_errors()
                if self.errors:
                    yield None
            if self.used() > self.memory or self.text.len > self.window():
                yield from self.pack_rows(False, 0)

    cdef size_t window(self) noexcept:
        """The bytes of rows to write before they are packed."""
        return min(max(WINDOW, self.met * WINDOW_OF_DEVICE, <size_t>self.devices.n * 64), self.memory // 2)

    cdef size_t used(self):
        cdef size_t used = self.text.len + self.waiting * (ROW_BYTES + 8)   # 8: for the order, once it is made
        used += self.devices.n * <size_t>DEVICE_BYTES + self.devices.starts[self.devices.n]
        return used + self.block_bytes

    cdef int make_room(self, size_t rows) except -1:
        """Room for the numbers and places of more rows."""
        if self.text.data == NULL:
            self.text.data = <uint8_t *>taken(WINDOW)
            self.text.size = WINDOW
        if self.waiting + rows > self.room:
            self.room = max(2 * self.room, self.waiting + rows)
            self.numbers = <int32_t *>resized(self.numbers, self.room * 4)
            self.spans = <uint64_t *>resized(self.spans, self.room * 8)
        return 0

    def finish(self):
        """Yields what is left."""
        yield from self.pack_rows(True, 0)
        if self.output.out.n:
            yield self.take(0)

    cdef take(self, size_t need):
        return self.output.take(self.prefix, &self.devices, need)

    # Rows to payloads

    def pack_rows(self, bint last, size_t ahead):
        """Packs the rows that are written. `last`: open payloads leave too; `ahead`: devices of rows after these."""
        cdef Block order = block(self.waiting * 8)
        cdef size_t waiting = self.waiting
        cdef uint32_t n = self.devices.n
        with nogil:
            sre_sum_rows(self.counts, n)
            sre_order_rows(self.numbers, self.spans, waiting, self.counts, <uint64_t *>order.data)
        yield from self.pack_devices(order, 0 if last else SIZE_MAX, last)
        memset(self.counts, 0, (n + <size_t>2) * 4)
        self.waiting = self.met = self.text.len = 0
        if ahead:
            memmove(self.numbers, self.numbers + waiting, ahead * 4)
        elif not last and self.used() > self.memory // 2:
            yield from self.evict()

    def pack_devices(self, Block order, size_t leave, bint last):
        """Packs rows of each device after those of its open payload; those of `leave` bytes and more leave."""
        cdef sre_groups g
        cdef sre_stop stop
        cdef size_t most = self.plan.limit or self.plan.budget
        memset(&g, 0, sizeof(g))
        g.devices = &self.devices
        g.tails = self.tails
        g.to = self.devices.n
        g.leave = leave
        g.stay = order is not None and not last
        g.live = self.live
        if order is not None:
            g.text = self.text.data
            g.order = <uint64_t *>order.data
            g.starts = self.counts
        if g.stay and self.store >= 0:
            self.open_store(&g)
        while True:
            with nogil:
                stop = sre_pack(&self.plan, &g, &self.output.out)
            if stop == SRE_DONE:
                break
            if stop == SRE_FULL_OUTPUT:
                made = self.take(self.output.out.need)
                if made is not None:
                    yield made
                continue
            self.free_blocks()
            if self.used() > self.memory:
                most //= 2
                g.leave = min(g.leave, most)
            self.new_store(self.output.out.need)
            self.open_store(&g)
        self.stored = g.store_len
        self.free_blocks()
        self.rows_out += g.n_rows
        if not last:
            self.evicted += g.left

    cdef int new_store(self, size_t need) except -1:
        """Another block for open payloads."""
        cdef Block made = block(max(need, min(STORE, self.memory // 16)))
        if None in self.blocks:
            self.store = self.blocks.index(None)
            self.blocks[self.store] = made
        else:
            self.store = len(self.blocks)
            self.live = <uint32_t *>resized(self.live, (self.store + 1) * 4)
            self.blocks.append(made)
        self.live[self.store] = 0
        self.stored = 0
        self.block_bytes += made.size
        return 0

    cdef int open_store(self, sre_groups *g) except -1:
        cdef Block store = self.blocks[self.store]
        g.store, g.store_size, g.store_len = store.data, store.size, self.stored
        g.block, g.live = self.store, self.live
        return 0

    cdef int free_blocks(self) except -1:
        """Lets go of blocks whose payloads have left."""
        cdef size_t i
        for i in range(len(self.blocks)):
            if self.live[i] == 0 and self.blocks[i] is not None:
                self.block_bytes -= (<Block>self.blocks[i]).size
                self.blocks[i] = None
                if <int64_t>i == self.store:
                    self.store = -1
        return 0

    def evict(self):
        """Sends the fullest open payloads, and forgets the devices that have none."""
        cdef size_t leave
        cdef size_t most = self.memory // 8
        with nogil:
            leave = sre_fullest(self.tails, self.devices.n, most)
        yield from self.pack_devices(None, leave, False)
        if self.output.out.n:
            yield self.take(0)   # while the devices have their numbers
        self.forget()

    cdef int forget(self) except -1:
        cdef sre_devices old = self.devices
        cdef sre_tail *tails = self.tails
        cdef Entries entries
        self.devices.slots = NULL
        self.devices.ids = NULL
        self.devices.starts = NULL
        self.devices.n_slots = self.devices.ids_size = 0
        self.devices.n = self.devices.room = 0
        self.devices.longest = 0
        self.tails = NULL
        try:
            self.resize_devices(max(old.n, FIRST_DEVICES), max(old.starts[old.n], 16 * FIRST_DEVICES))
            with nogil:
                sre_keep_open(&old, tails, &self.devices, self.tails)
        finally:
            free(old.slots)
            free(old.ids)
            free(old.starts)
            free(tails)
        entries = self.dictionaries[self.plan.n_columns]
        if entries is not None:
            entries.numbers = None
        return 0

    # Errors

    cdef int take_errors(self) except -1:
        """Moves the errors of rows of the batch to `errors`."""
        cdef size_t i
        for i in range(self.failed.n):
            self.errors.append(self.error(&self.failed.items[i]))
        self.failed.n = 0
        return 0

    cdef error(self, const sre_error *error):
        cdef int64_t row = error.row - self.first
        cdef const sre_column *column
        cdef const uint8_t *text
        cdef size_t length
        if error.reason == SR_TOO_LARGE:
            return error.row, None, "too_large", _columns.too_large_detail(error.size, error.limit)
        column = <sre_column *>self.columns.data + (error.column if error.column >= 0 else self.plan.n_columns)
        value = None
        if sre_text_at(column, row, &text, &length):
            value = text[:length]
        if error.reason == SRE_BAD_DEVICE:
            return error.row, None, "bad_identifier", _columns.device_detail(value)
        kind = self.types[error.column].kind
        if kind == "float" and sre_is_within(column, row):
            value = sre_float_at(column, row)
        elif kind != "text" and sre_is_within(column, row):
            value = 0   # a time, whose text does not tell
        reason = "missing" if error.reason == SRE_MISSING else REASONS[error.reason]
        return error.row, self.settings.holes[error.column].field, reason, _columns.detail(reason, kind, value)

