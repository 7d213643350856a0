/* struct caller as bytes, on its way from the reader process, and taken apart again as strictly as
 * a stranger's: the reader has read what strangers wrote. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "base/cursor.h"
#include "caller/caller.h"

static const char *const reasons[] = {"caller-unknown", "caller-changed", "caller-unreadable",
                                      "mixed-writers", "other-uid"};
#define N_REASONS (sizeof(reasons) / sizeof(reasons[0]))

static const char *const evidences[] = {"logind", "environment", "ancestors", "screen"};
#define N_EVIDENCES (sizeof(evidences) / sizeof(evidences[0]))

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_u8(buffer, text != NULL);
	if (text != NULL)
		buffer_put_string(buffer, bytes_of_text(text));
}

/* Of the texts as many as fit into len_max, each with its NUL. */
static void put_argv(struct buffer *buffer, const struct process *process, size_t len_max) {
	size_t len = 0, n = 0;

	buffer_put_u8(buffer, process->argv != NULL);
	if (process->argv == NULL)
		return;
	while (n < process->argc && strlen(process->argv[n]) < len_max - len) {
		len += strlen(process->argv[n]) + 1;
		n++;
	}
	buffer_put_u8(buffer, process->argv_cut || n < process->argc);
	buffer_put_u32(buffer, (uint32_t)len);
	for (size_t i = 0; i < n; i++)
		buffer_put_raw(buffer, (struct bytes){(const uint8_t *)process->argv[i],
		                                      strlen(process->argv[i]) + 1});
}

static void put_env(struct buffer *buffer, const struct caller *caller) {
	size_t len = 0;

	buffer_put_u8(buffer, caller->env != NULL);
	if (caller->env == NULL)
		return;
	for (size_t i = 0; i < caller->n_env; i++)
		len += strlen(caller->env[i]) + 1;
	buffer_put_u32(buffer, (uint32_t)len);
	for (size_t i = 0; i < caller->n_env; i++)
		buffer_put_raw(buffer, (struct bytes){(const uint8_t *)caller->env[i],
		                                      strlen(caller->env[i]) + 1});
}

static void put_process(struct buffer *buffer, const struct process *process, size_t argv_len_max) {
	buffer_put_u32(buffer, (uint32_t)process->pid);
	buffer_put_u64(buffer, process->start_ticks);
	buffer_put_u64(buffer, (uint64_t)process->started_us);
	put_text(buffer, process->exe);
	put_text(buffer, process->name);
	put_text(buffer, process->title);
	put_argv(buffer, process, argv_len_max);
	buffer_put_u8(buffer, process->foreign);
}

static void encode_within(struct buffer *buffer, const struct caller *caller, size_t argv_len_max,
                          size_t n_ancestors) {
	buffer_put_u8(buffer, (uint8_t)caller->state);
	put_text(buffer, caller->reason);
	buffer_put_u32(buffer, caller->uid);
	buffer_put_u32(buffer, caller->gid);
	put_process(buffer, &caller->process, argv_len_max);
	buffer_put_u64(buffer, caller->age_ms);
	buffer_put_u8(buffer, (uint8_t)caller->has_terminal);
	buffer_put_u32(buffer, caller->terminal);
	put_text(buffer, caller->cwd);
	put_text(buffer, caller->cgroup);
	put_env(buffer, caller);
	buffer_put_u32(buffer, caller->apart);
	buffer_put_u32(buffer, caller->apart_unknown);
	put_text(buffer, caller->unit);
	buffer_put_u8(buffer, (uint8_t)caller->presence);
	put_text(buffer, caller->presence_evidence);
	put_text(buffer, caller->tmux_window);
	put_text(buffer, caller->tmux_pane);
	buffer_put_u64(buffer, caller->exe_id.device);
	buffer_put_u64(buffer, caller->exe_id.inode);
	buffer_put_u64(buffer, caller->exe_id.size);
	buffer_put_u64(buffer, (uint64_t)caller->exe_id.modified_ns);
	buffer_put_u64(buffer, (uint64_t)caller->exe_id.changed_ns);
	buffer_put_u32(buffer, caller->integrity);
	buffer_put_u32(buffer, caller->integrity_unknown);
	buffer_put_u8(buffer, caller->ancestors_known && n_ancestors == caller->n_ancestors);
	buffer_put_u8(buffer, (uint8_t)n_ancestors);
	for (size_t i = 0; i < n_ancestors; i++)
		put_process(buffer, &caller->ancestors[i], argv_len_max);
	buffer_put_u32(buffer, (uint32_t)caller->connector_pid);
}

void caller_encode(struct buffer *buffer, const struct caller *caller) {
	CLEANUP(buffer_deinit) struct buffer encoded = {0};
	size_t argv_len_max = CALLER_ENCODED_LEN_MAX;
	size_t n_ancestors = caller->n_ancestors;

	for (;;) {
		buffer_clear(&encoded);
		encode_within(&encoded, caller, argv_len_max, n_ancestors);
		if (encoded.len <= CALLER_ENCODED_LEN_MAX || buffer_error(&encoded) < 0)
			break;
		if (argv_len_max > 0)
			argv_len_max /= 2;
		else if (n_ancestors > 0)
			n_ancestors /= 2;
		else
			break; /* one process alone is far below the limit */
	}
	if (buffer_error(&encoded) < 0)
		buffer->error = buffer_error(&encoded);
	buffer_put_raw(buffer, buffer_bytes(&encoded));
}

/* As the cursor's own reads: a failure sticks in it. */
static void fail(struct cursor *cursor) {
	cursor->failed = true;
}

static bool take_bool(struct cursor *cursor) {
	uint8_t number = cursor_u8(cursor);

	if (number > 1)
		fail(cursor);
	return number == 1;
}

static pid_t take_pid(struct cursor *cursor) {
	uint32_t number = cursor_u32(cursor);

	if (number > INT32_MAX)
		fail(cursor);
	return number <= INT32_MAX ? (pid_t)number : 0;
}

/* NULL where there is none; -ENOMEM goes to *error. */
static char *take_text(struct cursor *cursor, int *error) {
	struct bytes text;
	char *copy;

	if (!take_bool(cursor))
		return NULL;
	text = cursor_string(cursor);
	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
		fail(cursor);
	if (cursor_check(cursor) < 0)
		return NULL;
	copy = strndup(text.len > 0 ? (const char *)text.data : "", text.len);
	if (copy == NULL)
		*error = -ENOMEM;
	return copy;
}

/* Texts with a NUL behind each; NULL where that is not what there is. */
static char **take_texts(size_t *ret_count, struct cursor *cursor, int *error) {
	struct bytes joined = cursor_string(cursor);
	char **texts = NULL;

	if (joined.len > 0 && joined.data[joined.len - 1] != '\0')
		fail(cursor);
	if (cursor_check(cursor) == 0 && argv_split(&texts, ret_count, joined) < 0)
		*error = -ENOMEM;
	return texts;
}

static void take_argv(struct process *process, struct cursor *cursor, int *error) {
	if (!take_bool(cursor))
		return;
	process->argv_cut = take_bool(cursor);
	process->argv = take_texts(&process->argc, cursor, error);
}

static void take_env(struct caller *caller, struct cursor *cursor, int *error) {
	if (!take_bool(cursor))
		return;
	caller->env = take_texts(&caller->n_env, cursor, error);
	for (size_t i = 0; i < caller->n_env; i++)
		if (strchr(caller->env[i], '=') == NULL)
			fail(cursor);
}

static int64_t take_time(struct cursor *cursor) {
	uint64_t time = cursor_u64(cursor);

	if (time > INT64_MAX) {
		fail(cursor);
		return 0;
	}
	return (int64_t)time;
}

static void take_process(struct process *process, struct cursor *cursor, int *error) {
	process->pid = take_pid(cursor);
	process->start_ticks = cursor_u64(cursor);
	process->started_us = take_time(cursor);
	process->exe = take_text(cursor, error);
	process->name = take_text(cursor, error);
	process->title = take_text(cursor, error);
	take_argv(process, cursor, error);
	process->foreign = take_bool(cursor);
}

/* The one of our texts that it is; NULL: none. */
static const char *own_text(const char *const *texts, size_t n_texts, struct bytes text) {
	for (size_t i = 0; i < n_texts; i++)
		if (bytes_equal_text(text, texts[i]))
			return texts[i];
	return NULL;
}

static void take_state(struct caller *caller, struct cursor *cursor) {
	uint8_t state = cursor_u8(cursor);
	bool has_reason = take_bool(cursor);
	struct bytes reason = has_reason ? cursor_string(cursor) : (struct bytes){0};

	caller->reason = own_text(reasons, N_REASONS, reason);
	caller->state = state == CALLER_IDENTIFIED ? CALLER_IDENTIFIED : CALLER_UNKNOWN;
	/* Whoever is identified has no reason not to be, and the other way round. */
	if (state > CALLER_IDENTIFIED || has_reason != (caller->reason != NULL) ||
	    has_reason == (caller->state == CALLER_IDENTIFIED))
		fail(cursor);
}

static enum tri take_tri(struct cursor *cursor) {
	switch (cursor_u8(cursor)) {
	case TRI_UNKNOWN: return TRI_UNKNOWN;
	case TRI_NO: return TRI_NO;
	case TRI_YES: return TRI_YES;
	}
	fail(cursor);
	return TRI_UNKNOWN;
}

static unsigned take_bits(struct cursor *cursor, unsigned count) {
	uint32_t bits = cursor_u32(cursor);

	if (bits >> count != 0)
		fail(cursor);
	return bits;
}

static void take_presence(struct caller *caller, struct cursor *cursor) {
	uint8_t presence = cursor_u8(cursor);
	bool has_evidence = take_bool(cursor);
	struct bytes evidence = has_evidence ? cursor_string(cursor) : (struct bytes){0};

	caller->presence_evidence = own_text(evidences, N_EVIDENCES, evidence);
	if (presence > PRESENCE_LOCKED || has_evidence != (caller->presence_evidence != NULL))
		fail(cursor);
	else
		caller->presence = (enum presence)presence;
}

static void take_ancestors(struct caller *caller, struct cursor *cursor, int *error) {
	size_t n = cursor_u8(cursor);

	if (n > ANCESTORS_MAX)
		fail(cursor);
	if (n == 0 || cursor_check(cursor) < 0)
		return;
	caller->ancestors = calloc(n, sizeof(*caller->ancestors));
	if (caller->ancestors == NULL) {
		*error = -ENOMEM;
		return;
	}
	caller->n_ancestors = n;
	for (size_t i = 0; i < n; i++)
		take_process(&caller->ancestors[i], cursor, error);
}

int caller_decode(struct caller **ret, struct bytes bytes) {
	struct cursor cursor = cursor_over(bytes);
	struct caller *caller = calloc(1, sizeof(*caller));
	int error = 0;

	if (caller == NULL)
		return -ENOMEM;
	take_state(caller, &cursor);
	caller->uid = cursor_u32(&cursor);
	caller->gid = cursor_u32(&cursor);
	take_process(&caller->process, &cursor, &error);
	caller->age_ms = cursor_u64(&cursor);
	caller->has_terminal = take_tri(&cursor);
	caller->terminal = cursor_u32(&cursor);
	caller->cwd = take_text(&cursor, &error);
	caller->cgroup = take_text(&cursor, &error);
	take_env(caller, &cursor, &error);
	caller->apart = take_bits(&cursor, APART_COUNT);
	caller->apart_unknown = take_bits(&cursor, APART_COUNT);
	caller->unit = take_text(&cursor, &error);
	take_presence(caller, &cursor);
	caller->tmux_window = take_text(&cursor, &error);
	caller->tmux_pane = take_text(&cursor, &error);
	caller->exe_id.device = cursor_u64(&cursor);
	caller->exe_id.inode = cursor_u64(&cursor);
	caller->exe_id.size = cursor_u64(&cursor);
	caller->exe_id.modified_ns = (int64_t)cursor_u64(&cursor);
	caller->exe_id.changed_ns = (int64_t)cursor_u64(&cursor);
	caller->integrity = take_bits(&cursor, INTEGRITY_COUNT);
	caller->integrity_unknown = take_bits(&cursor, INTEGRITY_COUNT);
	caller->ancestors_known = take_bool(&cursor);
	take_ancestors(caller, &cursor, &error);
	caller->connector_pid = take_pid(&cursor);
	if (error == 0)
		error = cursor_finish(&cursor);
	if (error < 0) {
		caller_free(caller);
		return error;
	}
	*ret = caller;
	return 0;
}
