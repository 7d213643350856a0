#include "cmd/tell.h"

#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/show.h"
#include "describe/fact.h"
#include "log/when.h"
#include "policy/claims.h"
#include "policy/explain.h"

#define NAME_WIDTH     23
#define RULE_WIDTH_MAX 32 /* longer names push their own line aside, not all others */
#define ACTION_WIDTH   9

static void tell_name(FILE *stream, const char *indent, const char *name) {
	fprintf(stream, "%s%-*s", indent, NAME_WIDTH, name);
}

static void tell_fact(FILE *stream, const char *indent, const struct fact *fact,
                      const struct request *request) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	tell_name(stream, indent, fact->name);
	switch (fact_get(&text, fact, request)) {
	case FACT_KNOWN: show_bytes(stream, buffer_bytes(&text), 0); break;
	case FACT_NONE: fputs("(none)", stream); break;
	case FACT_UNKNOWN: fputs("(not known)", stream); break;
	}
	putc('\n', stream);
}

static void tell_claims(FILE *stream, const char *indent, const struct process *process) {
	struct claims claims = claims_of(process);

	if (claims.count == 0)
		return;
	tell_name(stream, indent, "calls itself");
	for (size_t i = 0; i < claims.count; i++) {
		fputs(i > 0 ? ", " : "", stream);
		show(stream, claims.names[i], 0);
	}
	putc('\n', stream);
}

static void tell_ancestor(FILE *stream, const struct process *ancestor) {
	const char *unknown = ancestor->foreign ? "(of another user)" : "(not known)";
	struct claims claims = claims_of(ancestor);

	show(stream, ancestor->name != NULL ? ancestor->name : unknown, 0);
	for (size_t i = 0; i < claims.count; i++) {
		fputs(i == 0 ? ", calls itself " : ", ", stream);
		show(stream, claims.names[i], 0);
	}
	fputs(": ", stream);
	show(stream, ancestor->exe != NULL ? ancestor->exe : unknown, 0);
	if (ancestor->pid > 0)
		fprintf(stream, " (PID %ld", (long)ancestor->pid);
	if (ancestor->pid > 0 && ancestor->started_us > 0) {
		char started[WHEN_LOCAL_SIZE];

		when_local(started, ancestor->started_us);
		fprintf(stream, ", since %s", started);
	}
	fputs(ancestor->pid > 0 ? ")\n" : "\n", stream);
}

static void tell_ancestors(FILE *stream, const char *indent, const struct caller *caller) {
	const char *name = "ancestors";

	for (size_t i = 0; i < caller->n_ancestors; i++, name = "") {
		tell_name(stream, indent, name);
		tell_ancestor(stream, &caller->ancestors[i]);
	}
	if (caller->ancestors_known && caller->n_ancestors > 0)
		return;
	tell_name(stream, indent, name);
	fputs(caller->ancestors_known   ? "(none)\n"
	      : caller->n_ancestors > 0 ? "(others are not known)\n"
	                                : "(not known)\n",
	      stream);
}

void tell_request(FILE *stream, const char *indent, const struct request *request) {
	const struct caller *caller = request->caller;

	for (size_t i = 0; i < n_facts; i++)
		tell_fact(stream, indent, &facts[i], request);
	if (caller->state == CALLER_IDENTIFIED) {
		tell_claims(stream, indent, &caller->process);
		tell_ancestors(stream, indent, caller);
		return;
	}
	tell_name(stream, indent, "caller");
	fprintf(stream, "(not identified: %s; so nothing about it counts)\n", caller->reason);
}

/* ---- the decision ---- */

struct accounts {
	struct account *items;
	size_t count;
	size_t name_len_max;
};

static void deinit_accounts(struct accounts *accounts) {
	free(accounts->items);
}

static void take_account(void *data, const struct account *account) {
	struct accounts *accounts = data;
	size_t len = strlen(account->rule);

	accounts->items[accounts->count++] = *account;
	if (len > accounts->name_len_max && len <= RULE_WIDTH_MAX)
		accounts->name_len_max = len;
}

/* What is merely possible: a sentence without its end. */
static void tell_uncertain(FILE *stream, const struct account *account) {
	const char *could = account->action == ACTION_ALLOW ? "does not fit for certain"
	                                                    : "could fit";

	if (account->standing == STANDING_CLAIMED)
		fprintf(stream, "%s: %s, by what a process calls itself", could, account->field);
	else if (account->in_unless)
		fprintf(stream, "%s: %s of its unless could hold", could, account->field);
	else
		fprintf(stream, "%s: %s is not known", could, account->field);
}

static void tell_why(FILE *stream, const struct account *account, const struct request *request) {
	switch (account->standing) {
	case STANDING_OTHER_OPERATION:
		fprintf(stream, "does not fit: it does not speak of %s",
		        operation_name(request->operation));
		break;
	case STANDING_NO: fprintf(stream, "does not fit: %s", account->field); break;
	case STANDING_TAKEN_BACK: fputs("does not fit: its unless holds", stream); break;
	case STANDING_CLAIMED:
	case STANDING_POSSIBLE: tell_uncertain(stream, account); break;
	case STANDING_FITS: fputs("fits", stream); break;
	case STANDING_BARRED: fputs("does not fit: the caller is not identified", stream); break;
	case STANDING_WEAK:
		fputs("does not fit: it rests on no proof, and require_proof is set", stream);
		break;
	case STANDING_LIMIT:
		fprintf(stream, "denies: %s%s took too long to compare", account->field,
		        account->in_unless ? " of its unless" : "");
		break;
	}
	fputs(account->too_late ? " (but an earlier rule ended the search)\n" : "\n", stream);
}

static void tell_accounts(FILE *stream, const char *indent, const struct accounts *accounts,
                          const struct verdict *verdict, const struct request *request) {
	for (size_t i = 0; i < accounts->count; i++) {
		const struct account *account = &accounts->items[i];

		fprintf(stream, "%s%s ", indent, account->rule == verdict->rule ? "=>" : "  ");
		show(stream, account->rule, accounts->name_len_max + 2);
		fprintf(stream, " %-*s", ACTION_WIDTH, action_name(account->action));
		tell_why(stream, account, request);
	}
}

int tell_decision(struct verdict *ret, FILE *stream, const char *indent,
                  const struct policy *policy, const struct request *request) {
	CLEANUP(deinit_accounts)
	struct accounts accounts = {
		.items = calloc(policy_rule_count(policy) + 1, sizeof(struct account))};
	struct verdict verdict;

	if (accounts.items == NULL)
		return -ENOMEM;
	verdict = policy_explain(policy, request, take_account, &accounts);
	tell_accounts(stream, indent, &accounts, &verdict, request);
	tell_name(stream, indent, "verdict");
	fprintf(stream, "%s\n", action_name(verdict.action));
	tell_name(stream, indent, "rule");
	show(stream, verdict.rule, 0);
	putc('\n', stream);
	if (verdict.missing != NULL) {
		tell_name(stream, indent, "missing_fact");
		fprintf(stream, "%s\n", verdict.missing);
	}
	if (verdict.weak) {
		tell_name(stream, indent, "weak");
		fputs("(it rests on nothing that is proved, such as the key)\n", stream);
	}
	*ret = verdict;
	return 0;
}

void tell_problems(const struct problems *problems) {
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		if (problem->line > 0)
			diag_error("%s:%zu:%zu: %s", problem->file, problem->line, problem->column,
			           problem->text);
		else
			diag_error("%s: %s", problem->file, problem->text);
	}
	if (problems->omitted > 0)
		diag_error("and %zu more problems", problems->omitted);
}
