# Arrow batches in and out: the structs of the C data interface, and what owns them.
#
# What the other parts get:
#   Kernel         (columns_streams.pxi) `kernel.k`, one CPU variant of the core; `Engine` (columns_engine.pxi) adds the
#                  functions that smartrest.arrow calls.
#   Batch          rows of a table, read from others or made here. `batch.column(i)` is a Column; `batch.tree` counts
#                  those that share the memory, so that exporting copies nothing and needs no GIL to let go.
#   Column         one column: `format`, `length`, `nulls` (-1: unknown), `offset`, `valid` (NULL where all rows have a
#                  value), `array.buffers`, `dictionary`. It keeps its batch alive. The number of buffers has been
#                  checked, their content has not: no offset, view or index is sure to be in range.
#   Shape          the columns of a table: names, formats, and the ArrowSchema.
#   new_batch(shape, rows), then new_array for each of batch.tree.array.children, own_buffer for memory from `taken`,
#                  share or share_array for that of another batch: a batch to export.

cdef int64_t MOST_ROWS = <int64_t>1 << 40   # so that no product with a width overflows

cdef extern from *:
    """
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    static inline int64_t count_more(int64_t *count, int64_t more) { return _InterlockedExchangeAdd64(count, more) + more; }
    #else
    static inline int64_t count_more(int64_t *count, int64_t more) { return __atomic_add_fetch(count, more, __ATOMIC_ACQ_REL); }
    #endif
    """
    int64_t count_more(int64_t *count, int64_t more) noexcept nogil

# ---- schemas ---------------------------------------------------------------------------------------------------------

cdef void free_schema(ArrowSchema *schema) noexcept nogil:
    """Releases a schema that copy_schema or new_schema has made."""
    cdef int64_t i
    for i in range(schema.n_children):
        if schema.children[i] != NULL and schema.children[i].release != NULL:
            schema.children[i].release(schema.children[i])
        free(schema.children[i])
    if schema.dictionary != NULL and schema.dictionary.release != NULL:
        schema.dictionary.release(schema.dictionary)
    free(schema.dictionary)
    free(schema.children)
    free(<void *>schema.format)
    free(<void *>schema.name)
    free(<void *>schema.metadata)
    schema.release = NULL


cdef char *copied(const char *text, size_t size) except NULL:
    cdef char *made = <char *>malloc(size)
    if made == NULL:
        raise MemoryError
    memcpy(made, text, size)
    return made


cdef size_t metadata_size(const char *metadata) noexcept:
    """A number of pairs, then each key and value after its length."""
    cdef int32_t pairs, length
    cdef size_t at = 4
    cdef int i
    memcpy(&pairs, metadata, 4)
    for i in range(2 * pairs):
        memcpy(&length, metadata + at, 4)
        at += 4 + length
    return at


cdef int new_schema(ArrowSchema *to, const char *format, const char *name, int64_t flags, int64_t n_children) except -1:
    memset(to, 0, sizeof(ArrowSchema))
    to.release = free_schema   # also of a schema that is not complete
    to.format = copied(format, strlen(format) + 1)
    if name != NULL:
        to.name = copied(name, strlen(name) + 1)
    to.flags = flags
    if n_children:
        to.children = <ArrowSchema **>calloc(n_children, sizeof(ArrowSchema *))
        if to.children == NULL:
            raise MemoryError
        to.n_children = n_children
    return 0


cdef ArrowSchema *new_child(ArrowSchema **place) except NULL:
    place[0] = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
    if place[0] == NULL:
        raise MemoryError
    return place[0]


cdef int copy_schema(const ArrowSchema *schema, ArrowSchema *to) except -1:
    cdef int64_t i
    new_schema(to, schema.format, schema.name, schema.flags, schema.n_children)
    if schema.metadata != NULL:
        to.metadata = copied(schema.metadata, metadata_size(schema.metadata))
    for i in range(schema.n_children):
        copy_schema(schema.children[i], new_child(&to.children[i]))
    if schema.dictionary != NULL:
        copy_schema(schema.dictionary, new_child(&to.dictionary))
    return 0


cdef void drop_schema_capsule(capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, "arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    free(schema)


cdef bytes bytes_or_empty(const char *text):
    return b"" if text == NULL else <bytes>text


@cython.final
@cython.no_gc
cdef class Shape:
    """The columns of a table: `names` and `formats` (of Arrow's C data interface)."""
    cdef ArrowSchema schema
    cdef readonly tuple names
    cdef readonly tuple formats

    def __init__(self, *_):
        raise TypeError("made by the engine")

    def __dealloc__(self):
        if self.schema.release != NULL:
            self.schema.release(&self.schema)

    def __arrow_c_schema__(self):
        cdef ArrowSchema *made
        made = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
        if made == NULL:
            raise MemoryError
        capsule = PyCapsule_New(made, "arrow_schema", drop_schema_capsule)
        copy_schema(&self.schema, made)
        return capsule

    cdef describe(self):
        cdef int64_t i
        cdef list names = [], formats = []
        for i in range(self.schema.n_children):
            names.append(bytes_or_empty(self.schema.children[i].name).decode("utf-8", "replace"))
            formats.append(bytes_or_empty(self.schema.children[i].format).decode("ascii", "replace"))
        self.names, self.formats = tuple(names), tuple(formats)


cdef Shape shape_from(ArrowSchema *schema):
    """Takes the schema over."""
    cdef Shape shape = Shape.__new__(Shape)
    shape.schema = schema[0]
    schema.release = NULL
    if strcmp(shape.schema.format, b"+s"):
        raise TypeError(f"expected a table, a struct of columns in Arrow's terms, not {<bytes>shape.schema.format!r}")
    shape.describe()
    return shape


cdef int describe_child(ArrowSchema *child, tuple column) except -1:
    """A column: (name, format), or (name, format, format of the dictionary's or list's values)."""
    cdef bint is_list = column[1] == "+l"
    new_schema(child, column[1].encode(), column[0].encode(), ARROW_FLAG_NULLABLE, is_list)
    if len(column) > 2:
        new_schema(new_child(&child.children[0] if is_list else &child.dictionary), column[2].encode(),
                   b"item" if is_list else b"", ARROW_FLAG_NULLABLE, 0)
    return 0


cdef Shape shape_of(columns):
    """A Shape of columns as describe_child takes them."""
    cdef Shape shape = Shape.__new__(Shape)
    cdef int64_t i = 0
    new_schema(&shape.schema, b"+s", NULL, 0, len(columns))
    for column in columns:
        describe_child(new_child(&shape.schema.children[i]), column)
        i += 1
    shape.describe()
    return shape

# ---- arrays ----------------------------------------------------------------------------------------------------------

cdef struct Tree:            # an array and its children, shared by all that refer to its memory; the last one frees it
    ArrowArray array
    int64_t uses


cdef void let_go(Tree *tree) noexcept nogil:
    if tree != NULL and count_more(&tree.uses, -1) == 0:
        if tree.array.release != NULL:
            tree.array.release(&tree.array)
        free(tree)


cdef Tree *new_tree() except NULL:
    cdef Tree *tree = <Tree *>calloc(1, sizeof(Tree))
    if tree == NULL:
        raise MemoryError
    tree.uses = 1
    return tree


cdef struct Node:            # the private data of an array made here
    Tree *shared             # owns the buffers that this array does not, or NULL
    void *owned[1]           # for each buffer: what to free, or NULL


cdef void free_array(ArrowArray *array) noexcept nogil:
    cdef Node *node = <Node *>array.private_data
    cdef int64_t i
    for i in range(array.n_children):
        if array.children[i] != NULL and array.children[i].release != NULL:   # else it has been moved
            array.children[i].release(array.children[i])
        free(array.children[i])
    if array.dictionary != NULL and array.dictionary.release != NULL:
        array.dictionary.release(array.dictionary)
    free(array.dictionary)
    for i in range(array.n_buffers):
        free(node.owned[i])
    let_go(node.shared)
    free(node)
    free(array.children)
    free(array.buffers)
    array.release = NULL


cdef int new_array(ArrowArray *to, int64_t length, int64_t nulls, int64_t n_buffers, int64_t n_children) except -1:
    """An array without buffers, its children (and their structs) still empty."""
    cdef int64_t i
    memset(to, 0, sizeof(ArrowArray))
    to.private_data = calloc(1, sizeof(Node) + n_buffers * sizeof(void *))
    if to.private_data == NULL:
        raise MemoryError
    to.release = free_array
    to.length = length
    to.null_count = nulls
    if n_buffers:
        to.buffers = <const void **>calloc(n_buffers, sizeof(void *))
        if to.buffers == NULL:
            raise MemoryError
        to.n_buffers = n_buffers
    if n_children:
        to.children = <ArrowArray **>calloc(n_children, sizeof(ArrowArray *))
        if to.children == NULL:
            raise MemoryError
        to.n_children = n_children
        for i in range(n_children):
            new_array_at(&to.children[i])
    return 0


cdef ArrowArray *new_array_at(ArrowArray **place) except NULL:
    place[0] = <ArrowArray *>calloc(1, sizeof(ArrowArray))
    if place[0] == NULL:
        raise MemoryError
    return place[0]


cdef void own_buffer(ArrowArray *array, int64_t i, void *memory) noexcept:
    """Buffer i is this memory, which the array frees."""
    array.buffers[i] = memory
    (<Node *>array.private_data).owned[i] = memory


cdef void share(ArrowArray *array, Tree *tree) noexcept:
    """Keeps the tree until the array is released: the array may have buffers of it."""
    count_more(&tree.uses, 1)
    (<Node *>array.private_data).shared = tree


cdef int share_array(const ArrowArray *array, Tree *tree, ArrowArray *to) except -1:
    """An array with the same buffers as one of the tree, and its children."""
    cdef int64_t i
    new_array(to, array.length, array.null_count, array.n_buffers, array.n_children)
    to.offset = array.offset
    share(to, tree)
    for i in range(array.n_buffers):
        to.buffers[i] = array.buffers[i]
    for i in range(array.n_children):
        share_array(array.children[i], tree, to.children[i])
    if array.dictionary != NULL:
        share_array(array.dictionary, tree, new_array_at(&to.dictionary))
    return 0


cdef void drop_array_capsule(capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


cdef int buffers_of(const char *format) noexcept:
    """The buffers that an array of this format has; -1 for those that vary, -2 for formats not known here."""
    if format[0] == b"n":
        return 0
    if format[0] == b"v" and (format[1] == b"u" or format[1] == b"z"):
        return -1
    if format[0] in b"uUzZ":
        return 3
    if format[0] in b"bcCsSiIlLefgdtw":
        return 2
    if format[0] == b"+" and format[1] == b"s":
        return 1
    if format[0] == b"+" and (format[1] == b"l" or format[1] == b"L"):
        return 2
    return -2


cdef int check_array(const ArrowSchema *schema, const ArrowArray *array) except -1:
    """Raises ValueError unless the array has the buffers and children that its schema asks for."""
    cdef int64_t i
    cdef int expected = buffers_of(schema.format)
    if (array.length < 0 or array.offset < 0 or array.length > MOST_ROWS or array.offset > MOST_ROWS
            or array.n_buffers < 0 or array.n_buffers > MOST_ROWS or (array.n_buffers and array.buffers == NULL)
            or array.n_children != schema.n_children or (array.dictionary == NULL) != (schema.dictionary == NULL)
            or (expected >= 0 and array.n_buffers != expected) or (expected == -1 and array.n_buffers < 3)):
        raise ValueError(f"Arrow array of format {<bytes>schema.format!r} has the wrong number of parts")
    if expected != -2 and array.length and not has_buffers(schema.format, array, expected):
        raise ValueError(f"Arrow array of format {<bytes>schema.format!r} lacks a buffer")
    for i in range(array.n_children):
        check_array(schema.children[i], array.children[i])
    if array.dictionary != NULL:
        check_array(schema.dictionary, array.dictionary)
    return 0


cdef bint has_buffers(const char *format, const ArrowArray *array, int expected) noexcept:
    if array.n_buffers and array.buffers[0] == NULL and array.null_count > 0:
        return False
    if expected == -1:
        return array.buffers[1] != NULL and (array.n_buffers == 3 or array.buffers[array.n_buffers - 1] != NULL)
    return array.n_buffers < 2 or array.buffers[1] != NULL   # texts that are all empty may have no data

# ---- batches and columns ---------------------------------------------------------------------------------------------

@cython.final
@cython.no_gc
cdef class Batch:
    """Rows of a table. Anything that reads the Arrow PyCapsule interface takes it."""
    cdef Tree *tree
    cdef readonly Shape shape

    def __init__(self, *_):
        raise TypeError("made by the engine")

    def __dealloc__(self):
        let_go(self.tree)

    @property
    def num_rows(self):
        return self.tree.array.length

    def __len__(self):
        return self.tree.array.length

    @property
    def schema(self):
        return self.shape

    def __arrow_c_schema__(self):
        return self.shape.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema=None):
        cdef ArrowArray *made = <ArrowArray *>calloc(1, sizeof(ArrowArray))
        if made == NULL:
            raise MemoryError
        capsule = PyCapsule_New(made, "arrow_array", drop_array_capsule)
        share_array(&self.tree.array, self.tree, made)
        return self.shape.__arrow_c_schema__(), capsule

    cdef Column column(self, int64_t i):
        cdef Column column = Column.__new__(Column)
        column.batch = self
        column.open(self.shape.schema.children[i], self.tree.array.children[i])
        return column


cdef Batch batch_from(Shape shape, ArrowArray *array):
    """A batch read from others; takes the array over."""
    cdef Batch batch = Batch.__new__(Batch)
    cdef int64_t i
    batch.tree = new_tree()
    batch.tree.array = array[0]
    array.release = NULL
    batch.shape = shape
    array = &batch.tree.array
    check_array(&shape.schema, array)
    for i in range(array.n_children):
        if array.children[i].length < array.offset + array.length:
            raise ValueError(f"column {shape.names[i]!r} is shorter than its table")
    if array.null_count and array.n_buffers and array.buffers[0] != NULL:
        raise ValueError("a row of a table cannot be null itself, only its values")
    for i in range(array.n_children):
        slice_array(array.children[i], array.offset, array.length)
    array.offset = 0   # consumers such as pyarrow refuse another one
    return batch


cdef void slice_array(ArrowArray *array, int64_t offset, int64_t length) noexcept:
    if offset or length < array.length:
        array.offset += offset
        array.length = length
        array.null_count = -1 if array.null_count else 0


cdef Batch new_batch(Shape shape, int64_t rows):
    """A batch to fill: each column an array that new_array has yet to make."""
    cdef Batch batch = Batch.__new__(Batch)
    batch.tree = new_tree()
    batch.shape = shape
    new_array(&batch.tree.array, rows, 0, 1, shape.schema.n_children)
    return batch


@cython.final
@cython.no_gc
cdef class Column:
    cdef Batch batch             # owns the memory
    cdef const ArrowSchema *schema
    cdef const ArrowArray *array
    cdef const char *format
    cdef int64_t length, nulls, offset
    cdef const uint8_t *valid    # a bit for each row, from `offset` on; NULL: all rows have a value
    cdef readonly Column dictionary

    cdef open(self, const ArrowSchema *schema, const ArrowArray *array):
        self.schema, self.array, self.format = schema, array, schema.format
        self.length, self.offset = array.length, array.offset
        self.nulls = array.null_count
        if self.nulls and array.n_buffers and strcmp(schema.format, b"n"):
            self.valid = <const uint8_t *>array.buffers[0]
        if schema.dictionary != NULL:
            self.dictionary = Column.__new__(Column)
            self.dictionary.batch = self.batch
            self.dictionary.open(schema.dictionary, array.dictionary)


cdef void *taken(size_t size) except NULL:
    """Memory from malloc."""
    cdef void *memory = malloc(size + 1)   # malloc(0) may return NULL
    if memory == NULL:
        raise MemoryError
    return memory
