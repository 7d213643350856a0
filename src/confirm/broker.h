/*
 * The broker: puts questions to a person, and knows who waits for which answer. Pure: it sees no
 * clock, file or descriptor; times come with each call, and what must be done about a question
 * (show it, stop showing it) goes out by struct broker_calls.
 *
 * A prompt is one question that is shown, and the requests that wait for its answer. It is pending
 * until it ends in one of four ways, and is gone right after.
 */
#ifndef CONFIRM_BROKER_H
#define CONFIRM_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "confirm/question.h"
#include "facts/proof.h"

#define BROKER_WAITERS_MAX 64 /* of one prompt: a git fetch with many submodules, not a flood */
#define UNANSWERED_MAX     2  /* prompts in a row that nobody answered, for one caller */
#define UNANSWERED_ALL_MAX 6  /* for all callers: nobody is there, or somebody floods */
#define LEFT_ALL_MAX       20 /* prompts in a row that were left or denied, for all callers */
#define LEFT_MAX           5  /* prompts in a row that were left or denied, for one caller */

enum prompt_state {
	PROMPT_PENDING,
	PROMPT_GRANTED,
	PROMPT_DENIED,
	PROMPT_TIMED_OUT,
	PROMPT_CANCELLED, /* nobody waits any more, or the guard ends */
};

/* All but the state is for reading. */
struct prompt {
	uint64_t id; /* from 1, in the order of asking */
	enum prompt_state state;
	enum confirm_method method; /* by which it was granted or denied; 0: by none */
	const char *via;            /* static: the way the answer came; NULL */
	pid_t denied_by;            /* the process that said no; 0: none, or none that is known */
	bool is_sealed;             /* nobody joins it any more */
	struct touch_proof *proof;  /* of a touch; NULL */
	struct question *question;  /* owned */
	struct turns turns;         /* of its methods */
	uint64_t asked_ns, deadline_ns;
	size_t n_waiters;
	struct waiter *waiters;
	struct prompt *next; /* asked later */
	void *shown;         /* of whoever shows it */
};

/* The prompt has ended; it holds for the call, in which the waiter is gone. */
typedef void broker_answered(void *data, const struct prompt *prompt);

struct broker_calls {
	void (*opened)(void *data, struct prompt *prompt);
	void (*closed)(void *data, struct prompt *prompt); /* before the waiters hear of it */
	void (*turned)(void *data, struct prompt *prompt); /* another method asks from here on */
	void *data;
};

struct broker_terms {
	size_t max_pending;
	uint64_t timeout_ns, pause_ns;
};

enum broker_reply {
	BROKER_WAITS,
	BROKER_RATE_LIMITED, /* as many as may be are pending */
	BROKER_UNANSWERED,   /* nobody answered before, so nobody is asked for a while */
	BROKER_NO_MEMORY,
};

struct broker;
struct waiter;

int broker_new(struct broker **ret, const struct broker_calls *calls) MUST_CHECK;
/* Prompts that are pending are cancelled, and their waiters told. NULL is fine. */
void broker_free(struct broker *broker);

/* The question is taken over, whatever the reply. *ret_waiter holds until it is answered or leaves;
 * it is only set where the reply is BROKER_WAITS. A login session has always room for one prompt,
 * so that another one cannot take all. */
enum broker_reply broker_ask(struct waiter **ret_waiter, struct broker *broker,
                             struct question *question, const struct broker_terms *terms,
                             uint64_t now_ns, broker_answered *answered, void *data) MUST_CHECK;
/* Which prompt it waits for. */
uint64_t waiter_prompt(const struct waiter *waiter);
/* Whoever asked is gone: will not be told. With the last one the prompt ends. NULL is fine. */
void broker_leave(struct broker *broker, struct waiter *waiter, uint64_t now_ns);

/* Nobody joins the prompt from here on, because what says yes to it names each of its requests.
 * Returns how many digests of theirs (question->digest) there are in *ret; what is above max is
 * left out, so that nothing says yes to it. */
size_t broker_seal(struct broker *broker, uint64_t id, char (*ret)[DIGEST_HEX], size_t max);

/* A method is of no use now, or is again (LACK_NONE), for all prompts where its turn has come. */
void broker_lack(struct broker *broker, enum confirm_method method, enum turn_lack lack);
/* The same for one prompt. */
void broker_lack_of(struct broker *broker, uint64_t id, enum confirm_method method,
                    enum turn_lack lack);
/* It is of no use any more for that prompt. Where none is left, it is denied, if there is a way that
 * this answer came; else it waits, for a no or its end. */
void broker_spend(struct broker *broker, uint64_t id, enum confirm_method method,
                  enum turn_lack lack, const char *via, uint64_t now_ns);

/* false: there is no such prompt (any more), or it is not that method's turn to say yes to it. */
bool broker_grant(struct broker *broker, uint64_t id, enum confirm_method method, const char *via);
/* By a touch; the proof is shared from here on. */
bool broker_grant_proved(struct broker *broker, uint64_t id, const char *via,
                         struct touch_proof *proof);
/* Anybody may say no, so that shows nobody to be there: it counts as leaving does. */
bool broker_deny(struct broker *broker, uint64_t id, enum confirm_method method, const char *via,
                 uint64_t now_ns);
/* The same of a no that no method gave, but a process; 0: it is not known which. */
bool broker_deny_by(struct broker *broker, uint64_t id, const char *via, pid_t process,
                    uint64_t now_ns);
/* Ends what is due. Returns the next moment at which something will be; 0: none. */
uint64_t broker_tick(struct broker *broker, uint64_t now_ns);
/* When something is due first; 0: never. */
uint64_t broker_due(const struct broker *broker);

const struct prompt *broker_prompts(const struct broker *broker); /* the oldest first */
const struct prompt *broker_find(const struct broker *broker, uint64_t id);
size_t broker_count(const struct broker *broker);

#endif
