/* One request's way through a person's yes: asked, answered, and remembered. */
#ifndef AGENT_APPROVAL_H
#define AGENT_APPROVAL_H

#include "agent/guard.h"
#include "confirm/broker.h"
#include "confirm/grants.h"
#include "confirm/proof.h"

/* Zeroed, but for the watch: nothing was asked. */
struct approval {
	struct asker *asker;
	struct waiter *waiter; /* while a person is asked */
	struct grant_watch watch;
	bool with_pin;              /* and a PIN was given for it */
	bool granted;               /* a yes was given, now or before */
	enum confirm_method method; /* by which; 0: nobody answered */
	const char *via;
	const char *denied_via;                             /* NULL: nobody said no */
	pid_t denied_by;                                    /* 0: not known */
	struct confirm_passed passed[CONFIRM_METHOD_COUNT]; /* over, before that one */
	size_t n_passed;
	struct touch_proof *proof;      /* of a touch; NULL */
	char signed_sha256[DIGEST_HEX]; /* "": no touch was asked for */
	uint64_t prompt, grant;         /* 0: none */
	struct question *shown;         /* where the yes was to be remembered; NULL */
	uint64_t asked_ns, waited_ns;
};

#define APPROVAL_NONE ((struct approval){.watch = GRANT_WATCH_NONE})

/* What decided that a person is to be asked. */
struct approval_law {
	const struct policy *policy, *floor; /* floor: NULL, there is none */
	const struct verdict *verdict;
};

/* Has a person asked whether the request may be done, unless a yes was remembered. NULL: granted
 * already, or answered() will be called. Else why not. */
const char *approval_ask(struct approval *approval, struct asker *asker,
                         const struct approval_law *law, const struct request *request,
                         broker_answered *answered, void *data);

/* To be called with the prompt's end. NULL: it was a yes, and now the caller is to be verified
 * again. Else why not. */
const char *approval_answered(struct approval *approval, const struct prompt *prompt);

/* Whether it still is what it was when the person was asked. Whom nobody could see then is known by
 * the door alone, and must not be seen now. */
bool approval_same_caller(const struct caller *now, const struct caller *before);

/* After that: whether the yes is good for the law that is in force now; remembers it. NULL: it
 * is. */
const char *approval_settle(struct approval *approval, const struct approval_law *law,
                            const struct request *request);

/* The client is gone, or the request is. */
void approval_end(struct approval *approval);

#endif
