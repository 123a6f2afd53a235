/* One sparse row times a dense matrix: the innermost loop of prediction and of training linear machines.

   Terms are added in the order in which the row holds them, in single precision and without fused operations, as SciPy does: the
   result is the same bit for bit on every processor, whatever else is computed. Where registers are wide, sums stay in them from the
   first entry to the last, a strip of columns at a time: written and read again for every entry they took half of the time. */

#ifndef SHELFWISE_SPARSE_ROW_H
#define SHELFWISE_SPARSE_ROW_H

#include <stdint.h>
#include <string.h>

#include "_processor.h"

#define AHEAD 8 /* entries: rows of a large matrix are not in the processor's cache */

/* `columns` are within the matrix `dense` of `width` columns; `size`: bytes of one of its numbers, 4, or 2 where registers are wide.
   sum[c] += values[e] * dense[columns[e]][c] for all entries e is what is computed. */
typedef struct {
    const int32_t *columns;
    const float *values;
    Py_ssize_t entries;
    const void *dense;
    Py_ssize_t size, width;
    float *sum;
} SparseRow;

#if X86
#define MOST_SUMS 14 /* registers: of 16 and 32 some are left for what is added */
#define EACH_COUNT(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14)

INSIDE const char *line_of(const SparseRow *row, Py_ssize_t entry, Py_ssize_t place, const int size)
{
    return (const char *)row->dense + (row->columns[entry] * row->width + place) * size;
}

INSIDE void fetch_ahead(const SparseRow *row, Py_ssize_t entry, Py_ssize_t place, const int columns, const int size)
{
    if (entry + AHEAD < row->entries)
        for (int part = 0; part < columns * size; part += 64)
            FETCH(line_of(row, entry + AHEAD, place, size) + part);
}

INSIDE_FOR(WITH_256) __m256 eight(const char *numbers, const int size)
{
    return size == 2 ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)numbers)) : _mm256_loadu_ps((const float *)numbers);
}

/* `count` times eight columns from `place` on. */
INSIDE_FOR(WITH_256) void add_eights(const SparseRow *row, Py_ssize_t place, const int count, const int size)
{
    __m256 sums[MOST_SUMS];
    for (int one = 0; one < count; one++)
        sums[one] = _mm256_loadu_ps(row->sum + place + 8 * one);
    for (Py_ssize_t entry = 0; entry < row->entries; entry++) {
        const char *line = line_of(row, entry, place, size);
        __m256 value = _mm256_set1_ps(row->values[entry]);
        fetch_ahead(row, entry, place, 8 * count, size);
#pragma GCC unroll 14
        for (int one = 0; one < count; one++)
            sums[one] = _mm256_add_ps(sums[one], _mm256_mul_ps(value, eight(line + 8 * one * size, size)));
    }
    for (int one = 0; one < count; one++)
        _mm256_storeu_ps(row->sum + place + 8 * one, sums[one]);
}

/* The last columns, fewer than eight of a wider matrix, by way of the last eight: the matrix is not read beyond its end. */
INSIDE_FOR(WITH_256) void add_last(const SparseRow *row, Py_ssize_t place, const int size)
{
    Py_ssize_t left = row->width - place;
    float kept[8];
    memcpy(kept, row->sum + row->width - 8, sizeof(kept));
    add_eights(row, row->width - 8, 1, size);
    memcpy(row->sum + row->width - 8, kept, (size_t)(8 - left) * sizeof(float));
}

/* All columns of a matrix with fewer than eight. */
INSIDE_FOR(WITH_256) void add_few(const SparseRow *row, const int size)
{
    for (Py_ssize_t entry = 0; entry < row->entries; entry++) {
        const char *line = line_of(row, entry, 0, size);
        for (Py_ssize_t place = 0; place < row->width; place++)
            row->sum[place] +=
                row->values[entry] * (size == 2 ? _cvtsh_ss(((const uint16_t *)line)[place]) : ((const float *)line)[place]);
    }
}

INSIDE_FOR(WITH_256) void add_by_8(const SparseRow *row, const int size)
{
    const Py_ssize_t most = MOST_SUMS - 1; /* halves are widened on their way */
    Py_ssize_t eights = row->width / 8, place = 0, strips = (eights + most - 1) / most;
    for (; strips; strips--) {
        Py_ssize_t count = (row->width - place) / 8 / strips;
        switch (count) {
#define DO(n) case n: add_eights(row, place, n, size); break;
            EACH_COUNT(DO)
#undef DO
        }
        place += 8 * count;
    }
    if (row->width < 8)
        add_few(row, size);
    else if (place < row->width)
        add_last(row, place, size);
}

/* `count` times sixteen columns from `place` on, of the last sixteen those in `some`. */
INSIDE_FOR(WITH_512) void add_sixteens(const SparseRow *row, Py_ssize_t place, const int count, __mmask16 some, const int size)
{
    __m512 sums[MOST_SUMS];
    for (int one = 0; one < count; one++)
        sums[one] = _mm512_maskz_loadu_ps(one + 1 < count ? 0xFFFF : some, row->sum + place + 16 * one);
    for (Py_ssize_t entry = 0; entry < row->entries; entry++) {
        const char *line = line_of(row, entry, place, size);
        __m512 value = _mm512_set1_ps(row->values[entry]);
        fetch_ahead(row, entry, place, 16 * count, size);
#pragma GCC unroll 14
        for (int one = 0; one < count; one++) {
            const char *numbers = line + 16 * one * size;
            __mmask16 these = one + 1 < count ? 0xFFFF : some;
            __m512 sixteen = size == 2 ? _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(these, numbers)) : _mm512_maskz_loadu_ps(these, numbers);
            sums[one] = _mm512_add_ps(sums[one], _mm512_mul_ps(value, sixteen));
        }
    }
    for (int one = 0; one < count; one++)
        _mm512_mask_storeu_ps(row->sum + place + 16 * one, one + 1 < count ? 0xFFFF : some, sums[one]);
}

INSIDE_FOR(WITH_512) void add_by_16(const SparseRow *row, const int size)
{
    Py_ssize_t place = 0, sixteens = (row->width + 15) / 16, strips = (sixteens + MOST_SUMS - 1) / MOST_SUMS;
    for (; strips; strips--) {
        Py_ssize_t count = (sixteens - place / 16) / strips, left = row->width - place - 16 * (count - 1);
        __mmask16 some = (__mmask16)(left < 16 ? (1u << left) - 1 : 0xFFFF);
        switch (count) {
#define DO(n) case n: add_sixteens(row, place, n, some, size); break;
            EACH_COUNT(DO)
#undef DO
        }
        place += 16 * count;
    }
}

FOR(WITH_256) void add_floats_by_8(const SparseRow *row) { add_by_8(row, 4); }
FOR(WITH_256) void add_halves_by_8(const SparseRow *row) { add_by_8(row, 2); }
FOR(WITH_512) void add_floats_by_16(const SparseRow *row) { add_by_16(row, 4); }
FOR(WITH_512) void add_halves_by_16(const SparseRow *row) { add_by_16(row, 2); }
#endif

#define TOGETHER 4 /* entries: the sums are read and written once for all of them */

/* Of a matrix in single precision, on any processor. */
static void add_floats(const SparseRow *row)
{
    Py_ssize_t entry = 0, width = row->width;
    const float *dense = row->dense;
    float *restrict sum = row->sum;
    for (; entry + TOGETHER <= row->entries; entry += TOGETHER) {
        const int32_t *columns = row->columns + entry;
        const float *value = row->values + entry;
        const float *restrict a = dense + columns[0] * width, *restrict b = dense + columns[1] * width;
        const float *restrict c = dense + columns[2] * width, *restrict d = dense + columns[3] * width;
        for (int one = 0; one < TOGETHER; one++)
            if (entry + one + AHEAD < row->entries)
                for (Py_ssize_t part = 0; part < width; part += 16)
                    FETCH(dense + columns[one + AHEAD] * width + part);
        for (Py_ssize_t place = 0; place < width; place++)
            sum[place] = (((sum[place] + value[0] * a[place]) + value[1] * b[place]) + value[2] * c[place]) + value[3] * d[place];
    }
    for (; entry < row->entries; entry++) {
        const float *restrict line = dense + row->columns[entry] * width;
        for (Py_ssize_t place = 0; place < width; place++)
            sum[place] += row->values[entry] * line[place];
    }
}

typedef void (*AddSparseRow)(const SparseRow *);

/* What adds rows of a matrix with numbers of `size` bytes fastest here; NULL where nothing can. */
static AddSparseRow sparse_row_adder(Py_ssize_t size)
{
#if X86
    int bits = register_bits();
    if (bits == 512 && size == 2)
        return add_halves_by_16;
    if (bits == 512 && size == 4)
        return add_floats_by_16;
    if (bits == 256 && size == 2)
        return add_halves_by_8;
    if (bits == 256 && size == 4)
        return add_floats_by_8;
#endif
    return size == 4 ? add_floats : NULL;
}

#endif
