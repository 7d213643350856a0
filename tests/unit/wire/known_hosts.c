/*
 * known_hosts files held against what ssh-keygen finds in them. Keys are made once for all tests;
 * in a text they are written @0 to @4, as "type base64".
 */
#include "keygen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "base/cursor.h"
#include "base/file.h"
#include "wire/known_hosts.h"

#define KEYS 5 /* Ed25519, Ed25519, ECDSA, RSA; a CA */
#define CA   4

static struct buffer blobs[KEYS];
static char words[KEYS][1024];

static void read_words(char ret[static 1024], const char *path) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	char *end;

	assert_int_equal(file_read(&text, AT_FDCWD, path, 1000, NULL), 0);
	memcpy(ret, text.data, text.len);
	ret[text.len] = '\0';
	end = strchr(strchr(ret, ' ') + 1, ' ');
	*end = '\0';
}

static int make_keys(void **state) {
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

static int drop_keys(void **state) {
	for (int i = 0; i < KEYS; i++)
		buffer_deinit(&blobs[i]);
	return keygen_leave(state);
}

static struct bytes key(int i) {
	return buffer_bytes(&blobs[i]);
}

/* The text with its keys. */
static void write_text(struct buffer *ret, const char *text) {
	for (; *text != '\0'; text++) {
		if (text[0] == '@' && isdigit((unsigned char)text[1]))
			buffer_put_raw(ret, bytes_of_text(words[*++text - '0']));
		else
			buffer_put_u8(ret, (uint8_t)*text);
	}
	assert_int_equal(buffer_error(ret), 0);
}

static void free_hosts(struct known_hosts **hosts) {
	known_hosts_free(*hosts);
}

static void add_text(struct known_hosts *hosts, const char *text, enum known_hosts_origin origin) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};

	write_text(&bytes, text);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&bytes), origin), 0);
}

static struct known_hosts *load(const char *text) {
	struct known_hosts *hosts;

	assert_int_equal(known_hosts_new(&hosts), 0);
	add_text(hosts, text, KNOWN_HOSTS_USER);
	return hosts;
}

static void write_file(const char *path, struct bytes bytes) {
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static void write_file_of_text(const char *path, const char *text) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};

	write_text(&bytes, text);
	write_file(path, buffer_bytes(&bytes));
}

static struct known_hosts *load_file(const char *path) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};
	struct known_hosts *hosts;

	assert_int_equal(file_read(&bytes, AT_FDCWD, path, 1 << 20, NULL), 0);
	assert_int_equal(known_hosts_new(&hosts), 0);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&bytes), KNOWN_HOSTS_USER), 0);
	return hosts;
}

static struct known_host find(const struct known_hosts *hosts, struct bytes blob) {
	struct known_host host = {0};

	assert_int_equal(known_hosts_find(&host, hosts, blob), 0);
	return host;
}

static bool is_known(const struct known_hosts *hosts, int i) {
	struct known_host host = find(hosts, key(i));

	return host.by_user == TRI_YES || host.by_system == TRI_YES;
}

static void assert_counts(const struct known_hosts *hosts, size_t used, size_t malformed) {
	assert_int_equal(known_hosts_counts(hosts).used, used);
	assert_int_equal(known_hosts_counts(hosts).malformed, malformed);
}

/* The names as "host:port host:port", in their order; the principals of a certificate behind them.
 */
static void assert_names(const struct known_hosts *hosts, struct bytes blob, size_t max,
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

static void a_key_is_known_by_any_of_its_names(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load("one,two,10.0.0.1 @0\nthree @2 note\n");

	(void)state;
	assert_counts(hosts, 2, 0);
	assert_true(is_known(hosts, 0) && is_known(hosts, 2));
	assert_false(is_known(hosts, 1) || is_known(hosts, 3));
	assert_int_equal(known_hosts_has_name(hosts, key(0), "two", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "10.0.0.1", 0), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "three", 22), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(2), "three", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "one", 22), TRI_NO);
}

static void nothing_is_known_of_an_empty_index(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("");
	struct known_host host = find(hosts, key(0));

	(void)state;
	assert_int_equal(host.by_user, TRI_NO);
	assert_int_equal(host.by_system, TRI_NO);
	assert_false(host.is_revoked);
	assert_names(hosts, key(0), 16, "");
}

static void the_files_of_user_and_system_are_told_apart(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("mine @0\nboth @2\n");

	(void)state;
	add_text(hosts, "theirs @1\nboth @2\n", KNOWN_HOSTS_SYSTEM);
	assert_int_equal(find(hosts, key(0)).by_user, TRI_YES);
	assert_int_equal(find(hosts, key(0)).by_system, TRI_NO);
	assert_int_equal(find(hosts, key(1)).by_user, TRI_NO);
	assert_int_equal(find(hosts, key(1)).by_system, TRI_YES);
	assert_int_equal(find(hosts, key(2)).by_user, TRI_YES);
	assert_int_equal(find(hosts, key(2)).by_system, TRI_YES);
}

static void ports_belong_to_the_name(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load("[one]:2222,two @0\n[::1]:22,::1,[*.x]:7 @1\n");

	(void)state;
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 2222), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 22), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 222), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "two", 2222), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "::1", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "::1", 2222), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "a.x", 7), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "a.x", 22), TRI_NO);
}

static void the_case_of_a_name_does_not_matter(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("Example.COM @0\n");

	(void)state;
	assert_int_equal(known_hosts_has_name(hosts, key(0), "eXample.com", 22), TRI_YES);
	assert_names(hosts, key(0), 16, "example.com:22");
}

static void a_negated_pattern_takes_a_host_away(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load(
		"*.example.com,!secret.example.com,secret.example.com,web.example.com @0\n");

	(void)state;
	assert_int_equal(known_hosts_has_name(hosts, key(0), "any.example.com", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "secret.example.com", 22), TRI_NO);
	assert_names(hosts, key(0), 16, "web.example.com:22");
}

static void names_come_shortest_first_and_once(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load(
		"long.example.com,b,*,?x,[a]:222 @0\nb,A @0\n[b]:0,[b]:65536,[]:3,[b]: @0\n");

	(void)state;
	assert_names(hosts, key(0), 16,
	             "a:22 a:222 b:22 []:3:22 [b]::22 [b]:0:22 [b]:65536:22 long.example.com:22");
	assert_names(hosts, key(0), 2, "a:22 a:222");
	assert_names(hosts, key(0), 0, "");
	assert_names(hosts, key(1), 16, "");
}

static void a_revoked_key_is_never_known(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("one @0\ntwo @1\n@revoked other @0\n");

	(void)state;
	add_text(hosts, "one @0\n@revoked |1|broken @2\n", KNOWN_HOSTS_SYSTEM);
	assert_true(find(hosts, key(0)).is_revoked);
	assert_false(is_known(hosts, 0));
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 22), TRI_NO);
	assert_names(hosts, key(0), 16, "");
	assert_true(find(hosts, key(2)).is_revoked);
	assert_true(is_known(hosts, 1));
	assert_false(find(hosts, key(1)).is_revoked);
}

static void lines_may_end_and_look_as_they_like(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load(
		"# a comment\r\n\r\n \t\n  # another\n\t one\t @0\r\ntwo @1 a note\r\n"
		"@revoked\ttwo\tssh-ed25519\tnothing\nthree @2");

	(void)state;
	assert_counts(hosts, 3, 1);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "two", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(2), "three", 22), TRI_YES);
}

static void what_follows_a_zero_byte_is_not_there(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;
	CLEANUP(buffer_deinit) struct buffer bytes = {0};

	(void)state;
	write_text(&bytes, "one @0 ");
	buffer_put_u8(&bytes, 0);
	write_text(&bytes, " rest\ntwo ");
	buffer_put_u8(&bytes, 0);
	write_text(&bytes, "@1\nthree @2\n");
	assert_int_equal(known_hosts_new(&hosts), 0);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&bytes), KNOWN_HOSTS_USER), 0);
	assert_counts(hosts, 2, 1);
	assert_true(is_known(hosts, 0) && is_known(hosts, 2));
	assert_false(is_known(hosts, 1));
}

static void a_malformed_line_is_passed_over_and_counted(void **state) {
	static const char *const lines[] = {
		"one",
		"one ",
		"one ssh-ed25519",
		"one ssh-ed25519 ",
		"one # @0",
		"one ssh-ed25519 AAAA",
		"one ssh-ed25519 !",
		"one ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"one 1024 35 1234567890",
		"@0",
		"@marked one @0",
		"@revoked @revoked one @0",
		"@revoked @cert-authority one @0",
		"@revoked",
		"@revoked ",
		"@revoked\tone @0",
		"@cert-authority\tone @0",
		"@cert-authorityandsomethingverylong one @0",
		"!one @0",
		"!one,!two @0",
		", @0",
		"|1|c2FsdA==|aGFzaA== @0",
		"|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA @0",
		"|1|AAAAAAAAAAAAAAAAAAAAAAAAAAB=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= @0",
		"|2|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= @0",
		"|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA=,x @0",
		"one x@0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s\ngood @1\n", lines[i]);
		CLEANUP(free_hosts) struct known_hosts *hosts = load(text);

		if (known_hosts_counts(hosts).malformed != 1)
			fail_msg("taken: %s", lines[i]);
		assert_false(is_known(hosts, 0));
		assert_false(find(hosts, key(0)).is_revoked);
		assert_true(is_known(hosts, 1)); /* the next line is not lost with it */
	}
}

static void a_key_of_unknown_type_is_known_byte_by_byte(void **state) {
	/* "new@example" with a string behind it, and the same with another string. */
	static const char blob[] = "\0\0\0\x0bnew@example\0\0\0\x02hi";
	static const char other[] = "\0\0\0\x0bnew@example\0\0\0\x02ho";
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load("one new@example AAAAC25ld0BleGFtcGxlAAAAAmhp\n"
	                                 "two old@example AAAAC25ld0BleGFtcGxlAAAAAmhv\n");

	(void)state;
	assert_counts(hosts, 1, 1);
	assert_int_equal(known_hosts_counts(hosts).unknown_types, 1);
	assert_int_equal(
		find(hosts, (struct bytes){(const uint8_t *)blob, sizeof(blob) - 1}).by_user,
		TRI_YES);
	assert_int_equal(
		find(hosts, (struct bytes){(const uint8_t *)other, sizeof(other) - 1}).by_user,
		TRI_NO);
}

/* OpenSSH takes "rsa-sha2-512" for the name of the same key. */
static void a_key_is_known_however_it_is_written(void **state) {
	CLEANUP(buffer_deinit) struct buffer odd = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = load("one @3\n");
	struct cursor cursor = cursor_over(key(3));

	(void)state;
	cursor_string(&cursor);
	buffer_put_string(&odd, bytes_of_text("rsa-sha2-512"));
	buffer_put_raw(&odd, cursor.rest);
	assert_int_equal(find(hosts, buffer_bytes(&odd)).by_user, TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, buffer_bytes(&odd), "one", 22), TRI_YES);
}

static void of_a_malformed_key_nothing_is_said(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("one @0\n");
	struct known_host host = {.by_user = TRI_YES};
	struct bytes cut = {key(0).data, key(0).len - 1};

	(void)state;
	assert_int_equal(known_hosts_find(&host, hosts, cut), -EBADMSG);
	assert_int_equal(host.by_user, TRI_YES); /* untouched */
	assert_int_equal(known_hosts_find_certificate(&host, hosts, key(0), "one", 22), -EBADMSG);
	assert_int_equal(known_hosts_has_name(hosts, cut, "one", 22), TRI_UNKNOWN);
	assert_names(hosts, cut, 16, "");
}

static void no_name_is_too_long_to_be_asked_for(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("* @0\n");
	char name[HOST_NAME_LEN_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(known_hosts_has_name(hosts, key(0), name, 2222), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "", 22), TRI_NO);
	name[HOST_NAME_LEN_MAX] = '\0';
	assert_int_equal(known_hosts_has_name(hosts, key(0), name, 65535), TRI_YES);
}

static void a_very_long_line_is_read_as_any_other(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	for (int i = 0; i < 5000; i++)
		buffer_put_raw(&text, bytes_of_text("host.name,"));
	write_text(&text, "last @0 ");
	for (int i = 0; i < 100000; i++)
		buffer_put_raw(&text, bytes_of_text("a comment "));
	write_text(&text, "\nnext @1\n");
	assert_int_equal(known_hosts_new(&hosts), 0);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&text), KNOWN_HOSTS_USER), 0);
	assert_counts(hosts, 2, 0);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "last", 22), TRI_YES);
	assert_names(hosts, key(0), 16, "last:22 host.name:22");
	assert_true(is_known(hosts, 1));
}

/* OpenSSH's matcher would need longer than anybody lives. */
static void a_hostile_pattern_costs_a_bounded_time(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;
	char name[HOST_NAME_LEN_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int line = 0; line < 40; line++) {
		for (int i = 0; i < 120; i++)
			buffer_put_raw(&text, bytes_of_text("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b,"));
		write_text(&text, "x @0\n");
	}
	assert_int_equal(known_hosts_new(&hosts), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(known_hosts_add(hosts, buffer_bytes(&text), KNOWN_HOSTS_USER), 0);
	assert_int_equal(known_hosts_has_name(hosts, key(0), name, 22), TRI_UNKNOWN);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "x", 22), TRI_YES);
}

/* Each of these names costs more than a hundred patterns do. */
static void what_would_take_too_long_to_tell_is_hidden(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = load("!a,one,two @1\n");
	char name[1000];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (int i = 0; i < 56; i++) {
		buffer_put_raw(&text, (struct bytes){(const uint8_t *)name, sizeof(name)});
		write_text(&text, ",");
	}
	for (int i = 0; i < 200; i++)
		write_text(&text, "!*a*a*a*a*a*b,");
	write_text(&text, "x @0\n");
	for (int i = 0; i < 16; i++)
		assert_int_equal(known_hosts_add(hosts, buffer_bytes(&text), KNOWN_HOSTS_USER), 0);
	assert_true(known_hosts_hides_names(hosts, key(0), NULL, 0));
	assert_false(known_hosts_hides_names(hosts, key(1), NULL, 0));
}

static void more_than_all_files_may_hold_is_refused(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("one @0\n");
	static const uint8_t byte;

	(void)state;
	assert_int_equal(known_hosts_add(hosts, (struct bytes){&byte, KNOWN_HOSTS_BYTES_MAX},
	                                 KNOWN_HOSTS_USER),
	                 -EFBIG);
}

/* --- side by side with ssh-keygen ---------------------------------------------------------------
 */

/* Which lines of the file ssh-keygen finds for a host: found[line], from 1 on. */
static void keygen_find(bool *found, size_t lines, const char *host, const char *path) {
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

#define RANDOM_LINES 400

static void patterns_fit_as_ssh_keygen_finds_them(void **state) {
	static const char letters[] = "aabb**?!,?,.A";
	static const char *const names[] = {"a", "b", "ab", "ba", "aab", "a.b", "abba", "a.a.b"};
	static struct known_hosts *lines[RANDOM_LINES + 1];
	CLEANUP(buffer_deinit) struct buffer all = {0};
	static bool found[RANDOM_LINES + 1];
	size_t fits = 0;

	(void)state;
	srandom(1);
	for (size_t i = 1; i <= RANDOM_LINES; i++) {
		char text[32];
		size_t len = 1 + (size_t)random() % 8;

		for (size_t at = 0; at < len; at++)
			text[at] = letters[(size_t)random() % (sizeof(letters) - 1)];
		strcpy(text + len, " @0\n");
		write_text(&all, text);
		lines[i] = load(text);
	}
	write_file("random", buffer_bytes(&all));
	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		keygen_find(found, RANDOM_LINES, names[n], "random");
		for (size_t i = 1; i <= RANDOM_LINES; i++) {
			enum tri ours = known_hosts_has_name(lines[i], key(0), names[n], 22);

			if (ours != (found[i] ? TRI_YES : TRI_NO))
				fail_msg("line %zu of %s/random and %s", i, keygen_directory,
				         names[n]);
			fits += found[i];
		}
	}
	assert_true(fits > 100); /* else nothing was compared */
	for (size_t i = 1; i <= RANDOM_LINES; i++)
		known_hosts_free(lines[i]);
}

static void a_pattern_that_is_too_long_fits_to_nothing(void **state) {
	char text[2048];
	bool found[2];

	(void)state;
	for (int len = 1021; len <= 1024; len++) {
		snprintf(text, sizeof(text), "one,%0*d @0\n", len, 0);
		CLEANUP(free_hosts) struct known_hosts *hosts = load(text);

		write_file_of_text("long", text);
		keygen_find(found, 1, "one", "long");
		assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 22),
		                 found[1] ? TRI_YES : TRI_NO);
		assert_int_equal(is_known(hosts, 0), found[1]);
		assert_int_equal(found[1], len <= 1022);
	}
}

static void keys_are_read_as_ssh_keygen_reads_them(void **state) {
	static const char *const lines[] = {
		"one @0",
		"one @0\r",
		"one\t@0\tnote",
		"one @0=",
		"one @0,",
		"one @0\v",
		"one ssh-rsa @0",
		"one @2",
		"one @3",
		"one ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=",
		"one ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"one ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAHwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CLEANUP(free_hosts) struct known_hosts *hosts = load(lines[i]);
		bool theirs;

		write_file_of_text("one", lines[i]);
		theirs = system("ssh-keygen -l -F one -f one 2>&1 | grep -q SHA256:") == 0;
		if (known_hosts_counts(hosts).used != theirs)
			fail_msg("%s: ssh-keygen %s it", lines[i], theirs ? "takes" : "refuses");
	}
}

/* Of "one.example,10.0.0.1", which is two lines when it is hashed; one without a key hides nothing.
 */
static void assert_hidden(const struct known_hosts *hosts) {
	const struct known_host_name names[] = {
		{bytes_of_text("one.example"), 22},
		{bytes_of_text("10.0.0.1"), 22},
	};

	assert_true(known_hosts_hides_names(hosts, key(0), NULL, 0));
	assert_true(known_hosts_hides_names(hosts, key(0), names, 1));
	assert_true(known_hosts_hides_names(hosts, key(0), names + 1, 1));
	assert_false(known_hosts_hides_names(hosts, key(0), names, 2));
	assert_true(known_hosts_hides_names(hosts, key(1), names, 2));
	assert_false(known_hosts_hides_names(hosts, key(4), names, 2));
	assert_true(known_hosts_hides_names(hosts, (struct bytes){0}, names, 2));
	assert_int_equal(known_hosts_knows_name(hosts, "ONE.example", 22), TRI_YES);
	assert_int_equal(known_hosts_knows_name(hosts, "one.example", 2222), TRI_YES);
	assert_int_equal(known_hosts_knows_name(hosts, "one.example", 2223), TRI_NO);
	assert_int_equal(known_hosts_knows_name(hosts, "two.example", 22), TRI_NO);
	assert_int_equal(known_hosts_knows_name(hosts, "", 22), TRI_NO);
}

static void a_pattern_hides_names(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load("a,b @0\n*.example,!x.example @1\na,!b.*,c @2\n");

	(void)state;
	assert_false(known_hosts_hides_names(hosts, key(0), NULL, 0));
	assert_true(known_hosts_hides_names(hosts, key(1), NULL, 0));
	assert_false(known_hosts_hides_names(hosts, key(2), NULL, 0));
	assert_int_equal(known_hosts_knows_name(hosts, "any.example", 22), TRI_YES);
	assert_int_equal(known_hosts_knows_name(hosts, "x.example", 22), TRI_NO);
}

static void hashed_names_can_be_checked_but_not_read(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	write_file_of_text("hashed", "one.example,10.0.0.1 @0\n[one.example]:2222 @1\n*.x @2\n");
	keygen_run("ssh-keygen -q -H -f hashed >keygen.out 2>&1");
	hosts = load_file("hashed");
	assert_hidden(hosts);
	assert_counts(hosts, 4, 0); /* each name has a line of its own */
	assert_true(is_known(hosts, 0) && is_known(hosts, 1) && is_known(hosts, 2));
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one.example", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "ONE.example", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "10.0.0.1", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one.example", 2222), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 22), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "one.example", 2222), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "one.example", 22), TRI_NO);
	assert_int_equal(known_hosts_has_name(hosts, key(2), "a.x", 22), TRI_YES);
	assert_names(hosts, key(0), 16, "");
}

static void a_host_that_ssh_keygen_removes_is_gone(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	write_file_of_text("removed", "one @0\ntwo @1\n");
	keygen_run("ssh-keygen -q -H -f removed >keygen.out 2>&1");
	keygen_run("ssh-keygen -q -R one -f removed >keygen.out 2>&1");
	hosts = load_file("removed");
	assert_false(is_known(hosts, 0));
	assert_true(is_known(hosts, 1));
}

/* --- certificates ----------------------------------------------------------------------------- */

static void make_certificate(struct buffer *ret, const char *principals) {
	char command[256];

	snprintf(command, sizeof(command), "ssh-keygen -q -s key%d -h -I id -n '%s' key0.pub", CA,
	         principals);
	keygen_run(command);
	keygen_read_blob(ret, "key0-cert.pub");
}

static enum tri certified(const char *text, const struct buffer *certificate, const char *host,
                          uint16_t port) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load(text);
	struct known_host found = {0};

	assert_int_equal(
		known_hosts_find_certificate(&found, hosts, buffer_bytes(certificate), host, port),
		0);
	assert_int_equal(found.by_system, TRI_NO);
	assert_false(found.is_revoked && found.by_user != TRI_NO);
	return found.by_user;
}

static void a_ca_certifies_the_hosts_of_its_line_and_of_the_certificate(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};

	(void)state;
	make_certificate(&one, "one.x,*.y,ALL.x");
	assert_int_equal(certified("@cert-authority * @4\n", &one, "one.x", 22), TRI_YES);
	assert_int_equal(certified("@cert-authority * @4\n", &one, "One.X", 22), TRI_YES);
	assert_int_equal(certified("@cert-authority * @4\n", &one, "a.y", 22), TRI_YES);
	assert_int_equal(certified("@cert-authority * @4\n", &one, "two.x", 22), TRI_NO);
	assert_int_equal(certified("@cert-authority * @4\n", &one, "all.x", 22), TRI_NO);
	assert_int_equal(certified("@cert-authority *.x @4\n", &one, "one.x", 22), TRI_YES);
	assert_int_equal(certified("@cert-authority *.x @4\n", &one, "a.y", 22), TRI_NO);
	assert_int_equal(certified("@cert-authority *.x @4\n", &one, "one.x", 2222), TRI_NO);
	assert_int_equal(certified("@cert-authority [*.x]:2222 @4\n", &one, "one.x", 2222),
	                 TRI_YES);
	assert_int_equal(certified("@cert-authority *,!one.x @4\n", &one, "one.x", 22), TRI_NO);
	/* A key that is merely known is no CA, and another CA is none for this one. */
	assert_int_equal(certified("* @4\n", &one, "one.x", 22), TRI_NO);
	assert_int_equal(certified("@cert-authority * @1\n", &one, "one.x", 22), TRI_NO);
}

static void a_ca_may_be_for_a_hashed_name(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;
	struct known_host found = {0};

	(void)state;
	make_certificate(&one, "one.x,two.x");
	write_file_of_text("hashed-ca", "one.x @4\n");
	keygen_run("ssh-keygen -q -H -f hashed-ca >keygen.out 2>&1");
	keygen_run("sed -i 's/^/@cert-authority /' hashed-ca");
	hosts = load_file("hashed-ca");
	assert_int_equal(
		known_hosts_find_certificate(&found, hosts, buffer_bytes(&one), "one.x", 22), 0);
	assert_int_equal(found.by_user, TRI_YES);
	assert_int_equal(
		known_hosts_find_certificate(&found, hosts, buffer_bytes(&one), "two.x", 22), 0);
	assert_int_equal(found.by_user, TRI_NO);
	assert_names(hosts, buffer_bytes(&one), 16, "one.x:22");
	assert_true(known_hosts_hides_principals(hosts, buffer_bytes(&one)));
}

static void a_revoked_ca_or_key_certifies_nothing(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};

	(void)state;
	make_certificate(&one, "one.x");
	for (int i = 0; i < 2; i++) {
		CLEANUP(free_hosts)
		struct known_hosts *hosts = load("@cert-authority * @4\none.x @0\n");
		struct known_host found = {0};

		add_text(hosts, i == 0 ? "@revoked * @4\n" : "@revoked * @0\n", KNOWN_HOSTS_SYSTEM);
		assert_int_equal(known_hosts_find_certificate(&found, hosts, buffer_bytes(&one),
		                                              "one.x", 22),
		                 0);
		assert_true(found.is_revoked);
		assert_int_equal(found.by_user, TRI_NO);
		assert_true(find(hosts, buffer_bytes(&one)).is_revoked);
		assert_names(hosts, buffer_bytes(&one), 16, "");
	}
}

static void a_certificate_has_the_names_of_its_principals_and_of_its_key(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load("@cert-authority *.x @4\nplain.example @0\n");
	CLEANUP(free_hosts) struct known_hosts *other = load("@cert-authority *.x @1\n");

	(void)state;
	make_certificate(&one, "one.x,*.x,two.y,ten.x");
	assert_names(hosts, buffer_bytes(&one), 16, "plain.example:22 one.x:22 ten.x:22");
	assert_int_equal(find(hosts, buffer_bytes(&one)).by_user, TRI_YES); /* its key is known */
	assert_int_equal(known_hosts_has_name(hosts, buffer_bytes(&one), "plain.example", 22),
	                 TRI_YES);
	assert_names(other, buffer_bytes(&one), 16, "");
	assert_int_equal(find(other, buffer_bytes(&one)).by_user, TRI_NO);
}

static void a_certificate_may_hide_names_of_its_host(void **state) {
	static const struct {
		const char *principals, *lines;
		bool hides;
	} rows[] = {
		{"one.x,two.x", "@cert-authority *.x @4\n", false},
		{"one.x,*.x", "@cert-authority *.x @4\n", true},
		{"one.x,t?o.x", "@cert-authority *.x @4\n", true},
		{"one.x,ALL.x", "@cert-authority *.x @4\n", false},
		{"one.x", "@cert-authority *.x @4\n@cert-authority [*.x]:2222 @4\n", true},
		/* Nobody trusts its CA. */
		{"*.x", "*.x @0\n@cert-authority * @1\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(buffer_deinit) struct buffer one = {0};
		CLEANUP(free_hosts) struct known_hosts *hosts = load(rows[i].lines);

		print_message("# row %zu\n", i);
		make_certificate(&one, rows[i].principals);
		assert_int_equal(known_hosts_hides_principals(hosts, buffer_bytes(&one)),
		                 rows[i].hides);
		assert_false(known_hosts_hides_principals(hosts, key(0)));
	}
}

static void a_certificate_in_a_line_is_no_host_key(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	make_certificate(&one, "one.x");
	keygen_run("sed 's/^/one.x /' key0-cert.pub >certificate");
	hosts = load_file("certificate");
	assert_counts(hosts, 0, 1);
	assert_int_equal(find(hosts, buffer_bytes(&one)).by_user, TRI_NO);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_known_by_any_of_its_names),
		cmocka_unit_test(nothing_is_known_of_an_empty_index),
		cmocka_unit_test(the_files_of_user_and_system_are_told_apart),
		cmocka_unit_test(ports_belong_to_the_name),
		cmocka_unit_test(the_case_of_a_name_does_not_matter),
		cmocka_unit_test(a_negated_pattern_takes_a_host_away),
		cmocka_unit_test(names_come_shortest_first_and_once),
		cmocka_unit_test(a_revoked_key_is_never_known),
		cmocka_unit_test(lines_may_end_and_look_as_they_like),
		cmocka_unit_test(what_follows_a_zero_byte_is_not_there),
		cmocka_unit_test(a_malformed_line_is_passed_over_and_counted),
		cmocka_unit_test(a_key_of_unknown_type_is_known_byte_by_byte),
		cmocka_unit_test(a_key_is_known_however_it_is_written),
		cmocka_unit_test(of_a_malformed_key_nothing_is_said),
		cmocka_unit_test(no_name_is_too_long_to_be_asked_for),
		cmocka_unit_test(a_very_long_line_is_read_as_any_other),
		cmocka_unit_test(a_hostile_pattern_costs_a_bounded_time),
		cmocka_unit_test(what_would_take_too_long_to_tell_is_hidden),
		cmocka_unit_test(more_than_all_files_may_hold_is_refused),
		cmocka_unit_test(patterns_fit_as_ssh_keygen_finds_them),
		cmocka_unit_test(a_pattern_that_is_too_long_fits_to_nothing),
		cmocka_unit_test(keys_are_read_as_ssh_keygen_reads_them),
		cmocka_unit_test(hashed_names_can_be_checked_but_not_read),
		cmocka_unit_test(a_pattern_hides_names),
		cmocka_unit_test(a_host_that_ssh_keygen_removes_is_gone),
		cmocka_unit_test(a_ca_certifies_the_hosts_of_its_line_and_of_the_certificate),
		cmocka_unit_test(a_ca_may_be_for_a_hashed_name),
		cmocka_unit_test(a_revoked_ca_or_key_certifies_nothing),
		cmocka_unit_test(a_certificate_has_the_names_of_its_principals_and_of_its_key),
		cmocka_unit_test(a_certificate_may_hide_names_of_its_host),
		cmocka_unit_test(a_certificate_in_a_line_is_no_host_key),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
