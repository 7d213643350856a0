/*
 * What the monitor shows, and what a key means at that moment. No terminal, no socket and no clock:
 * what the guard says and what is typed come in, with the time, and whoever draws reads it.
 *
 * A key never answers what its person has not seen: it is for the request that was chosen, by its
 * number; one that comes is never chosen by itself, and takes no key in its first moments; and one
 * that goes leaves nothing chosen.
 */
#ifndef MONITOR_MODEL_H
#define MONITOR_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "monitor/listing.h"
#include "monitor/past.h"

#define SETTLE_NS (UINT64_C(700) * 1000 * 1000) /* a person who types has not seen it sooner */

enum key {
	KEY_NONE, /* one that means nothing here */
	KEY_PRESSED_UP,
	KEY_PRESSED_DOWN,
	KEY_PRESSED_TAB,
	KEY_PRESSED_ENTER,
	KEY_PRESSED_ALLOW,
	KEY_PRESSED_DENY,
	KEY_PRESSED_REVOKE,
	KEY_PRESSED_HELP,
	KEY_PRESSED_REDRAW,
	KEY_PRESSED_QUIT,
};

/* What is to be done for it. */
enum act_kind { ACT_NONE, ACT_QUIT, ACT_REDRAW, ACT_ALLOW, ACT_DENY, ACT_REVOKE };
struct act {
	enum act_kind kind;
	uint64_t id; /* of the request, or grant */
};

enum pane { PANE_WAITING, PANE_GRANTS };
#define PANES (PANE_GRANTS + 1)

/* A PIN is asked for by another process (cmd/monitor_answer.h), which has the keyboard meanwhile.
 */
enum dialog_stage {
	DIALOG_NONE,
	DIALOG_OPENING, /* it speaks with the guard */
	DIALOG_ASKING,  /* the PIN is being typed */
	DIALOG_SENT,    /* it is being checked, or a touch is waited for; the keyboard is ours */
	DIALOG_OVER, /* the request went while the PIN was being typed: what is typed on is void */
};

struct dialog {
	enum dialog_stage stage;
	uint64_t id;
	uint64_t over_ns;
	struct buffer text; /* lines of printable ASCII */
	size_t asked_len;   /* of the text up to the question; 0: it was not asked yet */
};

/* For reading. */
struct model {
	bool utf8;
	bool is_here;          /* a guard answers */
	struct buffer absence; /* why not */
	struct buffer status;  /* the guard's document */
	struct listing lists[PANES];
	uint64_t chosen[PANES]; /* its number; 0: none is */
	enum pane pane;         /* that the arrow keys move in */
	struct past past;
	struct buffer message; /* what became of the last key */
	bool shows_help;
	struct dialog dialog;
};

void model_deinit(struct model *model); /* a zeroed one is empty */

/* What the guard answered. -EBADMSG: nothing of this version; all is then as before. A status of
 * another guard than before ends all that was listed by that one, and what was chosen. */
int model_set_status(struct model *model, struct bytes document) MUST_CHECK;
int model_set_list(struct model *model, enum pane pane, struct bytes answer,
                   uint64_t now_ns) MUST_CHECK;
/* No guard answers. why: a sentence. */
void model_set_absent(struct model *model, const char *why);
int model_add_event(struct model *model, struct bytes document) MUST_CHECK;

/* That one stands on the screen. What does not fit there, or lies under something else, was not
 * seen. */
void model_was_drawn(struct model *model, enum pane pane, uint64_t id, uint64_t now_ns);

/* A sentence for the person: ours, and behind it any text. */
void model_say(struct model *model, const char *words, struct bytes text);

struct act model_key(struct model *model, enum key key, uint64_t now_ns);

/* ---- the dialog ---- */

void model_open_dialog(struct model *model, uint64_t id);
/* What its process says: text of lines, which may come in parts, any bytes. */
void model_dialog_text(struct model *model, struct bytes text);
void model_dialog_asks(struct model *model, struct bytes question);
void model_dialog_is_sent(struct model *model);
/* What it said last, after the question. */
struct bytes model_dialog_words(const struct model *model);
/* Whether the request that a PIN is being typed for is gone. */
bool model_dialog_is_void(const struct model *model);
/* Its process has ended: what it said last is the message. */
void model_close_dialog(struct model *model, bool is_void, uint64_t now_ns);

/* A field of the status as text that may be shown; empty where there is none. */
void model_status_field(struct buffer *shown, const struct model *model, const char *name);

/* Whether something counts down. */
bool model_counts(const struct model *model);

#endif
