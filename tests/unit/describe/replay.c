/* What flips is grouped and counted; what cannot be decided is never counted as unchanged. */
#include "unit.h"

#include "../policy/fixture.h"

#include "describe/replay.h"
#include "log/chain.h"
#include "log/event_yaml.h"

static void add(struct replay *replay, const struct request *request, const char *decision,
                const char *reason, uint64_t seq, const struct policy *policy) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct event event = {.real_us = INT64_C(1795410023123456),
	                            .trigger = "sign",
	                            .decision = decision,
	                            .reason = reason,
	                            .rule = "then",
	                            .request = request};
	const struct chain_link link = {.seq = seq};
	struct recalled *recalled = NULL;

	assert_int_equal(event_yaml_linked(&document, &event, &link), 0);
	assert_int_equal(recalled_new(&recalled, buffer_bytes(&document)), 0);
	assert_int_equal(replay_add(replay, recalled, NULL, policy), 0);
	recalled_free(recalled);
}

static void add_repeat(struct replay *replay, uint64_t count, const struct policy *policy) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct repeat repeat = {.count = count, .endpoint = "default"};
	const struct event event = {.real_us = INT64_C(1795410023123456),
	                            .trigger = "sign",
	                            .decision = "deny",
	                            .rule = "then",
	                            .repeat = &repeat};
	struct recalled *recalled = NULL;

	assert_int_equal(event_yaml(&document, &event), 0);
	assert_int_equal(recalled_new(&recalled, buffer_bytes(&document)), 0);
	assert_int_equal(replay_add(replay, recalled, NULL, policy), 0);
	recalled_free(recalled);
}

static void each_request_is_counted_once(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse(
		"default_action: allow\nrules:\n"
		"- {name: win, match: {tmux_window: 'a:*'}, action: deny}\n"
		"- {name: users, match: {ssh_user: alice}, action: deny}\n");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	static const struct payload other = {.kind = PAYLOAD_SSH_LOGIN,
	                                     .login = {.user = {(const uint8_t *)"git", 3}}};
	const struct replay_group *groups;
	struct replay_counts counts;
	struct replay *replay = NULL;
	size_t n_groups, omitted;

	(void)state;
	caller.tmux_window = (char[]){"b:c"};
	assert_int_equal(replay_new(&replay), 0);
	add(replay, &request, "allow", NULL, 4, policy);
	add(replay, &request, "allow", NULL, 9, policy);
	add(replay, &request, "deny", NULL, 10, policy);
	add(replay, &request, "deny", "panic", 11, policy);
	request.payload = &other;
	add(replay, &request, "allow", NULL, 12, policy);
	add(replay, &request, "confirmed", NULL, 13, policy);
	caller.tmux_window = NULL;
	add(replay, &request, "allow", NULL, 14, policy);

	/* 20 more of them, which were only counted. */
	add_repeat(replay, 20, policy);

	counts = replay_counts(replay);
	assert_int_equal(counts.requests, 27);
	assert_int_equal(counts.same, 2);
	assert_int_equal(counts.flips, 3);
	assert_int_equal(counts.undecided, 21);
	assert_int_equal(counts.refused, 1);
	groups = replay_groups(replay, &n_groups, &omitted);
	assert_int_equal(n_groups, 4);
	assert_int_equal(omitted, 0);
	/* What is newly allowed comes first. */
	assert_int_equal(groups[0].kind, REPLAY_FLIP);
	assert_int_equal(groups[0].was, ACTION_CONFIRM);
	assert_int_equal(groups[0].now, ACTION_ALLOW);
	assert_string_equal(groups[0].user, "git");
	assert_int_equal(groups[1].now, ACTION_DENY);
	assert_int_equal(groups[1].count, 2);
	assert_int_equal(groups[1].first_seq, 4);
	assert_int_equal(groups[1].last_seq, 9);
	assert_string_equal(groups[1].program, "/usr/bin/ssh");
	assert_string_equal(groups[1].key, FINGERPRINT);
	assert_string_equal(groups[1].dest_key, DEST_KEY);
	assert_string_equal(groups[1].was_rule, "then");
	assert_string_equal(groups[1].now_rule, "users");
	assert_int_equal(groups[2].kind, REPLAY_UNDECIDED);
	assert_int_equal(groups[2].count, 20);
	assert_int_equal(groups[3].kind, REPLAY_UNDECIDED);
	assert_string_equal(groups[3].lacking, "tmux_window");
	replay_free(replay);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
