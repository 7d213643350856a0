/* What a child of ours does with its time. */
#include "platform/linux/proc_read.h"
#include "platform/platform.h"

#define SCHEDSTAT_SIZE 128 /* three numbers */

int platform_child_time(struct child_time *ret, pid_t child) {
	CLEANUP(close_fd) int dir_fd = -1;
	char buffer[STAT_SIZE];
	struct child_time time = {0};
	struct proc_stat stat;
	struct bytes text = {0};
	int error = proc_open(&dir_fd, child);

	if (error == 0)
		error = proc_read(&text, dir_fd, "stat", buffer, sizeof(buffer));
	if (error == 0)
		error = proc_stat_parse(&stat, text);
	if (error < 0)
		return error;
	time.wants_processor = stat.state == 'R';
	/* Where the kernel does not count, all that it sleeps and waits is taken for its own. */
	if (proc_read(&text, dir_fd, "schedstat", buffer, sizeof(buffer)) < 0 ||
	    proc_schedstat_parse(&time.ran_ns, &time.waited_ns, text) < 0)
		time.ran_ns = time.waited_ns = 0;
	*ret = time;
	return 0;
}
