/* The C core of the SmartREST codec: bytes in, spans and bytes out.
 *
 * It knows nothing of Python, allocates nothing, keeps no state and reads no environment. The caller owns all memory
 * and sizes it from the length of the input, never from a number in the input. Rules ("D7") are those of
 * docs/format.md.
 *
 * Reading:  sr_read -> a tape of rows and fields (finds, never rewrites) -> sr_field_text, field by field.
 * Writing:  sr_put_text and friends, each into space that the caller has reserved; they return the bytes written.
 */
#ifndef SR_H
#define SR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr_constants.h"

/* The index of the lowest set bit of a nonzero number. */
static inline uint32_t sr_lowest_bit(uint64_t bits) {
#if defined(__GNUC__) || defined(__clang__)
    return (uint32_t)__builtin_ctzll(bits);
#else
    uint32_t n = 0;
    while (!(bits >> n & 1)) n++;
    return n;
#endif
}

/* ---- kernels: one CPU variant of the loops over bytes (sr_kernels.c is the only table) --------------------------- */

typedef struct sr_tape sr_tape;

/* One bit for the end of each field of a single row: `low` for the first 64 bytes, `high` for the rest. */
typedef struct {
    uint64_t low, high;
} sr_ends;

typedef struct {
    const char *name;
    uint32_t needs; /* SR_CPU_* bits */
    /* The greedy scan of rule D7: writes field ends and rows to the tape, and its findings to tape->flags. With
       SR_DOUBT the tape has only rows that every reading shares, as far as it is sure of them: perhaps none. */
    void (*index)(const uint8_t *src, size_t len, sr_tape *tape);
    /* The parts of sr_read_exact, after a scan in doubt. The first marks each \" that closes its field in the strict
       reading of the backslash dialect, if there is one: a bit per byte, in sr_exact_room(len) bytes. False: there is
       no \". The others read on after the rows of the tape. read_strictly takes the dialect from tape->reading, and
       for the backslash dialect these marks (from the first byte it reads on), or NULL without a \". If the text is
       not strict it returns false and leaves whole rows that were. read_leniently returns the position of a quote
       that is never closed, else SIZE_MAX. */
    bool (*mark_closing)(const uint8_t *src, size_t len, uint8_t *marks);
    bool (*read_strictly)(const uint8_t *src, size_t len, const uint8_t *marks, sr_tape *tape);
    size_t (*read_leniently)(const uint8_t *src, size_t len, sr_tape *tape);
    /* Reads the usual message of an agent, one row of plain text in less than 128 bytes, without a tape: returns its
       field ends. Returns no ends for any other payload: longer, with no row or several, with a quote, a CR or a
       byte beyond ASCII. */
    sr_ends (*single)(const uint8_t *src, size_t len);
    /* Counts the separators and row ends in src; *rows: the row ends alone. Sizes a tape exactly. */
    size_t (*count)(const uint8_t *src, size_t len, size_t *rows);
    /* Whether a text has a byte that forces quotes anywhere in a field (rule E2). */
    bool (*special)(const uint8_t *src, size_t len);
    /* Copies a text up to the block with the first such byte; returns how many bytes that is, len if there is none. dst
       needs room for len + SR_SLACK bytes. */
    size_t (*copy)(const uint8_t *src, size_t len, uint8_t *dst);
    /* Removes the escapes from the inside of a quoted field; returns the bytes written to dst, at most len. Writes
       whole blocks: dst needs room for len + SR_SLACK bytes. */
    size_t (*unescape)(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst);
    /* The inverse: puts `escape` before every quote; at most 2 * len bytes, and room for SR_SLACK more. */
    size_t (*escape)(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst);
    /* Of valid UTF-8, the number of characters and the bytes that each takes in an array (1: up to U+00FF, 2, 4);
       then that array. */
    size_t (*measure)(const uint8_t *src, size_t len, int *width);
    void (*widen)(const uint8_t *src, size_t len, int width, void *dst);
    /* An array of characters as UTF-8, at most 2, 3 or 4 bytes each, with room for SR_SLACK more; *special: as
       above. SIZE_MAX if it holds a surrogate. */
    size_t (*narrow)(const void *src, size_t len, int width, uint8_t *dst, bool *special);
} sr_kernel;

uint32_t sr_cpu(void);                         /* the features of this CPU, as bits; only sr_cpu.c asks for them */
const sr_kernel *sr_kernel_best(uint32_t cpu); /* the best kernel for these bits */
const sr_kernel *sr_kernel_at(size_t i);       /* the i-th kernel, best first; NULL past the last */

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Kernels write whole blocks: up to this many elements, and rows, more than they report. */
#define SR_SLACK 64
#define SR_ROW_SLACK 9

typedef struct {
    uint32_t first; /* index in `ends` of the row's first field */
    uint32_t start; /* offset of the row's first byte */
} sr_row;

typedef enum {
    SR_GREEDY = 0,    /* the greedy scan met only strict text: nothing outside the quotes, at most one kind of escape */
    SR_BACKSLASH = 1, /* the strict reading of the backslash dialect, where the greedy scan is in doubt */
    SR_DOUBLE = 2,    /* the strict reading of the doubling dialect */
    SR_LENIENT = 3,   /* rule D8 */
} sr_reading;

enum {
    SR_HAS_QUOTE = 1,
    SR_HAS_CR = 2,
    SR_HAS_WIDE = 4,
    SR_HAS_BACKSLASH_ESCAPE = 8, /* \" in quotes */
    SR_HAS_DOUBLED_ESCAPE = 16,  /* "" in quotes */
    SR_HAS_BLANK_ROWS = 32,      /* there may be some: a row end right after another, or a CR */
    SR_DOUBT = 64,               /* the greedy scan is not certain */
    SR_BAD_UTF8 = 128,           /* sr_utf8_valid tells the position */
};

/* The rows and fields of one payload. Field f of row r spans from rows[r].start (f = 0) or ends[rows[r].first + f -
   1] + 1 to ends[rows[r].first + f]; sr_trim_cr takes the CR of a CRLF off a row's last field. Rows without
   characters are left out (D4). rows[n_rows] is a sentinel. Space: SR_SLACK + 1 ends and SR_ROW_SLACK rows more than
   there are separators and row ends. */
struct sr_tape {
    uint32_t *ends;
    sr_row *rows;
    size_t n_ends, n_rows;
    uint32_t flags;
    sr_reading reading;
};

/* The place where reading stopped; row and field count from 0. */
typedef struct {
    sr_status status;
    size_t pos, end, row, field;
} sr_fault;

/* Reads a payload without its BOM. False: the greedy scan is in doubt, call sr_read_exact. With SR_BAD_UTF8 in the
   flags the tape means nothing (D1 precedes all other rules). */
bool sr_read(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape);

/* Yields the ends one by one: start with {ends.low, ends.high, 0}. */
typedef struct {
    uint64_t word, next;
    size_t base;
} sr_end_walk;

static inline size_t sr_next_end(sr_end_walk *walk) {
    if (!walk->word) {
        walk->word = walk->next;
        walk->base = 64;
    }
    size_t end = walk->base + sr_lowest_bit(walk->word);
    walk->word &= walk->word - 1;
    return end;
}

/* The tape of the row that `single` found; false if it has more than `room` fields. */
bool sr_single_tape(sr_ends ends, size_t room, sr_tape *tape);

/* The unique reading, or the lenient one (D7, D8), with the tape that sr_read has left in doubt. fault: SR_OK or
   SR_UNTERMINATED_QUOTE; n_rows then counts the whole rows, and the row with the open quote follows them. scratch:
   sr_exact_room(len) bytes, not more than len + SR_SLACK. */
sr_fault sr_read_exact(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape, uint8_t *scratch);
static inline size_t sr_exact_room(size_t len) { return (len + 63) / 64 * 8; }

/* The length of the BOM at the start of a payload, 0 without one (D1). */
static inline size_t sr_bom(const uint8_t *src, size_t len) {
    return len >= 3 && src[0] == 0xEF && src[1] == 0xBB && src[2] == 0xBF ? 3 : 0;
}

/* The end of the field [start, end): `end`, or one less if it ends with the CR of a CRLF row end. */
static inline size_t sr_trim_cr(const uint8_t *src, size_t len, size_t start, size_t end) {
    return end < len && src[end] == SR_ROW_END && end > start && src[end - 1] == SR_CARRIAGE_RETURN ? end - 1 : end;
}

static inline bool sr_is_blank(uint8_t c) { return c == ' ' || c == SR_TAB; }

/* The start and the end of raw field f of a row. */
static inline size_t sr_field_start(const sr_tape *tape, size_t f, const sr_row *row) {
    return f == row->first ? row->start : tape->ends[f - 1] + (size_t)1;
}
static inline size_t sr_field_end(const uint8_t *src, size_t len, const sr_tape *tape, size_t f, size_t start) {
    return sr_trim_cr(src, len, start, tape->ends[f]);
}

/* Where a nonempty text continues after its first field: past the separator or row end. The tape leaves out a blank
   row (D4), but here it is a field too. */
static inline size_t sr_after_first_field(const uint8_t *src, const sr_tape *tape) {
    if (tape->n_rows && tape->rows[0].start == 0) return tape->ends[0] + (size_t)1;
    return src[0] == SR_ROW_END ? 1 : 2;
}

/* The value of a raw field of any reading; dst has room for len + SR_SLACK bytes. Returns its length, at most len. */
size_t sr_field_text(const sr_kernel *k, sr_reading reading, uint32_t flags, const uint8_t *src, size_t len,
                     uint8_t *dst);

/* Whether the value of a raw field is certainly the field itself (D3); if not, whether it is the bytes between its
   quotes, without escapes (D5). */
static inline bool sr_is_bare(sr_reading reading, uint32_t flags, const uint8_t *src, size_t len) {
    if (!(flags & SR_HAS_QUOTE) || len == 0) return true;
    return *src != SR_QUOTE && (reading == SR_GREEDY || !sr_is_blank(*src)); /* else a quote may follow blanks */
}
static inline bool sr_has_plain_inside(sr_reading reading, uint32_t flags, const uint8_t *src, size_t len) {
    if (flags & (SR_HAS_BACKSLASH_ESCAPE | SR_HAS_DOUBLED_ESCAPE) || reading == SR_LENIENT) return false;
    return reading == SR_GREEDY || (*src == SR_QUOTE && src[len - 1] == SR_QUOTE); /* else with blanks around */
}

/* Whether the text of a raw field is src[1] to src[len - 2], with a backslash before each quote in it. */
static inline bool sr_is_backslash_quoted(sr_reading reading, uint32_t flags, const uint8_t *src, size_t len) {
    return (flags & (SR_HAS_QUOTE | SR_HAS_DOUBLED_ESCAPE)) == SR_HAS_QUOTE && reading == SR_GREEDY && len &&
           *src == SR_QUOTE;
}

/* Finds the faults that strict reading refuses, in order. Start with a zeroed walk; SR_OK ends it. (sr_faults.c) */
typedef struct {
    size_t row, field, pos; /* the current place */
    uint32_t stage;
    uint32_t kinds; /* the kinds of escape met so far */
} sr_walk;
sr_fault sr_next_fault(const uint8_t *src, size_t len, const sr_tape *tape, sr_walk *walk);

/* ---- template IDs (sr_ids.c) ------------------------------------------------------------------------------------- */

/* A template ID as a number: canonical decimal ("511", never "0511") below SR_ID_TABLE, else -1. */
#define SR_ID_TABLE 1024
int sr_short_template_number(const uint8_t *src, size_t len); /* for IDs of other lengths than three */

static inline int sr_template_number(const uint8_t *src, size_t len) {
    if (len != 3 || (uint8_t)(src[0] - '1') > 8) return sr_short_template_number(src, len);
    uint8_t tens = (uint8_t)(src[1] - '0'), ones = (uint8_t)(src[2] - '0');
    return tens > 9 || ones > 9 ? -1 : (src[0] - '0') * 100 + tens * 10 + ones;
}

/* The number of the template ID that starts a single row; -1 for an ID without exactly three digits. */
static inline int sr_single_number(const uint8_t *src, sr_ends ends) {
    return (ends.low & 0xF) == 8 ? sr_template_number(src, 3) : -1;
}

/* The same for a row of a tape and an ID of any length. */
static inline int sr_row_number(const uint8_t *src, size_t len, const sr_tape *tape, const sr_row *row) {
    const uint8_t *id = src + row->start;
    int number = row->start + (size_t)3 < len && id[3] == SR_SEPARATOR ? sr_template_number(id, 3) : -1;
    if (number >= 0) return number; /* else the separator may belong to another field */
    return sr_template_number(id, sr_field_end(src, len, tape, row->first, row->start) - row->start);
}

/* Whether the template ID of a row is its raw bytes: surely neither quoted nor preceded by blanks and a quote. */
static inline bool sr_has_plain_id(const uint8_t *src, size_t len, const sr_tape *tape, const sr_row *row) {
    return tape->reading == SR_GREEDY && (row->start == len || src[row->start] != SR_QUOTE);
}

/* ---- UTF-8 (sr_utf8.c) ------------------------------------------------------------------------------------------- */

/* The length of the longest valid prefix; len if all of src is valid. */
size_t sr_utf8_valid(const uint8_t *src, size_t len);

/* ---- writing (sr_quote.c) ---------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t escape;        /* SR_ESCAPE (backslash dialect) or SR_QUOTE (doubling dialect) */
    bool all;              /* quote every field */
    bool refuse_backslash; /* a quoted field that ends with a backslash is an error */
} sr_style;

/* The space that writing a text of at most `len` bytes may use. */
static inline size_t sr_put_room(size_t len) { return 3 * len + 2 + 2 * SR_SLACK; }

/* Writes a field (E2, E3): UTF-8, or an array of characters. *written is its length. SR_OK, SR_TRAILING_BACKSLASH or
   SR_LONE_SURROGATE. */
sr_status sr_put_text(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len, uint8_t *dst,
                      size_t *written);
sr_status sr_put_wide(const sr_kernel *k, sr_style style, const void *src, size_t len, int width, uint8_t *dst,
                      size_t *written);

/* Whether a nonempty text starts or ends with white space that forces quotes, in ASCII or beyond (E2). */
bool sr_has_blank_end(const uint8_t *src, size_t len);

#define SR_SHORT_ROOM (3 * SR_SLACK + 2) /* space that writing a short field or a number may use */

/* Writes a row that would otherwise be empty, one empty field in quotes (E4). Returns the bytes written, at most
   SR_SLACK. */
size_t sr_put_empty_row(uint8_t *dst);

/* The number of bytes that sr_put_text would write. */
size_t sr_text_size(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len);

/* The longest prefix of src, cut between characters, for which prefix + marker takes at most `room` bytes as a
   field; SIZE_MAX if the marker alone does not fit. */
size_t sr_longest_prefix(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len, const uint8_t *marker,
                         size_t marker_len, size_t room);

/* Whether a row of [row->start, row_end) has exactly the bytes that writing its fields would give: E2 quotes none, and
   none is quoted. */
bool sr_is_as_written(const uint8_t *src, const sr_tape *tape, const sr_row *row, size_t row_end);

/* ---- numbers (sr_number.c) --------------------------------------------------------------------------------------- */

#define SR_NUMBER_ROOM 40 /* space for the text of any number below */

extern const uint32_t sr_three_digits[1000];

static inline void sr_put_four(uint32_t bytes, uint8_t *dst) {
    for (int i = 0; i < 4; i++) dst[i] = (uint8_t)(bytes >> 8 * i);
}

/* A number below 1000, like template IDs and most readings; writes four bytes. */
static inline size_t sr_put_tiny(uint32_t value, uint8_t *dst) {
    uint32_t digits = sr_three_digits[value], zeros = digits >> 28;
    sr_put_four(digits >> 8 * zeros, dst);
    return 3 - zeros;
}

size_t sr_put_int(int64_t value, uint8_t *dst);

/* The shortest decimal that reads back as value, in the form of Python's repr; 0: the short way does not find it. */
size_t sr_put_float(double value, uint8_t *dst);

/* The same for any finite float (sr_float.c). */
size_t sr_put_any_float(double value, uint8_t *dst);

/* A finite float of a smaller type, one of `precision` bits and multiples of 2^least: the shortest decimal that reads
   back as the same value of that type. */
size_t sr_put_small_float(double value, int precision, int least, uint8_t *dst);

typedef enum { SR_NOT_A_NUMBER, SR_EXACT, SR_LONG_WAY } sr_parsed;

/* [+-]digits. SR_LONG_WAY: a well-formed number that does not fit 64 bits. */
sr_parsed sr_get_int(const uint8_t *src, size_t len, int64_t *value);

/* Decimal or exponent form. SR_LONG_WAY: well-formed, but infinite, subnormal, or too close to halfway between two
   floats. */
sr_parsed sr_get_float(const uint8_t *src, size_t len, double *value);

/* The float nearest to number * 10^exp10 (sr_float.c); false if that is uncertain or not a normal float. */
bool sr_nearest_float(uint64_t number, int64_t exp10, double *value);

/* 1 for true, 0 for false, -1 for anything else. */
int sr_get_bool(const uint8_t *src, size_t len);

typedef struct {
    int year, month, day, hour, minute, second, microsecond, offset_minutes;
} sr_time;

/* yyyy-mm-ddThh:mm[:ss[.f…]](Z|±hh:mm|±hhmm|±hh), fractions cut to microseconds; t and z are T and Z. */
bool sr_get_time(const uint8_t *src, size_t len, sr_time *value);

/* The UTC time so many milliseconds after the start of 1970; false outside the years 1 to 9999. */
bool sr_time_at(int64_t millis, sr_time *value);

/* yyyy-mm-ddThh:mm:ss.mmm±hh:mm; returns its length. */
size_t sr_put_time(const sr_time *value, uint8_t *dst);

#endif
