/* What the system and its programs give. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/contact.h"
#include "doctor/look.h"
#include "platform/platform.h"

#define OUTPUT_LEN_MAX 4096

/* The first bytes of what a command prints; "" where it fails. The command is ours. */
static void output_of(char ret[static OUTPUT_LEN_MAX], const char *command) {
	FILE *output = popen(command, "r");
	size_t len = output != NULL ? fread(ret, 1, OUTPUT_LEN_MAX - 1, output) : 0;

	ret[len] = '\0';
	if (output != NULL)
		pclose(output);
}

static void look_at_openssh(struct findings *findings) {
	char output[OUTPUT_LEN_MAX];
	int major = 0, minor = 0;

	output_of(output, "ssh -V 2>&1");
	output[strcspn(output, ",\n")] = '\0';
	if (sscanf(output, "OpenSSH_%d.%d", &major, &minor) != 2)
		findings_add(findings, GRADE_NOTE, "openssh",
		             "install it (Debian: openssh-client), 8.9 or later",
		             "there is no OpenSSH client here, so destinations will not be proved");
	else if (major < 8 || (major == 8 && minor < 9))
		findings_add(findings, GRADE_BAD, "openssh", "OpenSSH 8.9 and later say so",
		             "%s does not tell an agent where it logs in, so no destination is "
		             "proved",
		             output);
	else
		findings_add(findings, GRADE_OK, "openssh", NULL,
		             "%s tells the agent where it logs in", output);
}

/* The value in lines of NAME=VALUE, ended in place; NULL: it is not there. */
static char *value_of(char *lines, const char *name) {
	size_t len = strlen(name);

	for (char *line = lines; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		if (strncmp(line, name, len) == 0 && line[len] == '=')
			return line + len + 1;
		line = end;
	}
	return NULL;
}

/* What a service manager starts for this user gets its environment from there, not from a shell. */
static void tell_manager(struct findings *findings, const struct look *look, const char *manager,
                         const char *value, const char *advice) {
	if (value == NULL || *value == '\0')
		findings_add(findings, GRADE_NOTE, "session", advice,
		             "programs that %s starts for this user have no SSH_AUTH_SOCK",
		             manager);
	else if (contact_same_place(value, look->socket))
		findings_add(findings, GRADE_OK, "session", NULL,
		             "programs that %s starts for this user use the guard", manager);
	else
		findings_add(
			findings, GRADE_BAD, "session", advice,
			"programs that %s starts for this user go round the guard: SSH_AUTH_SOCK "
			"is %s there",
			manager, value);
}

static void look_at_service_managers(struct findings *findings, const struct look *look) {
	char output[OUTPUT_LEN_MAX];

	output_of(output, "timeout 3 systemctl --user show-environment 2>/dev/null");
	if (*output != '\0') /* one runs for this user */
		tell_manager(findings, look, "systemd", value_of(output, "SSH_AUTH_SOCK"),
		             "SSH_AUTH_SOCK=... in ~/.config/environment.d/ssh-agent-guard.conf");
	output_of(output, "launchctl getenv SSH_AUTH_SOCK 2>/dev/null && echo");
	if (*output != '\0') {
		output[strcspn(output, "\n")] = '\0';
		tell_manager(findings, look, "launchd", output,
		             "launchctl setenv SSH_AUTH_SOCK ..., where your session starts");
	}
}

/* What `exec` and our helpers have to be kept in by. */
static void look_at_sandboxes(struct findings *findings, const struct system_facts *facts) {
	if (facts->takes_profiles)
		findings_add(
			findings, GRADE_NOTE, "exec",
			"before you rely on `ssh-agent-guard exec` here, try in it what it must "
			"not do: see docs/threat-model.md",
			"exec is made of sandbox-exec, which Apple calls deprecated, so that a "
			"later macOS may be without it; it never ran on a Mac before it was "
			"released, and keeps less up than on Linux");
	else if (facts->landlock_abi == 0)
		findings_add(
			findings, GRADE_NOTE, "kernel",
			"on Linux 5.13 and later, have it built with Landlock and named in lsm=",
			"it has no Landlock: what the guard starts to speak with a security key "
			"or to ask in a window has all rights of this user, and exec has "
			"namespaces alone");
	else if (facts->landlock_abi < LANDLOCK_ABI_SOCKETS)
		findings_add(findings, GRADE_NOTE, "kernel",
		             "Linux 7.1 and later can; `ssh-agent-guard exec` hides the sockets on "
		             "older ones",
		             "its Landlock (ABI %d) keeps no program from connecting to a socket: "
		             "a sandbox made of it alone does not protect an agent",
		             facts->landlock_abi);
}

static void look_at_kernel(struct findings *findings) {
	struct system_facts facts;

	platform_system_facts(&facts);
	if (facts.names_writers == TRI_YES)
		findings_add(findings, GRADE_OK, "kernel", NULL,
		             "it names the writer of each message%s",
		             facts.has_pidfd == TRI_YES
		                     ? ", by a handle that no other process can take on"
		                     : "");
	else
		findings_add(
			findings, GRADE_NOTE, "kernel",
			"let no rule allow by an executable what matters: see docs/threat-model.md",
			"it names who connected, not who wrote each message");
	if (facts.names_writers == TRI_YES && facts.has_pidfd != TRI_YES)
		findings_add(findings, GRADE_NOTE, "kernel", "Linux 6.5 and later have handles",
		             "a writer is told from a successor with its number by its start time "
		             "only");
	if (facts.tells_holders == TRI_NO)
		findings_add(
			findings, GRADE_BAD, "kernel",
			"load its module unix_diag, now and when the system starts",
			"it does not tell who holds a connection, so that no program is known by "
			"its executable, and no rule on one allows anything");
	if (facts.hides_directories == TRI_YES)
		findings_add(findings, GRADE_OK, "kernel", NULL,
		             "an agent can be hidden from the other programs of this user");
	else
		findings_add(
			findings, GRADE_BAD, "kernel",
			"on Linux, allow user namespaces (sysctl kernel.unprivileged_userns_clone, "
			"user.max_user_namespaces, "
			"kernel.apparmor_restrict_unprivileged_userns)",
			"an agent cannot be hidden from the other programs of this user");
	if (facts.tracing == TRACING_FREE)
		findings_add(
			findings, GRADE_NOTE, "kernel", "sysctl kernel.yama.ptrace_scope=1",
			"every program of this user may write code into its other programs, an "
			"allowed ssh included");
	look_at_sandboxes(findings, &facts);
}

void look_at_system(struct findings *findings, const struct look *look) {
	look_at_openssh(findings);
	look_at_service_managers(findings, look);
	look_at_kernel(findings);
}
