# The public functions, as methods of an engine.

@cython.final
@cython.no_gc
cdef class Engine(Workspace):
    """Everything that `smartrest.core` offers, on one kernel: `Engine("avx2").decode(payload)`.

    Raises `ValueError` for a kernel that is unknown or not supported by this CPU. "auto" is the best one.
    """

    def decode(self, payload, *, strict=False, limit=None):
        """The rows of `payload`, each a tuple of its fields; the first field is the template ID.

        `payload` is `bytes`, `str` or any other object with a contiguous buffer of bytes. `strict` refuses a payload that
        is not strict in one dialect, and blanks outside the quotes of a quoted field (rules D7, D9). `limit` is the most
        bytes that the payload may have.

        Raises `DecodeError`, and nothing else for bytes or `str`. Rules D1 to D9 of docs/format.md.
        """
        cdef bytes data = bytes_of(payload)
        if limit is not None:
            check_size(data, limit)
        return decode_bytes(self, data, truth(strict))

    def decode_row(self, payload, *, strict=False):
        """The only row of `payload`, for topics whose payloads hold one row (`s/dcr`, `s/dat`), and for tests.

        Do not use it for `s/ds`, where the platform sends several rows in one payload. Raises `DecodeError` as `decode`
        does, and with reason `not_one_row` unless the payload has exactly one row. Rules D1 to D9 of docs/format.md.
        """
        return decode_one(self, bytes_of(payload), truth(strict))

    def split(self, payload):
        """The rows of `payload` in wire form, still escaped, without row ends, BOM and empty lines.

        Splits at the row ends that `decode` reads: a line feed inside quotes is data. Raises `DecodeError` as `decode`
        does. Rules D2, D4, D7 and D10 of docs/format.md.
        """
        cdef bytes data = bytes_of(payload)
        cdef Work *work = self.begin(data)
        cdef size_t r
        try:
            self.read(work, data, False)
            rows = []
            for r in range(work.tape.n_rows):
                rows.append(raw_row(&work.p, r))
            return rows
        finally:
            self.end(work)

    def scan(self, payload, *, strict=False):
        """The rows of `payload` as a lazy sequence: offsets now, text on access.

        Raises `DecodeError` as `decode` does, here and not later. Keeps a reference to a `bytes`, copies a mutable buffer.
        Rules D1 to D9 of docs/format.md.
        """
        return scan_bytes(self, bytes_of(payload), truth(strict))

    def check(self, payload, *, topic=None, collections=()):
        """Every fault and doubt of `payload`, ordered by position; an empty list if there are none.

        Reports the faults that `decode` and strict reading refuse, and a size over the platform's limit. With a `topic`,
        also that topic if it is not one of SmartREST, rows that do not fit its templates (`collections`: the
        `smartrest.templates.Collection`s it may use), and values that other readers may take otherwise (`blank_at_edge`,
        `trailing_backslash`). Never raises for bytes or `str`. Rules D1 to D9, L1 and L2 of docs/format.md.

        Raises `ValueError` for a topic that nothing can be published to.
        """
        _findings.check_limit(topic)   # raises for a topic that cannot be published to
        cdef bytes data = bytes_of(payload)
        cdef Work *work = self.begin(data)
        cdef sr_fault fault
        cdef sr_walk walk
        cdef size_t valid = work.p.len
        faults = []
        rows = None
        try:
            valid = sr_utf8_valid(work.p.src, valid)
            if valid < work.p.len:
                fault = self.invalid_utf8(work, valid)
                fault.end = fault.pos + <size_t>_findings.bad_length(data, fault.pos + work.base)
                faults.append(span_of(work, fault))
            elif not sr_read(self.k, work.p.src, valid, &work.tape):
                self.exact(work)
            if work.opened.status:
                faults.append(span_of(work, work.opened))
                work.tape.n_rows += 1
            if not faults:
                rows = lazy_rows(new_lazy_rows(self, data), work)
            memset(&walk, 0, sizeof(walk))
            while True:
                fault = sr_next_fault(work.p.src, valid, &work.tape, &walk)
                if not fault.status:
                    break
                faults.append(span_of(work, fault))
        finally:
            self.end(work)
        decoded = []
        if rows is not None and topic is not None:
            for row in rows:
                decoded.append(row.fields)
        return _findings.findings(data, faults, decoded, lambda row, field: field_span(rows, row, field), topic, collections)

    def unescape(self, field):
        """The value of one field in its wire form, the inverse of `escape`.

        Raises `DecodeError`: reasons `invalid_utf8`, `unterminated_quote`, and `not_one_field` for a separator or row end
        outside quotes. A U+FEFF is data. Rules D5 to D8 of docs/format.md.
        """
        cdef bytes data = bytes_of(field)
        cdef Work *work = self.begin(data)
        cdef sr_fault fault
        cdef size_t valid, after
        try:
            work.p.src -= work.base        # a BOM is data here
            work.p.len += work.base
            work.base = 0
            valid = sr_utf8_valid(work.p.src, work.p.len)
            if valid < work.p.len:
                raise decode_error("invalid_utf8", valid, 0, 0, [], data)
            if not sr_read(self.k, work.p.src, work.p.len, &work.tape):
                fault = self.exact(work)
                if fault.status:
                    raise decode_error(REASONS[fault.status], fault.pos, 0, 0, [], data)
            if work.p.len == 0:
                return ""
            after = sr_after_first_field(work.p.src, &work.tape)
            if after <= work.p.len:
                raise decode_error("not_one_field", after, 0, 1, [], data)
            return work.layer.field(&work.p, 0, &work.tape.rows[0])
        finally:
            self.end(work)

    def engine(self):
        """The engine in use: `"core:"` and the kernel, such as `"core:avx512"`, or `"pure"`."""
        return "core:" + self.k.name.decode()

    def encode(self, rows, *, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow", limit=16_000):
        """One payload of all `rows`; `b""` without rows.

        A row is a tuple, list or other sequence of fields, template ID first. A field is `str`, `int`, finite `float` or
        `Decimal`, `bool`, `None` (empty), an aware `datetime`, an object with `__index__`, or numpy's `float32`, `float16`,
        `bool_` or `datetime64` (UTC).

        `dialect` escapes a quote as `\\"` ("backslash", as the platform documents) or `""` ("double", for CSV readers).
        `quote="all"` quotes every field. `on_trailing_backslash="error"` refuses a quoted field that ends with a backslash,
        which simple readers misread. `limit` is the most bytes of the payload, `final_newline` included.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` over `limit`. Rules E1 to E7 of
        docs/format.md.
        """
        cdef sr_style style
        cdef srp_buffer out
        cdef Py_ssize_t most = limit_of(limit), index = 0
        cdef bint newline = truth(final_newline)
        style_of(&style, dialect, quote, on_trailing_backslash)
        self.take(&out)
        try:
            if type(rows) is list or type(rows) is tuple:
                index = self.layer.put_rows(&out, self.k, style, rows, 0, most - newline)
                while index < len(rows):
                    row = row_at(rows, index)
                    if row is END:
                        break
                    put_next(self, &out, style, row, index, most, newline)
                    index += 1
                    if type(row) is not LazyRow:
                        index = self.layer.put_rows(&out, self.k, style, rows, index, most - newline)
            else:
                for row in rows:
                    put_next(self, &out, style, row, index, most, newline)
                    index += 1
            if newline and index:
                put_byte(&out, SR_ROW_END)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.len)
        finally:
            self.give(&out)

    def encode_row(self, row, *, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow", limit=16_000):
        """One payload of one row: `encode([row], …)` for the hot path.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` over `limit`; `row` is 0. Rules
        E1 to E7 of docs/format.md.
        """
        cdef sr_style style
        cdef srp_buffer out
        cdef Py_ssize_t most
        cdef bint newline
        style_of(&style, dialect, quote, on_trailing_backslash)
        most = limit_of(limit)
        newline = truth(final_newline)
        self.take(&out)
        try:
            put_row(self, &out, style, row, 0)
            if newline:
                put_byte(&out, SR_ROW_END)
            if <Py_ssize_t>out.len > most:
                raise too_large_error(most, 0, out.len)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.len)
        finally:
            self.give(&out)

    def pack(self, rows, *, limit=16_000, on_error=None, split_groups=False, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow"):
        """The fewest payloads of at most `limit` bytes that carry `rows` in order. Reads `rows` as payloads are taken.

        A row that cannot be sent is left out and its error passed to `on_error`. Before an exception ends packing (such an
        error without `on_error`, or one raised by `rows`, a field value or `on_error`), the rows packed so far are yielded.
        `split_groups` sends a row over `limit` as several rows with the same meaning, if its template allows it
        (`smartrest.templates.split_groups`). Other options as for `encode`.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` for a row over `limit`; `row`
        counts all rows of the input. Rules E1 to E7 and L2 of docs/format.md.
        """
        cdef Packing packing = new_packing(self, final_newline, limit)
        style_of(&packing.packer.style, dialect, quote, on_trailing_backslash)
        packing.open(None, NULL, rows, on_error)
        packing.split_groups = truth(split_groups)
        packing.options = {"dialect": dialect, "quote": quote, "on_trailing_backslash": on_trailing_backslash}
        return packing

    def escape(self, value, *, dialect="backslash", quote="minimal", on_trailing_backslash="allow"):
        """The wire form of one field value; `escape("")` is empty. Options and field values as for `encode`.

        Raises `EncodeError` without row and field. Rules E2, E3 and E7 of docs/format.md.
        """
        cdef sr_style style
        cdef srp_buffer out
        style_of(&style, dialect, quote, on_trailing_backslash)
        self.take(&out)
        try:
            put_field(self, &out, style, value, None, None)
            return PyUnicode_DecodeUTF8(<const char *>out.data, out.len, NULL)
        finally:
            self.give(&out)

    @cython.embedsignature(False)   # of its own: a text signature is ASCII
    def truncate(self, row, field=-1, *, limit=16_000, marker="\u2026"):
        """truncate($self, row, field=-1, *, limit=16000, marker='\\u2026')\n--\n\n`row` with one field shortened so that `encode_row` of it fits in `limit` bytes.

        The field becomes its longest prefix, cut between code points, that fits with `marker` appended; quotes and escapes
        count. A row that fits is returned unchanged, as a tuple.

        Raises `PayloadTooLargeError` if not even `marker` alone fits, `IndexError` for a field that does not exist, and
        `EncodeError` if the row cannot be sent or the field to shorten is not a `str`. Rules E2, E3 and L2 of
        docs/format.md.
        """
        cdef Py_ssize_t most = limit_of(limit), at, size, whole
        cdef sr_style style
        cdef bytes text, ending
        cdef size_t room, kept
        if not isinstance(marker, str):
            raise TypeError(f"marker must be a str, not {type(marker).__name__}")
        fields = fields_of(row, 0)
        at = index_of(field, len(fields), "field")
        whole = size = len(self.encode_row(fields, limit=None))
        if size <= most:
            return fields
        if not PyUnicode_Check(fields[at]):
            raise encode_error("bad_type", 0, at, f"{_values.type_name(fields[at])} cannot be shortened")
        text, ending = utf8(fields[at], 0, at), utf8(marker, 0, at)
        style_of(&style, BACKSLASH, MINIMAL, ALLOW)
        size -= len(utf8(self.escape(fields[at]), 0, at)) if len(fields) > 1 else size
        if size > most:
            raise too_large_error(most, 0, whole)
        room = most - size
        kept = sr_longest_prefix(self.k, style, <const uint8_t *>PyBytes_AS_STRING(text), len(text),
                                 <const uint8_t *>PyBytes_AS_STRING(ending), len(ending), room)
        if kept == <size_t>-1 or (kept == 0 and not ending and len(fields) == 1 and most < 2):
            raise too_large_error(most, 0, whole)   # one empty field takes two bytes
        return fields[:at] + ((text[:kept] + ending).decode(),) + fields[at + 1 :]

    def compile(self, row, *, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow", limit=16_000):
        """A row with holes, its constant parts written once: `compile(("200", "c8y_Temperature", "T", float, "C"))`.

        The classes `str`, `int`, `float`, `Decimal`, `bool`, `datetime` and `object` (any field value) are holes,
        everything else is a constant. Options as for `encode`.

        Raises `EncodeError` for a row or constant that cannot be sent. Rules E1 to E7 of docs/format.md.
        """
        options = (dialect, quote, final_newline, on_trailing_backslash, limit)
        return new_encoder(self, row, options)

    def Schema(self, types):
        cdef Schema schema = Schema(types)
        schema.engine = self
        return schema

    def Dispatcher(self, **options):
        cdef Dispatcher dispatcher = Dispatcher(**options)
        dispatcher.engine = self
        return dispatcher

    def Packer(self, **options):
        cdef Packer packer = Packer(**options)
        packer.engine = self
        return packer

    @property
    def payload_budget(self):
        """The largest payload, in bytes, that fits in a PUBLISH packet to `topic`.

        `pack(rows, limit=payload_budget("s/us/m1", qos=1))` fills packets up to the platform's limit. Rule L3 of
        docs/format.md.

        Raises `ValueError` for an invalid topic (empty, a wildcard, U+0000, a lone surrogate, over 65,535 bytes) or one
        that only the platform publishes to (`s/ds`), for a `qos` other than 0, 1, 2, and if not even an empty payload fits.
        """
        return payload_budget
