/* The caller's surroundings: what any program of this account can bring about, and the clock. */
#include <stdio.h>
#include <string.h>

#include "policy/field_test.h"
#include "policy/rule.h"

static enum fit wants(const struct condition *condition, unsigned value) {
	return (condition->wanted & 1U << value) != 0 ? FIT_YES : FIT_NO;
}

/* What is longer than any pattern takes is as if it could not be read: a stranger must not turn a
 * confirm into a pattern-limit by it. */
static enum fit any_pattern_of_claim(const struct condition *condition, const char *text) {
	if (text != NULL && strnlen(text, PATTERN_TEXT_MAX + 1) > PATTERN_TEXT_MAX)
		return FIT_UNKNOWN;
	return any_pattern(condition, text);
}

/* Where there is none, no pattern fits: "*" means some window, not any. */
static enum fit any_pattern_of_some(const struct condition *condition, const char *text) {
	return text != NULL && *text == '\0' ? FIT_NO : any_pattern_of_claim(condition, text);
}

enum fit test_parent_process_name(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;
	struct claims claims;

	if (caller->n_ancestors == 0)
		return caller->ancestors_known ? FIT_NO : FIT_UNKNOWN;
	claims = claims_of(&caller->ancestors[0]);
	if (caller->ancestors[0].name == NULL && caller->ancestors[0].foreign)
		return any_claimed_name(condition, &claims);
	return any_process_name(condition, caller->ancestors[0].name, &claims);
}

/* With a blank between arguments. false: longer than any pattern takes, or than what was read. */
static bool join_arguments(char ret[static PATTERN_TEXT_MAX + 1], const struct process *process) {
	size_t at = 0;

	for (size_t i = 0; i < process->argc; i++) {
		size_t len = strlen(process->argv[i]);

		if (len + (i > 0) > PATTERN_TEXT_MAX - at)
			return false;
		if (i > 0)
			ret[at++] = ' ';
		memcpy(ret + at, process->argv[i], len);
		at += len;
	}
	ret[at] = '\0';
	return !process->argv_cut;
}

enum fit test_command(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;

	if (!subject->has_command) {
		subject->has_command = true;
		subject->knows_command = caller->process.argv != NULL &&
		                         (caller->integrity & INTEGRITY_FD_INHERITED) == 0 &&
		                         join_arguments(subject->command, &caller->process);
	}
	return any_pattern(condition, subject->knows_command ? subject->command : NULL);
}

enum fit test_cwd(const struct condition *condition, struct subject *subject) {
	return any_pattern_of_claim(condition, subject->request->caller->cwd);
}

enum fit test_cgroup(const struct condition *condition, struct subject *subject) {
	return any_pattern_of_claim(condition, subject->request->caller->cgroup);
}

enum fit test_tmux_window(const struct condition *condition, struct subject *subject) {
	return any_pattern_of_some(condition, subject->request->caller->tmux_window);
}

/* A name may stand in an environment more than once, and programs do not agree which one counts.
 */
enum fit test_env(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;
	size_t len = strlen(condition->variable);
	enum fit best = FIT_NO;

	if (caller->env == NULL || (caller->integrity & INTEGRITY_FD_INHERITED) != 0)
		return FIT_UNKNOWN;
	for (size_t i = 0; i < caller->n_env && best < FIT_YES; i++) {
		enum fit fit;

		if (strncmp(caller->env[i], condition->variable, len) != 0 ||
		    caller->env[i][len] != '=')
			continue;
		fit = any_pattern_of_claim(condition, caller->env[i] + len + 1);
		best = fit > best ? fit : best;
	}
	return best < FIT_UNKNOWN && caller->env_cut ? FIT_UNKNOWN : best;
}

enum fit test_uid(const struct condition *condition, struct subject *subject) {
	uid_t uid = subject->request->caller->uid;
	char digits[24];

	snprintf(digits, sizeof(digits), "%lu", (unsigned long)uid);
	return any_pattern(condition, uid != (uid_t)-1 ? digits : NULL);
}

/* Whoever names "unknown" means just that; else it may be any of them. */
enum fit test_user_presence(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;
	enum presence presence = caller->presence;
	enum fit fit = wants(condition, presence);

	/* Whoever starts a process chooses its environment, and can shake off its ancestors. */
	if (fit == FIT_YES && caller->presence_evidence != NULL &&
	    strcmp(caller->presence_evidence, "logind") != 0)
		return FIT_CLAIMED;
	return presence == PRESENCE_UNKNOWN && fit == FIT_NO ? FIT_UNKNOWN : fit;
}

enum fit test_is_in_container(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;

	if ((caller->apart & APART_PID) != 0)
		return wants(condition, TRI_YES);
	return (caller->apart_unknown & APART_PID) != 0 ? FIT_UNKNOWN : wants(condition, TRI_NO);
}

enum fit test_is_coding_agent(const struct condition *condition, struct subject *subject) {
	enum tri any = coding_agents_any(&subject->request->coding_agents);

	return any == TRI_UNKNOWN ? FIT_UNKNOWN : wants(condition, any);
}

/* Any of them: one may run within another. */
enum fit test_coding_agent(const struct condition *condition, struct subject *subject) {
	const struct coding_agents *agents = &subject->request->coding_agents;
	enum fit best = agents->complete ? FIT_NO : FIT_UNKNOWN;

	for (size_t i = 0; i < agents->count && best < FIT_YES; i++) {
		enum fit fit = any_pattern(condition, agents->items[i].name);

		best = fit > best ? fit : best;
	}
	return best;
}

enum fit test_time(const struct condition *condition, struct subject *subject) {
	const struct clock_moment *now = &subject->request->time;

	if (!now->known)
		return FIT_UNKNOWN;
	for (size_t i = 0; i < condition->n_hours; i++)
		if (hours_hold(&condition->hours[i], now))
			return FIT_YES;
	return FIT_NO;
}
