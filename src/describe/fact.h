/*
 * The facts of a request as texts, in the words of policies: for people who look at a request, and
 * for tests that expect one of them. A new fact is a row in fact.c.
 */
#ifndef DESCRIBE_FACT_H
#define DESCRIBE_FACT_H

#include <stddef.h>

#include "base/buffer.h"
#include "facts/request.h"

enum fact_state {
	FACT_KNOWN,
	FACT_NONE,    /* known, and there is none: no text */
	FACT_UNKNOWN, /* could not be learned: no text */
};

struct fact {
	const char *name;
	bool of_caller; /* unknown where the caller is not identified */
	/* Appends the text where it is known. */
	enum fact_state (*get)(struct buffer *text, const struct request *request);
};

extern const struct fact facts[];
extern const size_t n_facts;

/* As the policy sees it. Where memory runs out, *text says so (buffer_error()). */
enum fact_state fact_get(struct buffer *text, const struct fact *fact,
                         const struct request *request);

/* An argument vector on one line; an argument that is empty, or has blanks in it, in quotes. */
void fact_put_argv(struct buffer *text, const struct process *process);

#endif
