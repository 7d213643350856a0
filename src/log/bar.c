#include "log/bar.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log/display.h"
#include "log/read.h"

#define LABEL "ssh: "

#define COUNT_SIZE sizeof(" 18446744073709551615")

/* How much of a person's attention a state is worth. */
enum worth { WORTH_NOTHING, WORTH_A_LOOK, WORTH_AN_ANSWER, WORTH_AN_ALARM };

static const struct known {
	const char *state; /* as of status_state_name() */
	enum worth worth;
} known_states[] = {
	{"idle", WORTH_NOTHING},          {"reloaded", WORTH_A_LOOK},
	{"confirming", WORTH_AN_ANSWER},  {"policy-locked", WORTH_AN_ANSWER},
	{"reload-error", WORTH_AN_ALARM}, {"upstream-down", WORTH_AN_ALARM},
	{"locked", WORTH_AN_ALARM},       {"socket-lost", WORTH_AN_ALARM},
	{"log-error", WORTH_AN_ALARM},    {"stopped", WORTH_AN_ALARM},
};

struct bar {
	struct buffer *line;
	struct known state;     /* always our own word */
	char count[COUNT_SIZE]; /* " 2", of what waits for a person; "" where nothing does */
	struct buffer sentence; /* what the state means; printable ASCII */
	struct buffer notice;   /* what the user should know; likewise */
};

static void bar_deinit(struct bar *bar) {
	buffer_deinit(&bar->sentence);
	buffer_deinit(&bar->notice);
}

static void read_state(struct bar *bar, struct bytes field) {
	bar->state = (struct known){"unknown", WORTH_AN_ALARM};
	for (size_t i = 0; i < sizeof(known_states) / sizeof(known_states[0]); i++) {
		const struct known *known = &known_states[i];
		size_t len = strlen(known->state);

		if (field.len == len + 2 && field.data[0] == '"' && field.data[len + 1] == '"' &&
		    memcmp(field.data + 1, known->state, len) == 0)
			bar->state = *known;
	}
}

static void read_count(struct bar *bar, struct bytes field) {
	bar->count[0] = '\0';
	if (field.len == 0 || field.len > sizeof(bar->count) - 2 || field.data[0] == '0')
		return;
	for (size_t i = 0; i < field.len; i++)
		if (field.data[i] < '0' || field.data[i] > '9')
			return;
	snprintf(bar->count, sizeof(bar->count), " %.*s", (int)field.len, (const char *)field.data);
}

static void read_text(struct buffer *shown, struct bytes field) {
	CLEANUP(buffer_deinit) struct buffer original = {0};

	if (field.data != NULL && event_text(&original, field) == 0)
		display_put(shown, buffer_bytes(&original), false);
}

/* ---- lines ---- */

static void put(const struct bar *bar, const char *text) {
	buffer_put_raw(bar->line, bytes_of_text(text));
}

static void put_label(const struct bar *bar) {
	put(bar, LABEL);
	put(bar, bar->state.state);
	put(bar, bar->count);
}

/* Printable ASCII, within a text of JSON that is pango's markup. */
static void put_markup(const struct bar *bar, struct bytes text) {
	for (size_t i = 0; i < text.len; i++)
		switch (text.data[i]) {
		case '&': put(bar, "&amp;"); break;
		case '<': put(bar, "&lt;"); break;
		case '>': put(bar, "&gt;"); break;
		case '\'': put(bar, "&#39;"); break;
		case '"': put(bar, "&quot;"); break;
		case '\\': put(bar, "\\\\"); break;
		default: buffer_put_u8(bar->line, text.data[i]);
		}
}

static void put_text(const struct bar *bar) {
	put(bar, bar->state.state);
	put(bar, bar->count);
	if (bar->sentence.len > 0) {
		put(bar, ": ");
		buffer_put_raw(bar->line, buffer_bytes(&bar->sentence));
	}
	if (bar->notice.len > 0) {
		put(bar, " [");
		buffer_put_raw(bar->line, buffer_bytes(&bar->notice));
		put(bar, "]");
	}
}

static void put_tmux(const struct bar *bar) {
	static const char *const styles[] = {
		[WORTH_A_LOOK] = "#[fg=black,bg=cyan]",
		[WORTH_AN_ANSWER] = "#[fg=black,bg=yellow,bold]",
		[WORTH_AN_ALARM] = "#[fg=white,bg=red,bold]",
	};

	if (bar->state.worth == WORTH_NOTHING)
		return;
	put(bar, styles[bar->state.worth]);
	put(bar, " ");
	put_label(bar);
	put(bar, " #[default]");
}

static void put_waybar(const struct bar *bar) {
	put(bar, "{\"text\":\"");
	put_label(bar);
	put(bar, "\",\"alt\":\"");
	put(bar, bar->state.state);
	put(bar, "\",\"class\":\"");
	put(bar, bar->state.state);
	put(bar, "\",\"tooltip\":\"");
	put_markup(bar, buffer_bytes(&bar->sentence));
	if (bar->notice.len > 0)
		put(bar, "\\n");
	put_markup(bar, buffer_bytes(&bar->notice));
	put(bar, "\"}");
}

static const char *i3status_word(enum worth worth) {
	switch (worth) {
	case WORTH_NOTHING: return "Idle";
	case WORTH_A_LOOK: return "Info";
	case WORTH_AN_ANSWER: return "Warning";
	case WORTH_AN_ALARM: return "Critical";
	}
	return "Critical";
}

static void put_i3status(const struct bar *bar) {
	put(bar, "{\"icon\":\"\",\"state\":\"");
	put(bar, i3status_word(bar->state.worth));
	put(bar, "\",\"text\":\"");
	put_label(bar);
	put(bar, "\"}");
}

static void put_line(const struct bar *bar, enum bar_format format) {
	switch (format) {
	case BAR_TEXT: put_text(bar); break;
	case BAR_TMUX: put_tmux(bar); break;
	case BAR_WAYBAR: put_waybar(bar); break;
	case BAR_I3STATUS: put_i3status(bar); break;
	}
	put(bar, "\n");
}

int bar_line(struct buffer *line, enum bar_format format, struct bytes document) {
	CLEANUP(bar_deinit) struct bar bar = {.line = line};
	size_t len = line->len;
	int error;

	read_state(&bar, event_field(document, "state"));
	read_count(&bar, event_field(document, "waiting"));
	read_text(&bar.sentence, event_field(document, "text"));
	read_text(&bar.notice, event_field(document, "notice"));
	put_line(&bar, format);
	error = buffer_error(&bar.sentence);
	if (error == 0)
		error = buffer_error(&bar.notice);
	if (error == 0)
		error = buffer_error(line);
	if (error < 0)
		line->len = len;
	return error;
}
