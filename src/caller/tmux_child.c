#include "caller/tmux_child.h"

#include <fcntl.h>
#include <unistd.h>

#include "caller/tmux_server.h"
#include "platform/child.h"

static void ask(const struct tmux_claim *claim) {
	CLEANUP(free_pointer) char *program = NULL;
	const char *const words[] = {"display-message",
	                             "-p",
	                             "-t",
	                             claim->pane,
	                             "#{pane_id} #{session_name}:#{window_name}",
	                             NULL};

	if (tmux_server_find(&program, claim->directory, claim->socket) == 0 &&
	    dup2(CHILD_CHANNEL_FD, STDOUT_FILENO) >= 0 &&
	    fcntl(CHILD_CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0)
		tmux_server_become_client(program, claim->socket, words);
}

_Noreturn void tmux_child_run(int fd, const struct tmux_claim *claim, pid_t parent) {
	if (child_begin(fd, parent) == 0)
		ask(claim);
	_exit(1);
}
