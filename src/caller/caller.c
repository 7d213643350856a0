#include "caller/caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

#define ARGV_LEN_CALLER	  (64 * 1024)
#define ARGV_LEN_ANCESTOR 2048 /* of 32 ancestors: together as much as the caller's own */

void process_deinit(struct process *process) {
	for (size_t i = 0; i < process->argc; i++)
		free(process->argv[i]);
	free(process->argv);
	free(process->exe);
	free(process->name);
	free(process->title);
	*process = (struct process){0};
}

void caller_free(struct caller *caller) {
	if (caller == NULL)
		return;
	process_deinit(&caller->process);
	for (size_t i = 0; i < caller->n_ancestors; i++)
		process_deinit(&caller->ancestors[i]);
	free(caller->ancestors);
	free(caller->cwd);
	free(caller->cgroup);
	free(caller);
}

static void free_caller(struct caller **caller) {
	caller_free(*caller);
}

int caller_new_unknown(struct caller **ret, const struct peer *peer, const char *reason) {
	struct caller *caller = calloc(1, sizeof(*caller));

	if (caller == NULL)
		return -ENOMEM;
	caller->state = CALLER_UNKNOWN;
	caller->reason = reason;
	caller->uid = (uid_t)-1;
	caller->gid = (gid_t)-1;
	if (peer != NULL && peer->known) {
		caller->uid = peer->uid;
		caller->gid = peer->gid;
		caller->process.pid = peer->pid;
	}
	*ret = caller;
	return 0;
}

/* A parent is taken for one only where it is older than its child: else it is a stranger that got
 * the PID of one that is gone. */
static void read_ancestors(struct caller *caller, pid_t parent) {
	uint64_t child_start = caller->process.start_ticks;

	caller->ancestors = calloc(ANCESTORS_MAX, sizeof(*caller->ancestors));
	if (caller->ancestors == NULL)
		return;
	while (parent > 0 && caller->n_ancestors < ANCESTORS_MAX) {
		struct process *ancestor = &caller->ancestors[caller->n_ancestors];

		if (platform_process(ancestor, &parent, parent, ARGV_LEN_ANCESTOR) < 0)
			return;
		if (ancestor->start_ticks > child_start) {
			process_deinit(ancestor);
			return;
		}
		child_start = ancestor->start_ticks;
		caller->n_ancestors++;
	}
	caller->ancestors_known = true;
}

static bool texts_equal(const char *a, const char *b) {
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether the process is still the one, and runs the same program, as when it was read. */
static bool is_unchanged(const struct caller *caller) {
	struct process again = {0};
	pid_t parent;
	bool same = platform_process(&again, &parent, caller->process.pid, ARGV_LEN_ANCESTOR) ==
			    0 &&
		    again.start_ticks == caller->process.start_ticks &&
		    texts_equal(again.exe, caller->process.exe);

	process_deinit(&again);
	return same;
}

int caller_read(struct caller **ret, const struct peer *peer) {
	CLEANUP(free_caller) struct caller *caller = NULL;
	pid_t parent = 0;
	int error = caller_new_unknown(&caller, peer, "caller-unknown");

	if (error < 0)
		return error;
	if (!peer->known) {
		*ret = TAKE(caller);
		return 0;
	}
	if (platform_process(&caller->process, &parent, peer->pid, ARGV_LEN_CALLER) < 0) {
		caller->reason = "caller-changed"; /* it wrote, so it was there */
		*ret = TAKE(caller);
		return 0;
	}
	platform_caller_facts(caller);
	read_ancestors(caller, parent);
	if (peer->uid != geteuid())
		caller->reason = "other-uid";
	else if (!is_unchanged(caller))
		caller->reason = "caller-changed";
	else if (platform_same_namespaces(peer) == TRI_YES)
		caller->state = CALLER_IDENTIFIED;
	if (caller->state == CALLER_IDENTIFIED)
		caller->reason = NULL;
	*ret = TAKE(caller);
	return 0;
}

/* ---- to the reader process and back ---- */

/* The reasons are static texts on both sides, so their number travels. */
static const char *const reasons[] = {NULL, "caller-unknown", "caller-changed", "caller-unreadable",
				      "other-uid"};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_u8(buffer, text != NULL);
	if (text != NULL)
		buffer_put_string(buffer, bytes_of_text(text));
}

static void put_process(struct buffer *buffer, const struct process *process) {
	buffer_put_u32(buffer, (uint32_t)process->pid);
	buffer_put_u64(buffer, process->start_ticks);
	put_text(buffer, process->exe);
	put_text(buffer, process->name);
	put_text(buffer, process->title);
	buffer_put_u8(buffer, process->argv != NULL);
	buffer_put_u8(buffer, process->argv_cut);
	buffer_put_u32(buffer, (uint32_t)process->argc);
	for (size_t i = 0; i < process->argc; i++)
		buffer_put_string(buffer, bytes_of_text(process->argv[i]));
}

void caller_encode(struct buffer *buffer, const struct caller *caller) {
	uint8_t reason = 0;

	for (uint8_t i = 0; i < REASONS; i++)
		if (texts_equal(reasons[i], caller->reason))
			reason = i;
	buffer_put_u8(buffer, (uint8_t)caller->state);
	buffer_put_u8(buffer, reason);
	buffer_put_u32(buffer, caller->uid);
	buffer_put_u32(buffer, caller->gid);
	put_process(buffer, &caller->process);
	buffer_put_u64(buffer, caller->age_ms);
	buffer_put_u8(buffer, (uint8_t)caller->has_terminal);
	put_text(buffer, caller->cwd);
	put_text(buffer, caller->cgroup);
	buffer_put_u8(buffer, caller->ancestors_known);
	buffer_put_u32(buffer, (uint32_t)caller->n_ancestors);
	for (size_t i = 0; i < caller->n_ancestors; i++)
		put_process(buffer, &caller->ancestors[i]);
}

/* A number below limit; else the cursor fails. */
static uint8_t take_below(struct cursor *cursor, uint8_t limit) {
	uint8_t number = cursor_u8(cursor);

	if (number >= limit)
		cursor->failed = true;
	return cursor->failed ? 0 : number;
}

static char *take_bytes(struct cursor *cursor) {
	struct bytes text = cursor_string(cursor);
	char *copy;

	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
		cursor->failed = true;
	if (cursor->failed)
		return NULL;
	copy = malloc(text.len + 1);
	if (copy == NULL) {
		cursor->failed = true;
		return NULL;
	}
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return copy;
}

static char *take_text(struct cursor *cursor) {
	return take_below(cursor, 2) == 1 ? take_bytes(cursor) : NULL;
}

static void take_process(struct process *process, struct cursor *cursor) {
	bool argv_known;
	uint32_t argc;

	process->pid = (pid_t)cursor_u32(cursor);
	process->start_ticks = cursor_u64(cursor);
	process->exe = take_text(cursor);
	process->name = take_text(cursor);
	process->title = take_text(cursor);
	argv_known = take_below(cursor, 2) == 1;
	process->argv_cut = take_below(cursor, 2) == 1;
	argc = cursor_u32(cursor);
	/* Each has at least its length, so that a lie about their number ends here. */
	if (argc > cursor->rest.len / 4 || (argc > 0 && !argv_known))
		cursor->failed = true;
	if (!argv_known || cursor->failed)
		return;
	process->argv = calloc((size_t)argc + 1, sizeof(*process->argv));
	if (process->argv == NULL)
		cursor->failed = true;
	while (!cursor->failed && process->argc < argc) {
		process->argv[process->argc] = take_bytes(cursor);
		if (process->argv[process->argc] != NULL)
			process->argc++;
	}
}

int caller_decode(struct caller **ret, struct bytes bytes) {
	CLEANUP(free_caller) struct caller *caller = calloc(1, sizeof(*caller));
	struct cursor cursor = cursor_over(bytes);
	uint32_t n_ancestors;

	if (caller == NULL)
		return -ENOMEM;
	caller->state = (enum caller_state)take_below(&cursor, CALLER_IDENTIFIED + 1);
	caller->reason = reasons[take_below(&cursor, REASONS)];
	caller->uid = cursor_u32(&cursor);
	caller->gid = cursor_u32(&cursor);
	take_process(&caller->process, &cursor);
	caller->age_ms = cursor_u64(&cursor);
	caller->has_terminal = (enum tri)take_below(&cursor, TRI_YES + 1);
	caller->cwd = take_text(&cursor);
	caller->cgroup = take_text(&cursor);
	caller->ancestors_known = take_below(&cursor, 2) == 1;
	n_ancestors = cursor_u32(&cursor);
	if (n_ancestors > ANCESTORS_MAX)
		cursor.failed = true;
	caller->ancestors = calloc(ANCESTORS_MAX, sizeof(*caller->ancestors));
	if (caller->ancestors == NULL)
		return -ENOMEM;
	while (!cursor.failed && caller->n_ancestors < n_ancestors)
		take_process(&caller->ancestors[caller->n_ancestors++], &cursor);
	/* Who is identified has no reason, and who is not has one. */
	if (cursor_finish(&cursor) < 0 ||
	    (caller->state == CALLER_IDENTIFIED) != (caller->reason == NULL))
		return -EBADMSG;
	*ret = TAKE(caller);
	return 0;
}
