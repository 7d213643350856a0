/* What bubblewrap hides on Linux, a profile of macOS's sandbox hides as well: of one home and one
 * plan, as they are found on the disk. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge.h"
#include "sandbox/bubblewrap.h"
#include "sandbox/plan.h"
#include "sandbox/seatbelt.h"

static char home[] = "/tmp/sag-both-XXXXXX";

static const char make_home[] =
	"cd \"$1\" && mkdir -p .ssh .gnupg/private-keys-v1.d work/.git/modules/a "
        "work/.git/worktrees/b "
	"other dotfiles .config/ssh-agent-guard .local/state/ssh-agent-guard run && "
	"touch .ssh/id_ed25519 .ssh/id_ed25519.pub .ssh/config .ssh/known_hosts dotfiles/key "
	".config/ssh-agent-guard/policy.yaml work/.git/HEAD work/.git/modules/a/HEAD && "
	"ln -s ../dotfiles/key .ssh/linked";

struct found {
	char *work, *other, *policy, *state, *runtime, *program, *socket;
};

static char *below(const char *name) {
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", home, name) > 0);
	return path;
}

static void find(struct found *found) {
	*found = (struct found){below("work"),
	                        below("other"),
	                        below(".config/ssh-agent-guard/policy.yaml"),
	                        below(".local/state/ssh-agent-guard"),
	                        below("run"),
	                        below("bin/ssh-agent-guard"),
	                        below("run/exec-x/agent.sock")};
}

static void found_deinit(struct found *found) {
	free(found->work);
	free(found->other);
	free(found->policy);
	free(found->state);
	free(found->runtime);
	free(found->program);
	free(found->socket);
}

static bool both(const struct sbpl_node *profile, const char *operation, const char *path) {
	const struct sbpl_object object = {.path = path};
	bool last = sbpl_allows(profile, SBPL_LAST_RULE, operation, &object);

	assert_int_equal(sbpl_allows(profile, SBPL_SPECIAL_FIRST, operation, &object), last);
	return last;
}

/* What is mounted last at a path, or above it, which hides what was mounted there before. */
static const char *mounted_last(const struct words *words, const char *path) {
	const char *how = NULL;

	for (size_t i = 0; i + 1 < words->count; i++) {
		if (strcmp(words->items[i], "--tmpfs") == 0 &&
		    path_is_below(path, words->items[i + 1]))
			how = "nothing";
		if (i + 2 >= words->count || !path_is_below(path, words->items[i + 2]))
			continue;
		if (strcmp(words->items[i], "--bind") == 0)
			how = "writable";
		if (strcmp(words->items[i], "--ro-bind") == 0)
			how = strcmp(words->items[i + 1], "/dev/null") == 0 ? "nothing"
			                                                    : "readable";
	}
	return how;
}

static void compare(const struct words *words, const struct sbpl_node *profile, const char *path,
                    size_t *n_hidden) {
	const char *how = mounted_last(words, path);
	CLEANUP(free_pointer) char *inside = NULL;

	assert_non_null(how);
	assert_true(asprintf(&inside, "%s/x", path) > 0);
	assert_int_equal(both(profile, "file-read-data", inside), strcmp(how, "nothing") != 0);
	assert_int_equal(both(profile, "file-read-data", path), strcmp(how, "nothing") != 0);
	assert_int_equal(both(profile, "file-write-data", inside), strcmp(how, "writable") == 0);
	assert_false(both(profile, "file-write-unlink", path)); /* as a mount is not moved */
	*n_hidden += strcmp(how, "nothing") == 0;
}

static void a_home_looks_the_same(bool private_home) {
	CLEANUP(found_deinit) struct found found;
	CLEANUP(words_deinit) struct words words = {0};
	CLEANUP(listed_deinit) struct listed listed = {0};
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	char *why = NULL;
	size_t n_hidden = 0;

	find(&found);
	struct plan plan = {.home = home,
	                    .cwd = found.work,
	                    .policy = found.policy,
	                    .state = found.state,
	                    .runtime = found.runtime,
	                    .program = found.program,
	                    .socket = found.socket,
	                    .writable = {{found.other}, 1},
	                    .private_home = private_home};
	const struct seatbelt seatbelt = {.view = &view,
	                                  .socket = found.socket,
	                                  .scratch = "/scratch",
	                                  .program = found.program};

	assert_int_equal(plan_check(&why, &plan), 0);
	assert_int_equal(listed_init(&listed, &plan), 0);
	assert_int_equal(bubblewrap_words(&words, &why, &plan, &listed, 9), 0);
	assert_int_equal(plan_view(&view, &why, &plan), 0);
	assert_int_equal(seatbelt_profile(&text, &why, &seatbelt), 0);
	assert_int_equal(sbpl_read(&profile, buffer_bytes(&text)), 0);
	for (size_t i = 0; i + 1 < words.count; i++) {
		size_t path_at = strcmp(words.items[i], "--tmpfs") == 0 ? i + 1 : i + 2;

		if (strcmp(words.items[i], "--tmpfs") != 0 &&
		    strcmp(words.items[i], "--bind") != 0 &&
		    strcmp(words.items[i], "--ro-bind") != 0)
			continue;
		if (path_at < words.count && path_is_below(words.items[path_at], home))
			compare(&words, &profile, words.items[path_at], &n_hidden);
	}
	/* .ssh, the key outside it, .gnupg, the policy and its directory, state and sockets */
	assert_true(n_hidden >= 7);
}

static void what_is_hidden_there_is_hidden_here(void **state) {
	(void)state;
	a_home_looks_the_same(false);
	a_home_looks_the_same(true);
}

static int set_up(void **state) {
	CLEANUP(free_pointer) char *command = NULL;

	(void)state;
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("GNUPGHOME");
	if (mkdtemp(home) == NULL || asprintf(&command, "set -- %s; %s", home, make_home) < 0)
		return -1;
	return system(command);
}

static int tear_down(void **state) {
	CLEANUP(free_pointer) char *command = NULL;

	(void)state;
	return asprintf(&command, "rm -r %s", home) < 0 ? -1 : system(command);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_hidden_there_is_hidden_here),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
