/* check: what would happen if this process asked now, and why. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/destination.h"
#include "agent/digests.h"
#include "base/diag.h"
#include "base/show.h"
#include "caller/caller.h"
#include "caller/reader.h"
#include "cmd/cmd.h"
#include "cmd/in_force.h"
#include "cmd/places.h"
#include "cmd/tell.h"
#include "platform/platform.h"
#include "policy/floor.h"

static const char help[] =
	"usage: ssh-agent-guard check [--pid PID] [--key FINGERPRINT] [--operation OPERATION]\n"
	"                             [--policy PATH] [--listen PATH]\n"
	"\n"
	"Prints what the guard can learn of a process, and what the policy would say to a request\n"
	"of it: for each rule why it fits or not, and then the verdict. Nothing is asked of any\n"
	"agent, and no event is written.\n"
	"\n"
	"  --pid PID          the process; where not given, the one that started this command\n"
	"  --key FINGERPRINT  the key, as ssh-keygen -l prints it; where not given, it is not "
	"known\n"
	"  --operation NAME   sign (the default), list, add, remove ...\n"
	"  --policy PATH      the policy file; where not given, that of the guard that runs, or "
	"the\n"
	"                     one at its ordinary place where none does\n"
	"  --listen PATH      the socket of the guard that is meant\n"
	"\n"
	"Exit status 0: it would be allowed. 1: it would be denied, or a human would be asked.\n"
	"2: wrong usage, no such process, or a policy that has errors.\n";

static const struct option long_options[] = {
	{"pid", required_argument, NULL, 'i'},
	{"key", required_argument, NULL, 'k'},
	{"operation", required_argument, NULL, 'o'},
	{"policy", required_argument, NULL, 'p'},
	{"listen", required_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct asked {
	pid_t pid;
	const char *policy; /* NULL: the one of the guard */
	const char *listen; /* NULL: the ordinary socket */
	struct request request;
};

static bool take_pid(struct asked *asked, const char *text) {
	char *end;
	long pid = strtol(text, &end, 10);

	if (end == text || *end != '\0' || pid < 1 || pid > INT_MAX) {
		diag_error("check: --pid %s: not a number of a process", text);
		return false;
	}
	asked->pid = (pid_t)pid;
	return true;
}

static bool take_key(struct asked *asked, const char *text) {
	struct key_facts *key = &asked->request.key;
	static const char kind[] = "SHA256:";

	if (strncmp(text, kind, strlen(kind)) != 0 ||
	    strlen(text) != sizeof(key->fingerprint) - 1) {
		diag_error("check: --key %s: not a fingerprint (write SHA256: and 43 letters, as "
		           "ssh-keygen -l prints them)",
		           text);
		return false;
	}
	memcpy(key->fingerprint, text, sizeof(key->fingerprint));
	return true;
}

static bool take_operation(struct asked *asked, const char *text) {
	for (int i = 0; i < OPERATION_COUNT; i++)
		if (strcmp(operation_name((enum operation)i), text) == 0) {
			asked->request.operation = (enum operation)i;
			return true;
		}
	diag_error("check: --operation %s: there is no such operation (see "
	           "ssh-agent-guard-policy(5))",
	           text);
	return false;
}

static bool take_path(const char **ret, const char *option, const char *text) {
	*ret = text;
	if (*text != '\0')
		return true;
	diag_error("check: %s: the path is empty (is a variable of your shell unset?)", option);
	return false;
}

/* false: what is wrong has been said. */
static bool take(struct asked *asked, int option, char *const *argv) {
	switch (option) {
	case 'i': return take_pid(asked, optarg);
	case 'k': return take_key(asked, optarg);
	case 'o': return take_operation(asked, optarg);
	case 'p': return take_path(&asked->policy, "--policy", optarg);
	case 'l': return take_path(&asked->listen, "--listen", optarg);
	default:
		diag_error("check: %s: %s (see `ssh-agent-guard check --help`)", argv[optind - 1],
		           option == ':' ? "needs a value" : "unknown option");
		return false;
	}
}

/* What the guard goes by, or one that would start now; but a file that was named is one that should
 * be there. */
static int load_policy(struct policy **ret, const struct in_force *in_force,
                       const struct places *places, const struct policy *floor, bool named) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = named ? policy_load(ret, places->policy, &problems)
	                  : in_force_load(ret, in_force, places, floor, &problems);

	if (error == -ENOENT && !named) {
		diag_info("%s: not there, so every signature needs a confirmation", places->policy);
		error = policy_new_default(ret);
	}
	tell_problems(&problems);
	if (error < 0 && problems.count == 0)
		diag_error("check: %s: %s", places->policy, strerror(-error));
	return error;
}

static void on_read(void *data, struct caller *caller) {
	struct caller **ret = data;

	*ret = caller;
	ev_break(ev_default_loop(0), EVBREAK_ALL);
}

/* As the guard does it: by a reader, which cannot keep us waiting, and with the question to tmux.
 */
static int ask_reader(struct caller **ret, const struct peer *peer, const char *const *names,
                      size_t n_names) {
	struct ev_loop *loop = ev_default_loop(0);
	struct reader *reader = NULL;
	struct reader_job *job;
	int error = loop != NULL ? reader_new(&reader, loop) : -ENOMEM;

	if (error == 0)
		error = reader_set_env_names(reader, names, n_names);
	if (error == 0)
		error = reader_ask(&job, reader, peer, on_read, ret);
	if (error == 0)
		ev_run(loop, 0);
	reader_free(reader);
	return error;
}

static int read_caller(struct caller **ret, pid_t pid, const struct policy *floor,
                       const struct policy *policy) {
	CLEANUP(free_pointer) const char **names = NULL;
	struct peer peer = PEER_UNKNOWN;
	size_t n_names = 0;
	int error = floor_env_names(&names, &n_names, floor, policy);

	if (error == 0)
		error = platform_peer_of(&peer, pid);
	if (error == 0)
		error = ask_reader(ret, &peer, names, n_names);
	peer_deinit(&peer);
	/* There is no connection that it could hold in the wrong way. */
	if (error == 0) {
		(*ret)->integrity &= ~(unsigned)INTEGRITY_FD_INHERITED;
		(*ret)->integrity_unknown &= ~(unsigned)INTEGRITY_FD_INHERITED;
	}
	if (error < 0)
		diag_error("check: process %ld: %s", (long)pid, strerror(-error));
	return error;
}

/* As the guard does where a rule asks; where it cannot be made it stays unknown. */
static void read_digest(struct caller *caller, const struct policy *floor,
                        const struct policy *policy) {
	char hex[DIGEST_HEX_SIZE];

	if (caller->process.exe == NULL || (!policy_asks(policy, "exe_sha256") &&
	                                    (floor == NULL || !policy_asks(floor, "exe_sha256"))))
		return;
	if (digest_file(hex, caller->process.exe, &caller->exe_id) == 0)
		caller->exe_sha256 = strdup(hex);
}

/* The floor in force, NULL where there is none. */
static int load_floor(struct policy **ret) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = floor_load(ret, &problems);

	tell_problems(&problems);
	if (error < 0 && error != -ENOENT && problems.count == 0)
		diag_error("check: %s: %s", FLOOR_PATH, strerror(-error));
	return error == -ENOENT ? 0 : error;
}

static int tell_policy(struct verdict *ret, const char *name, const struct policy *policy,
                       struct request *request) {
	request->coding_agents = policy_coding_agents(policy, request);
	printf("%-23s", name);
	show(stdout, *policy_path(policy) != '\0' ? policy_path(policy) : "(there is no file)", 0);
	puts("");
	return tell_decision(ret, stdout, "", policy, request);
}

static int tell(struct asked *asked, const struct policy *floor, const struct policy *policy) {
	struct verdict verdict, above;
	int error;

	printf("%-23s%ld\n", "process", (long)asked->pid);
	asked->request.coding_agents = policy_coding_agents(policy, &asked->request);
	tell_request(stdout, "", &asked->request);
	tell_process(stdout, asked->request.caller);
	error = tell_policy(&verdict, "policy", policy, &asked->request);
	if (error == 0 && floor != NULL) {
		error = tell_policy(&above, "floor", floor, &asked->request);
		verdict = floor_decide(floor, policy, &asked->request);
		printf("%-23s%s, by %s\n", "the stricter", action_name(verdict.action),
		       verdict.by_floor ? "the floor" : "the policy");
	}
	if (error == 0 && fflush(stdout) != 0)
		error = -errno;
	if (error < 0) {
		diag_error("check: %s", strerror(-error));
		return EXIT_USAGE;
	}
	return verdict.action == ACTION_ALLOW ? EXIT_DONE : EXIT_FAILED;
}

/* What its command line says of where it goes: there is no host that has proved itself. */
static int set_destination(struct asked *asked, struct destination *destination,
                           const struct policy *floor, const struct policy *policy) {
	static const struct session session;
	const struct destination_input input = {
		.policy = policy,
		.floor = floor,
		.caller = asked->request.caller,
		.session = &session,
		.is_for_login = true,
	};
	enum tri is_forwarded;
	int error = destination_make(destination, &is_forwarded, &input);

	if (error < 0)
		diag_error("check: %s", strerror(-error));
	else
		asked->request.destination = destination;
	return error;
}

static int check(struct asked *asked) {
	/* The question that is meant where none is asked: may it log in? */
	static const struct payload login = {.kind = PAYLOAD_SSH_LOGIN};
	struct places places;
	struct policy *floor = NULL;
	struct policy *policy = NULL;
	struct caller *caller = NULL;
	struct destination destination = {0};
	struct in_force in_force = {0};
	int status = EXIT_USAGE;

	if (places_init(&places, asked->policy, NULL, asked->listen) < 0) {
		diag_error("no home directory is known (set HOME)");
		return EXIT_USAGE;
	}
	if (asked->policy == NULL)
		in_force_find(&in_force, &places);
	if (load_floor(&floor) == 0 &&
	    load_policy(&policy, &in_force, &places, floor, asked->policy != NULL) == 0 &&
	    read_caller(&caller, asked->pid, floor, policy) == 0) {
		read_digest(caller, floor, policy);
		asked->request.caller = caller;
		if (asked->request.operation == OPERATION_SIGN)
			asked->request.payload = &login;
		if (set_destination(asked, &destination, floor, policy) == 0)
			status = tell(asked, floor, policy);
	}
	destination_deinit(&destination);
	caller_free(caller);
	policy_unref(policy);
	policy_unref(floor);
	places_deinit(&places);
	return status;
}

int cmd_check(int argc, char **argv) {
	struct asked asked = {
		.pid = getppid(),
		.request = {.operation = OPERATION_SIGN,
	                    .endpoint = "default",
	                    .time = clock_moment(clock_real_us())},
	};
	int option;

	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (!take(&asked, option, argv))
			return EXIT_USAGE;
	}
	if (argv[optind] != NULL) {
		diag_error("check: does not know what to do with %s (see `ssh-agent-guard check "
		           "--help`)",
		           argv[optind]);
		return EXIT_USAGE;
	}
	return check(&asked);
}
