/* The real agent behind the guard that runs: who else can reach it. */
#include <string.h>

#include "agent/gpg_conf.h"
#include "agent/upstream_place.h"
#include "config.h"
#include "doctor/contact.h"
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
		error = contact_greets(path, "OK ");
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

/* Which other users get to a foreign agent is told by modes: we are none of them. */
static void tell_others(struct findings *findings, const char *path) {
	CLEANUP(free_pointer) char *why = NULL;
	struct upstream_place place;
	int error = upstream_place_look(&place, &why, path);

	if (error < 0)
		findings_add(findings, GRADE_BAD, AREA,
		             "move the agent into a directory of mode 0700 of your own: see "
		             "docs/upstreams.md",
		             "the real agent at %s may be exchanged by other users: %s", path,
		             why != NULL ? why : strerror(-error));
	else if (place.others_connect)
		findings_add(
			findings, GRADE_BAD, AREA, "chmod 600 the socket and 700 its directory",
			"other users of this machine can connect to the real agent at %s", path);
	else if (place.others_enter && (place.mode & 077) != 0)
		findings_add(findings, GRADE_NOTE, AREA, "chmod 700 the directory",
		             "the directory of the real agent has mode %04o, so nothing but the "
		             "socket's own mode keeps other users out: %s",
		             (unsigned)place.mode, path);
}

static void tell_foreign(struct findings *findings, const char *path) {
	static const char advice[] =
		"leave --upstream out, and add your keys to the guard with ssh-add";
	struct contacted contacted = contact_ask(path);

	if (contacted.what == CONTACT_AGENT)
		findings_add(
			findings, GRADE_BAD, AREA, advice,
			"other programs of this user can reach the real agent, and so go round "
			"the guard: it told doctor of %u key%s at %s",
			contacted.n_keys, contacted.n_keys == 1 ? "" : "s", path);
	else
		findings_add(
			findings, GRADE_BAD, AREA, advice,
			"other programs of this user can reach the real agent at %s, and so go "
			"round the guard (it does not answer now: %s)",
			path, strerror(-contacted.error));
	tell_others(findings, path);
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
		tell_foreign(findings, name);
}
