/*
 * Whose turn it is to say yes to a prompt: the methods of its list, in the order of the policy. The
 * first one that can be used is the one that asks. One behind it says nothing until all before it
 * have turned out to be of no use; one before it that is of use again may answer as well. Pure.
 */
#ifndef CONFIRM_TURNS_H
#define CONFIRM_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "facts/confirm.h"

/* Why a method was passed over, in a word, as an event tells it. */
enum turn_lack {
	LACK_NONE,
	/* From the beginning. */
	LACK_NOT_ENROLLED,
	LACK_NOT_PINNED, /* the system floor names other keys */
	LACK_PIN_LOCKED, /* wrong too often; meanwhile, too */
	LACK_NO_PROGRAM,
	LACK_AWAY, /* the person is not at the screen where it would be shown */
	/* Meanwhile. */
	LACK_NO_KEY,
	LACK_KEY_REMOVED,
	LACK_KEY_UNUSABLE, /* it is there, and something keeps it from being used */
	LACK_FAILED,       /* what asks broke */
	LACK_INVALID,      /* what it answered is not good */
};
#define TURN_LACK_COUNT 11

/* A word, and the same in words for a person. */
const char *turn_lack_name(enum turn_lack lack);
const char *turn_lack_text(enum turn_lack lack);

struct turn {
	enum confirm_method method;
	enum turn_lack lack;   /* LACK_NONE: of use, as far as anybody knows */
	bool is_spent;         /* for good */
	enum turn_lack passed; /* why one behind it had its turn, though it may be of use again */
};

struct turns {
	struct turn list[CONFIRM_METHOD_COUNT];
	size_t count;
	size_t reached; /* how many of them have had their turn */
	size_t asks;    /* the place of the one that asks; count: none is left */
	bool is_any;    /* each may answer at any time */
};

/* What can be said of the methods when the question is asked: that of a bit's place. */
struct turns_lacks {
	enum turn_lack of[CONFIRM_METHOD_COUNT];
};

/* Those with a lack are passed over for good. */
void turns_begin(struct turns *ret, unsigned methods, const struct confirm_order *order,
                 const struct turns_lacks *lacks);

/* The one that asks; 0: none is left. */
enum confirm_method turns_asks(const struct turns *turns);
/* Whether it may say yes by now. */
bool turns_may_answer(const struct turns *turns, enum confirm_method method);
/* All of those. */
unsigned turns_answering(const struct turns *turns);

/* It is of no use now, and may be again; or is again (LACK_NONE). Nothing, where its turn has not
 * come. Returns whether another one asks from here on. */
bool turns_lack(struct turns *turns, enum confirm_method method, enum turn_lack lack);
/* It is of no use any more. The same. */
bool turns_spend(struct turns *turns, enum confirm_method method, enum turn_lack lack);

/* The same methods, in the same order. */
bool turns_same(const struct turns *a, const struct turns *b);

/* Those that were passed over before that one (0: the one that asks). Returns how many. */
size_t turns_passed(struct confirm_passed ret[static CONFIRM_METHOD_COUNT],
                    const struct turns *turns, enum confirm_method meant);

/* Appends a line's text: "pin (weak); not touch: no key of yours is plugged in". */
void turns_put_text(struct buffer *text, const struct turns *turns);

#endif
