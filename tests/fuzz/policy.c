/* Any text as a policy: refused with problems, or loaded, and then requests are decided by it. */
#include <stdlib.h>
#include <string.h>

#include "policy/lint.h"
#include "policy/policy.h"
#include "policy/show.h"

static char exe[] = "/usr/bin/ssh", name[] = "ssh", title[] = "aaaaaaaaaaaaaaaaaaaaaaaa!";
static char script[] = "/opt/coder.py";
static char *argv[] = {name, script, NULL};
static struct process ancestors[] = {
	{.pid = 2, .exe = exe, .name = name, .title = title, .argv = argv, .argc = 2},
	{.pid = 1},
};

static const struct payload login = {.kind = PAYLOAD_SSH_LOGIN,
                                     .login = {.user = {(const uint8_t *)"aaaaaaaaaaaa!", 13}}};
static const struct payload sshsig = {.kind = PAYLOAD_SSHSIG,
                                      .sshsig = {.name_space = {(const uint8_t *)"git", 3}}};
static struct session_hop hop = {.is_forwarding = true};
static struct session_hop *hops[] = {&hop};
static const struct session session = {.hops = hops, .n_hops = 1};

static void decide(const struct policy *policy, const struct caller *caller,
                   const struct payload *payload) {
	struct request request = {
		.key = {.fingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
	                .type = "ssh-ed25519-cert-v01@openssh.com"},
		.caller = caller,
		.endpoint = "default",
		.session = &session,
		.is_forwarded = TRI_YES,
		.meeting = MEETING_BOUND,
		.dest_key = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
	};

	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct verdict verdict;

		request.operation = (enum operation)i;
		request.payload = request.operation == OPERATION_SIGN ? payload : NULL;
		verdict = policy_decide(policy, &request);
		/* A verdict always says who decided, and an allow lacks nothing. */
		if (verdict.rule == NULL || strlen(verdict.rule) == 0 ||
		    (verdict.action == ACTION_ALLOW && verdict.missing != NULL))
			abort();
		if (verdict.action == ACTION_ALLOW && request.operation != OPERATION_LIST &&
		    caller->state != CALLER_IDENTIFIED)
			abort();
	}
}

#define SHOWN_LEN_MAX                                                              \
	(64 * 1024) /* what definitions stand for may be more than a file may hold \
	             */

static struct bytes body(const struct buffer *yaml) {
	static const char start[] = "\nversion: ";
	const uint8_t *found = memmem(yaml->data, yaml->len, start, strlen(start));

	if (found == NULL)
		abort();
	return (struct bytes){found, yaml->len - (size_t)(found - yaml->data)};
}

/* What is shown of a policy is a policy, and is shown the same again. */
static void show(const struct policy *policy, const struct surroundings *surroundings) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(problems_deinit) struct problems findings = {0};
	CLEANUP(buffer_deinit) struct buffer once = {0};
	CLEANUP(buffer_deinit) struct buffer twice = {0};
	struct policy *again = NULL;

	policy_lint(policy, &findings, &findings);
	policy_show(&once, policy);
	if (buffer_error(&once) < 0 || once.len > SHOWN_LEN_MAX)
		return;
	if (policy_parse(&again, buffer_bytes(&once), "fuzz.yaml", surroundings, &problems) < 0)
		abort();
	policy_show(&twice, again);
	policy_unref(again);
	/* But for the hash in its beginning, which is of another text. */
	if (buffer_error(&twice) < 0 || !bytes_equal(body(&once), body(&twice)))
		abort();
}

/* Whatever it includes reads the same again. */
static int find(void *data, const char *path, struct policy_file *ret) {
	(void)path;
	ret->text = *(const struct bytes *)data;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct bytes text = {data, len};
	const struct policy_source source = {.find = find, .data = &text, .any_owner = true};
	const struct surroundings surroundings = {.home = "/home/a", .source = &source};
	struct caller caller = {
		.state = CALLER_IDENTIFIED,
		.process = {.exe = exe, .name = name, .title = title, .argv = argv, .argc = 2},
		.has_terminal = TRI_YES,
		.ancestors = ancestors,
		.n_ancestors = 2,
		.ancestors_known = true,
	};
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;
	int error = policy_parse(&policy, text, "fuzz.yaml", &surroundings, &problems);

	if ((error == 0) != (problems_total(&problems) == 0))
		abort(); /* refused without a reason, or loaded with one */
	if (error < 0)
		return 0;
	show(policy, &surroundings);
	decide(policy, &caller, &login);
	caller.process = (struct process){.pid = 3};
	caller.ancestors_known = false;
	caller.has_terminal = TRI_UNKNOWN;
	decide(policy, &caller, &sshsig);
	caller.state = CALLER_UNKNOWN;
	decide(policy, &caller, NULL);
	policy_unref(policy);
	return 0;
}
