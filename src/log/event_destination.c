#include "log/event_destination.h"

#include <string.h>

#define WORD_LEN_MAX  256  /* ours */
#define HOST_LEN_MAX  1280 /* user@host: a host's name has at most 1024 bytes */
#define HOPS_LEN_MAX  2048 /* names of all hosts on the way together */
#define NAMES_LEN_MAX 2048 /* all names of one host */
#define REPO_LEN_MAX  4096 /* PATH_MAX */

static void put_tri(struct doc *doc, const char *key, enum tri tri) {
	if (tri != TRI_UNKNOWN)
		doc_bool(doc, key, tri == TRI_YES);
}

static void put_unless_empty(struct doc *doc, const char *key, const char *text, size_t len_max) {
	if (text != NULL && *text != '\0')
		doc_text(doc, key, text, len_max);
}

static void put_known_hosts(struct doc *doc, const struct destination *destination) {
	put_tri(doc, "is_in_known_hosts", destination->is_known);
	if (destination->known_by == 0)
		return;
	doc_key(doc, "known_hosts");
	doc_list_begin(doc, DOC_FLOW);
	for (unsigned i = 0; i < KNOWN_BY_COUNT; i++)
		if ((destination->known_by & 1U << i) != 0)
			doc_value(doc, bytes_of_text(known_by_name((enum known_by)(1U << i))),
			          WORD_LEN_MAX);
	doc_list_end(doc);
}

/* Where ssh_dest does not say all of it: which names were compared, and whether it has others. */
static void put_names(struct doc *doc, const struct host_names *host) {
	size_t left = NAMES_LEN_MAX;
	uint64_t len = 0;

	if (host->n_names > 1) {
		doc_key(doc, "dest_names");
		doc_list_begin(doc, DOC_FLOW);
		for (size_t i = 0; i < host->n_names && len <= NAMES_LEN_MAX; i++) {
			len += strlen(host->names[i]);
			left -= doc_value(doc, bytes_of_text(host->names[i]), left);
		}
		doc_list_end(doc);
		if (len > NAMES_LEN_MAX)
			doc_shortened(doc, "dest_names", len);
	}
	switch (host->more) {
	case MORE_NAMES_UNKNOWN: doc_text(doc, "dest_names_more", "unknown", WORD_LEN_MAX); break;
	case MORE_NAMES_HIDDEN: doc_text(doc, "dest_names_more", "hidden", WORD_LEN_MAX); break;
	case MORE_NAMES_NONE: break;
	}
}

/* Of logins, and of listing for one; nothing else has a destination. */
static void put_destination(struct doc *doc, const struct request *request) {
	const struct destination *destination = request->destination;
	bool is_login = request->payload != NULL && request->payload->kind == PAYLOAD_SSH_LOGIN;
	enum dest_evidence evidence = request_dest_evidence(request);

	if (!is_login && request->operation != OPERATION_LIST)
		return;
	if (destination != NULL && evidence != DEST_EVIDENCE_NONE)
		put_unless_empty(doc, "ssh_dest", destination->ssh_dest, HOST_LEN_MAX);
	doc_text(doc, "dest_key_fingerprint", request->dest_key, WORD_LEN_MAX);
	if (is_login || evidence != DEST_EVIDENCE_NONE)
		doc_text(doc, "dest_evidence", dest_evidence_name(evidence), WORD_LEN_MAX);
	if (destination == NULL)
		return;
	if (evidence != DEST_EVIDENCE_NONE)
		put_names(doc, &destination->host);
	if (request->dest_key != NULL) {
		put_tri(doc, "dest_mismatch", destination->mismatch);
		put_known_hosts(doc, destination);
	}
	put_tri(doc, "known_hosts_accepted", destination->is_accepted);
	if (request->is_forwarded == TRI_YES)
		return;
	put_unless_empty(doc, "git_operation", destination->git_operation, WORD_LEN_MAX);
	put_unless_empty(doc, "git_repo", destination->git_repo, REPO_LEN_MAX);
}

static const char *hop_name(const struct destination *destination, size_t index) {
	if (destination == NULL || index >= destination->n_hops ||
	    destination->hops[index].n_names == 0)
		return NULL;
	return destination->hops[index].names[0];
}

/* Their names, where they have some, and their keys; as far as they are bound. */
static void put_hops(struct doc *doc, const struct request *request, bool by_name) {
	const struct session *session = request->session;
	size_t index = 0, left = HOPS_LEN_MAX;
	uint64_t len = 0;

	doc_key(doc, by_name ? "forwarded_via" : "forwarded_via_keys");
	doc_list_begin(doc, DOC_FLOW);
	for (size_t i = 0; i < session->n_hops; i++) {
		const char *fingerprint = session->hops[i]->fingerprint;
		const char *name = NULL;

		if (!session->hops[i]->is_forwarding)
			continue;
		if (by_name)
			name = hop_name(request->destination, index++);
		name = name != NULL ? name : fingerprint;
		len += strlen(name);
		left -= doc_value(doc, bytes_of_text(name), left);
	}
	doc_list_end(doc);
	if (len > HOPS_LEN_MAX)
		doc_shortened(doc, by_name ? "forwarded_via" : "forwarded_via_keys", len);
}

static void put_way(struct doc *doc, const struct request *request) {
	const struct session *session = request->session;
	uint64_t hops = 0, named = 0;

	for (size_t i = 0; session != NULL && i < session->n_hops; i++)
		if (session->hops[i]->is_forwarding)
			named += hop_name(request->destination, hops++) != NULL;
	if (hops == 0)
		return;
	put_hops(doc, request, true);
	if (named > 0)
		put_hops(doc, request, false);
	doc_number(doc, "hops", hops);
}

void event_put_destination(struct doc *doc, const struct request *request) {
	put_destination(doc, request);
	put_tri(doc, "is_forwarded", request->is_forwarded);
	put_way(doc, request);
}
