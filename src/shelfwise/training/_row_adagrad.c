/* A step of row-wise Adagrad on the weights of a sparse input, without a copy of the rows that a batch uses.

   The gradient of a feature's row is put together, squared and taken off while it is in the processor's first cache; only the rows
   of features in the batch are read or written. Sums are made in one order, without fused operations: the same bits on every
   processor. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/_processor.h"

#define AHEAD 8 /* entries whose rows are fetched beforehand */
#define LANES 8 /* partial sums of squares, so that they can be made side by side */
#define NONE (-1)

/* A batch as CSR, [products, height]; `gradient` [products, width] is that of what the layer gave for it. */
typedef struct {
    Py_ssize_t products, height, width, entries;
    const int32_t *bounds, *columns;
    const float *values, *gradient;
} Batch;

typedef struct {
    int32_t *next, *product; /* [entries]: the feature's next entry, and the product of each */
    float *row;              /* [width]: the gradient of a feature's row */
} Scratch;

static int valid(const Batch *all)
{
    if (all->bounds[0] != 0 || all->bounds[all->products] != all->entries)
        return 0;
    for (Py_ssize_t product = 0; product < all->products; product++)
        if (all->bounds[product + 1] < all->bounds[product])
            return 0;
    for (Py_ssize_t entry = 0; entry < all->entries; entry++)
        if (all->columns[entry] < 0 || all->columns[entry] >= all->height)
            return 0;
    return 1;
}

/* The entries of each feature as a chain from `first` on, in the batch's order. */
static void chain_up(const Batch *all, const Scratch *mine, int32_t *first)
{
    for (Py_ssize_t entry = 0; entry < all->entries; entry++)
        first[all->columns[entry]] = NONE;
    for (Py_ssize_t product = all->products - 1; product >= 0; product--)
        for (int32_t entry = all->bounds[product + 1] - 1; entry >= all->bounds[product]; entry--) {
            int32_t column = all->columns[entry];
            mine->product[entry] = (int32_t)product;
            mine->next[entry] = first[column];
            first[column] = entry;
        }
}

/* row = sum of values[e] * gradient[product of e] over the chain from `entry` on. */
INSIDE void gather(const Batch *all, const Scratch *mine, int32_t entry, float *restrict row)
{
    Py_ssize_t width = all->width;
    const float *restrict line = all->gradient + mine->product[entry] * width;
    float value = all->values[entry];
    for (Py_ssize_t place = 0; place < width; place++)
        row[place] = value * line[place];
    while ((entry = mine->next[entry]) != NONE) {
        line = all->gradient + mine->product[entry] * width;
        value = all->values[entry];
        for (Py_ssize_t place = 0; place < width; place++)
            row[place] += value * line[place];
    }
}

INSIDE float mean_square(const float *restrict row, Py_ssize_t width)
{
    float sums[LANES] = {0}, total = 0.0f;
    Py_ssize_t place = 0;
    for (; place + LANES <= width; place += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += row[place + lane] * row[place + lane];
    for (int lane = 0; lane < LANES; lane++)
        total += sums[lane];
    for (; place < width; place++)
        total += row[place] * row[place];
    return total / (float)width;
}

/* Every feature of the batch takes its step, at the beginning of its chain. */
FOR_EVERY_PROCESSOR
static void take_steps(const Batch *all, const Scratch *mine, const int32_t *first, float rate, float least, float *restrict weights,
                       float *restrict seen)
{
    Py_ssize_t width = all->width;
    for (Py_ssize_t entry = 0; entry < all->entries; entry++) {
        Py_ssize_t column = all->columns[entry];
        if (entry + AHEAD < all->entries)
            for (Py_ssize_t part = 0; part < width; part += 16)
                FETCH(weights + (Py_ssize_t)all->columns[entry + AHEAD] * width + part);
        if (first[column] != entry)
            continue; /* its feature has had its step */
        gather(all, mine, (int32_t)entry, mine->row);
        seen[column] += mean_square(mine->row, width);
        float pace = rate / (sqrtf(seen[column]) + least), *restrict line = weights + column * width;
        const float *restrict row = mine->row;
        for (Py_ssize_t place = 0; place < width; place++)
            line[place] -= pace * row[place];
    }
}

static PyObject *step(PyObject *module, PyObject *arguments)
{
    enum { BOUNDS, COLUMNS, VALUES, GRADIENT, WEIGHTS, SEEN, FIRST, ALL };
    PyObject *objects[ALL];
    Py_buffer views[ALL];
    double rate, least;
    int taken = 0, done = 0;
    if (!PyArg_ParseTuple(arguments, "OOOOOOOdd", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5],
                          &objects[6], &rate, &least))
        return NULL;
    for (; taken < ALL; taken++)
        if (PyObject_GetBuffer(objects[taken], &views[taken], taken < WEIGHTS ? PyBUF_SIMPLE : PyBUF_WRITABLE) < 0)
            goto release;
    {
        Batch all = {.products = views[BOUNDS].len / 4 - 1,
                     .height = views[SEEN].len / 4,
                     .entries = views[COLUMNS].len / 4,
                     .bounds = views[BOUNDS].buf,
                     .columns = views[COLUMNS].buf,
                     .values = views[VALUES].buf,
                     .gradient = views[GRADIENT].buf};
        all.width = all.products > 0 ? views[GRADIENT].len / 4 / all.products : 0;
        if (all.products < 1 || all.width < 1 || all.entries > INT32_MAX || views[VALUES].len != all.entries * 4 ||
            views[GRADIENT].len != all.products * all.width * 4 || views[FIRST].len != all.height * 4 ||
            views[WEIGHTS].len != all.height * all.width * 4 || !valid(&all)) {
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays, a gradient and weights of sizes that go together");
            goto release;
        }
        Scratch mine = {malloc((size_t)(all.entries + 1) * 4), malloc((size_t)(all.entries + 1) * 4), malloc((size_t)all.width * 4)};
        if (!mine.next || !mine.product || !mine.row)
            PyErr_NoMemory();
        else {
            Py_BEGIN_ALLOW_THREADS
            chain_up(&all, &mine, views[FIRST].buf);
            take_steps(&all, &mine, views[FIRST].buf, (float)rate, (float)least, views[WEIGHTS].buf, views[SEEN].buf);
            Py_END_ALLOW_THREADS
            done = 1;
        }
        free(mine.next);
        free(mine.product);
        free(mine.row);
    }
release:
    while (taken > 0)
        PyBuffer_Release(&views[--taken]);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"step", step, METH_VARARGS,
     "step(bounds, columns, values, gradient, weights, seen, first, rate, least): CSR of int32 and float32 [products, height],\n"
     "gradient float32 [products, width]; weights float32 [height, width] and seen float32 [height] are changed in place. first:\n"
     "room for int32 [height]."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_row_adagrad", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__row_adagrad(void)
{
    return PyModule_Create(&definition);
}
