/* What each unit test needs before it can include cmocka.h. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* How often something is done again with other values. ./dev check asks for a quarter of them where
 * each takes many times as long, and for all of them in its build without sanitizers. */
static inline unsigned repetitions(unsigned all) {
	return getenv("GUARD_TEST_BRIEFLY") != NULL ? all / 4 : all;
}

#endif
