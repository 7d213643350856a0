/* A profile of macOS's sandbox that is made for a test, and asked what it allows. */
#ifndef TESTS_SANDBOX_PROFILE_H
#define TESTS_SANDBOX_PROFILE_H

#include "unit.h"

#include <stdbool.h>

#include "judge.h"
#include "sandbox/seatbelt.h"

#define HOME    "/Users/a"
#define WORK    HOME "/src/app"
#define FOLDERS "/private/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T"
#define SOCKET  FOLDERS "/ssh-agent-guard/exec-Xq81Zk/agent.sock"
#define SCRATCH FOLDERS "/sag-kT4w9a"
#define PROGRAM "/opt/homebrew/bin/ssh-agent-guard"

static const char *const terminals[] = {"/dev/ttys004"};

static inline struct seatbelt typical(const struct view *view) {
	return (struct seatbelt){
		.view = view,
		.socket = SOCKET,
		.scratch = SCRATCH,
		.program = PROGRAM,
		.terminals = terminals,
		.n_terminals = 1,
	};
}

static inline void make(struct buffer *profile, const struct seatbelt *seatbelt) {
	char *why = NULL;

	assert_int_equal(seatbelt_profile(profile, &why, seatbelt), 0);
	assert_null(why);
}

static inline void read_profile(struct sbpl_node *ret, const struct seatbelt *seatbelt) {
	CLEANUP(buffer_deinit) struct buffer profile = {0};

	make(&profile, seatbelt);
	assert_int_equal(sbpl_read(ret, buffer_bytes(&profile)), 0);
}

/* Both readings have to come to the same. */
static inline bool allows(const struct sbpl_node *profile, const char *operation,
                          struct sbpl_object object) {
	bool last = sbpl_allows(profile, SBPL_LAST_RULE, operation, &object);

	assert_int_equal(sbpl_allows(profile, SBPL_SPECIAL_FIRST, operation, &object), last);
	return last;
}

static inline bool reads(const struct sbpl_node *profile, const char *path) {
	return allows(profile, "file-read-data", (struct sbpl_object){.path = path});
}

static inline bool writes(const struct sbpl_node *profile, const char *path) {
	return allows(profile, "file-write-data", (struct sbpl_object){.path = path});
}

#endif
