/*
 * The asker's security keys: which are enrolled, and for what a touch is asked right now. There is
 * one such thing at a time, so that a touch can only be for that: the oldest prompt that a touch
 * may answer, once it has stood for a moment, or a change of what is enrolled.
 */
#ifndef AGENT_TOUCHING_H
#define AGENT_TOUCHING_H

#include <ev.h>

#include "agent/asker.h"
#include "agent/own_file.h"
#include "confirm/enrolment.h"
#include "confirm/proof.h"
#include "confirm/touch.h"

#define TOUCH_STANDS_S \
	0.7           /* nobody reads and moves within that: such a touch is for what was before */
#define TOUCH_TRIES 5 /* helpers for one prompt that came to nothing */
#define CHANGE_S    120. /* for a change; then the keys are free again */

enum touching_state {
	TOUCHING_IDLE,
	TOUCHING_STANDS, /* the prompt is shown, and no key is asked yet */
	TOUCHING_ASKS,   /* the helper is at work */
	TOUCHING_ENDS,   /* it is ending: no other one can use the keys before */
};

/* What a person must say yes to before it is done. */
enum touching_change {
	CHANGE_NONE,
	CHANGE_MAKE, /* the new key's own touch comes first */
	CHANGE_KEYS,
	CHANGE_PIN,
	CHANGE_SLOTS, /* of YubiKeys: they do it themselves (slots.h) */
};

struct touching {
	struct asker *asker;
	enum touching_state state;
	struct touch *touch;
	ev_timer timer; /* TOUCHING_STANDS, and until a change is given up */
	struct own_file file;
	struct enrolment enrolment; /* that is in force */
	int error;                  /* the file is there and cannot be used */

	uint64_t live, live_since_ns; /* the prompt that a touch would be for; 0: none */
	bool verified;                /* with the key's PIN */
	uint64_t call;                /* whoever waits for what comes of it; 0: nobody */
	struct touch_proof *proof;    /* being asked for */
	uint8_t challenge[CHALLENGE_LEN];
	const char *words;   /* static: what to do, for whoever looks; NULL */
	enum turn_lack lack; /* as the helper that is at work has found */

	enum touching_change change;
	bool had_other;        /* when it began: whoever began it has said yes by that */
	struct enrolment next; /* once it is said yes to */
	char name[KEY_NAME_LEN_MAX + 1];
	char pin_hash[PIN_HASH_SIZE];
	char slots_before[DIGEST_HEX], slots_after[DIGEST_HEX];
};

int touching_new(struct touching **ret, struct asker *asker) MUST_CHECK;
void touching_free(struct touching *touching); /* NULL is fine */

/* Whether a touch can answer; verified: with a PIN. */
bool touching_can(const struct touching *touching, bool verified);
/* Whether one could, but for the system floor, which names other keys. */
bool touching_is_barred(const struct touching *touching, bool verified);
/* Whether any is enrolled, so that a change takes a touch. */
bool touching_has_keys(const struct touching *touching);
/* Tells which of those that are enrolled the floor does not name. */
void touching_floor_changed(struct touching *touching);

/* Whether a touch may answer that prompt. */
bool touching_wants(const struct prompt *prompt);
/* Whether there is none that could, or none is plugged in that could. */
bool touching_lacks_key(const struct touching *touching, const struct prompt *prompt);
bool touching_is_changing(const struct touching *touching);

/* Something about the prompts is another. */
void touching_look(struct touching *touching);
/* That prompt ends. */
void touching_prompt_ends(struct touching *touching, uint64_t prompt);
/* What the person is to do for that prompt; NULL: no touch is for it. */
const char *touching_words(const struct touching *touching, const struct prompt *prompt);

/* The PIN of a security key, for that prompt; the call is answered later. NULL, or why not. The PIN
 * is borrowed for the call. */
const char *touching_try_pin(struct touching *touching, uint64_t prompt, const char *pin,
                             uint64_t call);

/* Changes what is enrolled, after a touch of a key that is enrolled, if there is one; the call is
 * answered later. NULL, or why not. pin: of the new key, borrowed; "": it has none. */
const char *touching_enroll(struct touching *touching, const char *name, const char *pin,
                            uint64_t call);
const char *touching_remove(struct touching *touching, const char *name, uint64_t call);
/* Of what is enrolled of YubiKeys' slots, where keys are enrolled: slots_touched() hears of it.
 * Negative: it cannot be asked for now. */
int touching_agree(struct touching *touching, const char *before, const char *after) MUST_CHECK;
/* The first PIN, where keys are enrolled. */
const char *touching_set_pin(struct touching *touching, const char *hash, uint64_t call);

/* A list, as text. */
void touching_list(const struct touching *touching, struct buffer *text);

#endif
