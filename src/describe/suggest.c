#include "describe/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/explain.h"
#include "policy/field.h"

#define SEQS_SHOWN 8 /* of the events that a rule stands on */
#define NAME_SHOWN 40

/* Why a signature that was allowed is not suggested. In the order in which it is told. */
enum gap {
	GAP_PROGRAM,
	GAP_MARKS,
	GAP_KEY,
	GAP_PAYLOAD,
	GAP_DESTINATION,
	GAP_FORWARDED,
	GAP_TEXT,
	GAP_ROOM,
};
#define GAP_COUNT (GAP_ROOM + 1)

static const char *gap_text(enum gap gap) {
	switch (gap) {
	case GAP_PROGRAM: return "the program is not known";
	case GAP_MARKS: return "something speaks against the program (caller_integrity)";
	case GAP_KEY: return "the key is not known";
	case GAP_PAYLOAD: return "it is not known what was signed";
	case GAP_DESTINATION: return "it is not proved where the login went";
	case GAP_FORWARDED: return "they came over a forwarded agent";
	case GAP_TEXT: return "a name in them cannot be written as a plain value";
	case GAP_ROOM: return "there are too many kinds of them";
	}
	return "invalid";
}

/* Which events there were: a few numbers, and how many. */
struct events {
	uint64_t seqs[SEQS_SHOWN], last;
	size_t count;
};

/* What is the same in all of its signatures; but for the last one, texts that need no escape. */
enum part {
	PART_EXE,
	PART_KEY,
	PART_ENDPOINT,
	PART_FORWARDED, /* "false", or "" where it is not known */
	PART_SIGN_TYPE,
	PART_USER,     /* "" where the value has it */
	PART_EVIDENCE, /* "bound", or "" */
	PART_FIELD,    /* ssh_dest, dest_key or namespace */
	PART_VALUE,    /* its value: wishes that differ in this alone become one rule */
};
#define PART_COUNT (PART_VALUE + 1)

struct wish {
	char *parts[PART_COUNT]; /* owned */
	struct events events;
	size_t n_agents;   /* with a coding agent behind it, or where that is not known */
	bool is_void;      /* it would allow what was denied */
	uint64_t objected; /* by this event */
};

struct suggest {
	struct wish *wishes;
	size_t count;
	struct events gaps[GAP_COUNT];
	struct policy *policy; /* a rule for each wish, in their order */
};

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
	if (events->count < SEQS_SHOWN)
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

static void put(struct buffer *yaml, const char *text) {
	buffer_put_raw(yaml, bytes_of_text(text));
}

static void put_number(struct buffer *yaml, uint64_t number) {
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	put(yaml, digits);
}

static void put_events(struct buffer *yaml, const struct events *events) {
	size_t shown = events->count < SEQS_SHOWN ? events->count : SEQS_SHOWN;

	put_number(yaml, events->count);
	put(yaml, events->count == 1 ? " signature: event " : " signatures: events ");
	for (size_t i = 0; i < shown; i++) {
		put(yaml, i > 0 ? ", " : "");
		put_number(yaml, events->seqs[i]);
	}
	if (events->count > shown) {
		put(yaml, " ... ");
		put_number(yaml, events->last);
	}
}

static void put_field(struct buffer *yaml, const char *name, const char *value) {
	if (*value == '\0')
		return;
	put(yaml, "      ");
	put(yaml, name);
	put(yaml, ": ");
	put(yaml, value);
	put(yaml, "\n");
}

static void put_quoted_field(struct buffer *yaml, const char *name, const char *value) {
	if (*value == '\0')
		return;
	put(yaml, "      ");
	put(yaml, name);
	put(yaml, ": \"");
	put(yaml, value);
	put(yaml, "\"\n");
}

/* Of the program, so that a person sees what it is for; with a number, so that it is the only one.
 */
static void put_name(struct buffer *yaml, const char *exe, size_t number) {
	const char *base = strrchr(exe, '/') + 1;

	put(yaml, "  - name: \"");
	for (size_t i = 0; base[i] != '\0' && i < NAME_SHOWN; i++)
		buffer_put_u8(yaml, base[i] != ' ' ? (uint8_t)base[i] : '_');
	put(yaml, "-suggested-");
	put_number(yaml, number);
	put(yaml, "\"\n");
}

static void put_begin(struct buffer *yaml, const struct wish *wish, size_t number) {
	put_name(yaml, wish->parts[PART_EXE], number);
	put(yaml, "    match:\n");
	put_quoted_field(yaml, "exe", wish->parts[PART_EXE]);
	put_quoted_field(yaml, "key", wish->parts[PART_KEY]);
	put_quoted_field(yaml, "endpoint", wish->parts[PART_ENDPOINT]);
	put_field(yaml, "is_forwarded", wish->parts[PART_FORWARDED]);
	put_field(yaml, "is_coding_agent", wish->n_agents == 0 ? "false" : "");
	put_field(yaml, "sign_type", wish->parts[PART_SIGN_TYPE]);
	put_quoted_field(yaml, "ssh_user", wish->parts[PART_USER]);
	put_field(yaml, "dest_evidence", wish->parts[PART_EVIDENCE]);
	put(yaml, "      ");
	put(yaml, wish->parts[PART_FIELD]);
	put(yaml, ":\n");
}

static void put_value(struct buffer *yaml, const struct wish *wish) {
	put(yaml, "        - \"");
	put(yaml, wish->parts[PART_VALUE]);
	put(yaml, "\" # ");
	put_events(yaml, &wish->events);
	if (wish->n_agents > 0) {
		put(yaml, "; a coding agent is, or may be, behind ");
		put_number(yaml, wish->n_agents);
	}
	put(yaml, "\n");
}

static const char policy_head[] = "version: 1\ndefault_action: deny\nrules:";

static int compare_wishes(const void *a, const void *b) {
	const struct wish *left = a, *right = b;
	int order = 0;

	for (size_t i = 0; i < PART_VALUE && order == 0; i++)
		order = strcmp(left->parts[i], right->parts[i]);
	/* With and without is_coding_agent they are two rules. */
	if (order == 0)
		order = (left->n_agents > 0) - (right->n_agents > 0);
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
	put(&yaml, policy_head);
	put(&yaml, suggest->count > 0 ? "\n" : " []\n");
	for (size_t i = 0; i < suggest->count; i++) {
		put_begin(&yaml, &suggest->wishes[i], i + 1);
		put_value(&yaml, &suggest->wishes[i]);
		put(&yaml, "    action: allow\n");
	}
	error = buffer_error(&yaml);
	if (error == 0)
		error = parse(&suggest->policy, buffer_bytes(&yaml));
	/* Denials are told to wishes by the number of their rule. */
	if (error == 0 && policy_rule_count(suggest->policy) != suggest->count)
		error = -EINVAL;
	return error;
}

/* ---- what was denied ---- */

static bool is_one_of(const char *text, const char *const *words, size_t n_words) {
	for (size_t i = 0; i < n_words; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

bool suggest_is_denial(const struct recalled *recalled) {
	/* For want of something, not of a right. */
	static const char *const for_want[] = {
		"cancelled",
		"panic",
		"rate-limited",
		"log-error",
		"keys-hidden",
		"upstream-down",
		"bind-refused",
		"malformed",
		"upstream-timeout",
		"upstream-nonsense",
		"constraint-unenforced",
	};

	if (recalled->said_yes || recalled->request.operation != OPERATION_SIGN)
		return false;
	/* Where nobody could be asked, or answered, nobody has said no. */
	if (recalled->was == ACTION_CONFIRM)
		return recalled->reason != NULL && strcmp(recalled->reason, "denied") == 0;
	return recalled->reason == NULL ||
	       !is_one_of(recalled->reason, for_want, sizeof(for_want) / sizeof(for_want[0]));
}

struct objection {
	struct suggest *suggest;
	uint64_t seq;
	bool is_in_doubt; /* a field of these rules is */
	size_t at;
};

static void make_void(struct wish *wish, uint64_t seq) {
	if (!wish->is_void)
		wish->objected = seq;
	wish->is_void = true;
}

/* Rules come in the order of wishes. What may fit, if more were known, must not. */
static void on_account(void *data, const struct account *account) {
	struct objection *objection = data;
	struct wish *wish = &objection->suggest->wishes[objection->at++];
	bool may_fit = account->standing == STANDING_POSSIBLE ||
	               account->standing == STANDING_CLAIMED;

	if (account->standing == STANDING_FITS || account->standing == STANDING_LIMIT ||
	    (may_fit && objection->is_in_doubt))
		make_void(wish, objection->seq);
}

static uint64_t fields_used(void) {
	static const char *const used[] = {
		"exe",      "key",      "endpoint", "is_forwarded",  "is_coding_agent", "sign_type",
		"ssh_user", "dest_key", "ssh_dest", "dest_evidence", "namespace",
	};
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		bits |= field_bit(field_find(used[i]));
	return bits;
}

/* Of refusals that were only counted, program and key are known at most. */
static void object_to_repeated(struct suggest *suggest, const struct recalled *recalled) {
	const char *exe = recalled->caller->process.exe;
	const char *key = recalled->request.key.fingerprint;

	for (size_t i = 0; i < suggest->count; i++) {
		struct wish *wish = &suggest->wishes[i];

		if ((exe == NULL || strcmp(exe, wish->parts[PART_EXE]) == 0) &&
		    (*key == '\0' || strcmp(key, wish->parts[PART_KEY]) == 0))
			make_void(wish, recalled->seq);
	}
}

int suggest_object(struct suggest *suggest, struct recalled *recalled) {
	struct objection objection = {.suggest = suggest, .seq = recalled->seq};
	struct request request;
	uint64_t doubtful;

	if (!suggest_is_denial(recalled))
		return 0;
	if (recalled->repeated > 0) {
		object_to_repeated(suggest, recalled);
		return 0;
	}
	request = recalled_request(recalled, suggest->policy, &doubtful);
	objection.is_in_doubt = (doubtful & fields_used()) != 0;
	policy_explain(suggest->policy, &request, on_account, &objection);
	return 0;
}

/* ---- what is written ---- */

static bool same_rule(const struct wish *a, const struct wish *b) {
	for (size_t i = 0; i < PART_VALUE; i++)
		if (strcmp(a->parts[i], b->parts[i]) != 0)
			return false;
	return (a->n_agents > 0) == (b->n_agents > 0);
}

size_t suggest_count(const struct suggest *suggest) {
	const struct wish *last = NULL;
	size_t n_rules = 0;

	for (size_t i = 0; i < suggest->count; i++) {
		if (suggest->wishes[i].is_void)
			continue;
		n_rules += last == NULL || !same_rule(last, &suggest->wishes[i]);
		last = &suggest->wishes[i];
	}
	return n_rules;
}

static void put_rules(struct buffer *yaml, const struct suggest *suggest) {
	const struct wish *last = NULL;
	size_t n_rules = 0;

	for (size_t i = 0; i < suggest->count; i++) {
		const struct wish *wish = &suggest->wishes[i];

		if (wish->is_void)
			continue;
		if (last == NULL || !same_rule(last, wish)) {
			put(yaml, last != NULL ? "    action: allow\n" : "");
			put_begin(yaml, wish, ++n_rules);
		}
		put_value(yaml, wish);
		last = wish;
	}
	put(yaml, last != NULL ? "    action: allow\n" : "");
}

/* What stands in it is plain (is_word(), is_plain_path()). */
static void put_void(struct buffer *yaml, const struct wish *wish) {
	put(yaml, "#   ");
	put(yaml, wish->parts[PART_EXE]);
	put(yaml, ", ");
	put(yaml, wish->parts[PART_FIELD]);
	put(yaml, " ");
	put(yaml, wish->parts[PART_VALUE]);
	put(yaml, ", key ");
	put(yaml, wish->parts[PART_KEY]);
	put(yaml, ": ");
	put_events(yaml, &wish->events);
	put(yaml, "; but denied: event ");
	put_number(yaml, wish->objected);
	put(yaml, "\n");
}

int suggest_write(struct buffer *yaml, const struct suggest *suggest) {
	size_t n_void = 0;

	put(yaml,
	    "# What was allowed or confirmed so far, as rules (ssh-agent-guard policy suggest).\n"
	    "# Look them through before you use them: whatever was done, they allow.\n");
	put(yaml, policy_head);
	put(yaml, suggest_count(suggest) > 0 ? "\n" : " []\n");
	put_rules(yaml, suggest);
	for (size_t i = 0; i < suggest->count; i++) {
		if (!suggest->wishes[i].is_void)
			continue;
		if (n_void++ == 0)
			put(yaml,
			    "\n# Left out, because a rule for it would allow what was denied\n"
			    "# (--since leaves out what is no longer meant):\n");
		put_void(yaml, &suggest->wishes[i]);
	}
	for (size_t i = 0; i < GAP_COUNT; i++) {
		if (suggest->gaps[i].count == 0)
			continue;
		put(yaml, "\n# Left out, because ");
		put(yaml, gap_text((enum gap)i));
		put(yaml, ":\n#   ");
		put_events(yaml, &suggest->gaps[i]);
		put(yaml, "\n");
	}
	return buffer_error(yaml);
}
