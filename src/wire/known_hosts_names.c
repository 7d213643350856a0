#include "wire/known_hosts_parts.h"

/* What a name costs to be read and put in its place, besides its length. */
#define STEPS_OF_NAME 12

/* The next name of a list, or pattern, for which there are steps. */
static bool next_name(struct host_pattern *ret, struct bytes *list, size_t *steps_left) {
	return host_pattern_next(ret, list) &&
	       host_steps_take(steps_left, STEPS_OF_NAME + ret->text.len);
}

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

	while (next_name(&pattern, &rest, steps_left)) {
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
		    host_lower(name.data[i]) != name.data[i])
			return false;
	return name.len > 0;
}

static void names_of_certificate(struct name_list *list, const struct known_hosts *hosts,
                                 const struct asked_host *asked, size_t *steps_left) {
	struct bytes rest = asked->certificate.certificate.principals;
	struct bytes principal;

	while (certificate_principal(&principal, &rest)) {
		struct known_host found;

		if (!is_plain_name(principal))
			continue;
		found = known_hosts_find_ca(hosts, asked, principal, steps_left);
		if (found.by_user == TRI_YES || found.by_system == TRI_YES)
			name_list_insert(list, (struct known_host_name){principal, SSH_PORT});
	}
}

size_t known_hosts_names(const struct known_hosts *hosts, struct bytes host_key,
                         struct known_host_name *ret, size_t max) {
	struct name_list list = {.names = ret, .max = max};
	const struct entry *entry = NULL;
	size_t steps_left = KNOWN_HOSTS_STEPS_MAX;
	struct asked_host asked;

	if (asked_host_read(&asked, host_key) < 0 || known_hosts_revokes(hosts, &asked))
		return 0;
	while (known_hosts_next(hosts, &entry, asked.digest, HOST_MARKER_NONE))
		if (!entry->is_hashed)
			names_of_entry(&list, known_hosts_entry_names(hosts, entry), &steps_left);
	return list.len;
}

size_t known_hosts_principals(const struct known_hosts *hosts, struct bytes certificate,
                              struct known_host_name *ret, size_t max) {
	struct name_list list = {.names = ret, .max = max};
	size_t steps_left = KNOWN_HOSTS_STEPS_MAX;
	struct asked_host asked;

	if (asked_host_read(&asked, certificate) == 0 && asked.is_certificate &&
	    !known_hosts_revokes(hosts, &asked))
		names_of_certificate(&list, hosts, &asked, &steps_left);
	return list.len;
}

/* Or might have one where no steps are left. */
static bool has_pattern(struct bytes names, size_t *steps_left) {
	struct host_pattern pattern;

	while (next_name(&pattern, &names, steps_left))
		if (!pattern.is_negated && pattern.has_wildcard)
			return true;
	return *steps_left == 0;
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
		struct host_candidate candidate;

		if (names[i].host.len > HOST_NAME_LEN_MAX)
			continue;
		memcpy(host, names[i].host.data, names[i].host.len);
		host[names[i].host.len] = '\0';
		if (host_candidate_make(&candidate, host, names[i].port) &&
		    known_hosts_entry_fits(hosts, entry, host_candidate_bytes(&candidate),
		                           steps_left) == TRI_YES)
			return true;
	}
	return false;
}

/* It takes no fewer steps than reading the names, so that it does not miss what that left out. */
bool known_hosts_hides_names(const struct known_hosts *hosts, struct bytes host_key,
                             const struct known_host_name *names, size_t count) {
	const struct entry *entry = NULL;
	size_t steps_left = KNOWN_HOSTS_STEPS_MAX;
	struct asked_host asked;

	if (asked_host_read(&asked, host_key) < 0)
		return true;
	while (known_hosts_next(hosts, &entry, asked.digest, HOST_MARKER_NONE)) {
		struct bytes text = known_hosts_entry_names(hosts, entry);

		if (entry->is_hashed ? !is_explained(hosts, entry, names, count, &steps_left)
		                     : has_pattern(text, &steps_left) ||
		                               hides_a_negated_name(text, &steps_left))
			return true;
	}
	return false;
}

/* A line for a port, which no principal names, or for one hashed name. */
static bool ca_hides_hosts(const struct known_hosts *hosts, const struct asked_host *asked) {
	const struct entry *entry = NULL;

	while (known_hosts_next(hosts, &entry, asked->ca_digest, HOST_MARKER_CA)) {
		struct bytes names = known_hosts_entry_names(hosts, entry);

		if (entry->is_hashed || memchr(names.data, '[', names.len) != NULL)
			return true;
	}
	return false;
}

static bool principal_is_hidden(const struct known_hosts *hosts, const struct asked_host *asked,
                                struct bytes principal, size_t *steps_left) {
	struct known_host found;

	if (principal.len == 0)
		return false;
	if (memchr(principal.data, '*', principal.len) != NULL ||
	    memchr(principal.data, '?', principal.len) != NULL)
		return true;
	if (!is_plain_name(principal))
		return false; /* ssh asks for names in lower case */
	found = known_hosts_find_ca(hosts, asked, principal, steps_left);
	return found.by_user == TRI_UNKNOWN || found.by_system == TRI_UNKNOWN;
}

bool known_hosts_hides_principals(const struct known_hosts *hosts, struct bytes certificate) {
	size_t steps_left = KNOWN_HOSTS_STEPS_MAX;
	struct bytes rest, principal;
	struct asked_host asked;

	if (asked_host_read(&asked, certificate) < 0)
		return true;
	if (!asked.is_certificate || !known_hosts_lists(hosts, asked.ca_digest, HOST_MARKER_CA))
		return false;
	if (ca_hides_hosts(hosts, &asked))
		return true;
	rest = asked.certificate.certificate.principals;
	while (certificate_principal(&principal, &rest))
		if (principal_is_hidden(hosts, &asked, principal, &steps_left))
			return true;
	return false;
}
