/* The inside of struct known_hosts, for the files that make it up: its entries by key, what is
 * asked of them, and which names they have. Not a door for other modules. */
#ifndef WIRE_KNOWN_HOSTS_PARTS_H
#define WIRE_KNOWN_HOSTS_PARTS_H

#include <openssl/evp.h>

#include "wire/host_pattern.h"
#include "wire/key.h"
#include "wire/known_hosts.h"
#include "wire/known_hosts_line.h"

/* What one question may cost: some 0.1 s. */
#define KNOWN_HOSTS_STEPS_MAX (64 * 1000 * 1000)

struct entry {
	uint8_t digest[KEY_DIGEST_LEN];
	uint32_t names_at; /* in the names of the index */
	uint32_t names_len;
	uint32_t next;  /* of the same bucket, as its index and 1; 0: the last */
	uint8_t marker; /* enum host_marker */
	uint8_t origin; /* enum known_hosts_origin */
	bool is_hashed; /* names are a salt and a hash */
};

struct known_hosts {
	struct entry *entries;
	size_t n_entries, entries_capacity;
	uint8_t *names;
	size_t names_len, names_capacity;
	uint32_t *buckets; /* of the first entry, as its index and 1 */
	size_t n_buckets;  /* a power of two, or 0 */
	size_t bytes_read;
	struct known_hosts_counts counts;
	EVP_MAC *mac; /* NULL where libcrypto has no HMAC-SHA1: hashed names are unknown */
	EVP_MAC_CTX *mac_context;
};

/* known_hosts.c: the entries. */

static inline uint8_t host_lower(uint8_t byte) {
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

struct bytes known_hosts_entry_names(const struct known_hosts *hosts, const struct entry *entry);
/* The next entry of that key and marker behind *at, which starts as NULL. */
bool known_hosts_next(const struct known_hosts *hosts, const struct entry **at,
                      const uint8_t *digest, enum host_marker marker);
bool known_hosts_lists(const struct known_hosts *hosts, const uint8_t *digest,
                       enum host_marker marker);
/* Whether its names, hashed or not, are those of this one. TRI_UNKNOWN: no steps are left. */
enum tri known_hosts_entry_fits(const struct known_hosts *hosts, const struct entry *entry,
                                struct bytes name, size_t *steps_left);

/* known_hosts_find.c: what is asked of them. */

/* A name in question, as it stands in a file. */
struct host_candidate {
	char text[HOST_NAME_LEN_MAX + sizeof("[]:65535")];
	size_t len;
};
/* false: empty, or longer than any host's name. */
bool host_candidate_make(struct host_candidate *ret, const char *host, uint16_t port);
struct bytes host_candidate_bytes(const struct host_candidate *candidate);

/* A host key in question; what must be compared of it. */
struct asked_host {
	uint8_t digest[KEY_DIGEST_LEN]; /* of the plain key */
	bool is_certificate;
	struct public_key certificate; /* where it is one */
	uint8_t ca_digest[KEY_DIGEST_LEN];
};
/* -EBADMSG: no key, or a certificate that is none. */
int asked_host_read(struct asked_host *ret, struct bytes host_key) MUST_CHECK;
bool known_hosts_revokes(const struct known_hosts *hosts, const struct asked_host *asked);
/* What the @cert-authority lines of the CA say of a name, by origin. */
struct known_host known_hosts_find_ca(const struct known_hosts *hosts,
                                      const struct asked_host *asked, struct bytes name,
                                      size_t *steps_left);

#endif
