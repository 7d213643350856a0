/*
 * Which known_hosts files are read, and whose they are: those that a policy names, else those that
 * ssh's configuration does. Pure; the files are not looked at.
 */
#ifndef AGENT_HOSTS_LIST_H
#define AGENT_HOSTS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "agent/ssh_files.h"
#include "base/cleanup.h"
#include "facts/destination.h"
#include "policy/policy.h"

#define HOSTS_LIST_SYSTEM_COUNT 2 /* of the system's, where nobody has configured ssh */
/* A policy names no more files than are taken of ssh's (KNOWN_FILES_MAX). */
#define HOSTS_LIST_MAX (KNOWN_BY_COUNT * SSH_FILES_FILES_MAX + HOSTS_LIST_SYSTEM_COUNT)

/* The system's first. Paths are copies, because what they are read from may be replaced meanwhile.
 */
struct hosts_list {
	enum known_by by[HOSTS_LIST_MAX];
	char *paths[HOSTS_LIST_MAX];     /* owned */
	bool is_claimed[HOSTS_LIST_MAX]; /* to be the system's, by what the user may write */
	size_t n_files;
};

/* configured: what ssh reads; floor may be NULL. -ENOMEM. */
int hosts_list_make(struct hosts_list *ret, const struct policy *floor, const struct policy *policy,
                    const struct ssh_known_files *configured) MUST_CHECK;
void hosts_list_deinit(struct hosts_list *list); /* zeroed memory is fine */

/* Whether the policies leave any of it to ssh's configuration; floor may be NULL. */
bool hosts_list_needs_config(const struct policy *floor, const struct policy *policy);

/* Whether the file at that place of the list speaks for the system, by what was found there. */
bool hosts_list_is_systems(const struct hosts_list *list, size_t index, const struct stat *status);

/* Another number for other names, or where they are others'. */
uint64_t hosts_list_state(const struct hosts_list *list);

/* What ssh reads where nobody has configured it, and as long as it does not tell. home may be NULL.
 * -ENOMEM: some of it. */
int hosts_list_defaults(struct ssh_known_files *ret, const char *home) MUST_CHECK;

#endif
