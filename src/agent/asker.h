/*
 * The asker: has a person asked, by the broker and with the means that the guard has. It owns the
 * clock of the prompts, the grants, the PIN and whatever shows a prompt, and is the only one that
 * tells the broker of a yes.
 */
#ifndef AGENT_ASKER_H
#define AGENT_ASKER_H

#include <ev.h>

#include "agent/control.h"
#include "agent/guard.h"
#include "agent/own_file.h"
#include "agent/program_file.h"
#include "agent/tickets.h"
#include "confirm/askpass.h"
#include "confirm/broker.h"
#include "confirm/enrolment.h"
#include "confirm/grants.h"
#include "confirm/hashing.h"
#include "confirm/pin.h"
#include "confirm/postbox.h"
#include "confirm/storing.h"

#define WAITING_MAX   4 /* people who wait at one prompt for its end */
#define PIN_TRIES_MAX 3 /* by one ticket: to mistype it twice is common */

struct popup;
struct screens;
struct slots;
struct touching;

/* Somebody who waits for a prompt's end, or for another method's turn. */
struct awaiting {
	uint64_t call; /* 0: nobody */
	pid_t pid;
	int watch;
};

/* What the PIN that is being hashed is for. */
enum pin_use {
	PIN_USE_NONE,
	PIN_USE_CONFIRM,
	PIN_USE_ENROLL_OLD,
	PIN_USE_ENROLL_NEW,
	PIN_USE_ENROLL_KEY, /* the first security key */
	PIN_USE_SLOTS,      /* a slot of a YubiKey, or one less */
};

struct asker {
	struct guard *guard;
	struct control *control; /* borrowed; NULL until the guard serves */
	struct broker *broker;
	struct grants *grants;
	char *own_program;
	char program_file[PROGRAM_FILE_SIZE]; /* what its file was told by at the start */
	const char *directory; /* of postboxes */
	ev_timer due;
	ev_timer turn;        /* the oldest prompt gets its window in the next turn of the loop */
	bool told_of_windows; /* that they are not confined here */

	struct pin pin;
	struct own_file pin_file;
	/* As it was left, and as it is left once what is being written is there. */
	struct pin pin_written, pin_writing;
	int pin_error; /* STATE/pin is there and cannot be used */
	enum pin_use pin_use;
	struct hashing *hashing;
	struct storing *pin_storing;    /* that a PIN is tried */
	int pin_count_error;            /* what came of that */
	char pin_hashed[PIN_HASH_SIZE]; /* of the PIN that is tried, once it is known */
	uint64_t pin_prompt, pin_call;  /* 0: none */
	const char *pin_via;
	char *new_pin; /* to be enrolled, or that of a key to be; in secret memory */
	char new_name[KEY_NAME_LEN_MAX + 1];
	uint8_t new_slot; /* 0: that of new_name is removed */
	bool new_slot_takes_pin;

	struct touching *touching;
	struct popup *popup; /* NULL before it is made */
	struct slots *slots;
	struct screens *screens;

	struct tickets tickets;
	struct identifying *identifying; /* a list */
};

/* What of a prompt is the asker's (prompt->shown). */
struct showing {
	struct asker *asker;
	uint64_t prompt;
	int64_t asked_us;
	struct postbox *postbox; /* NULL: there is none */
	struct askpass *askpass; /* likewise */
	bool was_in_window;
	unsigned touch_tries; /* that came to nothing */
	unsigned slot_tries;  /* likewise, of YubiKeys' slots */
	struct awaiting waiting[WAITING_MAX];
};

/* directory: of the postboxes, borrowed. */
int asker_new(struct asker **ret, struct guard *guard, const char *directory) MUST_CHECK;
void asker_free(struct asker *asker); /* NULL is fine; nobody may wait any more */

/* Another policy is in force: what was remembered under the old one ends. */
void asker_policy_changed(struct asker *asker);
/* Another floor is, or the guard begins with one. */
void asker_floor_changed(struct asker *asker);

/* Those that hold by now. */
struct grants *asker_grants(struct asker *asker);

/* The methods by which a person who is there can answer, and those that were passed over. NULL, or
 * why there is none. */
const char *asker_turns(struct turns *ret, const struct asker *asker,
                        const struct confirm_terms *terms, enum presence presence) MUST_CHECK;

/* Watches the clock for prompts; after each change of the broker. */
void asker_watch_clock(struct asker *asker);

/* Checks the PIN for a prompt; later the prompt is granted, and the call, if any, answered. NULL:
 * it is being checked. Else what to tell the person. The PIN is borrowed for the call. */
const char *asker_try_pin(struct asker *asker, uint64_t prompt, const char *pin, const char *via,
                          uint64_t call);
/* As above, for a new PIN; old may be "" where there is none. */
const char *asker_enroll_pin(struct asker *asker, const char *old_pin, const char *new_pin,
                             uint64_t call);

/* The security key of that name is to say yes from now on; pin is its own, "" where it has none,
 * and old_pin that of the account, where no other key is enrolled that could say yes to it. */
const char *asker_enroll_key(struct asker *asker, const char *name, const char *old_pin,
                             const char *pin, uint64_t call);

/* That slot is to say yes from now on, or (slot 0) the one of that name no more. pin: of the slot,
 * "" where it takes none. */
const char *asker_change_slots(struct asker *asker, const char *name, uint8_t slot,
                               const char *old_pin, const char *pin, uint64_t call);
/* Writes STATE/pin; from then on a change of it by others is told. */
int asker_save_pin(struct asker *asker, const struct pin *pin) MUST_CHECK;
/* Negative where there is no memory; what is wrong with the file is said. */
int asker_load_pin(struct asker *asker) MUST_CHECK;
bool asker_is_enrolled(const struct asker *asker, const char *name);

/* The oldest prompt that any touch may answer: no other one is asked for before. NULL: none. */
const struct prompt *asker_touched_prompt(const struct asker *asker);
/* The PIN of that method is locked: it says yes to no prompt. */
void asker_pin_is_locked(struct asker *asker, enum confirm_method method);

#endif
