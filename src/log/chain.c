#include "log/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/hex.h"
#include "log/read.h"

struct place {
	char file[DAY_FILE_SIZE];
	uint64_t offset;
};

/* What does not fit, until the event behind it tells why. */
struct suspect {
	bool there;
	struct place place;
	bool has_link;
	struct chain_link link;
};

struct check {
	struct chain_report *report;
	const struct chain_link *anchors; /* by seq */
	size_t n_anchors, next_anchor;    /* those before were passed */
	bool begun;
	struct chain_link expected; /* of the event to come */
	struct place first;         /* of the oldest event */
	struct place last;          /* of the event before it */
	struct suspect suspect;
};

static void hash(uint8_t ret[static CHAIN_HASH_LEN], struct bytes document) {
	unsigned len = CHAIN_HASH_LEN;

	/* Fails only where OpenSSL has no SHA-256; zeros then fit no event. */
	if (EVP_Digest(document.data, document.len, ret, &len, EVP_sha256(), NULL) != 1)
		memset(ret, 0, CHAIN_HASH_LEN);
}

struct chain_link chain_first(void) {
	return (struct chain_link){.seq = 1};
}

struct chain_link chain_next(const struct chain_link *link, struct bytes document) {
	struct chain_link next = {.seq = link->seq + 1};

	hash(next.prev, document);
	return next;
}

void chain_hash_hex(char ret[static CHAIN_HASH_HEX_SIZE],
                    const uint8_t hash_bytes[static CHAIN_HASH_LEN]) {
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < CHAIN_HASH_LEN; i++) {
		ret[2 * i] = digits[hash_bytes[i] >> 4];
		ret[2 * i + 1] = digits[hash_bytes[i] & 15];
	}
	ret[CHAIN_HASH_HEX_SIZE - 1] = '\0';
}

static int number_read(uint64_t *ret, struct bytes digits) {
	*ret = 0;
	for (size_t i = 0; i < digits.len; i++) {
		uint8_t digit = (uint8_t)(digits.data[i] - '0');

		if (digit > 9 || *ret > (UINT64_MAX - digit) / 10)
			return -EBADMSG;
		*ret = *ret * 10 + digit;
	}
	return *ret == 0 ? -EBADMSG : 0;
}

static int nibble(uint8_t digit) {
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

static int hash_read(uint8_t ret[static CHAIN_HASH_LEN], struct bytes quoted) {
	if (quoted.len != 2 + (size_t)2 * CHAIN_HASH_LEN || quoted.data[0] != '"' ||
	    quoted.data[quoted.len - 1] != '"')
		return -EBADMSG;
	for (size_t i = 0; i < CHAIN_HASH_LEN; i++) {
		int high = nibble(quoted.data[1 + 2 * i]);
		int low = nibble(quoted.data[2 + 2 * i]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int chain_link_read(struct chain_link *ret, struct bytes document) {
	struct chain_link link;

	if (number_read(&link.seq, event_field(document, "seq")) < 0 ||
	    hash_read(link.prev, event_field(document, "prev")) < 0)
		return -EBADMSG;
	*ret = link;
	return 0;
}

int chain_link_after(struct chain_link *ret, const char *seq, const char *hash_hex) {
	struct chain_link link = {0};
	size_t len = 0;

	if (number_read(&link.seq, bytes_of_text(seq)) < 0 || link.seq == UINT64_MAX ||
	    hex_read(link.prev, sizeof(link.prev), &len, bytes_of_text(hash_hex)) < 0 ||
	    len != sizeof(link.prev))
		return -EBADMSG;
	link.seq++;
	*ret = link;
	return 0;
}

const char *chain_finding_name(enum chain_finding finding) {
	switch (finding) {
	case CHAIN_WHOLE: return "whole";
	case CHAIN_UNFINISHED: return "unfinished tail";
	case CHAIN_CHANGED: return "changed";
	case CHAIN_REMOVED: return "removed";
	case CHAIN_INSERTED: return "inserted";
	case CHAIN_CUT: return "cut off";
	case CHAIN_REWRITTEN: return "rewritten";
	}
	return "invalid";
}

static bool same_prev(const struct chain_link *a, const struct chain_link *b) {
	return memcmp(a->prev, b->prev, CHAIN_HASH_LEN) == 0;
}

static bool same_link(const struct chain_link *a, const struct chain_link *b) {
	return a->seq == b->seq && same_prev(a, b);
}

static void conclude(struct check *check, enum chain_finding finding, const struct place *place,
                     uint64_t seq) {
	check->report->finding = finding;
	memcpy(check->report->file, place->file, DAY_FILE_SIZE);
	check->report->offset = place->offset;
	check->report->seq = seq;
}

/* next: the link of what follows the suspect; NULL where nothing does, or it has none. */
static void conclude_suspect(struct check *check, const struct chain_link *next) {
	const struct suspect *suspect = &check->suspect;
	const struct chain_link *expected = &check->expected;
	bool fills = next != NULL && next->seq == expected->seq + 1;

	/* Its neighbours know nothing of it. */
	if (next != NULL && same_link(next, expected))
		conclude(check, CHAIN_INSERTED, &suspect->place, expected->seq);
	else if (!suspect->has_link || suspect->link.seq < expected->seq)
		/* It stands where another stood, or it is one too many. */
		conclude(check, fills ? CHAIN_CHANGED : CHAIN_INSERTED, &suspect->place,
		         expected->seq);
	else if (suspect->link.seq == expected->seq)
		/* It has its number, and another hash of the event before. */
		conclude(check, CHAIN_CHANGED, &check->last, expected->seq - 1);
	else if (same_prev(&suspect->link, expected))
		conclude(check, CHAIN_CHANGED, &suspect->place, expected->seq);
	else
		conclude(check, CHAIN_REMOVED, &suspect->place, expected->seq);
}

/* Of several for one event each counts: whoever adds false ones is noticed. */
static bool anchors_deny(struct check *check, const struct chain_link *link) {
	while (check->next_anchor < check->n_anchors &&
	       check->anchors[check->next_anchor].seq < link->seq)
		check->next_anchor++;
	for (size_t i = check->next_anchor;
	     i < check->n_anchors && check->anchors[i].seq == link->seq; i++)
		if (!same_prev(link, &check->anchors[i]))
			return true;
	return false;
}

/* The first event there is: older ones may be kept no longer, but number 1 has none before. */
static bool may_begin(const struct chain_link *link) {
	const struct chain_link first = chain_first();

	return link->seq != 1 || same_prev(link, &first);
}

/* What the guard says that it removed. */
static void note_expired(struct chain_report *report, struct bytes document) {
	uint64_t kept_from;

	if (bytes_equal_text(event_field(document, "trigger"), "\"log-expired\"") &&
	    number_read(&kept_from, event_field(document, "kept_from")) == 0 &&
	    kept_from > report->kept_from)
		report->kept_from = kept_from;
}

static void accept(struct check *check, const struct piece *piece, const struct chain_link *link,
                   const struct place *place) {
	if (!check->begun) {
		check->report->first_seq = link->seq;
		check->first = *place;
	}
	check->begun = true;
	note_expired(check->report, piece->bytes);
	check->report->last_seq = link->seq;
	check->expected = chain_next(link, piece->bytes);
	check->report->head = check->expected;
	check->last = *place;
	if (anchors_deny(check, link) || anchors_deny(check, &check->expected))
		conclude(check, CHAIN_REWRITTEN, place, link->seq);
}

static void examine(struct check *check, const struct piece *piece) {
	struct place place = {.offset = piece->offset};
	struct chain_link link = {0};
	bool has_link = piece->kind == PIECE_DOCUMENT && chain_link_read(&link, piece->bytes) == 0;

	memcpy(place.file, piece->file, DAY_FILE_SIZE);
	if (check->suspect.there)
		conclude_suspect(check, has_link ? &link : NULL);
	else if (piece->kind == PIECE_UNFINISHED && piece->last_file)
		conclude(check, CHAIN_UNFINISHED, &place, check->expected.seq);
	else if (!check->begun && (!has_link || !may_begin(&link)))
		conclude(check, CHAIN_CHANGED, &place, link.seq);
	else if (!check->begun || (has_link && same_link(&link, &check->expected)))
		accept(check, piece, &link, &place);
	else
		check->suspect = (struct suspect){true, place, has_link,
		                                  has_link ? link : check->expected};
}

static bool is_sound(const struct check *check) {
	return check->report->finding == CHAIN_WHOLE || check->report->finding == CHAIN_UNFINISHED;
}

/* After the last piece: what an anchor knows of that is not there, and what was taken from the
 * beginning. */
static void examine_end(struct check *check) {
	struct chain_report *report = check->report;

	if (check->suspect.there && check->report->finding == CHAIN_WHOLE)
		conclude_suspect(check, NULL);
	if (is_sound(check) && check->n_anchors > 0 &&
	    check->expected.seq < check->anchors[check->n_anchors - 1].seq)
		conclude(check, CHAIN_CUT, &check->last, check->expected.seq);
	if (is_sound(check) && report->first_seq > 1 && report->first_seq > report->kept_from)
		conclude(check, CHAIN_REMOVED, &check->first,
		         report->kept_from > 0 ? report->kept_from : 1);
}

static void clean_reader(struct event_reader **reader) {
	event_reader_free(*reader);
}

int chain_verify(struct chain_report *ret, int dir_fd, const struct chain_link *anchors,
                 size_t n_anchors) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct chain_report report = {.finding = CHAIN_WHOLE, .head = chain_first()};
	struct check check = {.report = &report,
	                      .anchors = anchors,
	                      .n_anchors = n_anchors,
	                      .expected = chain_first()};
	struct piece piece;
	int found = event_reader_new(&reader, dir_fd, TIME_MIN, TIME_MAX);

	if (found < 0)
		return found;
	while (report.finding == CHAIN_WHOLE && (found = event_reader_next(&piece, reader)) == 1)
		examine(&check, &piece);
	/* A packed file that is none. */
	if (found == -EBADMSG || found == -EFBIG) {
		struct place place = {.offset = 0};

		snprintf(place.file, sizeof(place.file), "%s", event_reader_file(reader));
		conclude(&check, CHAIN_CHANGED, &place, check.expected.seq);
	} else if (found < 0) {
		snprintf(ret->file, sizeof(ret->file), "%s", event_reader_file(reader));
		return found;
	}
	examine_end(&check);
	*ret = report;
	return 0;
}
