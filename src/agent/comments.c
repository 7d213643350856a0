#include "agent/comments.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/identities.h"
#include "wire/key.h"

struct comment {
	char fingerprint[KEY_FINGERPRINT_SIZE];
	bool known;
	char text[COMMENT_LEN_MAX + 1];
};

struct comments {
	struct comment items[COMMENTS_MAX];
	size_t count;
	size_t next; /* to be forgotten, once all are taken */
};

int comments_new(struct comments **ret) {
	*ret = calloc(1, sizeof(**ret));
	return *ret != NULL ? 0 : -ENOMEM;
}

void comments_free(struct comments *comments) {
	free(comments);
}

static struct comment *find(const struct comments *comments, const char *fingerprint) {
	for (size_t i = 0; i < comments->count; i++)
		if (strcmp(comments->items[i].fingerprint, fingerprint) == 0)
			return (struct comment *)(uintptr_t)&comments->items[i];
	return NULL;
}

static struct comment *make_room(struct comments *comments) {
	struct comment *comment;

	if (comments->count < COMMENTS_MAX)
		return &comments->items[comments->count++];
	comment = &comments->items[comments->next];
	comments->next = (comments->next + 1) % COMMENTS_MAX;
	return comment;
}

void comments_learn(struct comments *comments, const char *fingerprint, struct bytes text) {
	struct comment *comment = find(comments, fingerprint);

	if (*fingerprint == '\0' || strlen(fingerprint) >= sizeof(comment->fingerprint))
		return;
	if (comment == NULL)
		comment = make_room(comments);
	*comment = (struct comment){0};
	strcpy(comment->fingerprint, fingerprint);
	comment->known = text.len <= COMMENT_LEN_MAX &&
	                 (text.len == 0 || memchr(text.data, '\0', text.len) == NULL);
	if (comment->known && text.len > 0)
		memcpy(comment->text, text.data, text.len);
}

static void learn(void *data, struct bytes key_blob, struct bytes comment) {
	struct key_facts key;

	if (key_facts_of_blob(&key, key_blob) == 0)
		comments_learn(data, key.fingerprint, comment);
}

void comments_learn_list(struct comments *comments, struct bytes answer) {
	identities_each(answer, learn, comments);
}

const char *comments_find(const struct comments *comments, const char *fingerprint) {
	const struct comment *comment = find(comments, fingerprint);

	return comment != NULL && comment->known ? comment->text : NULL;
}
