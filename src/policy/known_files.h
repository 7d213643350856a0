/* known_hosts of a policy: the files in the place of those that ssh's configuration names. */
#ifndef POLICY_KNOWN_FILES_H
#define POLICY_KNOWN_FILES_H

#include "facts/destination.h"
#include "policy/reading.h"

#define KNOWN_FILES_MAX 8 /* of each kind */

struct known_files {
	char *paths[KNOWN_BY_COUNT][KNOWN_FILES_MAX]; /* from the root on; owned */
	size_t n_paths[KNOWN_BY_COUNT];
	bool says[KNOWN_BY_COUNT]; /* else those of ssh's configuration */
};

void known_files_deinit(struct known_files *files);

/* What is wrong is reported. -ENOMEM. */
int known_files_read(struct known_files *files, struct reading *reading,
                     const struct yaml_node *map) MUST_CHECK;

#endif
