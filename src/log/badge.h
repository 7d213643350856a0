/*
 * The badge of a status bar: what is worth a look now, and until when. Pure: it sees no clock.
 *
 * What waits for a person stays until it is answered, and what is wrong until it is right again:
 * large for a minute, and then as a small sign. What was done is seen for some seconds. A refusal
 * is not pushed away by something that was allowed after it, or whoever was refused could hide it.
 */
#ifndef LOG_BADGE_H
#define LOG_BADGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "facts/event.h"
#include "log/status.h"
#include "log/summary.h"

#define BADGE_ALLOWED_S   5
#define BADGE_CONFIRMED_S 2 /* somebody was there, and knows */
#define BADGE_DENIED_S    10
#define BADGE_MISSING_S   20 /* nothing could say yes: to be looked into */
#define BADGE_RELOADED_S  3
#define BADGE_ALARM_S     60

#define BADGE_TEXT_SIZE 128

/* What was decided last, as far as it is worth a badge. */
enum badge_outcome { OUTCOME_NONE, OUTCOME_ALLOWED, OUTCOME_CONFIRMED, OUTCOME_DENIED };

struct badge {
	enum badge_outcome outcome;
	uint64_t outcome_until_ns;
	char summary[SUMMARY_SIZE];
	enum status_state state;
	uint64_t state_since_ns;
	char asking[BADGE_TEXT_SIZE]; /* "": nobody is asked */
};

/* Zeroed memory is the badge of an idle guard. */

/* A request was decided; its summary is as of summary_of(). */
void badge_event(struct badge *badge, const struct event *event, const char *summary,
                 uint64_t now_ns);
/* What the status says now. */
void badge_status(struct badge *badge, const struct status *status, uint64_t now_ns);

/* When it will look different by itself; 0: never. */
uint64_t badge_due_ns(const struct badge *badge, uint64_t now_ns);

/* Append what is to be shown; nothing where there is nothing. tmux: its format. pango: markup. */
void badge_tmux(struct buffer *text, const struct badge *badge, uint64_t now_ns);
void badge_pango(struct buffer *text, const struct badge *badge, uint64_t now_ns);

#endif
