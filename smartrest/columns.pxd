# The names of the Arrow structs (src_c/columns/arrow.h) and of the C core that the parts of columns.pyx use.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "arrow.h" nogil:
    cdef struct ArrowSchema:
        const char *format
        const char *name
        const char *metadata
        int64_t flags
        int64_t n_children
        ArrowSchema **children
        ArrowSchema *dictionary
        void (*release)(ArrowSchema *) noexcept nogil
        void *private_data

    cdef struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void **buffers
        ArrowArray **children
        ArrowArray *dictionary
        void (*release)(ArrowArray *) noexcept nogil
        void *private_data

    cdef struct ArrowArrayStream:
        int (*get_schema)(ArrowArrayStream *, ArrowSchema *) noexcept nogil
        int (*get_next)(ArrowArrayStream *, ArrowArray *) noexcept nogil
        const char *(*get_last_error)(ArrowArrayStream *) noexcept nogil
        void (*release)(ArrowArrayStream *) noexcept nogil
        void *private_data

    int64_t ARROW_FLAG_NULLABLE

cdef extern from "sr.h" nogil:
    ctypedef struct sr_kernel:
        const char *name
        uint32_t needs

    uint32_t sr_cpu()
    const sr_kernel *sr_kernel_best(uint32_t cpu)
    const sr_kernel *sr_kernel_at(size_t i)
