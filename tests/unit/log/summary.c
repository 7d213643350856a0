/* What a status bar shows of a request: short, and nothing in it that a bar could obey. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "log/hostile.h"
#include "log/summary.h"

static char *text(const char *literal) {
	return (char *)(uintptr_t)literal;
}

struct sample {
	char *names[1];
	struct host_names hops[1];
	struct destination destination;
	struct caller caller;
	struct payload payload;
	struct request request;
	struct event event;
};

static void sample_init(struct sample *sample) {
	*sample = (struct sample){
		.names = {text("hop.example.org")},
		.destination = {.ssh_dest = text("git@example.org")},
		.caller = {.process = {.name = text("ssh")}},
		.payload = {.kind = PAYLOAD_SSH_LOGIN},
		.request = {.operation = OPERATION_SIGN},
		.event = {.decision = "allow"},
	};
	sample->hops[0] = (struct host_names){.names = sample->names, .n_names = 1};
	sample->request.caller = &sample->caller;
	sample->request.payload = &sample->payload;
	sample->request.destination = &sample->destination;
	sample->event.request = &sample->request;
}

static void assert_summary(const struct sample *sample, const char *expected) {
	char summary[SUMMARY_SIZE];

	summary_of(summary, &sample->event);
	assert_string_equal(summary, expected);
}

static void it_says_who_does_what_where(void **state) {
	struct sample sample;

	(void)state;
	sample_init(&sample);
	assert_summary(&sample, "ssh: sign git@example.org");
	sample.caller.tmux_window = text("main:code");
	sample.request.coding_agents.count = 1;
	sample.request.coding_agents.items[0].name = text("claude");
	assert_summary(&sample, "claude:[main:code] ssh: sign git@example.org");
	sample.request.is_forwarded = TRI_YES;
	assert_summary(&sample,
	               "claude:[main:code] ssh: sign git@example.org via a forwarded agent");
	sample.destination.hops = sample.hops;
	sample.destination.n_hops = 1;
	assert_summary(&sample, "claude:[main:code] ssh: sign git@example.org via hop.example.org");
}

static void a_refusal_says_so(void **state) {
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.event.decision = "deny";
	assert_summary(&sample, "ssh: sign git@example.org DENIED");
	sample.event.decision = "confirm-denied";
	assert_summary(&sample, "ssh: sign git@example.org DENIED");
	sample.event.decision = "confirmed";
	assert_summary(&sample, "ssh: sign git@example.org");
	sample.event.decision = "deny";
	sample.request.operation = OPERATION_REMOVE_ALL;
	sample.request.payload = NULL;
	assert_summary(&sample, "ssh: remove-all DENIED");
}

static void other_payloads_and_unknown_facts_have_a_word(void **state) {
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.request.destination = NULL;
	sample.caller.process.name = NULL;
	assert_summary(&sample, "unknown: sign unknown");
	sample.payload.kind = PAYLOAD_SSHSIG;
	sample.payload.sshsig.name_space = bytes_of_text("git");
	assert_summary(&sample, "unknown: sign for git");
	sample.payload.kind = PAYLOAD_UNKNOWN;
	assert_summary(&sample, "unknown: sign unknown");
	sample.event.request = NULL;
	assert_summary(&sample, "");
}

static void nothing_in_it_is_a_field(void **state) {
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.caller.process.name = text("decision");
	sample.destination.ssh_dest = text("confirm_method:2222");
	assert_summary(&sample, "decision_ sign confirm_method_2222");
	sample.caller.process.name = text("decision: allow");
	sample.destination.ssh_dest = text("decision.example.org:2222");
	assert_summary(&sample, "decision_ allow: sign decision.example.org:2222");
	sample.caller.tmux_window = text("timestamp: x");
	assert_summary(&sample, "[timestamp_ x] decision_ allow: sign decision.example.org:2222");
}

static bool is_obeyed_by_no_bar(const char *summary) {
	for (const char *at = summary; *at != '\0'; at++)
		if (*at < ' ' || *at > '~' || strchr("#<>&\"'\\$`%{}|*?!~^;,()", *at) != NULL)
			return false;
	return true;
}

static void what_a_bar_would_obey_is_not_left_in_it(void **state) {
	static const char *const names[] = {
		"#(touch pwned)", "<span size='99'>", "#[bg=red]x",    "$(id)`id`",
		"%H\n\033[31m",   "\xff\xe2\x80\xae", "x; touch pwned"};
	struct sample sample;
	char summary[SUMMARY_SIZE];

	(void)state;
	sample_init(&sample);
	sample.event.decision = "deny";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sample.caller.process.name = sample.caller.tmux_window = text(names[i]);
		sample.destination.ssh_dest = text(names[i]);
		summary_of(summary, &sample.event);
		assert_true(is_obeyed_by_no_bar(summary));
	}
	sample.caller.tmux_window = NULL;
	sample.destination.ssh_dest = text("git@example.org");
	sample.caller.process.name = text("#(touch pwned)");
	assert_summary(&sample, "__touch pwned_: sign git@example.org DENIED");
	sample.caller.process.name = text("--exec=x");
	assert_summary(&sample, "_-exec=x: sign git@example.org DENIED");
	for (size_t i = 0; i < N_HOSTILE; i++) {
		sample.caller.process.name = text(hostile_values[i]);
		summary_of(summary, &sample.event);
		assert_true(is_obeyed_by_no_bar(summary));
		summary_plain(summary, sizeof(summary), hostile_values[i]);
		assert_true(is_obeyed_by_no_bar(summary));
	}
}

static void long_names_hide_neither_the_host_nor_the_refusal(void **state) {
	char name[1000], summary[SUMMARY_SIZE];
	struct sample sample;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	sample_init(&sample);
	sample.caller.process.name = sample.caller.tmux_window = name;
	sample.request.coding_agents.count = 1;
	sample.request.coding_agents.items[0].name = name;
	sample.event.decision = "deny";
	summary_of(summary, &sample.event);
	assert_non_null(strstr(summary, "sign git@example.org DENIED"));
	sample.destination.ssh_dest = name;
	sample.request.is_forwarded = TRI_YES;
	summary_of(summary, &sample.event);
	assert_true(strlen(summary) < SUMMARY_SIZE);
	assert_string_equal(summary + strlen(summary) - strlen(" DENIED"), " DENIED");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_who_does_what_where),
		cmocka_unit_test(a_refusal_says_so),
		cmocka_unit_test(other_payloads_and_unknown_facts_have_a_word),
		cmocka_unit_test(nothing_in_it_is_a_field),
		cmocka_unit_test(what_a_bar_would_obey_is_not_left_in_it),
		cmocka_unit_test(long_names_hide_neither_the_host_nor_the_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
