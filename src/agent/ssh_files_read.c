#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ssh_files.h"
#include "caller/ssh_place.h"

void ssh_known_files_deinit(struct ssh_known_files *files) {
	for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++)
		for (size_t i = 0; i < files->n_paths[kind]; i++)
			free(files->paths[kind][i]);
	*files = (struct ssh_known_files){0};
}

bool ssh_known_files_equal(const struct ssh_known_files *a, const struct ssh_known_files *b) {
	for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++) {
		if (a->n_paths[kind] != b->n_paths[kind])
			return false;
		for (size_t i = 0; i < a->n_paths[kind]; i++)
			if (strcmp(a->paths[kind][i], b->paths[kind][i]) != 0)
				return false;
	}
	return true;
}

static bool take_line(struct bytes *ret, struct bytes *text) {
	const uint8_t *end;

	if (text->len == 0)
		return false;
	end = memchr(text->data, '\n', text->len);
	*ret = (struct bytes){text->data, end != NULL ? (size_t)(end - text->data) : text->len};
	text->data += ret->len + (end != NULL);
	text->len -= ret->len + (end != NULL);
	return true;
}

/* What stands behind "keyword "; false: it is another line. */
static bool is_line_of(struct bytes *line, const char *keyword) {
	size_t len = strlen(keyword);

	if (line->len <= len || memcmp(line->data, keyword, len) != 0 || line->data[len] != ' ')
		return false;
	line->data += len + 1;
	line->len -= len + 1;
	return true;
}

static struct bytes take_word(struct bytes *line) {
	const uint8_t *end = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
	struct bytes word = {line->data, end != NULL ? (size_t)(end - line->data) : line->len};

	line->data += word.len + (end != NULL);
	line->len -= word.len + (end != NULL);
	return word;
}

static bool begins(struct bytes word, const char *text) {
	size_t len = strlen(text);

	return word.len > len && memcmp(word.data, text, len) == 0;
}

static int add_path(struct ssh_known_files *files, size_t kind, struct bytes word,
                    const char *home) {
	bool below_home = begins(word, "~/");
	char *path = NULL;

	if (bytes_equal_text(word, "none") || bytes_equal_text(word, "/dev/null"))
		return 0;
	/* ssh does not quote, so this may be the rest of a name with a blank in it. */
	if ((!below_home && !begins(word, "/")) || (below_home && home == NULL) ||
	    memchr(word.data, '\0', word.len) != NULL ||
	    files->n_paths[kind] == SSH_FILES_FILES_MAX)
		return -EBADMSG;
	if (asprintf(&path, "%s%.*s", below_home ? home : "", (int)word.len - below_home,
	             (const char *)word.data + below_home) < 0)
		return -ENOMEM;
	files->paths[kind][files->n_paths[kind]++] = path;
	return 0;
}

static int add_paths(struct ssh_known_files *files, size_t kind, struct bytes line,
                     const char *home) {
	int error = 0;

	while (line.len > 0 && error == 0)
		error = add_path(files, kind, take_word(&line), home);
	return error;
}

int ssh_known_files_read(struct ssh_known_files *ret, struct bytes text, const char *home) {
	static const char *const keywords[KNOWN_BY_COUNT] = {"userknownhostsfile",
	                                                     "globalknownhostsfile"};
	CLEANUP(ssh_known_files_deinit) struct ssh_known_files files = {0};
	bool said[KNOWN_BY_COUNT] = {false};
	struct bytes line;

	while (take_line(&line, &text)) {
		for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++) {
			struct bytes rest = line;
			int error;

			if (said[kind] || !is_line_of(&rest, keywords[kind]))
				continue;
			said[kind] = true;
			error = add_paths(&files, kind, rest, home);
			if (error < 0)
				return error;
		}
	}
	if (!said[0] || !said[1])
		return -EBADMSG;
	*ret = files;
	files = (struct ssh_known_files){0};
	return 0;
}

void ssh_alias_deinit(struct ssh_alias *alias) {
	free(alias->host);
	*alias = (struct ssh_alias){0};
}

/* The rest of the first line of the keyword; of no data: there is none. */
static struct bytes value_of(struct bytes text, const char *keyword) {
	struct bytes line;

	while (take_line(&line, &text))
		if (is_line_of(&line, keyword))
			return line;
	return (struct bytes){0};
}

int ssh_alias_read(struct ssh_alias *ret, struct bytes text) {
	struct bytes name = value_of(text, "hostkeyalias");
	struct ssh_alias alias = {0};
	int error;

	if (name.data == NULL) {
		name = value_of(text, "hostname");
		if (ssh_port_read(&alias.port, value_of(text, "port")) < 0)
			return -EBADMSG;
	}
	if (name.data == NULL || memchr(name.data, ' ', name.len) != NULL ||
	    memchr(name.data, '\0', name.len) != NULL)
		return -EBADMSG;
	error = ssh_name_copy(&alias.host, name);
	if (error < 0)
		return error;
	*ret = alias;
	return 0;
}
