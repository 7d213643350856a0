/* The fields of a request in a file of tests: rows of a table, read and settled in their order. */
#ifndef DESCRIBE_PART_H
#define DESCRIBE_PART_H

#include <stddef.h>

#include "base/cleanup.h"
#include "describe/request.h"
#include "policy/field_word.h"

/* What a field is read into. */
struct target {
	struct described *described;
	struct process *process; /* the caller's, or an ancestor's */
};

enum part_unknown { ALWAYS_KNOWN, MAY_BE_UNKNOWN, MAY_BE_UNKNOWN_IN_PART };

/*
 * One field. Zeroed memory is what is not known, in all our facts; so what stands in `unknown:` is
 * left alone, and everything else is settled: made ordinary where it was not stated. Fields are
 * settled when all are read, in the order of their table, so that one may be derived from others.
 */
struct part {
	const char *name;
	enum part_unknown unknown;
	int (*read)(struct target *target, struct reading *reading, const char *name,
	            const struct yaml_node *value);
	int (*settle)(struct target *target); /* NULL: zeroed memory is ordinary */
};

/* Reads the fields that the map has, of which there are fewer than SLOTS_MAX, and settles the rest.
 * NULL for a map: it has none. What is wrong is reported, as one of what. -ENOMEM. */
int parts_read(const struct part *parts, size_t n_parts, struct target *target,
               struct reading *reading, const char *what, const struct yaml_node *map) MUST_CHECK;

/* Makes it a copy of the ordinary text where it is NULL. -ENOMEM. */
int part_settle_text(char **text, const char *ordinary) MUST_CHECK;

/* Those of a process, for the tables of whatever is one. */
typedef int part_reader(struct target *target, struct reading *reading, const char *name,
                        const struct yaml_node *value);
typedef int part_settler(struct target *target);
part_reader part_read_exe, part_read_name, part_read_title, part_read_command;
part_settler part_settle_exe, part_settle_name, part_settle_title, part_settle_command;

/* Those of the caller's surroundings. */
part_reader part_read_tmux_window, part_read_env, part_read_uid, part_read_user_presence,
	part_read_is_in_container, part_read_time, part_read_is_coding_agent,
	part_read_coding_agent, part_read_parent_process_name;
part_settler part_settle_tmux_window, part_settle_env, part_settle_user_presence,
	part_settle_is_in_container, part_settle_time, part_settle_is_coding_agent,
	part_settle_parent_process_name;

/* Those of a signature and the session that it is for. */
part_reader part_read_sign_type, part_read_namespace, part_read_ssh_user, part_read_dest_key,
	part_read_dest_evidence, part_read_hops, part_read_is_forwarded;
part_settler part_settle_sign_type, part_settle_namespace, part_settle_ssh_user,
	part_settle_dest_key, part_settle_dest_evidence, part_settle_hops, part_settle_is_forwarded;

/* Hosts that forward, and the one that is logged in to: what a live session has. -ENOMEM. */
int session_make_hops(struct session *session, unsigned n_forwarding) MUST_CHECK;

/* Those of where a login goes, by name. */
part_reader part_read_ssh_dest, part_read_dest_mismatch, part_read_is_in_known_hosts,
	part_read_known_hosts, part_read_git_operation, part_read_git_repo, part_read_forwarded_via;
part_settler part_settle_ssh_dest, part_settle_dest_mismatch, part_settle_is_in_known_hosts,
	part_settle_git_operation, part_settle_git_repo, part_settle_forwarded_via;

/* Leave *ret alone where it is none. */
void part_read_tri(enum tri *ret, struct reading *reading, const char *name,
                   const struct yaml_node *value);
void part_read_word(unsigned *ret, struct reading *reading, const char *name,
                    const struct yaml_node *value, field_word *word, unsigned n_words);
void part_read_fingerprint(char ret[static KEY_FINGERPRINT_SIZE], struct reading *reading,
                           const char *name, const struct yaml_node *value);

/* A path, where "~/" is home as in a policy; owned by the caller. *ret, which is NULL, stays so
 * where it is none. */
int part_read_path(char **ret, struct reading *reading, const char *name,
                   const struct yaml_node *value) MUST_CHECK;

#endif
