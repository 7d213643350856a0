#include "policy/field_word.h"

#include "facts/caller.h"
#include "facts/destination.h"
#include "facts/operation.h"
#include "facts/payload.h"
#include "facts/session.h"
#include "facts/tri.h"

const char *word_of_boolean(unsigned value) {
	return value == TRI_YES ? "true" : "false";
}

const char *word_of_user_presence(unsigned value) {
	return presence_name((enum presence)value);
}

const char *word_of_caller_integrity(unsigned value) {
	return integrity_name((enum integrity)(1 << value));
}

const char *word_of_operation(unsigned value) {
	return operation_name((enum operation)value);
}

const char *word_of_sign_type(unsigned value) {
	return payload_kind_name((enum payload_kind)value);
}

const char *word_of_dest_evidence(unsigned value) {
	return dest_evidence_name((enum dest_evidence)value);
}

const char *word_of_hops(unsigned value) {
	static const char *const numbers[] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
	                                      "9", "10", "11", "12", "13", "14", "15", "16"};
	_Static_assert(sizeof(numbers) / sizeof(numbers[0]) == SESSION_HOPS_MAX + 1, "all of them");

	return value <= SESSION_HOPS_MAX ? numbers[value] : "invalid";
}

const char *word_of_known_hosts(unsigned value) {
	return known_by_name((enum known_by)(1 << value));
}

const char *word_of_git_operation(unsigned value) {
	static const char *const words[] = {"fetch", "push", "archive"};

	return value < sizeof(words) / sizeof(words[0]) ? words[value] : "invalid";
}
