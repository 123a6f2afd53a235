/* One sparse row times a dense matrix: the innermost loop of prediction and of training linear machines.

   Terms are added in the order in which the row holds them, in single precision and without fused operations, as SciPy does: the
   result is the same bit for bit on every processor, whatever else is computed. */

#ifndef SHELFWISE_SPARSE_ROW_H
#define SHELFWISE_SPARSE_ROW_H

#include <Python.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__) && defined(__linux__) && defined(__GLIBC__)
#define FOR_EVERY_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EVERY_PROCESSOR
#endif

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#define INSIDE static inline __attribute__((always_inline)) /* compiled for the processor that the caller is compiled for */
#else
#define FETCH(address)
#define INSIDE static inline
#endif

#define TOGETHER 4 /* entries: the sums are read and written once for all of them */
#define AHEAD 8    /* entries: rows of a large matrix are not in the processor's cache */

/* sum[c] += values[e] * dense[columns[e]][c] for the row's entries e; columns are within the matrix of `width` columns. */
INSIDE void add_sparse_row(const int32_t *columns, const float *values, Py_ssize_t entries, const float *dense, Py_ssize_t width,
                           float *restrict sum)
{
    Py_ssize_t entry = 0;
    for (; entry + TOGETHER <= entries; entry += TOGETHER) {
        const float *line[TOGETHER];
        for (int one = 0; one < TOGETHER; one++) {
            line[one] = dense + (Py_ssize_t)columns[entry + one] * width;
            if (entry + one + AHEAD < entries)
                for (Py_ssize_t part = 0; part < width; part += 16)
                    FETCH(dense + (Py_ssize_t)columns[entry + one + AHEAD] * width + part);
        }
        const float *restrict a = line[0], *restrict b = line[1], *restrict c = line[2], *restrict d = line[3];
        const float *value = values + entry;
        for (Py_ssize_t place = 0; place < width; place++)
            sum[place] = (((sum[place] + value[0] * a[place]) + value[1] * b[place]) + value[2] * c[place]) + value[3] * d[place];
    }
    for (; entry < entries; entry++) {
        const float *restrict line = dense + (Py_ssize_t)columns[entry] * width;
        float value = values[entry];
        for (Py_ssize_t place = 0; place < width; place++)
            sum[place] += value * line[place];
    }
}

#endif
