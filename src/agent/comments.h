/* The comments of keys, as the real agent lists them, and as they are added. A request for a
 * signature does not tell its key's. */
#ifndef AGENT_COMMENTS_H
#define AGENT_COMMENTS_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/key.h"

#define COMMENTS_MAX    256 /* the oldest is forgotten; nobody has as many keys */
#define COMMENT_LEN_MAX 256 /* what ssh-add makes of a path is shorter; a longer one is not known \
	                     */

struct comments;

int comments_new(struct comments **ret) MUST_CHECK;
void comments_free(struct comments *comments); /* NULL is fine */

/* Of one key. A comment that is too long, or has a NUL in it, makes that of the key unknown. */
void comments_learn(struct comments *comments, const char *fingerprint, struct bytes comment);
/* Of all keys in an answer to a request for identities; what is none teaches nothing. */
void comments_learn_list(struct comments *comments, struct bytes answer);

/* Borrowed until the next is learned; NULL: not known. */
const char *comments_find(const struct comments *comments, const char *fingerprint);

#endif
