#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/renderer_command.h"
#include "agent/renderers_parts.h"

#define COMMAND_LIMIT_S 10.
#define COMMAND_PAUSE_S 0.5  /* a shell script with what it runs takes some 50 ms of a processor */
#define LINGER_S        180. /* a script may clear after a minute what it has shown */

static const struct renderer_command *command_of(const struct renderers_command *command) {
	return &renderers_settings_of(command->renderers)->commands[command->index];
}

static void run_command(void *data, int report_fd, pid_t parent) {
	const struct renderers_command *command = data;

	renderer_command_run(command_of(command), command->renderers->guard->state_fd, report_fd,
	                     parent);
}

static const char *why_failed(char ret[static 64], int status) {
	if (!WIFEXITED(status)) {
		snprintf(ret, 64, "was ended by signal %d", WTERMSIG(status));
		return ret;
	}
	switch (WEXITSTATUS(status)) {
	case 0: return NULL;
	case COMMAND_NO_STATUS: return "the status cannot be put into ~/.local/state/ssh-ag";
	case COMMAND_NOT_RUN: return "cannot be run (see the policy)";
	default: snprintf(ret, 64, "ended with exit status %d", WEXITSTATUS(status)); return ret;
	}
}

static void on_command(void *data, const uint8_t *bytes, size_t len, bool killed) {
	struct renderers_command *command = data;
	const char *name = command_of(command)->words[0];
	char text[64];
	const char *why;
	int status;

	if (killed) {
		snprintf(text, sizeof(text), "is ended, because it took longer than %d s",
		         (int)COMMAND_LIMIT_S);
		why = text;
	} else if (len != sizeof(status)) {
		why = "could not be started";
	} else {
		memcpy(&status, bytes, sizeof(status));
		why = why_failed(text, status);
	}
	if (why != NULL)
		renderers_complain(command->renderers, &command->complaint, name, why);
	else
		renderers_render_well(command->renderers, &command->complaint);
}

void renderers_commands_due(struct renderers *renderers, bool urgent) {
	for (size_t i = 0; i < renderers->n_commands; i++)
		renderer_due(renderers->commands[i].renderer, urgent);
}

void renderers_commands_end(struct renderers *renderers) {
	for (size_t i = 0; i < renderers->n_commands; i++) {
		struct renderers_command *command = &renderers->commands[i];

		if (renderers->failed == &command->complaint)
			renderers->failed = NULL;
		renderer_free(command->renderer);
		*command = (struct renderers_command){0};
	}
	renderers->n_commands = 0;
}

int renderers_commands_begin(struct renderers *renderers) {
	size_t n_commands = renderers_settings_of(renderers)->n_commands;

	for (size_t i = 0; i < n_commands; i++) {
		struct renderers_command *command = &renderers->commands[i];
		const struct renderer_calls calls = {
			.run = run_command,
			.reported = on_command,
			.data = command,
			.limit_s = COMMAND_LIMIT_S,
			.pause_s = COMMAND_PAUSE_S,
			.linger_s = LINGER_S,
		};
		int error;

		*command = (struct renderers_command){.renderers = renderers, .index = i};
		error = renderer_new(&command->renderer, renderers->guard->loop, &calls);
		if (error < 0)
			return error;
		renderers->n_commands++;
	}
	return 0;
}

static bool same_words(char *const *a, char *const *b) {
	size_t i = 0;

	if (a == NULL || b == NULL)
		return a == b;
	while (a[i] != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0)
		i++;
	return a[i] == NULL && b[i] == NULL;
}

bool renderers_same_commands(const struct renderers_settings *a,
                             const struct renderers_settings *b) {
	if (a->n_commands != b->n_commands)
		return false;
	for (size_t i = 0; i < a->n_commands; i++)
		if (!same_words(a->commands[i].words, b->commands[i].words) ||
		    !same_words(a->commands[i].writes, b->commands[i].writes))
			return false;
	return true;
}
