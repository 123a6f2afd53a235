/* Turns the counts of all n-grams into the columns that a vocabulary kept, and into TF-IDF weights.

   `vocabulary.py` and `ngrams.py` say what is computed, and compute the same without this file: every number is rounded where NumPy
   rounds it, so the results are the same bit for bit. Every index is checked before it is used. */

#include "_rows.h"
#include <math.h>

#include "../engine/_processor.h"

#define AHEAD 16 /* entries: the table of columns is larger than the processor's caches */

/* A row's weights: counts damped, times idf, over their length as NumPy's bincount adds it up. */
static void weigh(const int32_t *columns, float *values, size_t entries, const float *damped, Py_ssize_t most, const float *idf)
{
    double squares = 0;
    for (size_t entry = 0; entry < entries; entry++) {
        float value = values[entry];
        if (most > 0)
            value = damped[value >= 0 && value < (float)(most - 1) ? (Py_ssize_t)value : most - 1];
        value *= idf[columns[entry]];
        values[entry] = value;
        float square = value * value;
        squares += (double)square;
    }
    float length = (float)sqrt(squares);
    for (size_t entry = 0; entry < entries; entry++)
        values[entry] /= length;
}

static int select_all(const int64_t *bounds, Py_ssize_t many, const int32_t *buckets, const float *counts, Py_ssize_t entries,
                      const int32_t *column_of, Py_ssize_t n_buckets, Rows *rows)
{
    Py_ssize_t first = many ? (Py_ssize_t)bounds[0] : 0, last = many ? (Py_ssize_t)bounds[many] : 0;
    if (first < 0 || last < first || last > entries)
        return -2;
    if (reserve(&rows->bounds, (size_t)many + 1, sizeof(int64_t)) < 0 ||
        reserve(&rows->columns, (size_t)(last - first), sizeof(int32_t)) < 0 ||
        reserve(&rows->counts, (size_t)(last - first), sizeof(float)) < 0)
        return -1;
    int64_t *ends = rows->bounds.data;
    int32_t *columns = rows->columns.data;
    float *values = rows->counts.data;
    size_t used = 0;
    ends[0] = 0;
    for (Py_ssize_t which = 0; which < many; which++) {
        if (bounds[which] < first || bounds[which + 1] < bounds[which] || bounds[which + 1] > last)
            return -2;
        for (Py_ssize_t entry = (Py_ssize_t)bounds[which]; entry < bounds[which + 1]; entry++) {
            if (buckets[entry] < 0 || buckets[entry] >= n_buckets)
                return -2;
            if (entry + AHEAD < last && buckets[entry + AHEAD] >= 0 && buckets[entry + AHEAD] < n_buckets)
                FETCH(column_of + buckets[entry + AHEAD]);
            int32_t column = column_of[buckets[entry]];
            columns[used] = column;
            values[used] = counts[entry];
            used += column >= 0;
        }
        ends[which + 1] = (int64_t)used;
    }
    rows->bounds.used = (size_t)many + 1;
    rows->columns.used = rows->counts.used = used;
    return 0;
}

static int weigh_all(Rows *rows, Py_ssize_t many, const float *damped, Py_ssize_t most, const float *idf, Py_ssize_t width)
{
    const int64_t *ends = rows->bounds.data;
    const int32_t *columns = rows->columns.data;
    for (size_t entry = 0; entry < rows->columns.used; entry++)
        if (columns[entry] >= width)
            return -2;
    for (Py_ssize_t which = 0; which < many; which++)
        weigh(columns + ends[which], (float *)rows->counts.data + ends[which], (size_t)(ends[which + 1] - ends[which]), damped, most,
              idf);
    return 0;
}

/* select(bounds, buckets, counts, column_of) or, with idf and a table of damped counts besides, their weights. */
static PyObject *select_known(PyObject *module, PyObject *arguments)
{
    PyObject *objects[6] = {NULL}, *result = NULL;
    Py_buffer views[6];
    int given = 4, taken = 0, done = -2;
    Rows rows = {0};
    if (!PyArg_ParseTuple(arguments, "OOOO|OO", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5]))
        return NULL;
    if (objects[4] != NULL)
        given = objects[5] != NULL ? 6 : 5;
    for (; taken < given; taken++)
        if (PyObject_GetBuffer(objects[taken], &views[taken], PyBUF_SIMPLE) < 0)
            goto leave;
    {
        Py_ssize_t many = views[0].len / 8 - 1, entries = views[1].len / 4;
        if (many < 0 || views[0].len % 8 || views[1].len != entries * 4 || views[2].len != entries * 4 || views[3].len % 4 ||
            (given > 4 && views[4].len % 4) || (given > 5 && views[5].len % 4)) {
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays of int64, int32 and float32 of sizes that go together");
            goto leave;
        }
        Py_BEGIN_ALLOW_THREADS
        done = select_all(views[0].buf, many, views[1].buf, views[2].buf, entries, views[3].buf, views[3].len / 4, &rows);
        if (done == 0 && given > 4)
            done = weigh_all(&rows, many, given > 5 ? views[5].buf : NULL, given > 5 ? views[5].len / 4 : 0, views[4].buf,
                             views[4].len / 4);
        Py_END_ALLOW_THREADS
    }
    if (done == -1)
        PyErr_NoMemory();
    else if (done == -2)
        PyErr_SetString(PyExc_IndexError, "an index of the sparse matrix is out of range");
    else
        result = as_rows(&rows);
leave:
    while (taken > 0)
        PyBuffer_Release(&views[--taken]);
    free_rows(&rows);
    return result;
}

static PyMethodDef methods[] = {
    {"select", select_known, METH_VARARGS,
     "select(bounds, buckets, counts, column_of[, idf[, damped]]): bounds, columns, and counts or weights."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_selection", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__selection(void)
{
    return PyModule_Create(&definition);
}
