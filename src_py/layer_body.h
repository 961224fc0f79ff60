/* The loops over fields, compiled once with short_portable.h and once with short_avx512.h. SRP_FN is the target attribute,
 * SRP_LAYER the name of the table at the end. srp.h says what the functions promise.
 *
 * Sensor data repeats its words (fragments, units, device IDs), so short texts come from a small direct-mapped cache. A
 * text is admitted when it comes a second time; when too few look-ups hit, the cache steps aside for a while. Numbers
 * rarely repeat and are never looked up.
 */

/* ---- from spans to str and tuples ------------------------------------------------------------------------------------- */

SRP_FN static inline PyObject *make_short(short_text s, size_t n) {
    uint8_t *data = NULL;
    PyObject *text = srp_new_ascii(n, &data);
    if (text) short_store(data, s, n);
    return text;
}

SRP_FN static inline PyObject *cached(srp_strings *strings, short_text s, size_t n) {
    if (strings->bypass) {
        strings->bypass--;
        return make_short(s, n);
    }
    uint64_t hash = short_hash(s, n);
    uint32_t tag = (uint32_t)hash | 1;
    srp_slot *slot = &strings->slots[hash >> 40 & (SRP_SLOTS - 1)];
    if (++strings->lookups == SRP_TRIAL) srp_look_at_hit_rate(strings);
    PyObject *text = slot->text;
    if (text && slot->tag == tag && (size_t)PyUnicode_GET_LENGTH(text) == n && short_equal(s, PyUnicode_DATA(text), n)) {
        strings->hits++;
        Py_INCREF(text);
        return text;
    }
    text = make_short(s, n);
    if (slot->seen != tag) {
        slot->seen = tag;
    } else if (text) {
        Py_INCREF(text);
        Py_XSETREF(slot->text, text);
        slot->tag = tag;
    }
    return text;
}

SRP_FN static inline PyObject *short_or_cached(srp_strings *strings, short_text s, size_t n, uint8_t first) {
    bool number = first <= '9' && n > 3;
    return number || !strings->enabled ? make_short(s, n) : cached(strings, s, n);
}

#if defined(SRP_BLOCK)
SRP_FN static inline PyObject *make_block(block_text t, size_t n) {
    uint8_t *data = NULL;
    PyObject *text = srp_new_ascii(n, &data);
    if (text) block_store(data, t, n);
    return text;
}
#endif

SRP_FN static SR_NO_INLINE PyObject *long_text(const sr_kernel *k, const uint8_t *src, size_t len, bool wide) {
#if defined(SRP_BLOCK)
    if (len <= SRP_BLOCK) {
        block_text t = block_load(src, len);
        return wide && !block_ascii(t) ? srp_wide_text(k, src, len) : make_block(t, len);
    }
#endif
    if (wide) return srp_wide_text(k, src, len);
    PyObject *text = PyUnicode_New((Py_ssize_t)len, 127);
    if (text) memcpy(PyUnicode_DATA(text), src, len);
    return text;
}

#if defined(SRP_BLOCK)
/* The inside of a quoted field of the backslash dialect: up to a block in one register, else through the scratch. */
SRP_FN static SR_NO_INLINE PyObject *make_quoted(const srp_payload *p, const uint8_t *src, size_t len) {
    text_shape shape = {0};
    uint8_t *out = p->scratch;
    block_text t = block_load(src, 0);
    size_t n = 0;
    for (size_t base = 0; base < len; base += SRP_BLOCK) {
        size_t here = len - base < SRP_BLOCK ? len - base : SRP_BLOCK;
        t = block_load(src + base, here);
        uint64_t escapes = escapes_of(t, base + SRP_BLOCK < len && src[base + SRP_BLOCK] == SR_QUOTE);
        if (escapes) {
            here -= ones(escapes);
            t = _mm512_maskz_compress_epi8(~escapes, t);
        }
        block_store(out + n, t, SRP_BLOCK);
        add_shape(&shape, t, here);
        n += here;
    }
    if (shape.characters < n) return srp_new_wide(p->kernel, out, n, shape.characters, width_of(&shape));
    if (len > SRP_BLOCK) return long_text(p->kernel, out, n, false);
    if (n > SRP_CACHED) return make_block(t, n);
    uint8_t first = block_first(t);
    if (n > 1) return short_or_cached(p->strings, block_head(t), n, first);
    PyObject *text = n ? p->strings->ascii[first] : p->strings->empty;
    Py_INCREF(text);
    return text;
}
#endif

SRP_FN static inline PyObject *make_text(srp_strings *strings, const sr_kernel *k, const uint8_t *src, size_t len, bool wide) {
    if (len <= 1) {
        PyObject *text = len ? strings->ascii[src[0]] : strings->empty;
        Py_INCREF(text);
        return text;
    }
    if (len > SRP_CACHED) return long_text(k, src, len, wide);
    short_text s = short_load(src, len);
    if (wide && !short_ascii(s, len)) return srp_wide_text(k, src, len);
    return short_or_cached(strings, s, len, src[0]);
}

SRP_FN static SR_NO_INLINE PyObject *new_id(srp_strings *strings, const sr_kernel *k, const uint8_t *src, size_t len,
                                            bool wide, int number) {
    PyObject *text = make_text(strings, k, src, len, wide);
    if (text && number >= 0) {
        Py_INCREF(text);
        strings->ids[number] = text;
    }
    return text;
}

/* The first field: template IDs are few, and as numbers they are found without a look into the cache. */
SRP_FN static inline PyObject *make_id(srp_strings *strings, const sr_kernel *k, const uint8_t *src, size_t len, bool wide) {
    int number = len == 3 ? sr_template_number(src, 3) : -1;
    PyObject *text = number < 0 ? NULL : strings->ids[number];
    if (!SRP_LIKELY(text != NULL)) return new_id(strings, k, src, len, wide, number);
    Py_INCREF(text);
    return text;
}

/* The value of the raw field [start, end). */
SRP_FN static inline PyObject *raw_text(const srp_payload *p, uint32_t flags, size_t start, size_t end, bool id) {
#if defined(SRP_BLOCK)
    if ((flags & (SR_HAS_QUOTE | SR_HAS_DOUBLED_ESCAPE)) == SR_HAS_QUOTE && p->tape->reading == SR_GREEDY &&
        end > start && p->src[start] == SR_QUOTE) {
        return make_quoted(p, p->src + start + 1, end - start - 2);
    }
#endif
    size_t len;
    const uint8_t *src = srp_bytes(p, flags, start, end, &len);
    bool wide = flags & SR_HAS_WIDE;
    return id ? make_id(p->strings, p->kernel, src, len, wide) : make_text(p->strings, p->kernel, src, len, wide);
}

/* The loop over the fields of a row, made once for plain payloads and once for any. */
SRP_FN static inline PyObject *row_of(const srp_payload *p, size_t r, uint32_t flags, srp_spare_rows *spare) {
    const sr_row *row = &p->tape->rows[r];
    size_t first = row->first, n = row[1].first - first, start = row->start;
    const uint32_t *ends = p->tape->ends + first;
    PyObject *tuple = srp_new_row(spare, n);
    if (!tuple) return NULL;
    for (size_t f = 0; f < n; f++) {
        size_t end = ends[f];
        if (flags & SR_HAS_CR) end = sr_trim_cr(p->src, p->len, start, end);
        PyObject *text = raw_text(p, flags, start, end, f == 0);
        if (!text) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)f, text);
        start = (size_t)ends[f] + 1;
    }
    return tuple;
}

SRP_FN static SR_NO_INLINE PyObject *any_row(const srp_payload *p, size_t r, srp_spare_rows *spare) {
    return row_of(p, r, p->tape->flags, spare);
}

SRP_FN static SR_NO_INLINE PyObject *plain_row(const srp_payload *p, size_t r, srp_spare_rows *spare) {
    return row_of(p, r, 0, spare);
}

static inline bool is_plain(const sr_tape *tape) {
    return !(tape->flags & (SR_HAS_QUOTE | SR_HAS_CR | SR_HAS_WIDE));
}

SRP_FN static PyObject *layer_row(const srp_payload *p, size_t r, srp_spare_rows *spare) {
    return is_plain(p->tape) ? plain_row(p, r, spare) : any_row(p, r, spare);
}

SRP_FN static PyObject *layer_rows(const srp_payload *p, size_t rows) {
    PyObject *list = PyList_New((Py_ssize_t)rows);
    if (list) PyObject_GC_UnTrack(list); /* it is seen once it is whole */
    bool plain = is_plain(p->tape);
    for (size_t r = 0; list && r < rows; r++) {
        PyObject *row = plain ? plain_row(p, r, NULL) : any_row(p, r, NULL);
        if (row) {
            PyObject_GC_UnTrack(row);
            PyList_SET_ITEM(list, (Py_ssize_t)r, row);
        } else {
            Py_CLEAR(list);
        }
    }
    if (list) PyObject_GC_Track(list);
    return list;
}

SRP_FN static PyObject *layer_field(const srp_payload *p, size_t f, const sr_row *row) {
    size_t len;
    const uint8_t *src = srp_field_bytes(p, f, row, &len);
    return make_text(p->strings, p->kernel, src, len, p->tape->flags & SR_HAS_WIDE);
}

static inline uint8_t kind_of(const srp_plan *plan, size_t f) {
    if (f == 0) return SRP_TEXT;
    if (f <= plan->n_fixed) return plan->fixed[f - 1];
    return plan->n_cycle ? plan->cycle[(f - 1 - plan->n_fixed) % plan->n_cycle] : SRP_TEXT;
}

SRP_FN static inline PyObject *typed_row_of(const srp_payload *p, size_t r, uint32_t flags, const srp_plan *plan,
                                            size_t *bad) {
    const sr_row *row = &p->tape->rows[r];
    size_t first = row->first, n = row[1].first - first, start = row->start;
    const uint32_t *ends = p->tape->ends + first;
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    if (!tuple) return NULL;
    for (size_t f = 0; f < n; f++) {
        uint8_t kind = kind_of(plan, f);
        size_t end = ends[f], len;
        if (flags & SR_HAS_CR) end = sr_trim_cr(p->src, p->len, start, end);
        const uint8_t *src = srp_bytes(p, flags, start, end, &len);
        int fits = 1;
        PyObject *value = f == 0 ? make_id(p->strings, p->kernel, src, len, flags & SR_HAS_WIDE)
                          : kind == SRP_TEXT ? make_text(p->strings, p->kernel, src, len, flags & SR_HAS_WIDE)
                                           : srp_typed(src, len, kind, &fits);
        if (!value || !fits) {
            Py_DECREF(tuple);
            *bad = first + f;
            return value; /* None: it does not fit */
        }
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)f, value);
        start = (size_t)ends[f] + 1;
    }
    return tuple;
}

SRP_FN static PyObject *layer_typed_row(const srp_payload *p, size_t r, const srp_plan *plan, size_t *bad) {
    return is_plain(p->tape) ? typed_row_of(p, r, 0, plan, bad) : typed_row_of(p, r, p->tape->flags, plan, bad);
}

SRP_FN static size_t layer_typed_rows(const srp_payload *p, size_t r, const srp_plans *plans, PyObject *list) {
    for (size_t bad; r < p->tape->n_rows; r++) {
        int number = srp_row_number(p, &p->tape->rows[r]);
        if (number < 0) break;
        PyObject *row = plans->of[number] ? layer_typed_row(p, r, plans->of[number], &bad) : layer_row(p, r, NULL);
        if (!row) return SIZE_MAX;
        if (row == Py_None) {
            Py_DECREF(row);
            break;
        }
        PyObject_GC_UnTrack(row);
        PyList_SET_ITEM(list, (Py_ssize_t)r, row);
    }
    return r;
}

SRP_FN static PyObject *layer_lone_row(srp_strings *strings, const sr_kernel *k, const uint8_t *src, sr_ends ends,
                                       srp_spare_rows *spare) {
    size_t n = ones(ends.low) + ones(ends.high), start = 0;
    sr_end_walk walk = {ends.low, ends.high, 0};
    PyObject *tuple = srp_new_row(spare, n);
    for (size_t f = 0; tuple && f < n; f++) {
        size_t end = sr_next_end(&walk);
        PyObject *text = f ? make_text(strings, k, src + start, end - start, false) : make_id(strings, k, src, end, false);
        if (text) {
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)f, text);
        } else {
            Py_CLEAR(tuple);
        }
        start = end + 1;
    }
    return tuple;
}

SRP_FN static PyObject *layer_lone_typed_row(srp_strings *strings, const sr_kernel *k, const uint8_t *src, sr_ends ends,
                                             const srp_plan *plan) {
    size_t n = ones(ends.low) + ones(ends.high), start = 0;
    sr_end_walk walk = {ends.low, ends.high, 0};
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (size_t f = 0; tuple && f < n; f++) {
        size_t end = sr_next_end(&walk), len = end - start;
        uint8_t kind = kind_of(plan, f);
        int fits = 1;
        PyObject *value = f == 0 ? make_id(strings, k, src, len, false)
                          : kind == SRP_TEXT ? make_text(strings, k, src + start, len, false)
                                           : srp_typed(src + start, len, kind, &fits);
        if (!value || !fits) {
            Py_DECREF(tuple);
            return value; /* None: it does not fit */
        }
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)f, value);
        start = end + 1;
    }
    return tuple;
}

/* ---- from values to bytes ----------------------------------------------------------------------------------------------- */

/* The values that most rows are made of: short ASCII, floats and ints. Writes to `at`, where there is room for
   SR_SHORT_ROOM bytes, and returns the end; NULL: take the long way. */
SRP_FN static inline uint8_t *put_quickly(uint8_t *at, PyObject *value, uint8_t escape) {
    if (SRP_LIKELY(PyUnicode_CheckExact(value))) {
#if PY_VERSION_HEX < 0x030C0000
        if (!SRP_LIKELY(PyUnicode_IS_READY(value))) return NULL;
#endif
        size_t n = (size_t)PyUnicode_GET_LENGTH(value);
        if (n > 64 || !PyUnicode_IS_ASCII(value)) return NULL;
        return n ? sr_short_field(at, PyUnicode_DATA(value), n, escape) : at;
    }
    size_t n = 0;
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        n = sr_put_float(number, at);
        if (!n && number - number == 0) n = sr_put_any_float(number, at); /* neither inf nor nan */
    } else if (PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (!overflow) n = (unsigned long long)number < 1000 ? sr_put_tiny((uint32_t)number, at) : sr_put_int(number, at);
    }
    return n ? at + n : NULL;
}

static SR_NO_INLINE int put_slowly(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
    if (PyUnicode_Check(value)) {
#if PY_VERSION_HEX < 0x030C0000
        if (PyUnicode_READY(value)) return SRP_NO_MEMORY;
#endif
        return srp_put_text(out, k, style, value);
    }
    if (PyLong_Check(value) || PyFloat_Check(value) || value == Py_None) return srp_put_number(out, style, value);
    return SRP_SLOW;
}

SRP_FN static int layer_put_value(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
    if (srp_reserve(out, SR_SHORT_ROOM)) return SRP_NO_MEMORY;
    uint8_t *end = style.all ? NULL : put_quickly(out->data + out->len, value, style.escape);
    if (!end) return put_slowly(out, k, style, value);
    out->len = (size_t)(end - out->data);
    return SR_OK;
}

/* A row at the end of the buffer. Where it fails, *field says why, and the bytes behind the old end mean nothing. */
SRP_FN static inline int put_fields(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *const *fields,
                                    Py_ssize_t n, Py_ssize_t *field) {
    size_t start = out->len;
    uint8_t *at = out->data + start; /* out->len follows only where somebody reads it */
    *field = 0;
    if (n == 0) return SR_EMPTY_ROW;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (out->data + out->size - at < SR_SHORT_ROOM + 1) {
            out->len = (size_t)(at - out->data);
            if (srp_grow(out, SR_SHORT_ROOM + 1)) return SRP_NO_MEMORY;
            at = out->data + out->len;
        }
        *at = SR_SEPARATOR;
        at += i > 0;
        if (i + 2 < n) SRP_PREFETCH(fields[i + 2]); /* texts made one by one lie anywhere */
        uint8_t *end = style.all ? NULL : put_quickly(at, fields[i], style.escape);
        if (!end) {
            out->len = (size_t)(at - out->data);
            int status = put_slowly(out, k, style, fields[i]);
            if (status != SR_OK) {
                *field = i;
                return status;
            }
            end = out->data + out->len;
        }
        at = end;
    }
    out->len = (size_t)(at - out->data);
    return out->len == start ? srp_put_empty_row(out) : SR_OK;
}

/* No code of users runs meanwhile, so a list stays as it is. */
SRP_FN static inline int put_row(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *row, Py_ssize_t *field) {
    size_t start = out->len;
    int status = PyTuple_Check(row)  ? put_fields(out, k, style, &PyTuple_GET_ITEM(row, 0), PyTuple_GET_SIZE(row), field)
                 : PyList_Check(row) ? put_fields(out, k, style, &PyList_GET_ITEM(row, 0), PyList_GET_SIZE(row), field)
                                     : SRP_SLOW;
    if (status != SR_OK) out->len = start;
    return status;
}

SRP_FN static int layer_put_row(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *row,
                                Py_ssize_t *field) {
    return put_row(out, k, style, row, field);
}

SRP_FN static Py_ssize_t layer_put_rows(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *rows,
                                        Py_ssize_t index, Py_ssize_t most) {
    bool tuple = PyTuple_Check(rows);
    Py_ssize_t n = tuple ? PyTuple_GET_SIZE(rows) : PyList_GET_SIZE(rows), field;
    for (; index < n; index++) {
        size_t before = out->len;
        if (srp_reserve(out, 1)) break;
        out->data[before] = SR_ROW_END;
        out->len += before > 0;
        int status = put_row(out, k, style, tuple ? PyTuple_GET_ITEM(rows, index) : PyList_GET_ITEM(rows, index), &field);
        if (status != SR_OK || (Py_ssize_t)out->len > most) {
            out->len = before;
            break;
        }
    }
    return index;
}

/* What most holes get: a short ASCII text without anything to quote. Writes it and returns its end, else NULL. */
SRP_FN static inline uint8_t *put_plainly(uint8_t *at, PyObject *value) {
    if (!PyUnicode_CheckExact(value)) return NULL;
#if PY_VERSION_HEX < 0x030C0000
    if (!SRP_LIKELY(PyUnicode_IS_READY(value))) return NULL;
#endif
    size_t n = (size_t)PyUnicode_GET_LENGTH(value);
    if (n > 32 || !PyUnicode_IS_ASCII(value)) return NULL;
    return n ? sr_plain_field(at, PyUnicode_DATA(value), n) : at;
}

/* Any other value of a hole, at the end of the buffer. */
SRP_FN static SR_NO_INLINE int fill_hole(srp_buffer *out, const sr_kernel *k, sr_style style, int kind, PyObject *value) {
    return srp_fits(kind, value) ? layer_put_value(out, k, style, value) : SRP_SLOW;
}

SRP_FN static int layer_fill(srp_buffer *out, const sr_kernel *k, sr_style style, const srp_hole *holes, Py_ssize_t n,
                             PyObject *const *values) {
    uint8_t *at = out->data + out->len, *stop = out->data + out->size; /* as in put_fields */
    for (Py_ssize_t i = 0;; i++) {
        const srp_hole *hole = &holes[i];
        size_t room = hole->n_before + SR_SHORT_ROOM;
        if ((size_t)(stop - at) < room) {
            out->len = (size_t)(at - out->data);
            if (srp_grow(out, room)) return SRP_NO_MEMORY;
            at = out->data + out->len;
            stop = out->data + out->size;
        }
        memcpy(at, hole->before, SRP_PADDING);
        if (hole->n_before > SRP_PADDING) memcpy(at, hole->before, hole->n_before);
        at += hole->n_before;
        if (i == n) break;
        uint8_t *end = hole->kind <= SRP_HOLE_STR && !style.all ? put_plainly(at, values[i]) : NULL;
        if (!end) {
            out->len = (size_t)(at - out->data);
            int status = fill_hole(out, k, style, hole->kind, values[i]);
            if (status != SR_OK) return status;
            end = out->data + out->len;
            stop = out->data + out->size;
        }
        at = end;
    }
    out->len = (size_t)(at - out->data);
    return SR_OK;
}

const srp_layer SRP_LAYER = {
    layer_field,    layer_row,     layer_rows,     layer_typed_row, layer_typed_rows, layer_lone_row, layer_lone_typed_row,
    layer_put_value, layer_put_row, layer_put_rows, layer_fill,
};
