/* A command line as /proc has it: arguments that end with a NUL. Each program reads it. */
#include <stdlib.h>

#include "caller/ssh_argv.h"

#define WORDS_MAX 256

static void check_text(const char *text, size_t len_max) {
	if (text != NULL && (text[0] == '\0' || strlen(text) > len_max))
		abort();
}

static void check_place(const struct ssh_place *place) {
	check_text(place->user, SSH_NAME_LEN_MAX);
	check_text(place->host, SSH_NAME_LEN_MAX);
}

static void check(const struct ssh_argv *ssh) {
	check_place(&ssh->destination);
	check_text(ssh->host_name, SSH_NAME_LEN_MAX);
	check_text(ssh->host_key_alias, SSH_NAME_LEN_MAX);
	check_text(ssh->control_path, SSH_NAME_LEN_MAX);
	check_text(ssh->git_repo, GIT_REPO_LEN_MAX);
	if (ssh->n_jumps > SSH_JUMPS_MAX)
		abort();
	for (size_t i = 0; i < ssh->n_jumps; i++) {
		check_place(&ssh->jumps[i]);
		if (ssh->jumps[i].host == NULL)
			abort();
	}
	if ((ssh->git_operation != GIT_NONE) != (ssh->git_repo != NULL))
		abort();
	switch (ssh->state) {
	case SSH_ARGV_UNKNOWN:
	case SSH_ARGV_OTHER:
		if (ssh->destination.host != NULL || ssh->destination.user != NULL ||
		    ssh->n_jumps > 0 || ssh->control_path != NULL)
			abort();
		break;
	case SSH_ARGV_LOCAL: break;
	case SSH_ARGV_HOST:
		if (ssh->destination.host == NULL)
			abort();
		break;
	case SSH_ARGV_MASTER:
		if (ssh->control_path == NULL || ssh->destination.host != NULL)
			abort();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
	static const char *const programs[] = {"ssh",   "scp",         "sftp",
	                                       "rsync", "mosh-client", "perl"};
	const char *argv[WORDS_MAX];
	char *text = malloc(size + 1);
	size_t argc = 0;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, input, size);
	text[size] = '\0';
	for (size_t at = 0; at < size && argc < WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct ssh_argv ssh;

		if (ssh_argv_read(&ssh, programs[i], argv, argc, false) < 0)
			continue;
		check(&ssh);
		ssh_argv_deinit(&ssh);
	}
	free(text);
	return 0;
}
