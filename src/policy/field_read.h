/* One value of a match field, from the policy file into a condition: see struct field. */
#ifndef POLICY_FIELD_READ_H
#define POLICY_FIELD_READ_H

#include "policy/field.h"

typedef int field_reader(struct condition *condition, struct reading *reading,
                         const struct yaml_node *value);

field_reader read_process_name, read_path, read_ancestor, read_boolean, read_fingerprint,
	read_caller_integrity, read_key_type, read_operation, read_name, read_sign_type,
	read_dest_evidence, read_hops, read_directory, read_cgroup, read_uid, read_user_presence,
	read_time, read_sha256, read_ssh_dest, read_host, read_known_hosts, read_git_operation;

#endif
