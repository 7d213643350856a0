#include "cmd/in_force.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "agent/lock.h"
#include "agent/lock_file.h"
#include "base/diag.h"
#include "log/status.h"

void in_force_find(struct in_force *ret, struct places *places) {
	CLEANUP(buffer_deinit) struct buffer status = {0};
	char path[PATH_MAX];
	int result = control_ask(&status, places->control, "status", false);
	char *taken;

	*ret = (struct in_force){0};
	if (result == -ENOENT || result == -ECONNREFUSED) {
		diag_info("no guard runs at %s: this is about %s", places->socket, places->policy);
		return;
	}
	if (result != 0) {
		diag_info("the guard at %s does not tell which policy it goes by (%s): this is "
		          "about %s",
		          places->socket, result == 1 ? "it refused" : strerror(-result),
		          places->policy);
		return;
	}
	if (!status_path(path, sizeof(path), buffer_bytes(&status), "policy") ||
	    (taken = strdup(path)) == NULL) {
		diag_info("the guard at %s has no policy file, or one whose name it cannot tell: "
		          "this is about %s",
		          places->socket, places->policy);
		return;
	}
	free(places->policy);
	places->policy = taken;
	status_value(ret->sha256, sizeof(ret->sha256), buffer_bytes(&status), "config_sha256");
	diag_info("the guard at %s goes by %s, SHA-256 %s", places->socket, places->policy,
	          ret->sha256);
}

static bool is_other(const struct in_force *in_force, const struct policy *policy) {
	return in_force->sha256[0] != '\0' && strcmp(in_force->sha256, policy_sha256(policy)) != 0;
}

void in_force_compare(const struct in_force *in_force, const struct policy *policy) {
	if (is_other(in_force, policy))
		diag_info("%s says something else, SHA-256 %s, which the guard has not loaded "
		          "(yet): this is about the file (see `ssh-agent-guard status`)",
		          policy_path(policy), policy_sha256(policy));
}

int in_force_load(struct policy **ret, const struct in_force *in_force, const struct places *places,
                  const struct policy *floor, struct problems *problems) {
	struct policy *policy = NULL;
	int error = lock_peek(&policy, places->state, floor, problems);

	/* A guard with a state directory of its own has accepted another one, if any. */
	if (error == 0 && is_other(in_force, policy)) {
		policy_unref(policy);
		error = -ENOENT;
	} else if (error == 0) {
		diag_info("the policy is locked: this is about the one that was accepted (%s/%s)",
		          places->state, LOCK_FILE);
	}
	if (error == -ENOENT) {
		error = policy_load(&policy, places->policy, problems);
		if (error == 0)
			in_force_compare(in_force, policy);
	}
	if (error == 0)
		*ret = policy;
	return error;
}
