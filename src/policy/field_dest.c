/*
 * Where a login goes, by name: what known_hosts has for the host keys that are proved. Whoever may
 * not be the host that a rule means is unknown; a name that only the command line says counts where
 * the rule takes that for enough.
 */
#include <stdio.h>
#include <string.h>

#include "policy/field_test.h"
#include "policy/field_word.h"
#include "policy/rule.h"

/* FIT_YES: there is a login, or listing for one, and what is known of where it goes is enough for
 * the rule. *ret_dest is not NULL then. */
static enum fit has_evidence(const struct destination **ret_dest, const struct condition *condition,
                             const struct request *request) {
	enum fit fit = has_destination(request);

	*ret_dest = request->destination;
	if (fit != FIT_YES)
		return fit;
	if (request->destination == NULL)
		return FIT_UNKNOWN;
	switch (request_dest_evidence(request)) {
	case DEST_EVIDENCE_NONE: return FIT_UNKNOWN;
	case DEST_EVIDENCE_COMMAND_LINE:
		return condition->takes_command_line ? FIT_YES : FIT_UNKNOWN;
	case DEST_EVIDENCE_BOUND:
		return condition->takes_bound || request->operation == OPERATION_LIST ? FIT_YES
		                                                                      : FIT_UNKNOWN;
	case DEST_EVIDENCE_VERIFIED: break;
	}
	return FIT_YES;
}

/* ---- names ---- */

/* As pattern_fits(), in the order of precedence that fits have. */
static enum fit name_fits(const struct pattern *pattern, const char *text) {
	switch (pattern_fits(pattern, text)) {
	case PATTERN_NO: return FIT_NO;
	case PATTERN_YES: return FIT_YES;
	case PATTERN_LIMIT: break;
	}
	return FIT_LIMIT;
}

/* What no name says of a pattern that fits none of them. */
static enum fit without_name(const struct pattern *pattern, const struct host_names *host) {
	switch (host->more) {
	case MORE_NAMES_NONE: return FIT_NO;
	case MORE_NAMES_HIDDEN:
		/* Such a one was tried, and where some name is known it is no wonder. */
		return host->n_names > 0 && !pattern_has_wildcard(pattern) ? FIT_NO : FIT_UNKNOWN;
	case MORE_NAMES_UNKNOWN: break;
	}
	return FIT_UNKNOWN;
}

static bool has_user(const struct pattern *pattern) {
	return strchr(pattern->source, '@') != NULL;
}

/* Which user, nobody has said yet: it may be the right one, if the host may. */
static enum fit of_any_user(const struct pattern *pattern, const char *name) {
	const char *host = strrchr(pattern->source, '@') + 1;
	bool is_plain = pattern->regex == NULL && strpbrk(host, "*?") == NULL;

	return is_plain && strcmp(host, name) != 0 ? FIT_NO : FIT_UNKNOWN;
}

/* user: NULL where it is not known. */
static enum fit dest_fits(const struct pattern *pattern, const char *user, const char *name) {
	char text[PATTERN_TEXT_MAX + 2]; /* one byte more than any pattern takes shows that */
	enum fit fit;

	if (!has_user(pattern))
		return name_fits(pattern, name);
	if (user == NULL)
		return of_any_user(pattern, name);
	snprintf(text, sizeof(text), "%s@%s", user, name);
	fit = name_fits(pattern, text);
	/* A wildcard for the host may have taken a part of such a user. */
	return fit == FIT_YES && strchr(user, '@') != NULL && pattern_has_wildcard(pattern)
	               ? FIT_UNKNOWN
	               : fit;
}

/* All of them are names of the key that is proved, so any will do. */
static enum fit dest_pattern_test(const struct pattern *pattern, const char *user,
                                  const struct host_names *host) {
	enum fit best = FIT_NO;

	for (size_t i = 0; i < host->n_names && best < FIT_YES; i++) {
		enum fit fit = dest_fits(pattern, user, host->names[i]);

		/* Those in doubt stand last. */
		if (fit == FIT_YES && i + host->n_doubtful >= host->n_names)
			fit = FIT_UNKNOWN;
		best = fit > best ? fit : best;
	}
	return best == FIT_NO ? without_name(pattern, host) : best;
}

/* false: longer than any user, or with a NUL inside, which no login has. */
static bool user_of(char ret[static PATTERN_TEXT_MAX], const struct request *request) {
	struct bytes user = {0};

	if (request->payload != NULL && request->payload->kind == PAYLOAD_SSH_LOGIN)
		user = request->payload->login.user;
	if (user.data == NULL || user.len >= PATTERN_TEXT_MAX)
		return false;
	memcpy(ret, user.data, user.len);
	ret[user.len] = '\0';
	return true;
}

enum fit test_ssh_dest(const struct condition *condition, struct subject *subject) {
	char text[PATTERN_TEXT_MAX];
	const struct destination *dest;
	enum fit best = has_evidence(&dest, condition, subject->request);
	const char *user = user_of(text, subject->request) ? text : NULL;

	if (best != FIT_YES)
		return best;
	best = FIT_NO;
	for (size_t i = 0; i < condition->n_patterns && best < FIT_YES; i++) {
		enum fit fit = dest_pattern_test(&condition->patterns[i], user, &dest->host);

		best = fit > best ? fit : best;
	}
	return best;
}

/* ---- what else known_hosts and the command line say of it ---- */

static enum fit wants_tri(const struct condition *condition, enum tri tri) {
	if (tri == TRI_UNKNOWN)
		return FIT_UNKNOWN;
	return (condition->wanted & 1U << tri) != 0 ? FIT_YES : FIT_NO;
}

/* Where nothing is proved there is nothing to contradict. */
enum fit test_dest_mismatch(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	enum fit fit = has_destination(request);

	if (fit != FIT_YES)
		return fit;
	if (request->destination == NULL || request_dest_evidence(request) < DEST_EVIDENCE_BOUND)
		return FIT_UNKNOWN;
	return wants_tri(condition, request->destination->mismatch);
}

/* FIT_YES: there is a host key that is proved well enough. */
static enum fit has_host_key(const struct destination **ret_dest, const struct condition *condition,
                             const struct request *request) {
	enum fit fit = has_evidence(ret_dest, condition, request);

	if (fit == FIT_YES && request_dest_evidence(request) < DEST_EVIDENCE_BOUND)
		return FIT_UNKNOWN;
	return fit;
}

enum fit test_is_in_known_hosts(const struct condition *condition, struct subject *subject) {
	const struct destination *dest;
	enum fit fit = has_host_key(&dest, condition, subject->request);

	return fit == FIT_YES ? wants_tri(condition, dest->is_known) : fit;
}

enum fit test_known_hosts(const struct condition *condition, struct subject *subject) {
	const struct destination *dest;
	enum fit fit = has_host_key(&dest, condition, subject->request);

	if (fit != FIT_YES || (dest->known_by & condition->wanted) != 0)
		return fit;
	return dest->is_known == TRI_UNKNOWN || (dest->doubted_by & condition->wanted) != 0
	               ? FIT_UNKNOWN
	               : FIT_NO;
}

/* ---- the hosts on the way ---- */

static enum fit hop_fits(const struct condition *condition, const struct host_names *hop,
                         const char *fingerprint) {
	enum fit best = FIT_NO;

	for (size_t i = 0; i < condition->n_patterns && best < FIT_YES; i++) {
		const struct pattern *pattern = &condition->patterns[i];
		enum fit fit = name_fits(pattern, fingerprint);

		if (fit == FIT_NO)
			fit = dest_pattern_test(pattern, NULL, hop);
		best = fit > best ? fit : best;
	}
	return best;
}

static const char *fingerprint_of_hop(const struct session *session, size_t index) {
	for (size_t i = 0; session != NULL && i < session->n_hops; i++)
		if (session->hops[i]->is_forwarding && index-- == 0)
			return session->hops[i]->fingerprint;
	return "";
}

/* An allow is for a way that it names whole; a deny or confirm for one on which any host is named.
 */
enum fit test_forwarded_via(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	const struct destination *dest = request->destination;
	enum fit best = FIT_NO, worst = FIT_YES;

	if (request->is_forwarded == TRI_NO)
		return FIT_NO;
	if (request->is_forwarded == TRI_UNKNOWN || dest == NULL || !dest->hops_known ||
	    dest->n_hops == 0)
		return FIT_UNKNOWN;
	for (size_t i = 0; i < dest->n_hops; i++) {
		enum fit fit = hop_fits(condition, &dest->hops[i],
		                        fingerprint_of_hop(request->session, i));

		best = fit > best ? fit : best;
		worst = fit < worst ? fit : worst;
	}
	return best == FIT_YES && worst < FIT_YES ? FIT_CLAIMED : best;
}

/* ---- what git does there: claims ---- */

/* NULL: not known. Behind a forwarded agent nobody can see the command line. */
static const struct destination *claims_of_git(const struct request *request) {
	return request->is_forwarded == TRI_YES ? NULL : request->destination;
}

enum fit test_git_repo(const struct condition *condition, struct subject *subject) {
	const struct destination *dest = claims_of_git(subject->request);

	if (dest == NULL || dest->git_repo == NULL)
		return FIT_UNKNOWN;
	return *dest->git_repo != '\0' ? any_pattern(condition, dest->git_repo) : FIT_NO;
}

enum fit test_git_operation(const struct condition *condition, struct subject *subject) {
	const struct destination *dest = claims_of_git(subject->request);

	if (dest == NULL || dest->git_operation == NULL)
		return FIT_UNKNOWN;
	for (unsigned i = 0; i < GIT_OPERATION_WORDS; i++)
		if ((condition->wanted & 1U << i) != 0 &&
		    strcmp(dest->git_operation, condition->field->word(i)) == 0)
			return FIT_YES;
	return FIT_NO;
}
