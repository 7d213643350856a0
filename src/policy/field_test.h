/* One condition tried on a request: see struct field. */
#ifndef POLICY_FIELD_TEST_H
#define POLICY_FIELD_TEST_H

#include "policy/field.h"

typedef enum fit field_tester(const struct condition *condition, struct subject *subject);

field_tester test_process_name, test_exe, test_ancestor, test_has_terminal, test_caller_integrity,
	test_key, test_key_type, test_operation, test_endpoint;

#endif
