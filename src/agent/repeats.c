#include "agent/repeats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What makes a kind, and is told of it. An unknown one is NULL. */
enum part {
	PART_TRIGGER,
	PART_DECISION,
	PART_RULE,
	PART_REASON,
	PART_CONFIG,
	PART_FLOOR,
	PART_EXE,
	PART_NAME,
	PART_KEY,
	PART_KEY_TYPE,
	PART_DEST,
	PART_ENDPOINT,
	PART_COUNT,
};

struct parts {
	const char *texts[PART_COUNT];
	bool by_floor;
	uid_t uid;
};

struct window {
	struct parts parts; /* its texts are owned */
	uint64_t begun_ns;
	unsigned whole;       /* written one by one */
	struct repeat repeat; /* the others */
	bool is_rest;         /* of all kinds for which there was no room */
};

struct repeats {
	struct window windows[REPEATS_KINDS_MAX + 1]; /* from the oldest on; one for the rest */
	size_t count;
};

/* Nobody was asked, so that it costs nobody anything to be refused so again and again. */
static bool nobody_was_asked(const char *reason) {
	static const char *const reasons[] = {"missing", "rate-limited", "unanswered",
	                                      "pin-locked"};

	for (size_t i = 0; reason != NULL && i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reason, reasons[i]) == 0)
			return true;
	return false;
}

static bool is_refusal(const struct event *event) {
	if (event->request == NULL || event->decision == NULL || event->outcome != NULL)
		return false;
	/* One that nothing can verify is passed on, and proves nothing. */
	if (strcmp(event->decision, "deny") == 0 || strcmp(event->trigger, "session-bind") == 0)
		return true;
	return strcmp(event->decision, "confirm-denied") == 0 && nobody_was_asked(event->reason);
}

static const char *unless_empty(const char *text) {
	return text[0] != '\0' ? text : NULL;
}

static struct parts parts_of(const struct event *event) {
	const struct request *request = event->request;

	return (struct parts){
		.texts = {[PART_TRIGGER] = event->trigger,
	                  [PART_DECISION] = event->decision,
	                  [PART_RULE] = event->rule,
	                  [PART_REASON] = event->reason,
	                  [PART_CONFIG] = event->config_sha256,
	                  [PART_FLOOR] = event->floor_sha256,
	                  [PART_EXE] = request->caller->process.exe,
	                  [PART_NAME] = request->caller->process.name,
	                  [PART_KEY] = unless_empty(request->key.fingerprint),
	                  [PART_KEY_TYPE] = unless_empty(request->key.type),
	                  [PART_DEST] = request->dest_key,
	                  [PART_ENDPOINT] = request->endpoint},
		.by_floor = event->by_floor,
		.uid = request->caller->uid,
	};
}

static bool same_text(const char *a, const char *b) {
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_parts(const struct parts *a, const struct parts *b) {
	for (size_t i = 0; i < PART_COUNT; i++)
		if (!same_text(a->texts[i], b->texts[i]))
			return false;
	return a->by_floor == b->by_floor && a->uid == b->uid;
}

static void parts_free(struct parts *parts) {
	for (size_t i = 0; i < PART_COUNT; i++) {
		/* Ours, whatever its type says: these are copies. */
		char *owned;

		memcpy(&owned, &parts->texts[i], sizeof(owned));
		free(owned);
	}
}

/* false: no memory, and *ret is void. */
static bool parts_copy(struct parts *ret, const struct parts *parts) {
	struct parts copy = {.by_floor = parts->by_floor, .uid = parts->uid};

	for (size_t i = 0; i < PART_COUNT; i++) {
		if (parts->texts[i] == NULL)
			continue;
		copy.texts[i] = strdup(parts->texts[i]);
		if (copy.texts[i] == NULL) {
			parts_free(&copy);
			return false;
		}
	}
	*ret = copy;
	return true;
}

int repeats_new(struct repeats **ret) {
	struct repeats *repeats = calloc(1, sizeof(*repeats));

	if (repeats == NULL)
		return -ENOMEM;
	*ret = repeats;
	return 0;
}

void repeats_free(struct repeats *repeats) {
	if (repeats == NULL)
		return;
	while (repeats->count > 0)
		repeats_told(repeats);
	free(repeats);
}

/* NULL: no memory to tell kinds apart by. */
static struct window *find(struct repeats *repeats, const struct parts *parts, uint64_t now_ns) {
	struct window *rest = NULL, *window;
	bool is_full;

	for (size_t i = 0; i < repeats->count; i++) {
		window = &repeats->windows[i];
		if (window->is_rest)
			rest = window;
		else if (same_parts(&window->parts, parts))
			return window;
	}
	is_full = repeats->count - (rest != NULL) == REPEATS_KINDS_MAX;
	if (is_full && rest != NULL)
		return rest;
	window = &repeats->windows[repeats->count];
	*window = (struct window){.begun_ns = now_ns, .is_rest = is_full};
	if (!window->is_rest && !parts_copy(&window->parts, parts))
		return NULL;
	repeats->count++;
	return window;
}

static unsigned whole_of_all(const struct repeats *repeats) {
	unsigned sum = 0;

	for (size_t i = 0; i < repeats->count; i++)
		sum += repeats->windows[i].whole;
	return sum;
}

bool repeats_tell(struct repeats *repeats, const struct event *event, uint64_t now_ns) {
	struct window *window;
	struct parts parts;

	if (!is_refusal(event))
		return true;
	parts = parts_of(event);
	window = find(repeats, &parts, now_ns);
	if (window == NULL)
		return true;
	if (!window->is_rest && window->whole < REPEATS_WHOLE &&
	    whole_of_all(repeats) < REPEATS_WHOLE_ALL) {
		window->whole++;
		return true;
	}
	if (window->repeat.count++ == 0)
		window->repeat.first_us = event->real_us;
	window->repeat.last_us = event->real_us;
	return false;
}

uint64_t repeats_due_ns(const struct repeats *repeats) {
	return repeats->count > 0 ? repeats->windows[0].begun_ns + REPEATS_WINDOW_NS : 0;
}

void repeats_told(struct repeats *repeats) {
	parts_free(&repeats->windows[0].parts);
	repeats->count--;
	memmove(repeats->windows, repeats->windows + 1, repeats->count * sizeof(*repeats->windows));
}

static struct event event_of(struct window *window) {
	const char *const *texts = window->parts.texts;

	window->repeat.process_name = texts[PART_NAME];
	window->repeat.exe = texts[PART_EXE];
	window->repeat.key_fingerprint = texts[PART_KEY];
	window->repeat.key_type = texts[PART_KEY_TYPE];
	window->repeat.dest_key = texts[PART_DEST];
	window->repeat.endpoint = texts[PART_ENDPOINT];
	return (struct event){
		.trigger = window->is_rest ? "refusals" : texts[PART_TRIGGER],
		.decision = window->is_rest ? "deny" : texts[PART_DECISION],
		.rule = texts[PART_RULE],
		.reason = texts[PART_REASON],
		.by_floor = window->parts.by_floor,
		.config_sha256 = texts[PART_CONFIG],
		.floor_sha256 = texts[PART_FLOOR],
		.detail = window->is_rest ? "refusals of more kinds than can be told apart" : NULL,
		.repeat = &window->repeat,
	};
}

bool repeats_next(struct event *ret, struct repeats *repeats, uint64_t until_ns) {
	while (repeats->count > 0 && repeats_due_ns(repeats) <= until_ns) {
		if (repeats->windows[0].repeat.count > 0) {
			*ret = event_of(&repeats->windows[0]);
			return true;
		}
		repeats_told(repeats);
	}
	return false;
}
