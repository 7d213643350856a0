#include "caller/git_command.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

static const char *const programs[] = {
	[GIT_FETCH] = "git-upload-pack",
	[GIT_PUSH] = "git-receive-pack",
	[GIT_ARCHIVE] = "git-upload-archive",
};

/* Letters that mean themselves to every shell. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+,@%"

static enum git_operation operation_of(const char *program, size_t len) {
	struct bytes whole = {(const uint8_t *)program, len};
	const uint8_t *slash = bytes_last(whole, '/');
	size_t path_len = slash != NULL ? (size_t)(slash - whole.data) + 1 : 0;

	for (int i = GIT_FETCH; i <= GIT_ARCHIVE; i++)
		if (len - path_len == strlen(programs[i]) &&
		    memcmp(program + path_len, programs[i], len - path_len) == 0)
			return (enum git_operation)i;
	return GIT_NONE;
}

/* Undoes git's sq_quote_buf(), which writes ' and ! as '\'' and '\!'. repo has room for all of
 * quoted. false: git has not written that. */
static bool unquote(char *repo, const char *quoted) {
	if (*quoted++ != '\'')
		return false;
	for (;;) {
		while (*quoted != '\'' && *quoted != '\0')
			*repo++ = *quoted++;
		if (*quoted++ == '\0')
			return false;
		if (*quoted == '\0')
			break;
		if (quoted[0] != '\\' || (quoted[1] != '\'' && quoted[1] != '!') ||
		    quoted[2] != '\'')
			return false;
		*repo++ = quoted[1];
		quoted += 3;
	}
	*repo = '\0';
	return true;
}

int git_command_read(enum git_operation *ret, char **ret_repo, const char *command) {
	CLEANUP(free_pointer) char *repo = NULL;
	size_t program_len = strspn(command, PLAIN);
	enum git_operation operation = operation_of(command, program_len);
	const char *quoted = command + program_len + 1;
	size_t len;

	*ret = GIT_NONE;
	*ret_repo = NULL;
	if (operation == GIT_NONE || command[program_len] != ' ')
		return 0;
	len = strnlen(quoted, GIT_REPO_LEN_MAX + 1);
	if (len > GIT_REPO_LEN_MAX)
		return 0;
	repo = malloc(len + 1);
	if (repo == NULL)
		return -ENOMEM;
	if (!unquote(repo, quoted) || repo[0] == '\0')
		return 0;
	*ret = operation;
	*ret_repo = TAKE(repo);
	return 0;
}
