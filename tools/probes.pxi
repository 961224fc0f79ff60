

# What tests and benchmarks ask the inside of the core. tools/probes.py appends this to a copy of core.pyx.

cdef extern from "spare_rows.h":
    ctypedef struct probed_strings "srp_strings":
        uint32_t bypass
    void srp_strings_forget(srp_strings *strings)
    int srp_layout


def string_cache(bint on):
    """Empties this thread's cache of short texts and switches it on or off: off, every text bypasses it."""
    cdef srp_strings *strings = &_default.kept().strings
    srp_strings_forget(strings)
    (<probed_strings *>strings).bypass = 0 if on else 0xFFFFFFFF


def object_layout(bint on):
    """Switches the making of short texts by layout and the reuse of rows on, if the layout checks pass, or off; returns
    whether it is on."""
    global srp_layout
    srp_layout = False
    if on:
        srp_layout_init()
    return bool(srp_layout)


def index_ns(bytes payload, str kernel, Py_ssize_t passes):
    """Nanoseconds for a kernel to index a payload `passes` times, without making objects."""
    from time import perf_counter_ns

    cdef Engine engine = Engine(kernel)
    cdef Work *work = engine.begin(payload)
    cdef Py_ssize_t i
    try:
        start = perf_counter_ns()
        for i in range(passes):
            sr_read(engine.k, work.p.src, work.p.len, &work.tape)
        return perf_counter_ns() - start
    finally:
        engine.end(work)
