#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "log/bar.h"
#include "log/hostile.h"
#include "log/json.h"
#include "log/status.h"

static void assert_line(enum bar_format format, const char *document, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer line = {0};

	assert_int_equal(bar_line(&line, format, bytes_of_text(document)), 0);
	buffer_put_u8(&line, 0);
	assert_string_equal((const char *)line.data, expected);
}

static const char asking[] = "---\nstate: \"confirming\"\ntext: \"a request waits\"\nwaiting: 2\n"
			     "notice: \"add your keys again\"\n...\n";
static const char idle[] = "---\nstate: \"idle\"\ntext: \"serving\"\nwaiting: 0\n...\n";

static void each_bar_has_its_own_line(void **state) {
	(void)state;
	assert_line(BAR_TEXT, asking, "confirming 2: a request waits [add your keys again]\n");
	assert_line(BAR_TMUX, asking, "#[fg=black,bg=yellow,bold] ssh: confirming 2 #[default]\n");
	assert_line(BAR_WAYBAR, asking,
	            "{\"text\":\"ssh: confirming 2\",\"alt\":\"confirming\",\"class\":"
	            "\"confirming\",\"tooltip\":\"a request waits\\nadd your keys again\"}\n");
	assert_line(BAR_I3STATUS, asking,
	            "{\"icon\":\"\",\"state\":\"Warning\",\"text\":\"ssh: confirming 2\"}\n");
}

static void an_idle_guard_takes_no_room_in_tmux(void **state) {
	(void)state;
	assert_line(BAR_TMUX, idle, "\n");
	assert_line(BAR_TEXT, idle, "idle: serving\n");
	assert_line(BAR_WAYBAR, idle,
	            "{\"text\":\"ssh: idle\",\"alt\":\"idle\",\"class\":\"idle\",\"tooltip\":"
	            "\"serving\"}\n");
	assert_line(BAR_I3STATUS, idle,
	            "{\"icon\":\"\",\"state\":\"Idle\",\"text\":\"ssh: idle\"}\n");
}

/* A state that is added to the guard must be told apart here, too. */
static void every_state_is_known(void **state) {
	(void)state;
	for (int i = STATUS_IDLE; i <= STATUS_STOPPED; i++) {
		CLEANUP(buffer_deinit) struct buffer document = {0};
		CLEANUP(buffer_deinit) struct buffer line = {0};
		const struct status status = {.state = (enum status_state)i};

		assert_int_equal(status_yaml(&document, &status), 0);
		assert_int_equal(bar_line(&line, BAR_TEXT, buffer_bytes(&document)), 0);
		buffer_put_u8(&line, 0);
		assert_null(strstr((const char *)line.data, "unknown"));
		assert_non_null(strstr((const char *)line.data, status_state_name(status.state)));
	}
}

static void what_is_no_word_of_the_guard_is_unknown(void **state) {
	static const char *const documents[] = {
		"",
		"---\n...\n",
		"no document",
		"---\nstate: idle\n...\n",
		"---\nstate: \"#(touch /tmp/x)\"\nwaiting: 1#[\n...\n",
		"---\nstate: \"\nwaiting: 000\n...\n",
		"---\nstate: \"<span>\"\nwaiting: 1234567890123456789012345678901234\n...\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		assert_line(BAR_TMUX, documents[i],
		            "#[fg=white,bg=red,bold] ssh: unknown #[default]\n");
		assert_line(BAR_TEXT, documents[i], "unknown\n");
		assert_line(BAR_I3STATUS, documents[i],
		            "{\"icon\":\"\",\"state\":\"Critical\",\"text\":\"ssh: unknown\"}\n");
	}
}

static void markup_is_shown_and_not_obeyed(void **state) {
	(void)state;
	assert_line(BAR_WAYBAR,
	            "---\nstate: \"locked\"\ntext: \"<span size='99'>&\\\"\\\\n\"\n...\n",
	            "{\"text\":\"ssh: locked\",\"alt\":\"locked\",\"class\":\"locked\",\"tooltip\":"
	            "\"&lt;span size=&#39;99&#39;&gt;&amp;&quot;\\\\n\"}\n");
}

static const char *const more_hostile[] = {
	"#[fg=red]", "#(touch /tmp/x)", "#{pane_pid}", "</span><b>",
	"\\\"},{\"", "\033]0;x\a",      "two\nlines",  "\xe2\x80\xaeright to left",
};

static void put_hostile(const char *value) {
	const struct status status = {.state = STATUS_LOCKED, .text = value, .notice = value};
	CLEANUP(buffer_deinit) struct buffer document = {0};

	assert_int_equal(status_yaml(&document, &status), 0);
	for (int format = BAR_TEXT; format <= BAR_I3STATUS; format++) {
		CLEANUP(buffer_deinit) struct buffer line = {0};

		assert_int_equal(bar_line(&line, (enum bar_format)format, buffer_bytes(&document)),
		                 0);
		/* One line of printable ASCII, in which no markup begins. */
		for (size_t i = 0; i + 1 < line.len; i++) {
			assert_in_range(line.data[i], 0x20, 0x7e);
			assert_false(format == BAR_WAYBAR && line.data[i] == '<');
		}
		assert_int_equal(line.data[line.len - 1], '\n');
	}
	assert_line(BAR_TMUX, "---\nstate: \"locked\"\n...\n",
	            "#[fg=white,bg=red,bold] ssh: locked #[default]\n");
}

static void no_text_from_outside_reaches_a_bar_as_it_is(void **state) {
	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++)
		put_hostile(hostile_values[i]);
	for (size_t i = 0; i < sizeof(more_hostile) / sizeof(more_hostile[0]); i++)
		put_hostile(more_hostile[i]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bar_has_its_own_line),
		cmocka_unit_test(an_idle_guard_takes_no_room_in_tmux),
		cmocka_unit_test(every_state_is_known),
		cmocka_unit_test(what_is_no_word_of_the_guard_is_unknown),
		cmocka_unit_test(markup_is_shown_and_not_obeyed),
		cmocka_unit_test(no_text_from_outside_reaches_a_bar_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
