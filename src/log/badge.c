#include "log/badge.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

/* How it looks, by what it is. */
enum look { LOOK_NONE, LOOK_DONE, LOOK_NEWS, LOOK_ASKING, LOOK_ALARM };

/* What is to be seen at one moment. */
struct face {
	enum look look;
	const char *text;  /* borrowed of the badge */
	const char *label; /* before it */
	const char *sign;  /* behind it, of something that is still wrong; NULL */
};

/* What the state is, for a badge. */
enum gravity {
	GRAVITY_NONE,
	GRAVITY_NEWS,
	GRAVITY_STANDING, /* somebody wants it so: shown until it ends */
	GRAVITY_ALARM,    /* something is wrong: large at first */
};

static enum gravity gravity_of(enum status_state state) {
	switch (state) {
	case STATUS_IDLE:
	case STATUS_CONFIRMING: return GRAVITY_NONE;
	case STATUS_RELOADED: return GRAVITY_NEWS;
	case STATUS_POLICY_LOCKED:
	case STATUS_LOCKED:
	case STATUS_STOPPED: return GRAVITY_STANDING;
	case STATUS_RELOAD_ERROR:
	case STATUS_UPSTREAM_DOWN:
	case STATUS_SOCKET_LOST:
	case STATUS_LOG_ERROR: return GRAVITY_ALARM;
	}
	return GRAVITY_ALARM;
}

static bool is_word(const char *word, const char *other) {
	return word != NULL && strcmp(word, other) == 0;
}

static unsigned seconds_of(enum badge_outcome outcome, const char *reason) {
	switch (outcome) {
	case OUTCOME_NONE: return 0;
	case OUTCOME_ALLOWED: return BADGE_ALLOWED_S;
	case OUTCOME_CONFIRMED: return BADGE_CONFIRMED_S;
	case OUTCOME_DENIED: return is_word(reason, "missing") ? BADGE_MISSING_S : BADGE_DENIED_S;
	}
	return 0;
}

/* Of a client that has left by itself there is nothing to tell. */
static enum badge_outcome outcome_of(const struct event *event) {
	if (is_word(event->reason, "cancelled"))
		return OUTCOME_NONE;
	if (is_word(event->decision, "deny") || is_word(event->decision, "confirm-denied"))
		return OUTCOME_DENIED;
	if (is_word(event->decision, "confirmed"))
		return OUTCOME_CONFIRMED;
	return is_word(event->decision, "allow") ? OUTCOME_ALLOWED : OUTCOME_NONE;
}

void badge_event(struct badge *badge, const struct event *event, const char *summary,
                 uint64_t now_ns) {
	enum badge_outcome outcome = outcome_of(event);

	if (outcome == OUTCOME_NONE || *summary == '\0')
		return;
	if (badge->outcome == OUTCOME_DENIED && outcome != OUTCOME_DENIED &&
	    now_ns < badge->outcome_until_ns)
		return;
	badge->outcome = outcome;
	badge->outcome_until_ns = now_ns + seconds_of(outcome, event->reason) * SECOND_NS;
	snprintf(badge->summary, sizeof(badge->summary), "%s", summary);
}

void badge_status(struct badge *badge, const struct status *status, uint64_t now_ns) {
	if (badge->state != status->state) {
		badge->state = status->state;
		badge->state_since_ns = now_ns;
	}
	badge->asking[0] = '\0';
	if (status->asking == NULL)
		return;
	if (status->waiting > 1)
		snprintf(badge->asking, sizeof(badge->asking), "%s (1 of %zu)", status->asking,
		         status->waiting);
	else
		snprintf(badge->asking, sizeof(badge->asking), "%s", status->asking);
}

/* Until when the state itself is told. */
static uint64_t told_until_ns(const struct badge *badge) {
	switch (gravity_of(badge->state)) {
	case GRAVITY_NONE: return 0;
	case GRAVITY_NEWS: return badge->state_since_ns + BADGE_RELOADED_S * SECOND_NS;
	case GRAVITY_STANDING: return UINT64_MAX;
	case GRAVITY_ALARM: return badge->state_since_ns + BADGE_ALARM_S * SECOND_NS;
	}
	return UINT64_MAX;
}

static struct face face_of(const struct badge *badge, uint64_t now_ns) {
	const char *state = status_state_name(badge->state);
	enum gravity gravity = gravity_of(badge->state);
	struct face face = {.text = "", .label = ""};

	if (gravity == GRAVITY_STANDING || gravity == GRAVITY_ALARM)
		face.sign = state;
	if (badge->asking[0] != '\0') {
		face.look = LOOK_ASKING;
		face.text = badge->asking;
	} else if (badge->outcome != OUTCOME_NONE && now_ns < badge->outcome_until_ns) {
		face.look = badge->outcome == OUTCOME_DENIED ? LOOK_ALARM : LOOK_DONE;
		face.text = badge->summary;
	} else if (now_ns < told_until_ns(badge)) {
		face.look = gravity == GRAVITY_NEWS ? LOOK_NEWS : LOOK_ALARM;
		face.label = "ssh: ";
		face.text = state;
		face.sign = NULL;
	}
	return face;
}

static void sooner(uint64_t *due_ns, uint64_t at_ns, uint64_t now_ns) {
	if (at_ns > now_ns && at_ns != UINT64_MAX && (*due_ns == 0 || at_ns < *due_ns))
		*due_ns = at_ns;
}

uint64_t badge_due_ns(const struct badge *badge, uint64_t now_ns) {
	uint64_t due_ns = 0;

	if (badge->outcome != OUTCOME_NONE)
		sooner(&due_ns, badge->outcome_until_ns, now_ns);
	sooner(&due_ns, told_until_ns(badge), now_ns);
	return due_ns;
}

/* ---- as text ---- */

static void put(struct buffer *text, const char *words) {
	buffer_put_raw(text, bytes_of_text(words));
}

static const char *tmux_style(enum look look) {
	switch (look) {
	case LOOK_NONE: return "";
	case LOOK_DONE: return "#[fg=white,bg=blue,bold]";
	case LOOK_NEWS: return "#[fg=black,bg=cyan]";
	case LOOK_ASKING: return "#[fg=black,bg=yellow,bold]";
	case LOOK_ALARM: return "#[fg=white,bg=red,bold]";
	}
	return "";
}

static const char *pango_style(enum look look) {
	switch (look) {
	case LOOK_NONE: return "";
	case LOOK_DONE: return "background=\"#268bd2\" foreground=\"#ffffff\"";
	case LOOK_NEWS: return "background=\"#859900\" foreground=\"#ffffff\"";
	case LOOK_ASKING: return "background=\"#cb4b16\" foreground=\"#ffffff\"";
	case LOOK_ALARM: return "background=\"#dc322f\" foreground=\"#ffffff\"";
	}
	return "";
}

static void put_tmux(struct buffer *text, enum look look, const char *label, const char *words) {
	put(text, tmux_style(look));
	put(text, " ");
	put(text, label);
	put(text, words);
	put(text, " #[default]");
}

static void put_pango(struct buffer *text, enum look look, const char *label, const char *words) {
	put(text, "<span ");
	put(text, pango_style(look));
	put(text, "> ");
	put(text, label);
	put(text, words);
	put(text, " </span>");
}

void badge_tmux(struct buffer *text, const struct badge *badge, uint64_t now_ns) {
	struct face face = face_of(badge, now_ns);

	if (face.look != LOOK_NONE)
		put_tmux(text, face.look, face.label, face.text);
	if (face.sign != NULL)
		put_tmux(text, LOOK_ALARM, "", face.sign);
}

void badge_pango(struct buffer *text, const struct badge *badge, uint64_t now_ns) {
	struct face face = face_of(badge, now_ns);

	if (face.look != LOOK_NONE)
		put_pango(text, face.look, face.label, face.text);
	if (face.sign != NULL)
		put_pango(text, LOOK_ALARM, "", face.sign);
}
