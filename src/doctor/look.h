/*
 * The looks that `doctor` takes: each tries what it tells of, on this machine and as this user, and
 * adds what it found. What others can do to the user, they find out by doing it.
 */
#ifndef DOCTOR_LOOK_H
#define DOCTOR_LOOK_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "doctor/finding.h"

struct look {
	const char *home;   /* NULL: not known, and nothing below it is looked at */
	const char *socket; /* of the guard */
	const char *control;
	const char *policy;
	const char *state;
};

void look_at_guard(struct findings *findings, const struct look *look);   /* and its upstream */
void look_at_session(struct findings *findings, const struct look *look); /* who uses the guard */
void look_at_agents(struct findings *findings, const struct look *look);  /* beside the guard */
void look_at_keys(struct findings *findings, const struct look *look);    /* files in ~/.ssh */
void look_at_hosts(struct findings *findings, const struct look *look);
void look_at_policy(struct findings *findings, const struct look *look);
void look_at_log(struct findings *findings, const struct look *look);
void look_at_system(struct findings *findings, const struct look *look);

/* The path of the policy that the guard at control was told to use; "" where none says so. */
void look_for_policy(char *ret, size_t size, const char *control);

/* A part of look_at_guard(): name as its status has it; why_reachable NULL: nobody else gets there.
 */
void look_at_upstream(struct findings *findings, const char *name, const char *why_reachable);
/* Another one: what it and its agent keep from the other programs of this user. */
void look_into_guard(struct findings *findings, pid_t guard);
void look_at_install(struct findings *findings); /* of this program */

/* Calls with the name of each socket that the system lists, as it was bound. -ENOSYS: it has no
 * list. */
typedef void look_path_taker(void *data, const char *path);
int look_each_listed(look_path_taker *take, void *data) MUST_CHECK;

#endif
