#include "confirm/question.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confirm/question_shown.h"

bool process_id_same(struct process_id a, struct process_id b) {
	return a.pid > 0 && a.start_ticks > 0 && a.pid == b.pid && a.start_ticks == b.start_ticks;
}

static struct process_id id_of(const struct process *process) {
	return (struct process_id){.pid = process->pid, .start_ticks = process->start_ticks};
}

static bool same_text(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ---- jobs: what a person would call one command ---- */

static bool is_shell(const struct process *process) {
	static const char *const shells[] = {"sh", "dash", "bash", "zsh", "ksh", "fish", "busybox"};

	for (size_t i = 0; process->name != NULL && i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(process->name, shells[i]) == 0)
			return true;
	return false;
}

/* A shell that runs a script or a command, and not what is typed: it has an argument that is no
 * option, or -c. What argv claims widens nothing that is not shown. */
static bool runs_a_script(const struct process *process) {
	for (size_t i = 1; i < process->argc; i++)
		if (process->argv[i][0] != '-' || strcmp(process->argv[i], "-c") == 0)
			return true;
	return false;
}

/* The index of the job's topmost process: the caller's parent, and above it whatever runs the same
 * program, also through one script in between (git runs git, and git-submodule, which is a
 * script). A shell is a job of its own. n_ancestors: the caller itself. */
static size_t job_of(const struct caller *caller) {
	const struct process *ancestors = caller->ancestors;
	size_t job = 0;

	if (caller->n_ancestors == 0 || ancestors[0].exe == NULL || is_shell(&ancestors[0]))
		return caller->n_ancestors;
	for (size_t i = 1; i < caller->n_ancestors && i <= job + 2; i++) {
		if (same_text(ancestors[i].exe, ancestors[0].exe))
			job = i;
		else if (!is_shell(&ancestors[i]))
			break;
	}
	return job;
}

/* Above the job, past shells that merely run a script for somebody. NULL: not known. */
static const struct process *starter_of(const struct caller *caller, size_t job) {
	size_t i = job < caller->n_ancestors ? job + 1 : 0;

	while (i < caller->n_ancestors && is_shell(&caller->ancestors[i]) &&
	       runs_a_script(&caller->ancestors[i]))
		i++;
	/* The system's first process starts everything. */
	if (i >= caller->n_ancestors || caller->ancestors[i].pid <= 1)
		return NULL;
	return &caller->ancestors[i];
}

static struct process_id session_of(const struct caller *caller, pid_t leader) {
	if (leader > 0 && caller->process.pid == leader)
		return id_of(&caller->process);
	for (size_t i = 0; leader > 0 && i < caller->n_ancestors; i++)
		if (caller->ancestors[i].pid == leader)
			return id_of(&caller->ancestors[i]);
	return (struct process_id){0};
}

/* "session-3.scope" of the control group, where logind puts it, or the user's own manager: whoever
 * may make groups makes them below these, under any name, and would have as many logins. Elsewhere
 * the whole group, which is what a program without a login has in common with its like. */
static char *login_of(const struct caller *caller) {
	const char *group = caller->cgroup != NULL ? caller->cgroup : "";
	char slice[64];
	int len = snprintf(slice, sizeof(slice), "/user.slice/user-%lu.slice/",
	                   (unsigned long)caller->uid);

	if (strncmp(group, slice, (size_t)len) != 0)
		return strdup(group);
	return strndup(group + len, strcspn(group + len, "/"));
}

/* ---- what a yes is good for ---- */

static bool is_clean(const struct caller *caller) {
	return caller->state == CALLER_IDENTIFIED && caller->integrity == 0 &&
	       (caller->integrity_unknown & (INTEGRITY_TRACED | INTEGRITY_FD_INHERITED)) == 0;
}

static void put_purpose(struct question *question, const struct request *request) {
	const struct payload *payload = request->payload;
	struct buffer *purpose = &question->purpose;

	/* Behind a forwarded agent the caller is always the same ssh, whoever asks far away. */
	if (request->operation != OPERATION_SIGN || payload == NULL ||
	    request->key.fingerprint[0] == '\0' || request->is_forwarded == TRI_YES)
		return;
	switch (payload->kind) {
	case PAYLOAD_UNKNOWN: return;
	case PAYLOAD_SSH_LOGIN:
		if (request->meeting != MEETING_VERIFIED || request->dest_key == NULL)
			return;
		break;
	case PAYLOAD_SSHSIG: break;
	}
	buffer_put_string(purpose, bytes_of_text(question->rule));
	buffer_put_string(purpose, bytes_of_text(request->key.fingerprint));
	buffer_put_string(purpose, bytes_of_text(request->key.type));
	buffer_put_string(purpose, bytes_of_text(request->endpoint));
	buffer_put_u8(purpose, (uint8_t)request->is_forwarded);
	buffer_put_u8(purpose, (uint8_t)payload->kind);
	if (payload->kind == PAYLOAD_SSHSIG) {
		buffer_put_string(purpose, payload->sshsig.name_space);
		return;
	}
	buffer_put_string(purpose, payload->login.user);
	buffer_put_string(purpose, bytes_of_text(request->dest_key));
}

/* What a yes leaves behind was shown of the first of them alone. */
static bool remember_the_same(const struct question *a, const struct question *b) {
	unsigned scope = a->terms.scope;

	if (!a->may_remember || !b->may_remember)
		return a->may_remember == b->may_remember;
	return a->terms.remember_s == b->terms.remember_s && scope == b->terms.scope &&
	       ((scope & SCOPE_CWD) == 0 || same_text(a->cwd, b->cwd)) &&
	       ((scope & SCOPE_SESSION) == 0 || process_id_same(a->session, b->session)) &&
	       ((scope & SCOPE_ANCESTOR) == 0 || process_id_same(a->starter, b->starter));
}

bool question_same(const struct question *a, const struct question *b) {
	return a->may_share && b->may_share &&
	       bytes_equal(buffer_bytes(&a->purpose), buffer_bytes(&b->purpose)) &&
	       a->methods == b->methods && turns_same(&a->turns, &b->turns) &&
	       a->terms.pin == b->terms.pin && remember_the_same(a, b) &&
	       process_id_same(a->job, b->job) && same_text(a->exe, b->exe);
}

bool question_covers(const struct question *granted, const struct question *asked) {
	/* The system floor may narrow what the same rule says for some requests. */
	unsigned scope = granted->terms.scope | asked->terms.scope;

	if (!granted->may_remember || !asked->may_remember ||
	    !bytes_equal(buffer_bytes(&granted->purpose), buffer_bytes(&asked->purpose)))
		return false;
	if ((scope & SCOPE_EXE) != 0 && !same_text(granted->exe, asked->exe))
		return false;
	if ((scope & SCOPE_CWD) != 0 && !same_text(granted->cwd, asked->cwd))
		return false;
	if ((scope & SCOPE_SESSION) != 0 && !process_id_same(granted->session, asked->session))
		return false;
	return (scope & SCOPE_ANCESTOR) == 0 || process_id_same(granted->starter, asked->starter);
}

/* What its scope needs must be known. */
static bool has_scope(const struct question *question) {
	unsigned scope = question->terms.scope;

	return ((scope & SCOPE_EXE) == 0 || question->exe != NULL) &&
	       ((scope & SCOPE_CWD) == 0 || question->cwd != NULL) &&
	       ((scope & SCOPE_SESSION) == 0 || question->session.start_ticks > 0) &&
	       ((scope & SCOPE_ANCESTOR) == 0 || question->starter.start_ticks > 0);
}

static void take_turns(struct question *question, const struct turns *turns) {
	question->turns = *turns;
	for (size_t i = 0; i < turns->count; i++)
		if (!turns->list[i].is_spent)
			question->methods |= (unsigned)turns->list[i].method;
}

/* ---- from first to last ---- */

static int copy(char **ret, const char *text) {
	*ret = text != NULL ? strdup(text) : NULL;
	return text != NULL && *ret == NULL ? -ENOMEM : 0;
}

/* It says where to show the question, and nothing of what is asked. */
static int copy_tmux(struct tmux_claim **ret, const struct caller *caller) {
	struct tmux_claim claim = {0};

	if (tmux_claim_words(&claim, caller) != TMUX_PANE)
		return 0;
	*ret = malloc(sizeof(**ret));
	if (*ret == NULL)
		return -ENOMEM;
	**ret = claim;
	return 0;
}

static int question_fill(struct question *question, const struct request *request, const char *rule,
                         pid_t session_leader) {
	const struct caller *caller = request->caller;
	size_t job = job_of(caller);
	const struct process *starter = starter_of(caller, job);

	question->is_unseen = caller->state == CALLER_UNKNOWN;
	question->login = login_of(caller);
	if (copy(&question->rule, rule) < 0 || copy(&question->exe, caller->process.exe) < 0 ||
	    copy(&question->cwd, caller->cwd) < 0 || question->login == NULL ||
	    copy_tmux(&question->tmux, caller) < 0)
		return -ENOMEM;
	question->job = id_of(job < caller->n_ancestors ? &caller->ancestors[job]
	                                                : &caller->process);
	if (starter != NULL)
		question->starter = id_of(starter);
	question->session = session_of(caller, session_leader);
	put_purpose(question, request);
	if (buffer_error(&question->purpose) < 0)
		return -ENOMEM;
	question->may_share = question->purpose.len > 0 && is_clean(caller) &&
	                      request->payload->kind == PAYLOAD_SSH_LOGIN;
	question->may_remember = question->terms.remember_s > 0 && question->purpose.len > 0 &&
	                         is_clean(caller) && has_scope(question);
	return question_show(question, request, starter);
}

int question_new(struct question **ret, const struct request *request, const char *rule,
                 const struct confirm_terms *terms, const struct turns *turns,
                 pid_t session_leader) {
	struct question *question = calloc(1, sizeof(*question));
	int error;

	if (question == NULL)
		return -ENOMEM;
	question->terms = *terms;
	take_turns(question, turns);
	error = question_fill(question, request, rule, session_leader);
	if (error < 0) {
		question_free(question);
		return error;
	}
	*ret = question;
	return 0;
}

int question_new_own(struct question **ret, const char *rule, const struct turns *turns) {
	struct question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return -ENOMEM;
	take_turns(question, turns);
	question->login = strdup("");
	question->rule = strdup(rule);
	if (question->login == NULL || question->rule == NULL) {
		question_free(question);
		return -ENOMEM;
	}
	*ret = question;
	return 0;
}

int question_copy(struct question **ret, const struct question *question) {
	struct question *made = calloc(1, sizeof(*made));
	int error = -ENOMEM;

	if (made == NULL)
		return -ENOMEM;
	*made = (struct question){
		.terms = question->terms,
		.turns = question->turns,
		.methods = question->methods,
		.is_unseen = question->is_unseen,
		.starter = question->starter,
		.session = question->session,
		.job = question->job,
		.may_share = question->may_share,
		.may_remember = question->may_remember,
		.n_lines = question->n_lines,
	};
	buffer_put_raw(&made->purpose, buffer_bytes(&question->purpose));
	if (copy(&made->rule, question->rule) == 0 && copy(&made->login, question->login) == 0 &&
	    copy(&made->exe, question->exe) == 0 && copy(&made->cwd, question->cwd) == 0)
		error = buffer_error(&made->purpose);
	for (size_t i = 0; i < question->n_lines; i++) {
		made->lines[i].label = question->lines[i].label;
		if (copy(&made->lines[i].text, question->lines[i].text) < 0)
			error = -ENOMEM;
	}
	if (copy(&made->body, question->body) < 0)
		error = -ENOMEM;
	if (error < 0) {
		question_free(made);
		return error;
	}
	*ret = made;
	return 0;
}

void question_free(struct question *question) {
	if (question == NULL)
		return;
	free(question->rule);
	free(question->login);
	free(question->exe);
	free(question->cwd);
	free(question->body);
	free(question->tmux);
	buffer_deinit(&question->purpose);
	buffer_deinit(&question->event);
	for (size_t i = 0; i < question->n_lines; i++)
		free(question->lines[i].text);
	free(question);
}
