/*
 * The guard: the one context of the program, passed down to whoever serves a part of it. It owns
 * what all connections share, and it writes what happens into the log and the status.
 */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/upstream.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "caller/reader.h"
#include "facts/event.h"
#include "log/journal.h"
#include "log/status.h"
#include "log/summary.h"
#include "platform/platform.h"
#include "policy/policy.h"

struct asker;
struct comments;
struct digests;
struct connection;
struct hosts;
struct keeper;
struct lock;
struct renderers;
struct repeats;
struct signer;
struct system_log;
struct teller;

enum reload_state {
	RELOAD_NONE,
	RELOAD_DONE,   /* a moment ago */
	RELOAD_HELD,   /* a changed one waits for a person's yes (lock.h) */
	RELOAD_FAILED, /* the policy in force is not the one that the user wrote last */
};

struct guard {
	struct ev_loop *loop;
	int state_fd;
	const char *state; /* its path, borrowed */
	struct journal *journal;
	struct keeper *keeper;
	struct signer *signer;         /* NULL before it serves, and while it ends */
	struct system_log *system_log; /* NULL: no copies */
	struct reader *reader;
	struct hangups *hangups;
	struct asker *asker; /* NULL before it serves, and while it ends */
	struct limits *limits;
	struct lock *lock;
	struct comments *comments; /* of keys, where a policy asks for them */
	struct digests *digests;   /* of executables, likewise */
	struct hosts *hosts;       /* NULL before it serves, and while it ends */
	struct repeats *repeats;
	struct renderers *renderers; /* NULL before it serves, and while it ends */
	struct teller *teller;       /* NULL before it serves, and while it ends */

	const char *state_asked; /* the state directory, where it is not the ordinary one */
	const char *policy_path;
	struct policy *policy; /* the one in force; a request in flight may hold an older one */
	struct policy *floor;  /* likewise; NULL: there is none */
	struct upstream_address upstream;
	struct service *service; /* NULL: nobody waits for us */
	const char *upstream_name; /* "managed" or the path, for people */
	/* Why other programs of this user can reach the real agent; NULL: only we can. Static. */
	const char *upstream_reachable;
	const char *socket_path;

	bool panic;            /* refuse every signature until switched off */
	bool log_error;        /* the last event could not be written, or not where it belongs */
	bool sync_failed;      /* what was written last may not be on the disk */
	uint64_t copies_lost;  /* of the system's log, as an event has told */
	double copies_told_at; /* 0: never */
	uint64_t events_lost;  /* since one could be written */
	int lost_error;        /* what failed with the last of them */
	bool socket_lost;
	enum reload_state reload_state;
	char *reload_error; /* what is wrong with the policy that was refused last; NULL: none was
	                     */
	bool upstream_away; /* as the last request found out */
	bool loop_told;     /* that upstream.loops */
	char *notice;       /* what the user should know and do, until it is settled; NULL */

	struct connection *connections; /* a list */
	size_t n_connections;
	int64_t since_us, policy_since_us; /* since when it runs, and has this policy */
	/* Of the request that was decided last: its event's document, and in a short line. */
	struct buffer previous;
	int64_t previous_us, written_us; /* the latter of what is written now */
	char summary[SUMMARY_SIZE];
	uint64_t signatures, refusals, sign_requests, upstream_restarts;

	ev_timer status_soon;  /* the status is written a moment after it changed, not with each
	                          event */
	ev_timer repeats_soon; /* refusals that were counted are told of */
	void (*on_room)(void *data); /* a connection ended: there may be descriptors again */
	void *on_room_data;
};

/* Writes the event, or counts it, where it repeats a refusal (agent/repeats.h). 0, or the journal's
 * error: what was asked must then be refused where guard_log_must() says so. */
int guard_event(struct guard *guard, const struct event *event) MUST_CHECK;
/* An event of the guard itself, with no request: time and policies are filled in. */
int guard_own_event(struct guard *guard, struct event *event) MUST_CHECK;
/* The same of these words. What cannot be written shows in the status. */
void guard_note(struct guard *guard, const char *trigger, const char *reason, const char *detail);
/* Writes down at once how many refusals were counted. */
void guard_tell_repeats(struct guard *guard);
/* From now on the system's log gets a copy of each event, where the policy allows. */
int guard_copy_log(struct guard *guard) MUST_CHECK;
/* Looks whether the log lies where it belongs, and tells what became of it. */
void guard_look_at_log(struct guard *guard);
/* The same, and whether events can be written there, as far as the last one has shown. */
bool guard_log_is_lost(struct guard *guard);
/* Whether an event counts only when it is on the disk: see keeper_wait(). */
bool guard_waits_for_disk(const struct guard *guard);
/* What was written by now is there, or could not be brought there. */
void guard_synced(struct guard *guard, bool good);
/* Whether a request is refused whose event cannot be written (log.on_error). */
bool guard_log_must(const struct guard *guard);

/* Has the reader ask callers for the variables that these policies need, from now on. */
int guard_ask_env(struct guard *guard, const struct policy *floor,
                  const struct policy *policy) MUST_CHECK;
/* Puts the policy in the place of the one in force, and takes the reference over where that
 * succeeds. Requests on their way keep the one that decided them. */
int guard_use_policy(struct guard *guard, struct policy *policy) MUST_CHECK;

/* What a request found out about the real agent: 0 or an error of upstream_done. */
void guard_upstream_seen(struct guard *guard, int error);
/* Whether requests go round may be another matter by now. */
void guard_loop_seen(struct guard *guard);

/* Replaces the notice; NULL settles it. */
void guard_notice(struct guard *guard, const char *notice);
void guard_status_changed(struct guard *guard);
void guard_status_init(struct guard *guard);
/* Writes the status now; stopped: for the last time. */
void guard_status_write(struct guard *guard, bool stopped);
int guard_status_yaml(struct guard *guard, struct buffer *document) MUST_CHECK;

#endif
