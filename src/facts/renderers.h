/* What the guard renders its status with, as a policy says. */
#ifndef FACTS_RENDERERS_H
#define FACTS_RENDERERS_H

#include <stdbool.h>
#include <stddef.h>

#define COMMANDS_MAX 4  /* of one policy: each is a process, with what it starts */
#define WRITES_MAX   16 /* directories of one command; a renderer has one or two */

/* A program that is started when the status has changed. All is owned. */
struct renderer_command {
	char **words;  /* its absolute path, its arguments and a NULL */
	char **writes; /* directories below which it may change files, and a NULL; NULL: none */
};

/* Zeroed memory: nothing is rendered. */
struct renderers_settings {
	bool tmux;     /* the option @ssh_ag_status of the user's tmux servers */
	bool i3status; /* STATE/i3status, of pango's markup */
	struct renderer_command commands[COMMANDS_MAX];
	size_t n_commands;
};

#endif
