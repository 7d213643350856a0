/* What a badge shows, for how long, and what does not push it away. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/badge.h"

#define S UINT64_C(1000000000)

static void decide(struct badge *badge, const char *decision, const char *reason, uint64_t at) {
	struct event event = {.decision = decision, .reason = reason};

	badge_event(badge, &event, decision, at);
}

static void become(struct badge *badge, enum status_state state, uint64_t at) {
	struct status status = {.state = state};

	badge_status(badge, &status, at);
}

static void assert_tmux(const struct badge *badge, uint64_t at, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	badge_tmux(&text, badge, at);
	buffer_put_u8(&text, 0);
	assert_string_equal((const char *)text.data, expected);
}

#define BLUE(text)   "#[fg=white,bg=blue,bold] " text " #[default]"
#define RED(text)    "#[fg=white,bg=red,bold] " text " #[default]"
#define YELLOW(text) "#[fg=black,bg=yellow,bold] " text " #[default]"
#define CYAN(text)   "#[fg=black,bg=cyan] " text " #[default]"

static void what_was_done_is_seen_for_its_time(void **state) {
	static const struct {
		const char *decision, *reason;
		unsigned seconds;
		const char *shown;
	} cases[] = {
		{"allow", NULL, 5, BLUE("allow")},
		{"confirmed", NULL, 2, BLUE("confirmed")},
		{"deny", "rate-limited", 10, RED("deny")},
		{"confirm-denied", "denied", 10, RED("confirm-denied")},
		{"confirm-denied", "missing", 20, RED("confirm-denied")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct badge badge = {0};
		uint64_t end = 7 * S + cases[i].seconds * S;

		assert_tmux(&badge, 7 * S, "");
		assert_int_equal(badge_due_ns(&badge, 7 * S), 0);
		decide(&badge, cases[i].decision, cases[i].reason, 7 * S);
		assert_tmux(&badge, 7 * S, cases[i].shown);
		assert_int_equal(badge_due_ns(&badge, 7 * S), end);
		assert_tmux(&badge, end - 1, cases[i].shown);
		assert_tmux(&badge, end, "");
		assert_int_equal(badge_due_ns(&badge, end), 0);
	}
}

static void a_client_that_left_is_no_news(void **state) {
	struct badge badge = {0};

	(void)state;
	decide(&badge, "confirm-denied", "cancelled", S);
	assert_tmux(&badge, S, "");
	decide(&badge, NULL, NULL, S);
	assert_tmux(&badge, S, "");
}

static void a_refusal_is_not_pushed_away(void **state) {
	struct badge badge = {0};

	(void)state;
	decide(&badge, "allow", NULL, S);
	decide(&badge, "deny", NULL, 2 * S);
	decide(&badge, "allow", NULL, 3 * S);
	decide(&badge, "confirmed", NULL, 3 * S);
	assert_tmux(&badge, 3 * S, RED("deny"));
	assert_tmux(&badge, 12 * S - 1, RED("deny"));
	decide(&badge, "confirm-denied", NULL, 11 * S);
	assert_tmux(&badge, 12 * S, RED("confirm-denied"));
	decide(&badge, "allow", NULL, 21 * S);
	assert_tmux(&badge, 21 * S, BLUE("allow"));
}

static void what_is_wrong_is_large_and_then_a_sign_until_it_is_right(void **state) {
	static const enum status_state wrong[] = {STATUS_RELOAD_ERROR, STATUS_UPSTREAM_DOWN,
	                                          STATUS_SOCKET_LOST, STATUS_LOG_ERROR};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct badge badge = {0};
		char large[200], sign[200], both[400];

		snprintf(large, sizeof(large), RED("ssh: %s"), status_state_name(wrong[i]));
		snprintf(sign, sizeof(sign), RED("%s"), status_state_name(wrong[i]));
		snprintf(both, sizeof(both), "%s%s", BLUE("allow"), sign);
		become(&badge, wrong[i], S);
		assert_tmux(&badge, S, large);
		assert_int_equal(badge_due_ns(&badge, S), 61 * S);
		decide(&badge, "allow", NULL, 2 * S);
		assert_tmux(&badge, 3 * S, both);
		become(&badge, wrong[i], 30 * S); /* is no news */
		assert_tmux(&badge, 61 * S - 1, large);
		assert_tmux(&badge, 61 * S, sign);
		assert_tmux(&badge, 1000 * S, sign);
		assert_int_equal(badge_due_ns(&badge, 61 * S), 0);
		become(&badge, STATUS_IDLE, 1000 * S);
		assert_tmux(&badge, 1000 * S, "");
	}
}

static void what_somebody_wants_so_stays(void **state) {
	struct badge badge = {0};

	(void)state;
	become(&badge, STATUS_LOCKED, S);
	assert_tmux(&badge, 10000 * S, RED("ssh: locked"));
	assert_int_equal(badge_due_ns(&badge, S), 0);
	become(&badge, STATUS_POLICY_LOCKED, S);
	assert_tmux(&badge, 10000 * S, RED("ssh: policy-locked"));
	become(&badge, STATUS_STOPPED, S);
	assert_tmux(&badge, 10000 * S, RED("ssh: stopped"));
	become(&badge, STATUS_RELOADED, 20 * S);
	assert_tmux(&badge, 20 * S, CYAN("ssh: reloaded"));
	assert_tmux(&badge, 23 * S, "");
}

static void what_waits_comes_first_and_stays(void **state) {
	struct status status = {
		.state = STATUS_CONFIRMING, .waiting = 1, .asking = "CONFIRM: ssh: sign a@b"};
	struct badge badge = {0};

	(void)state;
	decide(&badge, "deny", NULL, S);
	badge_status(&badge, &status, S);
	assert_tmux(&badge, S, YELLOW("CONFIRM: ssh: sign a@b"));
	assert_tmux(&badge, 10000 * S, YELLOW("CONFIRM: ssh: sign a@b"));
	status.waiting = 3;
	badge_status(&badge, &status, S);
	assert_tmux(&badge, S, YELLOW("CONFIRM: ssh: sign a@b (1 of 3)"));
	status.state = STATUS_LOG_ERROR;
	badge_status(&badge, &status, S);
	assert_tmux(&badge, S, YELLOW("CONFIRM: ssh: sign a@b (1 of 3)") RED("log-error"));
	become(&badge, STATUS_IDLE, 2 * S);
	assert_tmux(&badge, 2 * S, RED("deny"));
}

static void pango_says_the_same(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct badge badge = {0};

	(void)state;
	badge_pango(&text, &badge, S);
	assert_int_equal(text.len, 0);
	become(&badge, STATUS_RELOAD_ERROR, S);
	decide(&badge, "allow", NULL, S);
	badge_pango(&text, &badge, S);
	buffer_put_u8(&text, 0);
	assert_string_equal((const char *)text.data,
	                    "<span background=\"#268bd2\" foreground=\"#ffffff\"> allow </span>"
	                    "<span background=\"#dc322f\" foreground=\"#ffffff\"> reload-error "
	                    "</span>");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_done_is_seen_for_its_time),
		cmocka_unit_test(a_client_that_left_is_no_news),
		cmocka_unit_test(a_refusal_is_not_pushed_away),
		cmocka_unit_test(what_is_wrong_is_large_and_then_a_sign_until_it_is_right),
		cmocka_unit_test(what_somebody_wants_so_stays),
		cmocka_unit_test(what_waits_comes_first_and_stays),
		cmocka_unit_test(pango_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
