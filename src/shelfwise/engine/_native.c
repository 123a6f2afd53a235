/* The one loop of prediction that no library at hand runs fast without PyTorch: sparse rows times a dense matrix, of single or of
   half precision. It waits for memory: half the bytes take little more than half the time.

   Every index is checked before it is used: the arrays may come from a damaged file. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "_sparse_row.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HALVES 1 /* where the processor, too, can read them, see can_read_halves */
#include <cpuid.h>
#include <immintrin.h>

/* add_sparse_row, of a matrix in half precision: the same sums in the same order, so the same bits as of the same numbers in single
   precision. */
__attribute__((target("avx2,f16c")))
static void add_sparse_row_of_halves(const int32_t *columns, const float *values, Py_ssize_t entries, const uint16_t *dense,
                                     Py_ssize_t width, float *restrict sum)
{
    Py_ssize_t entry = 0;
    for (; entry + TOGETHER <= entries; entry += TOGETHER) {
        const uint16_t *line[TOGETHER];
        for (int one = 0; one < TOGETHER; one++) {
            line[one] = dense + (Py_ssize_t)columns[entry + one] * width;
            if (entry + one + AHEAD < entries)
                for (Py_ssize_t part = 0; part < width; part += 32)
                    FETCH(dense + (Py_ssize_t)columns[entry + one + AHEAD] * width + part);
        }
        Py_ssize_t place = 0;
        for (; place + 8 <= width; place += 8) {
            __m256 total = _mm256_loadu_ps(sum + place);
            for (int one = 0; one < TOGETHER; one++) {
                __m256 eight = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(line[one] + place)));
                total = _mm256_add_ps(total, _mm256_mul_ps(_mm256_set1_ps(values[entry + one]), eight));
            }
            _mm256_storeu_ps(sum + place, total);
        }
        for (; place < width; place++)
            for (int one = 0; one < TOGETHER; one++)
                sum[place] += values[entry + one] * _cvtsh_ss(line[one][place]);
    }
    for (; entry < entries; entry++) {
        const uint16_t *line = dense + (Py_ssize_t)columns[entry] * width;
        for (Py_ssize_t place = 0; place < width; place++)
            sum[place] += values[entry] * _cvtsh_ss(line[place]);
    }
}

static int can_read_halves(void)
{
    unsigned int a, b, c, d;
    return __builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#else
#define HALVES 0
static int can_read_halves(void) { return 0; }
#endif

/* out[row] = sum of values[e] * dense[columns[e]] over the row's entries; 0, or -1 for an index out of range. `size`: bytes of one
   number of the dense matrix, 4 or, where the processor can read them, 2. */
FOR_EVERY_PROCESSOR
static int multiply(const int32_t *bounds, Py_ssize_t rows, const int32_t *columns, const float *values, Py_ssize_t entries,
                    const void *restrict dense, Py_ssize_t size, Py_ssize_t height, Py_ssize_t width, float *restrict out)
{
    for (Py_ssize_t row = 0; row < rows; row++) {
        Py_ssize_t first = bounds[row], last = bounds[row + 1];
        float *restrict sum = out + row * width;
        if (first < 0 || last < first || last > entries)
            return -1;
        memset(sum, 0, (size_t)width * sizeof(float));
        for (Py_ssize_t entry = first; entry < last; entry++)
            if (columns[entry] < 0 || columns[entry] >= height)
                return -1;
#if HALVES
        if (size == 2) {
            add_sparse_row_of_halves(columns + first, values + first, last - first, dense, width, sum);
            continue;
        }
#endif
        add_sparse_row(columns + first, values + first, last - first, dense, width, sum);
    }
    return 0;
}

static PyObject *sparse_times_dense(PyObject *module, PyObject *arguments)
{
    PyObject *objects[5];
    Py_buffer views[5];
    Py_ssize_t width, size;
    int taken = 0, done = -2;
    if (!PyArg_ParseTuple(arguments, "OOOOnnO", &objects[0], &objects[1], &objects[2], &objects[3], &size, &width, &objects[4]))
        return NULL;
    for (; taken < 5; taken++)
        if (PyObject_GetBuffer(objects[taken], &views[taken], taken == 4 ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0)
            goto release;
    {
        Py_ssize_t rows = views[0].len / 4 - 1, entries = views[1].len / 4;
        Py_ssize_t height = width > 0 && size > 0 ? views[3].len / size / width : 0;
        if (width < 1 || rows < 0 || views[2].len != entries * 4 || views[3].len != height * width * size ||
            views[4].len != rows * width * 4 || !(size == 4 || (size == 2 && can_read_halves()))) {
            PyErr_SetString(PyExc_ValueError, "expected CSR arrays, a dense matrix and a result of sizes that go together");
            goto release;
        }
        Py_BEGIN_ALLOW_THREADS
        done = multiply(views[0].buf, rows, views[1].buf, views[2].buf, entries, views[3].buf, size, height, width,
                        views[4].buf);
        Py_END_ALLOW_THREADS
        if (done == -1)
            PyErr_SetString(PyExc_IndexError, "an index of the sparse matrix is out of range");
    }
release:
    while (taken > 0)
        PyBuffer_Release(&views[--taken]);
    if (done != 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *reads_halves(PyObject *module, PyObject *arguments)
{
    return PyBool_FromLong(can_read_halves());
}

static PyMethodDef methods[] = {
    {"sparse_times_dense", sparse_times_dense, METH_VARARGS,
     "sparse_times_dense(bounds, columns, values, dense, size, width, out): CSR of int32 and float32 times floats of so many bytes\n"
     "[height, width]."},
    {"reads_halves", reads_halves, METH_NOARGS, "Whether floats of 2 bytes can be read."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&definition);
}
