#include "unit.h"

#include <errno.h>
#include <string.h>

#include "caller/caller.h"

static char *const ssh_argv[] = {(char[]){"ssh"}, (char[]){""}, (char[]){"a b\n"}, NULL};
static char *const no_argv[] = {NULL};

static char exe[] = "/usr/bin/ssh", name[] = "ssh", empty[] = "", shell[] = "sh";
static char cgroup[] = "/user.slice";
static char *const env[] = {(char[]){"TERM=a b\n=c"}, (char[]){"TMUX="}, NULL};

/* The lists are not freed here, so that the sample may point to constants. */
static struct caller sample(struct process ancestors[2]) {
	ancestors[0] = (struct process){.pid = 8, .title = shell, .foreign = true};
	ancestors[0].argv = (char **)(uintptr_t)no_argv;
	ancestors[1] = (struct process){.pid = 1};
	return (struct caller){
		.state = CALLER_IDENTIFIED,
		.uid = 1000,
		.gid = 100,
		.process = {.pid = 9,
	                    .start_ticks = UINT64_MAX,
	                    .started_us = INT64_MAX,
	                    .exe = exe,
	                    .name = name,
	                    .title = empty,
	                    .argv = (char **)(uintptr_t)ssh_argv,
	                    .argc = 3},
		.age_ms = 17,
		.has_terminal = TRI_YES,
		.cgroup = cgroup,
		.env = (char **)(uintptr_t)env,
		.n_env = 2,
		.apart = APART_NET | APART_UTS,
		.apart_unknown = APART_CGROUP,
		.unit = shell,
		.presence = PRESENCE_REMOTE,
		.presence_evidence = "ancestors",
		.tmux_window = shell,
		.tmux_pane = shell,
		.integrity = INTEGRITY_FD_INHERITED,
		.integrity_unknown = INTEGRITY_TRACED,
		.ancestors = ancestors,
		.n_ancestors = 2,
		.ancestors_known = true,
		.connector_pid = 5,
	};
}

static void assert_same_text(const char *a, const char *b) {
	if (a == NULL || b == NULL)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void assert_same_process(const struct process *a, const struct process *b) {
	assert_int_equal(a->pid, b->pid);
	assert_true(a->start_ticks == b->start_ticks);
	assert_true(a->started_us == b->started_us);
	assert_same_text(a->exe, b->exe);
	assert_same_text(a->name, b->name);
	assert_same_text(a->title, b->title);
	assert_int_equal(a->argv == NULL, b->argv == NULL);
	assert_int_equal(a->argc, b->argc);
	assert_int_equal(a->argv_cut, b->argv_cut);
	assert_int_equal(a->foreign, b->foreign);
	for (size_t i = 0; i < a->argc; i++)
		assert_string_equal(a->argv[i], b->argv[i]);
}

static void what_was_read_comes_back(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct process ancestors[2];
	struct caller caller = sample(ancestors);
	struct caller *back;

	(void)state;
	caller_encode(&buffer, &caller);
	assert_int_equal(buffer_error(&buffer), 0);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), 0);
	assert_int_equal(back->state, CALLER_IDENTIFIED);
	assert_null(back->reason);
	assert_int_equal(back->uid, 1000);
	assert_int_equal(back->gid, 100);
	assert_same_process(&back->process, &caller.process);
	assert_int_equal(back->age_ms, 17);
	assert_int_equal(back->has_terminal, TRI_YES);
	assert_null(back->cwd); /* unknown is not empty */
	assert_string_equal(back->cgroup, "/user.slice");
	assert_int_equal(back->n_env, 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(back->env[i], env[i]);
	assert_null(back->env[2]);
	assert_int_equal(back->apart, APART_NET | APART_UTS);
	assert_int_equal(back->apart_unknown, APART_CGROUP);
	assert_string_equal(back->unit, shell);
	assert_int_equal(back->presence, PRESENCE_REMOTE);
	assert_string_equal(back->presence_evidence, "ancestors");
	assert_string_equal(back->tmux_window, shell);
	assert_string_equal(back->tmux_pane, shell);
	assert_int_equal(back->integrity, INTEGRITY_FD_INHERITED);
	assert_int_equal(back->integrity_unknown, INTEGRITY_TRACED);
	assert_true(back->ancestors_known);
	assert_int_equal(back->n_ancestors, 2);
	for (size_t i = 0; i < 2; i++)
		assert_same_process(&back->ancestors[i], &ancestors[i]);
	assert_int_equal(back->connector_pid, 5);
	caller_free(back);
}

static void a_reason_comes_back_as_our_own_text(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct caller *caller, *back;

	(void)state;
	assert_int_equal(caller_new_unknown(&caller, NULL, "caller-changed"), 0);
	caller_encode(&buffer, caller);
	caller_free(caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), 0);
	assert_int_equal(back->state, CALLER_UNKNOWN);
	assert_string_equal(back->reason, "caller-changed");
	assert_int_equal(back->uid, (uid_t)-1);
	caller_free(back);
}

static void every_cut_and_every_addition_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct process ancestors[2];
	struct caller caller = sample(ancestors);
	struct caller *back = NULL;

	(void)state;
	caller_encode(&buffer, &caller);
	for (size_t len = 0; len < buffer.len; len++)
		assert_int_equal(caller_decode(&back, (struct bytes){buffer.data, len}), -EBADMSG);
	buffer_put_u8(&buffer, 0);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	assert_null(back);
}

static void who_is_identified_for_no_known_reason_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct process ancestors[2];
	struct caller caller = sample(ancestors);
	struct caller *back = NULL;

	(void)state;
	caller.reason = "caller-changed"; /* identified, and not */
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	buffer_clear(&buffer);
	caller.state = CALLER_UNKNOWN;
	caller.reason = "because";
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	buffer_clear(&buffer);
	caller.reason = NULL;
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	buffer_clear(&buffer);
	caller = sample(ancestors);
	caller.presence = PRESENCE_LOCKED + 1;
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	buffer_clear(&buffer);
	caller = sample(ancestors);
	caller.presence_evidence = "a dream";
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	buffer_clear(&buffer);
	caller = sample(ancestors);
	caller.apart = 1U << APART_COUNT;
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	buffer_clear(&buffer);
	caller = sample(ancestors);
	caller.integrity = 1U << INTEGRITY_COUNT; /* a mark that there is not */
	caller_encode(&buffer, &caller);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), -EBADMSG);
	assert_null(back);
}

static void what_is_too_long_says_what_it_lost(void **state) {
	enum { N = ANCESTORS_MAX, LEN = 20000 };
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	CLEANUP(free_pointer) char *big = malloc(LEN + 1);
	char *argv[] = {shell, big, NULL};
	struct process ancestors[N];
	struct caller caller = sample(ancestors);
	struct caller *back;

	(void)state;
	assert_non_null(big);
	memset(big, '/', LEN);
	big[LEN] = '\0';
	for (size_t i = 0; i < N; i++)
		ancestors[i] = (struct process){.pid = 1, .argv = argv, .argc = 2};
	caller.n_ancestors = N;
	caller_encode(&buffer, &caller);
	assert_true(buffer.len <= CALLER_ENCODED_LEN_MAX);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), 0);
	assert_int_equal(back->process.argc, 3); /* the short ones stay whole */
	assert_false(back->process.argv_cut);
	assert_int_equal(back->n_ancestors, N);
	assert_true(back->ancestors_known);
	assert_int_equal(back->ancestors[N - 1].argc, 1);
	assert_true(back->ancestors[N - 1].argv_cut);
	caller_free(back);

	for (size_t i = 0; i < N; i++)
		ancestors[i].exe = big;
	buffer_clear(&buffer);
	caller_encode(&buffer, &caller);
	assert_true(buffer.len <= CALLER_ENCODED_LEN_MAX);
	assert_int_equal(caller_decode(&back, buffer_bytes(&buffer)), 0);
	assert_true(back->n_ancestors < N);
	assert_false(back->ancestors_known);
	caller_free(back);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_comes_back),
		cmocka_unit_test(a_reason_comes_back_as_our_own_text),
		cmocka_unit_test(every_cut_and_every_addition_is_refused),
		cmocka_unit_test(who_is_identified_for_no_known_reason_is_refused),
		cmocka_unit_test(what_is_too_long_says_what_it_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
