/* The subcommands: each takes argv from its own name on, and returns the exit status. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#define EXIT_DONE   0
#define EXIT_FAILED 1 /* a check failed, or a request was denied */
#define EXIT_USAGE  2 /* wrong usage or unreadable input */

int cmd_run(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_panic(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_pending(int argc, char **argv);
int cmd_confirm(int argc, char **argv);
int cmd_deny(int argc, char **argv);
int cmd_grants(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_exec(int argc, char **argv);
/* What exec runs in the sandbox; no command of a person's. */
#define EXEC_INSIDE "exec-inside"
int cmd_exec_inside(int argc, char **argv);

#endif
