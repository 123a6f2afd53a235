/* Sparse rows folded into fewer columns: every entry goes to its column's slot, with the column's sign.

   `folding.py` says what is computed, and computes the same without this file, bit for bit. Every index is checked before it is used. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>

#include "../engine/_buffers.h"

typedef struct {
    const int64_t *bounds;
    Py_ssize_t rows, entries;
} Rows;

static int is_csr(const Rows *rows)
{
    if (rows->rows < 0 || rows->bounds[0] < 0 || rows->bounds[rows->rows] > rows->entries)
        return 0;
    for (Py_ssize_t row = 0; row < rows->rows; row++)
        if (rows->bounds[row + 1] < rows->bounds[row])
            return 0;
    return 1;
}

static void measure(const Rows *rows, const float *values, double *lengths)
{
    for (Py_ssize_t row = 0; row < rows->rows; row++) {
        double squares = 0;
        for (int64_t entry = rows->bounds[row]; entry < rows->bounds[row + 1]; entry++)
            squares += (double)values[entry] * (double)values[entry];
        lengths[row] = sqrt(squares);
    }
}

/* Row r's entries go to out[starts[r]] and on; -1 where a column or a start is out of range. */
static int fold_all(const Rows *rows, const int32_t *columns, const float *values, const float *scales, const int32_t *slots,
                    const float *signs, Py_ssize_t known, int32_t mask, const int64_t *starts, Py_ssize_t room, int32_t *out_slots,
                    float *out_values)
{
    for (Py_ssize_t row = 0; row < rows->rows; row++) {
        int64_t first = rows->bounds[row], last = rows->bounds[row + 1], out = starts[row];
        if (out < 0 || out > room - (last - first))
            return -1;
        for (int64_t entry = first; entry < last; entry++, out++) {
            int32_t column = columns[entry];
            if (column < 0 || column >= known)
                return -1;
            float value = values[entry] * signs[column];
            out_slots[out] = slots[column] & mask;
            out_values[out] = value * scales[row];
        }
    }
    return 0;
}

static PyObject *row_lengths(PyObject *module, PyObject *arguments)
{
    PyObject *objects[3];
    Py_buffer views[3];
    if (!PyArg_ParseTuple(arguments, "OOO", &objects[0], &objects[1], &objects[2]))
        return NULL;
    int taken = take(objects, views, 3, 1);
    if (taken == 3) {
        Rows rows = {views[0].buf, views[0].len / 8 - 1, views[1].len / 4};
        if (!is_csr(&rows) || views[2].len != rows.rows * 8)
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays of int64 and float32, and a float64 for each row");
        else {
            Py_BEGIN_ALLOW_THREADS
            measure(&rows, views[1].buf, views[2].buf);
            Py_END_ALLOW_THREADS
        }
    }
    return give_back(views, taken);
}

static PyObject *fold(PyObject *module, PyObject *arguments)
{
    PyObject *objects[9];
    Py_buffer views[9];
    int mask, done = 0;
    if (!PyArg_ParseTuple(arguments, "OOOOOOiOOO", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5], &mask,
                          &objects[6], &objects[7], &objects[8]))
        return NULL;
    int taken = take(objects, views, 9, 2);
    if (taken == 9) {
        Rows rows = {views[0].buf, views[0].len / 8 - 1, views[1].len / 4};
        Py_ssize_t known = views[4].len / 4, room = views[7].len / 4;
        if (!is_csr(&rows) || views[2].len != rows.entries * 4 || views[3].len != rows.rows * 4 || views[5].len != known * 4 ||
            mask < 0 || views[6].len != rows.rows * 8 || views[8].len != room * 4)
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays, tables and results of sizes that go together");
        else {
            Py_BEGIN_ALLOW_THREADS
            done = fold_all(&rows, views[1].buf, views[2].buf, views[3].buf, views[4].buf, views[5].buf, known, mask, views[6].buf, room,
                            views[7].buf, views[8].buf);
            Py_END_ALLOW_THREADS
            if (done < 0)
                PyErr_SetString(PyExc_IndexError, "an index of the sparse matrix is out of range");
        }
    }
    return give_back(views, taken);
}

static PyMethodDef methods[] = {
    {"row_lengths", row_lengths, METH_VARARGS, "row_lengths(bounds, values, lengths): writes the length of each row."},
    {"fold", fold, METH_VARARGS,
     "fold(bounds, columns, values, scales, slots, signs, mask, starts, out_slots, out_values): writes each row's entries where it "
     "starts."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_folding", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__folding(void)
{
    return PyModule_Create(&definition);
}
