#include <string.h>

#include "describe/suggest_parts.h"
#include "policy/explain.h"
#include "policy/field.h"

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
