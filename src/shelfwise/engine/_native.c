/* The one loop of prediction that no library at hand runs fast without PyTorch: sparse rows times a dense matrix, of single or of
   half precision. It waits for memory: half the bytes take little more than half the time.

   Every index is checked before it is used: the arrays may come from a damaged file. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_buffers.h"
#include "_sparse_row.h"

/* out[row] = sum of values[e] * dense[columns[e]] over the row's entries; 0, or -1 for an index out of range. */
static int multiply(const int32_t *bounds, Py_ssize_t rows, Py_ssize_t entries, Py_ssize_t height, SparseRow row, AddSparseRow add)
{
    const int32_t *columns = row.columns;
    const float *values = row.values;
    for (Py_ssize_t place = 0; place < rows; place++, row.sum += row.width) {
        Py_ssize_t first = bounds[place], last = bounds[place + 1];
        if (first < 0 || last < first || last > entries)
            return -1;
        for (Py_ssize_t entry = first; entry < last; entry++)
            if (columns[entry] < 0 || columns[entry] >= height)
                return -1;
        memset(row.sum, 0, (size_t)row.width * sizeof(float));
        row.columns = columns + first;
        row.values = values + first;
        row.entries = last - first;
        add(&row);
    }
    return 0;
}

static PyObject *sparse_times_dense(PyObject *module, PyObject *arguments)
{
    PyObject *objects[5];
    Py_buffer views[5];
    Py_ssize_t width, size;
    int done = 0;
    if (!PyArg_ParseTuple(arguments, "OOOOnnO", &objects[0], &objects[1], &objects[2], &objects[3], &size, &width, &objects[4]))
        return NULL;
    int taken = take(objects, views, 5, 1);
    if (taken == 5) {
        Py_ssize_t rows = views[0].len / 4 - 1, entries = views[1].len / 4;
        Py_ssize_t height = width > 0 && size > 0 ? views[3].len / size / width : 0;
        AddSparseRow add = sparse_row_adder(size);
        if (!add || width < 1 || rows < 0 || views[2].len != entries * 4 || views[3].len != height * width * size ||
            views[4].len != rows * width * 4)
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays, a dense matrix and a result of sizes that go together");
        else {
            SparseRow row = {views[1].buf, views[2].buf, 0, views[3].buf, size, width, views[4].buf};
            Py_BEGIN_ALLOW_THREADS
            done = multiply(views[0].buf, rows, entries, height, row, add);
            Py_END_ALLOW_THREADS
            if (done < 0)
                PyErr_SetString(PyExc_IndexError, "an index of the sparse matrix is out of range");
        }
    }
    return give_back(views, taken);
}

static PyObject *reads_halves(PyObject *module, PyObject *arguments)
{
    return PyBool_FromLong(sparse_row_adder(2) != NULL);
}

static PyMethodDef methods[] = {
    {"sparse_times_dense", sparse_times_dense, METH_VARARGS,
     "sparse_times_dense(bounds, columns, values, dense, size, width, out): CSR of int32 and float32 times floats of so many bytes\n"
     "[height, width]."},
    {"reads_halves", reads_halves, METH_NOARGS, "Whether floats of 2 bytes can be read."},
    HOLD_TO,
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&definition);
}
