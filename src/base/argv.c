#include "base/argv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t count(struct bytes joined) {
	size_t n = 0;

	for (size_t i = 0; i < joined.len; i++)
		n += joined.data[i] == '\0';
	return n + (joined.len > 0 && joined.data[joined.len - 1] != '\0');
}

int argv_split(char ***ret, size_t *ret_argc, struct bytes joined) {
	size_t n = count(joined);
	size_t texts_at = (n + 1) * sizeof(char *);
	char **argv = malloc(texts_at + joined.len + 1);
	char *text;

	if (argv == NULL)
		return -ENOMEM;
	text = (char *)argv + texts_at;
	if (joined.len > 0)
		memcpy(text, joined.data, joined.len);
	text[joined.len] = '\0';
	for (size_t i = 0; i < n; i++) {
		argv[i] = text;
		text += strlen(text) + 1;
	}
	argv[n] = NULL;
	*ret = argv;
	*ret_argc = n;
	return 0;
}

int argv_copy(char ***ret, char *const *argv, size_t argc) {
	size_t texts_at = (argc + 1) * sizeof(char *), len = 0;
	char **copy;
	char *text;

	for (size_t i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	copy = malloc(texts_at + len);
	if (copy == NULL)
		return -ENOMEM;
	text = (char *)copy + texts_at;
	for (size_t i = 0; i < argc; i++) {
		size_t size = strlen(argv[i]) + 1;

		copy[i] = memcpy(text, argv[i], size);
		text += size;
	}
	copy[argc] = NULL;
	*ret = copy;
	return 0;
}
