/* Linear support vector machines, one a category against the rest, for all categories at once.

   Dual coordinate descent on the regularised squared hinge (Hsieh et al. 2008, *A Dual Coordinate Descent Method for Large-scale
   Linear SVM*; liblinear's). liblinear solves one category after the other and reads every product anew for each; here a product's
   features are read once for all categories, whose weights lie side by side. Categories do not act on each other: each takes
   the steps that it would take alone, whatever others are solved with it, to the last bit. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../engine/_buffers.h"
#include "../engine/_sparse_row.h"

/* Products as CSR; `positives` as CSR without values: the categories of each product, of `width`. */
typedef struct {
    Py_ssize_t products, features, width;
    const int64_t *bounds, *positive_bounds;
    const int32_t *columns, *positives;
    const float *values;
    const float *cost;          /* [products]: of a product's error */
    const float *positive_cost; /* [width]: times this where it has the category */
    AddSparseRow add_row;
} Problem;

typedef struct {
    float *margin, *slack, *step, *sign, *largest, *least; /* [width] each */
    float *alpha;                                          /* [products, width] */
    float *square;                                         /* [products] */
    int32_t *order;                                        /* [products] */
    int32_t *moved;                                        /* [width] */
    uint8_t *done;                                         /* [width] */
} State;

static uint64_t next_random(uint64_t *state) /* SplitMix64 */
{
    uint64_t mixed = (*state += 0x9E3779B97F4A7C15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

static void shuffle(int32_t *order, Py_ssize_t count, uint64_t *random)
{
    for (Py_ssize_t last = count - 1; last > 0; last--) {
        Py_ssize_t other = (Py_ssize_t)(next_random(random) % (uint64_t)(last + 1));
        int32_t kept = order[last];
        order[last] = order[other];
        order[other] = kept;
    }
}

/* margin[c] = bias[c] + sum of values[e] * weights[columns[e]][c] */
static void margins(const Problem *all, int64_t first, int64_t last, const float *weights, const float *bias, float *margin)
{
    SparseRow row = {all->columns + first, all->values + first, (Py_ssize_t)(last - first), weights, 4, all->width, margin};
    memcpy(margin, bias, (size_t)all->width * sizeof(float));
    all->add_row(&row);
}

/* One product's step in every category; `step` is what its features times that are added to the weights. */
FOR_EVERY_PROCESSOR
static void steps(Py_ssize_t width, const float *restrict margin, const float *restrict sign, const float *restrict slack,
                  const uint8_t *restrict done, float square, float *restrict alpha, float *restrict step, float *restrict largest,
                  float *restrict least)
{
    for (Py_ssize_t place = 0; place < width; place++) {
        float before = alpha[place];
        float slope = sign[place] * margin[place] - 1.0f + before * slack[place];
        float projected = before > 0.0f || slope < 0.0f ? slope : 0.0f;
        float after = before - slope / (square + slack[place]);
        after = after > 0.0f ? after : 0.0f;
        after = done[place] ? before : after;
        largest[place] = projected > largest[place] ? projected : largest[place];
        least[place] = projected < least[place] ? projected : least[place];
        alpha[place] = after;
        step[place] = (after - before) * sign[place];
    }
}

FOR_EVERY_PROCESSOR
static void add(const Problem *all, int64_t first, int64_t last, const float *restrict step, const int32_t *moved, Py_ssize_t count,
                float *weights)
{
    Py_ssize_t width = all->width;
    for (int64_t entry = first; entry < last; entry++) {
        float *restrict line = weights + all->columns[entry] * width;
        float value = all->values[entry];
        if (count * 8 < width)
            for (Py_ssize_t which = 0; which < count; which++)
                line[moved[which]] += value * step[moved[which]];
        else
            for (Py_ssize_t place = 0; place < width; place++)
                line[place] += value * step[place];
    }
}

static void one_product(const Problem *all, State *now, Py_ssize_t product, float *weights, float *bias)
{
    Py_ssize_t width = all->width, count = 0;
    int64_t first = all->bounds[product], last = all->bounds[product + 1];
    float slack = 0.5f / all->cost[product];
    for (Py_ssize_t place = 0; place < width; place++) {
        now->sign[place] = -1.0f;
        now->slack[place] = slack;
    }
    for (int64_t at = all->positive_bounds[product]; at < all->positive_bounds[product + 1]; at++) {
        int32_t place = all->positives[at];
        now->sign[place] = 1.0f;
        now->slack[place] = slack / all->positive_cost[place];
    }
    margins(all, first, last, weights, bias, now->margin);
    steps(width, now->margin, now->sign, now->slack, now->done, now->square[product], now->alpha + product * width, now->step,
          now->largest, now->least);
    for (Py_ssize_t place = 0; place < width; place++)
        if (now->step[place] != 0.0f) {
            now->moved[count++] = (int32_t)place;
            bias[place] += now->step[place];
        }
    if (count)
        add(all, first, last, now->step, now->moved, count, weights);
}

/* Rounds over all products until every category's steps are small; how many there were, -1 where memory ran out. */
static int solve(const Problem *all, float tolerance, int most, uint64_t random, float *weights, float *bias)
{
    size_t width = (size_t)all->width, products = (size_t)all->products;
    int rounds = -1;
    float *row = calloc(6 * width + 1, sizeof(float));
    State now = {row, row + width, row + 2 * width, row + 3 * width, row + 4 * width, row + 5 * width, NULL, NULL, NULL, NULL, NULL};
    now.alpha = calloc(products * width + 1, sizeof(float));
    now.square = malloc((products + 1) * sizeof(float));
    now.order = malloc((products + 1) * sizeof(int32_t));
    now.moved = malloc((width + 1) * sizeof(int32_t));
    now.done = calloc(width + 1, 1);
    if (!row || !now.alpha || !now.square || !now.order || !now.moved || !now.done)
        goto leave;
    for (size_t product = 0; product < products; product++) {
        double square = 1.0; /* of the bias */
        for (int64_t entry = all->bounds[product]; entry < all->bounds[product + 1]; entry++)
            square += (double)all->values[entry] * all->values[entry];
        now.square[product] = (float)square;
        now.order[product] = (int32_t)product;
    }
    size_t open = width;
    for (rounds = 0; rounds < most && open; rounds++) {
        shuffle(now.order, all->products, &random);
        for (size_t place = 0; place < width; place++)
            now.largest[place] = -INFINITY, now.least[place] = INFINITY;
        for (size_t turn = 0; turn < products; turn++)
            if (all->cost[now.order[turn]] > 0.0f)
                one_product(all, &now, now.order[turn], weights, bias);
        for (size_t place = 0; place < width; place++)
            if (!now.done[place] && !(now.largest[place] - now.least[place] > tolerance)) {
                now.done[place] = 1;
                open--;
            }
    }
leave:
    free(row);
    free(now.alpha);
    free(now.square);
    free(now.order);
    free(now.moved);
    free(now.done);
    return rounds;
}

static int valid_rows(const int64_t *bounds, Py_ssize_t rows, const int32_t *columns, Py_ssize_t entries, Py_ssize_t width)
{
    if (bounds[0] != 0 || bounds[rows] != entries)
        return 0;
    for (Py_ssize_t row = 0; row < rows; row++)
        if (bounds[row + 1] < bounds[row])
            return 0;
    for (Py_ssize_t entry = 0; entry < entries; entry++)
        if (columns[entry] < 0 || columns[entry] >= width)
            return 0;
    return 1;
}

static PyObject *train(PyObject *module, PyObject *arguments)
{
    enum { BOUNDS, COLUMNS, VALUES, POSITIVE_BOUNDS, POSITIVES, COST, POSITIVE_COST, WEIGHTS, BIAS, ALL };
    PyObject *objects[ALL];
    Py_buffer views[ALL];
    double tolerance;
    int most, rounds = 0;
    unsigned long long seed;
    if (!PyArg_ParseTuple(arguments, "OOOOOOOOOdiK", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5],
                          &objects[6], &objects[7], &objects[8], &tolerance, &most, &seed))
        return NULL;
    int taken = take(objects, views, ALL, ALL - WEIGHTS);
    if (taken == ALL) {
        Problem all = {.products = views[BOUNDS].len / 8 - 1,
                       .width = views[BIAS].len / 4,
                       .bounds = views[BOUNDS].buf,
                       .positive_bounds = views[POSITIVE_BOUNDS].buf,
                       .columns = views[COLUMNS].buf,
                       .positives = views[POSITIVES].buf,
                       .values = views[VALUES].buf,
                       .cost = views[COST].buf,
                       .positive_cost = views[POSITIVE_COST].buf,
                       .add_row = sparse_row_adder(4)};
        all.features = all.width ? views[WEIGHTS].len / 4 / all.width : 0;
        if (all.products < 0 || all.width < 1 || views[POSITIVE_BOUNDS].len != views[BOUNDS].len ||
            views[VALUES].len != views[COLUMNS].len || views[COST].len != all.products * 4 ||
            views[POSITIVE_COST].len != all.width * 4 || views[WEIGHTS].len != all.features * all.width * 4 ||
            all.products > INT32_MAX || (all.products && all.width > PTRDIFF_MAX / 4 / all.products) ||
            !valid_rows(all.bounds, all.products, all.columns, views[COLUMNS].len / 4, all.features) ||
            !valid_rows(all.positive_bounds, all.products, all.positives, views[POSITIVES].len / 4, all.width)) {
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays and weights of sizes that go together, with valid indices");
            goto release;
        }
        Py_BEGIN_ALLOW_THREADS
        rounds = solve(&all, (float)tolerance, most, seed, views[WEIGHTS].buf, views[BIAS].buf);
        Py_END_ALLOW_THREADS
        if (rounds < 0)
            PyErr_NoMemory();
    }
release:;
    PyObject *none = give_back(views, taken);
    Py_XDECREF(none);
    return none ? PyLong_FromLong(rounds) : NULL;
}

static PyMethodDef methods[] = {
    {"train", train, METH_VARARGS,
     "train(bounds, columns, values, positive_bounds, positives, cost, positive_cost, weights, bias, tolerance, most, seed): "
     "how many rounds it took; weights [features, categories] and bias [categories] begin as zeros and are written."},
    HOLD_TO,
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_one_vs_rest", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__one_vs_rest(void)
{
    return PyModule_Create(&definition);
}
