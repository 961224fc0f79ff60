# For tests and benchmarks: tools/probes.pyx cimports these functions; Python cannot see them.

cdef bint string_cache(bint on) except -1:
    """Switches the cache of short texts on or off; returns the previous setting."""
    cdef bint was = _default.strings.enabled
    _default.strings.enabled = on
    srp_strings_forget(&_default.strings)
    return was


cdef bint object_layout(bint on) except -1:
    """Switches the making of short texts by layout and the reuse of rows on, if the layout checks pass, or off; returns
    the previous setting."""
    global srp_layout
    cdef bint was = srp_layout
    srp_layout = False
    if on:
        srp_layout_init()
    return was


cdef size_t float_text(double value, uint8_t *text) noexcept:
    """The length of a finite float's text; 0 without memory for it."""
    return srp_put_float(value, text)


cdef int index_passes(bytes payload, str kernel, Py_ssize_t passes) except -1:
    """Reads a payload into its tape `passes` times, without making an object."""
    cdef Engine engine = Engine(kernel)
    cdef Work *work = engine.begin(payload)
    cdef Py_ssize_t i
    try:
        for i in range(passes):
            sr_read(engine.k, work.p.src, work.p.len, &work.tape)
    finally:
        engine.end(work)
    return 0
