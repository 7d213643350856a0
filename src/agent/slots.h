/*
 * The asker's OTP slots: which of them are enrolled, and for what one is asked right now. One thing
 * at a time, as with security keys, and never beside one: the oldest prompt that any touch may
 * answer, a PIN that somebody has typed, or a change of what is enrolled.
 *
 * A yes takes two answers of the slot: the one that is expected, and the one to a new challenge,
 * which is expected from then on. It counts once that is on the disk, so that no answer is good
 * twice, whenever the guard ends; and if it ends before, the old one is good still.
 */
#ifndef AGENT_SLOTS_H
#define AGENT_SLOTS_H

#include <ev.h>

#include "agent/asker.h"
#include "agent/own_file.h"
#include "confirm/helper.h"
#include "confirm/otp_message.h"
#include "confirm/otp_slots.h"
#include "confirm/proof.h"
#include "confirm/storing.h"

#define SLOT_TRIES 5 /* helpers for one prompt that came to nothing */

enum slots_state {
	SLOTS_IDLE,
	SLOTS_STANDS, /* the prompt is shown, and no slot is asked yet */
	SLOTS_ASKS,   /* the helper is at work */
	SLOTS_ENDS,   /* it is ending, or the file is being written */
};

/* Which answer comes next. */
enum slots_stage {
	STAGE_PROVES, /* the one that is expected */
	STAGE_ROLLS,  /* the one that will be */
	STAGE_MAKES,  /* the first one of a slot that is to be enrolled */
};

/* What a person must say yes to before it is done. */
enum slots_change {
	SLOTS_CHANGE_NONE,
	SLOTS_CHANGE_MAKE, /* the new slot's own answer comes first */
	SLOTS_CHANGE_OWN,  /* of what is enrolled here */
	SLOTS_CHANGE_ELSE, /* of what the asker has */
};

/* NULL: a person has said yes, by a slot. Else why there is none. */
typedef void slots_agreed(void *data, const char *why_not);

struct slots {
	struct asker *asker;
	enum slots_state state;
	enum slots_stage stage;
	struct helper *helper;
	struct storing *storing;
	ev_timer timer; /* SLOTS_STANDS, and until a change is given up */
	struct own_file file;
	struct otp_slots enrolled; /* that are in force */
	struct otp_slots next; /* that are being written, or will be once they are said yes to */
	/* The file as it was left, and as it is left once what is being written is there. The same
	 * but for a moment, or where the disk failed. */
	struct otp_slots written, writing;
	int error; /* the file is there and cannot be used */

	/* What the helper was asked for. */
	enum otp_kind kind;
	size_t wanted[OTP_SLOTS_MAX]; /* places in enrolled */
	size_t n_wanted;
	size_t found;                         /* likewise */
	uint32_t serial;                      /* of the YubiKey that was found */
	uint8_t challenge[OTP_CHALLENGE_LEN]; /* the next one */
	bool has_prompt;                      /* it is for one, and for that one: */
	uint64_t prompt;
	bool is_right;   /* the answers are, and being written */
	bool is_counted; /* the try of its PIN */

	uint64_t live;       /* the prompt that a touch would be for; 0: none */
	uint64_t call;       /* whoever waits for what comes of it; 0: nobody */
	const char *words;   /* static: what to do, for whoever looks; NULL */
	enum turn_lack lack; /* of a touch, as the helper that is at work has found */

	enum slots_change change;
	bool has_agreed; /* somebody with the PIN of the account */
	bool is_agreed;  /* all that it takes */
	bool removes;
	bool has_begun;
	struct touch_proof *proof; /* of a security key's yes; NULL */
	char name[KEY_NAME_LEN_MAX + 1];
	struct otp_slot made; /* what is being made of it */
	char *yes_pin;        /* of a slot that is enrolled, by which it is said yes to; secret */
	slots_agreed *agreed;
};

int slots_new(struct slots **ret, struct asker *asker) MUST_CHECK;
void slots_free(struct slots *slots); /* NULL is fine */

/* Whether a slot of that kind can answer. */
bool slots_can(const struct slots *slots, enum otp_kind kind);
bool slots_pin_is_locked(const struct slots *slots);
/* Whether a touch of one may answer that prompt. */
bool slots_want(const struct prompt *prompt);
bool slots_are_busy(const struct slots *slots);

/* Something about the prompts, or what is said of security keys, is another. */
void slots_look(struct slots *slots);
/* That prompt ends. */
void slots_prompt_ends(struct slots *slots, uint64_t prompt);
/* What the person is to do for that prompt; NULL: no slot is for it. */
const char *slots_words(const struct slots *slots, const struct prompt *prompt);

/* The PIN of a slot, for that prompt; the call is answered later. NULL, or why not. The PIN is
 * borrowed for the call. */
const char *slots_try_pin(struct slots *slots, uint64_t prompt, const char *pin, uint64_t call);

/* What is to be enrolled. */
struct slots_wish {
	const char *name;
	enum otp_kind kind;
	uint8_t slot;
	const char *pin; /* of that slot; "": it takes none */
};

/* Each changes what is enrolled, once a person says yes to it by what is enrolled already; the call
 * is answered later. NULL, or why not. yes_pin: of a slot, where nothing but that can say yes.
 * has_agreed: the PIN of the account was right. PINs are borrowed for the call. */
const char *slots_enroll(struct slots *slots, const struct slots_wish *wish, const char *yes_pin,
                         bool has_agreed, uint64_t call);
const char *slots_remove(struct slots *slots, const char *name, const char *yes_pin,
                         bool has_agreed, uint64_t call);
/* Asks a person for a yes to something else. NULL, or why not; then nobody is called. */
const char *slots_agree(struct slots *slots, const char *yes_pin, slots_agreed *agreed);

/* A security key was touched for that change (NULL, and the proof is shared), or was not. */
void slots_touched(struct slots *slots, const char *why_not, struct touch_proof *proof);

/* A list, as text. */
void slots_list(const struct slots *slots, struct buffer *text);

#endif
