#include "caller/patience.h"

#include <stddef.h>

/* Between looks at a reader that has little left, so that they cost little, too. */
#define STEP_MIN_NS (5 * (uint64_t)1000000)

void patience_begin(struct patience *patience, uint64_t now_ns) {
	*patience = (struct patience){.begun_ns = now_ns};
}

uint64_t patience_until_look(const struct patience *patience, uint64_t now_ns) {
	uint64_t spent_ns = now_ns - patience->begun_ns;

	if (patience->looks > 0 || spent_ns >= PATIENCE_FIRST_LOOK_NS)
		return 0;
	return PATIENCE_FIRST_LOOK_NS - spent_ns;
}

static uint64_t difference(uint64_t more, uint64_t less) {
	return more > less ? more - less : 0;
}

/* What it has spent since the first look. Of one that is waiting for a processor just now, that
 * wait is not counted in waited_ns yet. */
static uint64_t spent_since_first(const struct patience *patience, uint64_t now_ns,
                                  const struct child_time *time) {
	uint64_t passed_ns = now_ns - patience->first_ns;

	if (time == NULL)
		return passed_ns;
	if (time->wants_processor)
		return difference(time->ran_ns, patience->first.ran_ns);
	return difference(passed_ns, difference(time->waited_ns, patience->first.waited_ns));
}

uint64_t patience_look(struct patience *patience, uint64_t now_ns, const struct child_time *time) {
	uint64_t spent_ns = PATIENCE_FIRST_LOOK_NS;

	if (patience->looks == 0) {
		patience->first_ns = now_ns;
		patience->first = time != NULL ? *time : (struct child_time){0};
	}
	if (++patience->looks > PATIENCE_LOOKS_MAX)
		return 0;
	spent_ns += spent_since_first(patience, now_ns, time);
	if (spent_ns >= PATIENCE_NS)
		return 0;
	return PATIENCE_NS - spent_ns > STEP_MIN_NS ? PATIENCE_NS - spent_ns : STEP_MIN_NS;
}
