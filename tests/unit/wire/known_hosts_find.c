/* What known_hosts says of a host key, and of a certificate, held against what ssh-keygen finds. */
#include "known_keys.h"

#include <errno.h>

#include "base/cursor.h"

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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_known_by_any_of_its_names),
		cmocka_unit_test(ports_belong_to_the_name),
		cmocka_unit_test(the_case_of_a_name_does_not_matter),
		cmocka_unit_test(a_negated_pattern_takes_a_host_away),
		cmocka_unit_test(a_revoked_key_is_never_known),
		cmocka_unit_test(a_key_is_known_however_it_is_written),
		cmocka_unit_test(of_a_malformed_key_nothing_is_said),
		cmocka_unit_test(no_name_is_too_long_to_be_asked_for),
		cmocka_unit_test(a_hostile_pattern_costs_a_bounded_time),
		cmocka_unit_test(patterns_fit_as_ssh_keygen_finds_them),
		cmocka_unit_test(a_pattern_that_is_too_long_fits_to_nothing),
		cmocka_unit_test(a_ca_certifies_the_hosts_of_its_line_and_of_the_certificate),
		cmocka_unit_test(a_ca_may_be_for_a_hashed_name),
		cmocka_unit_test(a_revoked_ca_or_key_certifies_nothing),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
