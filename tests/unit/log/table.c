#include "unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/display.h"
#include "log/event_yaml.h"
#include "log/hostile.h"
#include "log/table.h"

#define TIME_US 1578225600000000LL /* 2020-01-05T12:00:00Z */
#define MANY    300                /* more rows than are held back */

static int enter(void **state) {
	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

static void clean_table(struct table **table) {
	table_free(*table);
}

static struct table *make(size_t width, bool utf8, bool colour) {
	struct table *table = NULL;

	assert_int_equal(table_new(&table, (struct table_options){width, utf8, colour}), 0);
	return table;
}

/* name is that of a program; NULL: nothing was asked. */
static void add(struct buffer *shown, struct table *table, char *name, const char *decision,
                const char *detail) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct caller caller = {.process.name = name, .uid = (uid_t)-1, .gid = (gid_t)-1};
	const struct request request = {
		.operation = OPERATION_SIGN,
		.caller = &caller,
		.key.fingerprint = "SHA256:0123456789012345678901234567890123456789012"};
	const struct event event = {.real_us = TIME_US,
	                            .trigger = name != NULL ? "sign" : "start",
	                            .decision = decision,
	                            .rule = name != NULL ? "ssh" : NULL,
	                            .detail = detail,
	                            .request = name != NULL ? &request : NULL};

	assert_int_equal(event_yaml(&document, &event), 0);
	assert_int_equal(table_add(shown, table, buffer_bytes(&document)), 0);
}

static void add_document(struct buffer *shown, struct table *table, const char *document) {
	assert_int_equal(table_add(shown, table, bytes_of_text(document)), 0);
}

/* Hands over the text, which ends with a NUL. */
static const char *finish(struct buffer *shown, struct table *table) {
	assert_int_equal(table_flush(shown, table), 0);
	buffer_put_u8(shown, '\0');
	assert_int_equal(buffer_error(shown), 0);
	return (const char *)shown->data;
}

static void assert_fits(const char *text, size_t width) {
	while (*text != '\0') {
		const char *end = strchr(text, '\n');
		struct bytes line;

		assert_non_null(end);
		line = (struct bytes){(const uint8_t *)text, (size_t)(end - text)};
		if (display_width(line) > width)
			fail_msg("wider than %zu: %.*s", width, (int)line.len, text);
		text = end + 1;
	}
}

static void a_row_says_when_what_who_and_why(void **state) {
	CLEANUP(clean_table) struct table *table = make(0, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	char ssh[] = "ssh", git[] = "git";

	(void)state;
	add(&shown, table, ssh, "allow", NULL);
	add(&shown, table, git, "confirm-denied", "too late");
	add(&shown, table, NULL, NULL, "managed");
	assert_int_equal(shown.len, 0);
	assert_string_equal(
		finish(&shown, table),
		"TIME                 DECISION        TRIGGER  PROGRAM     KEY           WHY\n"
		"2020-01-05 12:00:00  allow           sign     ssh         012345678901  ssh\n"
		"2020-01-05 12:00:00  confirm-denied  sign     git         012345678901  ssh: too "
		"late\n"
		"2020-01-05 12:00:00                  start                              "
		"managed\n");
}

static void it_fits_every_terminal(void **state) {
	char name[] = "a-program-with-a-name-that-is-quite-long";
	char wide[] = "\u4e16\u754c\u4e16\u754c\u4e16\u754c\u4e16\u754c\u4e16\u754c";

	(void)state;
	for (size_t width = 1; width < 200; width++) {
		CLEANUP(clean_table) struct table *table = make(width, true, false);
		CLEANUP(buffer_deinit) struct buffer shown = {0};

		add(&shown, table, name, "confirm-denied", "a sentence that goes on and on");
		add(&shown, table, wide, "allow", wide);
		for (size_t i = 0; i < N_HOSTILE; i++)
			add(&shown, table, name, "deny", hostile_values[i]);
		add_document(&shown, table, "---\nssh_dest: \"git@example.org\"\n...\n");
		assert_fits(finish(&shown, table), width);
	}
}

static void time_and_decision_stay_longest(void **state) {
	CLEANUP(clean_table) struct table *table = make(24, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	char name[] = "a-long-name-of-a-program";

	(void)state;
	add(&shown, table, name, "deny", "a long sentence on why it was");
	assert_non_null(strstr(finish(&shown, table), "\n01-05 12:00:00  deny"));
}

static void what_is_cut_says_so(void **state) {
	char name[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789";

	(void)state;
	for (int utf8 = 0; utf8 <= 1; utf8++) {
		CLEANUP(clean_table) struct table *table = make(80, utf8 == 1, false);
		CLEANUP(buffer_deinit) struct buffer shown = {0};
		const char *text;

		add(&shown, table, name, "deny", NULL);
		text = finish(&shown, table);
		assert_null(strstr(text, name));
		assert_non_null(strstr(text, utf8 == 1 ? "\u2026 " : "> "));
	}
}

static void nothing_is_cut_where_there_is_no_terminal(void **state) {
	CLEANUP(clean_table) struct table *table = make(0, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	char name[201];

	(void)state;
	memset(name, 'n', 200);
	name[200] = '\0';
	for (size_t i = 0; i < MANY; i++)
		add(&shown, table, NULL, NULL, NULL);
	add(&shown, table, name, "deny", NULL);
	assert_non_null(strstr(finish(&shown, table), name));
}

static void no_row_is_lost_behind_those_held_back(void **state) {
	CLEANUP(clean_table) struct table *table = make(80, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	const char *text;
	size_t lines = 0;
	char detail[16];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(detail, sizeof(detail), "row-%u", i);
		add(&shown, table, NULL, NULL, detail);
	}
	text = finish(&shown, table);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(detail, sizeof(detail), " row-%u\n", i);
		text = strstr(text, detail); /* in their order */
		assert_non_null(text);
	}
	for (const char *c = (const char *)shown.data; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, MANY + 1);
}

static void a_column_appears_with_its_first_value(void **state) {
	CLEANUP(clean_table) struct table *table = make(100, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	const char *text;

	(void)state;
	assert_int_equal(table_flush(&shown, table), 0);
	add(&shown, table, NULL, NULL, "before");
	add_document(
		&shown, table,
		"---\ntimestamp: \"2020-01-05T12:00:00Z\"\nssh_dest: \"git@example.org\"\n...\n");
	text = finish(&shown, table);
	assert_true(strstr(text, "DESTINATION") > strstr(text, "before"));
	assert_true(strstr(text, "DESTINATION") < strstr(text, "git@example.org"));
}

static void a_destination_says_whether_it_is_proved(void **state) {
	static const char key[] =
		"dest_key_fingerprint: \"SHA256:0123456789012345678901234567890123456789012\"\n";
	static const struct {
		const char *fields, *shown;
	} cases[] = {
		{"ssh_user: \"git\"\ndest_evidence: \"verified\"\n", "  git@012345678901"},
		{"ssh_user: \"git\"\ndest_evidence: \"bound\"\n", "  git@012345678901?"},
		{"ssh_dest: \"example.org\"\n", "  example.org"},
		{"dest_evidence: \"verified\"\n", "  012345678901"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(clean_table) struct table *table = make(0, true, false);
		CLEANUP(buffer_deinit) struct buffer shown = {0};
		char document[512], wanted[64];
		const char *row;

		snprintf(document, sizeof(document), "---\n%s%s...\n", key, cases[i].fields);
		add_document(&shown, table, document);
		row = strchr(finish(&shown, table), '\n');
		snprintf(wanted, sizeof(wanted), "%s ", cases[i].shown); /* no last column */
		assert_non_null(strstr(row, wanted));
	}
}

/* A use of a key from afar must not look like one from here. */
static void what_came_over_a_forwarded_agent_says_so(void **state) {
	static const struct {
		const char *fields, *shown;
	} cases[] = {
		{"ssh_dest: \"git@far\"\nis_forwarded: true\nforwarded_via: [\"near\", \"out\"]\n",
	         "  git@far via near "},
		{"ssh_dest: \"git@far\"\nis_forwarded: false\n", "  git@far "},
		{"is_forwarded: true\nforwarded_via: [\"near\"]\n", "  via near "},
		{"ssh_dest: \"far\"\nis_forwarded: true\n", "  far via a forwarded agent "},
		{"is_forwarded: true\nforwarded_via: []\n", "  via a forwarded agent "},
		{"is_forwarded: true\nforwarded_via: [\"a\\\\xff\\\"]\n",
	         "  via a forwarded agent "},
		{"is_forwarded: true\nforwarded_via: [\"\n", "  via a forwarded agent "},
		{"is_forwarded: true\nforwarded_via: [1]\n", "  via a forwarded agent "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(clean_table) struct table *table = make(0, true, false);
		CLEANUP(buffer_deinit) struct buffer shown = {0};
		char document[512];

		snprintf(document, sizeof(document), "---\nrule: \"r\"\n%s...\n", cases[i].fields);
		add_document(&shown, table, document);
		if (strstr(finish(&shown, table), cases[i].shown) == NULL)
			fail_msg("%zu: %s", i, (const char *)shown.data);
	}
}

static void a_login_to_nowhere_known_has_no_destination(void **state) {
	CLEANUP(clean_table) struct table *table = make(0, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	(void)state;
	add_document(&shown, table, "---\nssh_user: \"git\"\ndest_evidence: \"none\"\n...\n");
	assert_null(strstr(finish(&shown, table), "DESTINATION"));
}

static void a_terminal_that_changes_its_width_is_filled_anew(void **state) {
	CLEANUP(clean_table) struct table *table = make(120, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	(void)state;
	assert_int_equal(table_flush(&shown, table), 0);
	shown.len = 0;
	table_set_width(table, 30);
	add(&shown, table, NULL, NULL, "a long sentence of many words, as it stands in an event");
	assert_fits(finish(&shown, table), 30);
}

static void only_ours_are_the_escapes_of_a_coloured_table(void **state) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	CLEANUP(clean_table) struct table *table = make(0, true, true);
	const char *text;
	char evil[] = "\x1b[31m\x9b";

	(void)state;
	add(&shown, table, evil, "deny", "\x1b]0;title\x07");
	add(&shown, table, evil, "\x1b[5m", NULL);
	add_document(&shown, table,
	             "---\ntimestamp: \"\x1b[2J-\x9b\xc2\x9b\"\ntrigger: \x1b[2J\n...\n");
	text = finish(&shown, table);
	assert_non_null(strstr(text, "\x1b[31mdeny\x1b[0m"));
	for (const char *c = text; (c = strchr(c, '\x1b')) != NULL; c++)
		assert_true(strncmp(c, "\x1b[1m", 4) == 0 || strncmp(c, "\x1b[0m", 4) == 0 ||
		            strncmp(c, "\x1b[31mdeny", 9) == 0);
	assert_null(strchr(text, '\x07'));
	assert_null(strchr(text, '\x9b'));
}

static void a_document_of_any_form_is_a_row(void **state) {
	CLEANUP(clean_table) struct table *table = make(60, true, false);
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	(void)state;
	add_document(&shown, table, "");
	add_document(&shown, table, "---\n...\n");
	add_document(&shown, table,
	             "---\ntimestamp: no time\ndecision: [a, b]\nrule: \"\\q\"\n...\n");
	assert_fits(finish(&shown, table), 60);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_when_what_who_and_why),
		cmocka_unit_test(it_fits_every_terminal),
		cmocka_unit_test(time_and_decision_stay_longest),
		cmocka_unit_test(what_is_cut_says_so),
		cmocka_unit_test(nothing_is_cut_where_there_is_no_terminal),
		cmocka_unit_test(no_row_is_lost_behind_those_held_back),
		cmocka_unit_test(a_column_appears_with_its_first_value),
		cmocka_unit_test(a_destination_says_whether_it_is_proved),
		cmocka_unit_test(what_came_over_a_forwarded_agent_says_so),
		cmocka_unit_test(a_login_to_nowhere_known_has_no_destination),
		cmocka_unit_test(a_terminal_that_changes_its_width_is_filled_anew),
		cmocka_unit_test(only_ours_are_the_escapes_of_a_coloured_table),
		cmocka_unit_test(a_document_of_any_form_is_a_row),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
