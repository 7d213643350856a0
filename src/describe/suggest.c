#include "describe/suggest.h"

#include <errno.h>
#include <string.h>

#include "describe/suggest_parts.h"

int suggest_new(struct suggest **ret) {
	*ret = calloc(1, sizeof(**ret));
	if (*ret != NULL)
		(*ret)->wishes = calloc(SUGGEST_GROUPS_MAX, sizeof(struct wish));
	if (*ret != NULL && (*ret)->wishes != NULL)
		return 0;
	free(*ret);
	return -ENOMEM;
}

static void parts_free(char *parts[static PART_COUNT]) {
	for (size_t i = 0; i < PART_COUNT; i++)
		free(parts[i]);
}

void suggest_free(struct suggest *suggest) {
	if (suggest == NULL)
		return;
	for (size_t i = 0; i < suggest->count; i++)
		parts_free(suggest->wishes[i].parts);
	free(suggest->wishes);
	policy_unref(suggest->policy);
	free(suggest);
}

static void note(struct events *events, uint64_t seq) {
	if (events->count < SUGGEST_SEQS_SHOWN)
		events->seqs[events->count] = seq;
	events->count++;
	events->last = seq;
}

/* ---- what may be suggested ---- */

static bool is_word(const char *text) {
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	return *text != '\0' && strchr(letters, *text) != NULL &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                         "._-+@:")] == '\0';
}

/* A path without anything that a pattern, or YAML's quotes, would take for something else. */
static bool is_plain_path(const char *text) {
	if (*text != '/')
		return false;
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e || strchr("*?\"\\$", *text) != NULL)
			return false;
	return true;
}

/* As ssh-keygen -l prints one. Whoever writes into the log may write something else there. */
static bool is_fingerprint(const char *text) {
	static const char kind[] = "SHA256:";
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return strncmp(text, kind, strlen(kind)) == 0 && strlen(text) == KEY_FINGERPRINT_SIZE - 1 &&
	       text[strlen(kind) + strspn(text + strlen(kind), letters)] == '\0';
}

/* "user@host" where that is the one place that is meant by it: on the usual port. NULL: by its key.
 */
static const char *name_of(const struct recalled *recalled) {
	const struct destination *destination = recalled->request.destination;

	if (recalled->request.meeting != MEETING_VERIFIED || destination == NULL ||
	    destination->ssh_dest == NULL || strchr(destination->ssh_dest, '@') == NULL)
		return NULL;
	for (size_t i = 0; i < destination->host.n_names; i++)
		if (destination->host.names[i][0] == '[')
			return NULL;
	return is_word(destination->ssh_dest) ? destination->ssh_dest : NULL;
}

/* Borrowed texts. false: *ret_gap says why not. */
static bool take_login(const char *parts[static PART_COUNT], enum gap *ret_gap,
                       const struct recalled *recalled) {
	const struct request *request = &recalled->request;
	const char *name = name_of(recalled);
	const char *user = (const char *)request->payload->login.user.data;

	*ret_gap = GAP_DESTINATION;
	if (request->dest_key == NULL || user == NULL)
		return false;
	parts[PART_SIGN_TYPE] = "ssh-login";
	parts[PART_EVIDENCE] = request->meeting == MEETING_BOUND ? "bound" : "";
	parts[PART_USER] = name != NULL ? "" : user;
	parts[PART_FIELD] = name != NULL ? "ssh_dest" : "dest_key";
	parts[PART_VALUE] = name != NULL ? name : request->dest_key;
	*ret_gap = GAP_TEXT;
	return name != NULL || (is_word(user) && is_fingerprint(request->dest_key));
}

static bool take_payload(const char *parts[static PART_COUNT], enum gap *ret_gap,
                         const struct recalled *recalled) {
	const struct payload *payload = recalled->request.payload;

	*ret_gap = GAP_PAYLOAD;
	if (payload == NULL)
		return false;
	switch (payload->kind) {
	case PAYLOAD_UNKNOWN: return false;
	case PAYLOAD_SSH_LOGIN: return take_login(parts, ret_gap, recalled);
	case PAYLOAD_SSHSIG: break;
	}
	parts[PART_SIGN_TYPE] = "sshsig";
	parts[PART_FIELD] = "namespace";
	parts[PART_VALUE] = (const char *)payload->sshsig.name_space.data;
	*ret_gap = GAP_TEXT;
	return is_word(parts[PART_VALUE]);
}

static bool take_parts(const char *parts[static PART_COUNT], enum gap *ret_gap,
                       const struct recalled *recalled) {
	const struct request *request = &recalled->request;
	const struct caller *caller = request->caller;

	for (size_t i = 0; i < PART_COUNT; i++)
		parts[i] = "";
	*ret_gap = GAP_PROGRAM;
	if (caller->state != CALLER_IDENTIFIED || caller->process.exe == NULL)
		return false;
	*ret_gap = GAP_MARKS;
	/* That a file can be written is no worse than that every program can run it. */
	if ((caller->integrity & ~(unsigned)INTEGRITY_WRITABLE_EXE) != 0)
		return false;
	*ret_gap = GAP_KEY;
	if (*request->key.fingerprint == '\0')
		return false;
	*ret_gap = GAP_FORWARDED;
	if (request->is_forwarded == TRI_YES)
		return false;
	if (!take_payload(parts, ret_gap, recalled))
		return false;
	parts[PART_EXE] = caller->process.exe;
	parts[PART_KEY] = request->key.fingerprint;
	parts[PART_ENDPOINT] = strcmp(request->endpoint, "default") != 0 ? request->endpoint : "";
	parts[PART_FORWARDED] = request->is_forwarded == TRI_NO ? "false" : "";
	*ret_gap = GAP_TEXT;
	return is_plain_path(caller->process.exe) && is_fingerprint(parts[PART_KEY]) &&
	       (*parts[PART_ENDPOINT] == '\0' || is_word(parts[PART_ENDPOINT]));
}

static int compare(const char *const a[static PART_COUNT], const char *const b[static PART_COUNT]) {
	int order = 0;

	for (size_t i = 0; i < PART_COUNT && order == 0; i++)
		order = strcmp(a[i], b[i]);
	return order;
}

/* NULL: there is no room, or *ret_error. */
static struct wish *wish_of(struct suggest *suggest, const char *const parts[static PART_COUNT],
                            int *ret_error) {
	struct wish *wish = &suggest->wishes[suggest->count];

	for (size_t i = 0; i < suggest->count; i++)
		if (compare((const char *const *)suggest->wishes[i].parts, parts) == 0)
			return &suggest->wishes[i];
	if (suggest->count == SUGGEST_GROUPS_MAX)
		return NULL;
	for (size_t i = 0; i < PART_COUNT; i++) {
		wish->parts[i] = strdup(parts[i]);
		if (wish->parts[i] == NULL)
			*ret_error = -ENOMEM;
	}
	suggest->count++;
	return wish;
}

int suggest_take(struct suggest *suggest, const struct recalled *recalled) {
	const char *parts[PART_COUNT];
	struct wish *wish;
	enum gap gap;
	int error = 0;

	if (!recalled->said_yes || recalled->request.operation != OPERATION_SIGN)
		return 0;
	if (!take_parts(parts, &gap, recalled)) {
		note(&suggest->gaps[gap], recalled->seq);
		return 0;
	}
	wish = wish_of(suggest, parts, &error);
	if (error < 0)
		return error;
	if (wish == NULL) {
		note(&suggest->gaps[GAP_ROOM], recalled->seq);
		return 0;
	}
	note(&wish->events, recalled->seq);
	wish->n_agents += recalled->was_agent != TRI_NO;
	return 0;
}

/* ---- as rules ---- */

/* With and without is_coding_agent they are two rules. */
static int compare_rules(const struct wish *a, const struct wish *b) {
	int order = 0;

	for (size_t i = 0; i < PART_VALUE && order == 0; i++)
		order = strcmp(a->parts[i], b->parts[i]);
	return order != 0 ? order : (a->n_agents > 0) - (b->n_agents > 0);
}

bool suggest_same_rule(const struct wish *a, const struct wish *b) {
	return compare_rules(a, b) == 0;
}

size_t suggest_count(const struct suggest *suggest) {
	const struct wish *last = NULL;
	size_t n_rules = 0;

	for (size_t i = 0; i < suggest->count; i++) {
		if (suggest->wishes[i].is_void)
			continue;
		n_rules += last == NULL || !suggest_same_rule(last, &suggest->wishes[i]);
		last = &suggest->wishes[i];
	}
	return n_rules;
}

static int compare_wishes(const void *a, const void *b) {
	const struct wish *left = a, *right = b;
	int order = compare_rules(left, right);

	return order != 0 ? order : strcmp(left->parts[PART_VALUE], right->parts[PART_VALUE]);
}

static int parse(struct policy **ret, struct bytes yaml) {
	CLEANUP(problems_deinit) struct problems problems = {0};

	return policy_parse(ret, yaml, "suggestion", NULL, &problems);
}

int suggest_settle(struct suggest *suggest) {
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	int error;

	qsort(suggest->wishes, suggest->count, sizeof(struct wish), compare_wishes);
	error = suggest_write_each(&yaml, suggest);
	if (error == 0)
		error = parse(&suggest->policy, buffer_bytes(&yaml));
	/* Denials are told to wishes by the number of their rule. */
	if (error == 0 && policy_rule_count(suggest->policy) != suggest->count)
		error = -EINVAL;
	return error;
}
