/* The inside of a policy: what parse.c makes and decide.c reads. Not a door for other modules. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "policy/field.h"
#include "policy/hours.h"
#include "policy/known_files.h"
#include "policy/limit.h"
#include "policy/pattern.h"
#include "policy/policy.h"

/* One field of a match, or one variable of its env: any of its values may hold. */
struct condition {
	const struct field *field;
	char *variable;           /* of env: the name of the variable; else NULL; owned */
	struct pattern *patterns; /* owned */
	size_t n_patterns;
	struct hours *hours; /* of time, in the place of patterns; owned */
	size_t n_hours;
	/* Fields that take words instead of patterns: one bit for each value of their enum. */
	unsigned wanted;
	bool takes_bound;        /* its match names dest_evidence: bound */
	bool takes_command_line; /* likewise command-line */
};

/* All of its conditions must hold. */
struct match {
	struct condition *conditions; /* owned */
	size_t n_conditions;
};

struct rule {
	char *name;
	enum action action;
	struct match match;
	struct match unless; /* without conditions: there is none */
	uint64_t fields;     /* bits of those that match names, by index; not of operation */
	unsigned operations; /* bits of enum operation: signatures, where it names none */
	unsigned sign_types; /* bits of enum payload_kind that it may speak of */
	bool names_endpoint;
	bool may_mean_exec; /* the endpoint, which may be one of `exec` */
	struct confirm_terms confirm;
	struct limit limit;
	enum log_detail log; /* of its events */
	enum tri notify;
	const char *file; /* where it stands; borrowed from the policy, as are line and column */
	size_t line;
	size_t column;
};

/* A coding agent, by definition: any of its signs tells it. */
struct agent {
	char *name;
	struct match signs;
};

struct policy {
	unsigned references;
	bool old;           /* version 0: a file that was written for the older ssh-agent-guard */
	bool lacks_default; /* it names no default_action, as such files may */
	enum action default_action;
	enum action default_change_action;
	struct log_settings log;
	bool is_floor;
	bool require_proof; /* weak allows do not allow */
	bool locks;         /* a changed one is used only after a person's yes */
	bool has_limits;
	uint64_t asks;           /* bits of the fields that any rule names, by index */
	bool offers_denied_keys; /* hide_denied_keys: false */
	struct confirm_settings confirm;
	struct pinned_keys pinned;           /* confirm.credentials, of a floor; owned */
	char **screen_state;                 /* likewise; NULL: there is none */
	char *upstream;                      /* as policy_upstream() tells it; owned */
	struct tell_settings tell;           /* owned */
	struct renderers_settings renderers; /* likewise */
	struct known_files known_files;      /* known_hosts */
	struct endpoint *endpoints;          /* owned */
	size_t n_endpoints;
	struct rule *rules;
	size_t n_rules;
	struct agent *agents; /* the policy's own first */
	size_t n_agents;
	size_t n_own_agents;
	const char **env_names; /* that are asked of a caller's environment; owned, as the next */
	size_t n_env_names;
	const char **host_names; /* that rules name without wildcards (host_names.h); owned */
	size_t n_host_names;
	char **captured; /* capture_extra_env_vars, of which env_names borrows */
	size_t n_captured;
	struct regex_room *room; /* what the patterns of all rules borrow */
	char *path;
	char *included[INCLUDES_MAX]; /* the files that it includes, in the order of their rules */
	size_t n_included;
	char sha256[65];
};

/* Whether it allows a use of the agent, and nothing that it asks for is proved (lint.h). */
bool rule_is_weak(const struct rule *rule);

void match_deinit(struct match *match);

/* A policy without rules that denies everything, with one reference. */
int policy_new_empty(struct policy **ret, const char *path) MUST_CHECK;

#endif
