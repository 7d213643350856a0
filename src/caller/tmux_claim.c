#include "caller/tmux_claim.h"

#include <stdio.h>
#include <string.h>

#include "caller/environment.h"

#define WINDOW_LEN_MAX 512 /* names that people can read are a fraction of it */

static bool is_pane(const char *text) {
	size_t len = text[0] == '%' ? strspn(text + 1, "0123456789") : 0;

	return len > 0 && text[1 + len] == '\0' && 1 + len < TMUX_PANE_SIZE;
}

/* The path up to the first comma; what follows are numbers of the server's and the session's. */
static bool take_path(char ret[static TMUX_PATH_SIZE], const char *tmux) {
	size_t len = strcspn(tmux, ",");

	if (tmux[len] != ',' || len == 0 || len >= TMUX_PATH_SIZE)
		return false;
	memcpy(ret, tmux, len);
	ret[len] = '\0';
	return true;
}

/* Whether it is a name right in the directory, and none that leads out of it. */
static bool is_in(const char *path, const char *directory) {
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && path[len] == '/' && path[len + 1] != '\0' &&
	       path[len + 1] != '.' && strchr(path + len + 1, '/') == NULL;
}

enum tmux_said tmux_claim_words(struct tmux_claim *ret, const struct caller *caller) {
	const unsigned needed = APART_MNT | APART_NET | APART_PID | APART_USER;
	const char *tmux = caller_env(caller, "TMUX");
	const char *pane = caller_env(caller, "TMUX_PANE");

	if (caller->env == NULL || caller->state != CALLER_IDENTIFIED)
		return TMUX_USELESS;
	if (tmux == NULL || *tmux == '\0')
		return TMUX_NOTHING;
	if (((caller->apart | caller->apart_unknown) & needed) != 0 || pane == NULL ||
	    !is_pane(pane) || !take_path(ret->socket, tmux))
		return TMUX_USELESS;
	snprintf(ret->pane, sizeof(ret->pane), "%s", pane);
	return TMUX_PANE;
}

enum tmux_said tmux_claim_of(struct tmux_claim *ret, const struct caller *caller,
                             const char *const *directories, size_t n_directories) {
	enum tmux_said said = tmux_claim_words(ret, caller);

	if (said != TMUX_PANE)
		return said;
	for (size_t i = 0; i < n_directories; i++) {
		if (!is_in(ret->socket, directories[i]))
			continue;
		snprintf(ret->directory, sizeof(ret->directory), "%s", directories[i]);
		return TMUX_PANE;
	}
	return TMUX_USELESS;
}

char *tmux_window_of(const char *answer, size_t len, const char *pane) {
	const char *end = len > 0 ? memchr(answer, '\n', len) : NULL;
	size_t pane_len = strlen(pane);

	if (end == NULL || end + 1 != answer + len || len > WINDOW_LEN_MAX ||
	    memchr(answer, '\0', len) != NULL)
		return NULL;
	if (len < pane_len + 1 || memcmp(answer, pane, pane_len) != 0 || answer[pane_len] != ' ')
		return NULL;
	answer += pane_len + 1;
	return answer < end ? strndup(answer, (size_t)(end - answer)) : NULL;
}
