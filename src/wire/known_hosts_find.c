#include <errno.h>
#include <stdio.h>

#include "wire/known_hosts_parts.h"

/* Where each line must be looked at, there is less for it: some milliseconds. */
#define STEPS_ALL_MAX (2 * 1000 * 1000)

/* --- the question ----------------------------------------------------------------------------- */

int asked_host_read(struct asked_host *ret, struct bytes host_key) {
	struct asked_host asked = {0};

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

bool known_hosts_revokes(const struct known_hosts *hosts, const struct asked_host *asked) {
	return known_hosts_lists(hosts, asked->digest, HOST_MARKER_REVOKED) ||
	       (asked->is_certificate &&
	        known_hosts_lists(hosts, asked->ca_digest, HOST_MARKER_REVOKED));
}

bool host_candidate_make(struct host_candidate *ret, const char *host, uint16_t port) {
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
		ret->text[i] = (char)host_lower((uint8_t)ret->text[i]);
	return true;
}

struct bytes host_candidate_bytes(const struct host_candidate *candidate) {
	return (struct bytes){(const uint8_t *)candidate->text, candidate->len};
}

/* --- keys ------------------------------------------------------------------------------------- */

/* YES wins over UNKNOWN, and that over NO. */
static void tri_join(enum tri *sum, enum tri next) {
	if (next == TRI_YES || *sum == TRI_NO)
		*sum = next;
}

int known_hosts_find(struct known_host *ret, const struct known_hosts *hosts,
                     struct bytes host_key) {
	struct known_host host = {.by_user = TRI_NO, .by_system = TRI_NO};
	const struct entry *entry = NULL;
	struct asked_host asked;

	if (asked_host_read(&asked, host_key) < 0)
		return -EBADMSG;
	host.is_revoked = known_hosts_revokes(hosts, &asked);
	while (!host.is_revoked && known_hosts_next(hosts, &entry, asked.digest, HOST_MARKER_NONE))
		*(entry->origin == KNOWN_HOSTS_SYSTEM ? &host.by_system : &host.by_user) = TRI_YES;
	*ret = host;
	return 0;
}

enum tri known_hosts_has_name(const struct known_hosts *hosts, struct bytes host_key,
                              const char *host, uint16_t port) {
	const struct entry *entry = NULL;
	struct host_candidate candidate;
	enum tri fits = TRI_NO;
	size_t steps_left = KNOWN_HOSTS_STEPS_MAX;
	struct asked_host asked;

	if (asked_host_read(&asked, host_key) < 0)
		return TRI_UNKNOWN;
	if (!host_candidate_make(&candidate, host, port) || known_hosts_revokes(hosts, &asked))
		return TRI_NO;
	while (fits != TRI_YES && known_hosts_next(hosts, &entry, asked.digest, HOST_MARKER_NONE))
		tri_join(&fits,
		         known_hosts_entry_fits(hosts, entry, host_candidate_bytes(&candidate),
		                                &steps_left));
	return fits;
}

enum tri known_hosts_knows_name(const struct known_hosts *hosts, const char *host, uint16_t port) {
	size_t steps_left = STEPS_ALL_MAX;
	struct host_candidate candidate;
	enum tri fits = TRI_NO;

	if (!host_candidate_make(&candidate, host, port))
		return TRI_NO;
	for (size_t i = 0; i < hosts->n_entries && fits != TRI_YES; i++)
		if (hosts->entries[i].marker == HOST_MARKER_NONE)
			tri_join(&fits, known_hosts_entry_fits(hosts, &hosts->entries[i],
			                                       host_candidate_bytes(&candidate),
			                                       &steps_left));
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

struct known_host known_hosts_find_ca(const struct known_hosts *hosts,
                                      const struct asked_host *asked, struct bytes name,
                                      size_t *steps_left) {
	struct known_host host = {.by_user = TRI_NO, .by_system = TRI_NO};
	const struct entry *entry = NULL;

	while (known_hosts_next(hosts, &entry, asked->ca_digest, HOST_MARKER_CA))
		tri_join(entry->origin == KNOWN_HOSTS_SYSTEM ? &host.by_system : &host.by_user,
		         known_hosts_entry_fits(hosts, entry, name, steps_left));
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
	struct host_candidate with_port, bare;
	size_t steps_left = KNOWN_HOSTS_STEPS_MAX;
	struct asked_host asked;
	enum tri is_principal;

	if (asked_host_read(&asked, certificate) < 0 || !asked.is_certificate)
		return -EBADMSG;
	if (known_hosts_revokes(hosts, &asked)) {
		found.is_revoked = true;
	} else if (host_candidate_make(&with_port, host, port) &&
	           host_candidate_make(&bare, host, 0)) {
		found = known_hosts_find_ca(hosts, &asked, host_candidate_bytes(&with_port),
		                            &steps_left);
		/* Principals are names without a port, whatever the port is. */
		is_principal = principals_fit(&asked.certificate.certificate,
		                              host_candidate_bytes(&bare), &steps_left);
		found.by_user = tri_both(found.by_user, is_principal);
		found.by_system = tri_both(found.by_system, is_principal);
	}
	*ret = found;
	return 0;
}
