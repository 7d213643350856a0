/* Tickets: good once, for what was shown, and for the process that has seen it. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tickets.h"

static const char how[] = "pin";

static int watch_of(pid_t pid) {
	int watch;

	assert_int_equal(platform_process_watch(&watch, pid), 0);
	return watch;
}

/* *ret_nonce: a copy, which a ticket that is used up no longer has. */
static void give_tries(struct tickets *tickets, char ret_nonce[static NONCE_SIZE], uint64_t prompt,
                       pid_t pid, int tries) {
	const struct ticket *ticket = tickets_add(tickets, pid, watch_of(pid), prompt, how, tries);

	assert_non_null(ticket);
	memcpy(ret_nonce, ticket->nonce, NONCE_SIZE);
	assert_int_equal(strlen(ret_nonce), NONCE_SIZE - 1);
}

static void give(struct tickets *tickets, char ret_nonce[static NONCE_SIZE], uint64_t prompt,
                 pid_t pid) {
	give_tries(tickets, ret_nonce, prompt, pid, 1);
}

static bool take(struct tickets *tickets, const char *nonce, uint64_t prompt, pid_t pid) {
	const struct peer writer = {.known = pid > 0, .pid = pid, .pidfd = -1};
	struct ticket_use use;
	bool taken = tickets_take(&use, tickets, &writer, prompt, bytes_of_text(nonce));

	if (taken) {
		assert_ptr_equal(use.how, how);
		assert_int_equal(use.state, PROMPT_PENDING);
		assert_true(platform_process_lives(use.watch));
		close_fd(&use.watch);
	}
	return taken;
}

static void one_is_good_once(void **state) {
	CLEANUP(tickets_deinit) struct tickets tickets;
	char first[NONCE_SIZE], second[NONCE_SIZE];

	(void)state;
	tickets_init(&tickets);
	give(&tickets, first, 3, getpid());
	give(&tickets, second, 3, getpid());
	assert_string_not_equal(first, second);
	assert_true(take(&tickets, first, 3, getpid()));
	assert_false(take(&tickets, first, 3, getpid()));
	assert_true(take(&tickets, second, 3, getpid()));
}

static bool await(struct tickets *tickets, const char *nonce, uint64_t prompt) {
	const struct peer writer = {.known = true, .pid = getpid(), .pidfd = -1};
	struct ticket_use use;
	bool taken = tickets_await(&use, tickets, &writer, prompt, bytes_of_text(nonce));

	if (taken) {
		assert_true(platform_process_lives(use.watch));
		close_fd(&use.watch);
	}
	return taken;
}

static void its_holder_hears_what_became_of_its_prompt_and_of_no_other(void **state) {
	const struct peer writer = {.known = true, .pid = getpid(), .pidfd = -1};
	CLEANUP(tickets_deinit) struct tickets tickets;
	char of_three[NONCE_SIZE], of_four[NONCE_SIZE];
	struct ticket_use use;

	(void)state;
	tickets_init(&tickets);
	give(&tickets, of_three, 3, getpid());
	give(&tickets, of_four, 4, getpid());
	tickets_prompt_ends(&tickets, 3, PROMPT_GRANTED);
	assert_true(tickets_await(&use, &tickets, &writer, 3, bytes_of_text(of_three)));
	assert_int_equal(use.state, PROMPT_GRANTED);
	close_fd(&use.watch);
	assert_true(tickets_await(&use, &tickets, &writer, 4, bytes_of_text(of_four)));
	assert_int_equal(use.state, PROMPT_PENDING);
	close_fd(&use.watch);
	/* One that is given later in the same place knows nothing of it. */
	give(&tickets, of_three, 3, getpid());
	assert_true(take(&tickets, of_three, 3, getpid()));
}

static void one_is_good_for_its_tries(void **state) {
	CLEANUP(tickets_deinit) struct tickets tickets;
	char nonce[NONCE_SIZE];

	(void)state;
	tickets_init(&tickets);
	give_tries(&tickets, nonce, 3, getpid(), 3);
	assert_true(await(&tickets, nonce, 3));
	for (int i = 0; i < 3; i++)
		assert_true(take(&tickets, nonce, 3, getpid()));
	assert_false(take(&tickets, nonce, 3, getpid()));
	/* Somebody else's ends it. */
	give_tries(&tickets, nonce, 3, getpid(), 3);
	assert_true(take(&tickets, nonce, 3, getpid()));
	assert_false(take(&tickets, nonce, 3, getppid()));
	assert_false(take(&tickets, nonce, 3, getpid()));
	/* To await the end with one that is good once uses it up. */
	give(&tickets, nonce, 3, getpid());
	assert_true(await(&tickets, nonce, 3));
	assert_false(take(&tickets, nonce, 3, getpid()));
}

static void one_is_used_up_by_whoever_tries_it(void **state) {
	CLEANUP(tickets_deinit) struct tickets tickets;
	const struct {
		uint64_t prompt;
		pid_t pid;
	} wrong[] = {{4, getpid()}, {0, getpid()}, {3, getppid()}, {3, 0}};
	char nonce[NONCE_SIZE];

	(void)state;
	tickets_init(&tickets);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		give(&tickets, nonce, 3, getpid());
		assert_false(take(&tickets, nonce, wrong[i].prompt, wrong[i].pid));
		assert_false(take(&tickets, nonce, 3, getpid()));
	}
}

static void a_part_of_a_nonce_or_none_is_nothing(void **state) {
	CLEANUP(tickets_deinit) struct tickets tickets;
	char nonce[NONCE_SIZE], part[NONCE_SIZE], longer[NONCE_SIZE + 1];

	(void)state;
	tickets_init(&tickets);
	assert_false(take(&tickets, "", 0, getpid()));
	give(&tickets, nonce, 3, getpid());
	memcpy(part, nonce, NONCE_SIZE);
	part[NONCE_SIZE - 2] = '\0';
	snprintf(longer, sizeof(longer), "%s0", nonce);
	assert_false(take(&tickets, "", 3, getpid()));
	assert_false(take(&tickets, part, 3, getpid()));
	assert_false(take(&tickets, longer, 3, getpid()));
	assert_true(take(&tickets, nonce, 3, getpid()));
}

static void it_dies_with_its_process(void **state) {
	CLEANUP(tickets_deinit) struct tickets tickets;
	char nonce[NONCE_SIZE];
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		alarm(60); /* where the test fails before it ends it */
		for (;;)
			pause();
	}
	tickets_init(&tickets);
	give(&tickets, nonce, 3, child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(take(&tickets, nonce, 3, child));
}

static void the_oldest_makes_room(void **state) {
	CLEANUP(tickets_deinit) struct tickets tickets;
	char nonces[TICKETS_MAX + 1][NONCE_SIZE];

	(void)state;
	tickets_init(&tickets);
	for (size_t i = 0; i < TICKETS_MAX + 1; i++)
		give(&tickets, nonces[i], i + 1, getpid());
	assert_false(take(&tickets, nonces[0], 1, getpid()));
	for (size_t i = 1; i < TICKETS_MAX + 1; i++)
		assert_true(take(&tickets, nonces[i], i + 1, getpid()));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_good_once),
		cmocka_unit_test(one_is_good_for_its_tries),
		cmocka_unit_test(its_holder_hears_what_became_of_its_prompt_and_of_no_other),
		cmocka_unit_test(one_is_used_up_by_whoever_tries_it),
		cmocka_unit_test(a_part_of_a_nonce_or_none_is_nothing),
		cmocka_unit_test(it_dies_with_its_process),
		cmocka_unit_test(the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
