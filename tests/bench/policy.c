/*
 * How long a policy takes to load, and a request to be decided, where no rule fits: the longest
 * way. Fails where the figures that we promise are not met.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "policy/policy.h"

#define LOAD_NS_MAX   1000000000 /* 10,000 rules */
#define DECIDE_NS_MAX 1000000    /* 10,000 rules */
#define FEW_NS_MAX    5000       /* 20 rules */
#define ANCESTORS     10

/* What real policies are made of; %zu makes each rule another one. */
static const char *const kinds[] = {
	"- match: {exe: /usr/lib/tool-%zu/bin/run}\n  action: allow\n",
	"- {name: r%zu, match: {process_name: tool}, unless: {has_terminal: true}, action: deny}\n",
	"- match: {exe: '/opt/tool-%zu/*', has_terminal: true}\n  action: allow\n",
	"- match: {ancestor: [agent-%zu, builder]}\n  action: confirm\n",
	"- match: {key: SHA256:abc%zu, exe: /usr/bin/ssh}\n  action: allow\n",
	"- match: {exe: '**/tool-%zu', key_type: ssh-rsa}\n  action: allow\n",
	"- match: {operation: [add, remove], exe: /usr/bin/ssh-add-%zu}\n  action: allow\n",
	"- match: {process_name: 'tool-%zu-*', endpoint: default}\n  action: deny\n",
	"- match: {command: 'git push *%zu', exe: /usr/bin/ssh}\n  action: deny\n",
	"- match: {cwd: '~^/home/[a-z]+/secret-%zu(/|$)'}\n  action: deny\n",
	"- match: {env: {CI: 'true-%zu', TERM: '*'}, time: mon-fri 09:00-17:30}\n  action: deny\n",
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Our own time: the machine may be busy with others, and they are not what is measured. */
static uint64_t cpu_ns(void) {
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* only < N_KINDS: all rules are of that kind. */
static void write_policy(struct buffer *text, size_t n_rules, size_t only) {
	buffer_put_raw(text, bytes_of_text("default_action: deny\nrules:\n"));
	for (size_t i = 0; i < n_rules; i++) {
		const char *kind = kinds[only < N_KINDS ? only : i % N_KINDS];
		const char *number = strstr(kind, "%zu");
		char digits[24];

		snprintf(digits, sizeof(digits), "%zu", i);
		buffer_put_raw(text,
		               (struct bytes){(const uint8_t *)kind, (size_t)(number - kind)});
		buffer_put_raw(text, bytes_of_text(digits));
		buffer_put_raw(text, bytes_of_text(number + strlen("%zu")));
	}
}

static struct policy *load(size_t n_rules, size_t only, uint64_t *ret_ns) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;
	uint64_t started_ns;

	write_policy(&text, n_rules, only);
	started_ns = cpu_ns();
	if (policy_parse(&policy, buffer_bytes(&text), "bench.yaml", NULL, &problems) < 0)
		fprintf(stderr, "bench: %s\n",
		        problems.count > 0 ? problems.items[0].text : "out of memory");
	*ret_ns = cpu_ns() - started_ns;
	return policy;
}

static uint64_t decide(const struct policy *policy, const struct request *request) {
	enum { ROUNDS = 2000 };
	uint64_t best_ns = UINT64_MAX;

	/* The best of some, because others share the caches. */
	for (int i = 0; i < 5; i++) {
		size_t rounds = policy_rule_count(policy) > 1000 ? 20 : ROUNDS;
		uint64_t started_ns = cpu_ns();
		uint64_t spent_ns;

		for (size_t j = 0; j < rounds; j++)
			if (policy_decide(policy, request).action != ACTION_DENY)
				return 0;
		spent_ns = (cpu_ns() - started_ns) / rounds;
		best_ns = spent_ns < best_ns ? spent_ns : best_ns;
	}
	return best_ns;
}

static int measure(const char *what, size_t n_rules, size_t only, const struct request *request,
                   uint64_t decide_ns_max) {
	uint64_t load_ns;
	struct policy *policy = load(n_rules, only, &load_ns);
	uint64_t decide_ns;

	if (policy == NULL)
		return 1;
	decide_ns = decide(policy, request);
	policy_unref(policy);
	printf("%-28s %6zu rules: load %8.3f ms, decide %8.2f us\n", what, n_rules,
	       (double)load_ns / 1e6, (double)decide_ns / 1e3);
	if (decide_ns == 0 || decide_ns > decide_ns_max || load_ns > LOAD_NS_MAX) {
		printf("%s: more than we promise\n", what);
		return 1;
	}
	return 0;
}

int main(void) {
	static char exe[] = "/usr/bin/ssh", name[] = "ssh", host[] = "git@example.org";
	static char shell_exe[] = "/usr/bin/bash", title[] = "-bash";
	static char shell_names[ANCESTORS][16];
	static char *argv[] = {name, host, NULL};
	static char cwd[] = "/home/alice/src/project";
	static char ci[] = "CI=true", term[] = "TERM=xterm-256color", tmux[] = "TMUX_PANE=%1";
	static char *env[] = {tmux, term, ci, NULL};
	struct process ancestors[ANCESTORS];
	struct caller caller = {
		.state = CALLER_IDENTIFIED,
		.process = {.exe = exe, .name = name, .title = name, .argv = argv, .argc = 2},
		.has_terminal = TRI_NO,
		.cwd = cwd,
		.env = env,
		.n_env = 3,
		.ancestors = ancestors,
		.n_ancestors = ANCESTORS,
		.ancestors_known = true,
	};
	struct request request = {
		.operation = OPERATION_SIGN,
		.key = {.fingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
	                .type = "ssh-ed25519"},
		.caller = &caller,
		.endpoint = "default",
	};
	static const char *const names[N_KINDS] = {
		"exe",
		"process_name, unless",
		"exe, a glob",
		"ancestor, of two names",
		"key, exe",
		"exe, from its end",
		"other operations",
		"process_name, a glob",
		"command, a glob",
		"cwd, a regex",
		"env and time",
	};
	int failures = 0;

	for (size_t i = 0; i < ANCESTORS; i++) {
		snprintf(shell_names[i], sizeof(shell_names[i]), "builds-%zu", i);
		ancestors[i] = (struct process){
			.exe = shell_exe, .name = shell_names[i], .title = title};
	}
	failures += measure("mixed", 20, N_KINDS, &request, FEW_NS_MAX);
	failures += measure("mixed", 10000, N_KINDS, &request, DECIDE_NS_MAX);
	for (size_t i = 0; i < N_KINDS; i++)
		failures += measure(names[i], 10000, i, &request, DECIDE_NS_MAX);
	return failures > 0 ? 1 : 0;
}
