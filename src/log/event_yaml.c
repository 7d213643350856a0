#include "log/event_yaml.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log/doc.h"
#include "log/event_destination.h"
#include "log/event_surroundings.h"
#include "log/mask.h"
#include "policy/claims.h"

/*
 * What a stranger can make long, in bytes of the original; escaped, a byte takes at most six.
 * Together they keep a document below EVENT_LEN_MAX, so that a hostile command line costs the disk
 * no more than that.
 */
#define WORD_LEN_MAX         256         /* ours, and the names of rules, which a person chose */
#define NAME_LEN_MAX         256         /* NAME_MAX, for a file */
#define TITLE_LEN_MAX        15          /* what the kernel keeps of a name (TASK_COMM_LEN) */
#define PATH_LEN_MAX         4096        /* PATH_MAX */
#define CGROUP_LEN_MAX       1024        /* systemd's are below 200 */
#define SENTENCE_LEN_MAX     1024        /* for a person, who reads no more */
#define STEP_LEN_MAX         64          /* of a rule\'s name, where many are told */
#define SIGNATURE_LEN_MAX    (24 * 1024) /* base64 of an SSHSIG by the largest RSA key */
#define COMMAND_LEN_MAX      4096        /* arguments of the caller, together */
#define COMMAND_ARGS_MAX     256         /* empty arguments take no length, but four bytes each */
#define TREE_LEN_MAX         (8 * 1024)  /* names and paths of all ancestors together */
#define TREE_COMMAND_LEN_MAX 256         /* of each ancestor: enough to recognise it by */

static size_t smaller(size_t a, size_t b) {
	return a < b ? a : b;
}

static void put_tri(struct doc *doc, const char *key, enum tri tri) {
	switch (tri) {
	case TRI_UNKNOWN: break;
	case TRI_NO: doc_bool(doc, key, false); break;
	case TRI_YES: doc_bool(doc, key, true); break;
	}
}

static void put_positive(struct doc *doc, const char *key, uint64_t number) {
	if (number > 0)
		doc_number(doc, key, number);
}

/* "" is how a fact that sits in an array says that it is not there. */
static void put_unless_empty(struct doc *doc, const char *key, const char *text) {
	if (text[0] != '\0')
		doc_text(doc, key, text, WORD_LEN_MAX);
}

/* What the process calls itself, where that is not what the kernel made of its name; else NULL. */
static const char *own_title(const struct process *process) {
	bool plain = process->title != NULL && process->name != NULL &&
	             strncmp(process->title, process->name, TITLE_LEN_MAX) == 0;

	return plain ? NULL : process->title;
}

/* As in /proc: each argument with the NUL behind it. */
static uint64_t command_len(const struct process *process) {
	uint64_t len = 0;

	for (size_t i = 0; i < process->argc; i++)
		len += strlen(process->argv[i]) + 1;
	return len;
}

/* The arguments as they are, one text each. */
static void put_command(struct doc *doc, const struct process *process) {
	CLEANUP(buffer_deinit) struct buffer room = {0};
	size_t left = COMMAND_LEN_MAX;
	bool whole = true, is_secret = false;

	if (process->argv == NULL)
		return;
	doc_key(doc, "command");
	doc_list_begin(doc, DOC_FLOW);
	for (size_t i = 0; i < process->argc && whole; i++) {
		struct bytes argument = mask_argument(&room, bytes_of_text(process->argv[i]),
		                                      &is_secret);

		whole = i < COMMAND_ARGS_MAX && (left > 0 || argument.len == 0);
		if (whole) {
			size_t taken = doc_value(doc, argument, left);

			left -= taken;
			whole = taken == argument.len;
		}
	}
	doc_list_end(doc);
	if (!whole || process->argv_cut)
		doc_shortened(doc, "command", command_len(process));
}

/* What is left for the texts of a tree, and how long they all were. */
struct share {
	size_t left;
	uint64_t len;
	bool short_of;
};

static void put_shared(struct doc *doc, const char *key, const char *text, size_t len_max,
                       struct share *share) {
	struct bytes value;
	size_t taken;

	if (text == NULL)
		return;
	value = bytes_of_text(text);
	doc_key(doc, key);
	taken = doc_value(doc, value, smaller(len_max, share->left));
	share->left -= taken;
	share->len += value.len;
	share->short_of = share->short_of || taken < value.len;
}

/* How many words the text falls into at its blanks; an empty one counts. */
static size_t words_of(const char *text, size_t len) {
	size_t words = len > 0;

	for (size_t i = 0; i < len; i++)
		words += text[i] == ' ';
	return words;
}

/* One text, as ps prints it: for recognising an ancestor. false: its arguments cannot be told apart
 * by that. */
static bool put_joined_command(struct doc *doc, const struct process *process,
                               struct share *share) {
	CLEANUP(buffer_deinit) struct buffer room = {0};
	char joined[TREE_COMMAND_LEN_MAX];
	size_t at = 0;
	uint64_t len = 0;
	bool is_secret = false;

	if (process->argv == NULL)
		return true;
	for (size_t i = 0; i < process->argc; i++) {
		struct bytes argument = mask_argument(&room, bytes_of_text(process->argv[i]),
		                                      &is_secret);
		size_t fits;

		len += argument.len + (i > 0);
		if (i > 0 && at < sizeof(joined))
			joined[at++] = ' ';
		fits = smaller(argument.len, sizeof(joined) - at);
		if (fits > 0)
			memcpy(joined + at, argument.data, fits);
		at += fits;
	}
	doc_key(doc, "command");
	doc_value(doc, (struct bytes){(const uint8_t *)joined, at}, sizeof(joined));
	share->len += len;
	share->short_of = share->short_of || at < len || process->argv_cut;
	return at == len && !process->argv_cut && words_of(joined, at) == process->argc;
}

/* What it calls itself by its arguments. */
static void put_own_names(struct doc *doc, const struct process *process, struct share *share) {
	put_shared(doc, "argv0", process->argc > 0 ? process->argv[0] : NULL, PATH_LEN_MAX, share);
	put_shared(doc, "script", claims_script(process), PATH_LEN_MAX, share);
}

static void put_stamp(struct doc *doc, const char *key, int64_t real_us) {
	char stamp[CLOCK_STAMP_SIZE];

	clock_stamp(stamp, real_us);
	doc_text(doc, key, stamp, WORD_LEN_MAX);
}

/* Of the caller itself, the arguments stand elsewhere. */
static void put_tree_process(struct doc *doc, const struct process *process, bool is_caller,
                             struct share *share) {
	doc_map_begin(doc);
	put_positive(doc, "pid", (uint64_t)process->pid);
	put_shared(doc, "name", process->name, NAME_LEN_MAX, share);
	put_shared(doc, "exe", process->exe, PATH_LEN_MAX, share);
	put_shared(doc, "title", own_title(process), NAME_LEN_MAX, share);
	if (process->started_us > 0)
		put_stamp(doc, "started", process->started_us);
	if (!put_joined_command(doc, process, share) && !is_caller)
		put_own_names(doc, process, share);
	if (process->foreign)
		doc_bool(doc, "foreign", true);
	doc_map_end(doc);
}

/* The caller itself comes first, as in the older ssh-agent-guard; where its ancestors are hidden,
 * as by a /proc that shows nobody else's, it is alone. */
static void put_tree(struct doc *doc, const struct caller *caller) {
	struct share share = {.left = TREE_LEN_MAX};

	if (caller->state == CALLER_UNKNOWN && !caller->ancestors_known && caller->n_ancestors == 0)
		return;
	doc_key(doc, "local_proc_tree");
	doc_list_begin(doc, DOC_BLOCK);
	put_tree_process(doc, &caller->process, true, &share);
	for (size_t i = 0; i < caller->n_ancestors && i < ANCESTORS_MAX; i++)
		put_tree_process(doc, &caller->ancestors[i], false, &share);
	doc_list_end(doc);
	if (share.short_of)
		doc_shortened(doc, "local_proc_tree", share.len);
	if (!caller->ancestors_known)
		doc_bool(doc, "local_proc_tree_complete", false);
}

/* What speaks against the caller; an empty list is left out, which means that nothing was seen. */
static void put_integrity(struct doc *doc, const char *key, unsigned marks) {
	if (marks == 0)
		return;
	doc_key(doc, key);
	doc_list_begin(doc, DOC_FLOW);
	for (unsigned i = 0; i < INTEGRITY_COUNT; i++)
		if ((marks & 1U << i) != 0)
			doc_value(doc, bytes_of_text(integrity_name((enum integrity)(1 << i))),
			          WORD_LEN_MAX);
	doc_list_end(doc);
}

static void put_caller(struct doc *doc, const struct caller *caller, bool brief) {
	if (caller->state == CALLER_UNKNOWN)
		doc_text(doc, "caller_reason", caller->reason, WORD_LEN_MAX);
	doc_text(doc, "process_name", caller->process.name, NAME_LEN_MAX);
	put_positive(doc, "local_pid", (uint64_t)caller->process.pid);
	if (caller->uid != (uid_t)-1)
		doc_number(doc, "uid", caller->uid);
	if (caller->gid != (gid_t)-1)
		doc_number(doc, "gid", caller->gid);
	doc_text(doc, "exe_path", caller->process.exe, PATH_LEN_MAX);
	if (caller->exe_sha256 != NULL)
		put_unless_empty(doc, "exe_sha256", caller->exe_sha256);
	doc_text(doc, "process_title", own_title(&caller->process), NAME_LEN_MAX);
	if (!brief)
		put_command(doc, &caller->process);
	doc_text(doc, "caller_evidence", caller->evidence, WORD_LEN_MAX);
	put_integrity(doc, "caller_integrity", caller->integrity);
	if (!brief)
		put_integrity(doc, "caller_integrity_unknown", caller->integrity_unknown);
}

/* The first by name; where one runs within another, all of them. */
static void put_coding_agents(struct doc *doc, const struct coding_agents *agents) {
	char evidence[NAME_LEN_MAX];

	put_tri(doc, "is_coding_agent", coding_agents_any(agents));
	if (agents->count == 0)
		return;
	doc_text(doc, "coding_agent_name", agents->items[0].name, NAME_LEN_MAX);
	if (agents->items[0].kind != NULL) {
		snprintf(evidence, sizeof(evidence), "%s %s", agents->items[0].kind,
		         agents->items[0].sign);
		doc_text(doc, "coding_agent_evidence", evidence, NAME_LEN_MAX);
	}
	if (agents->count == 1)
		return;
	doc_key(doc, "coding_agents");
	doc_list_begin(doc, DOC_FLOW);
	for (size_t i = 0; i < agents->count; i++)
		doc_value(doc, bytes_of_text(agents->items[i].name), NAME_LEN_MAX);
	doc_list_end(doc);
}

static void put_place(struct doc *doc, const struct caller *caller, bool brief) {
	doc_text(doc, "local_cwd", caller->cwd, PATH_LEN_MAX);
	doc_text(doc, "cgroup", caller->cgroup, CGROUP_LEN_MAX);
	put_tri(doc, "has_terminal", caller->has_terminal);
	put_positive(doc, "connector_pid", (uint64_t)caller->connector_pid);
	if (!brief)
		put_tree(doc, caller);
}

static void put_bytes(struct doc *doc, const char *key, struct bytes value, size_t len_max) {
	doc_key(doc, key);
	if (doc_value(doc, value, len_max) < value.len)
		doc_shortened(doc, key, value.len);
}

static void put_payload(struct doc *doc, const struct payload *payload) {
	doc_text(doc, "sign_type", payload_kind_name(payload->kind), WORD_LEN_MAX);
	switch (payload->kind) {
	case PAYLOAD_SSH_LOGIN:
		put_bytes(doc, "ssh_user", payload->login.user, NAME_LEN_MAX);
		break;
	case PAYLOAD_SSHSIG:
		put_bytes(doc, "namespace", payload->sshsig.name_space, NAME_LEN_MAX);
		break;
	case PAYLOAD_UNKNOWN:
		doc_number(doc, "payload_len", payload->len);
		put_unless_empty(doc, "payload_sha256", payload->sha256);
		break;
	}
}

static void put_request(struct doc *doc, const struct request *request, bool brief) {
	put_caller(doc, request->caller, brief);
	put_unless_empty(doc, "key_fingerprint", request->key.fingerprint);
	put_unless_empty(doc, "key_type", request->key.type);
	if (request->key_comment != NULL)
		put_unless_empty(doc, "key_comment", request->key_comment);
	if (request->payload != NULL)
		put_payload(doc, request->payload);
	event_put_destination(doc, request);
	put_place(doc, request->caller, brief);
	put_coding_agents(doc, &request->coding_agents);
	if (!brief)
		event_put_surroundings(doc, request->caller);
	doc_text(doc, "endpoint", request->endpoint, WORD_LEN_MAX);
}

static void put_trace(struct doc *doc, const struct rule_trace *trace) {
	char text[STEP_LEN_MAX + 64];

	doc_key(doc, "rule_trace");
	doc_list_begin(doc, DOC_FLOW);
	for (size_t i = 0; i < trace->count; i++) {
		const struct rule_step *step = &trace->steps[i];

		snprintf(text, sizeof(text), "%.*s: %s%s%s", STEP_LEN_MAX, step->rule,
		         step->standing, step->field != NULL ? " " : "",
		         step->field != NULL ? step->field : "");
		doc_value(doc, bytes_of_text(text), sizeof(text));
	}
	doc_list_end(doc);
}

static void put_forensics(struct doc *doc, const struct event *event) {
	const struct caller *caller = event->request != NULL ? event->request->caller : NULL;
	uint64_t age_ms = caller != NULL ? caller->age_ms : 0;
	bool has_file = caller != NULL && caller->process.exe != NULL;
	char age[sizeof("18446744073709551.615s")];
	bool has_trace = event->trace != NULL && event->trace->count > 0;

	if (event->sign_request_num == 0 && age_ms == 0 && !has_file && !has_trace)
		return;
	doc_key(doc, "forensics");
	doc_map_begin(doc);
	put_positive(doc, "sign_request_num", event->sign_request_num);
	if (age_ms > 0) {
		snprintf(age, sizeof(age), "%llu.%03us", (unsigned long long)(age_ms / 1000),
		         (unsigned)(age_ms % 1000));
		doc_text(doc, "process_age", age, WORD_LEN_MAX);
	}
	if (has_file) {
		put_positive(doc, "exe_device", caller->exe_id.device);
		put_positive(doc, "exe_inode", caller->exe_id.inode);
	}
	if (has_trace)
		put_trace(doc, event->trace);
	doc_map_end(doc);
}

static void put_link(struct doc *doc, const struct chain_link *link) {
	char hex[CHAIN_HASH_HEX_SIZE];

	chain_hash_hex(hex, link->prev);
	doc_number(doc, "seq", link->seq);
	doc_text(doc, "prev", hex, WORD_LEN_MAX);
}

/* All that it takes to check the touch again. */
static void put_proof(struct doc *doc, const struct touch_proof *proof) {
	doc_key(doc, "approval");
	doc_map_begin(doc);
	doc_text(doc, "nonce", proof->nonce, WORD_LEN_MAX);
	if (proof->before[0] != '\0') {
		doc_text(doc, "old", proof->before, WORD_LEN_MAX);
		doc_text(doc, "new", proof->after, WORD_LEN_MAX);
	} else {
		doc_key(doc, "requests");
		doc_list_begin(doc, DOC_FLOW);
		for (size_t i = 0; i < proof->n_requests; i++)
			doc_value(doc, bytes_of_text(proof->requests[i]), WORD_LEN_MAX);
		doc_list_end(doc);
	}
	doc_text(doc, "key", proof->key, WORD_LEN_MAX);
	doc_text(doc, "credential", proof->credential, WORD_LEN_MAX);
	doc_text(doc, "authenticator_data", proof->auth_data, WORD_LEN_MAX);
	doc_text(doc, "signature", proof->signature, WORD_LEN_MAX);
	doc_map_end(doc);
}

static void put_passed_over(struct doc *doc, const struct event *event) {
	char text[WORD_LEN_MAX];

	if (event->n_confirm_passed == 0)
		return;
	doc_key(doc, "confirm_passed_over");
	doc_list_begin(doc, DOC_FLOW);
	for (size_t i = 0; i < event->n_confirm_passed; i++) {
		const struct confirm_passed *passed = &event->confirm_passed[i];

		snprintf(text, sizeof(text), "%s: %s", confirm_method_name(passed->method),
		         passed->why);
		doc_value(doc, bytes_of_text(text), WORD_LEN_MAX);
	}
	doc_list_end(doc);
}

static void put_confirmation(struct doc *doc, const struct event *event) {
	doc_text(doc, "confirm_method", event->confirm_method, WORD_LEN_MAX);
	doc_text(doc, "confirm_via", event->confirm_via, WORD_LEN_MAX);
	if (event->confirm_weak)
		doc_bool(doc, "confirm_weak", true);
	doc_text(doc, "denied_via", event->denied_via, WORD_LEN_MAX);
	put_positive(doc, "denied_by", event->denied_by);
	put_passed_over(doc, event);
	put_positive(doc, "grant", event->grant);
	put_positive(doc, "waited_ms", event->waited_ms);
}

static void put_head(struct doc *doc, const struct signed_head *head) {
	char hash[CHAIN_HASH_HEX_SIZE];

	chain_hash_hex(hash, head->hash);
	doc_number(doc, "head_seq", head->seq);
	doc_text(doc, "head_hash", hash, WORD_LEN_MAX);
	doc_text(doc, "key_fingerprint", head->key_fingerprint, WORD_LEN_MAX);
	doc_text(doc, "key_type", head->key_type, WORD_LEN_MAX);
	doc_text(doc, "head_signature", head->signature, SIGNATURE_LEN_MAX);
}

/* What they have in common. */
static void put_repeat(struct doc *doc, const struct repeat *repeat) {
	doc_number(doc, "repeated", repeat->count);
	put_stamp(doc, "repeated_first", repeat->first_us);
	put_stamp(doc, "repeated_last", repeat->last_us);
	doc_text(doc, "process_name", repeat->process_name, NAME_LEN_MAX);
	doc_text(doc, "exe_path", repeat->exe, PATH_LEN_MAX);
	doc_text(doc, "key_fingerprint", repeat->key_fingerprint, WORD_LEN_MAX);
	doc_text(doc, "key_type", repeat->key_type, WORD_LEN_MAX);
	doc_text(doc, "dest_key_fingerprint", repeat->dest_key, WORD_LEN_MAX);
	doc_text(doc, "endpoint", repeat->endpoint, WORD_LEN_MAX);
}

int event_yaml(struct buffer *document, const struct event *event) {
	return event_yaml_linked(document, event, NULL);
}

int event_yaml_linked(struct buffer *document, const struct event *event,
                      const struct chain_link *link) {
	CLEANUP(doc_deinit) struct doc doc;

	doc_begin(&doc, document);
	if (link != NULL)
		put_link(&doc, link);
	put_stamp(&doc, "timestamp", event->real_us);
	doc_text(&doc, "trigger", event->trigger, WORD_LEN_MAX);
	doc_text(&doc, "decision", event->decision, WORD_LEN_MAX);
	doc_text(&doc, "rule", event->rule, WORD_LEN_MAX);
	doc_text(&doc, "decided_by", event->by_floor ? "floor" : NULL, WORD_LEN_MAX);
	doc_text(&doc, "reason", event->reason, WORD_LEN_MAX);
	doc_text(&doc, "missing_fact", event->missing_fact, WORD_LEN_MAX);
	if (event->weak)
		doc_bool(&doc, "weak", true);
	put_tri(&doc, "notify", event->notify);
	if (event->brief)
		doc_bool(&doc, "brief", true);
	doc_text(&doc, "detail", event->detail, SENTENCE_LEN_MAX);
	put_positive(&doc, "kept_from", event->kept_from);
	put_confirmation(&doc, event);
	if (event->request != NULL)
		put_request(&doc, event->request, event->brief);
	doc_text(&doc, "signed_sha256", event->signed_sha256, WORD_LEN_MAX);
	if (event->proof != NULL)
		put_proof(&doc, event->proof);
	if (event->head != NULL)
		put_head(&doc, event->head);
	if (event->repeat != NULL)
		put_repeat(&doc, event->repeat);
	doc_text(&doc, "config_sha256", event->config_sha256, WORD_LEN_MAX);
	doc_text(&doc, "floor_sha256", event->floor_sha256, WORD_LEN_MAX);
	if (!event->brief)
		put_forensics(&doc, event);
	doc_text(&doc, "outcome", event->outcome, WORD_LEN_MAX);
	put_tri(&doc, "delivered", event->delivered);
	put_positive(&doc, "latency_us", event->latency_us);
	put_positive(&doc, "upstream_us", event->upstream_us);
	return doc_finish(&doc);
}
