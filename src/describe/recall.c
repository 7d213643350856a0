#include "describe/recall.h"

#include <errno.h>
#include <string.h>

#include "base/argv.h"
#include "caller/caller.h"
#include "describe/part.h"
#include "describe/recall_event.h"
#include "log/when.h"
#include "policy/explain.h"
#include "policy/field.h"
#include "policy/floor.h"

#define TITLE_LEN_MAX 15 /* of what the kernel makes of a program's name */

/* log/event_yaml.c cuts texts there; one that comes near may be cut within a character. */
#define CUT_SLACK       4
#define TREE_NAME_WHOLE (256 - CUT_SLACK)
#define TREE_PATH_WHOLE (4096 - CUT_SLACK)
#define TREE_WHOLE      (8192 - CUT_SLACK)

struct memory {
	struct recalled recalled;
	struct told_event told;
};

static struct told_event *told_of(struct recalled *recalled) {
	return &((struct memory *)recalled)->told;
}

/* Which fields are told is recalled field by field below. One that is not named here, or will come
 * to be, is in doubt. */
static uint64_t fields_told(void) {
	static const char *const told[] = {
		"process_name",
		"parent_process_name",
		"exe",
		"ancestor",
		"command",
		"cwd",
		"cgroup",
		"env",
		"uid",
		"user_presence",
		"tmux_window",
		"is_in_container",
		"time",
		"is_coding_agent",
		"coding_agent",
		"has_terminal",
		"caller_integrity",
		"key",
		"key_type",
		"operation",
		"endpoint",
		"sign_type",
		"namespace",
		"ssh_user",
		"dest_key",
		"dest_evidence",
		"ssh_dest",
		"dest_mismatch",
		"is_in_known_hosts",
		"known_hosts",
		"git_repo",
		"git_operation",
		"forwarded_via",
		"is_forwarded",
		"hops",
	};
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		bits |= field_bit(field_find(told[i]));
	return bits;
}

static void doubt(struct recalled *recalled, const char *field) {
	recalled->doubtful |= field_bit(field_find(field));
}

static void doubt_if_cut(struct recalled *recalled, enum told which, const char *field) {
	if (told_of(recalled)->is_cut[which])
		doubt(recalled, field);
}

/* Owned by whoever gets it; NULL stays NULL. -ENOMEM. */
static int copy(char **ret, const char *text) {
	*ret = text != NULL ? strdup(text) : NULL;
	return text != NULL && *ret == NULL ? -ENOMEM : 0;
}

/* ---- processes ---- */

/* An event leaves out a title that is the beginning of the name. */
static int recall_title(struct process *process, const char *title) {
	if (title != NULL || process->name == NULL)
		return copy(&process->title, title);
	process->title = strndup(process->name, TITLE_LEN_MAX);
	return process->title != NULL ? 0 : -ENOMEM;
}

/* As many arguments as there are blanks and one; where that is not so, or the text was cut, what
 * counts of them stands beside it. */
static int recall_joined(struct process *process, const struct told_process *told) {
	CLEANUP(buffer_deinit) struct buffer joined = {0};

	if (told->has_argv0) {
		buffer_put_raw(&joined, buffer_bytes(&told->argv0));
		buffer_put_raw(&joined, buffer_bytes(&told->script));
	} else {
		buffer_put_raw(&joined, buffer_bytes(&told->command));
		for (size_t i = 0; i < joined.len; i++)
			if (joined.data[i] == ' ')
				joined.data[i] = '\0';
		joined.len = joined.len == 1 ? 0 : joined.len;
	}
	if (buffer_error(&joined) < 0)
		return -ENOMEM;
	return argv_split(&process->argv, &process->argc, buffer_bytes(&joined));
}

static int recall_ancestor(struct process *process, const struct told_process *told) {
	const char *name = told->has_name ? (const char *)told->name.data : NULL;
	const char *exe = told->has_exe ? (const char *)told->exe.data : NULL;
	const char *title = told->has_title ? (const char *)told->title.data : NULL;
	int error = copy(&process->name, name);

	process->foreign = told->foreign;
	if (error == 0)
		error = copy(&process->exe, exe);
	if (error == 0)
		error = recall_title(process, title);
	if (error == 0 && told->has_command)
		error = recall_joined(process, told);
	return error;
}

/* Texts share one room, in which each may have been cut. */
static bool tree_is_whole(const struct told_event *told) {
	size_t sum = 0;

	for (size_t i = 0; i < told->n_tree; i++) {
		const struct told_process *process = &told->tree[i];

		if (process->name.len > TREE_NAME_WHOLE || process->title.len > TREE_NAME_WHOLE ||
		    process->exe.len > TREE_PATH_WHOLE || process->argv0.len > TREE_PATH_WHOLE ||
		    process->script.len > TREE_PATH_WHOLE)
			return false;
		sum += process->name.len + process->title.len + process->exe.len +
		       process->argv0.len + process->script.len;
	}
	return sum <= TREE_WHOLE;
}

static int recall_ancestors(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct caller *caller = recalled->caller;
	bool is_whole = tree_is_whole(told);
	int error = 0;

	if (told->n_tree == 0)
		return 0;
	caller->ancestors = calloc(told->n_tree, sizeof(*caller->ancestors));
	if (caller->ancestors == NULL)
		return -ENOMEM;
	caller->ancestors_known = told_tri(told, TOLD_TREE_COMPLETE) != TRI_NO && is_whole;
	/* The first one is the caller itself. */
	for (size_t i = 1; i < told->n_tree && is_whole && error == 0; i++)
		error = recall_ancestor(&caller->ancestors[caller->n_ancestors++], &told->tree[i]);
	if (!is_whole) {
		doubt(recalled, "ancestor");
		doubt(recalled, "parent_process_name");
	}
	return error;
}

/* Whether a script is named, if at all, before the place where the arguments were cut. */
static bool has_operand(const struct process *process) {
	for (size_t i = 1; i < process->argc; i++)
		if (process->argv[i][0] != '-')
			return true;
	return false;
}

static int recall_process(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct process *process = &recalled->caller->process;
	struct bytes arguments = buffer_bytes(&told->command);
	int error = copy(&process->name, told_text(told, TOLD_PROCESS_NAME));

	if (error == 0)
		error = copy(&process->exe, told_text(told, TOLD_EXE));
	if (error == 0)
		error = recall_title(process, told_text(told, TOLD_TITLE));
	if (told->command_is_cut)
		arguments.len = told->last_argument_at;
	if (error == 0 && told->has_command)
		error = argv_split(&process->argv, &process->argc, arguments);
	process->argv_cut = told->command_is_cut;
	doubt_if_cut(recalled, TOLD_PROCESS_NAME, "process_name");
	doubt_if_cut(recalled, TOLD_TITLE, "process_name");
	doubt_if_cut(recalled, TOLD_EXE, "exe");
	if (told->is_there[TOLD_BRIEF]) {
		/* A rule for names must not seem to miss what its arguments call it. */
		free(process->name);
		process->name = NULL;
	}
	if (!told->command_is_cut)
		return error;
	doubt(recalled, "command");
	if (!has_operand(process)) {
		/* A rule for names must not seem to miss it. */
		free(process->name);
		process->name = NULL;
		doubt(recalled, "process_name");
	}
	return error;
}

/* ---- the caller ---- */

static const char *known_word(const char *const *words, size_t n_words, const char *text) {
	for (size_t i = 0; text != NULL && i < n_words; i++)
		if (strcmp(words[i], text) == 0)
			return words[i];
	return NULL;
}

static void recall_presence(struct recalled *recalled) {
	static const char *const evidence[] = {"logind", "environment", "ancestors"};
	const char *text = told_text(told_of(recalled), TOLD_PRESENCE);
	struct caller *caller = recalled->caller;

	for (int i = PRESENCE_UNKNOWN; i <= PRESENCE_LOCKED && text != NULL; i++)
		if (strcmp(presence_name((enum presence)i), text) == 0)
			caller->presence = (enum presence)i;
	caller->presence_evidence = known_word(
		evidence, 3, told_text(told_of(recalled), TOLD_PRESENCE_EVIDENCE));
}

/* That no coding agent is behind it, nobody can say without having read the environment. */
static int recall_env(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct caller *caller = recalled->caller;

	recalled->env_is_whole = !told->env_is_cut;
	if (!told->has_env && recalled->was_agent != TRI_NO) {
		recalled->env_is_whole = false;
		return 0;
	}
	return argv_split(&caller->env, &caller->n_env, buffer_bytes(&told->env));
}

/* What a brief event leaves out, with what makes its fields unknown. */
static void recall_brief(struct recalled *recalled) {
	static const char *const left_out[] = {
		"process_name", "parent_process_name", "ancestor",        "command",
		"env",          "user_presence",       "is_in_container", "caller_integrity",
	};
	struct caller *caller = recalled->caller;

	if (!told_of(recalled)->is_there[TOLD_BRIEF])
		return;
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		doubt(recalled, left_out[i]);
	caller->integrity_unknown = ((1U << INTEGRITY_COUNT) - 1) & ~caller->integrity;
	caller->apart_unknown = (1U << APART_COUNT) - 1;
	caller->presence_evidence = "environment"; /* so that "unknown" is not certain either */
}

static uint64_t number(const char *text) {
	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static int recall_caller(struct recalled *recalled) {
	static const char *const reasons[] = {"caller-unknown", "caller-changed",
	                                      "caller-unreadable", "mixed-writers", "other-uid"};
	struct told_event *told = told_of(recalled);
	const char *reason = told_text(told, TOLD_CALLER_REASON);
	const char *uid = told_text(told, TOLD_UID);
	struct caller *caller;
	int error = caller_new_unknown(&recalled->caller, NULL, "caller-unknown");

	if (error < 0)
		return error;
	caller = recalled->caller;
	caller->uid = uid != NULL ? (uid_t)number(uid) : (uid_t)-1;
	if (told->is_there[TOLD_CALLER_REASON]) {
		reason = known_word(reasons, sizeof(reasons) / sizeof(reasons[0]), reason);
		caller->reason = reason != NULL ? reason : "caller-unreadable";
		return 0;
	}
	caller->state = CALLER_IDENTIFIED;
	caller->reason = NULL;
	caller->process.pid = (pid_t)number(told_text(told, TOLD_PID));
	caller->integrity = told->integrity;
	caller->integrity_unknown = told->integrity_unknown;
	caller->apart = told->apart;
	caller->apart_unknown = told->apart_unknown;
	caller->has_terminal = told_tri(told, TOLD_HAS_TERMINAL);
	recall_presence(recalled);
	doubt_if_cut(recalled, TOLD_CWD, "cwd");
	doubt_if_cut(recalled, TOLD_CGROUP, "cgroup");
	/* Without it, there was none, or it could not be asked. */
	if (told_text(told, TOLD_TMUX_WINDOW) == NULL)
		doubt(recalled, "tmux_window");
	recall_brief(recalled);
	error = copy(&caller->cwd, told_text(told, TOLD_CWD));
	/* Where a policy asked for it; else in doubt, as all that fields_told() does not name. */
	if (error == 0)
		error = copy(&caller->exe_sha256, told_text(told, TOLD_EXE_SHA256));
	if (error == 0)
		error = copy(&caller->cgroup, told_text(told, TOLD_CGROUP));
	if (error == 0)
		error = copy(&caller->tmux_window, told_text(told, TOLD_TMUX_WINDOW));
	if (error == 0)
		error = recall_process(recalled);
	if (error == 0)
		error = recall_ancestors(recalled);
	if (error == 0)
		error = recall_env(recalled);
	return error;
}

/* ---- what was asked ---- */

static bool recall_word(unsigned *ret, const char *text, unsigned count,
                        const char *(*word)(unsigned value)) {
	for (unsigned i = 0; i < count && text != NULL; i++)
		if (strcmp(word(i), text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static const char *payload_word(unsigned value) {
	return payload_kind_name((enum payload_kind)value);
}

static const char *meeting_word(unsigned value) {
	return meeting_name((enum meeting)value);
}

static void recall_payload(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	const char *user = told_text(told, TOLD_SSH_USER);
	const char *name_space = told_text(told, TOLD_NAMESPACE);
	unsigned kind;

	if (recalled->request.operation != OPERATION_SIGN ||
	    !recall_word(&kind, told_text(told, TOLD_SIGN_TYPE), PAYLOAD_SSHSIG + 1, payload_word))
		return;
	recalled->payload.kind = (enum payload_kind)kind;
	if (user != NULL)
		recalled->payload.login.user = bytes_of_text(user);
	else if (kind == PAYLOAD_SSH_LOGIN)
		doubt(recalled, "ssh_user");
	if (name_space != NULL)
		recalled->payload.sshsig.name_space = bytes_of_text(name_space);
	/* A namespace that is not there is no unknown one; so nothing is said of the payload. */
	if (kind == PAYLOAD_SSHSIG && name_space == NULL) {
		doubt(recalled, "namespace");
		doubt(recalled, "sign_type");
		return;
	}
	recalled->request.payload = &recalled->payload;
}

/* ---- names ---- */

/* The texts of a list, one block; NULL where there is none. */
static int recall_list(char ***ret, size_t *ret_count, const struct buffer *texts) {
	return texts->len > 0 ? argv_split(ret, ret_count, buffer_bytes(texts)) : 0;
}

static int recall_one_name(struct host_names *host, const char *name) {
	struct bytes text = {(const uint8_t *)name, strlen(name) + 1};

	return argv_split(&host->names, &host->n_names, text);
}

/* What is written of the first name is all there is, unless the event says otherwise. */
static int recall_host(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct host_names *host = &recalled->destination.host;
	const char *dest = told_text(told, TOLD_SSH_DEST);
	const char *more = told_text(told, TOLD_NAMES_MORE);
	const char *at = dest != NULL ? strrchr(dest, '@') : NULL;
	int error = 0;

	host->more = MORE_NAMES_NONE;
	if (more != NULL)
		host->more = strcmp(more, "hidden") == 0 ? MORE_NAMES_HIDDEN : MORE_NAMES_UNKNOWN;
	recalled->names_are_hidden = host->more == MORE_NAMES_HIDDEN;
	if (told->dest_names.len > 0)
		error = recall_list(&host->names, &host->n_names, &told->dest_names);
	else if (dest != NULL)
		error = recall_one_name(host, at != NULL ? at + 1 : dest);
	if (!told->is_cut[TOLD_SSH_DEST] && !told->dest_names_are_cut)
		return error;
	host->more = MORE_NAMES_UNKNOWN;
	doubt(recalled, "ssh_dest");
	return error;
}

static void recall_known(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct destination *destination = &recalled->destination;

	destination->mismatch = told_tri(told, TOLD_MISMATCH);
	destination->is_known = told_tri(told, TOLD_IS_KNOWN);
	destination->known_by = told->known_by;
}

/* Without it, there was none, or nobody could tell. */
static int recall_git(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct destination *destination = &recalled->destination;
	int error = copy(&destination->git_repo, told_text(told, TOLD_GIT_REPO));

	if (error == 0)
		error = copy(&destination->git_operation, told_text(told, TOLD_GIT_OPERATION));
	if (recalled->request.is_forwarded == TRI_YES)
		return error;
	if (destination->git_repo == NULL)
		doubt(recalled, "git_repo");
	if (destination->git_operation == NULL)
		doubt(recalled, "git_operation");
	return error;
}

static int recall_destination(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct request *request = &recalled->request;
	const char *evidence = told_text(told, TOLD_DEST_EVIDENCE);
	int error;

	error = copy(&recalled->destination.ssh_dest, told_text(told, TOLD_SSH_DEST));
	if (error < 0)
		return error;
	if (evidence != NULL && strcmp(evidence, "command-line") == 0)
		recalled->destination.evidence = DEST_EVIDENCE_COMMAND_LINE;
	request->destination = &recalled->destination;
	recall_known(recalled);
	error = recall_host(recalled);
	/* That nothing was looked up, an event does not say. */
	if (!told->is_there[TOLD_SSH_DEST] && !told->is_there[TOLD_NAMES_MORE] &&
	    !told->is_there[TOLD_IS_KNOWN] && told->known_by == 0) {
		doubt(recalled, "ssh_dest");
		doubt(recalled, "is_in_known_hosts");
		doubt(recalled, "known_hosts");
		recalled->destination.host.more = MORE_NAMES_UNKNOWN;
	}
	/* Of each host on the way the event has one name, where there may be more. */
	if (request->is_forwarded == TRI_YES)
		doubt(recalled, "forwarded_via");
	return error == 0 ? recall_git(recalled) : error;
}

/* A chain that is void (tainted) tells its hops in the event, and no rule. */
static int recall_session(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	struct request *request = &recalled->request;
	uint64_t hops = number(told_text(told, TOLD_HOPS));

	request->is_forwarded = told_tri(told, TOLD_IS_FORWARDED);
	switch (request->is_forwarded) {
	case TRI_UNKNOWN: return 0;
	case TRI_NO:
		/* By the session, or by the command line alone. */
		if (request->meeting == MEETING_NONE) {
			doubt(recalled, "hops");
			return 0;
		}
		hops = 0;
		break;
	case TRI_YES:
		if (hops == 0)
			return 0;
		if (request->meeting == MEETING_NONE || hops >= SESSION_HOPS_MAX) {
			doubt(recalled, "hops");
			return 0;
		}
		break;
	}
	request->session = &recalled->session;
	return session_make_hops(&recalled->session, (unsigned)hops);
}

static int recall_request(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct request *request = &recalled->request;
	const char *key = told_text(told, TOLD_KEY), *type = told_text(told, TOLD_KEY_TYPE);
	const char *stamp = told_text(told, TOLD_TIMESTAMP);
	unsigned meeting = MEETING_NONE;
	int64_t real_us;
	int error;

	if (key != NULL && strlen(key) < sizeof(request->key.fingerprint))
		strcpy(request->key.fingerprint, key);
	if (type != NULL && strlen(type) < sizeof(request->key.type))
		strcpy(request->key.type, type);
	if (stamp == NULL || when_stamp(&real_us, bytes_of_text(stamp)) < 0)
		return -EBADMSG;
	request->time = clock_moment(real_us);
	request->key_comment = told_text(told, TOLD_KEY_COMMENT);
	request->caller = recalled->caller;
	request->endpoint = told_text(told, TOLD_ENDPOINT);
	if (request->endpoint == NULL)
		return -EBADMSG;
	recall_payload(recalled);
	if (recall_word(&meeting, told_text(told, TOLD_DEST_EVIDENCE), MEETING_VERIFIED + 1,
	                meeting_word))
		request->meeting = (enum meeting)meeting;
	if (request->meeting == MEETING_BOUND || request->meeting == MEETING_VERIFIED)
		request->dest_key = told_text(told, TOLD_DEST_KEY);
	error = recall_session(recalled);
	return error == 0 ? recall_destination(recalled) : error;
}

/* ---- what it came to ---- */

static bool recall_operation(enum operation *ret, const char *trigger) {
	for (int i = 0; i < OPERATION_COUNT && trigger != NULL; i++)
		if (strcmp(operation_name((enum operation)i), trigger) == 0) {
			*ret = (enum operation)i;
			return true;
		}
	return false;
}

static int recall_decision(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	const char *decision = told_text(told, TOLD_DECISION);

	if (decision == NULL ||
	    !recall_operation(&recalled->request.operation, told_text(told, TOLD_TRIGGER)))
		return -ENOENT;
	recalled->seq = number(told_text(told, TOLD_SEQ));
	recalled->rule = told_text(told, TOLD_RULE);
	recalled->reason = told_text(told, TOLD_REASON);
	recalled->was_agent = told_tri(told, TOLD_IS_AGENT);
	recalled->repeated = number(told_text(told, TOLD_REPEATED));
	recalled->sha256 = told_text(told, TOLD_SHA256);
	recalled->floor_sha256 = told_text(told, TOLD_FLOOR_SHA256);
	if (strcmp(decision, "allow") == 0) {
		recalled->was = ACTION_ALLOW;
		recalled->said_yes = true;
	} else if (strcmp(decision, "confirmed") == 0) {
		recalled->was = ACTION_CONFIRM;
		recalled->said_yes = true;
	} else if (strcmp(decision, "confirm-denied") == 0) {
		recalled->was = ACTION_CONFIRM;
	} else if (strcmp(decision, "deny") == 0) {
		recalled->was = ACTION_DENY;
		recalled->end = recalled->reason != NULL ? RECALLED_REFUSED : RECALLED_DECIDED;
	} else {
		return -EBADMSG;
	}
	return 0;
}

int recalled_new(struct recalled **ret, struct bytes document) {
	struct memory *memory = calloc(1, sizeof(*memory));
	struct recalled *recalled;
	int error;

	if (memory == NULL)
		return -ENOMEM;
	recalled = &memory->recalled;
	recalled->doubtful = ~fields_told();
	error = told_event_read(&memory->told, document);
	if (error == 0)
		error = recall_decision(recalled);
	if (error == 0 && memory->told.is_strange)
		error = -EBADMSG;
	if (error == 0)
		error = recall_caller(recalled);
	if (error == 0)
		error = recall_request(recalled);
	if (error < 0) {
		recalled_free(recalled);
		return error;
	}
	*ret = recalled;
	return 0;
}

void recalled_free(struct recalled *recalled) {
	if (recalled == NULL)
		return;
	told_event_deinit(told_of(recalled));
	caller_free(recalled->caller);
	for (size_t i = 0; i < recalled->session.n_hops; i++)
		free(recalled->session.hops[i]);
	free(recalled->session.hops);
	free(recalled->destination.ssh_dest);
	free(recalled->destination.host.names);
	free(recalled->destination.git_repo);
	free(recalled->destination.git_operation);
	free((struct memory *)recalled);
}

/* ---- decided again ---- */

static bool is_same(const struct policy *policy, const char *sha256) {
	return sha256 != NULL && *sha256 != '\0' && strcmp(policy_sha256(policy), sha256) == 0;
}

/* Which variables were asked for, only the policy of then knows; so it is with who is an agent. */
struct request recalled_request(struct recalled *recalled, const struct policy *policy,
                                uint64_t *ret_doubtful) {
	struct request request = recalled->request;
	struct coding_agents *agents = &request.coding_agents;
	bool is_then = is_same(policy, recalled->sha256) || is_same(policy, recalled->floor_sha256);

	*ret_doubtful = recalled->doubtful;
	if (recalled->names_are_hidden) {
		recalled->destination.host.more = is_then ? MORE_NAMES_HIDDEN : MORE_NAMES_UNKNOWN;
		*ret_doubtful |= is_then ? 0 : field_bit(field_find("ssh_dest"));
	}
	if (recalled->caller->state != CALLER_IDENTIFIED) {
		/* Nothing of it counts, nor did. */
		for (size_t i = 0; i < n_fields; i++)
			if ((fields[i].traits & FIELD_OF_CALLER) != 0)
				*ret_doubtful &= ~field_bit(&fields[i]);
		return request;
	}
	recalled->caller->env_cut = !(is_then && recalled->env_is_whole);
	if (recalled->caller->env == NULL || recalled->caller->env_cut)
		*ret_doubtful |= field_bit(field_find("env"));
	*agents = policy_coding_agents(policy, &request);
	if (agents->complete)
		return request;
	if (agents->count == 0 && recalled->was_agent == TRI_NO && !policy_defines_agents(policy))
		agents->complete = true;
	else
		*ret_doubtful |= field_bit(field_find("is_coding_agent")) |
		                 field_bit(field_find("coding_agent"));
	return request;
}

/* What one policy says, and may say. */
struct saying {
	struct verdict verdict;
	unsigned prospects;
	const char *lacking;
};

static struct saying say(struct recalled *recalled, const struct policy *policy) {
	struct saying saying = {0};
	uint64_t doubtful;
	struct request request = recalled_request(recalled, policy, &doubtful);

	saying.verdict = policy_decide(policy, &request);
	saying.prospects = policy_prospects(policy, &request, doubtful, &saying.lacking);
	return saying;
}

static struct verdict verdict_of(unsigned prospect) {
	static const char rule[] = "default"; /* only the action is looked at */

	switch ((enum prospect)prospect) {
	case PROSPECT_DENY: break;
	case PROSPECT_CONFIRM: return (struct verdict){.action = ACTION_CONFIRM, .rule = rule};
	case PROSPECT_ALLOW: return (struct verdict){.action = ACTION_ALLOW, .rule = rule};
	case PROSPECT_WEAK_ALLOW:
		return (struct verdict){.action = ACTION_ALLOW, .rule = rule, .weak = true};
	}
	return (struct verdict){.rule = rule};
}

static unsigned prospect_of_action(enum action action) {
	switch (action) {
	case ACTION_DENY: break;
	case ACTION_CONFIRM: return PROSPECT_CONFIRM;
	case ACTION_ALLOW: return PROSPECT_ALLOW;
	}
	return PROSPECT_DENY;
}

/* Every pair of what they may say. */
static unsigned stricter_of(const struct policy *floor, unsigned above, unsigned below) {
	unsigned prospects = 0;

	for (unsigned a = 1; a <= PROSPECT_WEAK_ALLOW; a <<= 1)
		for (unsigned b = 1; b <= PROSPECT_WEAK_ALLOW; b <<= 1)
			if ((above & a) != 0 && (below & b) != 0)
				prospects |= prospect_of_action(
					floor_stricter(floor, verdict_of(a), verdict_of(b)).action);
	return prospects;
}

struct redecided recalled_decide(struct recalled *recalled, const struct policy *floor,
                                 const struct policy *policy) {
	struct saying saying = say(recalled, policy), above;
	struct redecided redecided = {saying.verdict, saying.lacking, saying.prospects};

	if (floor != NULL) {
		above = say(recalled, floor);
		redecided.verdict = floor_stricter(floor, above.verdict, saying.verdict);
		redecided.prospects = stricter_of(floor, above.prospects, saying.prospects);
		if (redecided.lacking == NULL)
			redecided.lacking = above.lacking;
	}
	/* How weak an allow is, is no other action. */
	if ((redecided.prospects & PROSPECT_WEAK_ALLOW) != 0)
		redecided.prospects = (redecided.prospects & ~(unsigned)PROSPECT_WEAK_ALLOW) |
		                      PROSPECT_ALLOW;
	if ((redecided.prospects & (redecided.prospects - 1)) == 0)
		redecided.lacking = NULL;
	return redecided;
}
