/* What the guard's own process and its program keep from the other programs of its user. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/look.h"
#include "platform/platform.h"

#define PROCESS "process"
#define INSTALL "install"

static const char *const agents[] = {"ssh-agent", "gpg-agent"};

static void tell_taken(struct findings *findings, const char *whose,
                       const struct keeping *keeping) {
	if (keeping->taken != NULL)
		findings_add(
			findings, GRADE_BAD, PROCESS,
			"start the guard outside of user namespaces of its own user; where that "
			"is so, tell its developers",
			"other programs of this user can take %s of %s", keeping->taken, whose);
}

static void tell_filter(struct findings *findings, const struct keeping *keeping) {
	if (keeping->filters_calls && keeping->no_new_privileges)
		findings_add(findings, GRADE_OK, PROCESS, NULL,
		             "the guard runs under a filter of system calls, and gets no new "
		             "privileges");
	else
		findings_add(
			findings, GRADE_NOTE, PROCESS,
			"a kernel with CONFIG_SECCOMP_FILTER; see what the guard says when it "
			"starts",
			"the guard runs %s: whoever took it over could do all that this user can",
			keeping->filters_calls ? "without the promise of no new privileges"
					       : "without a filter of system calls");
}

void look_into_guard(struct findings *findings, pid_t guard) {
	struct keeping keeping, of_agent;
	const char *name = NULL;
	pid_t agent;

	if (platform_try_to_take(&keeping, guard) < 0)
		return;
	tell_filter(findings, &keeping);
	if (geteuid() == 0) {
		findings_add(findings, GRADE_NOTE, PROCESS,
		             "run doctor as an ordinary user, to have it tried",
		             "root is let into every process, so nobody can tell from here what "
		             "the guard keeps from others");
		return;
	}
	tell_taken(findings, "the guard", &keeping);
	for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]) && name == NULL; i++)
		if (platform_child_called(&agent, guard, agents[i]) == 0 &&
		    platform_try_to_take(&of_agent, agent) == 0)
			name = agents[i];
	if (name != NULL)
		tell_taken(findings, name, &of_agent);
	if (keeping.taken == NULL && (name == NULL || of_agent.taken == NULL))
		findings_add(
			findings, GRADE_OK, PROCESS, NULL,
			"nothing can be taken of the guard%s%s: memory, descriptors, directory "
			"and environment were tried",
			name != NULL ? " and its " : "", name != NULL ? name : "");
}

static void tell_open(struct findings *findings, const char *path, const struct stat *status) {
	static const char advice[] = "have root own it, set-gid to a group of its own: chown "
				     "root:ssh-agent-guard, chmod "
				     "2711 (see README.md)";

	if (status->st_uid == 0 && (status->st_mode & S_ISGID) != 0)
		findings_add(
			findings, GRADE_BAD, INSTALL,
			"take the file system's nosuid away, or make the group one that nobody "
			"is in; and run nothing of it under no_new_privs",
			"the program is set-gid, and the system does not heed that here, so that "
			"whoever starts it can have foreign code loaded: %s",
			path);
	else if (status->st_uid == geteuid() && geteuid() != 0)
		findings_add(findings, GRADE_NOTE, INSTALL, advice,
		             "every program of this user can change the guard's program, or have "
		             "foreign code loaded when it starts: %s",
		             path);
	else
		findings_add(
			findings, GRADE_NOTE, INSTALL, advice,
			"whoever starts the guard can have foreign code loaded (LD_PRELOAD): %s",
			path);
}

void look_at_install(struct findings *findings) {
	CLEANUP(free_pointer) char *path = NULL;
	struct stat status;

	if (platform_is_installed_closed())
		findings_add(findings, GRADE_OK, INSTALL, NULL,
		             "root installed the program set-gid: nothing is loaded that its "
		             "environment names, and it is closed from its first instruction on");
	else if (platform_own_program(&path) == 0 && stat(path, &status) == 0)
		tell_open(findings, path, &status);
}
