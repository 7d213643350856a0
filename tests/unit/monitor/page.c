#include "unit.h"

#include <locale.h>
#include <stdio.h>

#include "log/display.h"
#include "monitor/page.h"

#define NOW_NS (UINT64_C(100) * 1000 * 1000 * 1000)
#define REQUEST(id)                                                                   \
	"request " id ", since x, for another 50 s\n"                                 \
	"  program: /usr/bin/ssh (pid 12)\n"                                          \
	"  what: log in as root\n"                                                    \
	"  where: the.name.of.a.host.that.is.not.short.example (verified), host key " \
	"SHA256:0123456789012345678901234567890123456789012 (verified)\n"             \
	"  rule: ask\n"
#define GRANT "grant 1, given x by pin, for another 300 s\n  what: log in as root\n"
#define STATUS                                                                                  \
	"---\nstate: \"confirming\"\ntext: \"a request waits \\u6f22\\u5b57\"\npid: 7\n"        \
	"signatures: 12\nrefusals: 3\nconnections: 2\nrules: 9\nupstream_restarts: 0\nnotice: " \
	"\"look \\u202e here\"\n...\n"
#define EVENT                                                                  \
	"---\ntimestamp: \"2026-11-23T05:00:23.123456Z\"\ntrigger: \"sign\"\n" \
	"decision: \"deny\"\nprocess_name: \"\\u6f22\\u5b57\\u001b[2J\"\nrule: \"no\"\n...\n"

static int enter(void **state) {
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

static void fill(struct model *model, bool utf8, const char *requests) {
	model->utf8 = utf8;
	assert_int_equal(model_set_status(model, bytes_of_text(STATUS)), 0);
	assert_int_equal(model_set_list(model, PANE_WAITING, bytes_of_text(requests), NOW_NS), 0);
	assert_int_equal(model_set_list(model, PANE_GRANTS, bytes_of_text(GRANT), NOW_NS), 0);
	for (int i = 0; i < 70; i++)
		assert_int_equal(model_add_event(model, bytes_of_text(EVENT)), 0);
}

/* All of it as one text, which is checked on the way: no line is wider than the window, and nothing
 * in it is for the terminal. */
static char *compose(const struct model *model, size_t rows, size_t columns) {
	static char text[PAGE_ROWS_MAX * 64];
	struct page page;
	size_t len = 0;

	assert_int_equal(page_compose(&page, model, rows, columns, NOW_NS), 0);
	assert_int_equal(page.rows, rows);
	for (size_t i = 0; i < rows; i++) {
		struct bytes line = buffer_bytes(&page.lines[i].text);

		assert_true(display_width(line) <= columns);
		for (size_t j = 0; j < line.len; j++)
			assert_true(line.data[j] >= 0x20 && line.data[j] != 0x7f);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s\n", (int)line.len,
		                        (const char *)line.data);
		assert_true(len < sizeof(text));
	}
	page_deinit(&page);
	return text;
}

static void expect(const char *text, const char *part, bool is_there) {
	if ((strstr(text, part) != NULL) != is_there)
		fail_msg("'%s' is %sthere:\n%s", part, is_there ? "not " : "", text);
}

static size_t lines_with(const char *text, const char *part) {
	size_t count = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

static void an_ordinary_window_has_all_parts(void **state) {
	CLEANUP(model_deinit) struct model model = {0};
	char *text;

	(void)state;
	fill(&model, true, REQUEST("3") REQUEST("4"));
	text = compose(&model, 24, 80);
	expect(text, " ssh-agent-guard: confirming: a request waits \u6f22\u5b57", true);
	expect(text, "signed 12  refused 3  connections 2  rules 9", true);
	expect(text, "look \\xe2\\x80\\xae here", true);
	expect(text, "*Waiting for you: 2", true);
	expect(text, "  3     50 s  log in as root, the.name", true);
	expect(text, " Grants: 1", true);
	expect(text, "  1    300 s  log in as root", true);
	expect(text, "DECISION", true);
	expect(text, "\u6f22\u5b57\\x1b[2J", true);
	expect(text, "up/down choose", true);
	/* What is known of each stands below the chosen one alone. */
	expect(text, "rule: ask", false);
	model_key(&model, KEY_PRESSED_DOWN, NOW_NS);
	text = compose(&model, 24, 80);
	expect(text, "> 3     50 s", true);
	expect(text, "program: /usr/bin/ssh (pid 12)", true);
	assert_int_equal(lines_with(text, "rule: ask"), 1);
	expect(text, "a allow", true);
}

static void every_size_has_the_chosen_one_and_nothing_is_too_wide(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	fill(&model, true, REQUEST("3") REQUEST("4") REQUEST("5") REQUEST("6") REQUEST("7"));
	model_key(&model, KEY_PRESSED_UP, NOW_NS);
	for (size_t rows = 1; rows <= 70; rows++)
		for (size_t columns = 2; columns <= 210; columns += columns < 12 ? 1 : 33)
			for (int utf8 = 0; utf8 <= 1; utf8++) {
				char *text;

				model.utf8 = utf8 != 0;
				model.message.len = 0;
				text = compose(&model, rows, columns);
				if (rows >= 8 && columns >= 12)
					expect(text, "> 7", true);
				if (columns >= 210)
					expect(text, "ssh-agent-guard", true);
				model_say(&model, "said: ", bytes_of_text("a sentence of words"));
				text = compose(&model, rows, columns);
				if (rows >= 2 && columns >= 45)
					expect(text, "said: a sentence", true);
			}
}

static void what_does_not_fit_is_said(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	fill(&model, true, REQUEST("3") REQUEST("4") REQUEST("5") REQUEST("6") REQUEST("7"));
	expect(compose(&model, 24, 80), "not all of it fits", false);
	model_key(&model, KEY_PRESSED_DOWN, NOW_NS);
	expect(compose(&model, 10, 40), "not all of it fits", true);
	expect(compose(&model, 60, 200), "not all of it fits", false);
}

static void the_pin_is_asked_for_below_what_it_is_for(void **state) {
	CLEANUP(model_deinit) struct model model = {0};
	struct page page;
	char *text;

	(void)state;
	fill(&model, true, REQUEST("3"));
	model_open_dialog(&model, 3);
	model_dialog_text(&model, bytes_of_text(REQUEST("3")));
	model_dialog_asks(&model, bytes_of_text("PIN: "));
	text = compose(&model, 24, 80);
	expect(text, "Request 3 (what you type is not shown)", true);
	expect(text, "rule: ask\nPIN: \n", true);
	expect(text, "DECISION", false);
	assert_int_equal(page_compose(&page, &model, 24, 80, NOW_NS), 0);
	assert_true(page.cursor_row < 24);
	assert_true(bytes_equal_text(buffer_bytes(&page.lines[page.cursor_row].text), "PIN: "));
	assert_int_equal(page.cursor_column, 5);
	page_deinit(&page);
	/* Where it does not fit, the question stays, and it says so. */
	text = compose(&model, 7, 40);
	expect(text, "more lines: enlarge the window", true);
	expect(text, "\nPIN: \n", true);
	for (size_t rows = 1; rows < 10; rows++)
		compose(&model, rows, 20);
}

static void without_a_guard_it_says_so(void **state) {
	CLEANUP(model_deinit) struct model model = {0};
	char *text;

	(void)state;
	fill(&model, true, REQUEST("3"));
	model_set_absent(&model, "no guard is running");
	text = compose(&model, 24, 80);
	expect(text, " ssh-agent-guard: no guard is running", true);
	expect(text, "ssh-agent-guard start", true);
	expect(text, "Waiting for you", false);
	expect(text, "DECISION", true); /* what happened has happened */
}

static void help_fits_an_ordinary_window_and_a_small_one(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	fill(&model, true, REQUEST("3"));
	model_key(&model, KEY_PRESSED_HELP, NOW_NS);
	expect(compose(&model, 24, 80), "no key here does that.", true);
	expect(compose(&model, 10, 40), "q, Ctrl-C", true);
}

/* How many lines are rows of requests, each of which begins with its number. */
static size_t rows_of_requests(const struct model *model, size_t rows) {
	struct page page;
	size_t count = 0;

	assert_int_equal(page_compose(&page, model, rows, 80, NOW_NS), 0);
	for (size_t i = 0; i < page.rows; i++) {
		char head[32];

		if (page.lines[i].id == 0 || page.lines[i].pane != PANE_WAITING)
			continue;
		snprintf(head, sizeof(head), "%s%llu ",
		         page.lines[i].id == model->chosen[PANE_WAITING] ? "> " : "  ",
		         (unsigned long long)page.lines[i].id);
		assert_true(page.lines[i].text.len > strlen(head));
		assert_memory_equal(page.lines[i].text.data, head, strlen(head));
		count++;
	}
	page_deinit(&page);
	return count;
}

static void only_what_is_on_the_page_is_told_to_be_there(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	fill(&model, true,
	     REQUEST("1") REQUEST("2") REQUEST("3") REQUEST("4") REQUEST("5") REQUEST("6"));
	assert_int_equal(rows_of_requests(&model, 40), 6);
	assert_in_range(rows_of_requests(&model, 8), 1, 5);
	/* With the details of one there is room for fewer. */
	model.chosen[PANE_WAITING] = 6;
	assert_in_range(rows_of_requests(&model, 8), 1, 5);
	model.shows_help = true;
	assert_int_equal(rows_of_requests(&model, 40), 0);
	assert_int_equal(rows_of_requests(&model, 8), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_window_has_all_parts),
		cmocka_unit_test(every_size_has_the_chosen_one_and_nothing_is_too_wide),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(only_what_is_on_the_page_is_told_to_be_there),
		cmocka_unit_test(the_pin_is_asked_for_below_what_it_is_for),
		cmocka_unit_test(without_a_guard_it_says_so),
		cmocka_unit_test(help_fits_an_ordinary_window_and_a_small_one),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
