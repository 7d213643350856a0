/* One condition tried on a request: see struct field. */
#ifndef POLICY_FIELD_TEST_H
#define POLICY_FIELD_TEST_H

#include "policy/field.h"

typedef enum fit field_tester(const struct condition *condition, struct subject *subject);

field_tester test_process_name, test_exe, test_exe_sha256, test_key_comment, test_ancestor,
	test_has_terminal, test_caller_integrity, test_key, test_key_type, test_operation,
	test_endpoint, test_sign_type, test_namespace, test_ssh_user, test_dest_key,
	test_dest_evidence, test_is_forwarded, test_hops, test_parent_process_name, test_command,
	test_cwd, test_cgroup, test_tmux_window, test_env, test_uid, test_user_presence,
	test_is_in_container, test_time, test_is_coding_agent, test_coding_agent, test_ssh_dest,
	test_dest_mismatch, test_is_in_known_hosts, test_known_hosts, test_forwarded_via,
	test_git_repo, test_git_operation;

/* FIT_YES: a login, or listing keys before one. */
enum fit has_destination(const struct request *request);

/* As the name of any process: what it is called is certain, what it calls itself a claim. */
enum fit any_claimed_name(const struct condition *condition, const struct claims *claims);
enum fit any_process_name(const struct condition *condition, const char *name,
                          const struct claims *claims);

/* Text of the caller; NULL, for unknown, where another program may have written the request. */
const char *of_the_writer(const struct caller *caller, const char *text);

/* The best of what the condition's patterns say; text may be NULL, for a fact that is unknown. */
enum fit any_pattern(const struct condition *condition, const char *text);
enum fit any_fingerprint(const struct condition *condition, const char *fingerprint);

#endif
