/*
 * A known_hosts file, whose first line is the host that is asked for. Whatever is base64 in it is
 * asked for as a host key.
 */
#include <stdlib.h>

#include "agent/lock_hosts.h"
#include "wire/base64.h"
#include "wire/known_hosts.h"
#include "wire/known_hosts_diff.h"
#include "wire/known_hosts_line.h"

#define NAMES_MAX 4

static volatile uint8_t sink;

static void consume(struct bytes view) {
	for (size_t i = 0; i < view.len; i++)
		sink ^= view.data[i];
}

/* What must hold between the answers, whatever the file is. */
static void ask(const struct known_hosts *hosts, struct bytes blob, const char *host) {
	struct known_host_name names[NAMES_MAX];
	struct known_host found = {0}, certified = {0};
	size_t count = known_hosts_names(hosts, blob, names, NAMES_MAX);
	enum tri has_name = known_hosts_has_name(hosts, blob, host, 2222);
	int error = known_hosts_find(&found, hosts, blob);
	bool is_known = found.by_user == TRI_YES || found.by_system == TRI_YES;

	if (count > NAMES_MAX || (error < 0 && (count > 0 || has_name != TRI_UNKNOWN)))
		abort();
	if (found.is_revoked && (is_known || count > 0 || has_name == TRI_YES))
		abort();
	if (has_name == TRI_YES && !is_known)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (names[i].host.len == 0 || names[i].port == 0 ||
		    (i > 0 && names[i].host.len < names[i - 1].host.len))
			abort();
		consume(names[i].host);
	}
	if (!known_hosts_hides_names(hosts, blob, names, count) && is_known && count == 0)
		abort();
	if (known_hosts_principals(hosts, blob, names, NAMES_MAX) > 0 && found.is_revoked)
		abort();
	if (known_hosts_find_certificate(&certified, hosts, blob, host, 22) == 0 &&
	    certified.is_revoked != found.is_revoked)
		abort();
	if (error < 0 && !known_hosts_hides_principals(hosts, blob))
		abort();
}

/* What comes and goes from one half to the other, and back: counts that mirror each other, and text
 * that is plain. The whole is also tried as the file of what was accepted. */
static void compare(struct bytes text) {
	struct bytes first = {text.data, text.len / 2};
	struct bytes second = {text.data + first.len, text.len - first.len}, accepted;
	struct buffer shown = {0};
	struct known_hosts_change there, back;

	if (known_hosts_diff(&there, &shown, 1024, first, second) < 0 ||
	    known_hosts_diff(&back, NULL, 0, second, first) < 0)
		abort();
	if (there.n_come != back.n_gone || there.n_gone != back.n_come || shown.len > 1024)
		abort();
	for (size_t i = 0; i < shown.len; i++)
		if ((shown.data[i] < ' ' && shown.data[i] != '\n') || shown.data[i] > '~')
			abort();
	buffer_deinit(&shown);
	if (lock_hosts_parse(&accepted, text) == 0)
		consume(accepted);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
	static uint8_t blob[64 * 1024];
	struct bytes text = {input, size}, rest, first = {0}, line;
	struct known_hosts *hosts;
	char host[HOST_NAME_LEN_MAX + 2] = "";
	int asked = 0;

	if (size > 0)
		compare(text);
	if (!known_hosts_line_next(&first, &text) || known_hosts_new(&hosts) < 0)
		return 0;
	memcpy(host, first.data, first.len < sizeof(host) ? first.len : sizeof(host) - 1);
	rest = text;
	if (known_hosts_add(hosts, text, KNOWN_HOSTS_USER) < 0)
		abort();
	if (known_hosts_add(hosts, text, KNOWN_HOSTS_SYSTEM) < 0)
		abort();
	while (asked < 8 && known_hosts_line_next(&line, &rest)) {
		while (line.len > 0) {
			struct bytes word = line;
			size_t len;

			for (word.len = 0; word.len < line.len && line.data[word.len] != ' ';)
				word.len++;
			if (word.len > 20 && base64_decode(blob, sizeof(blob), &len, word) == 0) {
				ask(hosts, (struct bytes){blob, len}, host);
				asked++;
			}
			if (word.len < line.len)
				word.len++;
			line.data += word.len;
			line.len -= word.len;
		}
	}
	known_hosts_free(hosts);
	return 0;
}
