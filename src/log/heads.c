#include "log/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "log/doc.h"
#include "log/read.h"
#include "log/signed_head.h"

#define HEADS_FILE_LEN_MAX (64 * 1024 * 1024)

static void note_bad(struct heads *heads, const struct piece *piece) {
	struct chain_link link = {0};

	if (heads->has_bad)
		return;
	heads->has_bad = true;
	snprintf(heads->bad_file, sizeof(heads->bad_file), "%s", piece->file);
	heads->bad_offset = piece->offset;
	if (chain_link_read(&link, piece->bytes) == 0)
		heads->bad_seq = link.seq;
}

/* false: there is no memory for it. */
static bool note_good(struct heads *heads, struct anchors *anchors, const struct chain_link *link,
                      const struct key_facts *key) {
	heads->good++;
	if (link->seq - 1 >= heads->last_seq) {
		heads->last_seq = link->seq - 1;
		memcpy(heads->key, key->fingerprint, sizeof(heads->key));
	}
	/* The newest ones count, and each covers all before it. */
	return anchors->count >= 2 * ANCHORS_MAX || anchors_add(anchors, link) == 0;
}

static int examine(struct heads *heads, struct anchors *anchors, const struct piece *piece,
                   const char *signed_by) {
	struct chain_link link;
	struct key_facts key;
	enum proof proof = PROOF_BAD;

	if (signed_head_read(&link, &key, &proof, piece->bytes) < 0)
		return 0;
	switch (proof) {
	case PROOF_BAD: note_bad(heads, piece); return 0;
	case PROOF_UNVERIFIABLE: heads->others++; return 0;
	case PROOF_GOOD: break;
	}
	if (signed_by[0] != '\0' && strcmp(signed_by, key.fingerprint) != 0) {
		heads->others++;
		return 0;
	}
	return note_good(heads, anchors, &link, &key) ? 0 : -ENOMEM;
}

static void clean_reader(struct event_reader **reader) {
	event_reader_free(*reader);
}

int heads_of_log(struct heads *ret, struct anchors *anchors, int dir_fd, const char *signed_by) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct piece piece;
	int error = event_reader_new(&reader, dir_fd, TIME_MIN, TIME_MAX), found = 1;

	while (error == 0 && found != 0) {
		found = event_reader_next(&piece, reader);
		/* What cannot be read is found again, and told, when the chain is verified. */
		if (found == 1 && piece.kind == PIECE_DOCUMENT)
			error = examine(ret, anchors, &piece, signed_by);
	}
	return error;
}

int heads_of_file(struct heads *ret, struct anchors *anchors, const char *path,
                  const char *signed_by) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	size_t good = ret->good;
	int error = file_read(&file, AT_FDCWD, path, HEADS_FILE_LEN_MAX, NULL);
	struct bytes rest = buffer_bytes(&file);

	while (error == 0 && rest.len > 0) {
		const uint8_t *end = memmem(rest.data, rest.len, "\n" DOC_END,
		                            strlen("\n" DOC_END));
		size_t len = end != NULL ? (size_t)(end - rest.data) + strlen("\n" DOC_END)
		                         : rest.len;
		const struct piece piece = {.bytes = {rest.data, len}, .file = ""};

		error = examine(ret, anchors, &piece, signed_by);
		rest = (struct bytes){rest.data + len, rest.len - len};
	}
	if (error < 0)
		return error;
	return ret->good > good ? 0 : -EBADMSG;
}
