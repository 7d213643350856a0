/* What a person is shown of a changed known_hosts. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "wire/known_hosts_diff.h"

#define KEY_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define KEY_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
#define A     "SHA256:ycecTFElO4tMaWgqfHQDEUjUete0Tsl0wmvU/kkDXFc"
#define B     "SHA256:LgZpRzWEAbVvBimxTv69/UB88PD8jyOSDqfozr+iNX0"
#define SALT  "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void assert_change(const char *before, const char *after, size_t n_come, size_t n_gone,
                          const char *shown) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct known_hosts_change change;

	assert_int_equal(
		known_hosts_diff(&change, &text, 4096, bytes_of_text(before), bytes_of_text(after)),
		0);
	buffer_put_u8(&text, '\0');
	assert_string_equal((const char *)text.data, shown);
	assert_int_equal(change.n_come, n_come);
	assert_int_equal(change.n_gone, n_gone);
}

static void lines_come_and_go_in_whatever_order_they_stand(void **state) {
	(void)state;
	assert_change("", "", 0, 0, "");
	assert_change("a " KEY_A "\n", "a " KEY_A "\nb " KEY_B "\n", 1, 0, "+ b " B "\n");
	assert_change("a " KEY_A "\nb " KEY_B "\n", "b " KEY_B "\n", 0, 1, "- a " A "\n");
	assert_change("a " KEY_A "\nb " KEY_B "\n", "b " KEY_B "\na " KEY_A, 0, 0, "");
	assert_change("a " KEY_A "\n", "a " KEY_B "\n", 1, 1, "+ a " B "\n- a " A "\n");
	assert_change("a " KEY_A "\n", "a " KEY_A "\na " KEY_A "\n", 0, 0, "");
	assert_change("", "@revoked * " KEY_A "\n@cert-authority *.x " KEY_B "\n", 2, 0,
	              "+ @cert-authority *.x " B "\n+ @revoked " A "\n");
	assert_change("", SALT " " KEY_A "\n", 1, 0, "+ (a hashed name) " A "\n");
}

static void what_ssh_passes_over_changes_nothing(void **state) {
	(void)state;
	assert_change("a " KEY_A "\n", "# b\n\n   \nb ssh-ed25519 AAAA\nnonsense\na " KEY_A "\r\n",
	              0, 0, "");
}

static void no_name_hides_in_the_middle_of_many(void **state) {
	char names[1001], line[1200], shown[1200];

	(void)state;
	memset(names, 'a', 1000);
	names[1000] = '\0';
	memcpy(names + 500, ",here,", 6);
	snprintf(line, sizeof(line), "%s %s\n", names, KEY_A);
	snprintf(shown, sizeof(shown), "+ %s %s\n", names, A);
	assert_change("", line, 1, 0, shown);
}

static void what_is_shown_is_plain_and_has_an_end(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct known_hosts_change change;

	(void)state;
	assert_change("", "a\033[2J " KEY_A "\n", 1, 0, "+ a\\x1b[2J " A "\n");
	buffer_put_raw(&text, bytes_of_text("before\n"));
	assert_int_equal(known_hosts_diff(&change, &text, 60, bytes_of_text("c " KEY_A "\n"),
	                                  bytes_of_text("a " KEY_A "\nb " KEY_B "\n")),
	                 0);
	buffer_put_u8(&text, '\0');
	assert_string_equal((const char *)text.data, "before\n+ a " A "\n");
	assert_int_equal(change.n_come, 2);
	assert_int_equal(change.n_gone, 1);
	/* Counted without being shown. */
	assert_int_equal(known_hosts_diff(&change, NULL, 0, bytes_of_text("c " KEY_A "\n"),
	                                  bytes_of_text("")),
	                 0);
	assert_int_equal(change.n_gone, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_and_go_in_whatever_order_they_stand),
		cmocka_unit_test(what_ssh_passes_over_changes_nothing),
		cmocka_unit_test(no_name_hides_in_the_middle_of_many),
		cmocka_unit_test(what_is_shown_is_plain_and_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
