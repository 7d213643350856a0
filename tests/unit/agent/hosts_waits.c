/* Who waits for known_hosts is told by a look that began after he came, and by no earlier one. */
#include "unit.h"

#include <string.h>

#include "agent/hosts_waits.h"

#define PEOPLE 4

struct stage {
	struct hosts_waits waits;
	struct hosts_wait people[PEOPLE];
	size_t told[PEOPLE];
	bool again, is_first_again; /* the first one waits once more when he is told */
};

static void on_told(struct stage *stage, size_t i) {
	stage->told[i]++;
	assert_null(stage->people[i].link);
}

static void on_first(void *data) {
	struct stage *stage = data;

	on_told(stage, 0);
	if (stage->again)
		stage->is_first_again = hosts_waits_add(&stage->waits, &stage->people[0], on_first,
		                                        stage);
}

static void on_second(void *data) {
	on_told(data, 1);
}

static void on_third(void *data) {
	struct stage *stage = data;

	on_told(stage, 2);
	hosts_wait_end(&stage->people[3]);
}

static void on_fourth(void *data) {
	on_told(data, 3);
}

static bool come(struct stage *stage, size_t i) {
	static void (*const done[PEOPLE])(void *) = {on_first, on_second, on_third, on_fourth};

	return hosts_waits_add(&stage->waits, &stage->people[i], done[i], stage);
}

static void assert_told(const struct stage *stage, size_t first, size_t second, size_t third) {
	assert_int_equal(stage->told[0], first);
	assert_int_equal(stage->told[1], second);
	assert_int_equal(stage->told[2], third);
}

static void the_first_has_a_look_begin_and_who_comes_then_waits_for_the_next(void **state) {
	struct stage stage = {0};

	(void)state;
	assert_true(come(&stage, 0));
	assert_false(come(&stage, 1));
	assert_false(come(&stage, 2));
	assert_true(hosts_waits_tell(&stage.waits, false));
	assert_told(&stage, 1, 0, 0);
	assert_false(hosts_waits_tell(&stage.waits, false));
	assert_told(&stage, 1, 1, 1);
	assert_true(come(&stage, 0));
	hosts_waits_drop(&stage.waits);
}

static void all_may_be_told_at_once(void **state) {
	struct stage stage = {0};

	(void)state;
	assert_true(come(&stage, 0));
	assert_false(come(&stage, 1));
	assert_false(hosts_waits_tell(&stage.waits, true));
	assert_told(&stage, 1, 1, 0);
	assert_false(hosts_waits_tell(&stage.waits, true));
	assert_told(&stage, 1, 1, 0);
}

static void who_is_told_may_wait_again(void **state) {
	struct stage stage = {0};

	(void)state;
	stage.again = true;
	assert_true(come(&stage, 0));
	assert_false(hosts_waits_tell(&stage.waits, true));
	assert_told(&stage, 1, 0, 0);
	assert_true(stage.is_first_again);
	assert_false(come(&stage, 1));
	assert_true(hosts_waits_tell(&stage.waits, false));
	assert_told(&stage, 2, 0, 0);
	assert_false(stage.is_first_again); /* the look for the second one is about to begin */
	assert_true(hosts_waits_tell(&stage.waits, false));
	assert_told(&stage, 2, 1, 0);
	hosts_waits_drop(&stage.waits);
}

static void who_is_gone_is_not_told_nor_whom_another_one_sends_away(void **state) {
	struct stage stage = {0};

	(void)state;
	assert_true(come(&stage, 3)); /* behind the third, as the newest come first */
	hosts_wait_end(&stage.people[3]);
	hosts_wait_end(&stage.people[3]);
	assert_true(come(&stage, 0));
	assert_false(come(&stage, 3));
	assert_false(come(&stage, 2));
	assert_false(hosts_waits_tell(&stage.waits, true));
	assert_told(&stage, 1, 0, 1);
	assert_int_equal(stage.told[3], 0);
}

static void nobody_is_told_any_more_who_was_dropped(void **state) {
	struct stage stage = {0};

	(void)state;
	assert_true(come(&stage, 0));
	assert_false(come(&stage, 1));
	hosts_waits_drop(&stage.waits);
	assert_false(hosts_waits_tell(&stage.waits, true));
	assert_told(&stage, 0, 0, 0);
}

/* What is being indexed when somebody comes was read before that. */
static void an_index_of_an_earlier_look_is_not_what_they_wait_for(void **state) {
	struct stage stage = {0};

	(void)state;
	hosts_waits_seen(&stage.waits, true);
	hosts_waits_indexing(&stage.waits);
	assert_true(stage.waits.is_indexed);
	assert_true(come(&stage, 0));
	assert_false(stage.waits.is_seen);
	assert_false(stage.waits.is_indexed);
	/* Nor is a look that nobody asked for. */
	hosts_waits_seen(&stage.waits, false);
	hosts_waits_indexing(&stage.waits);
	assert_false(stage.waits.is_indexed);
	hosts_waits_seen(&stage.waits, true);
	assert_true(stage.waits.is_seen);
	assert_false(stage.waits.is_indexed);
	hosts_waits_indexing(&stage.waits);
	assert_true(stage.waits.is_indexed);
	hosts_waits_drop(&stage.waits);
}

/* As when a program was writing to the file at the first look. */
static void a_later_look_than_the_one_they_asked_for_does_as_well(void **state) {
	struct stage stage = {0};

	(void)state;
	assert_true(come(&stage, 0));
	assert_false(come(&stage, 1));
	hosts_waits_seen(&stage.waits, true);
	hosts_waits_seen(&stage.waits, false);
	hosts_waits_indexing(&stage.waits);
	assert_true(stage.waits.is_indexed);
	assert_true(hosts_waits_tell(&stage.waits, false));
	assert_false(stage.waits.is_indexed); /* the second's look is still to come */
	assert_false(stage.waits.is_seen);
	hosts_waits_drop(&stage.waits);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_has_a_look_begin_and_who_comes_then_waits_for_the_next),
		cmocka_unit_test(all_may_be_told_at_once),
		cmocka_unit_test(who_is_told_may_wait_again),
		cmocka_unit_test(who_is_gone_is_not_told_nor_whom_another_one_sends_away),
		cmocka_unit_test(nobody_is_told_any_more_who_was_dropped),
		cmocka_unit_test(an_index_of_an_earlier_look_is_not_what_they_wait_for),
		cmocka_unit_test(a_later_look_than_the_one_they_asked_for_does_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
