/*
 * Texts of known_hosts over keys that are made once for all tests: in a text they are written @0 to
 * @4, as "type base64".
 */
#ifndef TESTS_UNIT_WIRE_KNOWN_KEYS_H
#define TESTS_UNIT_WIRE_KNOWN_KEYS_H

#include "keygen.h"

#include <ctype.h>
#include <fcntl.h>

#include "base/file.h"
#include "wire/known_hosts.h"

#define KEYS 5 /* Ed25519, Ed25519, ECDSA, RSA; a CA */
#define CA   4

static struct buffer blobs[KEYS];
static char words[KEYS][1024];

static inline void read_words(char ret[static 1024], const char *path) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	char *end;

	assert_int_equal(file_read(&text, AT_FDCWD, path, 1000, NULL), 0);
	memcpy(ret, text.data, text.len);
	ret[text.len] = '\0';
	end = strchr(strchr(ret, ' ') + 1, ' ');
	*end = '\0';
}

static inline int make_keys(void **state) {
	static const char *const options[KEYS] = {"-t ed25519", "-t ed25519", "-t ecdsa",
	                                          "-t rsa -b 1024", "-t ed25519"};

	if (keygen_enter(state) < 0)
		return -1;
	for (int i = 0; i < KEYS; i++) {
		char name[8], path[16];

		snprintf(name, sizeof(name), "key%d", i);
		snprintf(path, sizeof(path), "key%d.pub", i);
		if (!keygen_make(name, options[i]))
			return -1;
		keygen_read_blob(&blobs[i], path);
		read_words(words[i], path);
	}
	return 0;
}

static inline int drop_keys(void **state) {
	for (int i = 0; i < KEYS; i++)
		buffer_deinit(&blobs[i]);
	return keygen_leave(state);
}

static inline struct bytes key(int i) {
	return buffer_bytes(&blobs[i]);
}

/* The text with its keys. */
static inline void write_text(struct buffer *ret, const char *text) {
	for (; *text != '\0'; text++) {
		if (text[0] == '@' && isdigit((unsigned char)text[1]))
			buffer_put_raw(ret, bytes_of_text(words[*++text - '0']));
		else
			buffer_put_u8(ret, (uint8_t)*text);
	}
	assert_int_equal(buffer_error(ret), 0);
}

static inline void free_hosts(struct known_hosts **hosts) {
	known_hosts_free(*hosts);
}

static inline void add_text(struct known_hosts *hosts, const char *text,
                            enum known_hosts_origin origin) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};

	write_text(&bytes, text);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&bytes), origin), 0);
}

static inline struct known_hosts *load(const char *text) {
	struct known_hosts *hosts;

	assert_int_equal(known_hosts_new(&hosts), 0);
	add_text(hosts, text, KNOWN_HOSTS_USER);
	return hosts;
}

static inline void write_file(const char *path, struct bytes bytes) {
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static inline void write_file_of_text(const char *path, const char *text) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};

	write_text(&bytes, text);
	write_file(path, buffer_bytes(&bytes));
}

static inline struct known_hosts *load_file(const char *path) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};
	struct known_hosts *hosts;

	assert_int_equal(file_read(&bytes, AT_FDCWD, path, 1 << 20, NULL), 0);
	assert_int_equal(known_hosts_new(&hosts), 0);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&bytes), KNOWN_HOSTS_USER), 0);
	return hosts;
}

static inline struct known_host find(const struct known_hosts *hosts, struct bytes blob) {
	struct known_host host = {0};

	assert_int_equal(known_hosts_find(&host, hosts, blob), 0);
	return host;
}

static inline bool is_known(const struct known_hosts *hosts, int i) {
	struct known_host host = find(hosts, key(i));

	return host.by_user == TRI_YES || host.by_system == TRI_YES;
}

static inline void assert_counts(const struct known_hosts *hosts, size_t used, size_t malformed) {
	assert_int_equal(known_hosts_counts(hosts).used, used);
	assert_int_equal(known_hosts_counts(hosts).malformed, malformed);
}

/* The names as "host:port host:port", in their order; the principals of a certificate behind them.
 */
static inline void assert_names(const struct known_hosts *hosts, struct bytes blob, size_t max,
                                const char *expected) {
	struct known_host_name names[16];
	char text[1024] = "";
	size_t len = 0;
	size_t count = known_hosts_names(hosts, blob, names, max);

	assert_true(count <= max);
	count += known_hosts_principals(hosts, blob, names + count, max - count);
	assert_true(count <= max);
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s:%u",
		                        i > 0 ? " " : "", (int)names[i].host.len,
		                        (const char *)names[i].host.data, names[i].port);
	assert_string_equal(text, expected);
}

/* Which lines of the file ssh-keygen finds for a host: found[line], from 1 on. */
static inline void keygen_find(bool *found, size_t lines, const char *host, const char *path) {
	char command[512], line[4096];
	FILE *pipe;

	memset(found, 0, (lines + 1) * sizeof(*found));
	snprintf(command, sizeof(command), "ssh-keygen -F '%s' -f '%s' 2>keygen.err", host, path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe) != NULL) {
		const char *at = line[0] == '#' ? strstr(line, " found: line ") : NULL;

		if (at != NULL) {
			size_t number = strtoul(at + strlen(" found: line "), NULL, 10);

			assert_true(number >= 1 && number <= lines);
			found[number] = true;
		}
	}
	pclose(pipe);
}

static inline void make_certificate(struct buffer *ret, const char *principals) {
	char command[256];

	snprintf(command, sizeof(command), "ssh-keygen -q -s key%d -h -I id -n '%s' key0.pub", CA,
	         principals);
	keygen_run(command);
	keygen_read_blob(ret, "key0-cert.pub");
}

#endif
