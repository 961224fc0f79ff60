# Streams of Arrow batches, from others and to them; batches of buffers.

@cython.final
cdef class Stream:
    """The batches of an Arrow stream, one at a time. The producer runs without the GIL."""
    cdef ArrowArrayStream stream
    cdef readonly Shape shape

    def __init__(self, *_):
        raise TypeError("made by the engine")

    def __dealloc__(self):
        if self.stream.release != NULL:
            self.stream.release(&self.stream)

    def __iter__(self):
        return self

    def __next__(self):
        cdef ArrowArray array
        cdef int failed
        memset(&array, 0, sizeof(array))
        if self.stream.release == NULL:
            raise StopIteration
        with nogil:
            failed = self.stream.get_next(&self.stream, &array)
        if failed:
            self.fail(failed)
        if array.release == NULL:
            self.close()
            raise StopIteration
        return batch_from(self.shape, &array)

    cdef close(self):
        self.stream.release(&self.stream)
        self.stream.release = NULL

    cdef fail(self, int code):
        cdef const char *text = self.stream.get_last_error(&self.stream)
        message = bytes_or_empty(text).decode("utf-8", "replace") or f"error {code}"
        self.close()
        raise OSError(code, f"the source failed: {message}")


cdef struct Feed:            # the private data of a stream made here
    PyObject *batches        # an iterator of objects with __arrow_c_array__
    PyObject *shape
    char *error


cdef int feed_schema(ArrowArrayStream *stream, ArrowSchema *to) noexcept with gil:
    cdef Feed *feed = <Feed *>stream.private_data
    memset(to, 0, sizeof(ArrowSchema))
    try:
        copy_schema(&(<Shape>feed.shape).schema, to)
        return 0
    except BaseException as error:
        return note(feed, error)


cdef int feed_next(ArrowArrayStream *stream, ArrowArray *to) noexcept with gil:
    cdef Feed *feed = <Feed *>stream.private_data
    cdef ArrowArray *array
    memset(to, 0, sizeof(ArrowArray))
    try:
        batch = next(<object>feed.batches, None)
        if batch is not None:
            _, capsule = batch.__arrow_c_array__()
            array = <ArrowArray *>PyCapsule_GetPointer(capsule, "arrow_array")
            to[0] = array[0]
            array.release = NULL
        return 0
    except BaseException as error:
        return note(feed, error)


cdef int note(Feed *feed, error) noexcept:
    """Keeps the error's text for get_last_error."""
    cdef bytes text
    try:
        text = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        free(feed.error)
        feed.error = copied(text, len(text) + 1)
    except BaseException:
        feed.error = NULL
    return 5   # EIO


cdef const char *feed_error(ArrowArrayStream *stream) noexcept nogil:
    return (<Feed *>stream.private_data).error


cdef void feed_release(ArrowArrayStream *stream) noexcept with gil:
    cdef Feed *feed = <Feed *>stream.private_data
    Py_DECREF(<object>feed.batches)
    Py_DECREF(<object>feed.shape)
    free(feed.error)
    free(feed)
    stream.release = NULL


cdef void drop_stream_capsule(capsule) noexcept:
    cdef ArrowArrayStream *stream = <ArrowArrayStream *>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    if stream.release != NULL:
        stream.release(stream)
    free(stream)


cdef stream_of(Shape shape, batches):
    """A capsule `arrow_array_stream` of the batches that an iterator yields, each taken when the consumer asks."""
    cdef ArrowArrayStream *stream = <ArrowArrayStream *>calloc(1, sizeof(ArrowArrayStream))
    cdef Feed *feed = <Feed *>calloc(1, sizeof(Feed))
    if stream == NULL or feed == NULL:
        free(stream)
        free(feed)
        raise MemoryError
    Py_INCREF(batches)
    Py_INCREF(shape)
    feed.batches, feed.shape = <PyObject *>batches, <PyObject *>shape
    stream.private_data = feed
    stream.get_schema, stream.get_next = feed_schema, feed_next
    stream.get_last_error, stream.release = feed_error, feed_release
    return PyCapsule_New(stream, "arrow_array_stream", drop_stream_capsule)


cdef read_stream(capsule):
    """The batches of a capsule that `__arrow_c_stream__` gave. Raises `OSError` where the producer fails."""
    cdef ArrowArrayStream *given = <ArrowArrayStream *>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    cdef Stream made = Stream.__new__(Stream)
    cdef ArrowSchema schema
    cdef int failed
    if given.release == NULL:
        raise ValueError("this Arrow stream has been read before")
    made.stream = given[0]
    given.release = NULL
    memset(&schema, 0, sizeof(schema))
    with nogil:
        failed = made.stream.get_schema(&made.stream, &schema)
    if failed:
        made.fail(failed)
    made.shape = shape_from(&schema)
    return made


cdef read_array(schema_capsule, array_capsule):
    """The batch of the capsules that `__arrow_c_array__` gave."""
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(schema_capsule, "arrow_schema")
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(array_capsule, "arrow_array")
    if schema.release == NULL or array.release == NULL:
        raise ValueError("this Arrow array has been read before")
    return batch_from(shape_from(schema), array)


cdef from_buffers(columns, int64_t rows):
    """A batch of tuples (name, format, nulls, buffers), each buffer `None` or an object with bytes, which are copied."""
    cdef Shape shape
    cdef Batch batch
    cdef list described = []
    cdef Py_buffer view
    cdef int64_t i = 0, b
    cdef void *memory
    cdef ArrowArray *array
    for column in columns:
        described.append(column[:2])
    shape = shape_of(described)
    batch = new_batch(shape, rows)
    for _, _, nulls, buffers in columns:
        array = batch.tree.array.children[i]
        new_array(array, rows, nulls, len(buffers), 0)
        for b, given in enumerate(buffers):
            if given is not None:
                PyObject_GetBuffer(given, &view, PyBUF_SIMPLE)
                try:
                    memory = taken(view.len)
                    own_buffer(array, b, memory)
                    memcpy(memory, view.buf, view.len)
                finally:
                    PyBuffer_Release(&view)
        i += 1
    check_array(&shape.schema, &batch.tree.array)
    return batch

@cython.no_gc
cdef class Kernel:
    """A kernel of the core: "auto" is the best that this CPU supports."""
    cdef const sr_kernel *k

    def __cinit__(self, str kernel="auto"):
        cdef size_t i = 0
        self.k = sr_kernel_best(sr_cpu()) if kernel == "auto" else sr_kernel_at(0)
        while kernel != "auto" and self.k != NULL and self.k.name.decode() != kernel:
            i += 1
            self.k = sr_kernel_at(i)
        if self.k == NULL:
            raise ValueError(f"unknown kernel {kernel!r}")
        if self.k.needs & sr_cpu() != self.k.needs:
            raise ValueError(f"this CPU does not support the kernel {kernel!r}")
