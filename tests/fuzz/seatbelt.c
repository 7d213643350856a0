/* Names of directories, which whoever made them chose, in a profile of macOS's sandbox: read back,
 * it has the same rules as with harmless names, about these very paths. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "sandbox/sbpl.h"
#include "sandbox/seatbelt.h"

#define PATH_LEN_MAX 1024

/* A path of the next line; without slashes, so that each name makes as many rules. */
static void take_path(char path[static PATH_LEN_MAX], const uint8_t **data, size_t *len) {
	size_t end = 3;

	memcpy(path, "/p/", 3);
	while (*len > 0 && **data != '\0' && end < PATH_LEN_MAX - 1) {
		path[end++] = **data == '/' ? '|' : (char)**data;
		(*data)++;
		(*len)--;
	}
	if (*len > 0) {
		(*data)++;
		(*len)--;
	}
	if (end == 3)
		path[end++] = 'x';
	path[end] = '\0';
}

static int make(struct sbpl_node *ret, const char *work, const char *socket, const char *hidden) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(buffer_deinit) struct buffer profile = {0};
	CLEANUP(free_pointer) char *why = NULL;
	const struct seatbelt seatbelt = {
		.view = &view, .socket = socket, .scratch = "/scratch", .program = "/program"};
	int error;

	view_add(&view, VIEW_WRITABLE, work);
	view_add(&view, VIEW_EMPTY, hidden);
	error = seatbelt_profile(&profile, &why, &seatbelt);
	if (error < 0) {
		if (why == NULL)
			abort();
		return error;
	}
	if (sbpl_read(ret, buffer_bytes(&profile)) < 0)
		abort();
	return 0;
}

static bool has(const struct sbpl_node *node, const char *text) {
	if (node->kind == SBPL_STRING && strcmp(node->text, text) == 0)
		return true;
	for (size_t i = 0; i < node->count; i++)
		if (has(&node->items[i], text))
			return true;
	return false;
}

/* The same but for what strings say. */
static bool same_shape(const struct sbpl_node *a, const struct sbpl_node *b) {
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if ((a->kind == SBPL_NAME || a->kind == SBPL_REGEX) && strcmp(a->text, b->text) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_shape(&a->items[i], &b->items[i]))
			return false;
	return true;
}

/* Whether one of two names makes a rule less, or more, than others do. */
static bool are_related(const char *a, const char *b) {
	return strncmp(a, b, strlen(a)) == 0 || strncmp(a, b, strlen(b)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	char work[PATH_LEN_MAX], socket[PATH_LEN_MAX], hidden[PATH_LEN_MAX];
	CLEANUP(sbpl_node_deinit) struct sbpl_node harmless = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};

	take_path(work, &data, &len);
	take_path(socket, &data, &len);
	take_path(hidden, &data, &len);
	if (make(&harmless, "/p/work", "/p/socket", "/p/hidden") < 0)
		abort();
	if (make(&profile, work, socket, hidden) < 0)
		return 0;
	if (!has(&profile, work) || !has(&profile, socket) || !has(&profile, hidden))
		abort();
	if (!are_related(work, socket) && !are_related(work, hidden) &&
	    !are_related(socket, hidden) && !same_shape(&profile, &harmless))
		abort();
	return 0;
}
