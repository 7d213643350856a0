/*
 * What ssh's configuration makes of a host as it was typed (Host, HostName, HostKeyAlias), which
 * ssh alone can say. The name is a claim of a caller, so ssh is asked about it without being let
 * start anything: where the configuration wants to run a command (Match exec), there is no answer.
 * One is asked at a time, others wait, and an answer is kept for a moment, because ssh lists keys
 * and then signs.
 */
#ifndef AGENT_SSH_ALIASES_H
#define AGENT_SSH_ALIASES_H

#include <ev.h>
#include <stdbool.h>

#include "agent/ssh_files.h"
#include "base/cleanup.h"

struct ssh_aliases;

/* loop must be the default loop, and outlive it. home may be NULL. */
int ssh_aliases_new(struct ssh_aliases **ret, struct ev_loop *loop, const char *home) MUST_CHECK;
void ssh_aliases_free(struct ssh_aliases *aliases); /* nobody is told any more; NULL is fine */

/* alias: NULL where ssh has no answer, or a name is none that it is asked about; of host "" where
 * ssh was not asked, because too many others wait. Holds for the call. */
typedef void ssh_aliases_told(void *data, const struct ssh_alias *alias);

/* One who waits for an answer. Zeroed: nobody. */
struct ssh_alias_wait {
	struct ssh_alias_wait *next, **link; /* of a list; link is NULL while nobody waits */
	char *typed;                         /* owned */
	double since;
	ssh_aliases_told *told;
	void *data;
};

/* told is called from the loop; at once, and from within, where the answer is there or there can be
 * none. aliases may be NULL. */
void ssh_aliases_ask(struct ssh_aliases *aliases, struct ssh_alias_wait *wait, const char *typed,
                     ssh_aliases_told *told, void *data);
void ssh_alias_wait_end(struct ssh_alias_wait *wait);

#endif
