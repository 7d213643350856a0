/*
 * The servers of the user's own tmux: where their sockets lie, who serves one, and how to become a
 * client of it. A false server can have its client write files and run programs, so nothing is said
 * to one that is not root's tmux, in the user's own directory, in our namespaces.
 *
 * All but the directories is for a child: each of it may wait for as long as a server likes.
 */
#ifndef CALLER_TMUX_SERVER_H
#define CALLER_TMUX_SERVER_H

#include <stddef.h>

#include "base/cleanup.h"

#define TMUX_DIRECTORIES 2

/* Where the user's tmux has its sockets: below /tmp, and as TMUX_TMPDIR has it. */
struct tmux_directories {
	char *paths[TMUX_DIRECTORIES]; /* owned */
	size_t n_paths;
};

int tmux_directories_init(struct tmux_directories *directories) MUST_CHECK;
void tmux_directories_deinit(struct tmux_directories *directories);

/* The directory is the user's own, and closed to all others, down from the root. */
int tmux_directory_check(const char *path) MUST_CHECK;

/* *ret is the executable of whoever serves the socket in that directory, if it is to be spoken
 * with. The connection is made to learn that, and nothing is said on it. */
int tmux_server_find(char **ret, const char *directory, const char *socket) MUST_CHECK;

/* Becomes a client of that server, which can change no file; what it says goes to our standard
 * output. words: a command of tmux, ended by NULL. Returns where that fails. */
void tmux_server_become_client(const char *program, const char *socket, const char *const words[]);

#endif
