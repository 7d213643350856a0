#include "policy/field_test.h"

#include <stdio.h>
#include <string.h>

#include "policy/rule.h"

static enum fit fit_of(enum pattern_fit fit) {
	switch (fit) {
	case PATTERN_NO: return FIT_NO;
	case PATTERN_YES: return FIT_YES;
	case PATTERN_LIMIT: return FIT_LIMIT;
	}
	return FIT_LIMIT;
}

/* A NULL text is a fact that could not be learned. */
static enum fit pattern_test(const struct pattern *pattern, const char *text) {
	return text == NULL ? FIT_UNKNOWN : fit_of(pattern_fits(pattern, text));
}

enum fit any_pattern(const struct condition *condition, const char *text) {
	enum fit best = FIT_NO;

	/* The enum's order is that of precedence. */
	for (size_t i = 0; i < condition->n_patterns && best < FIT_YES; i++) {
		enum fit fit = pattern_test(&condition->patterns[i], text);

		best = fit > best ? fit : best;
	}
	return best;
}

static enum fit claims_test(const struct pattern *pattern, const struct claims *claims) {
	for (size_t i = 0; i < claims->count; i++) {
		enum fit fit = pattern_test(pattern, claims->names[i]);

		if (fit != FIT_NO)
			return fit == FIT_YES ? FIT_CLAIMED : fit;
	}
	return FIT_NO;
}

/* The executable tells who is there now. Where the process may have run another one when it wrote,
 * that proves nothing of the writer. */
const char *of_the_writer(const struct caller *caller, const char *text) {
	return (caller->integrity & INTEGRITY_FD_INHERITED) != 0 ? NULL : text;
}

enum fit any_claimed_name(const struct condition *condition, const struct claims *claims) {
	enum fit best = FIT_NO;

	for (size_t i = 0; i < condition->n_patterns && best == FIT_NO; i++)
		best = claims_test(&condition->patterns[i], claims);
	return best;
}

enum fit any_process_name(const struct condition *condition, const char *name,
                          const struct claims *claims) {
	enum fit best = any_pattern(condition, name);

	return best == FIT_NO ? any_claimed_name(condition, claims) : best;
}

enum fit test_process_name(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;
	const struct process *process = &caller->process;

	if (!subject->has_claims) {
		subject->claims = claims_of(process);
		subject->has_claims = true;
	}
	return any_process_name(condition, of_the_writer(caller, process->name), &subject->claims);
}

enum fit test_exe(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;

	return any_pattern(condition, of_the_writer(caller, caller->process.exe));
}

enum fit test_exe_sha256(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;

	return any_pattern(condition, of_the_writer(caller, caller->exe_sha256));
}

/* Chains of shells repeat themselves, so each name is tried once. */
static void add_ancestor_name(struct subject *subject, const char *text, bool claimed) {
	for (size_t i = 0; i < subject->n_ancestor_names; i++)
		if (subject->ancestor_names[i].claimed == claimed &&
		    strcmp(subject->ancestor_names[i].text, text) == 0)
			return;
	subject->ancestor_names[subject->n_ancestor_names++] = (struct ancestor_name){
		text, pattern_head(text), claimed};
}

static void derive_ancestor_names(struct subject *subject) {
	const struct caller *caller = subject->request->caller;

	subject->has_ancestor_names = true;
	subject->has_unnamed_ancestor = !caller->ancestors_known;
	for (size_t i = 0; i < caller->n_ancestors && i < ANCESTORS_MAX; i++) {
		const struct process *ancestor = &caller->ancestors[i];
		struct claims claims = claims_of(ancestor);

		if (ancestor->name == NULL)
			subject->has_unnamed_ancestor |= !ancestor->foreign;
		else
			add_ancestor_name(subject, ancestor->name, false);
		for (size_t j = 0; j < claims.count; j++)
			add_ancestor_name(subject, claims.names[j], true);
	}
}

static enum fit ancestor_name_test(const struct pattern *pattern, struct subject *subject) {
	enum fit best = FIT_NO;

	if (!subject->has_ancestor_names)
		derive_ancestor_names(subject);
	for (size_t i = 0; i < subject->n_ancestor_names && best < FIT_YES; i++) {
		const struct ancestor_name *name = &subject->ancestor_names[i];
		enum fit fit;

		if (!pattern_may_fit(pattern, name->head))
			continue;
		fit = pattern_test(pattern, name->text);
		if (fit == FIT_YES && name->claimed)
			fit = FIT_CLAIMED;
		best = fit > best ? fit : best;
	}
	/* One that we could not see may have been the one that is meant. */
	return best < FIT_UNKNOWN && subject->has_unnamed_ancestor ? FIT_UNKNOWN : best;
}

static enum fit ancestor_path_test(const struct pattern *pattern, const struct caller *caller) {
	enum fit best = caller->ancestors_known ? FIT_NO : FIT_UNKNOWN;

	for (size_t i = 0; i < caller->n_ancestors && best < FIT_YES; i++) {
		enum fit fit = pattern_test(pattern, caller->ancestors[i].exe);

		best = fit > best ? fit : best;
	}
	return best;
}

enum fit test_ancestor(const struct condition *condition, struct subject *subject) {
	enum fit best = FIT_NO;

	for (size_t i = 0; i < condition->n_patterns && best < FIT_YES; i++) {
		const struct pattern *pattern = &condition->patterns[i];
		enum fit fit = pattern->path ? ancestor_path_test(pattern, subject->request->caller)
		                             : ancestor_name_test(pattern, subject);

		best = fit > best ? fit : best;
	}
	return best;
}

enum fit test_caller_integrity(const struct condition *condition, struct subject *subject) {
	const struct caller *caller = subject->request->caller;

	if ((condition->wanted & caller->integrity) != 0)
		return FIT_YES;
	return (condition->wanted & caller->integrity_unknown) != 0 ? FIT_UNKNOWN : FIT_NO;
}

enum fit test_has_terminal(const struct condition *condition, struct subject *subject) {
	enum tri has_terminal = subject->request->caller->has_terminal;

	if (has_terminal == TRI_UNKNOWN)
		return FIT_UNKNOWN;
	return (condition->wanted & 1U << has_terminal) != 0 ? FIT_YES : FIT_NO;
}

/* A request may be about no key, about all keys, or about one that could not be told. */
static enum fit without_key(enum operation operation) {
	switch (operation) {
	case OPERATION_LIST:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK: return FIT_NO;
	case OPERATION_SIGN:
	case OPERATION_ADD:
	case OPERATION_REMOVE:
	case OPERATION_REMOVE_ALL:
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_REMOVE_SMARTCARD:
	case OPERATION_EXTENSION:
	case OPERATION_UNKNOWN: break;
	}
	return FIT_UNKNOWN;
}

/* Plain text is the beginning of a fingerprint, and a whole one is a beginning, too. */
static enum fit one_key_test(const struct pattern *pattern, const char *fingerprint) {
	if (pattern_has_wildcard(pattern))
		return pattern_test(pattern, fingerprint);
	return strncmp(pattern->glob.prefix, fingerprint, pattern->glob.prefix_len) == 0 ? FIT_YES
	                                                                                 : FIT_NO;
}

enum fit any_fingerprint(const struct condition *condition, const char *fingerprint) {
	enum fit best = FIT_NO;

	for (size_t i = 0; i < condition->n_patterns && best < FIT_YES; i++)
		best = one_key_test(&condition->patterns[i], fingerprint);
	return best;
}

enum fit test_key(const struct condition *condition, struct subject *subject) {
	const char *fingerprint = subject->request->key.fingerprint;

	return *fingerprint == '\0' ? without_key(subject->request->operation)
	                            : any_fingerprint(condition, fingerprint);
}

enum fit test_key_comment(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;

	if (request->key_comment == NULL && *request->key.fingerprint == '\0')
		return without_key(request->operation);
	return any_pattern(condition, request->key_comment);
}

/* The type of the plain key in a certificate: PROTOCOL.certkeys puts "-cert-v01@openssh.com" behind
 * a name without domain, and "-cert-v01" before that of a name with one. false: no certificate. */
static bool plain_key_type(char ret[static KEY_TYPE_SIZE], const char *type) {
	static const char mark[] = "-cert-v01@openssh.com";
	size_t len = strlen(type);
	size_t mark_len = strlen(mark);
	bool has_domain = strncmp(type, "sk-", 3) == 0 || strncmp(type, "webauthn-sk-", 12) == 0;

	if (len <= mark_len || strcmp(type + len - mark_len, mark) != 0)
		return false;
	snprintf(ret, KEY_TYPE_SIZE, "%.*s%s", (int)(len - mark_len), type,
	         has_domain ? "@openssh.com" : "");
	return true;
}

enum fit test_key_type(const struct condition *condition, struct subject *subject) {
	const char *type = subject->request->key.type;
	char plain[KEY_TYPE_SIZE];
	enum fit fit;

	if (*type == '\0')
		return without_key(subject->request->operation);
	fit = any_pattern(condition, type);
	return fit == FIT_NO && plain_key_type(plain, type) ? any_pattern(condition, plain) : fit;
}

enum fit test_operation(const struct condition *condition, struct subject *subject) {
	return (condition->wanted & 1U << subject->request->operation) != 0 ? FIT_YES : FIT_NO;
}

enum fit test_endpoint(const struct condition *condition, struct subject *subject) {
	return any_pattern(condition, subject->request->endpoint);
}
