#include "log/head.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "log/doc.h"
#include "log/read.h"

#define ID_SIZE sizeof("\"18446744073709551615:18446744073709551615\"")

/* Whatever its path, and in any mount namespace. */
static int directory_id(char ret[static ID_SIZE], int fd, const char *quote) {
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	snprintf(ret, ID_SIZE, "%s%llu:%llu%s", quote, (unsigned long long)status.st_dev,
	         (unsigned long long)status.st_ino, quote);
	return 0;
}

int head_put(struct buffer *answer, const struct chain_link *link, int state_fd) {
	CLEANUP(doc_deinit) struct doc doc;
	char hash[CHAIN_HASH_HEX_SIZE], id[ID_SIZE];
	int error = directory_id(id, state_fd, "");

	if (error < 0)
		return error;
	chain_hash_hex(hash, link->prev);
	doc_begin(&doc, answer);
	doc_number(&doc, "seq", link->seq);
	doc_text(&doc, "prev", hash, sizeof(hash));
	doc_text(&doc, "state", id, sizeof(id));
	return doc_finish(&doc);
}

int head_read(struct chain_link *ret, struct bytes answer, int state_fd) {
	struct chain_link link;
	char id[ID_SIZE];
	int error = directory_id(id, state_fd, "\"");

	if (error < 0)
		return error;
	if (chain_link_read(&link, answer) < 0 || event_field(answer, "state").len == 0)
		return -EBADMSG;
	if (!bytes_equal_text(event_field(answer, "state"), id))
		return -EXDEV;
	*ret = link;
	return 0;
}
