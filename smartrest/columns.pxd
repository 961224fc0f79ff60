# The names of the Arrow structs (src_c/columns/arrow.h) and of the C core that the parts of columns.pyx use.
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "<stdint.h>":
    size_t SIZE_MAX
    size_t UINT32_MAX

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

cdef extern from "decode.h" nogil:
    ctypedef struct sr_row:
        uint32_t first
        uint32_t start

    ctypedef struct sr_tape:
        uint32_t *ends
        sr_row *rows

    enum:
        SR_SLACK
        SR_ROW_SLACK
        SR_ID_TABLE
        SR_TOO_LARGE

    int sr_template_number(const uint8_t *src, size_t length)

    ctypedef enum srd_layout:
        SRD_OFFSETS
        SRD_LARGE_OFFSETS
        SRD_VIEWS

    ctypedef struct srd_texts:
        srd_layout layout
        int64_t rows
        int64_t offset
        const uint8_t *valid
        const uint8_t *values
        const uint8_t *data
        const uint8_t *const *buffers
        const uint8_t *sizes
        int64_t n_buffers

    ctypedef struct srd_source:
        srd_texts texts
        const uint8_t *indices
        int index_width
        int64_t rows
        int64_t offset
        const uint8_t *valid

    int srd_payload(const srd_source *source, int64_t row, const uint8_t **payload, size_t *length)

    ctypedef enum srd_kind:
        SRD_DICTIONARY
        SRD_UTF8
        SRD_VIEW
        SRD_FLOAT
        SRD_INT
        SRD_TIME
        SRD_BOOL

    ctypedef struct srd_word:
        uint32_t len

    ctypedef struct srd_words:
        uint64_t seed[2]
        srd_word *words
        int32_t *ends
        uint32_t n
        uint32_t room
        uint64_t *slots
        size_t n_slots
        uint8_t *data
        size_t n_data
        size_t data_room

    void srd_clear(srd_words *words)
    void srd_rehash(srd_words *words)

    ctypedef struct srd_column:
        srd_kind kind
        uint32_t field
        uint32_t step
        uint32_t group
        size_t size
        uint8_t *valid
        void *values
        int32_t *lists
        size_t room
        srd_words words

    ctypedef struct srd_plan:
        const uint8_t *id
        size_t id_len
        srd_column *columns
        size_t n_columns
        size_t n
        size_t room
        int64_t *payloads
        int32_t *rows
        uint8_t *reasons
        uint32_t *picked

    ctypedef struct srd_error:
        int64_t payload
        size_t row
        size_t field
        size_t position
        int status

    ctypedef enum srd_status:
        SRD_DONE
        SRD_PAUSE
        SRD_FULL_TAPE
        SRD_FULL_ROWS
        SRD_FULL_CELLS
        SRD_FULL_WORDS
        SRD_FULL_DATA
        SRD_FULL_ERRORS
        SRD_BAD_SOURCE

    ctypedef struct srd_reader:
        const sr_kernel *kernel
        srd_plan *plans
        size_t n_plans
        int16_t plan_of[SR_ID_TABLE]
        bint by_text
        size_t pause
        int (*long_float)(const uint8_t *src, size_t length, double *value) noexcept nogil
        sr_tape tape
        size_t tape_room
        uint8_t *scratch
        uint32_t *bad
        srd_error *errors
        size_t n_errors
        size_t errors_room
        size_t rows_in
        size_t rows_out
        size_t skipped
        size_t full_plan
        size_t full_column
        size_t needed

    ctypedef srd_status (*srd_decode)(srd_reader *d, const srd_source *source, int64_t *next) noexcept
    srd_decode srd_decode_of(const sr_kernel *k)
    size_t srd_pack_bits(const uint8_t *flags, size_t n, uint8_t *bits)
    void srd_take(const uint8_t *values, size_t width, int64_t offset, const int64_t *rows, size_t n, uint8_t *to)
    size_t srd_take_bits(const uint8_t *bits, int64_t offset, const int64_t *rows, size_t n, uint8_t *to)
    size_t srd_take_size(const srd_texts *texts, const int64_t *rows, size_t n)
    void srd_take_texts(const srd_texts *texts, const int64_t *rows, size_t n, uint8_t *offsets, uint8_t *data)

cdef extern from "sr.h" nogil:
    ctypedef struct sr_style:
        uint8_t escape
        bint all
        bint refuse_backslash

    enum:
        SR_ESCAPE
        SR_QUOTE

cdef extern from "encode.h" nogil:
    ctypedef enum sre_kind:
        SRE_NULL
        SRE_TEXT
        SRE_LARGE_TEXT
        SRE_VIEW
        SRE_ENTRY
        SRE_INDEX

    ctypedef enum sre_stop:
        SRE_DONE
        SRE_FULL_TABLE
        SRE_FULL_OUTPUT
        SRE_FULL_STORE
        SRE_FULL_ERRORS
        SRE_ASK

    enum:
        SRE_PADDING
        SRE_BAD_DEVICE
        SRE_MISSING
        SRE_NO_DEVICE
        SRE_UNSEEN

    ctypedef struct sre_entry:
        size_t start
        uint32_t len

    ctypedef struct sre_column:
        sre_kind kind
        int width
        int64_t scale
        bint needed
        int64_t rows
        int64_t offset
        const uint8_t *valid
        const uint8_t *values
        const uint8_t *data
        int64_t n_data
        const uint8_t *const *buffers
        const uint8_t *sizes
        int64_t n_buffers
        const sre_column *dictionary
        int64_t n_dictionary
        const sre_entry *entries

    ctypedef struct sre_constant:
        const uint8_t *text
        size_t len

    ctypedef struct sre_plan:
        const sr_kernel *kernel
        sr_style style
        size_t last
        size_t n_columns
        const sre_constant *constants
        size_t limit
        size_t budget
        size_t room

    ctypedef struct sre_output:
        uint8_t *data
        size_t size
        size_t len
        size_t start
        uint32_t rows
        uint32_t n
        uint32_t slots
        int32_t *ends
        int32_t *counts
        uint32_t *devices
        size_t need

    ctypedef struct sre_text:
        uint8_t *data
        size_t size
        size_t len
        size_t need

    ctypedef struct sre_error:
        int64_t row
        int32_t column
        int32_t reason
        size_t size
        size_t limit

    ctypedef struct sre_errors:
        sre_error *items
        size_t n
        size_t slots

    ctypedef struct sre_devices:
        uint64_t seed[2]
        uint64_t *slots
        size_t n_slots
        uint8_t *ids
        size_t ids_size
        uint32_t *starts
        uint32_t n
        uint32_t room
        size_t most
        size_t longest

    ctypedef struct sre_tail:
        const uint8_t *text
        uint32_t len
        uint32_t rows

    ctypedef struct sre_groups:
        const uint8_t *text
        const uint64_t *order
        const uint32_t *starts
        const sre_devices *devices
        sre_tail *tails
        uint32_t device
        uint32_t to
        bint stay
        size_t leave
        uint8_t *store
        size_t store_size
        size_t store_len
        uint32_t block
        uint32_t *live
        uint32_t left
        uint64_t n_rows

    ctypedef struct sre_layer:
        int64_t (*rows)(sre_plan *, const sre_column *, int64_t, int64_t, int64_t, const sre_devices *, int32_t *,
                        uint64_t *, sre_text *, sre_errors *) noexcept nogil
        int64_t (*entries)(sre_plan *, const sre_column *, int64_t, uint8_t *, size_t, size_t *, sre_entry *,
                           size_t *) noexcept nogil

    const sre_layer *sre_layer_of(const sr_kernel *k)
    void sre_start(sre_plan *plan)
    bint sre_text_at(const sre_column *column, int64_t row, const uint8_t **text, size_t *length)
    double sre_float_at(const sre_column *column, int64_t row)
    uint64_t sre_index_at(const sre_column *column, int64_t row)
    bint sre_is_within(const sre_column *column, int64_t row)
    void sre_move(sre_output *out, uint8_t *data, size_t size)
    sre_stop sre_find_devices(sre_devices *d, const sre_column *column, int64_t first, int64_t *row, int64_t to,
                              int32_t *map, int32_t *numbers, sre_errors *errors)
    uint32_t sre_add_device(sre_devices *d, const uint8_t *id, size_t length)
    void sre_rehash(sre_devices *d)
    void sre_keep_open(const sre_devices *old, const sre_tail *old_tails, sre_devices *new, sre_tail *tails)
    size_t sre_fullest(const sre_tail *tails, uint32_t n, size_t most)
    uint32_t sre_count_rows(const int32_t *numbers, size_t n, uint32_t *counts)
    void sre_sum_rows(uint32_t *counts, uint32_t n_devices)
    void sre_order_rows(const int32_t *numbers, const uint64_t *spans, size_t n, uint32_t *counts, uint64_t *order)
    sre_stop sre_pack(const sre_plan *plan, sre_groups *groups, sre_output *out)
    size_t sre_put_topics(const sre_devices *d, const uint8_t *prefix, size_t n_prefix, const uint32_t *devices,
                          size_t n, int32_t *offsets, uint8_t *text)
