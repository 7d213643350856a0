/*
 * The fields that a match may name: how each is read from the policy file, and how it is tried on
 * a request. A new one is a row in field.c, a function here or there, and a row in the manual.
 */
#ifndef POLICY_FIELD_H
#define POLICY_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reading.h"
#include "policy/subject.h"
#include "policy/yaml_tree.h"

struct condition;

/* Whether a condition holds. */
enum fit {
	FIT_NO,
	FIT_CLAIMED, /* not for what is known, but for what the process calls itself (claims.h) */
	FIT_UNKNOWN, /* the fact could not be learned */
	FIT_YES,
	FIT_LIMIT, /* a pattern ran into its limit */
};

enum field_trait {
	FIELD_OF_CALLER = 1,  /* unknown where the caller is not identified */
	FIELD_CLAIMS = 2,     /* a claim, or a proof that is too weak, may make it fit */
	FIELD_BEGINNINGS = 4, /* plain text is the beginning of what it fits */
	FIELD_OPERATION = 8,
	FIELD_SIGN_TYPE = 16,
	FIELD_EVIDENCE = 32,       /* says which proofs are enough */
	FIELD_PROOF = 64,          /* proved: no program of this account can bring it about */
	FIELD_VARIABLES = 128,     /* a map, each of whose keys is a condition of its own */
	FIELD_USER_AND_HOST = 256, /* without "@", a pattern is for the host alone */
};

struct field {
	const char *name;
	unsigned traits; /* of enum field_trait */
	/* Adds one value; what is wrong with it is reported. Only -ENOMEM is an error. */
	int (*read)(struct condition *condition, struct reading *reading,
	            const struct yaml_node *value);
	enum fit (*test)(const struct condition *condition, struct subject *subject);
	/* Of a field that takes words: the word for one bit of condition.wanted. Else NULL. */
	const char *(*word)(unsigned value);
};

#define FIELDS_MAX 64
extern const struct field fields[];
extern const size_t n_fields;

const struct field *field_find(const char *name); /* NULL: there is none */
/* Where a set of fields is the bits of a number. */
static inline uint64_t field_bit(const struct field *field) {
	return UINT64_C(1) << (field - fields);
}
enum fit field_test(const struct condition *condition, struct subject *subject);

#endif
