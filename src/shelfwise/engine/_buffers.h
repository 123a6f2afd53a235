/* Taking the buffers of a function's arguments, and giving them back. */

#ifndef SHELFWISE_BUFFERS_H
#define SHELFWISE_BUFFERS_H

#ifndef Py_LIMITED_API
#error "say first which of Python's interfaces the file takes"
#endif
#include <Python.h>

/* Buffers of `given` objects, the last `written` of them to be written to; how many were taken. */
static int take(PyObject **objects, Py_buffer *views, int given, int written)
{
    for (int taken = 0; taken < given; taken++)
        if (PyObject_GetBuffer(objects[taken], &views[taken], taken < given - written ? PyBUF_SIMPLE : PyBUF_WRITABLE) < 0)
            return taken;
    return given;
}

/* None, or NULL where an error was set. */
static PyObject *give_back(Py_buffer *views, int taken)
{
    while (taken > 0)
        PyBuffer_Release(&views[--taken]);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

#endif
