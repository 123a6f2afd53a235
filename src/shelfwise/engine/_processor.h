/* What the processor can do, for the loops in C that are written for wide registers. */

#ifndef SHELFWISE_PROCESSOR_H
#define SHELFWISE_PROCESSOR_H

#ifndef Py_LIMITED_API
#error "say first which of Python's interfaces the file takes"
#endif
#include <Python.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <cpuid.h>
#include <immintrin.h>
#define WITH_256 "avx2,f16c"
#define WITH_512 "avx512f,avx512bw,avx512vl,avx512vnni,avx2,f16c"
#define FOR(processor) __attribute__((target(processor))) static
#define INSIDE_FOR(processor) __attribute__((target(processor), always_inline)) static inline
#else
#define X86 0
#endif

#if X86 && defined(__linux__) && defined(__GLIBC__)
#define FOR_EVERY_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EVERY_PROCESSOR
#endif

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#define INSIDE static inline __attribute__((always_inline)) /* compiled for the processor that the caller is compiled for */
#else
#define FETCH(address)
#define INSIDE static inline
#endif

static int most_bits = 512;

/* How wide the registers are that loops are written for and this processor has: 512, 256, or 0 for neither. */
static inline int register_bits(void)
{
    static int found = -1; /* on virtual machines it takes a while to ask */
    if (found < 0) {
        found = 0;
#if X86
        unsigned int a, b, c, d;
        if (__builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C))
            found = 256;
        if (found && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            found = 512;
#endif
    }
    return found <= most_bits ? found : most_bits < 256 ? 0 : 256;
}

/* For tests: every processor gives the same results. */
static inline PyObject *hold_to(PyObject *module, PyObject *arguments)
{
    if (!PyArg_ParseTuple(arguments, "i", &most_bits))
        return NULL;
    return PyLong_FromLong(register_bits());
}

#define HOLD_TO {"hold_to", hold_to, METH_VARARGS, "hold_to(bits): use no wider registers from now on; how wide those are."}

#endif
