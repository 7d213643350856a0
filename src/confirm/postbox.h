/*
 * The postbox of a prompt, for scripts: ID.yaml, which tells what is asked, and ID.fifo, which
 * takes one line as the answer: "allow NONCE PIN" or "deny NONCE". The nonce stands in the file, so
 * that a blind write is nothing; a yes takes the PIN.
 *
 * It is the weak way. A FIFO cannot refuse a second reader, who then gets nonce and PIN.
 */
#ifndef CONFIRM_POSTBOX_H
#define CONFIRM_POSTBOX_H

#include <ev.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define POSTBOX_LINE_MAX 256 /* a nonce, a PIN and a word */

struct postbox;

/* pin is NULL for a no. It holds for the call, and is wiped after it. The postbox may be freed. */
typedef void postbox_said(void *data, const char *pin);

/* The directory (0700) is made where it is missing; what lies at either name is replaced, and never
 * followed. -ENOTDIR, -EPERM, -EACCES: the directory is none, not ours, or open to others. */
int postbox_new(struct postbox **ret, struct ev_loop *loop, const char *directory, uint64_t id,
                const char *nonce, struct bytes document, postbox_said *said,
                void *data) MUST_CHECK;
void postbox_free(struct postbox *postbox); /* removes both; NULL is fine */

/* Removes what a guard has left that was killed. */
void postbox_clear(const char *directory);

/* Pure: whether the line (without its end) is an answer with that nonce. *ret_pin points into it;
 * NULL for a no. */
bool postbox_parse(const char **ret_pin, const char *line, const char *nonce);

#endif
