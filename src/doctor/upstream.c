/* The real agent behind the guard that runs: who else can reach it. */
#include <stdint.h>
#include <string.h>

#include "agent/gpg_conf.h"
#include "config.h"
#include "doctor/look.h"

#define AREA "upstream"

/* Tries what is told of it: everybody is greeted there who may connect. */
static void tell_gpg(struct findings *findings, const char *why) {
	static const char advice[] =
		"gpg needs it; keep keys that the policy is to hold for in the guard's own "
		"ssh-agent (leave --upstream out)";
	CLEANUP(free_pointer) char *path = NULL;
	int error = gpg_conf_agent_socket(&path, GPGCONF_PROGRAM);

	if (error == 0)
		error = look_greets(path, "OK ");
	if (error == 0)
		findings_add(
			findings, GRADE_BAD, AREA, advice,
			"gpg-agent's own socket answers every program of this user, and signs: %s",
			path);
	else
		findings_add(
			findings, GRADE_BAD, AREA, advice,
			"gpg-agent can be reached by other programs of this user (not tried: %s): "
			"%s",
			strerror(-error), why);
}

void look_at_upstream(struct findings *findings, const char *name, const char *why_reachable) {
	if (why_reachable == NULL)
		findings_add(findings, GRADE_OK, AREA, NULL,
		             "only the guard can reach the real agent (%s)", name);
	else if (strcmp(name, "managed:gpg-agent") == 0)
		tell_gpg(findings, why_reachable);
	else if (strcmp(name, "managed") == 0)
		findings_add(findings, GRADE_BAD, AREA,
		             "run the guard outside of user namespaces of its own user, on a "
		             "system that allows them",
		             "other programs of this user can reach the real agent: %s",
		             why_reachable);
	else
		findings_add(findings, GRADE_BAD, AREA,
		             "leave --upstream out, and add your keys to the guard with ssh-add",
		             "other programs of this user can reach the real agent at %s, and so "
		             "go round the guard",
		             name);
}
