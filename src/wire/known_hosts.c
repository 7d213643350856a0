#include "wire/known_hosts.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

#include "wire/host_pattern.h"
#include "wire/known_hosts_line.h"

#define BUCKETS_MIN 64

/* What one question may cost: some 0.1 s. A hash costs as much as so many steps of matching, so
 * that a key with 100,000 hashed names can still be told. */
#define STEPS_MAX     (64 * 1000 * 1000)
#define STEPS_OF_HASH 500
/* Where each line must be looked at, there is less for it: some milliseconds. */
#define STEPS_ALL_MAX (2 * 1000 * 1000)

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

/* A name in question, as it stands in a file. */
struct candidate {
	char text[HOST_NAME_LEN_MAX + sizeof("[]:65535")];
	size_t len;
};

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

static uint8_t lower(uint8_t byte) {
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
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
		                                                   : lower(names.data[i]);
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

static struct bytes entry_names(const struct known_hosts *hosts, const struct entry *entry) {
	return (struct bytes){hosts->names + entry->names_at, entry->names_len};
}

/* The next entry of that key and marker behind *at, which starts as NULL. */
static bool entry_next(const struct known_hosts *hosts, const struct entry **at,
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

static bool digest_is_listed(const struct known_hosts *hosts, const uint8_t *digest,
                             enum host_marker marker) {
	const struct entry *entry = NULL;

	return entry_next(hosts, &entry, digest, marker);
}

/* A host key in question; what must be compared of it. */
struct asked {
	uint8_t digest[KEY_DIGEST_LEN]; /* of the plain key */
	bool is_certificate;
	struct public_key certificate; /* where it is one */
	uint8_t ca_digest[KEY_DIGEST_LEN];
};

static int asked_read(struct asked *ret, struct bytes host_key) {
	struct asked asked = {0};

	if (key_digest(asked.digest, NULL, host_key) < 0)
		return -EBADMSG;
	if (public_key_parse(&asked.certificate, host_key) == 0)
		asked.is_certificate = asked.certificate.type->is_certificate;
	if (asked.is_certificate &&
	    key_digest(asked.ca_digest, NULL, asked.certificate.certificate.ca_key) < 0)
		return -EBADMSG;
	*ret = asked;
	return 0;
}

static bool asked_is_revoked(const struct known_hosts *hosts, const struct asked *asked) {
	return digest_is_listed(hosts, asked->digest, HOST_MARKER_REVOKED) ||
	       (asked->is_certificate &&
	        digest_is_listed(hosts, asked->ca_digest, HOST_MARKER_REVOKED));
}

/* false: empty, or longer than any host's name. */
static bool candidate_make(struct candidate *ret, const char *host, uint16_t port) {
	size_t len = strnlen(host, HOST_NAME_LEN_MAX + 1);
	bool has_port = port != 0 && port != SSH_PORT;
	int written;

	if (len == 0 || len > HOST_NAME_LEN_MAX)
		return false;
	written = has_port ? snprintf(ret->text, sizeof(ret->text), "[%s]:%u", host, (unsigned)port)
	                   : snprintf(ret->text, sizeof(ret->text), "%s", host);
	if (written < 0 || (size_t)written >= sizeof(ret->text))
		return false;
	ret->len = (size_t)written;
	for (size_t i = 0; i < ret->len; i++)
		ret->text[i] = (char)lower((uint8_t)ret->text[i]);
	return true;
}

static struct bytes candidate_bytes(const struct candidate *candidate) {
	return (struct bytes){(const uint8_t *)candidate->text, candidate->len};
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

static enum tri entry_fits(const struct known_hosts *hosts, const struct entry *entry,
                           struct bytes name, size_t *steps_left) {
	struct bytes names = entry_names(hosts, entry);

	return entry->is_hashed ? hash_fits(hosts, names, name, steps_left)
	                        : host_patterns_fit(names, name, steps_left);
}

/* YES wins over UNKNOWN, and that over NO. */
static void tri_join(enum tri *sum, enum tri next) {
	if (next == TRI_YES || *sum == TRI_NO)
		*sum = next;
}

int known_hosts_find(struct known_host *ret, const struct known_hosts *hosts,
                     struct bytes host_key) {
	struct known_host host = {.by_user = TRI_NO, .by_system = TRI_NO};
	const struct entry *entry = NULL;
	struct asked asked;

	if (asked_read(&asked, host_key) < 0)
		return -EBADMSG;
	host.is_revoked = asked_is_revoked(hosts, &asked);
	while (!host.is_revoked && entry_next(hosts, &entry, asked.digest, HOST_MARKER_NONE))
		*(entry->origin == KNOWN_HOSTS_SYSTEM ? &host.by_system : &host.by_user) = TRI_YES;
	*ret = host;
	return 0;
}

enum tri known_hosts_has_name(const struct known_hosts *hosts, struct bytes host_key,
                              const char *host, uint16_t port) {
	const struct entry *entry = NULL;
	struct candidate candidate;
	enum tri fits = TRI_NO;
	size_t steps_left = STEPS_MAX;
	struct asked asked;

	if (asked_read(&asked, host_key) < 0)
		return TRI_UNKNOWN;
	if (!candidate_make(&candidate, host, port) || asked_is_revoked(hosts, &asked))
		return TRI_NO;
	while (fits != TRI_YES && entry_next(hosts, &entry, asked.digest, HOST_MARKER_NONE))
		tri_join(&fits, entry_fits(hosts, entry, candidate_bytes(&candidate), &steps_left));
	return fits;
}

enum tri known_hosts_knows_name(const struct known_hosts *hosts, const char *host, uint16_t port) {
	size_t steps_left = STEPS_ALL_MAX;
	struct candidate candidate;
	enum tri fits = TRI_NO;

	if (!candidate_make(&candidate, host, port))
		return TRI_NO;
	for (size_t i = 0; i < hosts->n_entries && fits != TRI_YES; i++)
		if (hosts->entries[i].marker == HOST_MARKER_NONE)
			tri_join(&fits, entry_fits(hosts, &hosts->entries[i],
			                           candidate_bytes(&candidate), &steps_left));
	return fits;
}

/* --- certificates ----------------------------------------------------------------------------- */

static enum tri principals_fit(const struct certificate *certificate, struct bytes host,
                               size_t *steps_left) {
	struct bytes rest = certificate->principals;
	struct bytes principal;
	enum tri fits = TRI_NO;

	while (fits != TRI_YES && certificate_principal(&principal, &rest))
		tri_join(&fits, host_pattern_fits(principal, host, steps_left));
	return fits;
}

/* What the @cert-authority lines of the CA say of a name, by origin. */
static struct known_host ca_find(const struct known_hosts *hosts, const struct asked *asked,
                                 struct bytes name, size_t *steps_left) {
	struct known_host host = {.by_user = TRI_NO, .by_system = TRI_NO};
	const struct entry *entry = NULL;

	while (entry_next(hosts, &entry, asked->ca_digest, HOST_MARKER_CA))
		tri_join(entry->origin == KNOWN_HOSTS_SYSTEM ? &host.by_system : &host.by_user,
		         entry_fits(hosts, entry, name, steps_left));
	return host;
}

/* A certificate needs both, so a no of either is no. */
static enum tri tri_both(enum tri a, enum tri b) {
	if (a == TRI_NO || b == TRI_NO)
		return TRI_NO;
	return a == TRI_YES && b == TRI_YES ? TRI_YES : TRI_UNKNOWN;
}

int known_hosts_find_certificate(struct known_host *ret, const struct known_hosts *hosts,
                                 struct bytes certificate, const char *host, uint16_t port) {
	struct known_host found = {.by_user = TRI_NO, .by_system = TRI_NO};
	struct candidate with_port, bare;
	size_t steps_left = STEPS_MAX;
	struct asked asked;
	enum tri is_principal;

	if (asked_read(&asked, certificate) < 0 || !asked.is_certificate)
		return -EBADMSG;
	if (asked_is_revoked(hosts, &asked)) {
		found.is_revoked = true;
	} else if (candidate_make(&with_port, host, port) && candidate_make(&bare, host, 0)) {
		found = ca_find(hosts, &asked, candidate_bytes(&with_port), &steps_left);
		/* Principals are names without a port, whatever the port is. */
		is_principal = principals_fit(&asked.certificate.certificate,
		                              candidate_bytes(&bare), &steps_left);
		found.by_user = tri_both(found.by_user, is_principal);
		found.by_system = tri_both(found.by_system, is_principal);
	}
	*ret = found;
	return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

struct name_list {
	struct known_host_name *names;
	size_t len, max;
};

/* Shorter ones first, then in the order of their bytes and ports. */
static int name_compare(const struct known_host_name *a, const struct known_host_name *b) {
	if (a->host.len != b->host.len)
		return a->host.len < b->host.len ? -1 : 1;
	for (size_t i = 0; i < a->host.len; i++)
		if (a->host.data[i] != b->host.data[i])
			return a->host.data[i] < b->host.data[i] ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

static void name_list_insert(struct name_list *list, struct known_host_name name) {
	size_t at = list->len;

	while (at > 0 && name_compare(&name, &list->names[at - 1]) < 0)
		at--;
	if (at > 0 && name_compare(&name, &list->names[at - 1]) == 0)
		return;
	if (at == list->max)
		return;
	if (list->len < list->max)
		list->len++;
	for (size_t i = list->len - 1; i > at; i--)
		list->names[i] = list->names[i - 1];
	list->names[at] = name;
}

/* "[host]:port" taken apart; anything else is a host by itself. */
static struct known_host_name name_of_text(struct bytes text) {
	struct known_host_name name = {text, SSH_PORT};
	size_t end = text.len, port = 0, factor = 1;

	while (end > 0 && text.data[end - 1] >= '0' && text.data[end - 1] <= '9' &&
	       factor < 100000) {
		port += (size_t)(text.data[--end] - '0') * factor;
		factor *= 10;
	}
	if (end == text.len || end < 4 || text.data[0] != '[' || text.data[end - 2] != ']' ||
	    text.data[end - 1] != ':' || port == 0 || port > UINT16_MAX)
		return name;
	return (struct known_host_name){{text.data + 1, end - 3}, (uint16_t)port};
}

static void names_of_entry(struct name_list *list, struct bytes names, size_t *steps_left) {
	bool has_negation = memchr(names.data, '!', names.len) != NULL;
	struct bytes rest = names;
	struct host_pattern pattern;

	while (host_pattern_next(&pattern, &rest)) {
		if (pattern.is_negated || pattern.has_wildcard || pattern.text.len == 0)
			continue;
		if (has_negation && host_patterns_fit(names, pattern.text, steps_left) != TRI_YES)
			continue;
		name_list_insert(list, name_of_text(pattern.text));
	}
}

static bool is_plain_name(struct bytes name) {
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '*' || name.data[i] == '?' ||
		    lower(name.data[i]) != name.data[i])
			return false;
	return name.len > 0;
}

static void names_of_certificate(struct name_list *list, const struct known_hosts *hosts,
                                 const struct asked *asked, size_t *steps_left) {
	struct bytes rest = asked->certificate.certificate.principals;
	struct bytes principal;

	while (certificate_principal(&principal, &rest)) {
		struct known_host found;

		if (!is_plain_name(principal))
			continue;
		found = ca_find(hosts, asked, principal, steps_left);
		if (found.by_user == TRI_YES || found.by_system == TRI_YES)
			name_list_insert(list, (struct known_host_name){principal, SSH_PORT});
	}
}

size_t known_hosts_names(const struct known_hosts *hosts, struct bytes host_key,
                         struct known_host_name *ret, size_t max) {
	struct name_list list = {.names = ret, .max = max};
	const struct entry *entry = NULL;
	size_t steps_left = STEPS_MAX;
	struct asked asked;

	if (asked_read(&asked, host_key) < 0 || asked_is_revoked(hosts, &asked))
		return 0;
	while (entry_next(hosts, &entry, asked.digest, HOST_MARKER_NONE))
		if (!entry->is_hashed)
			names_of_entry(&list, entry_names(hosts, entry), &steps_left);
	return list.len;
}

size_t known_hosts_principals(const struct known_hosts *hosts, struct bytes certificate,
                              struct known_host_name *ret, size_t max) {
	struct name_list list = {.names = ret, .max = max};
	size_t steps_left = STEPS_MAX;
	struct asked asked;

	if (asked_read(&asked, certificate) == 0 && asked.is_certificate &&
	    !asked_is_revoked(hosts, &asked))
		names_of_certificate(&list, hosts, &asked, &steps_left);
	return list.len;
}

static bool has_pattern(struct bytes names) {
	struct host_pattern pattern;

	while (host_pattern_next(&pattern, &names))
		if (!pattern.is_negated && pattern.has_wildcard)
			return true;
	return false;
}

/* What is also negated is a name only where it is known that the negation is for another. */
static bool hides_a_negated_name(struct bytes names, size_t *steps_left) {
	struct bytes rest = names;
	struct host_pattern pattern;

	if (memchr(names.data, '!', names.len) == NULL)
		return false;
	while (host_pattern_next(&pattern, &rest))
		if (!pattern.is_negated && pattern.text.len > 0 &&
		    host_patterns_fit(names, pattern.text, steps_left) == TRI_UNKNOWN)
			return true;
	return false;
}

/* Hashed names that one of these fits hide nothing. */
static bool is_explained(const struct known_hosts *hosts, const struct entry *entry,
                         const struct known_host_name *names, size_t count, size_t *steps_left) {
	for (size_t i = 0; i < count; i++) {
		char host[HOST_NAME_LEN_MAX + 1];
		struct candidate candidate;

		if (names[i].host.len > HOST_NAME_LEN_MAX)
			continue;
		memcpy(host, names[i].host.data, names[i].host.len);
		host[names[i].host.len] = '\0';
		if (candidate_make(&candidate, host, names[i].port) &&
		    entry_fits(hosts, entry, candidate_bytes(&candidate), steps_left) == TRI_YES)
			return true;
	}
	return false;
}

/* It takes no fewer steps than reading the names, so that it does not miss what that left out. */
bool known_hosts_hides_names(const struct known_hosts *hosts, struct bytes host_key,
                             const struct known_host_name *names, size_t count) {
	const struct entry *entry = NULL;
	size_t steps_left = STEPS_MAX;
	struct asked asked;

	if (asked_read(&asked, host_key) < 0)
		return true;
	while (entry_next(hosts, &entry, asked.digest, HOST_MARKER_NONE)) {
		struct bytes text = entry_names(hosts, entry);

		if (entry->is_hashed ? !is_explained(hosts, entry, names, count, &steps_left)
		                     : has_pattern(text) || hides_a_negated_name(text, &steps_left))
			return true;
	}
	return false;
}

/* A line for a port, which no principal names, or for one hashed name. */
static bool ca_hides_hosts(const struct known_hosts *hosts, const struct asked *asked) {
	const struct entry *entry = NULL;

	while (entry_next(hosts, &entry, asked->ca_digest, HOST_MARKER_CA)) {
		struct bytes names = entry_names(hosts, entry);

		if (entry->is_hashed || memchr(names.data, '[', names.len) != NULL)
			return true;
	}
	return false;
}

static bool principal_is_hidden(const struct known_hosts *hosts, const struct asked *asked,
                                struct bytes principal, size_t *steps_left) {
	struct known_host found;

	if (principal.len == 0)
		return false;
	if (memchr(principal.data, '*', principal.len) != NULL ||
	    memchr(principal.data, '?', principal.len) != NULL)
		return true;
	if (!is_plain_name(principal))
		return false; /* ssh asks for names in lower case */
	found = ca_find(hosts, asked, principal, steps_left);
	return found.by_user == TRI_UNKNOWN || found.by_system == TRI_UNKNOWN;
}

bool known_hosts_hides_principals(const struct known_hosts *hosts, struct bytes certificate) {
	size_t steps_left = STEPS_MAX;
	struct bytes rest, principal;
	struct asked asked;

	if (asked_read(&asked, certificate) < 0)
		return true;
	if (!asked.is_certificate || !digest_is_listed(hosts, asked.ca_digest, HOST_MARKER_CA))
		return false;
	if (ca_hides_hosts(hosts, &asked))
		return true;
	rest = asked.certificate.certificate.principals;
	while (certificate_principal(&principal, &rest))
		if (principal_is_hidden(hosts, &asked, principal, &steps_left))
			return true;
	return false;
}
