#include "unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/display.h"
#include "log/doc.h"
#include "log/hostile.h"
#include "log/tally.h"

static int enter(void **state) {
	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

static void clean_tally(struct tally **tally) {
	tally_free(*tally);
}

static struct tally *make(void) {
	struct tally *tally = NULL;

	assert_int_equal(tally_new(&tally), 0);
	return tally;
}

static void add(struct tally *tally, const char *decision, const char *exe, const char *hour,
                uint64_t repeated) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(doc_deinit) struct doc doc;
	char stamp[sizeof("2020-01-05T12:00:00.000000Z")];

	snprintf(stamp, sizeof(stamp), "2020-01-05T%s:00:00.000000Z", hour);
	doc_begin(&doc, &document);
	doc_text(&doc, "timestamp", stamp, 64);
	doc_text(&doc, "decision", decision, 64);
	doc_text(&doc, "exe_path", exe, 4096);
	if (repeated > 0)
		doc_number(&doc, "repeated", repeated);
	assert_int_equal(doc_finish(&doc), 0);
	assert_int_equal(tally_add(tally, buffer_bytes(&document)), 0);
}

/* Hands over the text, which ends with a NUL. */
static const char *show(struct buffer *shown, const struct tally *tally, size_t width, bool utf8) {
	assert_int_equal(tally_show(shown, tally, (struct tally_options){width, utf8, false}), 0);
	buffer_put_u8(shown, 0);
	return (const char *)shown->data;
}

static void requests_are_counted_by_each_kind(void **state) {
	CLEANUP(clean_tally) struct tally *tally = make();
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	const char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add(tally, "allow", "/usr/bin/ssh", "12", 0);
	add(tally, "deny", "/usr/bin/git", "23", 0);
	add(tally, NULL, "/usr/bin/git", "01", 0); /* no request */
	text = show(&shown, tally, 60, false);
	assert_memory_equal(text, "4 requests\n\nDECISION\n", 21);
	assert_non_null(strstr(text, "\nallow         3  ###"));
	assert_non_null(strstr(text, "\ndeny          1  ###"));
	assert_non_null(strstr(text, "PROGRAM\n/usr/bin/ssh  3  "));
	assert_non_null(strstr(text, "\n/usr/bin/git  1  "));
	assert_non_null(strstr(text, "DESTINATION\n(not known)   4  "));
	assert_non_null(strstr(text, "\n12:00         3  #"));
	assert_non_null(strstr(text, "\n23:00         1  #"));
	assert_non_null(strstr(text, "\n01:00         0\n"));
}

static void refusals_that_were_counted_together_count_each(void **state) {
	CLEANUP(clean_tally) struct tally *tally = make();
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	(void)state;
	add(tally, "deny", "/a", "12", 41);
	add(tally, "deny", "/a", "12", 0);
	assert_non_null(strstr(show(&shown, tally, 80, false), "42 requests\n"));
	shown.len = 0;
	add(tally, "deny", "/a", "12", UINT64_MAX);
	assert_non_null(strstr(show(&shown, tally, 80, false), "18446744073709551615 requests\n"));
}

static void nothing_is_no_table(void **state) {
	CLEANUP(clean_tally) struct tally *tally = make();
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	(void)state;
	assert_int_equal(tally_add(tally, bytes_of_text("no event")), 0);
	assert_string_equal(show(&shown, tally, 80, false), "0 requests\n");
}

static void who_makes_up_names_does_not_fill_the_memory_or_the_screen(void **state) {
	CLEANUP(clean_tally) struct tally *tally = make();
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	const char *text;
	char name[32];
	size_t lines = 0;

	(void)state;
	for (unsigned i = 0; i < TALLY_NAMES_MAX + 100; i++) {
		snprintf(name, sizeof(name), "/%u", i * 7919 % 65536);
		add(tally, "deny", name, "12", 0);
	}
	add(tally, "allow", "/usr/bin/ssh", "12", 0); /* comes too late for a place of its own */
	text = show(&shown, tally, 80, false);
	assert_non_null(strstr(text, "\n(others)     4187  "));
	for (; *text != '\0'; text++)
		lines += *text == '\n';
	assert_true(lines < 60);
}

static void check_lines(const char *text, size_t width) {
	while (*text != '\0') {
		const char *end = strchr(text, '\n');

		assert_non_null(end);
		assert_true(display_width((struct bytes){(const uint8_t *)text,
		                                         (size_t)(end - text)}) <= width);
		for (; text < end; text++)
			assert_true((uint8_t)*text >= 0x20 && *text != 0x7f);
		text++;
	}
}

static void hostile_names_stay_within_their_line(void **state) {
	(void)state;
	for (size_t width = 0; width < 130; width += 43) {
		CLEANUP(clean_tally) struct tally *tally = make();
		CLEANUP(buffer_deinit) struct buffer shown = {0};

		for (size_t i = 0; i < N_HOSTILE; i++)
			add(tally, hostile_values[i], hostile_values[i], "12", i);
		check_lines(show(&shown, tally, width, width % 2 == 0),
		            width > TALLY_WIDTH_MIN ? width : TALLY_WIDTH_MIN);
		shown.len = 0;
		add(tally, "deny", "/a", "12", UINT64_MAX);
		check_lines(show(&shown, tally, width, true),
		            width > TALLY_WIDTH_MIN ? width : TALLY_WIDTH_MIN);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_counted_by_each_kind),
		cmocka_unit_test(refusals_that_were_counted_together_count_each),
		cmocka_unit_test(nothing_is_no_table),
		cmocka_unit_test(who_makes_up_names_does_not_fill_the_memory_or_the_screen),
		cmocka_unit_test(hostile_names_stay_within_their_line),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
