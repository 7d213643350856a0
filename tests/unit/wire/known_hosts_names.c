/* Which names known_hosts has for a host key, and that none of them is there unseen. */
#include "known_keys.h"

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

/* To read them all would take a second, for each login there. */
static void a_key_of_millions_of_names_may_have_any_name(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = load("b,c @1\n");

	(void)state;
	for (int i = 0; i < 30000; i++)
		buffer_put_raw(&text, bytes_of_text("a,"));
	write_text(&text, "a @0\n");
	for (int i = 0; i < 450; i++)
		assert_int_equal(known_hosts_add(hosts, buffer_bytes(&text), KNOWN_HOSTS_USER), 0);
	assert_counts(hosts, 451, 0);
	assert_names(hosts, key(0), 16, "a:22");
	assert_true(known_hosts_hides_names(hosts, key(0), NULL, 0));
	assert_int_equal(known_hosts_has_name(hosts, key(0), "a", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "b", 22), TRI_UNKNOWN);
	assert_names(hosts, key(1), 16, "b:22 c:22");
	assert_false(known_hosts_hides_names(hosts, key(1), NULL, 0));
	assert_int_equal(known_hosts_has_name(hosts, key(1), "a", 22), TRI_NO);
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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_shortest_first_and_once),
		cmocka_unit_test(what_would_take_too_long_to_tell_is_hidden),
		cmocka_unit_test(a_key_of_millions_of_names_may_have_any_name),
		cmocka_unit_test(a_pattern_hides_names),
		cmocka_unit_test(hashed_names_can_be_checked_but_not_read),
		cmocka_unit_test(a_certificate_has_the_names_of_its_principals_and_of_its_key),
		cmocka_unit_test(a_certificate_may_hide_names_of_its_host),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
