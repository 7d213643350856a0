/*
 * What is kept of a caller's environment: the variables that were asked for, and whether it puts
 * foreign code into the caller. Bytes in, facts out; the caller has written every one of them.
 */
#ifndef CALLER_ENVIRONMENT_H
#define CALLER_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/caller.h"
#include "facts/tri.h"

#define ENVIRON_LEN_MAX (128 * 1024) /* of a whole environment; a large one has a fifth of it */
#define ENV_LEN_MAX     (16 * 1024)  /* of what is kept, which travels with each caller */
#define ENV_COUNT_MAX   256

#define ENV_NAME_LEN_MAX 128
#define ENV_NAMES_MAX    512 /* asked for; one policy names a handful */

/* The names that are asked for. */
struct env_names;

/* Those that are always asked for, and more: a name, or a beginning of names with a '*' behind it.
 * The texts are copied. -EINVAL: one is no name (letters, digits and '_'). -E2BIG: too many.
 * -ENOMEM. */
int env_names_new(struct env_names **ret, const char *const *more, size_t n_more) MUST_CHECK;
void env_names_free(struct env_names *names); /* NULL is fine */
bool env_names_equal(const struct env_names *a, const struct env_names *b);

/* Fills env and n_env of the caller from its whole environment, where they are empty. They stay
 * unknown where there are more or longer ones than are kept, or two of one name that differ: which
 * of them its program takes cannot be told. */
void environment_take(struct caller *caller, struct bytes texts, const struct env_names *names);

/* Whether a variable is set, and not empty, by which a library, a module or a configuration of the
 * caller's choice comes into any program that it starts. */
bool environment_preloads(struct bytes texts);

/* The value of the first variable of that name; data is NULL where there is none. */
struct bytes environment_get(struct bytes texts, const char *name);

/* The same in what was kept; NULL: not set, or not known. */
const char *caller_env(const struct caller *caller, const char *name);

#endif
