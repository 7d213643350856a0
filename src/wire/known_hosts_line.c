#include "wire/known_hosts_line.h"

#include <errno.h>

#include "wire/base64.h"
#include "wire/host_pattern.h"
#include "wire/known_hosts.h"

#define MARKER_SIZE     32 /* of check_markers(): as long a marker is an error */
#define HASH_MAGIC      "|1|"
#define HASH_TEXT_LEN   28 /* HOST_HASH_LEN bytes in base64 */
#define HASHED_LEN      (sizeof(HASH_MAGIC) - 1 + HASH_TEXT_LEN + 1 + HASH_TEXT_LEN)
#define DIGEST_TEXT     "SHA256:"
#define DIGEST_TEXT_LEN 44 /* KEY_DIGEST_LEN bytes in base64, with the '=' */

bool known_hosts_line_next(struct bytes *ret, struct bytes *text) {
	const uint8_t *end;
	const uint8_t *zero;

	if (text->len == 0)
		return false;
	*ret = *text;
	end = memchr(text->data, '\n', text->len);
	if (end != NULL)
		ret->len = (size_t)(end - text->data);
	text->data += ret->len + (end != NULL ? 1 : 0);
	text->len -= ret->len + (end != NULL ? 1 : 0);
	/* To OpenSSH the line is a C string. */
	zero = ret->len > 0 ? memchr(ret->data, '\0', ret->len) : NULL;
	if (zero != NULL)
		ret->len = (size_t)(zero - ret->data);
	else if (ret->len > 0 && ret->data[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static bool is_blank(uint8_t byte) {
	return byte == ' ' || byte == '\t';
}

static void skip_blanks(struct bytes *line) {
	while (line->len > 0 && is_blank(line->data[0])) {
		line->data++;
		line->len--;
	}
}

/* Takes all up to the next blank, and the blanks behind it. */
static struct bytes take_word(struct bytes *line) {
	struct bytes word = {line->data, 0};

	while (word.len < line->len && !is_blank(line->data[word.len]))
		word.len++;
	line->data += word.len;
	line->len -= word.len;
	skip_blanks(line);
	return word;
}

/* As check_markers(), down to its habit of looking for a space first and for a tab only where the
 * line has no space. */
static bool take_marker(enum host_marker *ret, struct bytes *line) {
	const uint8_t *end;
	struct bytes marker;

	if (line->len == 0 || line->data[0] != '@')
		return true;
	end = memchr(line->data, ' ', line->len);
	if (end == NULL)
		end = memchr(line->data, '\t', line->len);
	if (end == NULL)
		return false;
	marker = (struct bytes){line->data, (size_t)(end - line->data)};
	if (marker.len >= MARKER_SIZE)
		return false;
	if (bytes_equal_text(marker, "@cert-authority"))
		*ret = HOST_MARKER_CA;
	else if (bytes_equal_text(marker, "@revoked"))
		*ret = HOST_MARKER_REVOKED;
	else
		return false;
	line->data += marker.len;
	line->len -= marker.len;
	skip_blanks(line);
	return line->len == 0 || line->data[0] != '@'; /* only one is allowed */
}

/* ssh writes a salt and a hash itself before it compares them with those of the line, so a name
 * that is written in any other way than its own never fits. */
static bool hashed_name_read(uint8_t *ret, struct bytes name) {
	struct bytes salt = {name.data + sizeof(HASH_MAGIC) - 1, HASH_TEXT_LEN};
	struct bytes hash = {salt.data + HASH_TEXT_LEN + 1, HASH_TEXT_LEN};
	size_t salt_len = 0, hash_len = 0;

	if (name.len != HASHED_LEN || memcmp(name.data, HASH_MAGIC, sizeof(HASH_MAGIC) - 1) != 0 ||
	    salt.data[HASH_TEXT_LEN] != '|')
		return false;
	return base64_decode(ret, HOST_HASH_LEN, &salt_len, salt) == 0 &&
	       salt_len == HOST_HASH_LEN &&
	       base64_decode(ret + HOST_HASH_LEN, HOST_HASH_LEN, &hash_len, hash) == 0 &&
	       hash_len == HOST_HASH_LEN;
}

/* false: no host fits to these names. A revocation holds whatever hosts it is for. */
static bool names_read(struct known_hosts_line *line, struct bytes names) {
	line->is_hashed = names.len > 0 && names.data[0] == '|';
	if (line->marker == HOST_MARKER_REVOKED) {
		line->is_hashed = false;
		return true;
	}
	if (line->is_hashed)
		return hashed_name_read(line->hashed_name, names);
	line->names = names;
	return names.len <= KNOWN_HOSTS_NAMES_LEN_MAX && host_patterns_usable(names);
}

int key_digest(uint8_t ret[static KEY_DIGEST_LEN], struct key_facts *facts, struct bytes blob) {
	struct key_facts own_facts;
	char text[DIGEST_TEXT_LEN];
	size_t len = 0;

	if (key_facts_of_blob(&own_facts, blob) < 0 || own_facts.fingerprint[0] == '\0')
		return -EBADMSG;
	memcpy(text, own_facts.fingerprint + sizeof(DIGEST_TEXT) - 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '=';
	if (base64_decode(ret, KEY_DIGEST_LEN, &len, BYTES(text)) < 0 || len != KEY_DIGEST_LEN)
		return -EBADMSG;
	if (facts != NULL)
		*facts = own_facts;
	return 0;
}

static bool key_read(struct known_hosts_line *line, struct bytes word, struct bytes base64,
                     uint8_t *scratch) {
	const struct key_type *type = key_type_find(word);
	struct key_facts facts;
	size_t len;

	if (base64_decode(scratch, KNOWN_HOSTS_SCRATCH_SIZE, &len, base64) < 0 ||
	    key_digest(line->digest, &facts, (struct bytes){scratch, len}) < 0)
		return false;
	line->is_unknown_type = type == NULL;
	if (!bytes_equal_text(type != NULL ? bytes_of_text(type->usual) : word, facts.type))
		return false;
	/* ssh compares a certificate with CAs alone, so one without a marker is never found. */
	return line->marker != HOST_MARKER_NONE || type == NULL || !type->is_certificate;
}

enum known_hosts_line_state known_hosts_line_read(struct known_hosts_line *ret, struct bytes text,
                                                  uint8_t *scratch) {
	struct known_hosts_line line = {0};
	struct bytes names, type;

	skip_blanks(&text);
	if (text.len == 0 || text.data[0] == '#')
		return KNOWN_HOSTS_LINE_EMPTY;
	if (!take_marker(&line.marker, &text))
		return KNOWN_HOSTS_LINE_MALFORMED;
	names = take_word(&text);
	if (text.len == 0 || text.data[0] == '#')
		return KNOWN_HOSTS_LINE_MALFORMED;
	type = take_word(&text);
	if (!names_read(&line, names) || !key_read(&line, type, take_word(&text), scratch))
		return KNOWN_HOSTS_LINE_MALFORMED;
	*ret = line;
	return KNOWN_HOSTS_LINE_GOOD;
}
