/* What a described request says of the bytes to be signed, and of the session that they are for. */
#include <errno.h>
#include <string.h>

#include "describe/part.h"
#include "describe/slot.h"
#include "policy/field_word.h"

int part_read_sign_type(struct target *target, struct reading *reading, const char *name,
                        const struct yaml_node *value) {
	unsigned kind = PAYLOAD_UNKNOWN;

	part_read_word(&kind, reading, name, value, word_of_sign_type, PAYLOAD_SSHSIG + 1);
	target->described->payload.kind = (enum payload_kind)kind;
	target->described->states_sign_type = true;
	return 0;
}

int part_read_namespace(struct target *target, struct reading *reading, const char *name,
                        const struct yaml_node *value) {
	return slot_copy(&target->described->name_space, reading, name, value);
}

int part_settle_namespace(struct target *target) {
	return part_settle_text(&target->described->name_space, "");
}

int part_read_ssh_user(struct target *target, struct reading *reading, const char *name,
                       const struct yaml_node *value) {
	return slot_copy(&target->described->ssh_user, reading, name, value);
}

int part_settle_ssh_user(struct target *target) {
	return part_settle_text(&target->described->ssh_user, "");
}

int part_settle_sign_type(struct target *target) {
	struct described *described = target->described;

	/* What has a namespace is a signature by ssh-keygen -Y. */
	if (!described->states_sign_type && *described->name_space != '\0')
		described->payload.kind = PAYLOAD_SSHSIG;
	described->payload.login.user = bytes_of_text(described->ssh_user);
	described->payload.sshsig.name_space = bytes_of_text(described->name_space);
	return 0;
}

int part_read_dest_key(struct target *target, struct reading *reading, const char *name,
                       const struct yaml_node *value) {
	part_read_fingerprint(target->described->dest_key, reading, name, value);
	return 0;
}

int part_settle_dest_key(struct target *target) {
	if (*target->described->dest_key == '\0')
		strcpy(target->described->dest_key, ORDINARY_FINGERPRINT);
	return 0;
}

int part_read_dest_evidence(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	unsigned meeting = MEETING_NONE;

	part_read_word(&meeting, reading, name, value, word_of_dest_evidence, MEETING_VERIFIED + 1);
	target->described->request.meeting = (enum meeting)meeting;
	target->described->states_meeting = true;
	return 0;
}

static bool has_destination(const struct described *described) {
	return described->request.operation == OPERATION_LIST ||
	       (described->request.operation == OPERATION_SIGN &&
	        described->payload.kind == PAYLOAD_SSH_LOGIN);
}

/* A destination is a verified one unless it is stated otherwise, or not known; and what is listed
 * before a login is bound at best. */
int part_settle_dest_evidence(struct target *target) {
	struct described *described = target->described;
	enum meeting *meeting = &described->request.meeting;

	if (!has_destination(described) || *described->dest_key == '\0')
		*meeting = MEETING_NONE;
	else if (!described->states_meeting)
		*meeting = described->request.operation == OPERATION_LIST ? MEETING_BOUND
		                                                          : MEETING_VERIFIED;
	return 0;
}

/* Hosts that forward, and the one that is logged in to: what a live session has. */
static int make_hops(struct described *described, unsigned n_forwarding) {
	size_t n_hops = n_forwarding < SESSION_HOPS_MAX ? n_forwarding + 1 : SESSION_HOPS_MAX;
	struct session *session = &described->session;

	session->hops = calloc(n_hops, sizeof(struct session_hop *));
	if (session->hops == NULL)
		return -ENOMEM;
	while (session->n_hops < n_hops) {
		struct session_hop *hop = calloc(1, sizeof(*hop));

		if (hop == NULL)
			return -ENOMEM;
		hop->is_forwarding = session->n_hops < n_forwarding;
		session->hops[session->n_hops++] = hop;
	}
	return 0;
}

int part_read_hops(struct target *target, struct reading *reading, const char *name,
                   const struct yaml_node *value) {
	unsigned hops = 0;

	part_read_word(&hops, reading, name, value, word_of_hops, SESSION_HOPS_MAX + 1);
	return make_hops(target->described, hops);
}

/* One host at least, where it is stated that the agent is forwarded. */
int part_settle_hops(struct target *target) {
	struct described *described = target->described;

	return described->session.hops != NULL
	               ? 0
	               : make_hops(described, described->request.is_forwarded == TRI_YES);
}

int part_read_is_forwarded(struct target *target, struct reading *reading, const char *name,
                           const struct yaml_node *value) {
	part_read_tri(&target->described->request.is_forwarded, reading, name, value);
	return 0;
}

int part_settle_is_forwarded(struct target *target) {
	const struct session *session = &target->described->session;
	enum tri *is_forwarded = &target->described->request.is_forwarded;

	if (*is_forwarded == TRI_UNKNOWN)
		*is_forwarded = session->n_hops > 0 && session->hops[0]->is_forwarding ? TRI_YES
		                                                                       : TRI_NO;
	return 0;
}
