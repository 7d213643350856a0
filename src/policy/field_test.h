/* One condition tried on a request: see struct field. */
#ifndef POLICY_FIELD_TEST_H
#define POLICY_FIELD_TEST_H

#include "policy/field.h"

typedef enum fit field_tester(const struct condition *condition, struct subject *subject);

field_tester test_process_name, test_exe, test_ancestor, test_has_terminal, test_caller_integrity,
	test_key, test_key_type, test_operation, test_endpoint, test_sign_type, test_namespace,
	test_ssh_user, test_dest_key, test_dest_evidence, test_is_forwarded, test_hops;

/* The best of what the condition's patterns say; text may be NULL, for a fact that is unknown. */
enum fit any_pattern(const struct condition *condition, const char *text);
enum fit any_fingerprint(const struct condition *condition, const char *fingerprint);

#endif
