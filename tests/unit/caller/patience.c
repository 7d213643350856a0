/* How long a reader is waited for: what it spends itself counts, and nothing else. */
#include "unit.h"

#include "caller/patience.h"

#define MS         ((uint64_t)1000000)
#define BEGUN      (1000 * MS)
#define FIRST_LOOK (BEGUN + PATIENCE_FIRST_LOOK_NS)
#define LEFT       (PATIENCE_NS - PATIENCE_FIRST_LOOK_NS)

static const struct child_time asleep = {.ran_ns = 7 * MS, .waited_ns = 9 * MS};
static const struct child_time waiting = {
	.wants_processor = true, .ran_ns = 7 * MS, .waited_ns = 9 * MS};

static struct patience after_first_look(const struct child_time *time) {
	struct patience patience;

	patience_begin(&patience, BEGUN);
	assert_int_equal(patience_look(&patience, FIRST_LOOK, time), LEFT);
	return patience;
}

static void nobody_looks_before_it_is_time(void **state) {
	struct patience patience;

	(void)state;
	patience_begin(&patience, BEGUN);
	assert_int_equal(patience_until_look(&patience, BEGUN), PATIENCE_FIRST_LOOK_NS);
	assert_int_equal(patience_until_look(&patience, BEGUN + 3 * MS),
	                 PATIENCE_FIRST_LOOK_NS - 3 * MS);
	assert_int_equal(patience_until_look(&patience, FIRST_LOOK), 0);
	assert_int_equal(patience_until_look(&patience, FIRST_LOOK + 1000 * MS), 0);
}

static void one_that_sleeps_is_stuck_at_the_deadline(void **state) {
	struct patience patience = after_first_look(&asleep);

	(void)state;
	assert_int_equal(patience_look(&patience, BEGUN + PATIENCE_NS, &asleep), 0);
}

static void one_of_whom_nothing_is_known_is_stuck_at_the_deadline(void **state) {
	struct patience patience = after_first_look(NULL);

	(void)state;
	assert_int_equal(patience_look(&patience, BEGUN + PATIENCE_NS, NULL), 0);
}

/* As where each read of a caller is answered by a file system that takes its time. */
static void one_that_sleeps_often_and_briefly_is_stuck_no_later(void **state) {
	struct patience patience = after_first_look(&asleep);
	struct child_time now = asleep;

	(void)state;
	now.ran_ns += 1 * MS;
	now.waited_ns += 1 * MS;
	assert_int_equal(patience_look(&patience, BEGUN + PATIENCE_NS - MS, &now), 5 * MS);
	assert_int_equal(patience_look(&patience, BEGUN + PATIENCE_NS + MS, &now), 0);
}

static void one_that_works_without_end_is_stuck(void **state) {
	struct patience patience = after_first_look(&waiting);
	struct child_time now = waiting;

	(void)state;
	now.ran_ns += LEFT - 10 * MS;
	assert_int_equal(patience_look(&patience, BEGUN + 500 * MS, &now), 10 * MS);
	now.ran_ns += 10 * MS;
	assert_int_equal(patience_look(&patience, BEGUN + 600 * MS, &now), 0);
}

static void one_that_waits_for_a_processor_is_waited_for(void **state) {
	struct patience patience = after_first_look(&waiting);

	(void)state;
	for (uint64_t at = 1; at < 10; at++)
		assert_int_equal(patience_look(&patience, FIRST_LOOK + at * 40 * MS, &waiting),
		                 LEFT);
}

static void what_it_has_waited_for_a_processor_is_not_counted_once_it_sleeps(void **state) {
	struct patience patience = after_first_look(&waiting);
	struct child_time now = asleep;

	(void)state;
	now.ran_ns += 1 * MS;
	now.waited_ns += 300 * MS;
	assert_int_equal(patience_look(&patience, FIRST_LOOK + 310 * MS, &now), LEFT - 10 * MS);
	assert_int_equal(patience_look(&patience, FIRST_LOOK + 340 * MS, &now), 0);
}

static void one_that_never_gets_a_processor_is_given_up(void **state) {
	struct patience patience = after_first_look(&waiting);
	uint64_t now_ns = FIRST_LOOK, left_ns = LEFT;
	unsigned looks = 1;

	(void)state;
	while (left_ns > 0) {
		now_ns += left_ns;
		left_ns = patience_look(&patience, now_ns, &waiting);
		looks++;
		assert_true(looks < 1000);
	}
	assert_true(now_ns - BEGUN <= 2500 * MS);
}

/* What was stopped together with us, or could not be looked at for as long as we had no processor,
 * has the time that it would have had. */
static void our_own_lateness_is_not_held_against_it(void **state) {
	struct patience patience;

	(void)state;
	patience_begin(&patience, BEGUN);
	assert_int_equal(patience_look(&patience, BEGUN + 5000 * MS, &asleep), LEFT);
	assert_int_equal(patience_look(&patience, BEGUN + 5000 * MS + LEFT, &asleep), 0);
}

static void a_new_beginning_forgets_the_last_one(void **state) {
	struct patience patience = after_first_look(&asleep);

	(void)state;
	patience_begin(&patience, BEGUN + 500 * MS);
	assert_int_equal(patience_until_look(&patience, BEGUN + 500 * MS), PATIENCE_FIRST_LOOK_NS);
	assert_int_equal(patience_look(&patience, FIRST_LOOK + 500 * MS, &asleep), LEFT);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_looks_before_it_is_time),
		cmocka_unit_test(one_that_sleeps_is_stuck_at_the_deadline),
		cmocka_unit_test(one_of_whom_nothing_is_known_is_stuck_at_the_deadline),
		cmocka_unit_test(one_that_sleeps_often_and_briefly_is_stuck_no_later),
		cmocka_unit_test(one_that_works_without_end_is_stuck),
		cmocka_unit_test(one_that_waits_for_a_processor_is_waited_for),
		cmocka_unit_test(what_it_has_waited_for_a_processor_is_not_counted_once_it_sleeps),
		cmocka_unit_test(one_that_never_gets_a_processor_is_given_up),
		cmocka_unit_test(our_own_lateness_is_not_held_against_it),
		cmocka_unit_test(a_new_beginning_forgets_the_last_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
