/* What the loops over text give: the arrays of a CSR matrix, as Python's bytearrays. */

#ifndef SHELFWISE_ROWS_H
#define SHELFWISE_ROWS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>

/* An array that grows; `data` is NULL until something is in it. */
typedef struct {
    void *data;
    size_t used, room; /* in items */
} Array;

static int reserve(Array *array, size_t more, size_t item)
{
    if (more <= array->room - array->used)
        return 0;
    size_t room = array->used + more > 2 * array->room ? array->used + more : 2 * array->room;
    void *data = room > (size_t)PTRDIFF_MAX / item ? NULL : realloc(array->data, room * item);
    if (data == NULL)
        return -1;
    array->data = data;
    array->room = room;
    return 0;
}

typedef struct {
    Array bounds, columns, counts; /* int64 [1 + texts], int32, float32 */
} Rows;

static PyObject *as_bytes(const Array *array, size_t item)
{
    return PyByteArray_FromStringAndSize(array->data, (Py_ssize_t)(array->used * item));
}

/* Three bytearrays as a tuple; takes nothing over. */
static PyObject *as_rows(const Rows *rows)
{
    PyObject *bounds = as_bytes(&rows->bounds, sizeof(int64_t)), *columns = as_bytes(&rows->columns, sizeof(int32_t)),
             *values = as_bytes(&rows->counts, sizeof(float));
    PyObject *all = bounds && columns && values ? PyTuple_Pack(3, bounds, columns, values) : NULL;
    Py_XDECREF(bounds);
    Py_XDECREF(columns);
    Py_XDECREF(values);
    return all;
}

static void free_rows(Rows *rows)
{
    free(rows->bounds.data);
    free(rows->columns.data);
    free(rows->counts.data);
}

#endif
