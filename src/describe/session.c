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

/* Else the one that is stated with the host, or that the command line names. */
int part_settle_ssh_user(struct target *target) {
	struct described *described = target->described;
	const char *dest = described->states_ssh_dest ? described->destination.ssh_dest : "";
	const char *at = dest != NULL ? strrchr(dest, '@') : NULL;
	const char *claimed = described->claim.destination.user;

	if (described->ssh_user == NULL && at != NULL) {
		described->ssh_user = strndup(dest, (size_t)(at - dest));
		return described->ssh_user != NULL ? 0 : -ENOMEM;
	}
	return part_settle_text(&described->ssh_user, claimed != NULL ? claimed : "");
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
	target->described->states_dest_key = true;
	return 0;
}

int part_settle_dest_key(struct target *target) {
	if (*target->described->dest_key == '\0')
		strcpy(target->described->dest_key, ORDINARY_FINGERPRINT);
	return 0;
}

int part_read_dest_evidence(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	static const enum meeting meetings[DEST_EVIDENCE_COUNT] = {
		[DEST_EVIDENCE_BOUND] = MEETING_BOUND,
		[DEST_EVIDENCE_VERIFIED] = MEETING_VERIFIED,
	};
	struct described *described = target->described;
	unsigned evidence = DEST_EVIDENCE_NONE;

	part_read_word(&evidence, reading, name, value, word_of_dest_evidence, DEST_EVIDENCE_COUNT);
	described->request.meeting = meetings[evidence];
	described->destination.evidence = (enum dest_evidence)evidence;
	described->states_meeting = true;
	return 0;
}

static bool has_destination(const struct described *described) {
	return described->request.operation == OPERATION_LIST ||
	       (described->request.operation == OPERATION_SIGN &&
	        described->payload.kind == PAYLOAD_SSH_LOGIN);
}

/* A destination is a verified one unless it is stated otherwise, or not known, or only the command
 * line tells of one; and what is listed before a login is bound at best. */
int part_settle_dest_evidence(struct target *target) {
	struct described *described = target->described;
	enum meeting *meeting = &described->request.meeting;
	enum dest_evidence *evidence = &described->destination.evidence;
	bool is_claimed = !described->states_ssh_dest && !described->states_dest_key &&
	                  described->claim.state == SSH_ARGV_HOST;

	if (!has_destination(described))
		*meeting = MEETING_NONE;
	else if (!described->states_meeting && is_claimed)
		*evidence = DEST_EVIDENCE_COMMAND_LINE;
	else if (*described->dest_key == '\0')
		*meeting = MEETING_NONE;
	else if (!described->states_meeting)
		*meeting = described->request.operation == OPERATION_LIST ? MEETING_BOUND
		                                                          : MEETING_VERIFIED;
	return 0;
}

int session_make_hops(struct session *session, unsigned n_forwarding) {
	size_t n_hops = n_forwarding < SESSION_HOPS_MAX ? n_forwarding + 1 : SESSION_HOPS_MAX;

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
	return session_make_hops(&target->described->session, hops);
}

/* One host at least, where it is stated that the agent is forwarded. */
int part_settle_hops(struct target *target) {
	struct described *described = target->described;

	return described->session.hops != NULL
	               ? 0
	               : session_make_hops(&described->session,
	                                   described->request.is_forwarded == TRI_YES);
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
