#include "policy/field.h"

#include <string.h>

#include "policy/field_read.h"
#include "policy/field_test.h"
#include "policy/rule.h"

const struct field fields[] = {
	{"process_name", FIELD_OF_CALLER | FIELD_CLAIMS, read_process_name, test_process_name},
	{"exe", FIELD_OF_CALLER, read_path, test_exe},
	{"ancestor", FIELD_OF_CALLER | FIELD_CLAIMS, read_ancestor, test_ancestor},
	{"has_terminal", FIELD_OF_CALLER, read_boolean, test_has_terminal},
	{"caller_integrity", FIELD_OF_CALLER, read_caller_integrity, test_caller_integrity},
	{"key", FIELD_BEGINNINGS, read_fingerprint, test_key},
	{"key_type", 0, read_key_type, test_key_type},
	{"operation", FIELD_OPERATION, read_operation, test_operation},
	{"endpoint", 0, read_name, test_endpoint},
	{"sign_type", FIELD_SIGN_TYPE, read_sign_type, test_sign_type},
	{"namespace", 0, read_name, test_namespace},
	{"ssh_user", 0, read_name, test_ssh_user},
	{"dest_key", FIELD_BEGINNINGS | FIELD_CLAIMS, read_fingerprint, test_dest_key},
	{"dest_evidence", FIELD_EVIDENCE, read_dest_evidence, test_dest_evidence},
	{"is_forwarded", 0, read_boolean, test_is_forwarded},
	{"hops", 0, read_hops, test_hops},
};
const size_t n_fields = sizeof(fields) / sizeof(fields[0]);
_Static_assert(sizeof(fields) / sizeof(fields[0]) <= FIELDS_MAX, "lists of names have room");

const struct field *field_find(const char *name) {
	for (size_t i = 0; i < n_fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

enum fit field_test(const struct condition *condition, struct subject *subject) {
	if ((condition->field->traits & FIELD_OF_CALLER) != 0 &&
	    subject->request->caller->state != CALLER_IDENTIFIED)
		return FIT_UNKNOWN;
	return condition->field->test(condition, subject);
}
