/*
 * The looks that `doctor` takes: each tries what it tells of, on this machine and as this user, and
 * adds what it found. What others can do to the user, they find out by doing it.
 */
#ifndef DOCTOR_LOOK_H
#define DOCTOR_LOOK_H

#include <stdbool.h>
#include <stdint.h>

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

/* A part of look_at_guard(): name as its status has it; why_reachable NULL: nobody else gets there. */
void look_at_upstream(struct findings *findings, const char *name, const char *why_reachable);
/* Whether both paths are one, or lead to one file. */
bool look_same_file(const char *a, const char *b);
/* How many keys the agent there lists; -ECONNREFUSED and the like where there is none. */
int look_counts_keys(uint32_t *ret, const char *path);
/* Connects, and waits for what is said there first. 0: it begins so. */
int look_greets(const char *path, const char *greeting);

#endif
