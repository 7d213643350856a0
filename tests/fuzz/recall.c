/* Any bytes as an event whose request is decided again: what comes out is what may come out, and
 * an event is no way to crash who looks at it. */
#include <stdint.h>
#include <stdlib.h>

#include "describe/replay.h"
#include "policy/explain.h"

static const char rules[] =
	"default_action: confirm\n"
	"capture_extra_env_vars: [EDITOR]\n"
	"rules:\n"
	"- {match: {ancestor: [sshd, run], env: {EDITOR: vi}}, action: deny}\n"
	"- {match: {process_name: ssh, is_coding_agent: true}, action: confirm}\n"
	"- {match: {parent_process_name: git, tmux_window: '*'}, action: deny}\n"
	"- {match: {command: '* host', hops: 1}, unless: {cwd: '/home/**'}, action: deny}\n"
	"- {match: {exe: /usr/bin/ssh, ssh_user: git, is_forwarded: false}, action: allow}\n"
	"- {match: {namespace: git, caller_integrity: traced, time: '09:00-17:00'}, action: deny}\n";

static void check(bool holds) {
	if (!holds)
		abort();
}

static struct policy *policy_once(void) {
	static struct policy *policy;
	struct problems problems = {0};

	if (policy == NULL)
		check(policy_parse(&policy, bytes_of_text(rules), "fuzz", NULL, &problems) == 0);
	return policy;
}

static unsigned bit_of(enum action action) {
	switch (action) {
	case ACTION_DENY: return PROSPECT_DENY;
	case ACTION_CONFIRM: return PROSPECT_CONFIRM;
	case ACTION_ALLOW: return PROSPECT_ALLOW;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct policy *policy = policy_once();
	struct recalled *recalled = NULL;
	struct replay *replay = NULL;
	struct redecided redecided;
	size_t n_groups, omitted;

	if (recalled_new(&recalled, (struct bytes){data, len}) < 0)
		return 0;
	redecided = recalled_decide(recalled, policy, policy);
	check((redecided.prospects & bit_of(redecided.verdict.action)) != 0);
	check((redecided.lacking == NULL) ==
	      ((redecided.prospects & (redecided.prospects - 1)) == 0));
	check(replay_new(&replay) == 0);
	check(replay_add(replay, recalled, NULL, policy) == 0);
	check(replay_groups(replay, &n_groups, &omitted) != NULL && n_groups <= 1 && omitted == 0);
	replay_free(replay);
	recalled_free(recalled);
	return 0;
}
