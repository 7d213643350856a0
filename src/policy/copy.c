#include "policy/copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"

/* As text, which ends. -EBADMSG: it does not. */
static int take_text(char **ret, struct cursor *cursor) {
	struct bytes text = cursor_string(cursor);

	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
		return -EBADMSG;
	*ret = strndup(text.len > 0 ? (const char *)text.data : "", text.len);
	return *ret != NULL ? 0 : -ENOMEM;
}

struct kept {
	bool has_home;
	char *home, *path;
	struct bytes text;
	struct bytes included; /* what comes behind */
};

static void kept_deinit(struct kept *kept) {
	free(kept->home);
	free(kept->path);
}

/* Pairs of a path and a text, until there is no more. */
static bool next_file(struct cursor *cursor, struct bytes *ret_path, struct bytes *ret_text) {
	if (cursor->failed || cursor->rest.len == 0)
		return false;
	*ret_path = cursor_string(cursor);
	*ret_text = cursor_string(cursor);
	return !cursor->failed;
}

static int find(void *data, const char *path, struct policy_file *ret) {
	const struct kept *kept = data;
	struct cursor cursor = cursor_over(kept->included);
	struct bytes found;

	*ret = (struct policy_file){.error = -ENOENT, .owner = geteuid(), .mode = 0600};
	while (next_file(&cursor, &found, &ret->text))
		if (bytes_equal_text(found, path)) {
			ret->error = 0;
			return 0;
		}
	ret->text = (struct bytes){0};
	return 0;
}

void policy_copy_begin(struct buffer *copy, const char *home) {
	buffer_put_u8(copy, home != NULL);
	buffer_put_string(copy, bytes_of_text(home != NULL ? home : ""));
}

static int kept_read(struct kept *kept, struct bytes copy) {
	struct cursor cursor = cursor_over(copy), all;
	struct bytes path, text;
	int error;

	kept->has_home = cursor_u8(&cursor) != 0;
	error = take_text(&kept->home, &cursor);
	if (error == 0)
		error = take_text(&kept->path, &cursor);
	if (error < 0)
		return error;
	kept->text = cursor_string(&cursor);
	if (cursor.failed)
		return -EBADMSG;
	kept->included = cursor_rest(&cursor);
	all = cursor_over(kept->included);
	while (next_file(&all, &path, &text))
		;
	return cursor_finish(&all) < 0 ? -EBADMSG : 0;
}

int policy_copy_parse(struct policy **ret, struct bytes copy, struct problems *problems) {
	CLEANUP(kept_deinit) struct kept kept = {0};
	const struct policy_source source = {.find = find, .data = &kept};
	struct surroundings surroundings = {.source = &source};
	int error = kept_read(&kept, copy);

	if (error < 0)
		return error;
	surroundings.home = kept.has_home ? kept.home : NULL;
	return policy_parse(ret, kept.text, kept.path, &surroundings, problems);
}
