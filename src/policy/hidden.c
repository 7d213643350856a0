#include "policy/hidden.h"

#include <string.h>

#include "facts/operation.h"

static bool names_user(const struct pattern *pattern) {
	return pattern->regex == NULL && strchr(pattern->source, '@') != NULL;
}

/* A pattern for a host, whoever logs in there, and one for a user at it. */
static bool host_covers(const struct pattern *a, const struct pattern *b) {
	const char *host = strrchr(b->source, '@');

	return a->regex == NULL && !names_user(a) && names_user(b) &&
	       strpbrk(host + 1, "*?") == NULL && pattern_fits(a, host + 1) == PATTERN_YES;
}

/* Of two globs only the same one, and "*", are known to fit what the other does. Regular
 * expressions are left out: who would prove that? */
static bool pattern_covers(const struct pattern *a, const struct pattern *b, unsigned traits) {
	bool beginnings = (traits & FIELD_BEGINNINGS) != 0;

	if ((traits & FIELD_USER_AND_HOST) != 0 && host_covers(a, b))
		return true;
	/* The quick answers first: of 10,000 rules nearly all pairs have nothing to do with each
	 * other. */
	if (((a->head ^ b->head) & a->head_mask & b->head_mask) != 0 || a->path != b->path ||
	    a->regex != NULL || b->regex != NULL)
		return false;
	if (a->hash == b->hash && glob_equal(&a->glob, &b->glob))
		return true;
	if (beginnings && !pattern_has_wildcard(a))
		return !pattern_has_wildcard(b) &&
		       strncmp(a->glob.prefix, b->glob.prefix, a->glob.prefix_len) == 0;
	if (!pattern_has_wildcard(a))
		return false;
	/* One is compared with user and host, the other one with the host alone. */
	if ((traits & FIELD_USER_AND_HOST) != 0 &&
	    (strchr(a->source, '@') == NULL) != (strchr(b->source, '@') == NULL))
		return glob_fits_all(&a->glob);
	if (pattern_has_wildcard(b) || beginnings)
		return glob_fits_all(&a->glob);
	return pattern_fits(a, b->glob.prefix) == PATTERN_YES;
}

/* false: no steps are left. */
static bool spend(size_t *steps_left, size_t steps) {
	*steps_left -= steps < *steps_left ? steps : *steps_left;
	return *steps_left > 0;
}

static bool any_covers(const struct condition *a, const struct pattern *b, size_t *steps_left) {
	for (size_t i = 0; i < a->n_patterns; i++) {
		const struct glob *glob = &a->patterns[i].glob;
		/* What a glob takes at most, in units of what a comparison takes. */
		size_t steps = 1 + glob->n_tokens * b->glob.prefix_len / 16;

		if (!spend(steps_left, steps))
			return false;
		if (pattern_covers(&a->patterns[i], b, a->field->traits))
			return true;
	}
	return false;
}

static bool any_hours_cover(const struct condition *a, const struct hours *b, size_t *steps_left) {
	for (size_t i = 0; i < a->n_hours; i++) {
		if (!spend(steps_left, 1))
			return false;
		if (hours_cover(&a->hours[i], b))
			return true;
	}
	return false;
}

/* Both are of one field: whether a holds wherever b does. */
static bool condition_covers(const struct condition *a, const struct condition *b,
                             size_t *steps_left) {
	if ((b->wanted & ~a->wanted) != 0)
		return false;
	for (size_t i = 0; i < b->n_patterns; i++)
		if (!any_covers(a, &b->patterns[i], steps_left))
			return false;
	for (size_t i = 0; i < b->n_hours; i++)
		if (!any_hours_cover(a, &b->hours[i], steps_left))
			return false;
	return true;
}

/* The one of match that asks for the same fact. */
static const struct condition *condition_like(const struct match *match,
                                              const struct condition *condition) {
	for (size_t i = 0; i < match->n_conditions; i++) {
		const struct condition *other = &match->conditions[i];

		if (other->field == condition->field &&
		    (other->variable == NULL || strcmp(other->variable, condition->variable) == 0))
			return other;
	}
	return NULL;
}

/* Whoever writes a user at a host behind the host alone means him to be the exception, which he
 * never is where it is proved; that there is something left of him elsewhere, he did not mean. */
static bool names_users_of(const struct condition *a, const struct condition *b) {
	if ((a->field->traits & FIELD_USER_AND_HOST) == 0 || b == NULL)
		return false;
	for (size_t i = 0; i < a->n_patterns; i++)
		if (names_user(&a->patterns[i]))
			return false;
	for (size_t i = 0; i < b->n_patterns; i++)
		if (!names_user(&b->patterns[i]))
			return false;
	return true;
}

/* Of a caller that only calls itself so, a rule that denies may be the one that is meant. */
static bool leaves_claims_to(const struct rule *a, const struct rule *b) {
	if (a->action != ACTION_ALLOW || b->action == ACTION_ALLOW)
		return false;
	for (size_t i = 0; i < a->match.n_conditions; i++) {
		const struct condition *wide = &a->match.conditions[i];

		if ((wide->field->traits & FIELD_CLAIMS) != 0 &&
		    !names_users_of(wide, condition_like(&b->match, wide)))
			return true;
	}
	return false;
}

/* An allow that names no sign_type leaves what it does not speak of to a rule that does. */
static bool leaves_payloads_to(const struct rule *a, const struct rule *b) {
	for (size_t i = 0; i < b->match.n_conditions; i++)
		if ((b->match.conditions[i].field->traits & FIELD_SIGN_TYPE) != 0)
			return (b->sign_types & ~a->sign_types) != 0;
	return false;
}

/* Nor does an allow without endpoint help one who cannot be identified, nor a weak one who comes by
 * an endpoint of `exec`. */
static bool leaves_unidentified_to(const struct rule *a, const struct rule *b) {
	if (a->action != ACTION_ALLOW)
		return false;
	return a->names_endpoint ? a->may_mean_exec && rule_is_weak(a)
	                         : b->action == ACTION_ALLOW && b->names_endpoint;
}

/* What is less than proved is certain where a rule says that this is enough. */
static bool leaves_evidence_to(const struct condition *a, const struct condition *b) {
	return (a->field->traits & FIELD_CLAIMS) != 0 &&
	       ((!a->takes_bound && b->takes_bound) ||
	        (!a->takes_command_line && b->takes_command_line));
}

bool match_covers(const struct match *wide, const struct match *narrow, size_t *steps_left) {
	for (size_t i = 0; i < wide->n_conditions; i++) {
		const struct condition *a = &wide->conditions[i];
		const struct condition *b = condition_like(narrow, a);

		if (b == NULL || leaves_evidence_to(a, b) || !condition_covers(a, b, steps_left))
			return false;
	}
	return true;
}

static bool rule_hides(const struct rule *a, const struct rule *b, size_t *steps_left) {
	if ((a->fields & ~b->fields) != 0 || a->unless.n_conditions > 0 || leaves_claims_to(a, b) ||
	    leaves_unidentified_to(a, b) || leaves_payloads_to(a, b) ||
	    (a->operations & b->operations) != b->operations)
		return false;
	for (size_t i = 0; i < a->match.n_conditions; i++) {
		const struct condition *wide = &a->match.conditions[i];
		const struct condition *narrow = condition_like(&b->match, wide);

		/* Compared above, because a rule that names no operation names signatures. */
		if ((wide->field->traits & FIELD_OPERATION) != 0)
			continue;
		if (narrow == NULL || !condition_covers(wide, narrow, steps_left) ||
		    (a->action != ACTION_DENY && leaves_evidence_to(wide, narrow)))
			return false;
	}
	return true;
}

size_t hidden_by(const struct policy *policy, size_t index, enum hider hider, size_t *steps_left) {
	const struct rule *rule = &policy->rules[index];

	for (size_t i = 0; i < index && spend(steps_left, 1); i++) {
		bool same = policy->rules[i].action == rule->action;

		/* Nor does one that never allows, for want of a proof. */
		if (policy->require_proof && rule_is_weak(&policy->rules[i]))
			continue;
		if (same == (hider == HIDER_OF_THE_SAME_ACTION) &&
		    rule_hides(&policy->rules[i], rule, steps_left))
			return i;
	}
	return index;
}
