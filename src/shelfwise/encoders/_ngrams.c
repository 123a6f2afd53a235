/* Counts hashed n-grams text by text.

   `hashing.py` says what is computed, and computes the same without this file; integers are modulo 2**64 there and here. */

#include "_rows.h"

#define CODE_POINTS 0x110000
#define MOST_LENGTHS 10 /* MAX_NGRAM */

static const uint64_t BASE = 0x9E3779B97F4A7C15u, FINISH = 0xFF51AFD7ED558CCDu, CHARS = 0x94D049BB133111EBu,
                      WORD_BASE = 0xBF58476D1CE4E5B9u;
#define SPACE (' ' + 1)

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

static PyMethodDef methods[] = {
    {"count", count, METH_VARARGS,
     "count(texts, in_word, words_least, words_most, chars_least, chars_most, lowercase, bits): bounds, buckets, counts."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ngrams", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__ngrams(void)
{
    return PyModule_Create(&definition);
}
