#include "platform/linux/proc_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_PARENT   4 /* proc(5) counts from 1; comm is 2 */
#define FIELD_TERMINAL 7
#define FIELD_START    22

/* A decimal number, with a sign where it may have one, up to a space or the end. */
static bool number(int64_t *ret, struct bytes word) {
	bool negative = word.len > 0 && word.data[0] == '-';
	int64_t value = 0;

	if (word.len == (negative ? 1 : 0) || word.len > 18)
		return false;
	for (size_t i = negative ? 1 : 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		value = value * 10 + (word.data[i] - '0');
	}
	*ret = negative ? -value : value;
	return true;
}

/* Takes the next word, and its space, off the front of *text. */
static struct bytes next_word(struct bytes *text) {
	struct bytes word = {text->data, 0};

	while (word.len < text->len && text->data[word.len] != ' ' && text->data[word.len] != '\n')
		word.len++;
	text->data += word.len;
	text->len -= word.len;
	if (text->len > 0) {
		text->data++;
		text->len--;
	}
	return word;
}

int proc_stat_parse(struct proc_stat *ret, struct bytes text) {
	struct proc_stat stat = {0};
	/* comm is in parentheses and may hold any, so what counts is the last one: nothing behind
	 * it is text. */
	const uint8_t *end = text.len > 0 ? memrchr(text.data, ')', text.len) : NULL;

	if (end == NULL || text.len - (size_t)(end - text.data) < 4)
		return -EBADMSG;
	stat.state = (char)end[2];
	text.len -= (size_t)(end - text.data) + 4;
	text.data = end + 4; /* "S 123 ...": the parent's PID */
	for (int field = FIELD_PARENT; field <= FIELD_START; field++) {
		int64_t value;

		if (!number(&value, next_word(&text)))
			return -EBADMSG;
		if (field == FIELD_PARENT)
			stat.parent = (pid_t)value;
		else if (field == FIELD_TERMINAL)
			stat.terminal = (int)value;
		else if (field == FIELD_START)
			stat.start_ticks = (uint64_t)value;
	}
	*ret = stat;
	return 0;
}

int proc_argv_parse(struct process *process, struct bytes text) {
	process->argv = calloc(ARGC_MAX + 1, sizeof(*process->argv));
	if (process->argv == NULL)
		return -ENOMEM;
	while (text.len > 0) {
		const uint8_t *end = memchr(text.data, '\0', text.len);
		size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

		if (process->argc == ARGC_MAX) {
			process->argv_cut = true;
			break;
		}
		process->argv[process->argc] = strndup((const char *)text.data, len);
		if (process->argv[process->argc] == NULL)
			return -ENOMEM;
		process->argc++;
		if (end == NULL) {
			process->argv_cut = true; /* a process may also have overwritten its end */
			break;
		}
		text.data = end + 1;
		text.len -= len + 1;
	}
	return 0;
}

struct bytes proc_cgroup_parse(struct bytes text) {
	static const char prefix[] = "0::";

	while (text.len > 0) {
		const uint8_t *newline = memchr(text.data, '\n', text.len);
		size_t len = newline != NULL ? (size_t)(newline - text.data) : text.len;

		if (len > strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0)
			return (struct bytes){text.data + strlen(prefix), len - strlen(prefix)};
		if (newline == NULL)
			break;
		text.data += len + 1;
		text.len -= len + 1;
	}
	return (struct bytes){0};
}
