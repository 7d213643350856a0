#include "policy/field.h"

#include <string.h>

#include "policy/field_read.h"
#include "policy/field_test.h"
#include "policy/field_word.h"
#include "policy/rule.h"

const struct field fields[] = {
	{"process_name", FIELD_OF_CALLER | FIELD_CLAIMS, read_process_name, test_process_name,
         NULL},
	{"parent_process_name", FIELD_OF_CALLER | FIELD_CLAIMS, read_process_name,
         test_parent_process_name, NULL},
	{"exe", FIELD_OF_CALLER, read_path, test_exe, NULL},
	{"exe_sha256", FIELD_OF_CALLER, read_sha256, test_exe_sha256, NULL},
	{"ancestor", FIELD_OF_CALLER | FIELD_CLAIMS, read_ancestor, test_ancestor, NULL},
	{"command", FIELD_OF_CALLER, read_name, test_command, NULL},
	{"cwd", FIELD_OF_CALLER, read_directory, test_cwd, NULL},
	{"cgroup", FIELD_OF_CALLER, read_cgroup, test_cgroup, NULL},
	{"tmux_window", FIELD_OF_CALLER, read_name, test_tmux_window, NULL},
	{"env", FIELD_OF_CALLER | FIELD_VARIABLES, read_name, test_env, NULL},
	{"uid", 0, read_uid, test_uid, NULL},
	{"user_presence", FIELD_OF_CALLER | FIELD_CLAIMS, read_user_presence, test_user_presence,
         word_of_user_presence},
	{"is_in_container", FIELD_OF_CALLER, read_boolean, test_is_in_container, word_of_boolean},
	{"time", 0, read_time, test_time, NULL},
	{"is_coding_agent", FIELD_OF_CALLER, read_boolean, test_is_coding_agent, word_of_boolean},
	{"coding_agent", FIELD_OF_CALLER, read_name, test_coding_agent, NULL},
	{"has_terminal", FIELD_OF_CALLER, read_boolean, test_has_terminal, word_of_boolean},
	{"caller_integrity", FIELD_OF_CALLER, read_caller_integrity, test_caller_integrity,
         word_of_caller_integrity},
	{"key", FIELD_BEGINNINGS | FIELD_PROOF, read_fingerprint, test_key, NULL},
	{"key_comment", 0, read_name, test_key_comment, NULL},
	{"key_type", FIELD_PROOF, read_key_type, test_key_type, NULL},
	{"operation", FIELD_OPERATION, read_operation, test_operation, word_of_operation},
	{"endpoint", 0, read_name, test_endpoint, NULL},
	{"sign_type", FIELD_SIGN_TYPE | FIELD_PROOF, read_sign_type, test_sign_type,
         word_of_sign_type},
	{"namespace", FIELD_PROOF, read_name, test_namespace, NULL},
	{"ssh_user", FIELD_PROOF, read_name, test_ssh_user, NULL},
	{"dest_key", FIELD_BEGINNINGS | FIELD_CLAIMS | FIELD_PROOF, read_fingerprint, test_dest_key,
         NULL},
	{"dest_evidence", FIELD_EVIDENCE, read_dest_evidence, test_dest_evidence,
         word_of_dest_evidence},
	{"ssh_dest", FIELD_CLAIMS | FIELD_PROOF | FIELD_USER_AND_HOST, read_ssh_dest, test_ssh_dest,
         NULL},
	{"dest_mismatch", 0, read_boolean, test_dest_mismatch, word_of_boolean},
	{"is_in_known_hosts", FIELD_CLAIMS, read_boolean, test_is_in_known_hosts, word_of_boolean},
	{"known_hosts", FIELD_CLAIMS, read_known_hosts, test_known_hosts, word_of_known_hosts},
	{"git_repo", FIELD_OF_CALLER, read_name, test_git_repo, NULL},
	{"git_operation", FIELD_OF_CALLER, read_git_operation, test_git_operation,
         word_of_git_operation},
	{"forwarded_via", FIELD_CLAIMS, read_host, test_forwarded_via, NULL},
	{"is_forwarded", 0, read_boolean, test_is_forwarded, word_of_boolean},
	{"hops", 0, read_hops, test_hops, word_of_hops},
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
