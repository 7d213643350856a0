#include "wire/known_hosts.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "wire/known_hosts_parts.h"

#define BUCKETS_MIN 64
/* A hash costs as much as so many steps of matching, so that a key with 100,000 hashed names can
 * still be told. */
#define STEPS_OF_HASH 500

static void mac_make(struct known_hosts *hosts) {
	char digest[] = "SHA1";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	hosts->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hosts->mac == NULL)
		return;
	hosts->mac_context = EVP_MAC_CTX_new(hosts->mac);
	if (hosts->mac_context != NULL && EVP_MAC_CTX_set_params(hosts->mac_context, params) == 1)
		return;
	EVP_MAC_CTX_free(hosts->mac_context);
	hosts->mac_context = NULL;
}

int known_hosts_new(struct known_hosts **ret) {
	struct known_hosts *hosts = calloc(1, sizeof(*hosts));

	if (hosts == NULL)
		return -ENOMEM;
	mac_make(hosts);
	*ret = hosts;
	return 0;
}

void known_hosts_free(struct known_hosts *hosts) {
	if (hosts == NULL)
		return;
	free(hosts->entries);
	free(hosts->names);
	free(hosts->buckets);
	EVP_MAC_CTX_free(hosts->mac_context);
	EVP_MAC_free(hosts->mac);
	free(hosts);
}

struct known_hosts_counts known_hosts_counts(const struct known_hosts *hosts) {
	return hosts->counts;
}

/* --- filling ---------------------------------------------------------------------------------- */

/* The digest is as good as random where nobody chose the key for it, and whoever writes keys into
 * the file may as well write a key a hundred thousand times. */
static uint32_t *bucket_of(const struct known_hosts *hosts, const uint8_t *digest) {
	uint32_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return &hosts->buckets[hash & (hosts->n_buckets - 1)];
}

static int buckets_grow(struct known_hosts *hosts) {
	size_t n_buckets = hosts->n_buckets > 0 ? 2 * hosts->n_buckets : BUCKETS_MIN;
	uint32_t *buckets = calloc(n_buckets, sizeof(*buckets));

	if (buckets == NULL)
		return -ENOMEM;
	free(hosts->buckets);
	hosts->buckets = buckets;
	hosts->n_buckets = n_buckets;
	for (size_t i = 0; i < hosts->n_entries; i++) {
		uint32_t *bucket = bucket_of(hosts, hosts->entries[i].digest);

		hosts->entries[i].next = *bucket;
		*bucket = (uint32_t)i + 1;
	}
	return 0;
}

/* Makes room for one more of size bytes, count of which are there. Grows by a half, which wastes
 * less than doubling. */
static int array_reserve(void **array, size_t *capacity, size_t needed, size_t size) {
	size_t wanted = *capacity + *capacity / 2 + BUCKETS_MIN;
	void *grown;

	if (needed <= *capacity)
		return 0;
	if (wanted < needed)
		wanted = needed;
	grown = realloc(*array, wanted * size);
	if (grown == NULL)
		return -ENOMEM;
	*array = grown;
	*capacity = wanted;
	return 0;
}

static int names_reserve(struct known_hosts *hosts, size_t len) {
	void *names = hosts->names;
	int error = array_reserve(&names, &hosts->names_capacity, hosts->names_len + len, 1);

	hosts->names = names;
	return error;
}

static int entries_reserve(struct known_hosts *hosts) {
	void *entries = hosts->entries;
	int error = array_reserve(&entries, &hosts->entries_capacity, hosts->n_entries + 1,
	                          sizeof(*hosts->entries));

	hosts->entries = entries;
	return error;
}

static int entry_add(struct known_hosts *hosts, const struct known_hosts_line *line,
                     enum known_hosts_origin origin) {
	struct bytes names = line->is_hashed ? BYTES(line->hashed_name) : line->names;
	struct entry *entry;
	uint32_t *bucket;

	if (hosts->n_entries >= hosts->n_buckets && buckets_grow(hosts) < 0)
		return -ENOMEM;
	if (names_reserve(hosts, names.len) < 0 || entries_reserve(hosts) < 0)
		return -ENOMEM;
	bucket = bucket_of(hosts, line->digest);
	entry = &hosts->entries[hosts->n_entries++];
	*entry = (struct entry){
		.names_at = (uint32_t)hosts->names_len,
		.names_len = (uint32_t)names.len,
		.next = *bucket,
		.marker = (uint8_t)line->marker,
		.origin = (uint8_t)origin,
		.is_hashed = line->is_hashed,
	};
	memcpy(entry->digest, line->digest, sizeof(entry->digest));
	*bucket = (uint32_t)hosts->n_entries;
	for (size_t i = 0; i < names.len; i++)
		hosts->names[hosts->names_len++] = line->is_hashed ? names.data[i]
		                                                   : host_lower(names.data[i]);
	return 0;
}

int known_hosts_add(struct known_hosts *hosts, struct bytes text, enum known_hosts_origin origin) {
	CLEANUP(free_pointer) uint8_t *scratch = NULL;
	struct bytes line_text;

	if (text.len > KNOWN_HOSTS_BYTES_MAX - hosts->bytes_read)
		return -EFBIG;
	hosts->bytes_read += text.len;
	scratch = malloc(KNOWN_HOSTS_SCRATCH_SIZE);
	if (scratch == NULL)
		return -ENOMEM;
	while (known_hosts_line_next(&line_text, &text)) {
		struct known_hosts_line line;

		switch (known_hosts_line_read(&line, line_text, scratch)) {
		case KNOWN_HOSTS_LINE_EMPTY: break;
		case KNOWN_HOSTS_LINE_MALFORMED: hosts->counts.malformed++; break;
		case KNOWN_HOSTS_LINE_GOOD:
			if (entry_add(hosts, &line, origin) < 0)
				return -ENOMEM;
			hosts->counts.used++;
			hosts->counts.unknown_types += line.is_unknown_type ? 1 : 0;
			break;
		}
	}
	return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

struct bytes known_hosts_entry_names(const struct known_hosts *hosts, const struct entry *entry) {
	return (struct bytes){hosts->names + entry->names_at, entry->names_len};
}

bool known_hosts_next(const struct known_hosts *hosts, const struct entry **at,
                      const uint8_t *digest, enum host_marker marker) {
	uint32_t next;

	if (hosts->n_buckets == 0)
		return false;
	next = *at != NULL ? (*at)->next : *bucket_of(hosts, digest);
	for (; next != 0; next = hosts->entries[next - 1].next) {
		const struct entry *entry = &hosts->entries[next - 1];

		if (entry->marker == marker && memcmp(entry->digest, digest, KEY_DIGEST_LEN) == 0) {
			*at = entry;
			return true;
		}
	}
	return false;
}

bool known_hosts_lists(const struct known_hosts *hosts, const uint8_t *digest,
                       enum host_marker marker) {
	const struct entry *entry = NULL;

	return known_hosts_next(hosts, &entry, digest, marker);
}

static enum tri hash_fits(const struct known_hosts *hosts, struct bytes hashed_name,
                          struct bytes name, size_t *steps_left) {
	uint8_t hash[HOST_HASH_LEN];
	size_t len = 0;

	if (hosts->mac_context == NULL || *steps_left < STEPS_OF_HASH)
		return TRI_UNKNOWN;
	*steps_left -= STEPS_OF_HASH;
	if (EVP_MAC_init(hosts->mac_context, hashed_name.data, HOST_HASH_LEN, NULL) != 1 ||
	    EVP_MAC_update(hosts->mac_context, name.data, name.len) != 1 ||
	    EVP_MAC_final(hosts->mac_context, hash, &len, sizeof(hash)) != 1 || len != sizeof(hash))
		return TRI_UNKNOWN;
	return memcmp(hash, hashed_name.data + HOST_HASH_LEN, len) == 0 ? TRI_YES : TRI_NO;
}

enum tri known_hosts_entry_fits(const struct known_hosts *hosts, const struct entry *entry,
                                struct bytes name, size_t *steps_left) {
	struct bytes names = known_hosts_entry_names(hosts, entry);

	return entry->is_hashed ? hash_fits(hosts, names, name, steps_left)
	                        : host_patterns_fit(names, name, steps_left);
}
