/* How like each of some vectors is the likest of each shard of others, in whole numbers.

   `likeness.py` says what is computed, and computes the same without this file, bit for bit; so does every processor without AVX2.
   The others lie in groups of LANES, their numbers in twos: first the first two of each, then the next two; so that one instruction
   takes two numbers of all of them. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "../engine/_buffers.h"
#include "../engine/_processor.h"

#define LANES 16
#define AT_ONCE 64 /* vectors that stay in the processor's first cache while all groups of a shard go by */

#if X86
/* Vectors beside each other, the groups of one shard, and room for the likest of each lane: best[vector][lane]. */
typedef struct {
    const int16_t *asked, *others;
    Py_ssize_t vectors, twos, groups; /* twos of numbers a vector, groups a shard */
    int32_t (*best)[LANES];
} Block;

static int32_t two_of(const int16_t *asked)
{
    int32_t both;
    memcpy(&both, asked, sizeof(both));
    return both;
}

/* `count` vectors, known when this is compiled, and one group. */
INSIDE_FOR(WITH_256) void some_by_8(const Block *block, Py_ssize_t vector, Py_ssize_t group, const int count)
{
    Py_ssize_t length = 2 * block->twos;
    const int16_t *asked = block->asked + vector * length, *others = block->others + group * length * LANES;
    __m256i left[4], right[4];
    for (int one = 0; one < count; one++)
        left[one] = right[one] = _mm256_setzero_si256();
    for (Py_ssize_t two = 0; two < block->twos; two++, asked += 2, others += 2 * LANES) {
        __m256i first = _mm256_loadu_si256((const __m256i *)others);
        __m256i second = _mm256_loadu_si256((const __m256i *)(others + LANES));
#pragma GCC unroll 4
        for (int one = 0; one < count; one++) {
            __m256i both = _mm256_set1_epi32(two_of(asked + one * length));
            left[one] = _mm256_add_epi32(left[one], _mm256_madd_epi16(first, both));
            right[one] = _mm256_add_epi32(right[one], _mm256_madd_epi16(second, both));
        }
    }
    for (int one = 0; one < count; one++) {
        __m256i *best = (__m256i *)block->best[vector + one];
        _mm256_storeu_si256(best, _mm256_max_epi32(_mm256_loadu_si256(best), left[one]));
        _mm256_storeu_si256(best + 1, _mm256_max_epi32(_mm256_loadu_si256(best + 1), right[one]));
    }
}

/* The same on processors that multiply and add so in one step. */
INSIDE_FOR(WITH_512) void some_by_16(const Block *block, Py_ssize_t vector, Py_ssize_t group, const int count)
{
    Py_ssize_t length = 2 * block->twos;
    const int16_t *asked = block->asked + vector * length, *others = block->others + group * length * LANES;
    __m512i found[8];
    for (int one = 0; one < count; one++)
        found[one] = _mm512_setzero_si512();
    for (Py_ssize_t two = 0; two < block->twos; two++, asked += 2, others += 2 * LANES) {
        __m512i all = _mm512_loadu_si512(others);
#pragma GCC unroll 8
        for (int one = 0; one < count; one++)
            found[one] = _mm512_dpwssd_epi32(found[one], all, _mm512_set1_epi32(two_of(asked + one * length)));
    }
    for (int one = 0; one < count; one++) {
        int32_t *best = block->best[vector + one];
        _mm512_storeu_si512(best, _mm512_max_epi32(_mm512_loadu_si512(best), found[one]));
    }
}

/* As many vectors at a time as make the most of the registers, then what is left over one by one. */
FOR(WITH_256) void search_by_8(const Block *block)
{
    for (Py_ssize_t group = 0; group < block->groups; group++) {
        Py_ssize_t vector = 0;
        for (; vector + 4 <= block->vectors; vector += 4)
            some_by_8(block, vector, group, 4);
        for (; vector < block->vectors; vector++)
            some_by_8(block, vector, group, 1);
    }
}

FOR(WITH_512) void search_by_16(const Block *block)
{
    for (Py_ssize_t group = 0; group < block->groups; group++) {
        Py_ssize_t vector = 0;
        for (; vector + 8 <= block->vectors; vector += 8)
            some_by_16(block, vector, group, 8);
        for (; vector < block->vectors; vector++)
            some_by_16(block, vector, group, 1);
    }
}

static void search_all(const int16_t *asked, const int16_t *others, int32_t *out, Py_ssize_t vectors, Py_ssize_t twos,
                       Py_ssize_t shards, Py_ssize_t groups)
{
    int wider = register_bits() == 512;
    int32_t best[AT_ONCE][LANES];
    for (Py_ssize_t first = 0; first < vectors; first += AT_ONCE) {
        Py_ssize_t some = first + AT_ONCE <= vectors ? AT_ONCE : vectors - first;
        for (Py_ssize_t shard = 0; shard < shards; shard++) {
            Block block = {asked + first * 2 * twos, others + shard * groups * 2 * twos * LANES, some, twos, groups, best};
            for (Py_ssize_t vector = 0; vector < some; vector++)
                for (int lane = 0; lane < LANES; lane++)
                    best[vector][lane] = INT32_MIN;
            (wider ? search_by_16 : search_by_8)(&block);
            for (Py_ssize_t vector = 0; vector < some; vector++) {
                int32_t top = best[vector][0];
                for (int lane = 1; lane < LANES; lane++)
                    top = best[vector][lane] > top ? best[vector][lane] : top;
                out[(first + vector) * shards + shard] = top;
            }
        }
    }
}
#else
static void search_all(const int16_t *asked, const int16_t *others, int32_t *out, Py_ssize_t vectors, Py_ssize_t twos,
                       Py_ssize_t shards, Py_ssize_t groups)
{
}
#endif

static PyObject *likest(PyObject *module, PyObject *arguments)
{
    PyObject *objects[3];
    Py_buffer views[3];
    Py_ssize_t length, shards;
    if (!PyArg_ParseTuple(arguments, "OOnnO", &objects[0], &objects[1], &length, &shards, &objects[2]))
        return NULL;
    int taken = take(objects, views, 3, 1);
    if (taken == 3) {
        Py_ssize_t group = length > 0 && length % 2 == 0 ? length * LANES * 2 : 0; /* in bytes */
        Py_ssize_t groups = group && shards > 0 ? views[1].len / group / shards : 0;
        Py_ssize_t vectors = group ? views[0].len / 2 / length : 0;
        if (!register_bits() || !groups || views[1].len != groups * group * shards || views[0].len != vectors * length * 2 ||
            views[2].len != vectors * shards * 4)
            PyErr_SetString(PyExc_ValueError, "expected int16 vectors, int16 groups and an int32 result of sizes that go together");
        else {
            Py_BEGIN_ALLOW_THREADS
            search_all(views[0].buf, views[1].buf, views[2].buf, vectors, length / 2, shards, groups);
            Py_END_ALLOW_THREADS
        }
    }
    return give_back(views, taken);
}

static PyObject *works_here(PyObject *module, PyObject *arguments)
{
    return PyBool_FromLong(register_bits() != 0);
}

static PyMethodDef methods[] = {
    {"likest", likest, METH_VARARGS,
     "likest(vectors, groups, length, shards, out): writes the largest product of each vector with any of each shard."},
    {"works_here", works_here, METH_NOARGS, "Whether this processor can do it."},
    HOLD_TO,
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_likeness", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__likeness(void)
{
    return PyModule_Create(&definition);
}
