/* A policy while it is made from the trees of its files. Shared by who reads parts of it. */
#ifndef POLICY_LOADER_H
#define POLICY_LOADER_H

#include "base/cleanup.h"
#include "policy/define.h"
#include "policy/reading.h"
#include "policy/rule.h"
#include "policy/yaml_tree.h"

struct loader {
	struct reading reading;
	struct policy *policy;
	const struct yaml_node *root;   /* of the policy itself */
	struct rule *rule;              /* the one that is read */
	struct definitions definitions; /* which reading borrows */
	const struct yaml_node **names; /* of rules that have one, for duplicates; owned */
	size_t n_names;
};

/* A name that may stand in a map. Only -ENOMEM is an error: the rest is reported. */
struct key {
	const char *name;
	/* NULL: it stands in another kind of file. */
	int (*read)(struct loader *loader, const struct yaml_node *value);
	const char *missing; /* what to say where it must stand and does not; NULL: it need not */
};

int loader_walk_map(struct loader *loader, const struct yaml_node *map, const struct key *keys,
                    size_t n_keys) MUST_CHECK;

/* Leaves *ret alone where the value is none. */
void loader_read_action(struct loader *loader, const char *what, const struct yaml_node *value,
                        enum action *ret);

/* Adds the rules of one file to those of the policy. */
int loader_read_rules(struct loader *loader, const struct yaml_node *value) MUST_CHECK;
/* Once all are read: no two rules share a name. */
void loader_check_names(struct loader *loader);

#endif
