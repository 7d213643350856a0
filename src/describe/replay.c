#include "describe/replay.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/array.h"

/* What is missing of refusals that were only counted. */
#define REPEATED "each of the repeated refusals"

/* One of them, and its texts one behind the other, by which groups are told apart. */
struct grouping {
	struct replay_group group;
	size_t texts_len;
	char texts[];
};

struct replay {
	struct replay_counts counts;
	void *tree; /* of struct grouping, by texts */
	struct grouping **entries;
	size_t n_entries, capacity;
	size_t omitted;
	struct replay_group *sorted;
};

int replay_new(struct replay **ret) {
	*ret = calloc(1, sizeof(**ret));
	return *ret != NULL ? 0 : -ENOMEM;
}

static int compare_texts(const void *a, const void *b);

void replay_free(struct replay *replay) {
	if (replay == NULL)
		return;
	/* A node is a pointer to its entry before all else. */
	while (replay->tree != NULL)
		tdelete(*(struct grouping **)replay->tree, &replay->tree, compare_texts);
	for (size_t i = 0; i < replay->n_entries; i++)
		free(replay->entries[i]);
	free(replay->entries);
	free(replay->sorted);
	free(replay);
}

static int compare_texts(const void *a, const void *b) {
	const struct grouping *left = a, *right = b;
	size_t len = left->texts_len < right->texts_len ? left->texts_len : right->texts_len;
	int order = memcmp(left->texts, right->texts, len);

	if (order != 0)
		return order;
	return left->texts_len < right->texts_len ? -1 : left->texts_len > right->texts_len;
}

/* ---- what a group is of ---- */

static void put(struct buffer *texts, const char *text) {
	buffer_put_raw(texts, bytes_of_text(text != NULL ? text : ""));
	buffer_put_u8(texts, '\0');
}

static void put_program(struct buffer *texts, const struct caller *caller) {
	const struct process *process = &caller->process;

	put(texts, process->exe != NULL    ? process->exe
	           : process->name != NULL ? process->name
	                                   : caller->reason);
}

static void put_payload(struct buffer *texts, const struct request *request) {
	const struct payload *payload = request->payload;
	bool is_login = payload != NULL && payload->kind == PAYLOAD_SSH_LOGIN;

	/* Both end in a NUL where they lie. */
	put(texts, is_login ? (const char *)payload->login.user.data : NULL);
	put(texts,
	    is_login && request->destination != NULL ? request->destination->ssh_dest : NULL);
	put(texts, request->dest_key);
	put(texts, is_login ? dest_evidence_name(request_dest_evidence(request)) : NULL);
	if (payload == NULL)
		put(texts, operation_name(request->operation));
	else if (payload->kind == PAYLOAD_SSHSIG)
		put(texts, (const char *)payload->sshsig.name_space.data);
	else
		put(texts, payload->kind == PAYLOAD_UNKNOWN ? "unknown payload" : NULL);
}

static void put_texts(struct buffer *texts, const struct recalled *recalled,
                      const struct redecided *now, enum replay_kind kind) {
	const struct request *request = &recalled->request;

	buffer_put_u8(texts, (uint8_t)kind);
	buffer_put_u8(texts, (uint8_t)recalled->was);
	buffer_put_u8(texts, kind == REPLAY_FLIP ? (uint8_t)now->verdict.action : 0);
	put_program(texts, recalled->caller);
	put(texts, request->key.fingerprint);
	put_payload(texts, request);
	put(texts, recalled->rule);
	put(texts, kind == REPLAY_FLIP ? now->verdict.rule : NULL);
	put(texts, kind == REPLAY_UNDECIDED ? now->lacking : NULL);
}

static const char *next_text(const char **at) {
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

static struct grouping *entry_new(const struct buffer *texts) {
	struct grouping *entry = calloc(1, sizeof(*entry) + texts->len);
	const char *at;

	if (entry == NULL)
		return NULL;
	entry->texts_len = texts->len;
	memcpy(entry->texts, texts->data, texts->len);
	at = entry->texts + 3;
	entry->group = (struct replay_group){
		.kind = (enum replay_kind)entry->texts[0],
		.was = (enum action)entry->texts[1],
		.now = (enum action)entry->texts[2],
	};
	entry->group.program = next_text(&at);
	entry->group.key = next_text(&at);
	entry->group.user = next_text(&at);
	entry->group.dest = next_text(&at);
	entry->group.dest_key = next_text(&at);
	entry->group.evidence = next_text(&at);
	entry->group.name_space = next_text(&at);
	entry->group.was_rule = next_text(&at);
	entry->group.now_rule = next_text(&at);
	entry->group.lacking = next_text(&at);
	return entry;
}

static void count(struct replay_group *group, const struct recalled *recalled) {
	if (group->count == 0)
		group->first_seq = recalled->seq;
	group->count += recalled->repeated > 0 ? (size_t)recalled->repeated : 1;
	group->last_seq = recalled->seq;
}

static int keep_new(struct replay *replay, struct grouping *entry) {
	if (replay->n_entries == replay->capacity) {
		size_t capacity = replay->capacity > 0 ? 2 * replay->capacity : 64;
		struct grouping **grown = array_resize(replay->entries, capacity,
		                                       sizeof(struct grouping *));

		if (grown == NULL)
			return -ENOMEM;
		replay->entries = grown;
		replay->capacity = capacity;
	}
	if (tsearch(entry, &replay->tree, compare_texts) == NULL)
		return -ENOMEM;
	replay->entries[replay->n_entries++] = entry;
	return 0;
}

static int add_to_group(struct replay *replay, const struct recalled *recalled,
                        const struct redecided *now, enum replay_kind kind) {
	CLEANUP(buffer_deinit) struct buffer texts = {0};
	CLEANUP(free_pointer) struct grouping *entry = NULL;
	struct grouping **found;

	put_texts(&texts, recalled, now, kind);
	if (buffer_error(&texts) < 0)
		return -ENOMEM;
	entry = entry_new(&texts);
	if (entry == NULL)
		return -ENOMEM;
	found = tfind(entry, &replay->tree, compare_texts);
	if (found != NULL) {
		count(&(*found)->group, recalled);
		return 0;
	}
	if (replay->n_entries == REPLAY_GROUPS_MAX) {
		replay->omitted++;
		return 0;
	}
	count(&entry->group, recalled);
	if (keep_new(replay, entry) < 0)
		return -ENOMEM;
	TAKE(entry);
	return 0;
}

int replay_add(struct replay *replay, struct recalled *recalled, const struct policy *floor,
               const struct policy *policy) {
	struct replay_counts *counts = &replay->counts;
	struct redecided now;

	size_t n = recalled->repeated > 0 ? (size_t)recalled->repeated : 1;

	counts->requests += n;
	if (recalled->end == RECALLED_REFUSED) {
		counts->refused += n;
		return 0;
	}
	if (recalled->repeated > 0) {
		now = (struct redecided){.lacking = REPEATED};
		counts->undecided += n;
		return add_to_group(replay, recalled, &now, REPLAY_UNDECIDED);
	}
	now = recalled_decide(recalled, floor, policy);
	if (now.lacking != NULL) {
		counts->undecided++;
		return add_to_group(replay, recalled, &now, REPLAY_UNDECIDED);
	}
	if (now.verdict.action == recalled->was) {
		counts->same++;
		return 0;
	}
	counts->flips++;
	return add_to_group(replay, recalled, &now, REPLAY_FLIP);
}

struct replay_counts replay_counts(const struct replay *replay) {
	return replay->counts;
}

/* Flips first; what is newly allowed before what is newly denied; the most frequent ones first. */
static int compare_groups(const void *a, const void *b) {
	const struct replay_group *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->now != right->now)
		return left->now > right->now ? -1 : 1;
	if (left->was != right->was)
		return left->was < right->was ? -1 : 1;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return left->first_seq < right->first_seq ? -1 : left->first_seq > right->first_seq;
}

const struct replay_group *replay_groups(struct replay *replay, size_t *ret_count,
                                         size_t *ret_omitted) {
	free(replay->sorted);
	*ret_count = 0;
	*ret_omitted = replay->omitted;
	replay->sorted = calloc(replay->n_entries + 1, sizeof(*replay->sorted));
	if (replay->sorted == NULL)
		return NULL;
	for (size_t i = 0; i < replay->n_entries; i++)
		replay->sorted[i] = replay->entries[i]->group;
	qsort(replay->sorted, replay->n_entries, sizeof(*replay->sorted), compare_groups);
	*ret_count = replay->n_entries;
	return replay->sorted;
}
