/*
 * What tools print on standard output. Names of files and programs come from strangers, and a
 * terminal obeys what is printed on it; so every text from outside goes through here, and what is
 * not printable ASCII comes out as \xHH.
 */
#ifndef BASE_SHOW_H
#define BASE_SHOW_H

#include <stddef.h>
#include <stdio.h>

#include "base/bytes.h"

/* Prints it in at least width columns, and returns how many it took. */
size_t show(FILE *stream, const char *text, size_t width);
size_t show_bytes(FILE *stream, struct bytes bytes, size_t width);

#endif
