/* exec, where the system has nothing to make a sandbox of. */
#include "base/diag.h"
#include "cmd/cmd.h"

int cmd_exec(int argc, char **argv) {
	(void)argc, (void)argv;
	diag_error("exec: this system has none of bubblewrap, seccomp and Landlock");
	return 125;
}

int cmd_exec_inside(int argc, char **argv) {
	return cmd_exec(argc, argv);
}
