/* What was asked, and for where, as the event of a request tells it. */
#include "describe/recall_parts.h"

#include <errno.h>
#include <string.h>

#include "base/argv.h"
#include "describe/part.h"
#include "log/when.h"

/* ---- what was asked ---- */

static bool recall_word(unsigned *ret, const char *text, unsigned count,
                        const char *(*word)(unsigned value)) {
	for (unsigned i = 0; i < count && text != NULL; i++)
		if (strcmp(word(i), text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static const char *payload_word(unsigned value) {
	return payload_kind_name((enum payload_kind)value);
}

static const char *meeting_word(unsigned value) {
	return meeting_name((enum meeting)value);
}

static void recall_payload(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	const char *user = told_text(told, TOLD_SSH_USER);
	const char *name_space = told_text(told, TOLD_NAMESPACE);
	unsigned kind;

	if (recalled->request.operation != OPERATION_SIGN ||
	    !recall_word(&kind, told_text(told, TOLD_SIGN_TYPE), PAYLOAD_SSHSIG + 1, payload_word))
		return;
	recalled->payload.kind = (enum payload_kind)kind;
	if (user != NULL)
		recalled->payload.login.user = bytes_of_text(user);
	else if (kind == PAYLOAD_SSH_LOGIN)
		recall_doubt(recalled, "ssh_user");
	if (name_space != NULL)
		recalled->payload.sshsig.name_space = bytes_of_text(name_space);
	/* A namespace that is not there is no unknown one; so nothing is said of the payload. */
	if (kind == PAYLOAD_SSHSIG && name_space == NULL) {
		recall_doubt(recalled, "namespace");
		recall_doubt(recalled, "sign_type");
		return;
	}
	recalled->request.payload = &recalled->payload;
}

/* ---- names ---- */

/* The texts of a list, one block; NULL where there is none. */
static int recall_list(char ***ret, size_t *ret_count, const struct buffer *texts) {
	return texts->len > 0 ? argv_split(ret, ret_count, buffer_bytes(texts)) : 0;
}

static int recall_one_name(struct host_names *host, const char *name) {
	struct bytes text = {(const uint8_t *)name, strlen(name) + 1};

	return argv_split(&host->names, &host->n_names, text);
}

/* What is written of the first name is all there is, unless the event says otherwise. */
static int recall_host(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct host_names *host = &recalled->destination.host;
	const char *dest = told_text(told, TOLD_SSH_DEST);
	const char *more = told_text(told, TOLD_NAMES_MORE);
	const char *at = dest != NULL ? strrchr(dest, '@') : NULL;
	int error = 0;

	host->more = MORE_NAMES_NONE;
	if (more != NULL)
		host->more = strcmp(more, "hidden") == 0 ? MORE_NAMES_HIDDEN : MORE_NAMES_UNKNOWN;
	recalled->names_are_hidden = host->more == MORE_NAMES_HIDDEN;
	if (told->dest_names.len > 0)
		error = recall_list(&host->names, &host->n_names, &told->dest_names);
	else if (dest != NULL)
		error = recall_one_name(host, at != NULL ? at + 1 : dest);
	if (!told->is_cut[TOLD_SSH_DEST] && !told->dest_names_are_cut)
		return error;
	host->more = MORE_NAMES_UNKNOWN;
	recall_doubt(recalled, "ssh_dest");
	return error;
}

static void recall_known(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct destination *destination = &recalled->destination;

	destination->mismatch = told_tri(told, TOLD_MISMATCH);
	destination->is_known = told_tri(told, TOLD_IS_KNOWN);
	destination->known_by = told->known_by;
}

/* Without it, there was none, or nobody could tell. */
static int recall_git(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct destination *destination = &recalled->destination;
	int error = recall_copy(&destination->git_repo, told_text(told, TOLD_GIT_REPO));

	if (error == 0)
		error = recall_copy(&destination->git_operation,
		                    told_text(told, TOLD_GIT_OPERATION));
	if (recalled->request.is_forwarded == TRI_YES)
		return error;
	if (destination->git_repo == NULL)
		recall_doubt(recalled, "git_repo");
	if (destination->git_operation == NULL)
		recall_doubt(recalled, "git_operation");
	return error;
}

static int recall_destination(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct request *request = &recalled->request;
	const char *evidence = told_text(told, TOLD_DEST_EVIDENCE);
	int error;

	error = recall_copy(&recalled->destination.ssh_dest, told_text(told, TOLD_SSH_DEST));
	if (error < 0)
		return error;
	if (evidence != NULL && strcmp(evidence, "command-line") == 0)
		recalled->destination.evidence = DEST_EVIDENCE_COMMAND_LINE;
	request->destination = &recalled->destination;
	recall_known(recalled);
	error = recall_host(recalled);
	/* That nothing was looked up, an event does not say. */
	if (!told->is_there[TOLD_SSH_DEST] && !told->is_there[TOLD_NAMES_MORE] &&
	    !told->is_there[TOLD_IS_KNOWN] && told->known_by == 0) {
		recall_doubt(recalled, "ssh_dest");
		recall_doubt(recalled, "is_in_known_hosts");
		recall_doubt(recalled, "known_hosts");
		recalled->destination.host.more = MORE_NAMES_UNKNOWN;
	}
	/* What differed from what was accepted was unknown then, and the event does not say which.
	 */
	if (told_tri(told, TOLD_ACCEPTED) == TRI_NO) {
		recalled->destination.host.n_doubtful = recalled->destination.host.n_names;
		recalled->destination.host.more = MORE_NAMES_UNKNOWN;
		recalled->destination.doubted_by = ((1U << KNOWN_BY_COUNT) - 1) & ~told->known_by;
		recall_doubt(recalled, "ssh_dest");
		recall_doubt(recalled, "dest_mismatch");
		recall_doubt(recalled, "is_in_known_hosts");
		recall_doubt(recalled, "known_hosts");
	}
	/* Of each host on the way the event has one name, where there may be more. */
	if (request->is_forwarded == TRI_YES)
		recall_doubt(recalled, "forwarded_via");
	return error == 0 ? recall_git(recalled) : error;
}

/* A chain that is void (tainted) tells its hops in the event, and no rule. */
static int recall_session(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct request *request = &recalled->request;
	uint64_t hops = recall_number(told_text(told, TOLD_HOPS));

	request->is_forwarded = told_tri(told, TOLD_IS_FORWARDED);
	switch (request->is_forwarded) {
	case TRI_UNKNOWN: return 0;
	case TRI_NO:
		/* By the session, or by the command line alone. */
		if (request->meeting == MEETING_NONE) {
			recall_doubt(recalled, "hops");
			return 0;
		}
		hops = 0;
		break;
	case TRI_YES:
		if (hops == 0)
			return 0;
		if (request->meeting == MEETING_NONE || hops >= SESSION_HOPS_MAX) {
			recall_doubt(recalled, "hops");
			return 0;
		}
		break;
	}
	request->session = &recalled->session;
	return session_make_hops(&recalled->session, (unsigned)hops);
}

int recall_request(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct request *request = &recalled->request;
	const char *key = told_text(told, TOLD_KEY), *type = told_text(told, TOLD_KEY_TYPE);
	const char *stamp = told_text(told, TOLD_TIMESTAMP);
	unsigned meeting = MEETING_NONE;
	int64_t real_us;
	int error;

	if (key != NULL && strlen(key) < sizeof(request->key.fingerprint))
		strcpy(request->key.fingerprint, key);
	if (type != NULL && strlen(type) < sizeof(request->key.type))
		strcpy(request->key.type, type);
	if (stamp == NULL || when_stamp(&real_us, bytes_of_text(stamp)) < 0)
		return -EBADMSG;
	request->time = clock_moment(real_us);
	request->key_comment = told_text(told, TOLD_KEY_COMMENT);
	request->caller = recalled->caller;
	request->endpoint = told_text(told, TOLD_ENDPOINT);
	if (request->endpoint == NULL)
		return -EBADMSG;
	recall_payload(recalled);
	if (recall_word(&meeting, told_text(told, TOLD_DEST_EVIDENCE), MEETING_VERIFIED + 1,
	                meeting_word))
		request->meeting = (enum meeting)meeting;
	if (request->meeting == MEETING_BOUND || request->meeting == MEETING_VERIFIED)
		request->dest_key = told_text(told, TOLD_DEST_KEY);
	error = recall_session(recalled);
	return error == 0 ? recall_destination(recalled) : error;
}
