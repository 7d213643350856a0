#include "caller/tmux_clients.h"

#include <stdlib.h>
#include <string.h>

#define ACTIVITY_DIGITS_MAX 18

/* The word up to the next blank, or to the end; data is NULL where there is none. */
static struct bytes take_word(struct bytes *line) {
	const uint8_t *blank = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
	struct bytes word = *line;

	if (blank == NULL) {
		*line = (struct bytes){0};
		return word;
	}
	word.len = (size_t)(blank - word.data);
	*line = (struct bytes){blank + 1, line->len - word.len - 1};
	return word;
}

static bool is_number(struct bytes text) {
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.len > 0;
}

/* Into *ret, where it is a number behind that character. */
static bool take_id(char ret[static TMUX_ID_SIZE], struct bytes word, char first) {
	if (word.len < 2 || word.len >= TMUX_ID_SIZE || word.data[0] != first ||
	    !is_number((struct bytes){word.data + 1, word.len - 1}))
		return false;
	memcpy(ret, word.data, word.len);
	ret[word.len] = '\0';
	return true;
}

static bool take_activity(uint64_t *ret, struct bytes word) {
	char text[ACTIVITY_DIGITS_MAX + 1];

	if (!is_number(word) || word.len > ACTIVITY_DIGITS_MAX)
		return false;
	memcpy(text, word.data, word.len);
	text[word.len] = '\0';
	*ret = strtoull(text, NULL, 10);
	return true;
}

/* A terminal. One in control mode has none, and is named client-PID. */
static bool take_name(char ret[static TMUX_CLIENT_SIZE], struct bytes name) {
	if (name.len < 2 || name.len >= TMUX_CLIENT_SIZE || name.data[0] != '/' ||
	    name.data[name.len - 1] == ';') /* it would end tmux's command */
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
			return false;
	memcpy(ret, name.data, name.len);
	ret[name.len] = '\0';
	return true;
}

/* false: it is none, or one that its person cannot type into. */
static bool parse_client(struct tmux_client *ret, struct bytes line) {
	struct bytes activity = take_word(&line), session = take_word(&line),
		     pane = take_word(&line), modes = take_word(&line);

	ret->is_callers = false;
	return take_activity(&ret->activity_s, activity) && take_id(ret->session, session, '$') &&
	       take_id(ret->pane, pane, '%') && bytes_equal_text(modes, "00") &&
	       take_name(ret->name, line);
}

static struct bytes take_line(struct bytes *text) {
	const uint8_t *end = memchr(text->data, '\n', text->len);
	struct bytes line = *text;

	line.len = end != NULL ? (size_t)(end - text->data) : text->len;
	*text = (struct bytes){text->data + line.len, text->len - line.len};
	if (end != NULL)
		*text = (struct bytes){text->data + 1, text->len - 1};
	return line;
}

/* The session of the caller's pane, in the line that tells of it; "": it has no such pane. */
static void find_session(char ret[static TMUX_ID_SIZE], struct bytes answer) {
	ret[0] = '\0';
	while (answer.len > 0) {
		struct bytes line = take_line(&answer);

		if (bytes_equal_text(take_word(&line), "pane") && !take_id(ret, line, '$'))
			ret[0] = '\0';
	}
}

bool tmux_client_is_better(const struct tmux_client *a, const struct tmux_client *b) {
	if (a->is_callers != b->is_callers)
		return a->is_callers;
	return a->activity_s > b->activity_s;
}

bool tmux_clients_pick(struct tmux_client *ret, struct bytes answer) {
	char session[TMUX_ID_SIZE];
	bool found = false;

	find_session(session, answer);
	while (answer.len > 0) {
		struct bytes line = take_line(&answer);
		struct tmux_client client;

		if (!parse_client(&client, line))
			continue;
		client.is_callers = session[0] != '\0' && strcmp(client.session, session) == 0;
		if (!found || tmux_client_is_better(&client, ret))
			*ret = client;
		found = true;
	}
	return found;
}
