/* The child that sets an option in each of the user's tmux servers. */
#ifndef AGENT_RENDERER_TMUX_H
#define AGENT_RENDERER_TMUX_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "caller/tmux_server.h"

#define TMUX_OPTION      "@ssh_ag_status"
#define TMUX_SERVERS_MAX 8   /* that are told; more nobody looks at */
#define TMUX_ANSWER_MS   800 /* one that answers does so in 5; on a busy machine in some 100 */

/* What the child reports. Servers are known by the inodes of their sockets. */
struct tmux_report {
	uint32_t n_failed; /* clients that ended with an error, or could not be confined */
	uint32_t n_hung;
	uint64_t hung[TMUX_SERVERS_MAX];
};

/* What it is to do. All is borrowed. */
struct tmux_task {
	const struct tmux_directories *directories;
	const char *value; /* of the option; a format, in which nothing is a stranger's to say */
	const uint64_t *passed_over; /* servers that did not answer a moment ago */
	size_t n_passed_over;
};

/* For renderer_calls.run. Each server has a process of its own, which looks who serves the socket,
 * and becomes a client that can change no file; none waits for another. */
_Noreturn void renderer_tmux_run(const struct tmux_task *task, int report_fd, pid_t parent);

#endif
