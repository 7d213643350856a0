/* A request read back from its event is decided as it was when it was live, or it is said that the
 * event does not tell enough. */
#include "unit.h"

#include "../policy/fixture.h"

#include <errno.h>
#include <stdlib.h>

#include "describe/recall.h"
#include "log/event_yaml.h"
#include "policy/claims.h"
#include "policy/explain.h"

/* Facts are char * where caller/ owns them; nothing here writes to them. */
static char *text(const char *literal) {
	return (char *)(uintptr_t)literal;
}

static void free_recalled(struct recalled **recalled) {
	recalled_free(*recalled);
}

static bool is_brief;

static void put_event(struct buffer *document, const struct request *request,
                      const struct policy *policy, const char *decision) {
	const struct event event = {.real_us = INT64_C(1795410023123456),
	                            .trigger = operation_name(request->operation),
	                            .decision = decision,
	                            .rule = "then",
	                            .request = request,
	                            .brief = is_brief,
	                            .config_sha256 = policy_sha256(policy)};

	assert_int_equal(event_yaml(document, &event), 0);
}

static struct redecided decide_again(const struct request *request, const struct policy *then,
                                     const struct policy *now) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(free_recalled) struct recalled *recalled = NULL;
	struct redecided redecided;

	put_event(&document, request, then, "allow");
	assert_int_equal(recalled_new(&recalled, buffer_bytes(&document)), 0);
	redecided = recalled_decide(recalled, NULL, now);
	redecided.verdict.rule = NULL; /* dies with the policy */
	return redecided;
}

/* ---- single facts ---- */

static const char *lacking(const char *match, const struct request *request) {
	char yaml[1024];
	CLEANUP(free_policy) struct policy *then = must_parse("default_action: allow\n");
	CLEANUP(free_policy) struct policy *now = NULL;

	snprintf(yaml, sizeof(yaml),
	         "default_action: allow\nrules:\n- match: {%s}\n  action: deny\n", match);
	now = must_parse(yaml);
	return decide_again(request, then, now).lacking;
}

static void what_an_event_tells_is_enough(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.cwd = text("/home/a");
	assert_null(lacking("exe: /usr/bin/ssh", &request));
	assert_null(lacking("process_name: ssh", &request));
	assert_null(lacking("ancestor: agent", &request));
	assert_null(lacking("ancestor: bash", &request));
	assert_null(lacking("parent_process_name: git", &request));
	assert_null(lacking("cwd: /srv", &request));
	assert_null(lacking("key: " FINGERPRINT, &request));
	assert_null(lacking("dest_key: " DEST_KEY, &request));
	assert_null(lacking("ssh_user: root", &request));
	assert_null(lacking("hops: 1", &request));
	assert_null(lacking("is_forwarded: true", &request));
}

static void what_was_not_known_then_is_no_gap(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.has_terminal = TRI_UNKNOWN;
	caller.integrity_unknown = INTEGRITY_TRACED;
	request.is_forwarded = TRI_UNKNOWN;
	request.session = NULL;
	assert_null(lacking("has_terminal: true", &request));
	assert_null(lacking("caller_integrity: traced", &request));
	assert_null(lacking("is_forwarded: true", &request));
	assert_null(lacking("hops: 1", &request));
}

static void what_may_have_been_known_is_in_doubt(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	assert_string_equal(lacking("tmux_window: 'a:b'", &request), "tmux_window");
	assert_string_equal(lacking("env: {EDITOR: vi}", &request), "env");
	assert_null(lacking("env: {EDITOR: vi}, exe: /bin/false", &request));
}

static void what_was_hidden_of_a_command_is_in_doubt(void **state) {
	char *argv[] = {text("ssh"), text("a.example"), text("A_TOKEN=abc"), text("x")};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.process.argv = argv;
	caller.process.argc = 4;
	assert_string_equal(lacking("command: '* A_TOKEN=abc *'", &request), "command");
	assert_null(lacking("process_name: ssh", &request));
	argv[2] = text("A_TOAD=abc");
	assert_null(lacking("command: '* A_TOKEN=abc *'", &request));
}

/* Under a lock, of a host that known_hosts had under another name when the policy was accepted:
 * live the names were in doubt, and the event does not say which. */
static void what_was_not_accepted_is_in_doubt(void **state) {
	char *names[] = {text("a.example")};
	struct destination destination = {
		.ssh_dest = text("alice@a.example"),
		.host = {.names = names, .n_names = 1, .more = MORE_NAMES_NONE, .n_doubtful = 1},
		.evidence = DEST_EVIDENCE_VERIFIED,
		.mismatch = TRI_NO,
		.is_accepted = TRI_NO,
		.is_listed = TRI_YES,
		.doubted_by = KNOWN_BY_USER,
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.destination = &destination;
	assert_string_equal(lacking("ssh_dest: a.example", &request), "ssh_dest");
	assert_string_equal(lacking("ssh_dest: b.example", &request), "ssh_dest");
	assert_string_equal(lacking("known_hosts: user", &request), "known_hosts");
	assert_string_equal(lacking("is_in_known_hosts: true", &request), "is_in_known_hosts");
	assert_null(lacking("ssh_user: alice", &request));
	/* Where all is as it was accepted, nothing lacks. */
	destination.host.n_doubtful = 0;
	destination.is_accepted = destination.is_known = TRI_YES;
	destination.known_by = KNOWN_BY_USER;
	destination.doubted_by = 0;
	assert_null(lacking("ssh_dest: a.example", &request));
	assert_null(lacking("known_hosts: user", &request));
}

static void what_an_ancestor_calls_itself_is_told_whatever_its_arguments_are(void **state) {
	char *blank_argv[] = {text("sh -x"), text("-u"), text("/x y/run"), NULL};
	struct process shell = {.pid = 3,
	                        .exe = text("/bin/sh"),
	                        .name = text("sh"),
	                        .title = text("sh"),
	                        .argv = blank_argv,
	                        .argc = 3};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	CLEANUP(free_policy) struct policy *policy = must_parse("default_action: deny\n");

	(void)state;
	caller.ancestors = &shell;
	caller.n_ancestors = 1;
	for (shell.argc = 3; shell.argc > 0; shell.argc--) {
		CLEANUP(buffer_deinit) struct buffer document = {0};
		CLEANUP(free_recalled) struct recalled *recalled = NULL;
		struct claims before = claims_of(&shell), after;

		put_event(&document, &request, policy, "deny");
		assert_int_equal(recalled_new(&recalled, buffer_bytes(&document)), 0);
		assert_int_equal(recalled->caller->n_ancestors, 1);
		after = claims_of(&recalled->caller->ancestors[0]);
		assert_int_equal(before.count, after.count);
		for (size_t i = 0; i < before.count; i++)
			assert_string_equal(before.names[i], after.names[i]);
	}
}

static void a_secret_of_the_environment_stays_unknown(void **state) {
	char *env[] = {text("API_TOKEN=abc"), text("EDITOR=vi"), NULL};
	static const char yaml[] = "default_action: allow\ncapture_extra_env_vars: [EDITOR]\n"
				   "rules:\n- match: {env: {API_TOKEN: abc}}\n  action: deny\n";
	CLEANUP(free_policy) struct policy *policy = must_parse(yaml);
	CLEANUP(free_policy)
	struct policy *other = must_parse(
		"default_action: allow\nrules:\n- match: {env: {EDITOR: vi}}\n  action: deny\n");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.env = env;
	caller.n_env = 2;
	assert_string_equal(decide_again(&request, policy, policy).lacking, "env");
	assert_null(decide_again(&request, policy, other).lacking);
	assert_int_equal(decide_again(&request, policy, other).verdict.action, ACTION_DENY);
}

static void by_the_same_policy_a_variable_that_is_not_there_was_not_set(void **state) {
	char *env[] = {text("EDITOR=vi"), NULL};
	CLEANUP(free_policy)
	struct policy *policy = must_parse(
		"default_action: allow\nrules:\n- match: {env: {PAGER: less}}\n  action: deny\n"
		"- match: {env: {EDITOR: emacs}}\n  action: deny\n");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct redecided redecided;

	(void)state;
	caller.env = env;
	caller.n_env = 1;
	redecided = decide_again(&request, policy, policy);
	assert_null(redecided.lacking);
	assert_int_equal(redecided.verdict.action, ACTION_ALLOW);
}

/* ---- which events there are ---- */

static int recall(struct recalled **ret, const char *fields) {
	char document[2048];

	snprintf(document, sizeof(document),
	         "---\nseq: 3\nprev: \"00\"\ntimestamp: \"2026-11-23T05:00:23.123456Z\"\n%s...\n",
	         fields);
	return recalled_new(ret, bytes_of_text(document));
}

static void what_is_no_request_is_passed_over(void **state) {
	struct recalled *recalled = NULL;

	(void)state;
	assert_int_equal(recall(&recalled, "trigger: \"start\"\n"), -ENOENT);
	assert_int_equal(recall(&recalled, "trigger: \"session-bind\"\ndecision: \"deny\"\n"),
	                 -ENOENT);
	assert_int_equal(recall(&recalled, "trigger: \"sign\"\n"), -ENOENT);
	assert_null(recalled);
}

static void what_is_damaged_is_refused(void **state) {
	static const char *const damaged[] = {
		"trigger: \"sign\"\ndecision: \"deny\"\n", /* no endpoint */
		"trigger: \"sign\"\ndecision: \"maybe\"\nendpoint: \"default\"\n",
		("trigger: \"sign\"\ndecision: \"deny\"\nendpoint: \"default\"\n"
	         "caller_integrity: [\"haunted\"]\n"),
		"trigger: sign\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct recalled *recalled = NULL;

		assert_int_equal(recall(&recalled, damaged[i]), -EBADMSG);
		assert_null(recalled);
	}
}

static void what_it_came_to_is_told(void **state) {
	static const struct {
		const char *fields;
		enum recalled_end end;
		enum action was;
		bool said_yes;
	} cases[] = {
		{"decision: \"allow\"\n", RECALLED_DECIDED, ACTION_ALLOW, true},
		{"decision: \"confirmed\"\n", RECALLED_DECIDED, ACTION_CONFIRM, true},
		{"decision: \"confirm-denied\"\nreason: \"timeout\"\n", RECALLED_DECIDED,
	         ACTION_CONFIRM, false},
		{"decision: \"deny\"\n", RECALLED_DECIDED, ACTION_DENY, false},
		{"decision: \"deny\"\nreason: \"panic\"\n", RECALLED_REFUSED, ACTION_DENY, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(free_recalled) struct recalled *recalled = NULL;
		char fields[256];

		snprintf(fields, sizeof(fields), "trigger: \"sign\"\n%sendpoint: \"default\"\n",
		         cases[i].fields);
		assert_int_equal(recall(&recalled, fields), 0);
		assert_int_equal(recalled->end, cases[i].end);
		assert_int_equal(recalled->was, cases[i].was);
		assert_int_equal(recalled->said_yes, cases[i].said_yes);
		assert_int_equal(recalled->seq, 3);
	}
}

/* ---- whatever the request and the policy ---- */

static uint64_t dice_state;

static unsigned dice(unsigned sides) {
	dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice_state >> 33) % sides;
}

static const char *const conditions[] = {
	"exe: /usr/bin/ssh",
	"exe: /usr/bin/git",
	"process_name: ssh",
	"process_name: [git, agent]",
	"parent_process_name: [agent, git]",
	"parent_process_name: run",
	"ancestor: [sshd, run]",
	"ancestor: coder.py",
	"ancestor: /usr/bin/*",
	"command: '* host'",
	"cwd: /home/a",
	"cgroup: '/user*'",
	"tmux_window: 'a:*'",
	"env: {EDITOR: vi}",
	"env: {PAGER: '*'}",
	"env: {CLAUDECODE: '1'}",
	"uid: 1000",
	"user_presence: local",
	"user_presence: unknown",
	"is_in_container: true",
	"is_coding_agent: true",
	"is_coding_agent: false",
	"coding_agent: claude",
	"has_terminal: false",
	"caller_integrity: [traced, preloaded]",
	("key: " FINGERPRINT),
	"key_type: ssh-rsa",
	"sign_type: unknown",
	"namespace: git",
	"ssh_user: alice",
	("dest_key: " DEST_KEY),
	"dest_evidence: bound",
	"dest_evidence: command-line",
	"dest_evidence: [none, verified]",
	"ssh_dest: git.example.org",
	"ssh_dest: [alice@git.example.org, '*@*.org']",
	"ssh_dest: other, dest_evidence: [bound, command-line]",
	"dest_mismatch: true",
	"is_in_known_hosts: true",
	"is_in_known_hosts: false",
	"known_hosts: system",
	"git_repo: 'me/*'",
	"git_operation: push",
	"forwarded_via: hop.example.org",
	("forwarded_via: [" FINGERPRINT ", other]"),
	"is_forwarded: true",
	"is_forwarded: false",
	"hops: [1, 2]",
	"endpoint: other",
};
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

static void put_text(struct buffer *yaml, const char *words) {
	buffer_put_raw(yaml, bytes_of_text(words));
}

static void put_match(struct buffer *yaml, const char *name) {
	unsigned first = dice(N_CONDITIONS), second = dice(N_CONDITIONS);

	put_text(yaml, name);
	put_text(yaml, ": {");
	put_text(yaml, conditions[first]);
	/* One field stands once. */
	if (dice(2) == 0 && strchr(conditions[first], ',') == NULL &&
	    strstr(conditions[second], ", dest_evidence") == NULL &&
	    strncmp(conditions[first], conditions[second], strcspn(conditions[first], ":") + 1) !=
	            0) {
		put_text(yaml, ", ");
		put_text(yaml, conditions[second]);
	}
	put_text(yaml, "}\n");
}

/* NULL: the dice made none that loads, such as one with a rule that another hides. */
static struct policy *random_policy(void) {
	static const char *const actions[] = {"allow", "deny", "confirm"};
	static const struct surroundings surroundings = {.home = "/home/a"};
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	struct policy *policy = NULL;
	unsigned n_rules = 1 + dice(4);

	put_text(&yaml, "default_action: ");
	put_text(&yaml, actions[dice(3)]);
	if (dice(4) == 0)
		put_text(&yaml, "\ncoding_agents: {own: {ancestors: [run], env: {PAGER: less}}}");
	put_text(&yaml, "\nrules:\n");
	for (unsigned i = 0; i < n_rules; i++) {
		put_text(&yaml, "- ");
		put_match(&yaml, "match");
		if (dice(3) == 0) {
			put_text(&yaml, "  ");
			put_match(&yaml, "unless");
		}
		put_text(&yaml, "  action: ");
		put_text(&yaml, actions[dice(3)]);
		put_text(&yaml, "\n");
	}
	if (policy_parse(&policy, buffer_bytes(&yaml), "dice.yaml", &surroundings, &problems) < 0)
		return NULL;
	return policy;
}

static struct session_hop via = {.is_forwarding = true, .fingerprint = FINGERPRINT};

/* A request, and all that is behind it. */
struct live {
	struct process ancestors[3];
	struct caller caller;
	struct payload payload;
	struct session_hop *hop_list[2];
	struct session session;
	struct destination destination;
	struct host_names hop;
	char *full_env[4]; /* of which a guard sees what its policy asks for */
	char *env[4];
	bool has_env;
	struct request request;
};

static char *blanks_argv[] = {(char[]){"run it"}, (char[]){"run"}, NULL};
static char *run_argv[] = {(char[]){"/bin/sh"}, (char[]){"/x/run"}, NULL};
static char *sshd_argv[] = {(char[]){"sshd: alice [priv]"}, NULL};
static char *long_argv[] = {(char[]){"sh"}, NULL, NULL};
static char long_argument[600];

static struct process random_ancestor(void) {
	struct process process = {.pid = 7,
	                          .exe = text("/bin/sh"),
	                          .name = text("sh"),
	                          .title = text("sh"),
	                          .argv = run_argv,
	                          .argc = 2};

	switch (dice(7)) {
	case 0: process.argv = blanks_argv; break;
	case 1:
		process = (struct process){.pid = 8,
		                           .title = text("sshd"),
		                           .argv = sshd_argv,
		                           .argc = 1,
		                           .foreign = true};
		break;
	case 2: process = (struct process){.pid = 9, .title = text("agent")}; break;
	case 3: process = git_and_python[1]; break;
	case 4:
		memset(long_argument, 'x', sizeof(long_argument) - 1);
		long_argv[1] = long_argument;
		process.argv = long_argv;
		break;
	case 5: process.title = text("claude"); break;
	default: break;
	}
	return process;
}

static void random_session(struct live *live) {
	static const enum meeting meetings[] = {MEETING_NONE, MEETING_BOUND, MEETING_VERIFIED};
	unsigned kind = dice(4); /* none; here; forwarded; tainted */

	if (kind == 0)
		return;
	live->hop_list[0] = kind > 1 ? &via : &known_hop;
	live->hop_list[1] = &known_hop;
	live->session = (struct session){
		.hops = live->hop_list, .n_hops = kind == 1 ? 1 : 2, .is_tainted = kind == 3};
	live->request.session = &live->session;
	live->request.is_forwarded = kind == 1 ? TRI_NO : TRI_YES;
	if (kind != 3)
		live->request.meeting = meetings[dice(3)];
	if (live->request.meeting != MEETING_NONE)
		live->request.dest_key = dice(2) == 0 ? DEST_KEY : FINGERPRINT;
}

static char *some_names[] = {(char[]){"git.example.org"}, (char[]){"[git.example.org]:2222"},
                             (char[]){"other"}};
static char *hop_names[] = {(char[]){"hop.example.org"}, (char[]){"hop"}};

/* As agent/ makes it; or none, where nothing was looked up. */
static void random_destination(struct live *live) {
	static const char *const repos[] = {NULL, "", "me/x.git"};
	static const char *const operations[] = {NULL, "", "push"};
	struct destination *dest = &live->destination;
	enum dest_evidence evidence = dice(2) == 0 ? DEST_EVIDENCE_COMMAND_LINE
	                                           : DEST_EVIDENCE_NONE;
	static char shown[64];

	if (dice(4) == 0)
		return;
	dest->evidence = live->request.meeting == MEETING_VERIFIED ? DEST_EVIDENCE_VERIFIED
	                 : live->request.meeting == MEETING_BOUND  ? DEST_EVIDENCE_BOUND
	                                                           : evidence;
	dest->host.names = some_names;
	dest->host.n_names = dice(4);
	dest->host.more = (enum more_names)dice(3);
	if (dest->evidence == DEST_EVIDENCE_COMMAND_LINE && dest->host.n_names == 0)
		dest->host.n_names = 1;
	if (dest->host.n_names > 0) {
		snprintf(shown, sizeof(shown), "alice@%s", some_names[0]);
		dest->ssh_dest = shown;
	}
	dest->mismatch = (enum tri)dice(3);
	dest->is_known = (enum tri)dice(3);
	dest->known_by = dest->is_known == TRI_YES ? dice(4) : 0;
	/* Who has looked the key up, knows whether it is there. */
	if (dest->host.n_names == 0 && dest->is_known == TRI_UNKNOWN)
		dest->host.more = MORE_NAMES_UNKNOWN;
	dest->git_repo = text(repos[dice(3)]);
	dest->git_operation = text(operations[dice(3)]);
	live->hop = (struct host_names){
		.names = hop_names, .n_names = dice(3), .more = (enum more_names)dice(3)};
	dest->hops = &live->hop;
	dest->n_hops = live->session.n_hops > 1 ? 1 : 0;
	dest->hops_known = !live->session.is_tainted && dice(4) != 0;
	live->request.destination = dest;
}

static void random_payload(struct live *live) {
	static const char *const users[] = {"alice", "git", ""};

	live->payload.kind = (enum payload_kind)dice(3);
	live->payload.login.user = bytes_of_text(users[dice(3)]);
	live->payload.sshsig.name_space = bytes_of_text(dice(2) == 0 ? "git" : "file");
	live->request.payload = &live->payload;
	if (live->payload.kind != PAYLOAD_SSH_LOGIN) {
		live->request.meeting = MEETING_NONE;
		live->request.dest_key = NULL;
	}
}

static void random_live(struct live *live) {
	char *const windows[] = {NULL, text(""), text("a:b")};
	char *const variables[] = {text("EDITOR=vi"), text("PAGER=less"), text("CLAUDECODE=1")};
	struct caller *caller = &live->caller;
	size_t n = 0;

	*live = (struct live){.caller = known_caller()};
	live->request = known_request(caller);
	live->request.session = NULL;
	live->request.is_forwarded = TRI_UNKNOWN;
	live->request.meeting = MEETING_NONE;
	live->request.dest_key = NULL;
	live->request.time = clock_moment(INT64_C(1795410023123456));
	random_session(live);
	random_payload(live);
	random_destination(live);
	if (live->request.session == NULL && dice(3) == 0)
		live->request.is_forwarded = TRI_NO;
	caller->n_ancestors = dice(4);
	for (size_t i = 0; i < caller->n_ancestors; i++)
		live->ancestors[i] = random_ancestor();
	caller->ancestors = live->ancestors;
	caller->ancestors_known = dice(4) != 0;
	caller->cwd = dice(2) == 0 ? text("/home/a") : NULL;
	caller->cgroup = dice(2) == 0 ? text("/user.slice") : NULL;
	caller->tmux_window = windows[dice(3)];
	caller->has_terminal = (enum tri)dice(3);
	caller->presence = (enum presence)dice(3);
	caller->presence_evidence = caller->presence == PRESENCE_UNKNOWN ? NULL
	                            : dice(2) == 0                       ? "logind"
	                                                                 : "environment";
	caller->integrity = dice(4) == 0 ? INTEGRITY_PRELOADED : 0;
	caller->integrity |= dice(6) == 0 ? INTEGRITY_FD_INHERITED : 0;
	caller->integrity_unknown = dice(4) == 0 ? INTEGRITY_TRACED : 0;
	caller->apart = dice(4) == 0 ? APART_PID : 0;
	caller->apart_unknown = dice(4) == 0 ? APART_PID : 0;
	if (dice(8) == 0) {
		caller->process.exe = NULL;
		caller->process.name = NULL;
	}
	if (dice(8) == 0)
		caller->process.title = text("agent");
	live->has_env = dice(3) != 0;
	for (size_t i = 0; i < 3; i++)
		if (dice(2) == 0)
			live->full_env[n++] = variables[i];
	if (dice(8) == 0) {
		caller->state = CALLER_UNKNOWN;
		caller->reason = "caller-unreadable";
	}
}

/* As the guard of that policy sees it. */
static struct request seen_by(struct live *live, const struct policy *policy) {
	size_t n_names;
	const char *const *names = policy_env_names(policy, &n_names);
	struct request request = live->request;

	live->caller.n_env = 0;
	live->caller.env = live->has_env ? live->env : NULL;
	memset(live->env, 0, sizeof(live->env));
	for (size_t i = 0; live->full_env[i] != NULL && live->has_env; i++)
		for (size_t j = 0; j < n_names; j++)
			if (strncmp(live->full_env[i], names[j], strlen(names[j])) == 0 &&
			    live->full_env[i][strlen(names[j])] == '=') {
				live->env[live->caller.n_env++] = live->full_env[i];
				break;
			}
	request.coding_agents = policy_coding_agents(policy, &request);
	return request;
}

static unsigned prospect_of(enum action action) {
	return action == ACTION_ALLOW  ? PROSPECT_ALLOW
	       : action == ACTION_DENY ? PROSPECT_DENY
	                               : PROSPECT_CONFIRM;
}

static size_t check_one(struct live *live, const struct policy *then, const struct policy *now) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(free_recalled) struct recalled *recalled = NULL;
	struct request request = seen_by(live, then);
	struct redecided redecided;
	struct verdict verdict;

	put_event(&document, &request, then, "allow");
	request = seen_by(live, now);
	verdict = policy_decide(now, &request);
	assert_int_equal(recalled_new(&recalled, buffer_bytes(&document)), 0);
	redecided = recalled_decide(recalled, NULL, now);
	if ((redecided.prospects & prospect_of(verdict.action)) == 0 ||
	    (redecided.lacking == NULL && redecided.verdict.action != verdict.action))
		fail_msg("live it is %s by %s, and again %s by %s, which may be %#x (%s)\n%.*s",
		         action_name(verdict.action), verdict.rule,
		         action_name(redecided.verdict.action), redecided.verdict.rule,
		         redecided.prospects,
		         redecided.lacking != NULL ? redecided.lacking : "nothing lacks",
		         (int)document.len, document.data);
	return redecided.lacking == NULL;
}

static void it_is_decided_as_live_or_not_at_all(void **state) {
	unsigned rounds = repetitions(4000);
	size_t n = 0, n_decided = 0;

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		CLEANUP(free_policy) struct policy *then = random_policy();
		CLEANUP(free_policy) struct policy *now = random_policy();
		struct live live;

		/* Anew now and then, because one row of dice may never meet a case. */
		if (i % 1000 == 0)
			dice_state = 1 + i / 1000;
		if (then == NULL || now == NULL)
			continue;
		for (unsigned j = 0; j < 4; j++) {
			random_live(&live);
			is_brief = dice(8) == 0;
			n_decided += check_one(&live, then, now);
			n_decided += check_one(&live, now, now);
			n += 2;
		}
	}
	is_brief = false;
	/* That nothing can be decided would be true as well, and of no use. */
	assert_true(n > rounds);
	assert_true(n_decided > n / 2);
	print_message("# %zu of %zu decided\n", n_decided, n);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_event_tells_is_enough),
		cmocka_unit_test(what_was_not_known_then_is_no_gap),
		cmocka_unit_test(what_may_have_been_known_is_in_doubt),
		cmocka_unit_test(what_was_hidden_of_a_command_is_in_doubt),
		cmocka_unit_test(what_was_not_accepted_is_in_doubt),
		cmocka_unit_test(what_an_ancestor_calls_itself_is_told_whatever_its_arguments_are),
		cmocka_unit_test(a_secret_of_the_environment_stays_unknown),
		cmocka_unit_test(by_the_same_policy_a_variable_that_is_not_there_was_not_set),
		cmocka_unit_test(what_is_no_request_is_passed_over),
		cmocka_unit_test(what_is_damaged_is_refused),
		cmocka_unit_test(what_it_came_to_is_told),
		cmocka_unit_test(it_is_decided_as_live_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
