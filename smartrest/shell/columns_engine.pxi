# What smartrest.arrow calls, the same names as smartrest.pure.columns.

@cython.final
@cython.no_gc
cdef class Engine(Kernel):
    """The functions for tables on one kernel."""

    def engine(self):
        return f"core:{self.k.name.decode()}"

    def read_stream(self, capsule):
        return read_stream(capsule)

    def read_array(self, schema_capsule, array_capsule):
        return read_array(schema_capsule, array_capsule)

    def from_buffers(self, columns, rows):
        return from_buffers(columns, rows)

    def shape_of(self, columns):
        return shape_of(columns)

    def stream_of(self, shape, batches):
        return stream_of(shape, batches)

    def reader(self, plans, payload, keep):
        return Reader(self, plans, payload, keep)

    def writer(self, plan, shape):
        return TableEncoder(self, plan, shape)
