# Batches of payloads, and the memory that they and their encoder use until they are made.

cdef enum:
    SPARE = 1 << 16              # bytes of a batch of payloads beyond `batch_bytes`

cdef Shape PAYLOADS = shape_of(_columns.PAYLOADS)


@cython.final
@cython.no_gc
cdef class Block:
    """Memory from malloc, until a batch takes it over."""
    cdef uint8_t *data
    cdef size_t size

    def __dealloc__(self):
        free(self.data)

    cdef void *give(self) noexcept:
        cdef void *data = self.data
        self.data = NULL
        return data


cdef Block block(size_t size):
    cdef Block made = Block.__new__(Block)
    made.data = <uint8_t *>taken(size)
    made.size = size
    return made


@cython.final
cdef class Output:
    """Payloads on their way into a batch."""
    cdef sre_output out
    cdef Block data, ends, counts, devices
    cdef size_t batch_bytes

    def __cinit__(self, size_t batch_bytes):
        self.batch_bytes = batch_bytes
        self.renew(0)

    cdef int renew(self, size_t need) except -1:
        """Empty memory, for the open payload and `need` bytes more."""
        cdef size_t size = self.batch_bytes + SPARE, open_bytes = self.out.len - self.out.start
        cdef Block data
        if size < open_bytes + need:
            size = open_bytes + need + need // 2
        data = block(size)
        self.out.slots = <uint32_t>min(self.batch_bytes // 64 + 16, <size_t>1 << 20)
        self.ends = block((self.out.slots + 1) * 4)
        self.counts = block(self.out.slots * 4)
        self.devices = block(self.out.slots * 4)
        sre_move(&self.out, data.data, size)
        self.data = data
        (<int32_t *>self.ends.data)[0] = 0
        self.out.ends = <int32_t *>self.ends.data + 1
        self.out.counts = <int32_t *>self.counts.data
        self.out.devices = <uint32_t *>self.devices.data
        return 0

    cdef take(self, bytes prefix, sre_devices *devices, size_t need):
        """The payloads so far as a batch, or None if there are none; then there is room for `need` bytes."""
        cdef Block offsets, text, ends = self.ends, counts = self.counts, data = self.data
        cdef size_t n = self.out.n, size
        cdef const uint8_t *head = <const uint8_t *>PyBytes_AS_STRING(prefix)
        cdef size_t n_head = PyBytes_GET_SIZE(prefix)
        cdef sre_output *out = &self.out
        if n == 0:
            self.renew(need)
            return None
        offsets = block((n + 1) * 4)
        with nogil:
            size = sre_put_topics(devices, head, n_head, out.devices, n, NULL, NULL)
        text = block(size)
        with nogil:
            sre_put_topics(devices, head, n_head, out.devices, n, <int32_t *>offsets.data, text.data)
        self.renew(need)
        return payloads(n, offsets, text, ends, data, counts)


cdef Batch payloads(int64_t n, Block offsets, Block text, Block ends, Block data, Block counts):
    cdef Batch made = new_batch(PAYLOADS, n)
    cdef ArrowArray **columns = made.tree.array.children
    new_array(columns[0], n, 0, 3, 0)
    own_buffer(columns[0], 1, offsets.give())
    own_buffer(columns[0], 2, text.give())
    new_array(columns[1], n, 0, 3, 0)
    own_buffer(columns[1], 1, ends.give())
    own_buffer(columns[1], 2, data.give())
    new_array(columns[2], n, 0, 2, 0)
    own_buffer(columns[2], 1, counts.give())
    return made
