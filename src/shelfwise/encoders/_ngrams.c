/* The loops over text that NumPy runs in many passes: counting hashed n-grams, and turning counts into TF-IDF weights.

   `hashing.py`, `vocabulary.py` and `ngrams.py` say what is computed and compute the same without this file; every integer is
   modulo 2**64 and every number is rounded where NumPy rounds it, so the results are the same bit for bit. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CODE_POINTS 0x110000
#define MOST_LENGTHS 10 /* MAX_NGRAM */

static const uint64_t BASE = 0x9E3779B97F4A7C15u, FINISH = 0xFF51AFD7ED558CCDu, CHARS = 0x94D049BB133111EBu,
                      WORD_BASE = 0xBF58476D1CE4E5B9u;
#define SPACE (' ' + 1)

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

/* What n-grams are wanted: lengths from `least` to `most`, none where `most` is 0. */
typedef struct {
    int least, most;
} Lengths;

typedef struct {
    Array codes, words, keys, spare;
} Workspace;

static inline uint32_t bucket(uint64_t hash, int bits)
{
    return (uint32_t)(((hash ^ (hash >> 32)) * FINISH) >> (64 - bits));
}

/* A space, the characters as numbers (1 + code point, what is no part of a word like a space), a space. UTF-8 of Python is valid. */
static int read_codes(Array *codes, const unsigned char *text, Py_ssize_t size, const uint8_t *in_word, int lowercase)
{
    codes->used = 0;
    if (reserve(codes, (size_t)size + 2, sizeof(uint32_t)) < 0)
        return -1;
    uint32_t *out = codes->data;
    size_t count = 0;
    out[count++] = SPACE;
    for (Py_ssize_t at = 0; at < size;) {
        uint32_t point = text[at++];
        if (point >= 0x80) {
            int more = point >= 0xF0 ? 3 : point >= 0xE0 ? 2 : 1;
            point &= 0x3Fu >> more;
            for (; more > 0 && at < size; more--)
                point = point << 6 | (text[at++] & 0x3Fu);
        } else if (lowercase && point >= 'A' && point <= 'Z') {
            point += 'a' - 'A';
        }
        out[count++] = point < CODE_POINTS && in_word[point] ? point + 1 : SPACE;
    }
    out[count++] = SPACE;
    codes->used = count;
    return 0;
}

static int word_ngrams(Workspace *work, Lengths lengths, int bits)
{
    const uint32_t *codes = work->codes.data;
    size_t count = work->codes.used;
    work->words.used = 0;
    if (reserve(&work->words, count / 2 + 1, sizeof(uint64_t)) < 0)
        return -1;
    uint64_t *words = work->words.data;
    size_t found = 0;
    for (size_t at = 1; at + 1 < count; at++) {
        if (codes[at] == SPACE)
            continue;
        uint64_t hash = 0, power = 1;
        for (; codes[at] != SPACE; at++, power *= BASE)
            hash += codes[at] * power;
        words[found++] = hash;
    }
    size_t each = (size_t)(lengths.most - lengths.least + 1);
    if (reserve(&work->keys, found * each, sizeof(uint32_t)) < 0)
        return -1;
    uint32_t *keys = work->keys.data;
    size_t used = work->keys.used;
    for (size_t first = 0; first < found; first++) {
        uint64_t gram = 0;
        for (int n = 1; n <= lengths.most && first + (size_t)n <= found; n++) {
            gram = gram * WORD_BASE + words[first + (size_t)n - 1];
            if (n >= lengths.least)
                keys[used++] = bucket(gram, bits);
        }
    }
    work->keys.used = used;
    return 0;
}

/* An n-gram may begin or end on the space beside its word; what lies between is of one word. */
static int char_ngrams(Workspace *work, Lengths lengths, int bits)
{
    const uint32_t *codes = work->codes.data;
    size_t count = work->codes.used, each = (size_t)(lengths.most - lengths.least + 1);
    if (reserve(&work->keys, count * each, sizeof(uint32_t)) < 0)
        return -1;
    uint32_t *keys = work->keys.data;
    size_t used = work->keys.used;
    for (size_t first = 0; first < count; first++) {
        uint64_t gram = codes[first];
        if (lengths.least == 1 && codes[first] != SPACE)
            keys[used++] = bucket(gram ^ CHARS, bits);
        for (int n = 2; n <= lengths.most && first + (size_t)n <= count; n++) {
            size_t last = first + (size_t)n - 1;
            if (n > 2 ? codes[last - 1] == SPACE : codes[first] == SPACE && codes[last] == SPACE)
                break;
            gram = gram * BASE + codes[last];
            if (n >= lengths.least)
                keys[used++] = bucket(gram ^ CHARS, bits);
        }
    }
    work->keys.used = used;
    return 0;
}

/* Ascending order: by insertion where there are few, else byte by byte. */
static int sort_keys(Array *keys, Array *spare)
{
    uint32_t *data = keys->data;
    size_t count = keys->used;
    if (count <= 24) {
        for (size_t next = 1; next < count; next++) {
            uint32_t key = data[next];
            size_t at = next;
            for (; at > 0 && data[at - 1] > key; at--)
                data[at] = data[at - 1];
            data[at] = key;
        }
        return 0;
    }
    spare->used = 0;
    if (reserve(spare, count, sizeof(uint32_t)) < 0)
        return -1;
    for (int shift = 0; shift < 24; shift += 8) { /* keys are below 2**24 */
        size_t starts[257] = {0};
        uint32_t *from = keys->data, *to = spare->data;
        for (size_t at = 0; at < count; at++)
            starts[(from[at] >> shift & 0xFF) + 1]++;
        for (int value = 0; value < 256; value++)
            starts[value + 1] += starts[value];
        for (size_t at = 0; at < count; at++)
            to[starts[from[at] >> shift & 0xFF]++] = from[at];
        Array other = *keys;
        keys->data = spare->data, keys->room = spare->room;
        spare->data = other.data, spare->room = other.room;
    }
    return 0;
}

typedef struct {
    const char *text; /* NULL: none */
    Py_ssize_t size;
} Text;

typedef struct {
    Array bounds, columns, counts; /* int64 [1 + texts], int32, float32 */
} Rows;

static int count_all(const Text *texts, Py_ssize_t many, const uint8_t *in_word, Lengths words, Lengths chars, int lowercase,
                     int bits, Workspace *work, Rows *rows)
{
    if (reserve(&rows->bounds, (size_t)many + 1, sizeof(int64_t)) < 0)
        return -1;
    int64_t *bounds = rows->bounds.data;
    bounds[0] = 0;
    rows->bounds.used = (size_t)many + 1;
    for (Py_ssize_t which = 0; which < many; which++) {
        work->keys.used = 0;
        if (texts[which].text != NULL && texts[which].size > 0) {
            if (read_codes(&work->codes, (const unsigned char *)texts[which].text, texts[which].size, in_word, lowercase) < 0 ||
                (words.most && word_ngrams(work, words, bits) < 0) || (chars.most && char_ngrams(work, chars, bits) < 0) ||
                sort_keys(&work->keys, &work->spare) < 0)
                return -1;
        }
        const uint32_t *keys = work->keys.data;
        size_t count = work->keys.used, used = rows->columns.used;
        if (reserve(&rows->columns, count, sizeof(int32_t)) < 0 || reserve(&rows->counts, count, sizeof(float)) < 0)
            return -1;
        int32_t *columns = rows->columns.data;
        float *counts = rows->counts.data;
        for (size_t at = 0; at < count; used++) {
            size_t first = at;
            while (at < count && keys[at] == keys[first])
                at++;
            columns[used] = (int32_t)keys[first];
            counts[used] = (float)(at - first);
        }
        rows->columns.used = rows->counts.used = used;
        bounds[which + 1] = (int64_t)used;
    }
    return 0;
}

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

static PyObject *count(PyObject *module, PyObject *arguments)
{
    PyObject *given, *table, *held = NULL, *result = NULL;
    Lengths words, chars;
    int lowercase, bits;
    Py_buffer in_word = {0};
    Text *texts = NULL;
    Workspace work = {0};
    Rows rows = {0};
    if (!PyArg_ParseTuple(arguments, "OOiiiipi", &given, &table, &words.least, &words.most, &chars.least, &chars.most, &lowercase,
                          &bits))
        return NULL;
    if (words.most > MOST_LENGTHS || chars.most > MOST_LENGTHS || (words.most && words.least < 1) || (chars.most && chars.least < 1) ||
        words.least > words.most || chars.least > chars.most || words.most < 0 || chars.most < 0 || bits < 1 || bits > 24) {
        PyErr_SetString(PyExc_ValueError, "expected lengths of n-grams from 1 to 10, and 1 to 24 bits a bucket");
        return NULL;
    }
    if (PyObject_GetBuffer(table, &in_word, PyBUF_SIMPLE) < 0)
        return NULL;
    if (in_word.len != CODE_POINTS) {
        PyErr_SetString(PyExc_ValueError, "expected a byte for every code point");
        goto leave;
    }
    held = PySequence_Tuple(given); /* keeps every text alive while others run */
    if (held == NULL)
        goto leave;
    Py_ssize_t many = PyTuple_Size(held);
    texts = calloc((size_t)many + 1, sizeof(Text));
    if (texts == NULL) {
        PyErr_NoMemory();
        goto leave;
    }
    for (Py_ssize_t which = 0; which < many; which++) {
        PyObject *one = PyTuple_GetItem(held, which);
        if (one == Py_None)
            continue;
        texts[which].text = PyUnicode_AsUTF8AndSize(one, &texts[which].size);
        if (texts[which].text == NULL)
            goto leave;
    }
    int done;
    Py_BEGIN_ALLOW_THREADS
    done = count_all(texts, many, in_word.buf, words, chars, lowercase, bits, &work, &rows);
    Py_END_ALLOW_THREADS
    result = done < 0 ? PyErr_NoMemory() : as_rows(&rows);
leave:
    free(work.codes.data);
    free(work.words.data);
    free(work.keys.data);
    free(work.spare.data);
    free_rows(&rows);
    free(texts);
    Py_XDECREF(held);
    PyBuffer_Release(&in_word);
    return result;
}

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
    {"count", count, METH_VARARGS,
     "count(texts, in_word, words_least, words_most, chars_least, chars_most, lowercase, bits): bounds, buckets, counts."},
    {"select", select_known, METH_VARARGS,
     "select(bounds, buckets, counts, column_of[, idf[, damped]]): bounds, columns, and counts or weights."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ngrams", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__ngrams(void)
{
    return PyModule_Create(&definition);
}
