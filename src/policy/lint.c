#include "policy/lint.h"

#include "policy/hidden.h"
#include "policy/method_order.h"
#include "policy/never.h"
#include "policy/rule.h"

/* A lone "*" asks for nothing, nor does a bind or a command line alone prove a host, nor is a
 * payload that we do not know a proof of anything. */
static bool is_proof(const struct condition *condition) {
	unsigned traits = condition->field->traits;

	if ((traits & FIELD_PROOF) == 0)
		return false;
	if ((traits & FIELD_CLAIMS) != 0 &&
	    (condition->takes_bound || condition->takes_command_line))
		return false;
	if ((traits & FIELD_SIGN_TYPE) != 0)
		return (condition->wanted & 1U << PAYLOAD_UNKNOWN) == 0;
	for (size_t i = 0; i < condition->n_patterns; i++)
		if (condition->patterns[i].regex == NULL &&
		    glob_fits_all(&condition->patterns[i].glob))
			return false;
	return true;
}

bool rule_is_weak(const struct rule *rule) {
	/* Listing gives nothing away that needs a proof. */
	if (rule->action != ACTION_ALLOW || (rule->operations & ~(1U << OPERATION_LIST)) == 0)
		return false;
	for (size_t i = 0; i < rule->match.n_conditions; i++)
		if (is_proof(&rule->match.conditions[i]))
			return false;
	return true;
}

static void lint_old(const struct policy *policy, struct problems *findings) {
	if (!policy->old)
		return;
	problems_add(
		findings, policy->path, 0, 0,
		"version 0: read as by the older ssh-agent-guard: \"*\" fits \"/\" everywhere, "
		"and \"~\" begins a regular expression; but for safety, here an allow needs "
		"certain facts, names are those of executables, and of confirm: the slots and the "
		"challenge are of no use; write version: 1, and look its patterns through");
	if (policy->lacks_default)
		problems_add(findings, policy->path, 0, 0,
		             "default_action: missing: confirm here, where the older "
		             "ssh-agent-guard allowed; write which you mean");
}

static void lint_defaults(const struct policy *policy, struct problems *findings) {
	if (policy->default_action == ACTION_ALLOW)
		problems_add(findings, policy->path, 0, 0,
		             "default_action: allow: every program may sign, unless a rule says "
		             "otherwise; deny or confirm, and allow what you need");
	if (policy->default_change_action == ACTION_ALLOW)
		problems_add(findings, policy->path, 0, 0,
		             "default_change_action: allow: every program may add keys, remove "
		             "them and lock the agent; deny, and allow ssh-add");
}

/* Whoever may answer by the weak one is never asked for the strong one. */
static void lint_order(const struct policy *policy, struct problems *findings) {
	static const char advice[] =
		"asks before touch, which is then asked only where it cannot be used: the weak one "
		"says yes though the security key is plugged in; write touch first, or leave it "
		"out";
	enum confirm_method first = method_order_weak_first(policy->confirm.methods_named,
	                                                    &policy->confirm.order);

	if (first != 0)
		problems_add(findings, policy->path, 0, 0, "confirm: methods: %s (weak) %s",
		             confirm_method_name(first), advice);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];

		first = method_order_weak_first(rule->confirm.methods, &rule->confirm.order);
		if (first != 0)
			problems_add(findings, rule->file, rule->line, rule->column,
			             "%s: confirm: %s (weak) %s", rule->name,
			             confirm_method_name(first), advice);
	}
}

/* Only of what somebody has written: without a word on methods there is nothing to choose. */
static void lint_confirm(const struct policy *policy, struct problems *findings) {
	unsigned methods = policy->confirm.methods_named;

	for (size_t i = 0; i < policy->n_rules; i++)
		methods |= policy->rules[i].confirm.methods;
	if ((methods & CONFIRM_PIN) != 0)
		problems_add(findings, policy->path, 0, 0,
		             "confirm: pin: weak: a program of your account can trace whoever "
		             "types it, or stand between; it stops what does not aim at it");
	if ((methods & CONFIRM_ASKPASS) != 0)
		problems_add(findings, policy->path, 0, 0,
		             "confirm: askpass: weak: a program of your account can press its "
		             "button; leave it out of methods");
	lint_order(policy, findings);
	/* `auto` takes them only where nothing better is enrolled. */
	if ((methods & CONFIRM_AUTO) != 0)
		return;
	if ((methods & CONFIRM_OTP) != 0)
		problems_add(findings, policy->path, 0, 0,
		             "confirm: otp: weak: a slot of a YubiKey signs nothing of the "
		             "request, so nobody can check later what was agreed to; touch (enroll "
		             "fido2) can do that with the same key");
	if ((methods & CONFIRM_OTP_PIN) != 0)
		problems_add(findings, policy->path, 0, 0,
		             "confirm: otp-pin: weak: it takes no touch, and a program of your "
		             "account can trace whoever types the PIN; otp or touch take one");
}

/* Of the user's files, which programs of his can write, it would take others at their word. */
static void lint_pinned(const struct policy *policy, struct problems *findings) {
	unsigned methods = policy->confirm.methods;

	if (policy->pinned.count == 0)
		return;
	for (size_t i = 0; i < policy->n_rules; i++)
		methods |= policy->rules[i].confirm.methods;
	if ((methods & ~(unsigned)CONFIRM_TOUCH) != 0)
		problems_add(findings, policy->path, 0, 0,
		             "confirm: credentials: names security keys, but what else may answer "
		             "(pin, askpass) is in the hands of any program of the user; write "
		             "methods: touch");
}

void policy_lint_enrolled(const struct policy *policy, unsigned enrolled,
                          struct problems *findings) {
	static const char advice[] = "nothing that could say yes is enrolled, so what must be "
				     "confirmed is refused; see ssh-agent-guard enroll";
	unsigned methods = policy->confirm.methods;
	bool asks = policy->default_action == ACTION_CONFIRM ||
	            policy->default_change_action == ACTION_CONFIRM;

	if (asks && (methods & enrolled) == 0)
		problems_add(findings, policy->path, 0, 0, "confirm: %s", advice);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		unsigned own = rule->confirm.methods != 0 ? rule->confirm.methods : methods;

		if (rule->action == ACTION_CONFIRM && (own & enrolled) == 0)
			problems_add(findings, rule->file, rule->line, rule->column, "%s: %s",
			             rule->name, advice);
	}
}

/* Under require_proof it allows nothing. */
static void lint_weak(const struct policy *policy, const struct rule *rule,
                      struct problems *findings, struct problems *notes) {
	if (policy->is_floor || !rule_is_weak(rule))
		return;
	if (policy->require_proof)
		problems_add(findings, rule->file, rule->line, rule->column,
		             "%s: never allows: it rests on no proof, and require_proof is set; "
		             "name the key, too, or what is signed",
		             rule->name);
	else
		problems_add(notes, rule->file, rule->line, rule->column,
		             "%s: weak: it allows by what any program of your account can bring "
		             "about; name the key, too, or what is signed",
		             rule->name);
}

void policy_lint(const struct policy *policy, struct problems *findings, struct problems *notes) {
	size_t steps_left = HIDDEN_STEPS_MAX;
	size_t first = findings->count, first_note = notes->count;
	char place[PLACE_TEXT_SIZE];

	/* What a floor allows is not granted by that. */
	if (!policy->is_floor)
		lint_defaults(policy, findings);
	lint_confirm(policy, notes);
	lint_pinned(policy, findings);
	lint_old(policy, notes);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		size_t hider = hidden_by(policy, i, HIDER_OF_THE_SAME_ACTION, &steps_left);
		const char *why = never_fits(policy, rule);

		lint_weak(policy, rule, findings, notes);
		if (why != NULL)
			problems_add(findings, rule->file, rule->line, rule->column,
			             "%s: never %s: %s; mend or remove it", rule->name,
			             rule->action == ACTION_ALLOW ? "allows" : "decides", why);
		if (hider < i)
			problems_add(findings, rule->file, rule->line, rule->column,
			             "%s: never decides: %s (%s) fits whatever it fits, and says "
			             "the same; remove one of them",
			             rule->name, policy->rules[hider].name,
			             place_text(place, rule->file, policy->rules[hider].file,
			                        policy->rules[hider].line));
	}
	problems_sort(findings, first);
	problems_sort(notes, notes == findings ? first : first_note);
}
