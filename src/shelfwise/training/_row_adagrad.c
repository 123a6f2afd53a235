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

#include "../engine/_buffers.h"
#include "../engine/_processor.h"

#define AHEAD 8 /* features: their rows are fetched while others take their steps */
#define LANES 8 /* partial sums of squares, so that they can be made side by side */
#define NONE (-1)

/* A batch as CSR, [products, height]; `gradient` [products, width] is that of what the layer gave for it. */
typedef struct {
    Py_ssize_t products, height, width, entries;
    const int32_t *bounds, *columns;
    const float *values, *gradient;
} Batch;

/* The entries of each feature are a chain, in the batch's order. */
typedef struct {
    int32_t *next, *product; /* [entries]: the feature's next entry, and the product of each */
    int32_t *first, *last;   /* [features of the batch, at most entries]: of each chain, in the order in which features come */
    float *row;              /* [width]: the gradient of a feature's row */
} Chains;

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

/* Puts all chains together; how many. `numbers`, room for one of each feature, is where a feature's chain is found again. */
static Py_ssize_t chain_up(const Batch *all, const Chains *mine, int32_t *numbers)
{
    int32_t count = 0;
    for (Py_ssize_t entry = 0; entry < all->entries; entry++)
        numbers[all->columns[entry]] = NONE;
    for (Py_ssize_t product = 0; product < all->products; product++)
        for (int32_t entry = all->bounds[product]; entry < all->bounds[product + 1]; entry++) {
            int32_t *number = numbers + all->columns[entry];
            mine->product[entry] = (int32_t)product;
            mine->next[entry] = NONE;
            if (*number == NONE) {
                *number = count++;
                mine->first[*number] = entry;
            } else
                mine->next[mine->last[*number]] = entry;
            mine->last[*number] = entry;
        }
    return count;
}

/* row = sum of values[e] * gradient[product of e] over the chain from `entry` on. */
INSIDE void gather(const Batch *all, const Chains *mine, int32_t entry, float *restrict row)
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

/* Every feature of the batch takes its step. */
FOR_EVERY_PROCESSOR
static void take_steps(const Batch *all, const Chains *mine, Py_ssize_t chains, float rate, float least, float *restrict weights,
                       float *restrict seen)
{
    Py_ssize_t width = all->width;
    for (Py_ssize_t chain = 0; chain < chains; chain++) {
        Py_ssize_t column = all->columns[mine->first[chain]];
        if (chain + AHEAD < chains) {
            Py_ssize_t later = all->columns[mine->first[chain + AHEAD]];
            FETCH(seen + later);
            for (Py_ssize_t part = 0; part < width; part += 16)
                FETCH(weights + later * width + part);
        }
        gather(all, mine, mine->first[chain], mine->row);
        seen[column] += mean_square(mine->row, width);
        float pace = rate / (sqrtf(seen[column]) + least), *restrict line = weights + column * width;
        const float *restrict row = mine->row;
        for (Py_ssize_t place = 0; place < width; place++)
            line[place] -= pace * row[place];
    }
}

static PyObject *step(PyObject *module, PyObject *arguments)
{
    enum { BOUNDS, COLUMNS, VALUES, GRADIENT, WEIGHTS, SEEN, NUMBERS, ALL };
    PyObject *objects[ALL];
    Py_buffer views[ALL];
    double rate, least;
    if (!PyArg_ParseTuple(arguments, "OOOOOOOdd", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5],
                          &objects[6], &rate, &least))
        return NULL;
    int taken = take(objects, views, ALL, ALL - WEIGHTS);
    if (taken == ALL) {
        Batch all = {.products = views[BOUNDS].len / 4 - 1,
                     .height = views[SEEN].len / 4,
                     .entries = views[COLUMNS].len / 4,
                     .bounds = views[BOUNDS].buf,
                     .columns = views[COLUMNS].buf,
                     .values = views[VALUES].buf,
                     .gradient = views[GRADIENT].buf};
        all.width = all.products > 0 ? views[GRADIENT].len / 4 / all.products : 0;
        if (all.products < 1 || all.width < 1 || all.entries > INT32_MAX || views[VALUES].len != all.entries * 4 ||
            views[GRADIENT].len != all.products * all.width * 4 || views[NUMBERS].len != all.height * 4 ||
            views[WEIGHTS].len != all.height * all.width * 4 || !valid(&all)) {
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays, a gradient and weights of sizes that go together");
            goto release;
        }
        size_t size = (size_t)(all.entries + 1) * sizeof(int32_t);
        Chains mine = {malloc(size), malloc(size), malloc(size), malloc(size), malloc((size_t)all.width * sizeof(float))};
        if (!mine.next || !mine.product || !mine.first || !mine.last || !mine.row)
            PyErr_NoMemory();
        else {
            Py_BEGIN_ALLOW_THREADS
            Py_ssize_t chains = chain_up(&all, &mine, views[NUMBERS].buf);
            take_steps(&all, &mine, chains, (float)rate, (float)least, views[WEIGHTS].buf, views[SEEN].buf);
            Py_END_ALLOW_THREADS
        }
        free(mine.next);
        free(mine.product);
        free(mine.first);
        free(mine.last);
        free(mine.row);
    }
release:
    return give_back(views, taken);
}

static PyMethodDef methods[] = {
    {"step", step, METH_VARARGS,
     "step(bounds, columns, values, gradient, weights, seen, numbers, rate, least): CSR of int32 and float32 [products, height],\n"
     "gradient float32 [products, width]; weights float32 [height, width] and seen float32 [height] are changed in place.\n"
     "numbers: room for int32 [height]."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_row_adagrad", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__row_adagrad(void)
{
    return PyModule_Create(&definition);
}
