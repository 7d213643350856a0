#include "log/touched.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "confirm/proof.h"
#include "log/read.h"
#include "log/statement.h"
#include "log/walk.h"

const char *touched_text(enum touched touched) {
	switch (touched) {
	case TOUCHED_NOT: return "it tells of no touch";
	case TOUCHED_GOOD: return "an enrolled key was touched for just this";
	case TOUCHED_BEFORE: return "a yes from before was remembered";
	case TOUCHED_STRANGER: return "the key that was touched is not enrolled";
	case TOUCHED_LACKS: return "it says that a key was touched, and has no proof of that";
	case TOUCHED_OTHER: return "the touch was for something else than it says";
	case TOUCHED_BAD: return "its proof of a touch is none";
	}
	return "invalid";
}

/* ---- the proof, as the document has it ---- */

struct collecting {
	struct touch_proof proof;
	size_t depth;     /* of lists and mappings; the document's own is 1 */
	bool in_approval; /* behind its key, until the next key of the document */
	struct bytes key; /* within the approval, the last one */
	bool bad;
};

/* A quoted text of nothing but what our own texts there are made of. */
static bool copy_text(char *ret, size_t size, struct bytes value) {
	if (value.len < 2 || value.len - 2 >= size || value.data[0] != '"')
		return false;
	memcpy(ret, value.data + 1, value.len - 2);
	ret[value.len - 2] = '\0';
	return strlen(ret) == value.len - 2;
}

static bool take_value(struct collecting *collecting, struct bytes value) {
	struct touch_proof *proof = &collecting->proof;
	const struct {
		const char *name;
		char *text;
		size_t size;
	} texts[] = {
		{"nonce", proof->nonce, sizeof(proof->nonce)},
		{"old", proof->before, sizeof(proof->before)},
		{"new", proof->after, sizeof(proof->after)},
		{"key", proof->key, sizeof(proof->key)},
		{"credential", proof->credential, sizeof(proof->credential)},
		{"authenticator_data", proof->auth_data, sizeof(proof->auth_data)},
		{"signature", proof->signature, sizeof(proof->signature)},
	};

	if (bytes_equal_text(collecting->key, "requests"))
		return proof->n_requests < PROOF_REQUESTS_MAX &&
		       copy_text(proof->requests[proof->n_requests++], PROOF_HASH_SIZE, value);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (bytes_equal_text(collecting->key, texts[i].name))
			return copy_text(texts[i].text, texts[i].size, value);
	return false;
}

static void on_open(void *data, bool list) {
	struct collecting *collecting = data;

	(void)list;
	collecting->depth++;
}

static void on_close(void *data, bool list) {
	struct collecting *collecting = data;

	(void)list;
	collecting->depth--;
}

static void on_key(void *data, struct bytes name) {
	struct collecting *collecting = data;

	if (collecting->depth == 1)
		collecting->in_approval = bytes_equal_text(name, "approval");
	else
		collecting->key = name;
}

static void on_value(void *data, struct bytes value) {
	struct collecting *collecting = data;

	if (collecting->in_approval && !take_value(collecting, value))
		collecting->bad = true;
}

static int read_proof(struct touch_proof *ret, struct bytes document) {
	const struct walk_calls calls = {on_open, on_close, on_key, on_value};
	struct collecting collecting = {0};
	int error = walk_document(document, &calls, &collecting);

	if (error == 0 && collecting.bad)
		error = -EBADMSG;
	if (error == 0)
		*ret = collecting.proof;
	return error;
}

/* ---- what it proves ---- */

static bool field_is(struct bytes document, const char *name, const char *quoted) {
	return bytes_equal_text(event_field(document, name), quoted);
}

static struct enrolled_key *key_of(struct enrolment *keys, const char *credential) {
	char digest[DIGEST_HEX];

	for (size_t i = 0; i < keys->count; i++)
		if (digest_hex(digest, (struct bytes){keys->keys[i].id, keys->keys[i].id_len}) ==
		            0 &&
		    strcmp(digest, credential) == 0)
			return &keys->keys[i];
	return NULL;
}

static bool is_signed(const struct touch_proof *proof, const struct enrolled_key *key) {
	uint8_t challenge[CHALLENGE_LEN], auth_data[AUTH_DATA_LEN], signature[SIGNATURE_LEN_MAX];
	struct assertion assertion = {{auth_data, 0}, {signature, 0}};
	const struct assertion_demand demand = {.challenge = challenge, .point = key->point};
	uint32_t counter;

	return proof_challenge(challenge, proof) == 0 &&
	       hex_read(auth_data, sizeof(auth_data), &assertion.auth_data.len,
	                bytes_of_text(proof->auth_data)) == 0 &&
	       hex_read(signature, sizeof(signature), &assertion.signature.len,
	                bytes_of_text(proof->signature)) == 0 &&
	       assertion_check(&counter, &assertion, &demand) == ASSERTION_GOOD;
}

/* A change names itself: what was in force, and what is. */
static bool is_change(struct bytes document) {
	return field_is(document, "trigger", "\"enrolled\"") ||
	       field_is(document, "trigger", "\"policy-accepted\"") ||
	       field_is(document, "trigger", "\"panic-off\"");
}

/* Of a policy, which the event names; the end of panic is always the same. */
static bool is_named(const struct touch_proof *proof, struct bytes document) {
	struct bytes detail = event_field(document, "detail");
	char digest[DIGEST_HEX];

	if (field_is(document, "trigger", "\"panic-off\""))
		return digest_hex(digest, bytes_of_text(CHALLENGE_PANIC_OFF)) == 0 &&
		       strcmp(proof->after, digest) == 0;
	return !field_is(document, "trigger", "\"policy-accepted\"") ||
	       (detail.len > 0 &&
	        memmem(detail.data, detail.len, proof->after, strlen(proof->after)) != NULL);
}

/* Whether what was signed names this event. */
static bool is_for_this(const struct touch_proof *proof, struct bytes document) {
	CLEANUP(buffer_deinit) struct buffer statement = {0};
	char digest[DIGEST_HEX];

	if (is_change(document))
		return proof->before[0] != '\0' && proof->n_requests == 0 &&
		       is_named(proof, document);
	statement_put(&statement, document);
	if (proof->before[0] != '\0' || buffer_error(&statement) < 0 ||
	    digest_hex(digest, buffer_bytes(&statement)) < 0)
		return false;
	for (size_t i = 0; i < proof->n_requests; i++)
		if (strcmp(proof->requests[i], digest) == 0)
			return true;
	return false;
}

enum touched touched_check(struct bytes document, struct enrolment *keys) {
	struct touch_proof proof = {0};
	const struct enrolled_key *key;
	bool says_so = field_is(document, "confirm_method", "\"touch\"") &&
	               field_is(document, "decision", "\"confirmed\"");

	if (event_field(document, "approval").data == NULL) {
		if (!says_so)
			return TOUCHED_NOT;
		return field_is(document, "confirm_via", "\"grant\"") ? TOUCHED_BEFORE
		                                                      : TOUCHED_LACKS;
	}
	if (read_proof(&proof, document) < 0)
		return TOUCHED_BAD;
	if (!is_for_this(&proof, document))
		return TOUCHED_OTHER;
	key = key_of(keys, proof.credential);
	if (key == NULL)
		return TOUCHED_STRANGER;
	return is_signed(&proof, key) ? TOUCHED_GOOD : TOUCHED_BAD;
}
