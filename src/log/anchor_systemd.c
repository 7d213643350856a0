/* By libsystemd. Entries are told by fields that the journal itself vouches for (_UID) and by what
 * the guard wrote; a program of the same user can add some, and cannot take any back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "log/anchor.h"
#include "log/system_log.h"

#define VALUE_LEN_MAX (2 * CHAIN_HASH_LEN) /* of a hash in hexadecimal; a seq is shorter */

static void close_journal(sd_journal **journal) {
	sd_journal_close(*journal);
}

static int match(sd_journal *journal, const char *name, const char *value) {
	CLEANUP(free_pointer) char *text = NULL;

	if (asprintf(&text, "%s=%s", name, value) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return sd_journal_add_match(journal, text, strlen(text));
}

static int open_journal(sd_journal **ret, const char *state, uid_t uid) {
	CLEANUP(close_journal) sd_journal *journal = NULL;
	char user[32];
	int error = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

	if (error < 0)
		return error;
	snprintf(user, sizeof(user), "%lu", (unsigned long)uid);
	error = match(journal, "_UID", user);
	if (error == 0)
		error = match(journal, "SYSLOG_IDENTIFIER", SYSTEM_LOG_IDENTIFIER);
	if (error == 0)
		error = match(journal, "SSH_GUARD_STATE", state);
	if (error == 0)
		error = sd_journal_seek_tail(journal);
	if (error < 0)
		return error;
	*ret = TAKE(journal);
	return 0;
}

/* A field of the entry at hand, as a text. -ENOENT: it has none. -EBADMSG: too long for one. */
static int get(char ret[static VALUE_LEN_MAX + 1], sd_journal *journal, const char *name) {
	const void *data;
	size_t len, before = strlen(name) + 1;
	int error = sd_journal_get_data(journal, name, &data, &len);

	if (error < 0)
		return error;
	if (len < before || len - before > VALUE_LEN_MAX)
		return -EBADMSG;
	memcpy(ret, (const char *)data + before, len - before);
	ret[len - before] = '\0';
	return 0;
}

/* -EBADMSG: the entry tells no event. */
static int entry_link(struct chain_link *ret, sd_journal *journal) {
	char seq[VALUE_LEN_MAX + 1], hash[VALUE_LEN_MAX + 1];

	if (get(seq, journal, "SSH_GUARD_SEQ") < 0 || get(hash, journal, "SSH_GUARD_HASH") < 0)
		return -EBADMSG;
	return chain_link_after(ret, seq, hash);
}

static int by_seq(const void *a, const void *b) {
	const struct chain_link *left = a, *right = b;

	return left->seq < right->seq ? -1 : left->seq > right->seq;
}

int anchors_of_journal(struct anchors *ret, const char *state, uid_t uid) {
	CLEANUP(close_journal) sd_journal *journal = NULL;
	CLEANUP(anchors_deinit) struct anchors anchors = {0};
	int more = 0, error = open_journal(&journal, state, uid);

	if (error < 0)
		return error;
	anchors.links = calloc(ANCHORS_MAX, sizeof(*anchors.links));
	if (anchors.links == NULL)
		return -ENOMEM;
	while (anchors.count < ANCHORS_MAX && (more = sd_journal_previous(journal)) > 0)
		anchors.count += entry_link(&anchors.links[anchors.count], journal) == 0;
	if (anchors.count < ANCHORS_MAX && more < 0)
		return more;
	qsort(anchors.links, anchors.count, sizeof(*anchors.links), by_seq);
	*ret = anchors;
	anchors = (struct anchors){0};
	return 0;
}
