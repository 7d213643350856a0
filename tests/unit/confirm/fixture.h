/* A login that ssh asks for, below git, below the shell of a person. */
#ifndef TESTS_UNIT_CONFIRM_FIXTURE_H
#define TESTS_UNIT_CONFIRM_FIXTURE_H

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "confirm/question.h"

#define FINGERPRINT "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
#define DEST_KEY    "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
#define SECOND_NS   UINT64_C(1000000000)

struct scene {
	struct process ancestors[4];
	struct caller caller;
	struct payload payload;
	struct request request;
	struct confirm_terms terms;
};

static inline struct process process_of(pid_t pid, char *exe, char *name) {
	return (struct process){.pid = pid, .start_ticks = (uint64_t)pid, .exe = exe, .name = name};
}

static inline void scene_init(struct scene *scene) {
	static char ssh[] = "/usr/bin/ssh", git[] = "/usr/bin/git", bash[] = "/usr/bin/bash",
		    tmux[] = "/usr/bin/tmux", cwd[] = "/home/a/src",
		    cgroup[] = "/u/session-3.scope/x";

	*scene = (struct scene){
		.ancestors = {process_of(43, git, git + 9), process_of(42, git, git + 9),
	                      process_of(41, bash, bash + 9), process_of(40, tmux, tmux + 9)},
		.caller = {.state = CALLER_IDENTIFIED,
	                   .uid = 1000,
	                   .process = process_of(50, ssh, ssh + 9),
	                   .cwd = cwd,
	                   .cgroup = cgroup,
	                   .n_ancestors = 4,
	                   .ancestors_known = true},
		.payload = {.kind = PAYLOAD_SSH_LOGIN,
	                    .login = {.user = {(const uint8_t *)"git", 3}, .hostbound = true}},
		.terms = {.remember_s = 600, .scope = SCOPE_EXE | SCOPE_ANCESTOR},
	};
	scene->caller.ancestors = scene->ancestors;
	scene->request = (struct request){
		.operation = OPERATION_SIGN,
		.key = {.fingerprint = FINGERPRINT, .type = "ssh-ed25519"},
		.caller = &scene->caller,
		.endpoint = "default",
		.payload = &scene->payload,
		.is_forwarded = TRI_NO,
		.meeting = MEETING_VERIFIED,
		.dest_key = DEST_KEY,
	};
}

static inline struct question *ask_by(const struct scene *scene, unsigned methods) {
	const struct confirm_order order = {0};
	const struct turns_lacks lacks = {0};
	struct question *question = NULL;
	struct turns turns;

	turns_begin(&turns, methods, &order, &lacks);
	assert_int_equal(
		question_new(&question, &scene->request, "ask", &scene->terms, &turns, 41), 0);
	return question;
}

static inline struct question *ask_about(const struct scene *scene) {
	return ask_by(scene, CONFIRM_PIN);
}

static inline void free_question(struct question **question) {
	question_free(*question);
}

#endif
