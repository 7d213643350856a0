/* That what is secret is not left to a child that was forked for something else. */
#include "base/secret.h"

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define SIZE 64

/* Whether a child sees the secret where we do. */
static bool child_sees(const char *secret, const char *word) {
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(memcmp(secret, word, strlen(word)) == 0 && secret_inherit(secret, SIZE) == 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void only_the_child_that_it_is_for_has_it(void **state) {
	char *secret = secret_new(SIZE);

	(void)state;
	assert_non_null(secret);
	strcpy(secret, "1234");
	assert_false(child_sees(secret, "1234"));
	secret_bequeath(secret, SIZE);
	assert_true(child_sees(secret, "1234"));
	assert_string_equal(secret, "1234");
	secret_free(secret, SIZE);
	secret_free(NULL, SIZE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_child_that_it_is_for_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
